"""The journal and the tables are one: what is read does not depend on what was folded when."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.upkeep import fsck
from registry.chain.errors import Broken
from registry.ledger.state import StateReader
from registry.store.compared import FileBook
from registry.store.database import open_for_reading, open_for_writing
from registry.store.log import SqlLogStore
from registry.store.migrate import create_database, upgrade_database
from registry.store.reads import SqlReadStore
from registry.store.rebuild import state_items
from tests.books import ORIGIN, Book
from tests.logs import make_log, take, writing
from tests.store.test_log import Log, new_record

FAMILIES = ("balance/", "batch/", "block/", "lot/", "zz/")
RANGES = [
    ("", "~"),
    ("balance/", "balance0"),
    ("balance/3", "block/5"),
    ("lot/", "lot0"),
    ("b", "c"),
]


def some_changes(chance: random.Random, values: dict[str, bytes]) -> list[tuple[str, bytes | None]]:
    """What one round changes, each key once; `values` follow."""
    changes: dict[str, bytes | None] = {}
    for _ in range(chance.randrange(12)):
        key = f"{chance.choice(FAMILIES)}{chance.randrange(12)}"
        changes[key] = chance.randbytes(3) if chance.randrange(3) else None
    for key, value in changes.items():
        if value is None:
            values.pop(key, None)
        else:
            values[key] = value
    return list(changes.items())


def check_reader(state: StateReader, values: dict[str, bytes], chance: random.Random) -> None:
    keys = [f"{family}{n}" for family in FAMILIES for n in range(12)]
    assert state.get_many(keys) == values
    low, high = chance.choice(RANGES)
    limit = chance.randrange(1, 30)
    wanted = [(k, values[k]) for k in sorted(values) if low <= k < high]
    assert list(state.scan(low, high, limit)) == wanted[:limit]


@settings(max_examples=40)
@given(fold_at=st.integers(1, 30), seed=st.integers(0, 2**20))
def test_reads_are_those_of_a_plain_map(
    tmp_path_factory: pytest.TempPathFactory, fold_at: int, seed: int
) -> None:
    chance = random.Random(seed)
    log = Log(tmp_path_factory.mktemp("log"))
    values: dict[str, bytes] = {}
    with pytest.MonkeyPatch.context() as patch, closing(FileBook(log.path)) as book:
        patch.setattr("registry.store.log.FOLD_AT", fold_at)
        for _ in range(12):
            before = dict(values)
            with log.reader.snapshot() as old:
                if chance.randrange(2):
                    check_reader(old.state, before, chance)
                first = log.head.size
                records = [
                    new_record(first + n, b"r%d" % (first + n))
                    for n in range(chance.randrange(1, 5))
                ]
                log.commit(records, some_changes(chance, values))
                check_reader(old.state, before, chance)
                assert old.index_of_id(records[0].id_key) is None
                assert old.index_of_leaf(records[0].leaf_hash) is None
            check_reader(log.store.state(), values, chance)
            with log.reader.snapshot() as new:
                check_reader(new.state, values, chance)
                for record in records:
                    assert new.index_of_id(record.id_key) == record.index
                    assert new.index_of_leaf(record.leaf_hash) == record.index
                assert new.index_of_id(records[0].id_key[1:] + b"x") is None
            assert list(state_items(log.engine)) == sorted(values.items())
            with book.still() as head:
                assert list(book.state_items()) == sorted(values.items())
                ids = [(n.to_bytes(24, "big"), n) for n in range(head.size)]
                assert list(book.id_items()) == ids
            found = log.store.find_ids([record.id_key for record in records])
            assert found == {record.id_key: record.index for record in records}
    log.close()


@pytest.fixture
def killed(tmp_path: Path) -> DataDirectory:
    """A log whose writer ended without folding."""
    book = Book()
    data = make_log(tmp_path / "data", book)
    with writing(data, fold=False) as writer:
        take(writer, book.founding()[1:])
        for _ in range(3):
            take(writer, [book.transfer("farm", "mill") for _ in range(7)])
    return data


def state_of(data: DataDirectory) -> list[tuple[str, bytes]]:
    engine = open_for_reading(data.database)
    items = list(state_items(engine))
    engine.dispose()
    return items


def test_a_killed_log_is_whole_and_goes_on(killed: DataDirectory) -> None:
    assert fsck(killed).faults == ()
    before = state_of(killed)
    with writing(killed) as writer:
        size = writer.head.size
    with closing(sqlite3.connect(killed.database)) as raw:
        assert raw.execute("SELECT count(*) FROM journal").fetchone() == (0,)
        assert raw.execute("SELECT count(*) FROM entry_id").fetchone() == (size,)
        assert raw.execute("SELECT count(*) FROM state").fetchone() == (len(before),)
    assert state_of(killed) == before
    assert fsck(killed).faults == ()


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE journal SET changes = x'c1'", "journal"),
        ("UPDATE journal SET changes = 'text'", "journal"),
        ("UPDATE journal SET ids = x'00' WHERE first > 9", "journal"),
        ("UPDATE journal SET prefixes = x'00' WHERE first > 9", "journal"),
        ("UPDATE journal SET subjects = x'0000000000000000' WHERE first > 9", "journal"),
        ("DELETE FROM journal WHERE first = (SELECT max(first) FROM journal)", "journal"),
    ],
)
def test_a_damaged_journal_does_not_open(killed: DataDirectory, statement: str, where: str) -> None:
    with closing(sqlite3.connect(killed.database)) as raw, raw:
        raw.execute(statement)
    with pytest.raises(Broken, match="journal") as caught, writing(killed):
        pass
    assert caught.value.where.startswith(where)
    assert any(fault.where.startswith(where) for fault in fsck(killed).faults)


def test_only_the_writer_with_the_head_folds(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.add(3, changes=[("a", b"1")])
    engine = open_for_writing(log.path)
    later = SqlLogStore(engine)
    later.open_epoch()
    with pytest.raises(Broken, match="only one writer"):
        log.store.fold()
    later.fold()
    assert later.state().get_many(["a"]) == {"a": b"1"}
    later.close()
    engine.dispose()
    log.close()


def test_a_database_without_a_journal_is_brought_forward(tmp_path: Path) -> None:
    path = tmp_path / "tanbu.sqlite3"
    create_database(path, ORIGIN)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DROP TABLE journal")
        raw.execute("DROP TABLE stamp")
        raw.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(Broken, match="schema 0001"):
        open_for_reading(path)
    upgrade_database(path)
    reader = SqlReadStore(open_for_reading(path))
    with reader.snapshot() as snapshot:
        assert snapshot.state.get_many(["log"]) == {}
    reader.close()


def test_a_copy_of_the_files_of_a_running_log_is_whole(
    killed: DataDirectory, tmp_path: Path
) -> None:
    """What lies in the file and its WAL is all there is: nothing is kept in memory alone."""
    with writing(killed, fold=False) as writer:
        copy = tmp_path / "copy"
        shutil.copytree(killed.root, copy)
        size = writer.head.size
    checked = fsck(DataDirectory(copy))
    assert (checked.size, checked.faults) == (size, ())
