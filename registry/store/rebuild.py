"""A log's database made anew from its records, by the rules (DESIGN law 1).

The records come from the database itself, or from a directory of tiles where the database is lost.
Everything else is made from them: leaf hashes, ids, lists, the state map, the head. The new
database is written beside the old one, to take its place only when it is complete and its tree is
the one that was committed and signed; a crash before that changes nothing.

Refuses to know: where a data directory is, and who holds it for writing.

    made = rebuild_from(source, new_path, progress=…)    # a new database, complete
    differing = differing_keys(state_items(old), state_items(new))
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine, select

from registry.chain.checkpoint import Checkpoint, parse_checkpoint
from registry.chain.errors import Broken, TanbuError, Unavailable
from registry.chain.note import parse_note
from registry.chain.tiles import TILE_WIDTH, bundle_path, parse_bundle
from registry.chain.tlog import EMPTY_ROOT, leaf_hash
from registry.ledger.apply import SignatureCheck, verify_here
from registry.ledger.codec import id_key
from registry.ledger.replay import UsedId, replay
from registry.ledger.sealing import SealWatch, sealed_sizes
from registry.ledger.state import State, state_root
from registry.ledger.subjects import subjects_of
from registry.ports import Head, NewRecord, Published, Stamped, TileSource
from registry.store import schema, sqlite
from registry.store.database import open_for_writing
from registry.store.journal import Recent
from registry.store.log import SqlLogStore, last_index, read_head, read_records
from registry.store.migrate import create_database
from registry.store.publication import SqlPublicationStore
from registry.store.stamps import SqlStampStore, read_stamps
from registry.store.tail import read_recent

AT_ONCE = 1_000
"""Records of one transaction."""

Item = tuple[str, bytes]
Progress = Callable[[int, int], None]
"""(records done, records in all)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the records come from, and the tree that they must make.

    `root` is None where a damaged head does not say it: then the newest checkpoint's must do.
    """

    origin: str
    size: int
    root: bytes | None
    records: Iterable[bytes]
    checkpoints: tuple[Published, ...]
    stamps: tuple[Stamped, ...] = ()
    """Time stamps of checkpoints; they are in the database alone."""
    sealed: tuple[int, ...] = ()
    """The sizes that seals among the records name."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was made. `differing`: state keys whose old values were not those of the rules."""

    size: int
    state_root: bytes
    state_count: int
    differing: tuple[str, ...] = ()


class _TableKeepsIds:
    """The table of ids takes each id once, for ever: stricter than any replay (IdMemory)."""

    def take(self, ids: list[UsedId]) -> tuple[UsedId, int] | None:
        del ids
        return None


@contextmanager
def source_of_database(engine: Engine, origin: str) -> Iterator[Source]:
    """The records of a database, read by a connection of its own while the source is in use."""
    with engine.connect() as connection:
        try:
            head = read_head(connection)
            size, root = head.size, head.root
        except Broken:
            size, root = last_index(connection) + 1, None
        table = schema.checkpoint.c
        with sqlite.guarded("read checkpoints"):
            rows = connection.execute(
                select(table.size, table.note, table.time_ms).order_by(table.size)
            ).all()
        records = (record for record, _ in read_records(connection, 0, size))
        sealed = tuple(sealed_sizes(r for r, _ in read_records(connection, 0, size)))
        yield Source(
            origin,
            size,
            root,
            records,
            tuple(Published(*row) for row in rows),
            tuple(read_stamps(connection)),
            sealed,
        )


def source_of_tiles(tiles: TileSource, time_ms: int) -> Source:
    """The published log in a directory of tiles; raises as reading its checkpoint does.

    By whose keys the checkpoint must be signed is known when the records have been replayed.
    """
    note = tiles.checkpoint()
    head = parse_checkpoint(parse_note(note).text)
    published = Published(head.size, note, time_ms)
    sealed = tuple(sealed_sizes(_bundled(tiles, head.size)))
    records = _bundled(tiles, head.size)
    return Source(head.origin, head.size, head.root, records, (published,), sealed=sealed)


