"""Every scenario goes as its file says, and together they cover the practice and the kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.ledger.entries import KINDS
from tests.scenarios.files import NAMES, played, scenario, text_of
from tests.scenarios.whole import missing

RECOGNITION = "9 exchanges' joint mechanism"
"""The row of the practice table that is about regions recognising each other's credits."""
BESIDE = "beside the table: "


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_as_the_file_says(name: str) -> None:
    done = played(name)
    assert done.records
    assert done.proved[0].about.startswith("log ")
    assert missing(text_of(name), done, f"{name}.ledger") == []


def test_each_has_a_refusal_that_no_other_has() -> None:
    reasons = {name: set(played(name).refusals) for name in NAMES}
    for name, mine in reasons.items():
        others = set[str]().union(*(r for other, r in reasons.items() if other != name))
        stand = f"all of {', '.join(sorted(mine))} are shown by other scenarios too"
        assert mine - others, f"{name}.ledger: {stand}; see docs/reference/scenarios.md"


def test_together_they_use_every_kind() -> None:
    used = {kind for name in NAMES for kind in played(name).kinds}
    assert set(KINDS) - used == set()


def test_every_row_of_the_practice_table_has_its_scenario(shared: Path) -> None:
    practice = (shared / "DOMAIN.md").read_text(encoding="utf-8")
    table = practice.partition("## Practice")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in table.split("\n") if line.startswith("| ")]
    wanted = {row for row in rows[1:] if not row.startswith(RECOGNITION)}
    there = {scenario(name).row for name in NAMES}
    assert {row for row in there if not row.startswith(BESIDE)} == wanted
