"""The database of a data directory as an audit reads it (port StoredBook of `registry.verify`).

Records never change, and an audit may take hours: they are read in short transactions, so that the
service's own files do not grow meanwhile. What is compared at the end (head, ids, state) is read in
one.

Refuses to know: what any of it should be.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, Select, select

from registry.ports import Head
from registry.store import schema, sqlite
from registry.store.log import read_head

RENEW_EVERY = 64
"""Questions in one transaction, while records are read."""
_ROWS_AT_ONCE = 2_048


class SqlBook:
    """See the module; `engine` is one that reads, and stays the caller's to dispose of."""

    def __init__(self, engine: Engine) -> None:
        with sqlite.guarded("be opened"):
            self._connection = engine.connect()
        self._still = False
        self._asked = 0

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def records(self, first: int, stop: int) -> Sequence[tuple[bytes, bytes]]:
        """Records with the leaf hashes stored beside them; fewer if some are not there."""
        table = schema.record
        wanted = (
            select(table.c.record, table.c.leaf_hash)
            .where(table.c.idx >= first, table.c.idx < stop)
            .order_by(table.c.idx)
        )
        return [(_bytes(row[0]), _bytes(row[1])) for row in self._ask(wanted)]

    def checkpoints(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """The first `limit` of the signed checkpoints of sizes above `after`, by size."""
        table = schema.checkpoint.c
        wanted = (
            select(table.size, table.note)
            .where(table.size > after)
            .order_by(table.size)
            .limit(limit)
        )
        return [(row[0], _bytes(row[1])) for row in self._ask(wanted)]

    @contextmanager
    def still(self) -> Iterator[Head]:
        """The committed head; until the end of the context, all that is read is as of it."""
        self._connection.rollback()
        self._still = True
        try:
            with sqlite.guarded("be read"):
                head = read_head(self._connection)
            yield head
        finally:
            self._still = False
            self._connection.rollback()

    def id_items(self) -> Iterator[tuple[bytes, int]]:
        """The stored ids in byte order, each with its index."""
        key, index = schema.entry_id.c.id_key, schema.entry_id.c.idx
        last = b""
        while rows := self._ask(
            select(key, index).where(key > last).order_by(key).limit(_ROWS_AT_ONCE)
        ):
            last = rows[-1][0]
            for row in rows:
                yield _bytes(row[0]), row[1]

    def state_items(self) -> Iterator[tuple[str, bytes]]:
        """The stored state map in byte order of the keys."""
        key, value = schema.state.c.key, schema.state.c.value
        last = ""
        while rows := self._ask(
            select(key, value).where(key > last).order_by(key).limit(_ROWS_AT_ONCE)
        ):
            last = rows[-1][0]
            for row in rows:
                yield str(row[0]), _bytes(row[1])

    def _ask(self, wanted: Select[Any]) -> Sequence[Any]:
        """All rows of a question, of which there are not many at once."""
        with sqlite.guarded("be read"):
            rows = self._connection.execute(wanted).all()
            self._asked += 1
            if not self._still and self._asked % RENEW_EVERY == 0:
                self._connection.rollback()
        return rows


def _bytes(value: object) -> bytes:
    """What stands in a column of bytes; something else if a hand has put another type there."""
    return value if isinstance(value, bytes) else repr(value).encode()
