"""The scenarios of this directory, each played once per run of the tests.

for name in NAMES: played(name)
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.scenarios.grammar import parse
from tests.scenarios.play import Played, play
from tests.scenarios.said import Scenario

DIRECTORY = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in DIRECTORY.glob("*.ledger")))

BY_DEFAULT = ("freezes-in-line", "log-keys", "shanghai")
"""Those that the real service plays if nothing is said."""


def text_of(name: str) -> str:
    """The text of a scenario's file."""
    return (DIRECTORY / f"{name}.ledger").read_text(encoding="utf-8")


def served(wanted: str) -> tuple[str, ...]:
    """Which scenarios the service plays: some, `all`, one by name; LookupError for others."""
    if wanted in NAMES:
        return (wanted,)
    chosen = {"": BY_DEFAULT, "all": NAMES}.get(wanted)
    if chosen is None:
        raise LookupError(f"TANBU_SCENARIOS={wanted}: say all, or one of {', '.join(NAMES)}")
    return chosen


@cache
def scenario(name: str) -> Scenario:
    """A scenario of this directory."""
    return parse(text_of(name), f"{name}.ledger")


@cache
def played(name: str) -> Played:
    """A scenario, played through the rules."""
    return play(scenario(name), f"{name}.ledger")
