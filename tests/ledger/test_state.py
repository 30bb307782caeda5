"""The state map while entries are applied: drafts, the cache, what has changed."""

from __future__ import annotations

from registry.ledger import values as v
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
