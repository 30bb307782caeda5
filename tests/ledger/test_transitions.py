"""Each check of a step finds what is planted; that they hold of good steps, `World` sees to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from registry.ledger import values as v
from registry.ledger.state import MemoryState, StateReader
from registry.ledger.transitions import TRANSITIONS, Step, Watch, broken_by
from tests.ledger.test_mending import BY, MAIN, item, world_with_buffer
from tests.ledger.world import (
    BATCH,
    FARM,
    MALL,
    RULES,
    SHA,
    START_MS,
    STEEL,
    World,
    key_of,
    order_fields,
)

OWNER, COURT, EXCHANGE = "owner.farm", "court.gd", "exchange.gd"
OPERATOR, AUTHORITY = "operator.gd", "authority.gd"
T = 1_000_000
SERIALS = [{"batch": BATCH, "first": 1, "last": 10}]


def edited(state: StateReader, key: str, /, **fields: Any) -> MemoryState:
    """A copy of a state in which a value has other fields, or is gone."""
    assert isinstance(state, MemoryState)
    copy = MemoryState()
    copy.values = dict(state.values)
    value = msgspec.json.decode(copy.values.pop(key))
    if fields:
        copy.values[key] = msgspec.json.encode(value | fields)
    return copy


def before(step: Step, key: str, /, **fields: Any) -> Step:
    return replace(step, before=edited(step.before, key, **fields))


def after(step: Step, key: str, /, **fields: Any) -> Step:
    changed = sorted({*step.changed, key})
    return replace(step, after=edited(step.after, key, **fields), changed=changed)


def signed_by(step: Step, *holders: str) -> Step:
    signers = tuple(sorted(key_of(holder).signer for holder in holders))
    return replace(step, entry=msgspec.structs.replace(step.entry, signers=signers))


def said(step: Step, **fields: Any) -> Step:
    return replace(step, entry=msgspec.structs.replace(step.entry, **fields))


def done(world: World, kind: str, *by: Any, **fields: Any) -> Step:
    world.accept(kind, *by, **fields)
    return replace(world.step, last_index=world.step.index - 1)


def moved(world: World, to: str = STEEL, *by: str) -> Step:
    fields = {"from_": FARM, "to": to, "reason": "internal", "items": SERIALS}
    return done(world, "transfer", *(by or (OWNER,)), **fields)


def retired(world: World, **fields: Any) -> Step:
    common = {"account": FARM, "items": SERIALS, "beneficiary": {"commit": SHA}}
    return done(world, "retirement", OWNER, **(common | fields))


def for_order(world: World) -> Step:
    world.accept("order", EXCHANGE, AUTHORITY, **order_fields())
    return retired(world, purpose="remediation", ref="order-1")


def for_offset(world: World) -> Step:
    owed = {"obligated": OWNER, "year": 2025, "amount_g": 10_000 * T, "rulebook_version": 1}
    world.accept("obligation", AUTHORITY, **owed)
    return retired(world, purpose="offset", ref=f"{OWNER}/2025")


def frozen(world: World, **fields: Any) -> Step:
    common = {
        "issuer": "Sample Court",
        "origin": "recorded",
        "instrument_type": "ruling",
        "number": "1",
        "instrument_sha256": SHA,
    }
    return done(world, "freeze", EXCHANGE, AUTHORITY, **(common | fields))


def rules_changed(world: World) -> Step:
    book = {"version": 2, "effective_from_ms": world.time_ms, "values": RULES}
    source = {"title": "Rules", "sha256": SHA}
    return done(world, "rulebook", OPERATOR, AUTHORITY, source=source, **book)


def enrolled(world: World) -> Step:
    party = {"party": "new.centre", "title": "N", "roles": ["centre"]}
    keys = [{"key": key_of("new.centre").vkey}]
    return done(world, "party", OPERATOR, AUTHORITY, "new.centre", keys=keys, **party)


def noticed(world: World) -> Step:
    world.accept("notice", AUTHORITY, about=f"batch/{BATCH}", code="first")
    return done(world, "notice", AUTHORITY, about=f"batch/{BATCH}", code="under-review")


def cancelled(_: World) -> Step:
    world = world_with_buffer()
    items = [item(MAIN, 51, 60, FARM)]
    return done(world, "cancellation", *BY, project="farm", reason="reversal", items=items)


def answered(_: World) -> Step:
    world = world_with_buffer()
    project = {"project": "farm", "reason": "reversal", "items": [item(MAIN, 1, 50)]}
    drawn = {"buffer_items": [item("CN-GD-PHCER-2019-000090", 1, 10)]}
    return done(world, "cancellation", *BY, **project, **drawn)


OWNER_KEY = f"key/{key_of(OWNER).signer}"
FIRST = v.block_key(BATCH, 1)
PLANTED: list[tuple[str, Callable[[World], Step]]] = [
    ("order", lambda w: replace(moved(w), last_index=7)),
    ("order", lambda w: replace(moved(w), last_ms=START_MS + 10**9)),
    ("order", lambda w: replace(moved(w), id_known=True)),
    ("order", lambda w: said(moved(w), not_after=START_MS)),
    ("order", lambda w: said(moved(w), not_after=START_MS * 2)),
    ("authority", lambda w: before(moved(w), OWNER_KEY)),
    ("authority", lambda w: before(moved(w), OWNER_KEY, revoked=3)),
    ("authority", lambda w: before(moved(w), OWNER_KEY, from_ms=START_MS * 2)),
    ("authority", lambda w: before(moved(w), OWNER_KEY, until_ms=START_MS)),
    ("authority", lambda w: signed_by(enrolled(w), OPERATOR, AUTHORITY)),
    ("quorum", lambda w: signed_by(rules_changed(w), OPERATOR)),
    ("quorum", lambda w: signed_by(enrolled(w), OPERATOR, "new.centre")),
    ("quorum", lambda w: signed_by(frozen(w, account=FARM), AUTHORITY)),
    ("quorum", lambda w: signed_by(frozen(w, batch=BATCH), EXCHANGE)),
    ("quorum", lambda w: said(signed_by(frozen(w, batch=BATCH), EXCHANGE), origin="signed")),
    ("quorum", lambda w: signed_by(cancelled(w), AUTHORITY)),
    ("quorum", lambda w: signed_by(cancelled(w), AUTHORITY, OWNER)),
    ("quorum", lambda w: before(rules_changed(w), f"party/{AUTHORITY}", roles=["centre"])),
    ("consent", lambda w: signed_by(moved(w), "firm.steel")),
    ("consent", lambda w: before(moved(w), f"account/{FARM}", need=2)),
    ("consent", lambda w: signed_by(moved(w, MALL, OWNER, "points.mall"), OWNER)),
    ("consent", lambda w: signed_by(retired(w, purpose="voluntary"), AUTHORITY)),
    ("consent", lambda w: said(signed_by(moved(w), "bank.city"), mandate=3)),
    ("terminal", lambda w: after(retired(w, purpose="voluntary"), FIRST, by=1)),
    ("terminal", lambda w: before(moved(w), FIRST, status="retired", by=1)),
    ("terminal", lambda w: before(moved(w), FIRST, status="cancelled", by=1)),
    ("purpose", lambda w: before(for_order(w), f"batch/{BATCH}", **{"class": "transit"})),
    ("purpose", lambda w: before(for_order(w), "order/order-1", allowed={"vintages": [2020]})),
    ("purpose", lambda w: before(for_order(w), "order/order-1", state="annulled")),
    ("purpose", lambda w: before(for_offset(w), f"batch/{BATCH}", vintage=2015)),
    ("purpose", lambda w: before(for_offset(w), f"batch/{BATCH}", **{"class": "transit"})),
    ("freezes", lambda w: before(moved(w), f"account/{FARM}", freezes=[5])),
    ("freezes", lambda w: before(moved(w), f"batch/{BATCH}", freezes=[5])),
    ("freezes", lambda w: before(moved(w), FIRST, freezes=[5])),
    ("freezes", lambda w: before(retired(w, purpose="voluntary"), FIRST, freezes=[5])),
    ("append_only", lambda w: after(noticed(w), f"batch/{BATCH}", remarks=[1])),
    ("append_only", lambda w: after(noticed(w), f"batch/{BATCH}")),
    ("append_only", lambda w: after(noticed(w), "project/farm", changes=[3])),
    ("append_only", lambda w: after(moved(w), "rulebook/0000000000000001", index=9)),
    ("append_only", lambda w: after(noticed(w), f"account/{FARM}", need=2)),
    ("debt", lambda w: after(moved(w), "project/farm", debt_g=1)),
    ("debt", lambda w: after(answered(w), "project/farm", debt_g=0)),
    ("debt", lambda w: after(answered(w), "project/farm", buffer_g=T)),
    ("debt", lambda w: said(answered(w), buffer_items=msgspec.UNSET)),
]


@pytest.mark.parametrize(("check", "plant"), PLANTED)
def test_each_finds_what_is_planted(check: str, plant: Callable[[World], Step]) -> None:
    found = list(broken_by(plant(World())))
    assert check in {violation.invariant for violation in found}
    assert all(str(violation) for violation in found)


def test_every_check_is_tried() -> None:
    assert {name for name, _ in PLANTED} == set(TRANSITIONS)


def test_what_was_retired_stays_as_it_was_said() -> None:
    world = World()
    step = retired(world, purpose="voluntary")
    (key,) = (k for k in step.changed if k.startswith("retirement/"))
    later = replace(step, before=step.after)
    assert "append_only" in {f.invariant for f in broken_by(after(later, key, quantity_g=T))}


def test_a_watch_knows_order_and_ids() -> None:
    step = moved(World())
    watch = Watch()
    first = replace(step, index=0)
    assert watch.broken_by(first) == []
    again = [violation.what for violation in watch.broken_by(replace(first, index=1))]
    assert len(again) == 1
    assert "has used the id" in again[0]
    gap = said(replace(first, index=3, time_ms=step.time_ms - 1), id="another")
    assert {f.invariant for f in watch.broken_by(gap)} == {"order"}
