"""Reservations, pledges and freezes: bound serials, the line of freezes, execution."""

from __future__ import annotations

from typing import Any

import pytest

from registry.ledger.invariants import violations
from tests.ledger.world import (
    ANNA,
    BATCH,
    DAY_MS,
    FARM,
    MALL,
    SHA,
    STEEL,
    World,
    key_of,
    order_fields,
)

T = 1_000_000
OWNER, FIRM, EXCHANGE, AUTHORITY = "owner.farm", "firm.steel", "exchange.gd", "authority.gd"
COURT, BANK = "court.gd", "bank.city"
KEY = f"balance/{FARM}/{BATCH}"


def serials(first: int, last: int) -> list[dict[str, Any]]:
    return [{"batch": BATCH, "first": first, "last": last}]


def freeze(**target: Any) -> dict[str, Any]:
    return {
        "issuer": "Sample Court",
        "origin": "signed",
        "instrument_type": "assistance_notice",
        "number": "(2025) No. 2",
        "instrument_sha256": SHA,
    } | target


def reserve(**changed: Any) -> dict[str, Any]:
    fields = {"from_": FARM, "to": STEEL, "reason": "internal", "expires_ms": 2**50}
    return fields | {"items": [{"batch": BATCH, "quantity_g": 10 * T}]} | changed


def sound(world: World) -> World:
    assert list(violations(world.base)) == []
    return world


def done(world: World, kind: str, *by: Any, **fields: Any) -> int:
    """Submit what must be accepted; its index."""
    world.accept(kind, *by, **fields)
    sound(world)
    return world.index - 1


def test_a_reservation_is_settled_partly_and_the_rest_is_free_again() -> None:
    world = World()
    at = done(world, "reservation", OWNER, **reserve())
    assert world.value(KEY)["bound"] == [{"first": 1, "freezes": [], "last": 10, "reservation": at}]
    assert world.value(f"batch/{BATCH}")["reserved"] == 10
    move = {"from_": FARM, "to": STEEL, "reason": "internal", "items": serials(1, 1)}
    assert world.submit("transfer", OWNER, **move) == "serials_not_free"
    assert world.submit("settlement", FIRM, reservation=at) == "owner_missing"
    part = [{"batch": BATCH, "quantity_g": 4 * T}]
    assert world.submit("settlement", OWNER, reservation=at, items=serials(1, 11)) == "not_reserved"
    done(world, "settlement", OWNER, reservation=at, items=part)
    assert world.value(KEY)["free"] == [[5, 41_559]]
    assert world.value(f"balance/{STEEL}/{BATCH}")["free"] == [[1, 4]]
    assert world.value(f"batch/{BATCH}")["reserved"] == 0
    assert world.submit("settlement", OWNER, reservation=at) == "unknown_reservation"


def test_a_trades_reservation_is_settled_by_its_venue() -> None:
    world = World()
    trade = {"venue": EXCHANGE, "trade_id": "T-1", "price_fen_per_t": 2_399}
    fields = reserve(reason="trade", trade=trade)
    at = done(world, "reservation", OWNER, EXCHANGE, **fields)
    assert world.submit("settlement", OWNER, reservation=at) == "party_missing"
    done(world, "settlement", EXCHANGE, reservation=at)
    assert world.submit("reservation", OWNER, EXCHANGE, **fields) == "trade_exists"


def test_an_expired_reservation_stays_reserved_until_anyone_releases_it() -> None:
    world = World()
    at = done(world, "reservation", OWNER, **reserve(expires_ms=world.time_ms + DAY_MS))
    assert world.submit("release", FIRM, reservation=at) == "owner_missing"
    world.time_ms += DAY_MS
    assert world.submit("settlement", OWNER, reservation=at) == "reservation_expired"
    assert world.value(f"batch/{BATCH}")["reserved"] == 10
    done(world, "release", FIRM, reservation=at)
    assert world.value(KEY) == {"free": [[1, 41_559]], "retired": 0}
    late = reserve(expires_ms=world.time_ms)
    assert world.submit("reservation", OWNER, **late) == "reservation_expired"


