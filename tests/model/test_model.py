"""The rules against the naive model, over seeded histories of all kinds.

The seeds are fixed, so that what must be reached (every kind accepted, every family of refusals)
does not depend on luck; `test_machine` looks further.
"""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pytest

from registry.ledger.entries import KINDS
from registry.ledger.invariants import violations
from registry.ledger.refusals import CATALOGUE
from tests.model.dice import THROWS
from tests.model.play import Play

SEEDS = range(11)
THROWN = 150
NAIVE = Path(__file__).parent / "naive"
DICE = Path(__file__).parent / "dice"


@cache
def played(seed: int) -> Play:
    """A history of its seed; both books agreed after every entry, and every invariant held."""
    play = Play(Random(seed))
    for _ in range(THROWN):
        if play.throw() == "":
            found = list(violations(play.world.base))
            assert not found, f"at {play.world.index - 1}: {found[:3]}"
    play.end()
    return play


def outcomes() -> Counter[tuple[str, str]]:
    """What came of all throws, by kind and refusal."""
    return sum((played(seed).world.outcomes for seed in SEEDS), Counter())


@pytest.mark.parametrize("seed", SEEDS)
def test_rules_and_model_agree(seed: int) -> None:
    thrown = played(seed).world.outcomes
    accepted = sum(n for (_, refused), n in thrown.items() if not refused)
    assert THROWN // 4 < accepted < thrown.total()


def test_every_kind_is_accepted_somewhere() -> None:
    assert {kind for kind, refused in outcomes() if not refused} == set(KINDS) == set(THROWS)


def test_every_kind_is_refused_somewhere() -> None:
    assert {kind for kind, refused in outcomes() if refused} == set(KINDS)


def test_every_family_of_refusals_is_reached() -> None:
    families = {reason.number // 100 for reason in CATALOGUE.values()}
    reached = {refused for _, refused in outcomes() if refused}
    assert {CATALOGUE[name].number // 100 for name in reached} == families
    assert len(reached) > len(CATALOGUE) * 3 // 5, sorted(set(CATALOGUE) - reached)


def imported(folder: Path) -> set[str]:
    """The modules that the files of a folder import, by full name."""
    found: set[str] = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.name}: a relative import"
                found.add(str(node.module))
    return found


def test_the_model_shares_no_code_with_the_package() -> None:
    ours = {
        name for name in imported(NAIVE) if name.split(".")[0] in ("registry", "tests", "tools")
    }
    assert ours
    assert all(name.startswith("tests.model.naive") for name in ours), ours


def test_the_dice_need_neither_hypothesis_nor_pytest() -> None:
    assert not {name.split(".")[0] for name in imported(DICE)} & {"hypothesis", "pytest"}


@pytest.mark.parametrize(
    ("family", "was", "is_now"),
    [
        ("batch/", b'"free":', b'"free":9'),
        ("block/", b'"status":"free"', b'"status":"buffer"'),
        ("scheme/coin", b'"gathered":', b'"gathered":9'),
        ("event/games", b'"retired_g":', b'"retired_g":9'),
        ("project/farm", b'"debt_g":', b'"debt_g":9'),
    ],
)
def test_a_state_that_says_something_else_is_found(family: str, was: bytes, is_now: bytes) -> None:
    play = Play(Random(1))
    play.world.compare()
    keys = [k for k, data in play.world.base.values.items() if k.startswith(family) and was in data]
    play.world.base.values[keys[0]] = play.world.base.values[keys[0]].replace(was, is_now, 1)
    with pytest.raises(AssertionError, match=r"\(name, model, rules\)"):
        play.world.compare()
