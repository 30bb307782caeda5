"""Cancellations against buffer, reserve and debt; corrections; notices."""

from __future__ import annotations

from typing import Any

import pytest

from registry.ledger.invariants import violations
from tests.ledger.world import (
    BATCH,
    FARM,
    MALL,
    RULES,
    SHA,
    STEEL,
    World,
    batch_fields,
    issuance_fields,
    order_fields,
)

T = 1_000_000
OWNER, FIRM, CENTRE, VERIFIER = "owner.farm", "firm.steel", "centre.gd", "verifier.gd"
OPERATOR, AUTHORITY = "operator.gd", "authority.gd"
BY = (CENTRE, AUTHORITY)
BUFFER = "CN-GD-PHCER-2019-000090"
MAIN = "CN-GD-PHCER-2019-000091"


def item(batch: str, first: int, last: int, account: str | None = None) -> dict[str, Any]:
    fields = {"batch": batch, "first": first, "last": last}
    return fields | ({"account": account} if account else {})


def world_with_buffer() -> World:
    """The founded region, with 100 t of 2019 issued and 10 t of buffer, 50 of the 100 retired."""
    world = World()
    rules = RULES | {"cancellation_signed_by": ["centre", "authority"], "reserve_account": STEEL}
    world.accept(
        "rulebook",
        OPERATOR,
        AUTHORITY,
        version=2,
        effective_from_ms=world.time_ms,
        values=rules,
        source={"title": "R", "sha256": SHA},
    )
    issue = issuance_fields(
        to="2019-12-31",
        verified_g=110 * T,
        batches=[batch_fields(MAIN, 100)],
        buffer=[{k: v for k, v in batch_fields(BUFFER, 10).items() if k != "account"}],
    ) | {"from": "2019-01-01"}
    world.accept("issuance", CENTRE, VERIFIER, **issue)
    retire = {"account": FARM, "purpose": "voluntary", "beneficiary": {"commit": SHA}}
    world.accept("retirement", OWNER, items=[item(MAIN, 1, 50)], **retire)
    return world


def cancel(world: World, *by: str, **fields: Any) -> str:
    fields = {"project": "farm", "reason": "reversal"} | fields
    refused = world.submit("cancellation", *(by or BY), **fields)
    assert list(violations(world.base)) == []
    return refused


def test_held_credits_are_cancelled_and_retired_ones_stay_good() -> None:
    world = world_with_buffer()
    assert cancel(world, CENTRE, items=[item(MAIN, 51, 60, FARM)]) == "role_missing"
    assert cancel(world, items=[item(MAIN, 51, 60, FARM)]) == ""
    batch = world.value(f"batch/{MAIN}")
    assert [batch[s] for s in ("free", "retired", "cancelled")] == [40, 50, 10]
    assert cancel(world, items=[item(MAIN, 1, 50)]) == "buffer_not_used"
    buffer = [item(BUFFER, 1, 10)]
    cover = [item(BATCH, 1, 15, STEEL)]
    move = {"from_": FARM, "to": STEEL, "reason": "internal", "items": [item(BATCH, 1, 30)]}
    world.accept("transfer", OWNER, **move)
    assert cancel(world, items=[item(MAIN, 1, 50)], buffer_items=buffer, cover_items=cover) == ""
    project = world.value("project/farm")
    assert (project["buffer_g"], project["debt_g"]) == (0, 25 * T)
    assert world.value(f"batch/{MAIN}")["retired"] == 50
    assert world.value(f"batch/{BUFFER}")["cancelled"] == 10
    assert world.value(f"batch/{BATCH}")["cancelled"] == 15
    blocked = issuance_fields(to="2020-12-31", batches=[batch_fields("CN-GD-PHCER-2020-000001")])
    blocked["from"] = "2020-01-01"
    assert world.submit("issuance", CENTRE, VERIFIER, **blocked) == "project_in_debt"
    assert cancel(world, cover_items=[item(BATCH, 31, 60, FARM)]) == "owner_missing"
    too_much = [item(BATCH, 31, 60, FARM)]
    assert cancel(world, *BY, OWNER, cover_items=too_much) == "covers_too_much"
    assert cancel(world, *BY, OWNER, cover_items=[item(BATCH, 31, 55, FARM)]) == ""
    assert world.value("project/farm")["debt_g"] == 0
    assert world.submit("issuance", CENTRE, VERIFIER, **blocked) == ""