def test_pledged_serials_move_only_when_the_pledgee_frees_them() -> None:
    world = World()
    give = {"account": FARM, "items": serials(11, 20), "pledgee": BANK}
    assert world.submit("pledge", OWNER, **give) == "party_missing"
    assert world.submit("pledge", OWNER, FIRM, **(give | {"pledgee": FIRM})) == "role_missing"
    at = done(world, "pledge", OWNER, BANK, **give)
    move = {"from_": FARM, "to": STEEL, "reason": "internal", "items": serials(15, 15)}
    assert world.submit("transfer", OWNER, **move) == "serials_not_free"
    assert world.submit("pledge", OWNER, BANK, **give) == "serials_not_free"
    assert world.submit("unpledge", OWNER, pledge=at) == "party_missing"
    assert world.submit("unpledge", BANK, pledge=at, items=serials(20, 21)) == "not_pledged"
    done(world, "unpledge", BANK, pledge=at, items=serials(15, 15))
    done(world, "transfer", OWNER, **move)
    done(world, "unpledge", BANK, pledge=at)
    assert world.submit("unpledge", BANK, pledge=at) == "unknown_pledge"


def test_freezes_of_serials_wait_in_line_and_the_first_is_executed() -> None:
    world = World()
    target = {"account": FARM, "items": serials(1, 10)}
    assert world.submit("freeze", OWNER, **freeze(**target)) == "role_missing"
    first = done(world, "freeze", COURT, **freeze(**target))
    second = done(world, "freeze", EXCHANGE, AUTHORITY, **freeze(origin="recorded", **target))
    move = {"from_": FARM, "to": STEEL, "reason": "internal", "items": serials(10, 11)}
    assert world.submit("transfer", OWNER, **move) == "serials_frozen"
    execute = {"origin": "signed", "instrument_sha256": SHA, "account": FARM, "to": MALL}

    def run(freeze_at: int, items: list[dict[str, Any]]) -> str:
        return world.submit("execution", COURT, freeze=freeze_at, items=items, **execute)

    assert run(second, serials(1, 3)) == "waits_in_line"
    assert run(first, serials(10, 11)) == "not_frozen"
    assert run(first, serials(1, 3)) == ""
    assert sound(world).value(f"balance/{MALL}/{BATCH}")["free"] == [[1, 3]]
    lift = {"origin": "signed", "instrument_sha256": SHA}
    done(world, "unfreeze", COURT, freeze=first, **lift)
    assert world.submit("unfreeze", COURT, freeze=first, **lift) == "unknown_freeze"
    assert run(second, serials(4, 5)) == ""
    done(world, "unfreeze", COURT, freeze=second, **lift)
    assert world.value(KEY) == {"free": [[6, 41_559]], "retired": 0}


def test_a_frozen_account_takes_what_arrives_and_gives_nothing() -> None:
    world = World()
    at = done(world, "freeze", COURT, **freeze(account=STEEL, until_ms=world.time_ms + DAY_MS))
    move = {"from_": FARM, "to": STEEL, "reason": "internal", "items": serials(1, 5)}
    done(world, "transfer", OWNER, **move)
    back = {"from_": STEEL, "to": FARM, "reason": "internal", "items": serials(1, 1)}
    assert world.submit("transfer", FIRM, **back) == "account_frozen"
    assert world.submit("unfreeze", FIRM, freeze=at, origin="lapsed") == "freeze_not_lapsed"
    world.time_ms += DAY_MS
    assert world.submit("transfer", FIRM, **back) == "account_frozen"
    done(world, "unfreeze", FIRM, freeze=at, origin="lapsed")
    done(world, "transfer", FIRM, **back)


def test_a_frozen_batch_stops_whoever_holds_it() -> None:
    world = World()
    at = done(world, "freeze", COURT, **freeze(batch=BATCH))
    move = {"from_": FARM, "to": STEEL, "reason": "internal", "items": serials(1, 5)}
    assert world.submit("transfer", OWNER, **move) == "batch_frozen"
    by_quantity = move | {"items": [{"batch": BATCH, "quantity_g": T}]}
    assert world.submit("transfer", OWNER, **by_quantity) == "batch_frozen"
    run = {"freeze": at, "origin": "signed", "instrument_sha256": SHA, "account": FARM}
    done(world, "execution", COURT, items=serials(1, 2), retire=True, **run)
    assert world.value(f"batch/{BATCH}")["retired"] == 2
    done(world, "unfreeze", COURT, freeze=at, origin="signed", instrument_sha256=SHA)
    done(world, "transfer", OWNER, **(move | {"items": serials(3, 5)}))


