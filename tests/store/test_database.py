"""Making and opening a log's database: durable settings, append-only tables, clear refusals."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from registry.chain.errors import Broken, Unavailable
from registry.store import migrate, schema, sqlite
from registry.store.database import open_for_reading, open_for_writing, origin_of
from registry.store.migrate import create_database, upgrade_database
from tests.books import ORIGIN


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tanbu.sqlite3"
    create_database(path, ORIGIN)
    return path


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = open_for_writing(path)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


def test_the_migrations_make_the_tables_that_the_code_uses(connection: Connection) -> None:
    assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []


def test_the_code_knows_the_newest_migration() -> None:
    steps = ScriptDirectory.from_config(migrate._config())
    assert steps.get_heads() == [schema.REVISION]


def test_migrations_go_forward_only() -> None:
    for step in ScriptDirectory.from_config(migrate._config()).walk_revisions():
        assert not hasattr(step.module, "downgrade"), step.revision


def test_a_new_database_knows_its_log_and_leaves_nothing_beside_it(path: Path) -> None:
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name]
    engine = open_for_reading(path)
    with engine.connect() as connection:
        assert origin_of(connection) == ORIGIN
    engine.dispose()


def test_what_durability_rests_on_is_set(connection: Connection) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "page_size": sqlite.PAGE_BYTES}
    for name, value in wanted.items():
        assert connection.exec_driver_sql(f"PRAGMA {name}").scalar() == value


def test_a_build_that_does_not_honour_a_setting_is_refused() -> None:
    raw = sqlite3.connect(":memory:")  # it has no WAL
    with pytest.raises(Broken, match="journal_mode at memory instead of wal"):
        sqlite._pragma(raw, "journal_mode", "wal", "wal")
    raw.close()


ROWS = {
    "record": "(0, x'00', x'00')",
    "entry_id": "(x'00', 0)",
    "leaf": "(0, 0, 0)",
    "mention": "(0, 0, 0, x'')",
    "checkpoint": "(1, x'00', 0)",
    "stamp": "(1, 'tsa', x'00', 0)",
}


def test_every_log_table_is_tested_here() -> None:
    assert {table.name for table in schema.LOG_TABLES} == set(ROWS)


@pytest.mark.parametrize("table", ROWS)
def test_a_log_table_only_grows(connection: Connection, table: str) -> None:
    connection.exec_driver_sql(f"INSERT INTO {table} VALUES {ROWS[table]}")
    column = connection.exec_driver_sql(f"SELECT * FROM {table}").keys()
    for statement in (
        f"UPDATE {table} SET {next(iter(column))} = 1",
        f"DELETE FROM {table}",
        f"INSERT OR REPLACE INTO {table} VALUES {ROWS[table]}",
    ):
        with pytest.raises(Broken, match="append-only"), sqlite.guarded("change"):
            connection.exec_driver_sql(statement)
    assert len(connection.exec_driver_sql(f"SELECT * FROM {table}").all()) == 1


def test_there_is_one_head(connection: Connection) -> None:
    with pytest.raises(Broken, match="constraint"), sqlite.guarded("change"):
        connection.exec_driver_sql("INSERT INTO head VALUES (2, 0, x'', 0, 0, x'')")


def test_a_reader_cannot_write(path: Path) -> None:
    engine = open_for_reading(path)
    with (
        engine.connect() as connection,
        pytest.raises(Broken, match="readonly"),
        sqlite.guarded("write"),
    ):
        connection.exec_driver_sql("INSERT INTO meta VALUES ('a', 'b')")
    engine.dispose()


def test_a_database_is_made_once(path: Path) -> None:
    with pytest.raises(Unavailable, match="a database already"):
        create_database(path, ORIGIN)


def test_what_a_crash_left_of_making_one_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "tanbu.sqlite3"
    (tmp_path / "tanbu.sqlite3.new").write_bytes(b"half")
    (tmp_path / "tanbu.sqlite3.new-wal").write_bytes(b"half")
    create_database(path, ORIGIN)
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]
    open_for_writing(path).dispose()


def test_no_database(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no database") as caught:
        open_for_writing(tmp_path / "tanbu.sqlite3")
    assert "tanbu init" in caught.value.todo
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", [0, 50, 99, 4_096, sqlite.PAGE_BYTES * 3, -1])
def test_a_cut_off_database_is_refused(path: Path, left: int) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:left])
    with pytest.raises(Broken, match=r"damaged|cut off"):
        open_for_writing(path)


@pytest.mark.parametrize("at", [0, 3, 16, 18, 19])
def test_an_altered_header_is_refused(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(data)
    with pytest.raises(Broken):
        open_for_writing(path)


def test_another_file_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough" * 100)
    with pytest.raises(Broken, match="not a SQLite database"):
        open_for_writing(path)


def test_a_newer_schema_is_refused(path: Path) -> None:
    raw = sqlite3.connect(path)
    with raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    for use in (open_for_writing, open_for_reading, upgrade_database):
        with pytest.raises(Broken, match="schema 9999; this version of tanbu knows") as caught:
            use(path)
        assert "newer" in caught.value.todo


def test_a_database_of_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tanbu.sqlite3"
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA journal_mode = wal")
    raw.execute("CREATE TABLE t (a)")
    raw.close()
    with pytest.raises(Broken, match="no schema of ours"):
        open_for_writing(path)


def test_upgrading_what_is_new_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    upgrade_database(path)
    assert path.read_bytes() == before


def test_a_database_from_before_time_stamps_is_brought_forward(path: Path) -> None:
    raw = sqlite3.connect(path)
    with raw:
        raw.execute("DROP TABLE stamp")
        raw.execute("UPDATE alembic_version SET version_num = '0002'")
    raw.close()
    with pytest.raises(Broken, match="schema 0002"):
        open_for_writing(path)
    upgrade_database(path)
    engine = open_for_writing(path)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        assert connection.exec_driver_sql("SELECT count(*) FROM stamp").scalar() == 0
    engine.dispose()
