"""Time stamps in the database (port StampStore): a token per checkpoint and authority."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Engine, func, insert, select

from registry.ports import Published, Stamped
from registry.store import schema, sqlite
from registry.store.publication import read_published

_TABLE = schema.stamp.c
_WHOLE = select(_TABLE.size, _TABLE.authority, _TABLE.token, _TABLE.time_ms)


class SqlStampStore:
    """Reads what is published and keeps what authorities have said of it; on its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect()

    def close(self) -> None:
        """Give the connection back; nothing may be asked after that."""
        self._connection.close()

    def published(self) -> Published | None:
        """The newest signed checkpoint that is stored."""
        return read_published(self._connection)

    def newest_stamp(self, authority: str) -> Stamped | None:
        """The stamp of the largest checkpoint that this authority has stamped."""
        wanted = _WHOLE.where(_TABLE.authority == authority).order_by(_TABLE.size.desc()).limit(1)
        with sqlite.guarded("read time stamps"):
            row = self._connection.execute(wanted).first()
        return None if row is None else Stamped(*row)

    def keep_stamp(self, stamped: Stamped) -> None:
        """Keep a checked stamp, durably; there is none yet of this size and authority."""
        with sqlite.write_transaction(self._connection, "keep a time stamp"):
            self._connection.execute(
                insert(schema.stamp).values(
                    size=stamped.size,
                    authority=stamped.authority,
                    token=stamped.token,
                    time_ms=stamped.time_ms,
                )
            )


def read_stamps(connection: Connection) -> Iterator[Stamped]:
    """All of them, by size and authority."""
    with sqlite.guarded("read time stamps"):
        rows = connection.execute(_WHOLE.order_by(_TABLE.size, _TABLE.authority)).all()
    for row in rows:
        yield Stamped(*row)


def stamped_note(connection: Connection, size: int) -> bytes | None:
    """The checkpoint that stamps of this size are about."""
    wanted = select(schema.checkpoint.c.note).where(schema.checkpoint.c.size == size)
    with sqlite.guarded("read checkpoints"):
        found = connection.execute(wanted).scalar()
    return None if found is None else bytes(found)


def newest_stamps(connection: Connection) -> Sequence[Stamped]:
    """The newest of each authority, by name."""
    newest = (
        select(_TABLE.authority, func.max(_TABLE.size).label("size"))
        .group_by(_TABLE.authority)
        .subquery()
    )
    wanted = _WHOLE.join(
        newest, (newest.c.authority == _TABLE.authority) & (newest.c.size == _TABLE.size)
    ).order_by(_TABLE.authority)
    with sqlite.guarded("read time stamps"):
        return [Stamped(*row) for row in connection.execute(wanted)]
