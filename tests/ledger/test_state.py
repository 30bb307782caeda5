"""The state map while entries are applied: drafts, the cache, what has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pytest

from registry.ledger import state as module
from registry.ledger import values as v
from registry.ledger.serials import Span
from registry.ledger.state import MemoryState, State

KEY = v.block_key("CN-GD-PHCER-2018-000001", 1)


def test_a_value_that_was_read_once_is_never_read_stale() -> None:
    base = MemoryState()
    state = State(base)
    for last in (5, 6, 7):
        state.put(KEY, v.Block(last=last, status="free"))
        state.accept()
        base.store(state)
        found = state.get(KEY, v.Block)
        assert found is not None
        assert found.last == last
    state.delete(KEY)
    state.accept()
    assert state.get(KEY, v.Block) is None


def test_a_discarded_draft_leaves_nothing() -> None:
    state = State(MemoryState())
    state.put(KEY, v.Block(last=5, status="free"))
    state.discard()
    assert state.get(KEY, v.Block) is None
    assert state.changes() == []


class Counting(MemoryState):
    """Counts how many keys it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, ...]] = []

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        self.asked.append(tuple(keys))
        return super().get_many(keys)


def account_key(n: int) -> str:
    return f"account/{n}"


def fill(state: State, base: MemoryState, keys: Iterable[str], value: v.Value) -> None:
    for key in keys:
        state.put(key, value)
        state.accept()
    base.store(state)


def test_what_is_expected_is_read_with_the_first_that_is_missing() -> None:
    base = Counting()
    value = v.Trade(index=1)
    fill(State(base), base, ["trade/a", "trade/b", "trade/c"], value)
    state = State(base)
    base.asked.clear()
    state.expect(["trade/a", "trade/b", "trade/x"])
    assert base.asked == []
    assert state.get("trade/b", v.Trade) == value
    assert base.asked == [("trade/b", "trade/a", "trade/x")]
    assert state.get("trade/a", v.Trade) == value
    assert state.get("trade/x", v.Trade) is None
    assert len(base.asked) == 1
    assert state.get("trade/c", v.Trade) == value
    assert base.asked[1:] == [("trade/c",)]


def test_what_is_here_is_not_asked_for() -> None:
    base = Counting()
    state = State(base)
    fill(state, base, ["trade/a"], v.Trade(index=1))
    base.asked.clear()
    state.expect(iter(["trade/a"]))
    assert state.get("trade/a", v.Trade) is not None
    state.expect(())
    assert base.asked == []


def test_what_was_written_and_never_read_is_found() -> None:
    base = MemoryState()
    state = State(base)
    block = v.Block(last=9, status="free")
    state.put(KEY, block)
    state.accept()
    assert state.get(KEY, v.Block) == block  # accepted, not stored yet
    base.store(state)
    assert state.get(KEY, v.Block) == block  # stored


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHE_VALUES_MAX", 100)
    base = Counting()
    state = State(base)
    for n in range(12):
        keys = [account_key(i) for i in range(n * 20, n * 20 + 20)]
        fill(state, base, keys, v.Account(type="personal", accept="any", need=1, index=n))
        assert len(state._cache) <= 100
    base.asked.clear()
    for i in range(240):  # what was dropped comes back
        assert state.get(account_key(i), v.Account) is not None
    assert 0 < len(base.asked) <= 240


def test_holdings_cut_to_pieces_do_not_fill_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHE_SPANS_MAX", 1_000)
    monkeypatch.setattr(module, "_WEIGH_EVERY", 10)
    base = MemoryState()
    state = State(base)
    cut = v.Balance(free=tuple(Span(n, n) for n in range(1, 200, 2)))
    for n in range(30):
        keys = [v.balance_key(f"a{i}", "B") for i in range(n * 4, n * 4 + 4)]
        fill(state, base, keys, cut)
        spans = sum(len(b.free) for b in state._cache.values() if isinstance(b, v.Balance))
        assert spans <= 1_000 + 12 * 100
    assert state.get(v.balance_key("a0", "B"), v.Balance) == cut


def test_a_scan_goes_on_beyond_a_page_and_sees_what_has_changed() -> None:
    keys = [f"lot/coin/{v.number(n)}/{v.number(n)}" for n in range(3 * module.SCAN_ROWS_MAX + 7)]
    base = MemoryState()
    state = State(base)
    fill(state, base, keys[::2], v.Lot(in_hands=1))
    for key in keys[1::2]:
        state.put(key, v.Lot(in_hands=2))
    state.accept()
    for key in keys[::5]:
        state.delete(key)
    wanted = [key for n, key in enumerate(keys) if n % 5]
    assert [key for key, _ in state.scan("lot/coin/", "lot/coin0", v.Lot)] == wanted
    inside = [key for key in wanted if keys[9] <= key < keys[1_200]]
    assert [key for key, _ in state.scan(keys[9], keys[1_200], v.Lot)] == inside
    assert list(state.scan("lot/coin0", "lot/coin1", v.Lot)) == []
