"""Tables of a whole book: their sums are the state's totals, their bytes those of the log."""

from __future__ import annotations

import csv
from collections import Counter
from io import StringIO

import pytest

from registry.chain.errors import NotTrusted
from registry.chain.tlog import root_hash
from registry.ledger import values as v
from registry.ledger.apply import apply, verify_here
from registry.ledger.codec import parse_entry
from registry.ledger.invariants import each
from registry.ledger.serials import Span
from registry.ledger.signing import sign_entry
from registry.ledger.state import MemoryState, State
from registry.sample.cast import Cast
from registry.sample.script import Scene
from registry.sample.story import GENESIS, STEPS
from registry.verify.booktables import HOLDINGS, RETIREMENTS, as_csv, holdings, retirements
from registry.verify.earlier import state_at
from tests.books import T0, Book
from tests.scenarios.files import NAMES, played
from tests.verify.logs import FileTiles, MemoryLog
from tests.verify.test_audit import Items

Rows = list[dict[str, str]]


def sample_book() -> MemoryState:
    """The state that the sample's story comes to."""
    base = MemoryState()
    state = State(base)
    cast = Cast(bytes(range(32)), 1_795_000_000_000)
    indexes: dict[str, int] = {}

    def free(account: str, batch: str) -> tuple[Span, ...]:
        held = state.get(v.balance_key(account, batch), v.Balance)
        return held.free if held else ()

    for index, step in enumerate((GENESIS, *STEPS)):
        now_ms = cast.started_ms + 3_000 * index
        scene = Scene(cast, step.name, 0, now_ms, indexes, free)
        note = sign_entry(cast.origin, step.entry(scene), [cast.key(name) for name in step.keys])
        parsed = parse_entry(note)
        assert apply(state, parsed, index=index, time_ms=now_ms, verify=verify_here) is None
        base.store(state)
        indexes[step.name] = index
    return base


def rows(text: str) -> Rows:
    return list(csv.DictReader(StringIO(text, newline="")))


def tables(state: MemoryState) -> tuple[Rows, Rows]:
    return (
        rows(as_csv(HOLDINGS, holdings(state))),
        rows(as_csv(RETIREMENTS, retirements(state))),
    )


def length(serials: str) -> int:
    pairs = [pair.split("-") for pair in serials.split()]
    return sum(int(last) - int(first) + 1 for first, last in pairs)


@pytest.mark.parametrize("name", ["the sample", *NAMES])
def test_sums_are_the_totals_of_each_batch(name: str) -> None:
    state = sample_book() if name == "the sample" else played(name).state
    held, used = tables(state)
    assert held
    batches = {key.removeprefix("batch/"): b for key, b in each(state, "batch", v.Batch)}
    units = {name: batch.unit_g for name, batch in batches.items()}
    found: Counter[tuple[str, str]] = Counter()
    for row in held:
        unit_g = int(row["unit_g"])
        assert int(row["free_g"]) == length(row["free_serials"]) * unit_g
        bound_g = length(row["bound_serials"]) * unit_g
        assert int(row["held_g"]) == int(row["free_g"]) + bound_g
        assert max(int(row[f"{word}_g"]) for word in ("reserved", "pledged", "frozen")) <= bound_g
        found[row["batch"], "free"] += int(row["held_g"]) - int(row["reserved_g"])
        found[row["batch"], "reserved"] += int(row["reserved_g"])
    for row in used:
        spans = [item.partition(":") for item in row["items"].split()]
        grams = [(name, length(span) * units[name]) for name, _, span in spans]
        assert sum(g for _, g in grams) == int(row["quantity_g"])
        for name, g in grams:
            found[name, "retired"] += g
    for name, batch in batches.items():
        found[name, "retired"] += taken_over_g(state, name, batch)
        for status in ("free", "reserved", "retired"):
            assert found[name, status] == getattr(batch, status) * batch.unit_g, (name, status)


def taken_over_g(state: MemoryState, name: str, batch: v.Batch) -> int:
    """What was retired in another book before the opening brought the batch here."""
    blocks = [
        (int(key[-16:]), block)
        for key, block in each(state, "block", v.Block)
        if key[:-17] == f"block/{name}" and (block.status, block.by) == ("retired", batch.index)
    ]
    assert batch.taken_over or not blocks
    return sum(block.last - first + 1 for first, block in blocks) * batch.unit_g


def test_the_bytes_are_a_function_of_the_log() -> None:
    once, again = sample_book(), sample_book()
    again.values = dict(reversed(again.values.items()))
    assert as_csv(HOLDINGS, holdings(once)) == as_csv(HOLDINGS, holdings(again))
    assert as_csv(RETIREMENTS, retirements(once)) == as_csv(RETIREMENTS, retirements(again))


def test_a_smaller_size_has_the_state_and_root_that_it_had() -> None:
    book = Book()
    notes = book.founding() + book.walk()
    whole = MemoryLog(book, notes)
    audited = (whole.size, whole.root(whole.size).hex())
    for size in (1, whole.size - 7, whole.size):
        scratch = Items()
        root = state_at(FileTiles(whole.files()), scratch, size=size, audited=audited)
        assert root == whole.root(size)
        then = MemoryLog(Book(now_ms=T0), notes[:size])
        assert scratch.values == then.state.values


def test_a_source_that_changes_its_mind_is_not_trusted() -> None:
    log = MemoryLog(Book(), Book().founding())
    with pytest.raises(NotTrusted, match="other records"):
        state_at(
            FileTiles(log.files()), Items(), size=2, audited=(log.size, root_hash(0, ()).hex())
        )
