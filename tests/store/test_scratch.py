"""The scratch of an audit: a state map and ids outside of memory, gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.chain.errors import Broken
from registry.ledger.codec import format_record
from registry.ledger.replay import MemoryIds, replay
from registry.ledger.state import MemoryState, State
from registry.store.scratch import Scratch
from tests.books import T0, Book


@pytest.mark.parametrize("keys_max", [0, 7, 50, 10_000], ids=lambda n: f"spills at {n}")
def test_it_holds_what_memory_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys_max: int
) -> None:
    monkeypatch.setattr("registry.store.scratch.KEYS_IN_MEMORY_MAX", keys_max)
    book = Book()
    records = [format_record(n, T0, note) for n, note in enumerate(book.founding() + book.walk())]
    memory = MemoryState()
    state = State(memory)
    for _ in replay(records, state):
        memory.store(state)
    with Scratch(tmp_path) as scratch:
        state = State(scratch.state)
        for _ in replay(records, state, ids=scratch.ids):
            scratch.state.store(state.changes())
            state.stored()
        assert dict(scratch.state.items()) == memory.values
        assert list(scratch.state.items()) == sorted(memory.values.items())
        keys = [*memory.values, *(f"none/{n}" for n in range(300))]
        assert scratch.state.get_many(keys) == memory.values
        assert scratch.state.get_many(("log",)) == {"log": memory.values["log"]}
        assert scratch.state.get_many(("none",)) == {}
        assert scratch.state.get_many(()) == {}
        for low, high, limit in (
            ("batch/", "batch0", 10),
            ("block/", "block0", 5),
            ("", "~", 7),
            ("", "~", 999),
            ("z", "a", 5),
        ):
            assert scratch.state.scan(low, high, limit) == memory.scan(low, high, limit)
        assert any(tmp_path.iterdir())
    assert not any(tmp_path.iterdir())


def test_ids_count_until_their_not_after_and_no_longer(tmp_path: Path) -> None:
    with Scratch(tmp_path) as scratch:
        for ids in (MemoryIds(), scratch.ids):
            assert ids.take([(b"a", 0, 100, 200), (b"b", 1, 100, 150)]) is None
            assert ids.take([(b"c", 2, 140, 300), (b"a", 3, 200, 300)]) == (
                (b"a", 3, 200, 300),
                0,
            )
            assert ids.take([(b"b", 4, 151, 300)]) is None
            assert ids.take([(b"d", 5, 151, 300), (b"d", 6, 151, 300)]) == (
                (b"d", 6, 151, 300),
                5,
            )
        assert dict(scratch.ids.items())[b"b"] == 4
        assert [key for key, _ in scratch.ids.items()] == [b"a", b"b", b"c", b"d"]


def test_a_scratch_that_cannot_be_used_is_broken(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    scratch.close()
    with pytest.raises(Broken, match="scratch"):
        scratch.state.get_many(("a",))
