"""Upkeep of a data directory whose service is stopped: rebuild and fsck.

rebuild(data, progress)                     # database → database
rebuild(data, progress, from_tiles=True)    # the database is lost, the tiles are there
"""

from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

from registry.bootstrap.data import DataDirectory, SystemClock, locked, stamping
from registry.chain.checkpoint import open_checkpoint
from registry.chain.errors import TanbuError, Unavailable
from registry.ledger.apply import SignatureCheck, verify_here
from registry.ledger.codec import parse_record
from registry.ports import Published
from registry.store import sqlite
from registry.store.database import open_for_reading, open_for_writing, origin_of
from registry.store.fsck import Checked, check_store
from registry.store.publication import SqlPublicationStore
from registry.store.rebuild import (
    Progress,
    Rebuilt,
    differing_keys,
    rebuild_from,
    source_of_database,
    source_of_tiles,
    state_items,
)
from registry.store.tiles import DirectoryTiles, sync_directory

DIFFERING_MAX = 100


def rebuild(
    data: DataDirectory,
    progress: Progress | None = None,
    *,
    from_tiles: bool = False,
    verify: SignatureCheck = verify_here,
) -> Rebuilt:
    """Make the database anew from the log, and put it in place when it is complete.

    Raises Broken, with the record, if the log does not hold by the rules; nothing has changed then.
    """
    with locked(data), stamping(data):
        new = data.root / "rebuilt.sqlite3"
        _remove(new)
        try:
            if from_tiles:
                made = _from_tiles(data, new, progress, verify)
            else:
                made = _from_database(data, new, progress, verify)
        except TanbuError:
            _remove(new)
            raise
        new.replace(data.database)
        sync_directory(data.root)
    return made


def fsck(data: DataDirectory, progress: Progress | None = None, *, replay: bool = True) -> Checked:
    """Check database and tiles from the ground up; `replay`: the state too, by the rules.

    Raises Unavailable if there is nothing to check or the service runs, Broken if the database
    cannot even be opened.
    """
    with locked(data):
        engine = open_for_reading(data.database)
        checked = check_store(engine, DirectoryTiles(data.tiles), replay=replay, progress=progress)
        engine.dispose()
    return checked


def _from_database(
    data: DataDirectory, new: Path, progress: Progress | None, verify: SignatureCheck
) -> Rebuilt:
    old = open_for_writing(data.database)
    with old.connect() as connection:
        origin = origin_of(connection)
    with source_of_database(old, origin) as source:
        made = rebuild_from(source, new, verify=verify, progress=progress)
    fresh = open_for_reading(new)
    differing = differing_keys(state_items(old), state_items(fresh))
    made = replace(made, differing=tuple(islice(differing, DIFFERING_MAX)))
    fresh.dispose()
    # A WAL that outlived its file would be played into the new one.
    with old.connect() as connection:
        sqlite.move_wal(connection)
    old.dispose()
    return made


def _from_tiles(
    data: DataDirectory, new: Path, progress: Progress | None, verify: SignatureCheck
) -> Rebuilt:
    if data.database.exists() or sqlite.wal_of(data.database).exists():
        raise Unavailable(
            "there is a database; it may hold entries that the tiles do not have yet",
            where=str(data.database),
            todo="rebuild without --from-tiles, or move it (and its -wal) away first",
        )
    source = source_of_tiles(DirectoryTiles(data.tiles), SystemClock().now_ms())
    made = rebuild_from(source, new, verify=verify, progress=progress)
    _check_signed(new, source.checkpoints[-1])
    return made


def _check_signed(path: Path, published: Published) -> None:
    """NotTrusted unless the log itself, as it was made anew at `path`, has signed a checkpoint."""
    engine = open_for_reading(path)
    with closing(SqlPublicationStore(engine)) as store:
        ((record, _),) = store.hashed_records(published.size - 1, published.size)
        due = store.log_keys().due(published.size, parse_record(record).time_ms)
    engine.dispose()
    open_checkpoint(published.note, *due)


def _remove(path: Path) -> None:
    for left in (path, sqlite.wal_of(path), sqlite.shared_of(path)):
        left.unlink(missing_ok=True)
