"""The service under the sample, in a process of its own that ends when the sample does.

    python -m registry.sample.serving DATA PORT LIFE_FD

The sample holds the other end of a pipe; when it closes, even by SIGKILL, the supervisor gets the
signal that asks it to end. Refuses to know: what is played.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from registry.bootstrap.life import report
from registry.bootstrap.supervisor import Refused, serve
from registry.chain.errors import TanbuError

HOST = "127.0.0.1"
WORKERS = 1
"""The sample has one user: one API worker is enough."""


def main(arguments: list[str]) -> int:
    """Serve until the sample ends."""
    data, port, life = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    threading.Thread(target=_end_with, args=(life,), daemon=True).start()
    try:
        return serve(data, host=HOST, port=port, workers=WORKERS, alone=False, say=_say)
    except Refused as refused:
        return refused.code
    except TanbuError as error:
        return report("serve", error)


def _end_with(life: int) -> None:
    """Ask this process to end once the other end of the pipe has gone."""
    os.read(life, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _say(text: str) -> None:
    """Say nothing: the sample itself tells where the service is."""
    del text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
