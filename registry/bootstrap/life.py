"""How the processes of one service live and end together.

Rules
- a child reads from a pipe whose other end only its parent holds: when it closes, for whatever
  reason, the child ends
- a child writes one line to a pipe when it is ready; the parent reads its end there too
- SIGTERM asks for an orderly end; SIGINT is the terminal's word to the parent, not to children
- an error is one line on stderr: `tanbu: <who>: what — where — what to do`
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from registry.chain.errors import Malformed, TanbuError, Unavailable

READY = b"ready\n"


@dataclass(frozen=True, slots=True)
class Child:
    """What a child process gets from its parent."""

    data: Path
    life: int
    """It can be read from only when the parent has gone."""
    status: int
    sockets: tuple[int, ...]
    alone: bool

    def say_ready(self) -> None:
        """Tell the parent that work can begin."""
        os.write(self.status, READY)


def parse_child(arguments: Sequence[str]) -> Child:
    """The arguments of a child process; ends with a usage message if they are not."""
    parser = argparse.ArgumentParser(description="Started by tanbu serve; not by hand.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--life", type=int, required=True)
    parser.add_argument("--status", type=int, required=True)
    parser.add_argument("--socket", type=int, action="append", default=[])
    parser.add_argument("--alone", action="store_true")
    found = parser.parse_args(arguments)
    return Child(found.data, found.life, found.status, tuple(found.socket), found.alone)


def child_arguments(child: Child) -> list[str]:
    """The other way round."""
    words = [str(child.data), "--life", str(child.life), "--status", str(child.status)]
    for handle in child.sockets:
        words += ["--socket", str(handle)]
    return [*words, "--alone"] if child.alone else words


class EndSignal:
    """Signals that ask for an orderly end, as something to select on; SIGINT else is ignored."""

    def __init__(self, *signals: signal.Signals) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        if signal.SIGINT not in signals:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in signals:
            signal.signal(number, _nothing)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def fileno(self) -> int:
        """Readable once a signal has come."""
        return self._reader


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """The wake-up pipe says it all."""


def report(who: str, error: TanbuError) -> int:
    """Say in one line on stderr why a process ends; its exit code."""
    parts = (" ".join(error.message.split()), error.where, error.todo)
    sys.stderr.write(f"tanbu: {who}: {' — '.join(part for part in parts if part)}\n")
    sys.stderr.flush()
    if isinstance(error, Malformed):
        return 2
    return 3 if isinstance(error, Unavailable) else 1
