"""The guide's worked example: it loads as it stands there, and its numbers decide."""

from __future__ import annotations

import pytest

from registry.chain.errors import Malformed
from registry.profiles.profile import Profile, open_values, parse_profile, reported_values
from tests.house import texts
from tests.ledger.world import STEEL
from tests.profiles.region import REPO, RegionWorld, T

GUIDES = REPO / "docs" / "guides"


def blocks(page: str, language: str) -> list[str]:
    found = texts.read((GUIDES / page).read_text(encoding="utf-8")).blocks
    return [block.text for block in found if block.language == language]


@pytest.fixture
def example() -> str:
    (text,) = blocks("own-profile.md", "toml")
    return text


@pytest.fixture
def qingshan(example: str) -> Profile:
    return parse_profile(example.encode(), "mine.toml")


def test_the_example_is_a_profile(qingshan: Profile) -> None:
    assert qingshan.name == "qingshan"
    assert open_values(qingshan) == ("key_recovery_delay_ms",)
    assert reported_values(qingshan) == ()


def test_the_chinese_page_shows_lines_of_the_same_example(example: str) -> None:
    (shown,) = blocks("own-profile.zh-CN.md", "toml")
    known = set(example.split("\n"))
    assert [line for line in shown.split("\n") if line not in known] == []


def test_both_pages_have_the_same_shape() -> None:
    english, chinese = (
        texts.read((GUIDES / page).read_text(encoding="utf-8"))
        for page in ("own-profile.md", "own-profile.zh-CN.md")
    )
    assert english.levels == chinese.levels
    assert texts.commands(english) == texts.commands(chinese)


def offset(profile: Profile, tonnes: int, class_name: str = "forest") -> str:
    world = RegionWorld(profile)
    world.issue(30, class_name, account=STEEL, year=2024)
    duty = {"obligated": "firm.steel", "year": 2025, "amount_g": 100 * T, "rulebook_version": 1}
    world.accept("obligation", "authority.gd", **duty)
    return world.retire("firm.steel", STEEL, tonnes, "offset", "firm.steel/2025", year=2024)


def test_its_numbers_decide(qingshan: Profile) -> None:
    assert offset(qingshan, 5) == ""
    assert offset(qingshan, 6) == "over_cap"
    assert offset(qingshan, 5, "mobility") == "class_not_for_purpose"
    world = RegionWorld(qingshan)
    world.issue(30, account=STEEL)  # of 2018
    duty = {"obligated": "firm.steel", "year": 2025, "amount_g": 100 * T, "rulebook_version": 1}
    world.accept("obligation", "authority.gd", **duty)
    old = world.retire("firm.steel", STEEL, 5, "offset", "firm.steel/2025")
    assert old == "vintage_not_allowed"
    assert world.retire("firm.steel", STEEL, 5, "voluntary", "") == ""


def test_the_fault_that_the_page_shows_is_the_one_that_is_said(example: str) -> None:
    broken = example.replace('value = ["centre", "exchange"]', 'value = ["center", "exchange"]', 1)
    with pytest.raises(Malformed) as caught:
        parse_profile(broken.encode(), "mine.toml")
    error = caught.value
    line = f"tanbu: {error.message} — {error.where} — {error.todo}"
    for page in ("own-profile.md", "own-profile.zh-CN.md"):
        assert line in (GUIDES / page).read_text(encoding="utf-8")