def test_an_issuance_wholly_in_error_is_superseded() -> None:
    world = World()
    at = world.index - 1
    world = world_with_buffer()
    again = issuance_fields(batches=[batch_fields("CN-GD-PHCER-2018-000077")], supersedes=at)
    assert world.submit("issuance", CENTRE, VERIFIER, **again) == "not_superseded"
    part = [item(BATCH, 1, 100, FARM)]
    assert cancel(world, reason="issued_in_error", items=part) == ""
    assert world.submit("issuance", CENTRE, VERIFIER, **again) == "not_superseded"
    rest = [item(BATCH, 101, 41_559, FARM)]
    assert cancel(world, reason="issued_in_error", items=rest) == ""
    assert world.submit("issuance", CENTRE, VERIFIER, **(again | {"supersedes": None})) == (
        "period_taken"
    )
    assert world.submit("issuance", CENTRE, VERIFIER, **again) == ""


def test_an_issuance_with_a_buffer_is_wholly_in_error_when_the_buffer_is_too() -> None:
    world = world_with_buffer()
    number = "CN-GD-PHCER-2020-00000{}"
    dates = {"from": "2020-01-01", "to": "2020-12-31", "verified_g": 30 * T}
    buffer = [{k: v for k, v in batch_fields(number.format(2), 10).items() if k != "account"}]
    issue = issuance_fields(batches=[batch_fields(number.format(1), 20)], buffer=buffer) | dates
    world.accept("issuance", CENTRE, VERIFIER, **issue)
    at = world.index - 1
    again = issuance_fields(batches=[batch_fields(number.format(3), 30)]) | dates
    again |= {"supersedes": at}
    held = item(number.format(1), 1, 20, FARM)
    assert cancel(world, reason="issued_in_error", items=[held]) == ""
    assert world.submit("issuance", CENTRE, VERIFIER, **again) == "not_superseded"
    assert world.value("project/farm")["buffer_g"] == 20 * T
    for span in ((1, 4), (5, 10)):
        assert cancel(world, reason="issued_in_error", items=[item(number.format(2), *span)]) == ""
    assert world.value("project/farm")["buffer_g"] == 10 * T
    assert world.submit("issuance", CENTRE, VERIFIER, **again) == ""


def test_credits_that_became_ccer_die_here() -> None:
    world = world_with_buffer()
    out: dict[str, Any] = {"reason": "conversion_out", "items": [item(MAIN, 51, 60, FARM)]}
    assert cancel(world, *BY, OWNER, **out) == "fields_exclude"
    out["external_id"] = "CCER-2026-1"
    assert cancel(world, **out) == "owner_missing"
    assert cancel(world, *BY, OWNER, **out) == ""
    retired = out | {"items": [item(MAIN, 1, 50)]}
    assert cancel(world, *BY, OWNER, **retired) == "not_a_block"


BANK, COURT = "bank.city", "court.gd"
FREEZE = {
    "issuer": "Sample Court",
    "origin": "signed",
    "instrument_type": "ruling",
    "number": "1",
    "instrument_sha256": SHA,
}
# What binds the serials 51 to 60, and why their owner may then not take them to another market.
BINDINGS: list[tuple[str, tuple[str, ...], dict[str, Any], str]] = [
    ("pledge", (OWNER, BANK), {"account": FARM, "pledgee": BANK}, "serials_not_free"),
    ("freeze", (COURT,), FREEZE | {"account": FARM}, "serials_frozen"),
]


