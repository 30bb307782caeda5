"""Progress of long work, on stderr: a bar on a terminal, else a line now and then.

Refuses to know: what the work is.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from registry.cli.shell import current, note

LINE_EVERY_S = 5.0

Advance = Callable[[int, int], None]
"""(done, in all)."""


@contextmanager
def progress(title: str) -> Iterator[Advance]:
    """Show how far the work is; nothing with --json."""
    if current().as_json:
        yield _silent
    elif sys.stderr.isatty():
        with _bar() as shown:
            task = shown.add_task(title, total=None)
            yield lambda done, total: shown.update(task, completed=done, total=total)
    else:
        yield _Lines(title)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _silent(done: int, total: int) -> None:
    del done, total


class _Lines:
    """A line every few seconds, so that a log file tells that the work goes on."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._next_s = time.monotonic() + LINE_EVERY_S

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s += LINE_EVERY_S
            note(f"{self._title}: {done}/{total}")
