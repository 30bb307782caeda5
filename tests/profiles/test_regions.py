"""Each region that comes with Tanbu: accepted by the rules, and decided by a value with a source.

A line per region: the value, one entry that it lets pass, one that it refuses, and another value
under which the refused one passes: so it is this value that decides, and no line of code.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

from registry.ledger.entries.authority import RuleValue
from registry.profiles.profile import (
    NOT_PUBLIC,
    Grounds,
    Profile,
    open_values,
    parse_profile,
    reported_values,
    rule_values,
    rulebook_source,
)
from tests.ledger.world import FARM, SHA, STEEL
from tests.profiles.region import FILES, REPO, RegionWorld, T, profile_of
from tools.reference_profiles import profiles

NAMES = {"cn-gd", "cn-sz", "cn-sh", "cn-cq", "cn-sc", "cn-bj", "cn-hb"}


def issue_of_program(world: RegionWorld, *, good: bool) -> str:
    world.make_project()
    fields = world.issuance(30, program="PHCER" if good else "CQCER")
    return world.submit("issuance", *world.signers("issuance_signed_by"), **fields)


def found_scheme(world: RegionWorld, num: int, validity_days: int) -> str:
    return world.submit(
        "points_scheme",
        "points.mall",
        "authority.gd",
        scheme="coin",
        operator="points.mall",
        title="Coin",
        unit="coin",
        num=num,
        den=1,
        validity_days=validity_days,
        classes=["forest"],
        used="to_credits",
        expired="retire",
    )


def ten_years(world: RegionWorld, *, good: bool) -> str:
    return found_scheme(world, 1, 3_652 if good else 3_653)


def one_gram(world: RegionWorld, *, good: bool) -> str:
    return found_scheme(world, 1 if good else 10, 365)


def scenario_with_the_exchange(world: RegionWorld, *, good: bool) -> str:
    world.make_project()
    fields = world.project(project="rides", type="scenario", claims=["feed rides"])
    by = ("centre.gd", "exchange.gd") if good else ("centre.gd", "authority.gd")
    return world.submit("project", *by, **fields)


def cover_an_event(world: RegionWorld, *, good: bool) -> str:
    world.issue(30)
    event = {"event": "games", "organiser": "games.org", "title": "Games", "from": "2025-08-07"}
    event |= {"to": "2025-08-17", "declared_g": 10 * T, "report_sha256": SHA}
    world.accept("event", "games.org", status="plan", **event)
    assert world.retire("owner.farm", FARM, 10 if good else 9, "event", "games") == ""
    return world.submit("event", "games.org", status="final", **event)


def restore_with(world: RegionWorld, *, good: bool) -> str:
    world.issue(30, "grass" if good else "solar")
    world.order(30)
    return world.retire("owner.farm", FARM, 30, "remediation", "order-1")


def offset(world: RegionWorld, *, good: bool) -> str:
    world.issue(30, account=STEEL)
    duty = {"obligated": "firm.steel", "year": 2025, "amount_g": 100 * T, "rulebook_version": 1}
    world.accept("obligation", "authority.gd", **duty)
    return world.retire("firm.steel", STEEL, 5 if good else 6, "offset", "firm.steel/2025")


class Play(Protocol):
    """Bring a region to one entry, `good` or not, and submit it; the refusal."""

    def __call__(self, world: RegionWorld, *, good: bool) -> str: ...


class Decided(NamedTuple):
    profile: str
    value: str
    play: Play
    refusal: str
    other: RuleValue | None
    """A value under which the refused entry passes; None: left out."""


DECIDED = [
    Decided("cn-gd", "programs", issue_of_program, "batch_name", ("PHCER", "CQCER")),
    Decided("cn-sz", "points_validity_days_max", ten_years, "validity_too_long", None),
    Decided("cn-sh", "scenario_signed_by", scenario_with_the_exchange, "role_missing", ("centre",)),
    Decided("cn-cq", "event_covered_by", cover_an_event, "event_not_covered", None),
    Decided(
        "cn-sc", "remediation_classes", restore_with, "class_not_for_purpose", ("forest", "solar")
    ),
    Decided("cn-bj", "offset_cap_num", offset, "over_cap", 6),
    Decided("cn-hb", "points_ratio_num", one_gram, "points_ratio", 10),
]


@pytest.mark.parametrize("decided", DECIDED, ids=lambda d: f"{d.profile} {d.value}")
def test_a_sourced_value_decides(decided: Decided) -> None:
    profile = profile_of(decided.profile)
    assert profile.values[decided.value].source is not None
    assert decided.play(RegionWorld(profile), good=True) == ""
    assert decided.play(RegionWorld(profile), good=False) == decided.refusal
    changed = rule_values(profile)
    del changed[decided.value]
    if decided.other is not None:
        changed[decided.value] = decided.other
    assert decided.play(RegionWorld(profile, changed), good=False) == ""


def test_every_region_is_there_and_has_its_line() -> None:
    assert {path.stem for path in FILES} == NAMES == {d.profile for d in DECIDED}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_a_profile_bears_the_name_of_its_file(file: Path) -> None:
    profile = parse_profile(file.read_bytes(), file.name)
    assert profile.name == file.stem
    assert profile.region.value.startswith("CN-")
    assert rulebook_source(profile).sha256 == profile.sha256


def test_the_rules_accept_it_as_it_is(file: Path) -> None:
    world = RegionWorld(parse_profile(file.read_bytes(), file.name))
    kept = world.value("rulebook/0000000000000001")["values"]
    assert {n: tuple(v) if isinstance(v, list) else v for n, v in kept.items()} == world.rules


def test_its_roles_can_register_issue_and_cancel(file: Path) -> None:
    world = RegionWorld(parse_profile(file.read_bytes(), file.name))
    world.issue(30)
    world.accept(
        "cancellation",
        *world.signers("cancellation_signed_by"),
        reason="issued_in_error",
        project="farm",
        items=[{"batch": world.batch(), "first": 1, "last": 30, "account": FARM}],
    )
    assert world.value(f"batch/{world.batch()}")["cancelled"] == 30


def grounds(profile: Profile) -> list[tuple[str, Grounds]]:
    found: list[tuple[str, Grounds]] = [("region", profile.region)]
    found += [("offset_min", profile.offset_min), *profile.values.items()]
    return [*found, *profile.stated.items()]


def test_no_number_is_without_a_source_or_said_to_be_open(file: Path) -> None:
    profile = parse_profile(file.read_bytes(), file.name)
    for name, ground in grounds(profile):
        if ground.source is None:
            assert ground.open is not None, name
            assert ground.open.startswith(NOT_PUBLIC), name
        else:
            source = profile.sources[ground.source]
            assert source.title, name
            assert source.date, name
            assert ground.where, name
    assert set(open_values(profile)).isdisjoint(reported_values(profile))


def test_what_is_open_for_compliance_lets_nothing_through(file: Path) -> None:
    profile = parse_profile(file.read_bytes(), file.name)
    if "offset_cap_num" not in open_values(profile):
        assert profile.name == "cn-bj"
        return
    assert offset(RegionWorld(profile), good=True) in ("over_cap", "class_not_for_purpose")


def test_the_reference_page_is_what_the_files_say() -> None:
    page = (REPO / "docs" / "reference" / "profiles.md").read_text(encoding="utf-8")
    assert page == profiles(), "write it anew: make docs"