def test_execution_ends_what_else_bound_the_serials() -> None:
    world = World()
    reserved = done(world, "reservation", OWNER, **reserve())
    pledged = {"account": FARM, "items": serials(11, 20), "pledgee": BANK}
    pledge = done(world, "pledge", OWNER, BANK, **pledged)
    at = done(world, "freeze", COURT, **freeze(account=FARM, items=serials(5, 15)))
    assert world.submit("settlement", OWNER, reservation=reserved) == "serials_frozen"
    run = {"freeze": at, "origin": "signed", "instrument_sha256": SHA, "account": FARM}
    done(world, "execution", COURT, items=serials(5, 15), retire=True, **run)
    assert world.value(f"batch/{BATCH}")["reserved"] == 4
    assert world.value(f"reservation/{reserved:016}")["items"] == [[BATCH, 1, 4]]
    assert world.value(f"pledge/{pledge:016}")["items"] == [[BATCH, 16, 20]]
    done(world, "settlement", OWNER, reservation=reserved)
    done(world, "unpledge", BANK, pledge=pledge)


LIFT = {"instrument_sha256": SHA}
CASES = [
    ("settlement", OWNER, {"reservation": 9_999}, "unknown_reservation"),
    ("release", OWNER, {"reservation": 9_999}, "unknown_reservation"),
    ("unpledge", BANK, {"pledge": 9_999}, "unknown_pledge"),
    ("unfreeze", COURT, {"freeze": 9_999, "origin": "lapsed"}, "unknown_freeze"),
    ("freeze", COURT, freeze(), "fields_exclude"),
    ("freeze", COURT, freeze(batch=BATCH, items=serials(1, 2)), "fields_exclude"),
    ("freeze", COURT, freeze(account=ANNA, items=serials(1, 2)), "serials_not_held"),
    ("freeze", COURT, freeze(account=FARM, items=serials(1, 3) + serials(3, 4)), "listed_twice"),
    ("reservation", OWNER, reserve(to=FARM), "same_account"),
    ("order_change", COURT, {"order": "none", "effect": "annul"} | LIFT, "unknown_order"),
]


@pytest.mark.parametrize(("kind", "by", "fields", "expected"), CASES)
def test_refusals(kind: str, by: str, fields: dict[str, Any], expected: str) -> None:
    assert World().submit(kind, by, **fields) == expected


def test_too_many_freezes_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.ledger.rules.court.FREEZES_MAX", 2)
    for target in ({"account": FARM}, {"batch": BATCH}, {"account": FARM, "items": serials(1, 2)}):
        world = World()
        outcomes = [world.submit("freeze", COURT, **freeze(**target)) for _ in range(3)]
        assert outcomes == ["", "", "too_many_freezes"]


def retire(world: World, first: int, last: int) -> str:
    return world.submit(
        "retirement",
        OWNER,
        account=FARM,
        items=serials(first, last),
        purpose="remediation",
        ref="order-1",
        beneficiary={"commit": SHA},
    )


def test_an_order_is_reduced_and_its_surplus_becomes_voluntary() -> None:
    world = World()
    world.accept("order", COURT, **order_fields(origin="signed"))
    assert retire(world, 1, 20) == ""
    assert retire(world, 21, 25) == ""
    change = {"order": "order-1", "instrument_sha256": SHA}

    def change_to(effect: str, quantity_t: int | None = None) -> str:
        quantity_g = None if quantity_t is None else quantity_t * T
        return world.submit("order_change", COURT, effect=effect, quantity_g=quantity_g, **change)

    assert change_to("reduce") == "fields_exclude"
    assert change_to("reduce", 30) == "order_quantity"
    assert change_to("raise", 29) == "order_quantity"
    assert change_to("reduce", 18) == ""
    order = sound(world).value("order/order-1")
    assert (order["quantity_g"], order["fulfilled_g"]) == (18 * T, 18 * T)
    latest, earlier = (world.value(f"retirement/{c}") for c in reversed(order["retirements"]))
    assert (latest["voluntary_g"], earlier["voluntary_g"]) == (5 * T, 2 * T)
    assert retire(world, 26, 26) == "order_over_fulfilled"
    assert change_to("raise", 19) == ""
    assert change_to("suspend") == ""
    assert retire(world, 26, 26) == "order_ended"
    assert change_to("resume") == ""
    assert retire(world, 26, 26) == ""
    assert change_to("annul") == ""
    assert change_to("close") == "order_ended"
    assert sound(world).value(f"batch/{BATCH}")["retired"] == 26