def _bundled(tiles: TileSource, size: int) -> Iterator[bytes]:
    for index in range(-(-size // TILE_WIDTH)):
        width = min(TILE_WIDTH, size - index * TILE_WIDTH)
        yield from parse_bundle(tiles.read(bundle_path(index, width)), width)


def rebuild_from(
    source: Source,
    path: Path,
    *,
    verify: SignatureCheck = verify_here,
    progress: Progress | None = None,
) -> Rebuilt:
    """Make the database of the source's records at `path`, where nothing is.

    Raises Broken, with the record, if a record does not hold or the tree is not the source's.
    """
    create_database(path, source.origin)
    engine = open_for_writing(path)
    with closing(SqlLogStore(engine)) as store:
        head = _replay_all(source, store, verify, progress)
        store.fold()
        if head.size != source.size or source.root not in (None, head.root):
            raise _other_tree(head.size)
    with closing(SqlPublicationStore(engine)) as publication:
        for published in source.checkpoints:
            publication.store_checkpoint(published)
    with closing(SqlStampStore(engine)) as kept:
        for stamped in source.stamps:
            kept.keep_stamp(stamped)
    with engine.connect() as connection:
        sqlite.move_wal(connection)
    root, count = state_root(state_items(engine))
    engine.dispose()
    return Rebuilt(source.size, root, count)


def _replay_all(
    source: Source, store: SqlLogStore, verify: SignatureCheck, progress: Progress | None
) -> Head:
    """Commit all records in rounds; the head after the last."""
    head = store.open_epoch()
    state = State(store.state())
    records = iter(source.records)
    seals = SealWatch(source.sealed)
    signed = _newest_signed(source)
    if signed.size > source.size:
        raise Broken(
            f"{signed.size} records were published, but only {source.size} are there",
            todo="restore a backup, or rebuild from the tiles",
        )
    while chunk := list(islice(records, AT_ONCE)):
        made: list[NewRecord] = []
        frontier = head.frontier.copy()
        time_ms = head.time_ms
        steps = replay(
            chunk,
            state,
            ids=_TableKeepsIds(),
            verify=verify,
            seals=seals,
            size=head.size,
            time_ms=head.time_ms,
        )
        try:
            for record, step in zip(chunk, steps, strict=True):
                entry, hashed = step.parsed.entry, leaf_hash(record)
                frontier.append(hashed)
                if frontier.size == signed.size and frontier.root() != signed.root:
                    raise _other_tree(signed.size)
                time_ms = step.time_ms
                made.append(
                    NewRecord(step.index, record, hashed, id_key(entry), subjects_of(entry))
                )
        except (Broken, Unavailable):  # a ruleset that this version lacks says nothing of the log
            raise
        except TanbuError as error:
            raise Broken(
                f"the log cannot be replayed: {error.message}",
                where=error.where or f"record {head.size + len(made)}",
                todo="look with: tanbu fsck; restore a backup",
            ) from error
        new = Head(frontier.size, frontier.root(), time_ms, head.epoch, frontier)
        store.commit(head, new, made, state.changes())
        state.stored()
        head = new
        if progress is not None:
            progress(head.size, source.size)
    return head


def _newest_signed(source: Source) -> Checkpoint:
    """What was signed last: whatever else is damaged, the records must make this."""
    if not source.checkpoints:
        return Checkpoint(source.origin, 0, EMPTY_ROOT)
    return parse_checkpoint(parse_note(source.checkpoints[-1].note).text)


def _other_tree(size: int) -> Broken:
    return Broken(
        f"the records make another tree of size {size} than the one that is known",
        todo="look with: tanbu fsck; restore a backup",
    )


def state_items(engine: Engine) -> Iterator[Item]:
    """The whole state map in byte order of the keys, as of one moment."""
    table = schema.state.c
    wanted = select(table.key, table.value).order_by(table.key)
    with sqlite.guarded("read the state"), engine.connect() as connection:
        recent = Recent()
        recent.take(read_recent(connection))
        rows = connection.execution_options(yield_per=1_000).execute(wanted)
        yield from recent.merge(((row[0], row[1]) for row in rows), recent.between("", None))


def differing_keys(ours: Iterator[Item], theirs: Iterator[Item]) -> Iterator[str]:
    """Keys that are in one of two sorted maps only, or have two values."""
    a, b = next(ours, None), next(theirs, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[0] < b[0]):
            yield a[0] if a else ""
            a = next(ours, None)
        elif a is None or b[0] < a[0]:
            yield b[0]
            b = next(theirs, None)
        else:
            if a[1] != b[1]:
                yield a[0]
            a, b = next(ours, None), next(theirs, None)
