"""Views against a plain reading of the same state: serials, blocks, pages, totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain.errors import Broken, Malformed
from registry.ledger import values as v
from registry.ledger.state import MemoryState, encode_value
from registry.service import books, reading, totals
from registry.service.reading import Absent
from tests.books import BATCH, COUNT, TONNE, account_id
from tests.fakes import FakeRegistry


class CountedState:
    """A state that counts what it is asked."""

    def __init__(self, state: MemoryState) -> None:
        self.state = state
        self.keys = sorted(state.values)
        self.questions = 0

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        self.questions += 1
        return self.state.get_many(keys)

    def scan(self, low: str, high: str, limit: int) -> Sequence[tuple[str, bytes]]:
        self.questions += 1
        return self.state.scan(low, high, limit)


def snapshot_of(blocks: list[tuple[int, int]], count: int) -> Any:
    """A snapshot whose only batch has these blocks."""
    state = MemoryState()
    batch = v.Batch(program="P", vintage=2024, unit_g=1, count=count, index=0, free=count)
    state.values["batch/B"] = encode_value(batch)
    for first, last in blocks:
        block = v.Block(last=last, status="free", holder=f"a-{first}")
        state.values[v.block_key("B", first)] = encode_value(block)
    return SimpleNamespace(state=CountedState(state), head=SimpleNamespace(size=1))


def tile(lengths: list[int]) -> list[tuple[int, int]]:
    blocks, first = [], 1
    for length in lengths:
        blocks.append((first, first + length - 1))
        first += length
    return blocks


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.data())
def test_a_serial_is_in_the_block_that_holds_it(lengths: list[int], data: st.DataObject) -> None:
    blocks = tile(lengths)
    count = blocks[-1][1]
    snapshot = snapshot_of(blocks, count)
    for number in {1, count, data.draw(st.integers(1, count))}:
        found = books.serial(snapshot, "B", number).block
        assert (found.first, found.last) == next(b for b in blocks if b[0] <= number <= b[1])
        view = books.batch(snapshot, "B", from_serial=number, limit=5)
        wanted = [b for b in blocks if b[1] >= number]
        assert [(b.first, b.last) for b in view.blocks] == wanted[:5]
        following = view.next_serial if isinstance(view.next_serial, int) else None
        assert following == (wanted[5][0] if len(wanted) > 5 else None)


@pytest.mark.parametrize(
    "lengths",
    [[1] * 3_000 + [3_000_000], [1] * 600 + [600], [1] * 600 + [400] + [1] * 600, [2**40]],
    ids=["many then one", "a page and more", "one between many", "one"],
)
def test_few_questions_find_a_serial(lengths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "SCAN_ROWS", 64)
    blocks = tile(lengths)
    snapshot = snapshot_of(blocks, blocks[-1][1])
    for first, last in (blocks[0], blocks[len(blocks) // 2], blocks[-1]):
        for number in (first, last):
            snapshot.state.questions = 0
            found = books.serial(snapshot, "B", number).block
            assert (found.first, found.last) == (first, last)
            assert snapshot.state.questions < 100


def test_serials_in_no_block_are_our_fault() -> None:
    snapshot = snapshot_of([(3, 5), (8, 9)], 9)
    for number in (1, 6):
        with pytest.raises(Broken):
            books.serial(snapshot, "B", number)
    for number in (0, 10):
        with pytest.raises(Absent):
            books.serial(snapshot, "B", number)


def test_a_family_is_read_in_order_whatever_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SCAN_ROWS", 3)
    state = MemoryState()
    names = ["a", "a-b", "a.b", "ab", "b", "z", "zz"]
    for name in names:
        state.values[f"party/{name}"] = encode_value(v.Party(title=name, roles=(), index=1))
    state.values["partz/x"] = b"no party"
    state.values["part/x"] = b"no party"
    snapshot: Any = SimpleNamespace(state=state)
    for limit in (None, 1, 2, 3, 4, 7, 8):
        found = [name for name, _ in reading.scan(snapshot, "party/", v.Party, limit=limit)]
        assert found == sorted(names)[:limit]
    for after in names:
        found = [name for name, _ in reading.scan(snapshot, "party/", v.Party, after=after)]
        assert found == [name for name in sorted(names) if name > after]


@pytest.mark.parametrize("after", ["x" * 500, "a\x00", "é", "\n"])
def test_a_place_in_a_list_is_plain(after: str) -> None:
    with pytest.raises(Malformed):
        reading.page_after(after)


# ------------------------------------------------------------ totals


@pytest.fixture
def registry() -> FakeRegistry:
    """Give a founded book."""
    made = FakeRegistry()
    made.take(made.book.founding())
    return made


def test_totals_follow_the_log(registry: FakeRegistry) -> None:
    counted = totals.Totals(registry)
    assert counted.stats().grams.retired == 0
    registry.take([registry.book.retirement("farm", 1, 7)])
    stats = counted.stats()
    assert stats.size == len(registry.records)
    assert stats.grams.retired == 7 * TONNE
    assert stats.grams.free == (COUNT - 7) * TONNE
    assert stats.issued_g == COUNT * TONNE


def test_dear_totals_are_not_counted_for_every_entry(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = totals.Totals(registry)
    monkeypatch.setattr(totals, "CHEAP_MS", -1)
    monkeypatch.setattr(totals, "SHARE_MAX", 10**9)
    before = counted.stats()
    registry.take([registry.book.retirement("farm", 1, 7)])
    assert counted.stats() == before
    assert before.size == len(registry.records) - 1, "it says the size that it is of"
    registry.publish()
    assert counted.stats().published_size == len(registry.records)


def test_a_book_without_batches_has_totals() -> None:
    empty = totals.Totals(FakeRegistry()).stats()
    assert (empty.size, empty.issued_g, empty.programs) == (0, 0, ())


def test_balances_give_a_total_only_for_the_whole(registry: FakeRegistry) -> None:
    book = registry.book
    registry.take([book.issuance(f"CN-GD-PHCER-202{n}-000001", 5) for n in (1, 2)])
    with registry.snapshot() as snapshot:
        whole = books.balances(snapshot, account_id("farm"))
        part = books.balances(snapshot, account_id("farm"), limit=2)
        rest = books.balances(snapshot, account_id("farm"), after=str(part.next))
    assert [line.batch[12:16] for line in whole.balances] == ["2021", "2022", "2024"]
    assert isinstance(whole.total, books.BalanceTotal)
    assert whole.total.free_g == (COUNT + 10) * TONNE
    assert not isinstance(part.total, books.BalanceTotal)
    assert not isinstance(rest.total, books.BalanceTotal)
    assert [line.batch for line in rest.balances] == [BATCH]
