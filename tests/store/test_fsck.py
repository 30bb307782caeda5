"""Fsck finds what was altered, wherever it was; and a rebuild makes the same again."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from registry.bootstrap.data import DataDirectory, locked
from registry.bootstrap.upkeep import fsck, rebuild
from registry.chain.checkpoint import parse_checkpoint, sign_checkpoint
from registry.chain.errors import Broken, NotTrusted, TanbuError, Unavailable
from registry.chain.note import parse_note
from registry.chain.tlog import leaf_hash
from registry.ledger.state import state_root
from registry.store import schema
from registry.store.database import open_for_reading
from registry.store.fsck import FAULTS_MAX
from registry.store.rebuild import state_items
from tests.books import Book
from tests.logs import make_log, publishing, take, writing

ROUNDS, PER_ROUND = 14, 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    """A published log of three bundles that has grown since, with entries of every kind."""
    book = Book()
    data = make_log(tmp_path_factory.mktemp("whole") / "data", book)
    with writing(data) as writer:
        take(writer, [*book.founding()[1:], *book.walk()])
    for _ in range(ROUNDS):
        with writing(data) as writer:
            take(writer, [book.transfer("mill", "host") for _ in range(PER_ROUND)])
        with publishing(data) as publisher:
            publisher.step()
    with writing(data, fold=False) as writer:
        for _ in range(2):
            take(writer, [book.transfer("mill", "host") for _ in range(5)])
    with closing(sqlite3.connect(data.database)) as raw:  # all in the one file, to be damaged
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return data


@pytest.fixture
def data(whole: DataDirectory, tmp_path: Path) -> DataDirectory:
    shutil.copytree(whole.root, tmp_path / "data")
    return DataDirectory(tmp_path / "data")


def alter(data: DataDirectory, *statements: str) -> None:
    with closing(sqlite3.connect(data.database)) as raw, raw:
        for table in schema.LOG_TABLES:
            for verb in ("update", "delete"):
                raw.execute(f"DROP TRIGGER {table.name}_no_{verb}")
        for statement in statements:
            assert raw.execute(statement).rowcount != 0, statement


def dump(data: DataDirectory) -> dict[str, list[tuple[object, ...]]]:
    """What the database says, table by table."""
    with closing(sqlite3.connect(data.database)) as raw:
        return {
            table.name: raw.execute(f"SELECT * FROM {table.name} ORDER BY 1, 2").fetchall()
            for table in schema.metadata.tables.values()
        }


def test_a_whole_log_has_no_faults(data: DataDirectory) -> None:
    shown: list[tuple[int, int]] = []
    before = dump(data)
    checked = fsck(data, lambda done, total: shown.append((done, total)))
    assert checked.faults == ()
    assert checked.size == 38 + ROUNDS * PER_ROUND + 10
    assert checked.published_size == 38 + ROUNDS * PER_ROUND
    assert shown[-1] == (checked.size, checked.size)
    assert fsck(data, replay=False).faults == ()
    assert dump(data) == before


def test_fsck_wants_the_directory_to_itself(data: DataDirectory, tmp_path: Path) -> None:
    with locked(data), pytest.raises(Unavailable, match="another process"):
        fsck(data)
    with pytest.raises(Unavailable, match="no data directory"):
        fsck(DataDirectory(tmp_path / "nothing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unavailable, match="no database"):
        fsck(DataDirectory(tmp_path / "empty"))


SWAP = "UPDATE {0} SET {1} = CAST(replace({1}, '{2}', '{3}') AS BLOB) WHERE {4}"
ORDER = "key = 'order/ORDER-1'"
ALTERED = {
    "record": (SWAP.format("record", "record", "mill", "mile", "idx = 333"), "record 333"),
    "leaf hash": ("UPDATE record SET leaf_hash = zeroblob(32) WHERE idx = 5", "record 5"),
    "record gone": ("DELETE FROM record WHERE idx = 100", "records"),
    "last record gone": ("DELETE FROM record WHERE idx = 607", "head"),
    "record too many": ("INSERT INTO record VALUES (608, x'00', x'00')", "head"),
    "id": ("UPDATE entry_id SET idx = 8 WHERE idx = 7", "entry_id of record 7"),
    "id gone": ("DELETE FROM entry_id WHERE idx = 7", "entry_id of record 7"),
    "id too many": ("INSERT INTO entry_id VALUES (x'00', 9)", "entry_id"),
    "leaf": ("UPDATE leaf SET prefix = prefix + 1 WHERE idx = 7", "leaf of record 7"),
    "leaf too many": ("INSERT INTO leaf VALUES (0, 1, 7)", "leaf segment 0"),
    "leaf beyond": ("INSERT INTO leaf VALUES (7, 1, 7)", "leaf"),
    "mention": ("UPDATE mention SET indexes = x'0001' WHERE first = 0", "mention segment 0"),
    "mention odd": ("UPDATE mention SET indexes = x'000102' WHERE first = 0", "mention segment 0"),
    "mention gone": ("DELETE FROM mention WHERE first > 100", "mention segment 0"),
    "journal": ("UPDATE journal SET changes = zeroblob(9) WHERE first = 603", "journal 603"),
    "journal state": (SWAP.format("journal", "changes", "free", "fred", "first = 603"), "state "),
    "journal id": ("UPDATE journal SET ids = zeroblob(120) WHERE first = 603",
                   "entry_id of record 603"),
    "journal ids": ("UPDATE journal SET ids = zeroblob(121) WHERE first = 603", "journal 603"),
    "journal leaf": ("UPDATE journal SET prefixes = zeroblob(20) WHERE first = 603",
                     "leaf of record"),
    "journal list": ("UPDATE journal SET subjects = zeroblob(length(subjects)) WHERE first = 598",
                     "mention segment 0"),
    "journal lists": ("UPDATE journal SET subjects = x'00' WHERE first = 598", "journal 598"),
    "journal gone": ("DELETE FROM journal WHERE first = 603", "journal 598"),
    "journal begins late": ("DELETE FROM journal WHERE first = 598", "entry_id of record 598"),
    "journal torn": ("UPDATE journal SET first = 604 WHERE first = 603", "journal 604"),
    "mention beyond": ("INSERT INTO mention VALUES (7, 7, 7, x'0007')", "mention"),
    "state value": (SWAP.format("state", "value", "rule", "ruse", "key = 'log'"), "state log"),
    "state space": (SWAP.format("state", "value", "{", "{ ", "key = 'log'"), "state log"),
    "state gone": ("DELETE FROM state WHERE key LIKE 'order/%'", "state order/ORDER-1"),
    "state more": (f"INSERT INTO state SELECT 'order/X', value FROM state WHERE {ORDER}",
                   "state order/X"),
    "state key": (f"UPDATE state SET key = 'orde/ORDER-1' WHERE {ORDER}", "state ord"),
    "head root": ("UPDATE head SET root = zeroblob(32)", "head"),
    "head size": ("UPDATE head SET size = size - 1", "head"),
    "head time": ("UPDATE head SET time_ms = time_ms + 1", "head"),
    "origin": ("UPDATE meta SET value = 'sample.invalid/log/deadbeef'", "meta"),
    "checkpoint": (SWAP.format("checkpoint", "note", "9", "8", "size = 78"), "checkpoint 78"),
    "checkpoint size": ("UPDATE checkpoint SET size = 79 WHERE size = 78", "checkpoint 79"),
    "checkpoint beyond": ("UPDATE checkpoint SET size = 999 WHERE size = 598", "checkpoint 999"),
}  # fmt: skip


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_row_is_found_and_named(data: DataDirectory, name: str) -> None:
    statement, where = ALTERED[name]
    alter(data, statement)
    faults = fsck(data).faults
    assert any(fault.where.startswith(where) for fault in faults), faults


def test_a_state_value_that_looks_right_is_found_by_replay(data: DataDirectory) -> None:
    """Well-formed, canonical, and not what the rules made: only replay can tell."""
    alter(
        data,
        SWAP.format("state", "value", '"fulfilled_g":30', '"fulfilled_g":20', ORDER),
    )
    assert [fault.where for fault in fsck(data).faults] == ["state order/ORDER-1"]
    assert fsck(data, replay=False).faults == ()


def test_a_forged_record_with_all_its_hashes_is_found(data: DataDirectory) -> None:
    """A hand that knows the tables cannot make the signed tree."""
    with closing(sqlite3.connect(data.database)) as raw:
        (record,) = raw.execute("SELECT record FROM record WHERE idx = 333").fetchone()
    forged = record.replace(b'"quantity_g":1000000', b'"quantity_g":9000000')
    assert forged != record
    alter(
        data,
        f"UPDATE record SET record = x'{forged.hex()}', leaf_hash = x'{leaf_hash(forged).hex()}' "
        "WHERE idx = 333",
    )
    where = {fault.where for fault in fsck(data).faults}
    assert {"head", "checkpoint 358", "tiles/tile/0/001", "tiles/tile/entries/001"} <= where


def test_flipped_bytes_in_cells_are_found(data: DataDirectory) -> None:
    """One random byte of a random cell, ten times for each column that mean something."""
    chance = random.Random(20260101)
    cells = [("record", "record"), ("record", "leaf_hash"), ("state", "value"), ("state", "key"),
             ("checkpoint", "note"), ("entry_id", "id_key"), ("mention", "indexes"),
             ("head", "root"), ("head", "frontier")]  # fmt: skip
    with writing(data):
        pass  # all is in the tables now: a value that the journal replaces means nothing
    alter(data, "UPDATE head SET epoch = epoch")
    good = shutil.copy(data.database, data.root / "good")
    for turn in range(90):
        table, column = cells[turn % len(cells)]
        with closing(sqlite3.connect(data.database)) as raw:
            rows = raw.execute(f"SELECT CAST({column} AS BLOB) FROM {table}").fetchall()
            (value,) = chance.choice(rows)
            at = chance.randrange(len(value))
            flipped = bytearray(value)
            flipped[at] ^= 1 << chance.randrange(8)
            cast = f"CAST(? AS {'TEXT' if column == 'key' else 'BLOB'})"
            with raw:
                raw.execute(
                    f"UPDATE {table} SET {column} = {cast} WHERE {column} = {cast}",
                    (bytes(flipped), value),
                )
        assert fsck(data).faults, f"{table}.{column} byte {at} of {value!r}"
        shutil.copy(good, data.database)


def test_flipped_bytes_in_the_file_are_found_or_mean_nothing(
    data: DataDirectory, whole: DataDirectory
) -> None:
    chance = random.Random(7)
    good = data.database.read_bytes()
    meaning = dump(whole)
    found = 0
    for _ in range(60):
        damaged = bytearray(good)
        damaged[chance.randrange(len(good))] ^= 1 << chance.randrange(8)
        data.database.write_bytes(damaged)
        try:
            faults = fsck(data).faults
        except TanbuError:
            found += 1
            continue
        if faults:
            found += 1
        else:
            assert dump(data) == meaning
    assert found > 10


def test_every_altered_published_file_is_found(data: DataDirectory) -> None:
    chance = random.Random(3)
    files = [path for path in data.tiles.glob("**/*") if path.is_file()]
    assert len(files) == 3 + 3 + 1 + 1
    for path in files:
        good = path.read_bytes()
        changes = [good[:-1], good + b"\x00", b""]
        for _ in range(4):
            flipped = bytearray(good)
            flipped[chance.randrange(len(good))] ^= 1 << chance.randrange(8)
            changes.append(bytes(flipped))
        for changed in changes:
            path.write_bytes(changed)
            where = {fault.where for fault in fsck(data, replay=False).faults}
            assert where == {path.relative_to(data.root).as_posix()}
        path.unlink()
        where = {fault.where for fault in fsck(data, replay=False).faults}
        assert where == {path.relative_to(data.root).as_posix()}
        path.write_bytes(good)


def test_an_older_checkpoint_file_is_told_from_the_newest_tiles(data: DataDirectory) -> None:
    with closing(sqlite3.connect(data.database)) as raw:
        (note,) = raw.execute("SELECT note FROM checkpoint WHERE size = 78").fetchone()
    (data.tiles / "checkpoint").write_bytes(note)
    assert fsck(data, replay=False).faults == ()  # a crash leaves this, and the start mends it


def test_a_cut_off_database_is_broken(data: DataDirectory) -> None:
    good = data.database.read_bytes()
    data.database.write_bytes(good[: len(good) // 2])
    with pytest.raises(Broken, match="cut off"):
        fsck(data)


def test_a_log_that_is_all_wrong_does_not_fill_the_screen(data: DataDirectory) -> None:
    alter(data, "UPDATE record SET leaf_hash = zeroblob(32)")
    faults = fsck(data).faults
    assert len(faults) == FAULTS_MAX + 1
    assert "more than" in faults[-1].what


# ---------------------------------------------------------------- rebuild


def test_a_rebuild_makes_the_same_again(data: DataDirectory, whole: DataDirectory) -> None:
    with writing(data):
        pass
    before = dump(data)
    shown: list[tuple[int, int]] = []
    made = rebuild(data, lambda done, total: shown.append((done, total)))
    after = dump(data)
    assert made.differing == ()
    assert shown[-1] == (made.size, made.size)
    for table in ("meta", "record", "entry_id", "leaf", "state", "checkpoint"):
        assert after[table] == before[table], table
    assert after["head"][0][1:4] == before["head"][0][1:4]
    engine = open_for_reading(whole.database)
    assert (made.state_root, made.state_count) == state_root(state_items(engine))
    engine.dispose()
    assert fsck(data).faults == ()
    assert sorted(p.name for p in data.root.iterdir()) == [
        "keys", "stamp.lock", "tanbu.lock", "tanbu.sqlite3", "tiles"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM state",
        "UPDATE state SET value = CAST('{}' AS BLOB) WHERE key = 'log'",
        "DELETE FROM leaf",
        "DELETE FROM mention WHERE first < 100",
        "UPDATE entry_id SET idx = idx + 1",
        "UPDATE head SET root = zeroblob(32)",
        "UPDATE head SET time_ms = 0",
        "UPDATE record SET leaf_hash = zeroblob(32) WHERE idx = 9",
    ],
)
def test_what_is_made_from_the_records_is_mended(data: DataDirectory, statement: str) -> None:
    alter(data, statement)
    assert fsck(data).faults
    made = rebuild(data)
    assert fsck(data).faults == ()
    if "state" in statement:
        assert made.differing


def test_a_lost_database_comes_back_from_the_tiles(data: DataDirectory) -> None:
    before = dump(data)
    with pytest.raises(Unavailable, match="there is a database"):
        rebuild(data, from_tiles=True)
    data.database.unlink()
    made = rebuild(data, from_tiles=True)
    assert made.size == 38 + ROUNDS * PER_ROUND
    after = dump(data)
    assert after["record"] == before["record"][: made.size]
    assert len(after["checkpoint"]) == 1
    assert fsck(data).faults == ()
    with publishing(data) as publisher:
        assert publisher.step() is None


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ((b'"quantity_g":1000000', b'"quantity_g":9000000'), "record 333"),
        ((b"tanbu.entry/v1", b"tanbu.entry/v2"), "record 333"),
        ((b"333 ", b"334 "), "record 333"),
    ],
    ids=["signature", "form", "index"],
)
def test_a_record_that_does_not_hold_stops_a_rebuild(
    data: DataDirectory, change: tuple[bytes, bytes], where: str
) -> None:
    with closing(sqlite3.connect(data.database)) as raw:
        (record,) = raw.execute("SELECT record FROM record WHERE idx = 333").fetchone()
    alter(
        data,
        f"UPDATE record SET record = x'{record.replace(*change, 1).hex()}' WHERE idx = 333",
    )
    before = data.database.read_bytes()
    with pytest.raises(Broken) as caught:
        rebuild(data)
    assert caught.value.where == where
    assert data.database.read_bytes() == before
    assert not list(data.root.glob("rebuilt*"))


def test_a_record_that_was_cut_off_stops_a_rebuild(data: DataDirectory) -> None:
    """Each record holds, but they are not the tree that was signed."""
    alter(data, "DELETE FROM record WHERE idx >= 400", "UPDATE head SET size = 400")
    with pytest.raises(Broken, match="were published"):
        rebuild(data)


def test_tiles_of_another_log_are_not_taken(data: DataDirectory) -> None:
    data.database.unlink()
    checkpoint = (data.tiles / "checkpoint").read_bytes()
    head = parse_checkpoint(parse_note(checkpoint).text)
    other = Book("sample.invalid/log/deadbeef")
    forged = sign_checkpoint(head, other.ed25519_seed, other.mldsa44_seed, 1)
    (data.tiles / "checkpoint").write_bytes(forged)
    with pytest.raises(NotTrusted, match="no signature line"):
        rebuild(data, from_tiles=True)
    (data.tiles / "checkpoint").write_bytes(checkpoint.replace(b"\n598\n", b"\n597\n"))
    with pytest.raises(Unavailable, match="there is no tile"):
        rebuild(data, from_tiles=True)
    assert not data.database.exists()
