"""The database file of a data directory as an audit reads it (StoredBook of `registry.verify`).

On standard-library sqlite3: it reads millions of rows and changes none, on a machine that may have
nothing but this file. Another database gets a reader of its own.

Refuses to know: what any of it should be.

Rules
- the file is opened for reading only; on a medium that cannot be written, without its locks
- records never change, and an audit may take hours: they are read statement by statement, so that
  the service's own files do not grow meanwhile; what is compared at the end (head, ids, state) is
  read in one transaction
- what sqlite3 raises is Broken: the file is damaged, or is none
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from heapq import merge
from pathlib import Path
from types import TracebackType
from typing import Any

from registry.chain.errors import Broken, Malformed, Unavailable
from registry.chain.tlog import Frontier
from registry.ports import Head
from registry.store.journal import Recent, parse_changes, split_ids
from registry.store.revision import REVISION

CACHE_KIB = 16_384
_ROWS_AT_ONCE = 2_048


class FileBook:
    """See the module; close it when the audit is over."""

    def __init__(self, path: Path) -> None:
        """Unavailable if it cannot be opened; Broken if it is not such a database."""
        self._connection = _open(path)
        with _guarded():
            tables = self._all("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")
            rows = self._all("SELECT version_num FROM alembic_version") if tables else []
        if rows != [(REVISION,)]:
            self._connection.close()
            raise Broken(
                f"the database has another schema than {REVISION}",
                where=str(path),
                todo="use the version of tanbu that wrote it, or a newer one",
            )

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def records(self, first: int, stop: int) -> Sequence[tuple[bytes, bytes]]:
        """Records with the leaf hashes stored beside them; fewer if some are not there."""
        rows = self._all(
            "SELECT record, leaf_hash FROM record WHERE idx >= ? AND idx < ? ORDER BY idx",
            first,
            stop,
        )
        return [(as_bytes(record), as_bytes(leaf_hash)) for record, leaf_hash in rows]

    def checkpoints(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """The first `limit` of the signed checkpoints of sizes above `after`, by size."""
        rows = self._all(
            "SELECT size, note FROM checkpoint WHERE size > ? ORDER BY size LIMIT ?", after, limit
        )
        return [(size, as_bytes(note)) for size, note in rows]

    @contextmanager
    def still(self) -> Iterator[Head]:
        """The committed head; until the end of the context, all that is read is as of it."""
        with _guarded():
            self._connection.execute("BEGIN")
        try:
            yield self._head()
        finally:
            self._connection.rollback()

    def id_items(self) -> Iterator[tuple[bytes, int]]:
        """The stored ids in byte order, each with its index."""
        rows = self._all("SELECT first, ids FROM journal ORDER BY first")
        recent = [
            (id_key, first + at)
            for first, ids in rows
            for at, id_key in enumerate(split_ids(as_bytes(ids)))
        ]
        return merge(self._folded_ids(), sorted(recent))

    def _folded_ids(self) -> Iterator[tuple[bytes, int]]:
        last = b""
        while rows := self._all(
            "SELECT id_key, idx FROM entry_id WHERE id_key > ? ORDER BY id_key LIMIT ?",
            last,
            _ROWS_AT_ONCE,
        ):
            last = rows[-1][0]
            for id_key, index in rows:
                yield as_bytes(id_key), index

    def state_items(self) -> Iterator[tuple[str, bytes]]:
        """The stored state map in byte order of the keys."""
        recent = Recent()
        for first, data in self._all("SELECT first, changes FROM journal ORDER BY first"):
            recent.take(parse_changes(first, data))
        return recent.merge(self._folded_state(), recent.between("", None))

    def _folded_state(self) -> Iterator[tuple[str, bytes]]:
        last = ""
        while rows := self._all(
            "SELECT key, value FROM state WHERE key > ? ORDER BY key LIMIT ?", last, _ROWS_AT_ONCE
        ):
            last = rows[-1][0]
            for key, value in rows:
                yield str(key), as_bytes(value)

    def _head(self) -> Head:
        rows = self._all("SELECT size, root, time_ms, epoch, frontier FROM head")
        if len(rows) != 1:
            raise Broken("the database has no head, or two", where="head")
        size, root, time_ms, epoch, encoded = rows[0]
        try:
            frontier = Frontier.decode(as_bytes(encoded))
        except Malformed as error:
            raise Broken(f"the stored frontier is damaged: {error}", where="head") from error
        return Head(size=size, root=root, time_ms=time_ms, epoch=epoch, frontier=frontier)

    def _all(self, question: str, *values: object) -> list[Any]:
        with _guarded():
            return self._connection.execute(question, values).fetchall()


def as_bytes(value: object) -> bytes:
    """What stands in a column of bytes; something else if a hand has put another type there."""
    return value if isinstance(value, bytes) else repr(value).encode()


def _open(path: Path) -> sqlite3.Connection:
    """A reading connection; of a file whose directory cannot be written, without its locks."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    wal = path.with_name(path.name + "-wal")
    for form in (uri, f"{uri}&immutable=1"):
        try:
            return _connected(form)
        except sqlite3.OperationalError as error:
            if form is uri and not (wal.exists() and wal.stat().st_size):
                continue
            raise Unavailable(f"the database cannot be read: {error}", where=str(path)) from error
        except sqlite3.DatabaseError as error:
            raise Broken(f"this is no database of a log: {error}", where=str(path)) from error
    raise Unavailable("the database cannot be read", where=str(path))


def _connected(uri: str) -> sqlite3.Connection:
    """A connection that has read something; raises what sqlite3 raises."""
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}").fetchall()
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class _guarded:  # noqa: N801 - used like a function
    """Turn what sqlite3 raises into Broken."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, sqlite3.Error):
            raise Broken(
                f"the database is damaged: {error}", where="database", todo="look with: tanbu fsck"
            ) from error
