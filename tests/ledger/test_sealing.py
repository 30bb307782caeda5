"""Seals: what the rule takes, what a replay makes of them, and that a wrong one stops it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from registry.chain.errors import NotTrusted, Unavailable
from registry.ledger.apply import apply, verify_here
from registry.ledger.codec import format_record, parse_entry
from registry.ledger.entries import Totals
from registry.ledger.replay import replay
from registry.ledger.rules.sealing import SEAL_ENTRIES_BACK_MAX
from registry.ledger.sealing import (
    Commitment,
    SealWatch,
    commit_to,
    commitment_of,
    sealed_size,
    sealed_sizes,
)
from registry.ledger.state import MemoryState, State, state_items, state_root
from tests.books import COUNT, T0, TONNE, Book
from tests.ledger.world import ORIGIN, SHA, World
from tests.seals import commitment, end, replayed, seal

OPERATOR, AUTHORITY = "operator.gd", "authority.gd"
GRAMS = ("free_g", "reserved_g", "pooled_g", "buffer_g", "retired_g", "cancelled_g")
SAYS: dict[str, Any] = {"root": SHA, "count": 1, "totals": dict.fromkeys(GRAMS, 0)}


def test_the_rule_looks_at_who_signed_and_at_the_size_alone() -> None:
    world = World()
    size = world.index
    assert world.submit("seal", AUTHORITY, size=size, **SAYS) == "role_missing"
    assert world.submit("seal", OPERATOR, size=size + 1, **SAYS) == "seal_ahead"
    world.accept("seal", OPERATOR, size=size - 2, **SAYS)
    log = world.value("log")
    assert (log["seal"], log["sealed_size"]) == (size, size - 2)
    assert world.submit("seal", OPERATOR, size=size - 2, **SAYS) == "seal_not_later"
    world.accept("seal", OPERATOR, size=size + 1, **SAYS)
    world.index = size + 2 + SEAL_ENTRIES_BACK_MAX + 1  # as if so many entries had come
    world.watch._last = (world.index - 1, world.time_ms)
    assert world.submit("seal", OPERATOR, size=size + 2, **SAYS) == "seal_too_old"
    just = parse_entry(world.note("seal", OPERATOR, size=size + 3, **SAYS))
    at = {"index": world.index, "time_ms": world.time_ms}
    assert apply(world.state, just, verify=verify_here, **at) is None


def test_nothing_follows_the_end() -> None:
    world = World()
    size, reason = world.index, "SAMPLE"
    both, says = (OPERATOR, AUTHORITY), SAYS | {"reason": reason}
    assert world.submit("end", OPERATOR, size=size, **says) == "role_missing"
    for successor in ("not an origin", ORIGIN, "test.invalid/log"):
        refused = world.submit("end", *both, size=size, successor=successor, **says)
        assert refused == "bad_origin"
    assert world.submit("end", *both, size=size - 1, **says) == "end_size"
    assert world.submit("end", *both, size=size + 1, **says) == "end_size"
    world.accept("end", *both, size=size, successor="test.invalid/log/11111111", **says)
    assert world.value("log")["ended"] == size
    assert world.submit("seal", OPERATOR, size=size + 1, **SAYS) == "log_ended"
    assert world.last is not None
    assert world.last.fields == {"index": size}


def records_of(notes: list[bytes]) -> list[bytes]:
    return [format_record(n, T0, note) for n, note in enumerate(notes)]


def sealed(*wrong: str) -> tuple[list[bytes], int]:
    """A log with a seal of an earlier size, wrong in one field if one is named; its index."""
    book = Book()
    notes = [*book.founding(), *book.walk()]
    made = commitment(records_of(notes)[:-9])
    index = len(notes) - 3
    changes: dict[str, Any] = {
        "root": {"root": made.root[::-1].hex()},
        "count": {"count": made.count + 1},
        "totals": {"totals": msgspec.structs.replace(made.totals, free_g=made.totals.free_g + 1)},
    }
    note = seal(book, made, **{k: v for name in wrong for k, v in changes[name].items()})
    return records_of([*notes[:index], note, *notes[index:]]), index


def test_a_right_seal_is_found_right_and_says_what_there_was() -> None:
    records, index = sealed()
    size = sealed_size(records[index])
    assert size == index - 6
    state = replayed(records[:size])
    said = commitment_of_record(records[index])
    assert (said.root, said.count) == state_root(sorted(state.values.items()))
    totals = msgspec.structs.asdict(said.totals)
    assert sum(totals.values()) == COUNT * TONNE
    assert replayed(records)


def commitment_of_record(record: bytes) -> Commitment:
    from_line = msgspec.json.decode(record.split(b"\n")[3])
    totals = msgspec.convert(from_line["totals"], Totals)
    root = bytes.fromhex(from_line["root"])
    return Commitment(from_line["size"], root, from_line["count"], totals)


@pytest.mark.parametrize("field", ["root", "count", "totals"])
def test_a_wrong_seal_stops_the_replay_at_its_index(field: str) -> None:
    records, index = sealed(field)
    with pytest.raises(NotTrusted, match="a wrong seal") as caught:
        replayed(records)
    assert caught.value.where == f"record {index}"


def test_an_end_seals_what_stands_before_it() -> None:
    book = Book()
    notes = book.founding()
    good = end(book, commitment(records_of(notes)))
    assert replayed(records_of([*notes, good]))
    bad = end(book, commitment(records_of(notes)), count=7)
    with pytest.raises(NotTrusted, match=r"a wrong seal .* 7 values"):
        replayed(records_of([*notes, bad]))


def test_a_replay_that_does_not_know_of_seals_could_not_check() -> None:
    records, index = sealed()
    with pytest.raises(Unavailable, match="not kept") as caught:
        for _ in replay(records, State(MemoryState())):
            pass
    assert caught.value.where == f"record {index}"


def test_sealed_sizes_are_read_off_records_of_any_kind() -> None:
    records, index = sealed()
    assert list(sealed_sizes(records)) == [index - 6]
    assert sealed_size(b'0 1\nx\ny\n{"kind":"seal"') is None
    assert sealed_size(b'{"kind":"seal"}') is None


def test_a_watch_is_due_at_each_size_once_and_in_order() -> None:
    watch = SealWatch((9, 3, 9))
    assert watch.due == 3
    watch.take(3, [])
    watch.expect((2, 5, 9))
    assert watch.due == 5
    watch.take(5, [])
    watch.take(9, [])
    assert watch.due == -1


def test_the_whole_map_is_what_is_stored_and_what_has_changed() -> None:
    records, _ = sealed()
    base = MemoryState()
    state = State(base)
    for step in replay(records[:30], state):
        if step.index == 20:
            base.store(state)
    items = list(state.items())
    base.store(state)
    assert items == sorted(base.values.items()) == list(state_items(base)) == list(state.items())
    made = commit_to(items, 30)
    assert commitment(records[:30]) == made
    note = seal(Book(), made)
    assert sealed_size(format_record(0, 0, note)) == 30
    assert commitment_of(msgspec.convert(_fields(made), type=_Plain)) == made  # type: ignore[arg-type]  # only its fields count


class _Plain(msgspec.Struct):
    size: int
    root: str
    count: int
    totals: Totals


def _fields(made: Commitment) -> dict[str, Any]:
    totals = msgspec.structs.asdict(made.totals)
    return {"size": made.size, "root": made.root.hex(), "count": made.count, "totals": totals}
