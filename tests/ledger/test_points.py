"""Old points, swaps between schemes, and points that expire."""

from __future__ import annotations

from typing import Any

from registry.ledger.invariants import violations
from tests.ledger.world import (
    BATCH,
    DAY_MS,
    FARM,
    MALL,
    SHA,
    World,
    account_of,
    batch_fields,
    issuance_fields,
)

T = 1_000_000
OWNER, MALL_OP, AUTHORITY, PLATFORM = "owner.farm", "points.mall", "authority.gd", "platform.bus"
BUREAU = account_of("bureau")


def scheme(name: str, **changed: Any) -> dict[str, Any]:
    return {
        "scheme": name,
        "operator": MALL_OP,
        "title": name,
        "unit": "coin",
        "num": 100,
        "den": 1,
        "validity_days": 1,
        "classes": ["forest"],
        "used": "to_credits",
        "expired": "retire",
    } | changed


def sound(world: World, kind: str, *by: str, **fields: Any) -> str:
    refused = world.submit(kind, *by, **fields)
    assert list(violations(world.base)) == []
    return refused


def world_with(*schemes: dict[str, Any]) -> World:
    world = World()
    for fields in schemes:
        assert sound(world, "points_scheme", MALL_OP, AUTHORITY, **fields) == ""
    return world


def make(world: World, name: str, tonnes: int, direction: str = "to_points") -> str:
    items = [{"batch": BATCH, "quantity_g": tonnes * T}]
    fields = {"scheme": name, "direction": direction, "account": FARM, "items": items}
    return sound(world, "conversion", OWNER, MALL_OP, **fields)


def spend(world: World, name: str, points: int) -> str:
    commit = {"root": SHA, "count": 1, "total": points}
    by = (MALL_OP, PLATFORM)
    return sound(world, "redemption", *by, scheme=name, points=points, commit=commit)


def test_old_points_are_a_debt_that_credits_cover() -> None:
    world = world_with(scheme("old", unbacked_at_start=30_000))
    assert world.value("scheme/old")["unbacked"] == 30_000
    assert make(world, "old", 4, "cover") == "covers_too_many_points"
    assert make(world, "old", 2, "cover") == ""
    value = world.value("scheme/old")
    assert (value["in_hands"], value["unbacked"], value["pool_g"]) == (30_000, 10_000, 2 * T)
    assert make(world, "old", 1) == ""
    assert world.value("scheme/old")["in_hands"] == 40_000
    assert spend(world, "old", 40_000) == ""
    back = {"scheme": "old", "direction": "to_credits", "account": MALL}
    assert sound(world, "conversion", MALL_OP, points=40_000, **back) == "points_not_whole_serials"
    assert sound(world, "conversion", MALL_OP, points=30_000, **back) == ""
    assert world.value("scheme/old")["gathered"] == 10_000


def test_old_points_that_expire_take_their_debt_with_them() -> None:
    world = world_with(scheme("old", unbacked_at_start=30_000))
    lot = world.index - 1
    assert make(world, "old", 1, "cover") == ""
    world.time_ms += DAY_MS + 1
    assert sound(world, "expiry", MALL_OP, scheme="old", lot=lot, points=30_000) == ""
    value = world.value("scheme/old")
    assert (value["in_hands"], value["unbacked"], value["pool_g"]) == (0, 0, 0)
    assert world.value(f"batch/{BATCH}")["retired"] == 1


def test_points_expire_only_after_their_validity_and_only_out_of_hands() -> None:
    world = world_with(scheme("green"))
    assert make(world, "green", 2) == ""
    lot = world.index - 1
    fields = {"scheme": "green", "lot": lot}
    assert sound(world, "expiry", MALL_OP, points=1, **fields) == "lot_not_expired"
    assert spend(world, "green", 5_000) == ""
    world.time_ms += DAY_MS
    assert sound(world, "expiry", OWNER, points=1, **fields) == "party_missing"
    assert sound(world, "expiry", MALL_OP, points=15_001, **fields) == "points_not_in_hands"
    assert sound(world, "expiry", MALL_OP, points=15_000, **fields) == ""
    value = world.value("scheme/green")
    assert (value["in_hands"], value["gathered"], value["waiting"]) == (0, 5_000, 500_000)
    assert world.value(f"batch/{BATCH}")["retired"] == 1
    assert sound(world, "expiry", MALL_OP, points=1, **fields) == "lot_not_expired"


