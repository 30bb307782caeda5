"""The publisher's process: each second, if the log has grown, a new checkpoint (DESIGN §7).

It alone reads the log's private keys.

    python -m registry.bootstrap.publisher DATA --life FD --status FD [--alone]
"""

import gc
import select
import signal
import sys
import time
from contextlib import closing

from registry.bootstrap.data import DataDirectory, SystemClock
from registry.bootstrap.life import Child, EndSignal, parse_child, report
from registry.bootstrap.publishing import check_keys, make_publisher
from registry.chain.errors import TanbuError
from registry.signers.logkeys import FileSigner
from registry.store.database import open_for_writing
from registry.store.publication import SqlPublicationStore
from registry.writer.publish import Publisher

PERIOD_S = 1.0


def run(child: Child) -> None:
    """Publish until the parent has gone or asks to end, and once more then."""
    end = EndSignal(signal.SIGTERM)
    data = DataDirectory(child.data)
    signer = FileSigner(data.keys, SystemClock().now_ms)
    engine = open_for_writing(data.database)
    with closing(SqlPublicationStore(engine)) as store:
        check_keys(store, signer)
        publisher = make_publisher(store, data, signer)
        publisher.open(alone=child.alone)
        gc.collect()
        gc.freeze()
        child.say_ready()
        _publish_until_told(publisher, (child.life, end.fileno()))
        publisher.step()
    engine.dispose()


def _publish_until_told(publisher: Publisher, stop: tuple[int, int]) -> None:
    next_s = time.monotonic()
    while True:
        publisher.step()
        # A step that took longer than a second is followed by the next one at once, not by two.
        next_s = max(next_s + PERIOD_S, time.monotonic())
        wait_s = next_s - time.monotonic()
        if select.select(stop, (), (), max(0.0, wait_s))[0]:
            return


def main(arguments: list[str]) -> int:
    """Run, and say in one line why it could not go on."""
    try:
        run(parse_child(arguments))
    except TanbuError as error:
        return report("publisher", error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
