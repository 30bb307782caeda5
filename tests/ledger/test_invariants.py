"""The invariants hold after every entry, and each finds a state that was tampered with."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from registry.chain.errors import NotTrusted
from registry.ledger import serials
from registry.ledger import values as v
from registry.ledger.codec import format_record
from registry.ledger.invariants import (
    INVARIANTS,
    STATUSES,
    Fingerprint,
    grams_by_status,
    violations,
)
from registry.ledger.replay import replay
from registry.ledger.state import MemoryState, State, encode_value
from registry.ledger.values import FAMILIES
from tests.books import (
    BATCH,
    COUNT,
    DAY_MS,
    T0,
    TONNE,
    Book,
    OpeningPart,
    account_id,
    party_key,
)
from tests.logpairs import rotation

TAKEN_OVER = "CN-GD-PHCER-2016-000009"
FARM, MILL = account_id("farm"), account_id("mill")


def whole_story() -> list[bytes]:
    """The book, and what its walk leaves out: an opening, an offset, a scheme that retires."""
    book = Book()
    founding, walk = book.founding(), book.walk()
    parts = (
        OpeningPart(first=1, last=10, status="free", account=FARM),
        OpeningPart(first=11, last=15, status="retired"),
        OpeningPart(first=16, last=20, status="cancelled"),
    )
    more = [
        book.opening(TAKEN_OVER, parts),
        book.retirement("farm", 3, 4, batch=TAKEN_OVER),
        book.retirement("mill", 5, 6, purpose="offset", ref="mill.test/2025", batch=BATCH),
        book.points_scheme("BURN", used="retire"),
        book.to_points("farm", 3 * TONNE, scheme="BURN"),
        book.redemption(150_001, scheme="BURN"),
    ]
    new_log_keys = rotation(book, 2, T0 + 30 * DAY_MS)
    # The last two of the walk replace the farm's key.
    return [*founding, *walk[:-2], *more, *walk[-2:], new_log_keys]


def played(notes: list[bytes]) -> MemoryState:
    base = MemoryState()
    state = State(base)
    for _ in replay((format_record(n, T0, note) for n, note in enumerate(notes)), state):
        base.store(state)
    return base


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    return played(whole_story()).values


def test_they_hold_after_every_entry_of_the_book() -> None:
    notes = whole_story()
    base = MemoryState()
    state = State(base)
    kinds = set()
    for step in replay((format_record(n, T0, note) for n, note in enumerate(notes)), state):
        base.store(state)
        kinds.add(type(step.parsed.entry))
        assert list(violations(base)) == [], f"after record {step.index}"
    assert len(kinds) == 19
    assert grams_by_status(base)["retired"] > 0
    assert set(grams_by_status(base)) == set(STATUSES)


def test_they_hold_after_random_movements() -> None:
    book, chance = Book(), random.Random(7)
    base = MemoryState()
    state = State(base)
    records = [format_record(n, T0, note) for n, note in enumerate(book.founding())]
    records += [
        format_record(len(records) + n, T0, note)
        for n, note in enumerate([book.points_scheme(), book.to_points("farm", 9_000 * TONNE)])
    ]
    list(replay(records, state))
    base.store(state)
    size = len(records)
    accepted = 0
    for _ in range(250):
        note = random_movement(book, chance, base)
        try:
            list(replay([format_record(size, T0, note)], state, size=size, time_ms=T0))
        except NotTrusted:
            continue  # refused: the balance was too small
        size, accepted = size + 1, accepted + 1
        base.store(state)
        assert list(violations(base)) == []
    assert accepted > 150


def random_movement(book: Book, chance: random.Random, base: MemoryState) -> bytes:
    one, other = chance.sample(["farm", "mill", "host", "points"], 2)
    grams = chance.choice((1, 2, 3, 10, 500, 4_000)) * TONNE
    match chance.randrange(6):
        case 0:
            return book.to_points(one, grams)
        case 1:
            return book.redemption(grams // 10)
        case 2:
            return book.to_credits(grams // 10)
        case 3:
            data = base.values.get(v.balance_key(account_id(one), BATCH))
            free = msgspec.json.decode(data)["free"] if data else []
            if free:
                first, last = chance.choice(free)
                middle = chance.randint(first, last)
                return book.retirement(one, middle, min(last, middle + 3))
    return book.transfer(one, other, quantity_g=grams)


Change = Callable[[Any], Any]


def setting(**fields: Any) -> Change:
    return lambda value: {**value, **fields}


def add(field: str, number: int) -> Change:
    return lambda value: {**value, field: value[field] + number}


def gone(value: Any) -> None:
    return None


CERTIFICATE = "CN-GD-R-0badc0de-27"  # of the order, in the walk of the book
LOGKEY = f"logkey/{v.number(len(whole_story()) - 1)}"
TAMPERED: list[tuple[str, str, Change]] = [
    ("conservation", f"batch/{BATCH}", add("free", 1)),
    ("conservation", f"batch/{BATCH}", add("count", 5)),
    ("tiling", v.block_key(BATCH, 30_001), gone),
    ("tiling", v.block_key(BATCH, 30_001), add("last", 1)),
    ("tiling", v.block_key(BATCH, 30_001), setting(status="cancelled")),
    ("tiling", v.block_key(BATCH, 30_001), setting(status="lent")),
    ("tiling", f"batch/{BATCH}", gone),
    ("balances", v.balance_key(MILL, BATCH), setting(free=[[7, 9]])),
    ("balances", v.balance_key(MILL, BATCH), setting(free=[[7, 9], [10, 12]])),
    ("balances", v.balance_key(MILL, BATCH), setting(free=[], retired=0)),
    ("balances", v.balance_key(FARM, BATCH), add("retired", 1)),
    ("balances", v.block_key(BATCH, 30_001), setting(holder=MILL)),
    ("quantity", f"retirement/{CERTIFICATE}", add("quantity_g", 1)),
    ("quantity", f"retirement/{CERTIFICATE}", setting(items=[[BATCH, 1, COUNT + 1]])),
    ("quantity", f"batch/{TAKEN_OVER}", add("unit_g", 1)),
    ("terminal", v.block_key(BATCH, 30_001), setting(status="free")),
    ("terminal", v.block_key(BATCH, 30_001), setting(by=1)),
    ("terminal", f"retirement/{CERTIFICATE}", gone),
    ("terminal", v.block_key(TAKEN_OVER, 16), setting(status="retired", by=20)),
    ("buffers", "project/FARM", add("buffer_g", TONNE)),
    ("buffers", "project/FARM", setting(debt_g=-1)),
    ("holds", v.block_key(BATCH, 30_001), setting(pledge=3)),
    ("holds", f"batch/{BATCH}", setting(freezes=[3])),
    ("claims", f"claim/{v.digest('plot FARM')}", gone),
    (
        "claims",
        f"claim/{v.digest('plot FARM')}",
        lambda value: {"held": [*value["held"], ["OTHER", "2025-01-01", "2026-01-01"]]},
    ),
    ("claims", "project/FARM", lambda p: {**p, "fields": {**p["fields"], "claims": ["b"]}}),
    ("points", "scheme/LEAF", add("in_hands", 1)),
    ("points", "scheme/LEAF", add("gathered", 10**9)),
    ("points", "scheme/BURN", add("waiting", 10**9)),
    ("points", "scheme/LEAF", add("pool_g", 10)),
    ("points", "scheme/LEAF", add("pool_end", 1)),
    ("points", "scheme/LEAF", add("pool_next", 1)),
    ("orders", "order/ORDER-1", add("fulfilled_g", TONNE)),
    ("orders", "order/ORDER-1", setting(quantity_g=29 * TONNE)),
    ("orders", "order/ORDER-1", lambda o: {**o, "retirements": o["retirements"] * 2}),
    ("orders", "order/ORDER-1", setting(by_obligor_g=[1])),
    ("orders", f"retirement/{CERTIFICATE}", setting(ref="ORDER-2")),
    ("obligations", "obligation/mill.test/2025", setting(cap_g=1)),
    ("obligations", "obligation/mill.test/2025", add("retired_g", 1)),
    ("events", "event/EVENT-1", add("retired_g", 1)),
    ("events", "event/EVENT-1", setting(retirements=["CN-GD-R-0badc0de-999"])),
    ("log_keys", LOGKEY, gone),
    ("log_keys", LOGKEY, setting(ed25519=party_key("farm").vkey)),
    ("log_keys", "log", setting(rotations=[])),
    ("log_keys", "log", lambda log: {**log, "rotations": log["rotations"] * 2}),
    ("totals", f"batch/{BATCH}", add("retired", 1)),
    ("totals", v.block_key(BATCH, 30_001), setting(status="buffer")),
]


@pytest.mark.parametrize(("invariant", "key", "change"), TAMPERED)
def test_each_finds_what_is_tampered(
    whole: dict[str, bytes], invariant: str, key: str, change: Change
) -> None:
    base = MemoryState()
    base.values = dict(whole)
    changed = change(msgspec.json.decode(base.values[key]))
    if changed is None:
        del base.values[key]
    else:
        kind = FAMILIES[key.partition("/")[0]]
        base.values[key] = encode_value(msgspec.convert(changed, kind))
        assert base.values[key] != whole[key]
    found = list(violations(base))
    assert invariant in {violation.invariant for violation in found}
    assert all(str(violation) for violation in found)


def test_every_invariant_is_tried() -> None:
    assert {name for name, _, _ in TAMPERED} == set(INVARIANTS)


def test_a_balance_that_misfits_is_named(whole: dict[str, bytes]) -> None:
    base = MemoryState()
    base.values = dict(whole)
    key = v.balance_key(MILL, BATCH)
    balance = msgspec.json.decode(whole[key], type=v.Balance)
    free, _, _ = serials.remove(balance.free, 0, balance.free[0])
    base.values[key] = encode_value(msgspec.structs.replace(balance, free=free, retired=1))
    assert v.block_key(BATCH, balance.free[0].first) in {
        violation.key for violation in violations(base)
    }


def test_fingerprints_do_not_depend_on_order_and_count_repeats() -> None:
    one, other = Fingerprint(), Fingerprint()
    one.add("a", 2)
    one.add("b")
    for word in ("a", "b", "a"):
        other.add(word)
    assert one == other
    other.add("b")
    assert one != other
    assert one != object()
