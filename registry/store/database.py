"""Opening the database of a log: only if it is what this code understands.

Making it and bringing it forward is `registry.store.migrate`, which no long-lived process loads.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select, text

from registry.chain.errors import Broken
from registry.store import schema, sqlite

ORIGIN = "origin"
"""Key in `meta`: the log whose database this is."""


def open_for_writing(path: Path) -> Engine:
    """An engine of one connection that writes; the caller holds the lock of the data directory.

    Raises Unavailable if there is no database; Broken if it is damaged or of another schema.
    """
    return _opened(sqlite.writer_engine(path), path)


def open_for_reading(path: Path) -> Engine:
    """An engine whose connections read beside the writer; raises as `open_for_writing`."""
    return _opened(sqlite.reader_engine(path), path)


def _opened(engine: Engine, path: Path) -> Engine:
    sqlite.check_file(path)
    with sqlite.guarded("be opened"), engine.connect() as connection:
        revision = schema_revision(connection)
    if revision != schema.REVISION:
        engine.dispose()
        raise foreign_schema(path, revision)
    return engine


def schema_revision(connection: Connection) -> str | None:
    """The migration that the database is at; None if it is no database of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    rows = connection.execute(text("SELECT version_num FROM alembic_version")).all()
    return str(rows[0][0]) if len(rows) == 1 else None


def foreign_schema(path: Path, revision: str | None) -> Broken:
    """What to say of a schema that this code does not know."""
    found = "no schema of ours" if revision is None else f"schema {revision}"
    return Broken(
        f"the database has {found}; this version of tanbu knows {schema.REVISION}",
        where=str(path),
        todo="use the version of tanbu that wrote it, or a newer one",
    )


def origin_of(connection: Connection) -> str:
    """The origin of the log whose database this is; Broken if it does not say."""
    origin = connection.execute(
        select(schema.meta.c.value).where(schema.meta.c.key == ORIGIN)
    ).scalar()
    if origin is None:
        raise Broken("the database does not say which log it is of")
    return str(origin)
