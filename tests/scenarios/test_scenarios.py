"""Every scenario goes as its file says, and together they cover the practice and the kinds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from registry.ledger.entries import KINDS
from tests.scenarios.files import NAMES, played, scenario, text_of
from tests.scenarios.said import Check

RECOGNITION = "9 exchanges' joint mechanism"
"""The row of the practice table that is about regions recognising each other's credits."""
BESIDE = "beside the table: "
INVENTED = ("样例", "SAMPLE")


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_as_the_file_says(name: str) -> None:
    done = played(name)
    assert done.records
    assert done.refusals, "no entry is refused"
    about = [report.about for report in done.proved]
    assert about[0].startswith("log ")
    offline = ("retirement", "conversion", "redemption")
    assert any(word in text for text in about[1:] for word in offline), about


@pytest.mark.parametrize("name", NAMES)
def test_it_ends_with_its_totals(name: str) -> None:
    checks = [step for step in scenario(name).steps if isinstance(step, Check)]
    last = scenario(name).steps[-1]
    assert isinstance(last, Check)
    assert last.subject == "total", "the last step asserts the totals per status"
    assert {fact for fact, _, _ in last.facts} > {"issued", "free"}
    assert len(checks) > 1


def test_each_has_a_refusal_that_no_other_has() -> None:
    reasons = {name: set(played(name).refusals) for name in NAMES}
    for name, mine in reasons.items():
        others = set[str]().union(*(r for other, r in reasons.items() if other != name))
        assert mine - others, f"{name}: all of {sorted(mine)} stand elsewhere too"


def test_together_they_use_every_kind() -> None:
    used = {kind for name in NAMES for kind in played(name).kinds}
    assert set(KINDS) - used == set()


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_figures_of_its_row(name: str) -> None:
    """A number of the head stands in the ledger too."""
    body = text_of(name).partition("\nregion: ")[2]
    figures = re.findall(r"\d[\d,.]*\d|\d", scenario(name).figures)
    assert [figure for figure in figures if figure not in body] == []


@pytest.mark.parametrize("name", NAMES)
def test_whoever_it_names_is_invented(name: str) -> None:
    """Titles, courts, numbers and persons are visibly samples; a unit of points is a word."""
    without_units = re.sub(r'unit "[^"]*"', "", text_of(name))
    texts = re.findall(r'"([^"]*)"', without_units)
    assert [text for text in texts if not any(word in text for word in INVENTED)] == []


def test_every_row_of_the_practice_table_has_its_scenario(shared: Path) -> None:
    practice = (shared / "DOMAIN.md").read_text(encoding="utf-8")
    table = practice.partition("## Practice")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in table.split("\n") if line.startswith("| ")]
    wanted = {row for row in rows[1:] if not row.startswith(RECOGNITION)}
    there = {scenario(name).row for name in NAMES}
    assert {row for row in there if not row.startswith(BESIDE)} == wanted
