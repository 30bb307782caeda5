"""Commands run as a user would run them, but without a network.

Where the machine allows it, the command runs in a network namespace of its own that has no way out
(`unshare -rn`); else Python's sockets are blocked before the command is loaded.

Refuses to know: what the command is.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 300.0
_BLOCKED = """
import runpy, socket, sys
def blocked(*_, **__):
    raise OSError("sockets are blocked here")
socket.socket.connect = socket.socket.connect_ex = socket.socket.bind = blocked
socket.create_connection = socket.getaddrinfo = blocked
sys.argv[0] = "tanbu"
runpy.run_module("registry.cli", run_name="__main__")
"""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


def tanbu() -> list[str]:
    """The words by which this installation's command line is called; short from here."""
    script = Path(sys.executable).with_name("tanbu")
    if not script.exists():
        return [sys.executable, "-m", "registry.cli"]
    return [shown(script)]


def shown(path: Path) -> str:
    """A path as one would type it: from the working directory where it lies below it."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def python() -> list[str]:
    """This interpreter, which takes no module from the working directory."""
    return [sys.executable, "-P"]


def environment() -> dict[str, str]:
    """Our environment, for a process that finds the same modules."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


class Sandbox:
    """A way to run the command line without a network; `how` says which."""

    def __init__(self) -> None:
        unshare = shutil.which("unshare")
        self._unshare = [unshare, "-rn"] if unshare is not None and _works(unshare) else []
        self.how = "unshare -rn" if self._unshare else "blocked sockets"

    def run(self, arguments: Sequence[str]) -> Done:
        """Run `tanbu` with arguments, without a network."""
        if self._unshare:
            words = [*self._unshare, *python(), "-m", "registry.cli", *arguments]
        else:
            words = [*python(), "-c", _BLOCKED, *arguments]
        done = subprocess.run(
            words,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=environment(),
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)


def _works(unshare: str) -> bool:
    """True if this machine lets an ordinary user make a network namespace."""
    try:
        done = subprocess.run(
            [unshare, "-rn", "true"], capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except OSError:
        return False
    return done.returncode == 0
