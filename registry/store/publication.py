"""The publisher's side of the database (port PublicationStore)."""

from collections.abc import Iterator

from sqlalchemy import Connection, Engine, insert, select

from registry.ledger.logkeys import KeyHistory, read_history
from registry.ports import Head, Published
from registry.store import schema, sqlite
from registry.store.log import SqlState, read_head, read_records
from registry.store.statements import statements_for


class SqlPublicationStore:
    """Reads what is committed, and keeps what is signed; on one connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect()
        self._statements = statements_for(engine)

    def close(self) -> None:
        """Give the connection back; nothing may be asked after that."""
        self._connection.close()

    def head(self) -> Head:
        """The committed head."""
        return read_head(self._connection)

    def log_keys(self) -> KeyHistory:
        """The log's keys by the committed state, read anew: it reads the whole journal."""
        return read_history(SqlState(self._connection, self._statements))

    def hashed_records(self, first: int, stop: int) -> Iterator[tuple[bytes, bytes]]:
        """The records first ≤ index < stop in order, each with the leaf hash stored beside it."""
        return read_records(self._connection, first, stop)

    def published(self) -> Published | None:
        """The newest signed checkpoint that is stored."""
        return read_published(self._connection)

    def published_before(self, size: int) -> Published | None:
        """The newest stored checkpoint that is smaller than `size`."""
        return read_published(self._connection, before=size)

    def store_checkpoint(self, published: Published) -> None:
        """Keep a signed checkpoint, durably, before anybody gets to see it."""
        with sqlite.write_transaction(self._connection, "keep a checkpoint"):
            self._connection.execute(
                insert(schema.checkpoint).values(
                    size=published.size, note=published.note, time_ms=published.time_ms
                )
            )


def read_published(connection: Connection, before: int | None = None) -> Published | None:
    """The newest signed checkpoint that is stored; with `before`, of those that are smaller."""
    table = schema.checkpoint.c
    wanted = select(table.size, table.note, table.time_ms).order_by(table.size.desc()).limit(1)
    if before is not None:
        wanted = wanted.where(table.size < before)
    with sqlite.guarded("read checkpoints"):
        row = connection.execute(wanted).first()
    return None if row is None else Published(size=row[0], note=row[1], time_ms=row[2])
