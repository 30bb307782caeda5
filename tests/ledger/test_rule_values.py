"""Rulebook values that a region may leave out: points' validity and worth, what covers an event.

A table: the values that the rulebook adds, the entry, the refusal ("" where it is accepted).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.ledger.world import DAY_MS, FARM, RULES, SHA, World

T = 1_000_000
BOTH = ("operator.gd", "authority.gd")
MALL = ("points.mall", "authority.gd")
RATIO = {"points_ratio_num": 1, "points_ratio_den": 1}


def rulebook(world: World, **added: Any) -> dict[str, Any]:
    return {
        "version": 2,
        "effective_from_ms": world.time_ms,
        "values": RULES | added,
        "source": {"title": "Rules", "sha256": SHA},
    }


def world_with(**added: Any) -> World:
    """The founded region under a second rulebook with further values."""
    world = World()
    world.accept("rulebook", *BOTH, **rulebook(world, **added))
    return world


def scheme(**changed: Any) -> dict[str, Any]:
    fields = {"scheme": "green", "operator": "points.mall", "title": "G", "unit": "coin"}
    terms = {"num": 1, "den": 1, "validity_days": 365, "classes": ["forest"]}
    return fields | terms | {"used": "retire", "expired": "retire"} | changed


@pytest.mark.parametrize(
    ("added", "changed", "expected"),
    [
        ({}, {"validity_days": 36_500}, ""),
        ({"points_validity_days_max": 3_652}, {"validity_days": 3_652}, ""),
        ({"points_validity_days_max": 3_652}, {"validity_days": 3_653}, "validity_too_long"),
        ({}, {"num": 7, "den": 3}, ""),
        (RATIO, {"num": 1, "den": 1}, ""),
        (RATIO, {"num": 500, "den": 500}, ""),
        (RATIO, {"num": 2, "den": 1}, "points_ratio"),
        (RATIO, {"num": 1, "den": 2}, "points_ratio"),
        ({"points_ratio_num": 5, "points_ratio_den": 2}, {"num": 10, "den": 4}, ""),
        ({"points_ratio_num": 2**53 - 1, "points_ratio_den": 1}, {"den": 2}, "amount_too_large"),
        # Two breaches at once: the validity is looked at first, the scheme's name before both.
        (RATIO | {"points_validity_days_max": 1}, {"num": 2}, "validity_too_long"),
    ],
)
def test_the_terms_of_a_points_scheme(
    added: dict[str, Any], changed: dict[str, Any], expected: str
) -> None:
    assert world_with(**added).submit("points_scheme", *MALL, **scheme(**changed)) == expected


def test_a_scheme_is_judged_once_by_the_rulebook_in_force() -> None:
    world = World()
    world.accept("points_scheme", *MALL, **scheme(validity_days=36_500))
    world.accept("rulebook", *BOTH, **rulebook(world, points_validity_days_max=1))
    assert world.submit("points_scheme", *MALL, **scheme()) == "scheme_exists"
    assert world.value("scheme/green")["validity_days"] == 36_500
    assert world.submit("points_scheme", *MALL, **scheme(scheme="new")) == "validity_too_long"


def event(declared_t: int, status: str, attested_t: int = 0) -> dict[str, Any]:
    fields = {"event": "games", "organiser": "games.org", "title": "G", "status": status}
    dates = {"from": "2025-08-07", "to": "2025-08-17", "report_sha256": SHA}
    other = {"what": "Elsewhere", "quantity_g": attested_t * T, "doc_sha256": SHA}
    offsets = {"other_offsets": [other]} if attested_t else {}
    return fields | dates | {"declared_g": declared_t * T} | offsets


def retire_for_the_games(world: World, tonnes: int) -> None:
    items = [{"batch": "CN-GD-PHCER-2018-000001", "first": 1, "last": tonnes}]
    for_games = {"purpose": "event", "ref": "games", "beneficiary": {"event": "games"}}
    world.accept("retirement", "owner.farm", account=FARM, items=items, **for_games)


@pytest.mark.parametrize(
    ("covered_by", "retired_t", "attested_t", "declared_t", "expected"),
    [
        (None, 0, 0, 10, ""),
        ([], 0, 0, 10, ""),
        (["retired"], 9, 0, 10, "event_not_covered"),
        (["retired"], 10, 0, 10, ""),
        (["retired"], 9, 1, 10, "event_not_covered"),
        (["attested"], 10, 9, 10, "event_not_covered"),
        (["attested"], 0, 10, 10, ""),
        (["attested", "retired"], 9, 1, 10, ""),
        (["retired", "retired"], 5, 0, 10, "event_not_covered"),
    ],
)
def test_an_event_is_final_when_it_is_covered(
    covered_by: list[str] | None,
    retired_t: int,
    attested_t: int,
    declared_t: int,
    expected: str,
) -> None:
    added = {} if covered_by is None else {"event_covered_by": covered_by}
    world = world_with(**added)
    world.accept("event", "games.org", **event(declared_t, "plan"))
    if retired_t:
        retire_for_the_games(world, retired_t)
    final = event(declared_t, "final", attested_t)
    assert world.submit("event", "games.org", **final) == expected
    if world.last:
        assert world.last.transient
        assert world.last.fields["declared_g"] == declared_t * T


def test_what_was_refused_as_not_covered_passes_after_the_retirement() -> None:
    world = world_with(event_covered_by=["retired"])
    world.accept("event", "games.org", **event(3, "plan"))
    assert world.submit("event", "games.org", **event(3, "final")) == "event_not_covered"
    retire_for_the_games(world, 3)
    world.time_ms += DAY_MS
    assert world.submit("event", "games.org", **event(3, "final")) == ""
    assert world.submit("event", "games.org", **event(3, "final")) == "event_final"


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        (RATIO, ""),
        ({"points_ratio_num": 1}, "rulebook_value_missing"),
        ({"points_ratio_den": 1}, "rulebook_value_missing"),
        (RATIO | {"points_ratio_num": 0}, "rulebook_value_type"),
        (RATIO | {"points_ratio_den": 0}, "rulebook_value_type"),
        ({"points_validity_days_max": 0}, "rulebook_value_type"),
        ({"points_validity_days_max": "1"}, "rulebook_value_type"),
        ({"event_covered_by": ["retired", "attested"]}, ""),
        ({"event_covered_by": ["promised"]}, "rulebook_value_type"),
        ({"event_covered_by": "retired"}, "rulebook_value_type"),
    ],
)
def test_values_without_sense_are_refused(added: dict[str, Any], expected: str) -> None:
    world = World()
    assert world.submit("rulebook", *BOTH, **rulebook(world, **added)) == expected
