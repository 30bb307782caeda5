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


def text_of(name: str) -> str:
    """The text of a scenario's file."""
    return (DIRECTORY / f"{name}.ledger").read_text(encoding="utf-8")


@cache
def scenario(name: str) -> Scenario:
    """A scenario of this directory."""
    return parse(text_of(name), f"{name}.ledger")


@cache
def played(name: str) -> Played:
    """A scenario, played through the rules."""
    return play(scenario(name), f"{name}.ledger")