@pytest.mark.parametrize(("kind", "by", "fields", "expected"), BINDINGS)
def test_bound_credits_go_to_no_other_market(
    kind: str, by: tuple[str, ...], fields: dict[str, Any], expected: str
) -> None:
    world = world_with_buffer()
    world.accept(kind, *by, items=[item(MAIN, 55, 55)], **fields)
    out = {"reason": "conversion_out", "external_id": "CCER-2026-1"}
    assert cancel(world, *BY, OWNER, items=[item(MAIN, 51, 60, FARM)], **out) == expected
    assert cancel(world, *BY, OWNER, items=[item(MAIN, 51, 54, FARM)], **out) == ""
    # What was wrong goes whatever binds it.
    assert cancel(world, items=[item(MAIN, 55, 60, FARM)]) == ""


def test_a_freeze_holds_what_would_go_to_another_market_or_cover_a_shortfall() -> None:
    out = {"reason": "conversion_out", "external_id": "CCER-2026-1"}
    world = world_with_buffer()
    world.accept("freeze", COURT, batch=MAIN, **FREEZE)
    assert cancel(world, *BY, OWNER, items=[item(MAIN, 51, 60, FARM)], **out) == "batch_frozen"
    world = world_with_buffer()
    move = {"from_": FARM, "to": STEEL, "reason": "internal", "items": [item(BATCH, 1, 60)]}
    world.accept("transfer", OWNER, **move)
    for account in (FARM, STEEL):
        world.accept("freeze", COURT, account=account, **FREEZE)
    assert cancel(world, *BY, OWNER, items=[item(MAIN, 51, 60, FARM)], **out) == "account_frozen"
    wrong = {"items": [item(MAIN, 1, 50)], "buffer_items": [item(BUFFER, 1, 10)]}
    for cover in (item(BATCH, 61, 70, FARM), item(BATCH, 1, 10, STEEL)):
        assert cancel(world, *BY, OWNER, cover_items=[cover], **wrong) == "account_frozen"
    assert cancel(world, **wrong) == ""


def test_what_stays_good_is_made_up_for_once() -> None:
    world = world_with_buffer()
    buffer = [item(BUFFER, 1, 10)]
    retire = {"account": FARM, "purpose": "voluntary", "beneficiary": {"commit": SHA}}
    world.accept("retirement", OWNER, items=[item(MAIN, 51, 60)], **retire)
    assert cancel(world, items=[item(MAIN, 51, 60)], buffer_items=buffer) == ""
    twice = [item(MAIN, 1, 60)]
    assert cancel(world, items=twice) == "answered_already"
    assert cancel(world, items=[item(MAIN, 1, 50), item(MAIN, 1, 50)]) == "answered_already"
    assert world.value("project/farm")["debt_g"] == 0
    assert cancel(world, items=[item(MAIN, 1, 50)]) == ""
    assert world.value("project/farm")["debt_g"] == 50 * T


def opening_fields(batch: str = "CN-GD-PHCER-2017-000003") -> dict[str, Any]:
    return {
        "batch": batch,
        "count": 10,
        "unit_g": T,
        "vintage": 2017,
        "parts": [{"first": 1, "last": 10, "status": "free", "account": FARM}],
        "source": {
            "registry": "E",
            "file_sha256": [SHA],
            "row_sha256": [SHA],
            "serial_text": [],
            "dates": [],
            "serials_assigned": True,
        },
    }


def test_the_same_rows_are_taken_over_once_whatever_the_batch_is_called() -> None:
    world = World()
    world.accept("opening", OPERATOR, AUTHORITY, **opening_fields())
    again = opening_fields("CN-GD-PHCER-2017-000004")
    assert world.submit("opening", OPERATOR, AUTHORITY, **again) == "taken_over_already"
    again["parts"][0]["account"] = STEEL
    assert world.submit("opening", OPERATOR, AUTHORITY, **again) == "taken_over_already"
    # One issuance cut into several batches names its row in each.
    again["source"]["row_sha256"] = ["cd" * 32, SHA]
    world.accept("opening", OPERATOR, AUTHORITY, **again)


