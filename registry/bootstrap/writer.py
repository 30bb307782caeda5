"""The writer's process: requests from the API workers' sockets, rounds, answers (DESIGN §7).

One thread and no asyncio: measured, any busy neighbour thread costs the commit loop more than all
that it could do beside it.

    python -m registry.bootstrap.writer DATA --life FD --status FD --socket FD …
"""

import gc
import signal
import sys

from registry.bootstrap.data import DataDirectory, SystemClock, locked
from registry.bootstrap.life import Child, EndSignal, parse_child, report
from registry.chain import ed25519
from registry.chain.errors import TanbuError
from registry.store.database import open_for_writing
from registry.store.log import SqlLogStore
from registry.writer.commit import Writer
from registry.writer.loop import CommitLoop


def run(child: Child) -> None:
    """Commit until the parent has gone or asks to end; raises if the writer must stop."""
    end = EndSignal(signal.SIGTERM)
    ed25519.self_check()
    data = DataDirectory(child.data)
    with locked(data):
        engine = open_for_writing(data.database)
        store = SqlLogStore(engine)
        writer = Writer(store, SystemClock())
        loop = CommitLoop(writer.commit, child.sockets, stop=(child.life, end.fileno()))
        # What is loaded now stays for ever; what a round makes is gone after it.
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 20, 100)
        child.say_ready()
        loop.run()
        store.fold()
        store.close()
        engine.dispose()


def main(arguments: list[str]) -> int:
    """Run, and say in one line why it could not go on."""
    try:
        run(parse_child(arguments))
    except TanbuError as error:
        return report("writer", error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