def test_what_the_last_serial_has_too_much_is_no_surplus_until_the_order_gets_smaller() -> None:
    world = World()
    shares = [{"commit": SHA, "share_g": T + 1}, {"commit": SHA, "share_g": 2 * T + 1}]
    for order, obligors in (("order-1", [{"commit": SHA}]), ("order-2", shares)):
        fields = {"order": order, "obligors": obligors, "quantity_g": 3 * T + 2}
        world.accept("order", COURT, **order_fields(origin="signed", **fields))
    assert retire(world, 1, 4) == ""
    fields = {"account": FARM, "purpose": "remediation", "beneficiary": {"commit": SHA}}
    for obligor, spans in ((0, serials(5, 6)), (1, serials(7, 9))):
        share = {"items": spans, "ref": "order-2", "obligor": obligor}
        world.accept("retirement", OWNER, **fields | share)
    change = {"instrument_sha256": SHA}
    for effect in ("suspend", "resume", "close"):
        for order in ("order-1", "order-2"):
            world.accept("order_change", COURT, order=order, effect=effect, **change)
    assert sound(world).value("order/order-1")["fulfilled_g"] == 4 * T
    assert sound(world).value("order/order-2")["by_obligor_g"] == [2 * T, 3 * T]


def test_an_order_by_shares_is_annulled_rather_than_resized() -> None:
    world = World()
    obligors = [{"commit": SHA, "share_g": 10 * T}, {"commit": SHA, "share_g": 20 * T}]
    world.accept("order", COURT, **order_fields(origin="signed", obligors=obligors))
    change = {"order": "order-1", "instrument_sha256": SHA, "quantity_g": T}
    assert world.submit("order_change", COURT, effect="reduce", **change) == "order_has_shares"
    assert world.submit("order_change", OWNER, effect="reduce", **change) == "role_missing"
    items = serials(1, 10)
    by = {"account": FARM, "purpose": "remediation", "ref": "order-1", "obligor": 0}
    world.accept("retirement", OWNER, items=items, beneficiary={"commit": SHA}, **by)
    annul = {"order": "order-1", "instrument_sha256": SHA, "effect": "annul"}
    done(world, "order_change", COURT, **annul)


def test_another_court_changes_an_instrument_only_together_with_an_authority() -> None:
    world = World()
    other = "court.far"
    enrol = {"party": other, "title": "Another", "roles": ["court"]}
    keys = [{"key": key_of(other).vkey}]
    world.accept("party", "operator.gd", AUTHORITY, other, keys=keys, **enrol)
    at = done(world, "freeze", COURT, **freeze(account=STEEL))
    lift = {"freeze": at, "origin": "signed", "instrument_sha256": SHA}
    assert world.submit("unfreeze", other, **lift) == "other_court"
    assert world.submit("unfreeze", AUTHORITY, **lift) == "other_court"
    done(world, "unfreeze", other, AUTHORITY, **lift)
    world.accept("order", COURT, **order_fields(origin="signed"))
    annul = {"order": "order-1", "effect": "annul", "instrument_sha256": SHA}
    assert world.submit("order_change", other, **annul) == "other_court"
    done(world, "order_change", COURT, **annul)


def test_paper_alone_does_not_undo_what_a_court_has_signed() -> None:
    world = World()
    at = done(world, "freeze", COURT, **freeze(account=FARM, items=serials(1, 5)))
    paper = {"freeze": at, "origin": "recorded", "instrument_sha256": SHA}
    seize = paper | {"account": FARM, "items": serials(1, 2), "to": STEEL}
    assert world.submit("unfreeze", EXCHANGE, AUTHORITY, **paper) == "other_court"
    assert world.submit("execution", EXCHANGE, AUTHORITY, **seize) == "other_court"
    done(world, "execution", EXCHANGE, AUTHORITY, COURT, **seize)
    on_paper = freeze(account=FARM, items=serials(6, 9), origin="recorded")
    second = done(world, "freeze", EXCHANGE, AUTHORITY, **on_paper)
    done(world, "unfreeze", EXCHANGE, AUTHORITY, **(paper | {"freeze": second}))


