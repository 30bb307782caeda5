"""What is SQLite's alone: connections, durability, the file itself (DESIGN §9, adr 0006).

Another database gets a module beside this one; nothing else here knows which it is.

Rules
- WAL, synchronous=FULL; every value that durability rests on is read back, and a build that does
  not honour it is refused
- a writing transaction begins with BEGIN IMMEDIATE; a reading connection cannot write, and each
  of its transactions sees one state
- whatever the database raises is Broken to the callers (`guarded`): of a commit that failed nobody
  knows whether it is on the disk
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool, StaticPool

from registry.chain.errors import Broken, Unavailable

PAGE_BYTES = 8_192
"""Of a new file: fits 13 usual records, where 4,096 would leave a seventh of the file empty."""
WRITER_CACHE_KIB = 12_288
"""Measured: more does not make it faster, since a fold goes through the trees in order."""
READER_CACHE_KIB = 4_096
CHECKPOINT_PAGES = 6_000
"""WAL pages after which a commit moves them into the file: 48 MB, so that pages which each round
writes anew (state, segments) are moved once for many rounds."""
BUSY_MS = 5_000
READERS_MAX = 8

_MAGIC = b"SQLite format 3\x00"
_FULL = 2
_WAL_FORMAT = 2


def writer_engine(path: Path) -> Engine:
    """One connection that writes; the file is made if it is not there."""
    return _engine(path, read_only=False)


def reader_engine(path: Path) -> Engine:
    """Connections that read beside a writer, from any thread."""
    return _engine(path, read_only=True)


def _engine(path: Path, *, read_only: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        # isolation_level=None: transactions begin and end where we say, not where the driver does.
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'rw' if read_only else 'rwc'}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_MS / 1000,
            cached_statements=64,
        )

    if read_only:
        engine = create_engine(
            "sqlite://", creator=connect, poolclass=QueuePool, pool_size=READERS_MAX, max_overflow=0
        )
    else:
        engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
    event.listen(engine, "connect", _set_reading if read_only else _set_writing)
    if read_only:
        event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


@contextmanager
def write_transaction(connection: Connection, what: str) -> Iterator[None]:
    """All that is written inside, or nothing; a failure is Broken, and its outcome unknown.

    Outside of it a writing connection reads the newest committed state, statement by statement.
    """
    with guarded(what):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield
            connection.exec_driver_sql("COMMIT")
        finally:
            # After COMMIT there is nothing to roll back, and after an error that SQLite itself
            # has rolled back neither.
            connection.rollback()


@contextmanager
def write_directly(cursor: DBAPICursor, what: str) -> Iterator[None]:
    """As `write_transaction`, by a bare cursor: a fifth of the cost for a small transaction."""
    with guarded(what):
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield
            cursor.execute("COMMIT")
        finally:
            cursor.connection.rollback()


def _set_reading(raw: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    _pragma(raw, "query_only", 1, 1)
    _pragma(raw, "cache_size", -READER_CACHE_KIB, -READER_CACHE_KIB)


def _set_writing(raw: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    raw.cursor().execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a new file only
    _pragma(raw, "journal_mode", "wal", "wal")
    _pragma(raw, "synchronous", _FULL, _FULL)
    _pragma(raw, "foreign_keys", 1, 1)
    # Else INSERT OR REPLACE would delete without asking the triggers.
    _pragma(raw, "recursive_triggers", 1, 1)
    _pragma(raw, "cache_size", -WRITER_CACHE_KIB, -WRITER_CACHE_KIB)
    _pragma(raw, "wal_autocheckpoint", CHECKPOINT_PAGES, CHECKPOINT_PAGES)


def _pragma(raw: DBAPIConnection, name: str, value: int | str, wanted: int | str) -> None:
    """Set a pragma and read it back."""
    cursor = raw.cursor()
    cursor.execute(f"PRAGMA {name} = {value}")
    cursor.execute(f"PRAGMA {name}")
    row = cursor.fetchone()
    cursor.close()
    if row is None or row[0] != wanted:
        raise Broken(
            f"this build of SQLite keeps {name} at {row and row[0]} instead of {wanted}",
            todo="use a local disk, and the SQLite of your distribution",
        )


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Turn whatever the database raises into Broken: `what` could not be done."""
    try:
        yield
    except SQLAlchemyError as error:
        raise _broken(what, error) from error
    except (sqlite3.Error, OSError) as error:
        raise _broken(what, error) from error


def _broken(what: str, error: Exception) -> Broken:
    cause = getattr(error, "orig", None) or error
    todo = ""
    if "full" in str(cause):
        todo = "free space on the disk, then start again; nothing acknowledged is lost"
    elif "malformed" in str(cause) or "not a database" in str(cause):
        todo = "look with: tanbu fsck"
    return Broken(f"the database could not {what}: {cause}", todo=todo)


def check_file(path: Path) -> None:
    """Return if the file is a whole SQLite database in WAL mode by its header; else Broken.

    SQLite itself notices a cut-off file only when it reads what is missing.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
        length = path.stat().st_size
    except FileNotFoundError as error:
        raise Unavailable(
            "there is no database", where=str(path), todo="open a log with: tanbu init"
        ) from error
    except OSError as error:
        raise Unavailable(f"the database cannot be read: {error}", where=str(path)) from error
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise Broken("this is not a SQLite database, or its beginning is damaged", where=str(path))
    page_bytes = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    # 1 stands for 65,536. The page count in the file may lag behind the WAL, never the other way.
    if (65_536 if page_bytes == 1 else page_bytes) * pages > length:
        raise Broken(
            f"the database is cut off: {length} bytes are there, {pages} pages should be",
            where=str(path),
            todo="restore a backup, or rebuild from the tiles",
        )
    if header[18] != _WAL_FORMAT or header[19] != _WAL_FORMAT:
        raise Broken(
            "the database is not in WAL mode: not written by this service", where=str(path)
        )


def check_integrity(connection: Connection) -> list[str]:
    """What SQLite itself finds wrong in the file; empty if nothing."""
    with guarded("be checked"):
        rows = connection.exec_driver_sql("PRAGMA integrity_check(100)").fetchall()
    found = [str(row[0]) for row in rows]
    return [] if found == ["ok"] else found


def move_wal(connection: Connection) -> None:
    """Move the WAL into the file and empty it."""
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def wal_of(path: Path) -> Path:
    """Where SQLite writes what is committed and not yet in the file."""
    return path.with_name(path.name + "-wal")


def shared_of(path: Path) -> Path:
    """SQLite's index of the WAL, made anew at each opening."""
    return path.with_name(path.name + "-shm")
