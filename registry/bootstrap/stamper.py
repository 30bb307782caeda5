"""The stamper's process: asks time-stamping authorities, and keeps what they say (RFC 3161).

A process of its own, and only where authorities are configured: whatever they answer, however long
they take, the writer and the publisher do not wait for it, and go on if this process ends.

    python -m registry.bootstrap.stamper DATA --life FD --status FD
"""

import os
import select
import signal
import sys
import threading
import time
from contextlib import closing

from registry.bootstrap.data import DataDirectory, SystemClock, stamping
from registry.bootstrap.life import Child, parse_child, report
from registry.bootstrap.stamping import read_authorities
from registry.chain.errors import TanbuError, Unavailable
from registry.service.stamping import Stamper
from registry.settings import read_settings
from registry.store.database import open_for_writing
from registry.store.stamps import SqlStampStore

PERIOD_S = 1.0
"""How often it looks whether somebody is to be asked."""
WHO = "stamper"


def run(child: Child) -> None:
    """Ask until the parent has gone or asks to end: then at once, also amid a question."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    threading.Thread(target=_end_with_parent, args=(child.life,), daemon=True).start()
    data = DataDirectory(child.data)
    interval_ms = read_settings(data=data.root).stamp_interval_s * 1000
    engine = open_for_writing(data.database)
    with closing(SqlStampStore(engine)) as store:
        stamper = Stamper(store, read_authorities(data), interval_ms, SystemClock().now_ms)
        child.say_ready()
        while True:
            _look(data, stamper)
            time.sleep(PERIOD_S)


def _end_with_parent(life: int) -> None:
    select.select((life,), (), ())
    os._exit(0)


def _look(data: DataDirectory, stamper: Stamper) -> None:
    """One round; a line for each authority that was asked."""
    try:
        with stamping(data):
            for outcome in stamper.step():
                if outcome.fault is not None:
                    report(f"{WHO}: {outcome.authority}", outcome.fault)
                elif outcome.stamped is not None:
                    sys.stderr.write(
                        f"tanbu: {WHO}: {outcome.authority} has stamped the checkpoint of size "
                        f"{outcome.stamped.size}\n"
                    )
    except Unavailable:
        return  # `tanbu stamp ask` is at work; the next round sees what it has kept


def main(arguments: list[str]) -> int:
    """Run, and say in one line why it could not go on."""
    try:
        run(parse_child(arguments))
    except TanbuError as error:
        return report(WHO, error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