def full(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holding has no room for one more piece."""
    balance = world.value(KEY)
    pieces = len(balance["free"]) + len(balance.get("bound", ()))
    monkeypatch.setattr("registry.ledger.segments.FREE_SPANS_MAX", pieces)


def test_a_holding_that_would_break_into_too_many_pieces_stays_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    pledged = {"account": FARM, "pledgee": BANK}
    at = done(world, "pledge", OWNER, BANK, items=serials(1, 9), **pledged)
    frozen = done(world, "freeze", COURT, **freeze(account=FARM, items=serials(1, 9)))
    seize = {"freeze": frozen, "origin": "signed", "instrument_sha256": SHA, "account": FARM}
    full(world, monkeypatch)
    too_many = "holding_too_fragmented"
    assert world.submit("unpledge", BANK, pledge=at, items=serials(4, 5)) == too_many
    assert world.submit("execution", COURT, items=serials(4, 5), to=STEEL, **seize) == too_many
    assert world.submit("execution", COURT, items=serials(4, 5), retire=True, **seize) == too_many
    sound(world)
    done(world, "unpledge", BANK, pledge=at)


def test_a_mandate_ends_at_its_time() -> None:
    world = World()
    at = done(
        world,
        "mandate",
        OWNER,
        agent=EXCHANGE,
        accounts=[FARM],
        kinds=["transfer"],
        until_ms=world.time_ms + 60_000,
    )
    until_ms = world.value(f"mandate/{at:016}")["until_ms"]
    move = {"from_": FARM, "to": STEEL, "reason": "internal", "items": serials(1, 1)}
    world.time_ms = until_ms
    assert world.submit("transfer", EXCHANGE, mandate=at, **move) == "mandate_ended"
    world.time_ms = until_ms - 1
    done(world, "transfer", EXCHANGE, mandate=at, **move)


def test_no_memo_on_what_ends_something_of_a_personal_account() -> None:
    world = World()
    move = {"from_": FARM, "to": ANNA, "reason": "internal", "items": serials(1, 9)}
    world.accept("transfer", OWNER, **move)
    at = done(world, "reservation", ANNA, **reserve(from_=ANNA, items=serials(1, 2)))
    held = done(world, "pledge", ANNA, BANK, account=ANNA, pledgee=BANK, items=serials(3, 4))
    frozen = done(world, "freeze", COURT, **freeze(account=ANNA, items=serials(5, 6)))
    lift = {"freeze": frozen, "origin": "signed", "instrument_sha256": SHA}
    about = {"about": f"account/{ANNA}", "code": "note"}
    cases: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ("settlement", (ANNA,), {"reservation": at}),
        ("release", (ANNA,), {"reservation": at}),
        ("unpledge", (BANK,), {"pledge": held}),
        ("unfreeze", (COURT,), lift),
        ("notice", ("operator.gd",), about),
    ]
    for kind, by, fields in cases:
        assert world.submit(kind, *by, memo="Anna", **fields) == "memo_with_personal_account"
    for kind, by, fields in cases[1:]:
        done(world, kind, *by, **fields)


def test_paper_does_not_undo_what_a_court_has_signed() -> None:
    world = World()
    exchange = "exchange.gd"
    at = done(world, "freeze", COURT, AUTHORITY, **freeze(account=FARM, items=serials(1, 9)))
    assert world.value(f"freeze/{at:016}")["by"] == [COURT]
    paper = {"freeze": at, "origin": "recorded", "instrument_sha256": SHA}
    assert world.submit("unfreeze", exchange, AUTHORITY, **paper) == "other_court"
    run = paper | {"account": FARM, "items": serials(1, 9), "retire": True}
    assert world.submit("execution", exchange, AUTHORITY, **run) == "other_court"
    world.accept("order", COURT, **order_fields(origin="signed"))
    annul = {"order": "order-1", "effect": "annul", "instrument_sha256": SHA}
    assert world.submit("order_change", exchange, AUTHORITY, **annul) == "other_court"
    done(world, "execution", COURT, **(run | {"origin": "signed", "items": serials(1, 4)}))
    done(world, "unfreeze", exchange, AUTHORITY, COURT, **paper)


def test_what_an_authority_has_signed_it_may_change_on_paper() -> None:
    world = World()
    at = done(world, "freeze", AUTHORITY, **freeze(account=FARM))
    paper = {"freeze": at, "origin": "recorded", "instrument_sha256": SHA}
    done(world, "unfreeze", "exchange.gd", AUTHORITY, **paper)
