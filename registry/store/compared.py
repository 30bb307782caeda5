"""The database of a data directory as an audit reads it (port StoredBook of `registry.verify`).

Records are read without a transaction, for they never change and an audit may take hours; what is
compared at the end (head, ids, state) is read in one.

Refuses to know: what any of it should be.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, func, select

from registry.ports import Head
from registry.store import schema, sqlite
from registry.store.log import read_head
from registry.store.statements import ask, statements_for

_STATE_ROWS = 2_048


class SqlBook:
    """See the module; `engine` is one that reads, and stays the caller's to dispose of."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._statements = statements_for(engine)
        self._held: Connection | None = None

    def records(self, first: int, stop: int) -> Sequence[tuple[bytes, bytes]]:
        """Records with the leaf hashes stored beside them; fewer if some are not there."""
        table = schema.record
        wanted = (
            select(table.c.record, table.c.leaf_hash)
            .where(table.c.idx >= first, table.c.idx < stop)
            .order_by(table.c.idx)
        )
        with self._connection() as connection:
            return [(_bytes(row[0]), _bytes(row[1])) for row in connection.execute(wanted)]

    def find_ids(self, id_keys: Sequence[bytes]) -> Mapping[bytes, int]:
        """The index that is stored with each id."""
        with self._connection() as connection:
            return dict(ask(connection, self._statements.find_ids, id_keys))

    def id_count(self) -> int:
        """How many ids are stored."""
        with self._connection() as connection:
            count = connection.execute(select(func.count()).select_from(schema.entry_id)).scalar()
            return int(count or 0)

    def checkpoints(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """The first `limit` of the signed checkpoints of sizes above `after`, by size."""
        table = schema.checkpoint.c
        wanted = (
            select(table.size, table.note)
            .where(table.size > after)
            .order_by(table.size)
            .limit(limit)
        )
        with self._connection() as connection:
            return [(row[0], _bytes(row[1])) for row in connection.execute(wanted)]

    @contextmanager
    def still(self) -> Iterator[Head]:
        """The committed head; until the end of the context, all that is read is as of it."""
        with self._connection() as connection:
            self._held = connection
            try:
                yield read_head(connection)
            finally:
                self._held = None

    def state_items(self) -> Iterator[tuple[str, bytes]]:
        """The stored state map in byte order of the keys."""
        key, value = schema.state.c.key, schema.state.c.value
        last = ""
        while True:
            wanted = select(key, value).where(key > last).order_by(key).limit(_STATE_ROWS)
            with self._connection() as connection:
                rows = connection.execute(wanted).all()
            if not rows:
                return
            last = rows[-1][0]
            for row in rows:
                yield str(row[0]), _bytes(row[1])

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with sqlite.guarded("be read"):
            if self._held is not None:
                yield self._held
            else:
                with self._engine.connect() as connection:
                    yield connection


def _bytes(value: object) -> bytes:
    """What stands in a column of bytes; something else if a hand has put another type there."""
    return value if isinstance(value, bytes) else repr(value).encode()
