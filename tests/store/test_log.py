"""Commits and snapshots: all or nothing, by compare-and-swap, seen as of one size."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.chain.errors import Broken
from registry.chain.tlog import Frontier, leaf_hash
from registry.ports import Head, NewRecord, Published
from registry.store import schema
from registry.store.database import open_for_reading, open_for_writing
from registry.store.log import SqlLogStore
from registry.store.migrate import create_database
from registry.store.publication import SqlPublicationStore
from registry.store.reads import SqlReadStore
from registry.store.statements import CHUNKS
from tests.books import ORIGIN

Changes = list[tuple[str, bytes | None]]


class Log:
    """A store with readers beside it, fed with made-up records."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "tanbu.sqlite3"
        create_database(self.path, ORIGIN)
        self.engine = open_for_writing(self.path)
        self.store = SqlLogStore(self.engine)
        self.reader = SqlReadStore(open_for_reading(self.path))
        self.head = self.store.open_epoch()

    def close(self) -> None:
        self.store.close()
        self.reader.close()
        self.engine.dispose()

    def add(self, count: int, *subjects: str, changes: Changes | None = None) -> Head:
        records = [
            new_record(self.head.size + n, f"record {self.head.size + n}".encode(), subjects)
            for n in range(count)
        ]
        return self.commit(records, changes or [])

    def commit(self, records: list[NewRecord], changes: Changes) -> Head:
        old = self.head
        new = grown(old, records)
        self.store.commit(old, new, records, changes)
        self.head = new
        return new


def new_record(index: int, record: bytes, subjects: tuple[str, ...] = ()) -> NewRecord:
    return NewRecord(index, record, leaf_hash(record), index.to_bytes(24, "big"), subjects)


def grown(old: Head, records: list[NewRecord]) -> Head:
    frontier = old.frontier.copy()
    for record in records:
        frontier.append(record.leaf_hash)
    return replace(
        old, size=frontier.size, root=frontier.root(), time_ms=old.time_ms + 1, frontier=frontier
    )


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path)
    yield log
    log.close()


def test_an_empty_log(log: Log) -> None:
    assert log.head == Head(0, Frontier().root(), 0, 1, Frontier())
    with log.reader.snapshot() as snapshot:
        assert snapshot.head == log.head
        assert snapshot.record(0) is None
        assert snapshot.published() is None
        assert snapshot.mentions("kind/transfer", before=10, limit=5) == []


def test_a_commit_is_found_by_all_its_names(log: Log) -> None:
    log.add(3, "kind/a")
    head = log.add(2, "kind/b", "account/x", changes=[("a", b"1"), ("b", b"2")])
    assert log.store.head() == head
    with log.reader.snapshot() as snapshot:
        assert snapshot.head == head
        assert [snapshot.record(n) for n in (0, 4, 5)] == [b"record 0", b"record 4", None]
        assert list(snapshot.records(1, 4)) == [b"record 1", b"record 2", b"record 3"]
        assert snapshot.index_of_leaf(leaf_hash(b"record 3")) == 3
        assert snapshot.index_of_leaf(leaf_hash(b"record 9")) is None
        assert snapshot.index_of_id((4).to_bytes(24, "big")) == 4
        assert snapshot.index_of_id((5).to_bytes(24, "big")) is None
        assert snapshot.mentions("kind/a", before=9, limit=9) == [2, 1, 0]
        assert snapshot.mentions("kind/a", before=2, limit=1) == [1]
        assert snapshot.mentions("account/x", before=4, limit=9) == [3]
        assert snapshot.state.get_many(["b", "c", "a"]) == {"a": b"1", "b": b"2"}
    assert log.store.find_ids([(2).to_bytes(24, "big"), (7).to_bytes(24, "big")]) == {
        (2).to_bytes(24, "big"): 2
    }
    assert list(log.store.records(2, 4)) == [b"record 2", b"record 3"]


def test_state_is_put_replaced_and_deleted(log: Log) -> None:
    log.add(1, changes=[("a/1", b"1"), ("a/2", b"2"), ("b", b"3")])
    log.add(1, changes=[("a/1", None), ("a/2", b"4"), ("absent", None)])
    state = log.store.state()
    assert state.get_many(["a/1", "a/2", "b"]) == {"a/2": b"4", "b": b"3"}


def test_state_is_scanned_in_byte_order(log: Log) -> None:
    keys = ["a", "a-", "a/", "a/0", "a/00", "a0", "aA", "aa", "b", "Z"]
    log.add(1, changes=[(key, key.encode()) for key in keys])
    state = log.store.state()
    assert [k for k, _ in state.scan("", "\x7f", 99)] == sorted(keys, key=str.encode)
    assert [k for k, _ in state.scan("a/", "a0", 99)] == ["a/", "a/0", "a/00"]
    assert [k for k, _ in state.scan("a", "b", 2)] == ["a", "a-"]


def test_many_keys_are_asked_for_at_once(log: Log) -> None:
    keys = [f"k{n}" for n in range(2 * CHUNKS[-1] + 3)]
    log.add(1, changes=[(key, b"x") for key in keys])
    for count in (0, 1, CHUNKS[-1] - 1, CHUNKS[-1], CHUNKS[-1] + 1, len(keys)):
        found = log.store.state().get_many([*keys[:count], "gone"])
        assert set(found) == set(keys[:count])


def test_a_snapshot_does_not_move(log: Log) -> None:
    log.add(2, "kind/a", changes=[("a", b"1")])
    with log.reader.snapshot() as before:
        log.add(3, "kind/a", changes=[("a", b"2"), ("b", b"3")])
        assert before.head.size == 2
        assert before.record(2) is None
        assert before.state.get_many(["a", "b"]) == {"a": b"1"}
        assert before.mentions("kind/a", before=99, limit=9) == [1, 0]
        with log.reader.snapshot() as after:
            assert after.head.size == 5
            assert after.state.get_many(["a"]) == {"a": b"2"}