def test_what_cannot_be_cancelled() -> None:
    world = world_with_buffer()
    assert cancel(world) == "nothing_to_cancel"
    assert cancel(world, project="none", items=[item(MAIN, 1, 2)]) == "unknown_project"
    assert cancel(world, items=[item(MAIN, 2, 50)]) == "not_a_block"
    assert cancel(world, items=[item(MAIN, 51, 100)]) == "account_field"
    assert cancel(world, items=[item(MAIN, 1, 3, FARM)]) == "serials_not_held"
    assert cancel(world, items=[item(MAIN, 1, 50)], buffer_items=[item(BUFFER, 2, 3)]) == (
        "not_a_block"
    )
    world.accept("opening", OPERATOR, AUTHORITY, **opening_fields())
    other = [item("CN-GD-PHCER-2017-000003", 1, 2, FARM)]
    assert cancel(world, items=other) == "other_project"
    assert World().submit("cancellation", *BY, project="farm", reason="reversal") == (
        "rulebook_value_missing"
    )


def test_corrections_and_notices_stand_with_what_they_are_about() -> None:
    world = World()
    both = (OPERATOR, AUTHORITY)
    of = world.value("project/farm")["index"]
    fix = {"of": of, "subject": "project/farm", "field": "title", "value": "The forest farm"}
    assert world.submit("correction", OPERATOR, **fix) == "role_missing"
    assert world.submit("correction", *both, **(fix | {"of": 1})) == "not_of_that_entry"
    assert world.submit("correction", *both, **(fix | {"field": "issuer"})) == "not_correctable"
    assert world.submit("correction", *both, **(fix | {"subject": "project/no"})) == (
        "unknown_subject"
    )
    assert world.submit("correction", *both, **fix) == ""
    assert world.value("project/farm")["fields"]["title"] == "The forest farm"
    about = {"about": f"batch/{BATCH}", "code": "under-review"}
    assert world.submit("notice", OWNER, **about) == "role_missing"
    assert world.submit("notice", AUTHORITY, **about) == ""
    assert world.submit("notice", AUTHORITY, about="log/x", code="no") == "unknown_subject"
    assert world.value(f"batch/{BATCH}")["remarks"] == [world.index - 1]
    assert world.value("project/farm")["remarks"] == [world.index - 2]


def test_the_number_of_an_instrument_is_put_right() -> None:
    world = World()
    world.accept("order", "exchange.gd", AUTHORITY, **order_fields())
    fix = {
        "of": world.index - 1,
        "subject": "order/order-1",
        "field": "number",
        "value": "(2025) 2",
    }
    world.accept("correction", OPERATOR, AUTHORITY, **fix)
    assert world.value("order/order-1")["number"] == "(2025) 2"


def test_remarks_are_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr("registry.ledger.rules.mending.REMARKS_MAX", 1)
    world = World()
    about = {"about": f"account/{MALL}", "code": "note"}
    assert world.submit("notice", AUTHORITY, **about) == ""
    assert world.submit("notice", AUTHORITY, **about) == "too_many_remarks"


def test_a_frozen_serial_that_is_cancelled_leaves_its_freeze() -> None:
    world = world_with_buffer()
    freeze = {
        "issuer": "Sample Court",
        "origin": "signed",
        "instrument_type": "ruling",
        "number": "1",
        "instrument_sha256": SHA,
        "account": FARM,
        "items": [item(MAIN, 51, 60)],
    }
    world.accept("freeze", "court.gd", **freeze)
    at = world.index - 1
    assert cancel(world, items=[item(MAIN, 51, 55, FARM)]) == ""
    assert world.value(f"freeze/{at:016}")["items"] == [[MAIN, 56, 60]]
