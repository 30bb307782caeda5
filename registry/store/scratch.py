"""An audit's scratch: a state map and the memory of ids, outside of memory, for one run.

On standard-library sqlite3 in temporary files that are gone when it is closed; so the memory that
an audit needs does not grow with the log. Nothing here is durable, and nothing needs to be.

Refuses to know: what keys and values mean.

    with Scratch() as scratch:
        state = State(scratch.state)
        ...
        scratch.state.store(state.changes())
"""

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType

from registry.chain.errors import Broken
from registry.ledger.replay import UsedId
from registry.store.journal import Recent

CACHE_KIB = 16_384
"""Pages kept in memory by each of the two files."""
KEYS_IN_MEMORY_MAX = 200_000
"""Values kept in memory before they go into the file: some 80 MB."""
ASK_AT_ONCE = 256
_FETCH_ROWS = 2_048


class Scratch:
    """Two files of one run; close it, or use it as a context manager."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="tanbu-", dir=directory)
        place = Path(self._directory.name)
        self.state = ScratchState(_open(place / "state"))
        self.ids = ScratchIds(_open(place / "ids"))

    def close(self) -> None:
        """Drop everything."""
        self.state.close()
        self.ids.close()
        self._directory.cleanup()

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ScratchState:
    """A state map (port StateScratch): what is newest in memory, the rest in the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._recent = Recent()
        with _guarded():
            connection.execute(
                "CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
            )

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The values of those keys that exist."""
        found: dict[str, bytes] = {}
        recent = self._recent.values
        elsewhere = []
        for key in keys:
            if key not in recent:
                elsewhere.append(key)
            elif (value := recent[key]) is not None:
                found[key] = value
        if elsewhere:
            self._look_up(elsewhere, found)
        return found

    def _look_up(self, keys: Sequence[str], found: dict[str, bytes]) -> None:
        with _guarded():
            if len(keys) == 1:  # the usual case, and cheaper so
                found.update(
                    self._connection.execute("SELECT key, value FROM state WHERE key = ?", keys)
                )
                return
            for start in range(0, len(keys), ASK_AT_ONCE):
                some = keys[start : start + ASK_AT_ONCE]
                # Always as many marks: one statement, prepared once.
                padded = (*some, *[None] * (ASK_AT_ONCE - len(some)))
                found.update(self._connection.execute(_ASK_STATES, padded))

    def scan(self, low: str, high: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Up to `limit` pairs with low ≤ key < high, in byte order of the keys."""
        new = self._recent.between(low, high, limit)
        with _guarded():
            rows = self._connection.execute(
                "SELECT key, value FROM state WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
                (low, high, limit + len(new)),
            ).fetchall()
        return list(islice(self._recent.merge(rows, new), limit))

    def store(self, changes: Sequence[tuple[str, bytes | None]]) -> None:
        """Take over changes of the state."""
        self._recent.take(changes)
        if len(self._recent.values) > KEYS_IN_MEMORY_MAX:
            self._spill()

    def _spill(self) -> None:
        """Bring what is in memory into the file."""
        items = self._recent.values.items()
        put = sorted([(key, value) for key, value in items if value is not None])
        gone = sorted([(key,) for key, value in items if value is None])
        with _guarded():
            self._connection.execute("BEGIN")
            self._connection.executemany("REPLACE INTO state VALUES (?, ?)", put)
            self._connection.executemany("DELETE FROM state WHERE key = ?", gone)
            self._connection.execute("COMMIT")
        self._recent = Recent()

    def items(self) -> Iterator[tuple[str, bytes]]:
        """The whole map in byte order of the keys; it may not change meanwhile."""
        return self._recent.merge(self._spilled(), self._recent.between("", None))

    def _spilled(self) -> Iterator[tuple[str, bytes]]:
        # Page by page: a cursor left open by a reader who stops would hold the file.
        last = ""
        while rows := self._page(last):
            yield from rows
            last = rows[-1][0]

    def _page(self, last: str) -> list[tuple[str, bytes]]:
        with _guarded():
            return self._connection.execute(
                "SELECT key, value FROM state WHERE key > ? ORDER BY key LIMIT ?",
                (last, _FETCH_ROWS),
            ).fetchall()

    def close(self) -> None:
        """Give the file up."""
        self._connection.close()


class ScratchIds:
    """Ids of entries until their not_after (port IdMemory)."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        with _guarded():
            connection.execute(
                "CREATE TABLE ids (key BLOB PRIMARY KEY, idx INTEGER NOT NULL,"
                " time_ms INTEGER NOT NULL, not_after_ms INTEGER NOT NULL) WITHOUT ROWID"
            )

    def take(self, ids: list[UsedId]) -> tuple[UsedId, int] | None:
        """See `IdMemory`."""
        with _guarded():
            before = self._connection.total_changes
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR IGNORE INTO ids VALUES (?, ?, ?, ?)", ids)
            clash = None
            if self._connection.total_changes - before != len(ids):
                clash = self._take_slowly(ids)
            self._connection.execute("COMMIT")
        return clash

    def _take_slowly(self, ids: Sequence[UsedId]) -> tuple[UsedId, int] | None:
        """Look at each id, where at least one was known already."""
        for used in ids:
            key, index, time_ms, _ = used
            held, not_after_ms = self._connection.execute(
                "SELECT idx, not_after_ms FROM ids WHERE key = ?", (key,)
            ).fetchone()
            if held == index:
                continue
            if not_after_ms >= time_ms:
                return used, held
            self._connection.execute("REPLACE INTO ids VALUES (?, ?, ?, ?)", used)
        return None

    def items(self) -> Iterator[tuple[bytes, int]]:
        """All ids in byte order, each with the index of its last entry."""
        last = b""
        while rows := self._page(last):
            yield from rows
            last = rows[-1][0]

    def _page(self, last: bytes) -> list[tuple[bytes, int]]:
        with _guarded():
            return self._connection.execute(
                "SELECT key, idx FROM ids WHERE key > ? ORDER BY key LIMIT ?", (last, _FETCH_ROWS)
            ).fetchall()

    def close(self) -> None:
        """Give the file up."""
        self._connection.close()


_ASK_STATES = f"SELECT key, value FROM state WHERE key IN ({','.join('?' * ASK_AT_ONCE)})"  # noqa: S608 - marks only


def _open(path: Path) -> sqlite3.Connection:
    """A file for one run: no journal, nothing forced to the disk."""
    with _guarded():
        connection = sqlite3.connect(path, isolation_level=None, cached_statements=16)
        for pragma in (
            "page_size = 8192",
            "journal_mode = OFF",
            "synchronous = OFF",
            "locking_mode = EXCLUSIVE",
            f"cache_size = -{CACHE_KIB}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection


class _guarded:  # noqa: N801 - used like a function
    """Turn what sqlite3 raises into Broken; a class, for it is entered for each key read."""

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
                f"the scratch file cannot be used: {error}",
                todo="free space where temporary files are kept (TMPDIR), then start again",
            ) from error