def test_published_is_the_largest_checkpoint(log: Log) -> None:
    store = SqlPublicationStore(log.engine)
    store.store_checkpoint(Published(7, b"note 7", 70))
    store.store_checkpoint(Published(5, b"note 5", 50))
    assert store.published() == Published(7, b"note 7", 70)
    with pytest.raises(Broken, match="UNIQUE"):
        store.store_checkpoint(Published(7, b"another note 7", 71))
    store.close()
    with log.reader.snapshot() as snapshot:
        assert snapshot.published() == Published(7, b"note 7", 70)


@pytest.mark.parametrize(
    "change",
    [{"size": 1}, {"root": bytes(32)}, {"time_ms": 99}, {"epoch": 7}],
    ids=["size", "root", "time", "epoch"],
)
def test_a_commit_on_another_head_is_refused_whole(log: Log, change: dict[str, object]) -> None:
    log.add(2)
    wrong = replace(log.head, **change)  # type: ignore[arg-type]  # one field of Head
    records = [new_record(2, b"record 2")]
    with pytest.raises(Broken, match="not the one this writer left"):
        log.store.commit(wrong, grown(log.head, records), records, [("a", b"1")])
    fresh = SqlLogStore(log.engine)
    assert fresh.head() == log.head
    assert fresh.state().get_many(["a"]) == {}
    assert fresh.find_ids([records[0].id_key]) == {}


def test_a_writer_that_another_has_followed_cannot_commit(log: Log) -> None:
    log.add(1)
    engine = open_for_writing(log.path)
    later = SqlLogStore(engine)
    assert later.open_epoch().epoch == log.head.epoch + 1
    with pytest.raises(Broken, match="only one writer"):
        log.add(1)
    later.close()
    engine.dispose()


def test_after_a_failed_commit_nothing_is_committed(log: Log) -> None:
    log.add(1)
    with pytest.raises(Broken, match="UNIQUE"):
        log.commit([new_record(1, b"x"), new_record(1, b"y")], [])
    with pytest.raises(Broken, match="commits nothing any more"):
        log.add(1)
    assert SqlLogStore(log.engine).head().size == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE head SET root = x'00'",
        "UPDATE head SET size = size + 1",
        "UPDATE head SET frontier = substr(frontier, 1, 9)",
        "UPDATE head SET frontier = x'0000000000000000'",
        "DELETE FROM head",
    ],
)
def test_a_damaged_head_is_broken(log: Log, statement: str) -> None:
    log.add(3)
    with log.engine.connect() as connection:
        connection.exec_driver_sql(statement)
    with pytest.raises(Broken, match=r"head|frontier"):
        log.store.head()


def test_a_head_beyond_its_records_does_not_open(log: Log) -> None:
    log.add(3)
    with log.engine.connect() as connection:
        connection.exec_driver_sql("DROP TRIGGER record_no_delete")
        connection.exec_driver_sql("DELETE FROM record WHERE idx = 2")
    with pytest.raises(Broken, match="3 records, the last record has the index 1"):
        SqlLogStore(log.engine).open_epoch()
    with pytest.raises(Broken, match="of records 0 to 2 only 2"):
        list(log.store.records(0, 3))


def test_two_leaves_of_one_prefix_are_told_apart(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "leaf_prefix", lambda leaf: leaf[0] >> 7)
    log.add(40)
    with log.reader.snapshot() as snapshot:
        for index in range(40):
            assert snapshot.index_of_leaf(leaf_hash(f"record {index}".encode())) == index


def test_lookups_cross_segments(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "LEAF_SEGMENT_BITS", 3)
    for _ in range(7):
        log.add(5)
    with log.reader.snapshot() as snapshot:
        for index in range(35):
            assert snapshot.index_of_leaf(leaf_hash(f"record {index}".encode())) == index


@settings(max_examples=25)
@given(
    rounds=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    fold_at=st.integers(1, 200),
    seed=st.integers(0, 2**16),
    before=st.integers(0, 500),
    limit=st.integers(1, 60),
)
def test_lists_are_those_of_a_plain_search(
    tmp_path_factory: pytest.TempPathFactory,
    rounds: list[int],
    fold_at: int,
    seed: int,
    before: int,
    limit: int,
) -> None:
    chance = random.Random(seed)
    words = ("often", "sometimes", "rare")
    log = Log(tmp_path_factory.mktemp("log"))
    mentioned: dict[str, list[int]] = {word: [] for word in words}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "MENTION_SEGMENT_BITS", 5)
        patch.setattr("registry.store.log.FOLD_AT", fold_at)
        for count in rounds:
            records: list[NewRecord] = []
            for _ in range(count):
                index = log.head.size + len(records)
                about = tuple(
                    w
                    for w, odds in zip(words, (2, 9, 90), strict=True)
                    if chance.randrange(odds) == 0
                )
                for word in about:
                    mentioned[word].append(index)
                records.append(new_record(index, b"%d" % index, about))
            log.commit(records, [])
        with log.reader.snapshot() as snapshot:
            for word, indexes in mentioned.items():
                wanted = [i for i in reversed(indexes) if i < before][:limit]
                assert snapshot.mentions(word, before=before, limit=limit) == wanted
    log.close()


def test_indexes_are_packed_big_endian() -> None:
    assert schema.pack_indexes([1, 258, 65_535]) == bytes([0, 1, 1, 2, 255, 255])
    assert schema.unpack_indexes(schema.pack_indexes(range(1000))) == list(range(1000))
