"""Making a log's database and bringing an older one forward, by Alembic (adr 0006).

create_database(path, origin)            # once, by `tanbu init`
upgrade_database(path)                   # at each start, before anything else opens it
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert

import migrations
from registry.chain.errors import Unavailable
from registry.chain.tlog import Frontier
from registry.store import schema, sqlite
from registry.store.database import ORIGIN, foreign_schema, schema_revision
from registry.store.tiles import sync_directory


def create_database(path: Path, origin: str) -> None:
    """Make the database of an empty log; Unavailable if there is something at `path`."""
    if path.exists():
        raise Unavailable(
            "there is a database already; a log is opened once",
            where=str(path),
            todo="choose another data directory",
        )
    # Made beside its place: a crash leaves nothing there that looks like a log.
    new = path.with_name(path.name + ".new")
    for left in (new, sqlite.wal_of(new), sqlite.shared_of(new)):
        left.unlink(missing_ok=True)
    engine = sqlite.writer_engine(new)
    empty = Frontier()
    with sqlite.guarded("be made"), engine.connect() as connection:
        with sqlite.write_transaction(connection, "be made"):
            _upgrade(connection)
            connection.execute(insert(schema.meta).values(key=ORIGIN, value=origin))
            connection.execute(
                insert(schema.head).values(
                    id=1, size=0, root=empty.root(), time_ms=0, epoch=0, frontier=empty.encode()
                )
            )
        sqlite.move_wal(connection)
    engine.dispose()
    new.rename(path)
    sync_directory(path.parent)


def upgrade_database(path: Path) -> None:
    """Bring an older schema up to this code's; Broken if it is a newer one, or none of ours."""
    sqlite.check_file(path)
    engine = sqlite.writer_engine(path)
    with sqlite.guarded("be upgraded"), engine.connect() as connection:
        revision = schema_revision(connection)
        if revision != schema.REVISION:
            steps = ScriptDirectory.from_config(_config()).walk_revisions()
            if revision not in {step.revision for step in steps}:
                raise foreign_schema(path, revision)
            with sqlite.write_transaction(connection, "be upgraded"):
                _upgrade(connection)
    engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, schema.REVISION)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__path__[0])))
    return config