def test_what_backed_expired_points_may_go_to_the_authority() -> None:
    world = world_with(scheme("green", expired="authority"))
    world.accept(
        "account",
        "operator.gd",
        AUTHORITY,
        account=BUREAU,
        type="institution",
        owner=AUTHORITY,
        accept="any",
        need=1,
    )
    assert make(world, "green", 2) == ""
    fields = {"scheme": "green", "lot": world.index - 1}
    world.time_ms += DAY_MS
    for account in (None, FARM):
        refused = sound(world, "expiry", MALL_OP, points=1, account=account, **fields)
        assert refused == "account_not_authoritys"
    assert sound(world, "expiry", MALL_OP, points=15_000, account=BUREAU, **fields) == ""
    assert world.value(f"balance/{BUREAU}/{BATCH}")["free"] == [[1, 1]]
    assert world.value("scheme/green")["due"] == 500_000
    assert sound(world, "expiry", MALL_OP, points=5_000, account=BUREAU, **fields) == ""
    assert world.value(f"balance/{BUREAU}/{BATCH}")["free"] == [[1, 2]]


def test_a_swap_moves_the_credits_with_the_points_and_keeps_the_earlier_expiry() -> None:
    world = world_with(
        scheme("coin"), scheme("park", num=1_000, validity_days=90), scheme("bus", classes=["x"])
    )
    assert make(world, "coin", 3) == ""
    lot = world.index - 1
    change = {"scheme": "coin", "to_scheme": "park"}
    assert sound(world, "swap", MALL_OP, points=100, to_points=11, **change) == "swap_unequal"
    assert sound(world, "swap", MALL_OP, points=100, to_points=10, **change) == (
        "points_not_whole_serials"
    )
    assert sound(world, "swap", MALL_OP, points=40_000, to_points=4_000, **change) == (
        "points_not_in_hands"
    )
    other = {"scheme": "coin", "to_scheme": "bus"}
    assert sound(world, "swap", MALL_OP, points=10_000, to_points=10_000, **other) == (
        "class_not_in_scheme"
    )
    assert sound(world, "swap", OWNER, points=10_000, to_points=1_000, **change) == "party_missing"
    assert sound(world, "swap", MALL_OP, points=20_000, to_points=2_000, **change) == ""
    coin, park = world.value("scheme/coin"), world.value("scheme/park")
    assert (coin["in_hands"], coin["pool_g"]) == (10_000, T)
    assert (park["in_hands"], park["pool_g"]) == (2_000, 2 * T)
    expiries = [key.split("/")[2] for key in world.base.values if key.startswith("lot/")]
    assert len(expiries) == 2
    assert expiries[0] == expiries[1]
    assert any(key.endswith(f"/{lot:016}") for key in world.base.values)
    assert sound(
        world, "swap", MALL_OP, points=1, to_points=1, scheme="coin", to_scheme="coin"
    ) == ("listed_twice")
    assert spend(world, "park", 1_000) == ""


def test_a_swap_does_not_outlive_the_scheme_that_it_goes_to() -> None:
    world = world_with(scheme("long", validity_days=90), scheme("short", validity_days=2))
    assert make(world, "long", 1) == ""
    made_ms = world.time_ms
    change = {"scheme": "long", "to_scheme": "short", "points": 10_000, "to_points": 10_000}
    assert sound(world, "swap", MALL_OP, **change) == ""
    expiries = [int(key.split("/")[2]) for key in world.base.values if key.startswith("lot/")]
    assert expiries == [made_ms + 2 * DAY_MS]


def test_a_frozen_batch_stops_only_what_takes_of_it() -> None:
    world = world_with(scheme("green"))
    assert make(world, "green", 2) == ""
    second = issuance_fields(
        to="2019-12-31",
        verified_g=5 * T,
        batches=[batch_fields("CN-GD-PHCER-2019-000007", 5)],
    ) | {"from": "2019-01-01"}
    world.accept("issuance", "centre.gd", "verifier.gd", **second)
    items = [{"batch": "CN-GD-PHCER-2019-000007", "quantity_g": 5 * T}]
    more = {"scheme": "green", "direction": "to_points", "account": FARM, "items": items}
    assert sound(world, "conversion", OWNER, MALL_OP, **more) == ""
    assert spend(world, "green", 30_000) == ""
    world.accept(
        "freeze",
        "court.gd",
        issuer="Sample Court",
        origin="signed",
        instrument_type="ruling",
        number="1",
        instrument_sha256=SHA,
        batch="CN-GD-PHCER-2019-000007",
    )
    back = {"scheme": "green", "direction": "to_credits", "account": MALL}
    assert sound(world, "conversion", MALL_OP, points=30_000, **back) == "batch_frozen"
    assert sound(world, "conversion", MALL_OP, points=20_000, **back) == ""


def test_a_frozen_batch_does_not_leave_a_pool() -> None:
    world = world_with(scheme("green"))
    assert make(world, "green", 2) == ""
    assert spend(world, "green", 10_000) == ""
    world.accept(
        "freeze",
        "court.gd",
        issuer="Sample Court",
        origin="signed",
        instrument_type="ruling",
        number="1",
        instrument_sha256=SHA,
        batch=BATCH,
    )
    back = {"scheme": "green", "direction": "to_credits", "account": MALL, "points": 10_000}
    assert sound(world, "conversion", MALL_OP, **back) == "batch_frozen"
