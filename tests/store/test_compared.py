"""A data directory audited: its database is held to the log, row for row."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from registry.bootstrap.data import DataDirectory
from registry.chain.errors import Broken, NotTrusted, TanbuError, Unavailable
from registry.store.compared import FileBook
from registry.store.scratch import Scratch
from registry.store.sources import TileDirectory
from registry.verify.audit import audit
from registry.verify.means import HereCrew
from registry.verify.report import Report
from registry.verify.trust import Trust
from tests.books import BATCH, Book
from tests.logs import make_book, publishing, take, writing
from tests.verify.logs import log_trust


def run(root: Path) -> Report:
    with Scratch() as scratch, closing(FileBook(root / "tanbu.sqlite3")) as book:
        return audit(
            TileDirectory(root),
            memory=scratch,
            crew=HereCrew(),
            trust=Trust((log_trust(Book()),)),
            book=book,
        )


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("book") / "data"
    book = Book()
    make_book(root, book, book.walk())
    return root


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "data"))


def alter(root: Path, *statements: str) -> None:
    """Change the database as a hand with the file could: without asking its triggers."""
    with closing(sqlite3.connect(root / "tanbu.sqlite3")) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in names.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            changed = connection.execute(statement).rowcount
            assert changed > 0, statement
        connection.commit()


def test_a_good_book_is_good(good: Path) -> None:
    report = run(good)
    assert report.facts["database"] is True
    assert report.facts["checkpoints"] == 2
    assert report.facts["records"] == report.size == 38
    assert report.steps[-1].title.en == "Database"


def test_what_is_committed_beyond_the_checkpoint_is_checked_too(copy: Path) -> None:
    book = Book()
    book._ids = iter(range(1_000, 2_000))
    data = DataDirectory(copy)
    with writing(data) as writer:
        take(writer, [book.transfer("mill", "host") for _ in range(3)])
    report = run(copy)
    assert (report.size, report.facts["records"]) == (38, 41)
    assert any("not yet under a signed" in s.en for s in report.not_checked)
    alter(copy, "UPDATE record SET record = replace(record, 'transfer', 'transfex') WHERE idx = 40")
    with pytest.raises(NotTrusted, match="record 40"):
        run(copy)
    with publishing(data):
        pass


ALTERED: list[tuple[str, str, str]] = [
    ("a record", "UPDATE record SET record = record || x'0a' WHERE idx = 9", "record 9"),
    ("a record's type", "UPDATE record SET record = 'text' WHERE idx = 9", "record 9"),
    ("a record gone", "DELETE FROM record WHERE idx = 9", "record 0"),
    ("the last record gone", "DELETE FROM record WHERE idx = 37", "record 0"),
    (
        "a record too many",
        "INSERT INTO record SELECT 38, leaf_hash, record FROM record WHERE idx = 37",
        "record 38",
    ),
    ("a leaf hash", "UPDATE record SET leaf_hash = zeroblob(32) WHERE idx = 5", "record 5"),
    ("an empty leaf hash", "UPDATE record SET leaf_hash = x'' WHERE idx = 5", "record"),
    ("an id's index", "UPDATE entry_id SET idx = 3 WHERE idx = 4", "record 3"),
    ("an id gone", "DELETE FROM entry_id WHERE idx = 4", "record 4"),
    ("an id too many", "INSERT INTO entry_id VALUES (x'00', 77)", "record 77"),
    ("an id itself", "UPDATE entry_id SET id_key = id_key || x'00' WHERE idx = 7", "record 7"),
    (
        "a state value",
        f"UPDATE state SET value = value || x'20' WHERE key = 'batch/{BATCH}'",
        BATCH,
    ),
    ("a state value's type", "UPDATE state SET value = 5 WHERE key = 'log'", "state log"),
    ("a state value gone", "DELETE FROM state WHERE key = 'order/ORDER-1'", "order/ORDER-1"),
    ("a state value too many", "INSERT INTO state VALUES ('zz/top', x'7b7d')", "zz/top"),
    ("a state value before all", "INSERT INTO state VALUES ('a', x'7b7d')", "state a"),
    (
        "a state key",
        "UPDATE state SET key = 'order/ORDER-2' WHERE key = 'order/ORDER-1'",
        "ORDER-1",
    ),
    ("the head's size", "UPDATE head SET size = 37", "head"),
    ("the head's root", "UPDATE head SET root = zeroblob(32)", "head"),
    ("the head's time", "UPDATE head SET time_ms = time_ms + 1", "head"),
    ("the head's frontier", "UPDATE head SET frontier = x'00'", "head"),
    ("a checkpoint", "UPDATE checkpoint SET note = x'00' WHERE size = 38", "of size 38"),
    ("an older checkpoint", "UPDATE checkpoint SET note = x'00' WHERE size = 1", "of size 1"),
    ("a checkpoint's size", "UPDATE checkpoint SET size = 2 WHERE size = 1", "of size 2"),
    ("a larger checkpoint", "UPDATE checkpoint SET size = 99 WHERE size = 38", "99"),
    ("a checkpoint gone", "DELETE FROM checkpoint WHERE size = 38", "checkpoint"),
]


@pytest.mark.parametrize(
    ("statement", "place"), [a[1:] for a in ALTERED], ids=[a[0] for a in ALTERED]
)
def test_what_a_hand_alters_is_seen(copy: Path, statement: str, place: str) -> None:
    alter(copy, statement)
    with pytest.raises((NotTrusted, Broken)) as caught:
        run(copy)
    assert place in str(caught.value)


def flipped(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000.p/38", "tile/entries/000.p/38"])
def test_altered_files_beside_it_are_seen(copy: Path, name: str) -> None:
    path = copy / "tiles" / name
    for at in (0, 40, path.stat().st_size - 9):
        flipped(path, at)
        with pytest.raises(NotTrusted):
            run(copy)
        flipped(path, at)
    assert run(copy).size == 38


def test_one_bit_of_any_value_is_seen(copy: Path) -> None:
    with closing(sqlite3.connect(copy / "tanbu.sqlite3", isolation_level=None)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in names.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        keys = [row[0] for row in connection.execute("SELECT key FROM state ORDER BY key")]
        places = [("state", "value", "key", key) for key in keys[::11]]
        places += [("record", "record", "idx", index) for index in range(0, 38, 7)]
        for table, column, by, place in places:
            ask = f"SELECT {column} FROM {table} WHERE {by} = ?"
            value = connection.execute(ask, (place,)).fetchone()[0]
            bent = value[:-5] + bytes([value[-5] ^ 1]) + value[-4:]
            put = f"UPDATE {table} SET {column} = ? WHERE {by} = ?"
            connection.execute(put, (bent, place))
            with pytest.raises(TanbuError) as caught:
                run(copy)
            assert str(place) in str(caught.value)
            connection.execute(put, (value, place))
    assert run(copy).size == 38


def test_what_is_no_database_of_a_log(copy: Path, tmp_path: Path) -> None:
    path = copy / "tanbu.sqlite3"
    with pytest.raises(Unavailable):
        FileBook(tmp_path / "none.sqlite3")
    (tmp_path / "text.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(Broken):
        FileBook(tmp_path / "text.sqlite3")
    with closing(sqlite3.connect(tmp_path / "other.sqlite3")) as connection:
        connection.execute("CREATE TABLE other (x)")
    with pytest.raises(Broken, match="another schema"):
        FileBook(tmp_path / "other.sqlite3")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises((Broken, NotTrusted)):
        run(copy)


def test_an_audit_changes_nothing_of_what_it_reads(copy: Path) -> None:
    """SQLite may leave its own empty -wal and -shm beside a file that it has read."""
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    run(copy)
    for path, data in before.items():
        if path.suffix != ".sqlite3-shm":
            assert path.read_bytes() == data, path
    new = {path.name for path in copy.rglob("*") if path.is_file()} - {p.name for p in before}
    assert new <= {"tanbu.sqlite3-wal", "tanbu.sqlite3-shm"}
