"""Reads beside the writer: pages, proofs and lists, each from one read transaction (ReadStore).

A snapshot shows the log as of its head, whatever the writer commits meanwhile. It keeps old pages
of the database alive, so leave it soon.

    with SqlReadStore(open_for_reading(path)).snapshot() as snapshot:
        snapshot.record(7)
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from threading import Lock

from sqlalchemy import Connection, Engine, Select, func, select

from registry.ledger.state import StateReader
from registry.ports import Head, Published, Stamped
from registry.store import schema, sqlite, tail
from registry.store.journal import Recent
from registry.store.log import SqlState, read_head, read_records
from registry.store.publication import read_published
from registry.store.stamps import newest_stamps
from registry.store.statements import Statements, statements_for

_SEGMENTS_MAX = 256


class SqlSnapshot:
    """The committed log and state as of one size (port Snapshot)."""

    def __init__(
        self, connection: Connection, statements: Statements, recent: Callable[[], Recent]
    ) -> None:
        self._connection = connection
        self.head: Head = read_head(connection)
        self.state: StateReader = SqlState(connection, statements, recent)

    def record(self, index: int) -> bytes | None:
        """The record at an index."""
        table = schema.record.c
        found = self._scalar(select(table.record).where(table.idx == index))
        return found if isinstance(found, bytes) else None

    def records(self, first: int, stop: int) -> Iterator[bytes]:
        """The records first ≤ index < stop ≤ size, in order."""
        for record, _ in read_records(self._connection, first, stop):
            yield record

    def index_of_leaf(self, leaf_hash: bytes) -> int | None:
        """The index of the record with this leaf hash. One look-up for each segment of the log."""
        leaf, record = schema.leaf.c, schema.record.c
        segments = range(self.head.size >> schema.LEAF_SEGMENT_BITS, -1, -1)
        wanted = (
            select(record.idx)
            .join_from(schema.leaf, schema.record, record.idx == leaf.idx)
            .where(
                leaf.segment.in_(segments),
                leaf.prefix == schema.leaf_prefix(leaf_hash),
                record.leaf_hash == leaf_hash,
            )
            .limit(1)
        )
        if (found := self._index(wanted)) is not None:
            return found
        newest = tail.indexes_of_prefix(self._connection, schema.leaf_prefix(leaf_hash))
        return self._index(
            select(record.idx).where(record.idx.in_(newest), record.leaf_hash == leaf_hash).limit(1)
        )

    def index_of_id(self, id_key: bytes) -> int | None:
        """The index of the entry with this id."""
        table = schema.entry_id.c
        found = self._index(select(table.idx).where(table.id_key == id_key))
        return tail.index_of_id(self._connection, id_key) if found is None else found

    def mentions(self, subject: str, *, before: int, limit: int) -> Sequence[int]:
        """Indexes below `before` of the entries about a subject, newest first."""
        bits = schema.MENTION_SEGMENT_BITS
        before = min(before, self.head.size)
        number = schema.subject_number(subject)
        found = tail.mentions(self._connection, number, before)[: -limit - 1 : -1]
        stop, width = ((before - 1) >> bits) + 1, 1
        while stop > 0 and len(found) < limit:
            # Ever more segments at once: what is mentioned often is found in the newest, and a
            # rare subject is not asked for in each segment by itself.
            start = max(0, stop - width)
            found += self._mentions_in(number, range(start, stop), before, limit - len(found))
            stop, width = start, min(2 * width, _SEGMENTS_MAX)
        return found

    def _mentions_in(self, number: int, segments: range, before: int, limit: int) -> list[int]:
        table = schema.mention.c
        wanted = (
            select(table.segment, table.indexes)
            .where(table.segment.in_(segments), table.subject == number)
            .order_by(table.segment.desc(), table.first.desc())
        )
        found: list[int] = []
        with sqlite.guarded("read lists"), closing(self._connection.execute(wanted)) as rows:
            for segment, packed in rows:
                base = segment << schema.MENTION_SEGMENT_BITS
                offsets = schema.unpack_indexes(packed)
                found += [base + at for at in reversed(offsets) if base + at < before]
                if len(found) >= limit:
                    return found[:limit]
        return found

    def published(self) -> Published | None:
        """The newest published checkpoint."""
        return read_published(self._connection)

    def stamps(self) -> Sequence[Stamped]:
        """The newest stamp of each authority, by name."""
        return newest_stamps(self._connection)

    def _index(self, wanted: Select[tuple[int]]) -> int | None:
        found = self._scalar(wanted)
        return found if isinstance(found, int) else None

    def _scalar(self, wanted: Select[tuple[int]] | Select[tuple[bytes]]) -> object:
        with sqlite.guarded("be read"):
            return self._connection.execute(wanted).scalar()


class _RecentStates:
    """What the journal says of the state, kept between snapshots: each of its rows is read once.

    What one snapshot was given never changes; a newer one gets a copy with what has come since.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._known = (-1, -1, Recent())

    def of(self, connection: Connection) -> Callable[[], Recent]:
        """As of the connection's transaction; read when it is first asked for."""
        return cache(lambda: self._read(connection))

    def _read(self, connection: Connection) -> Recent:
        first = schema.journal.c.first
        ends = select(
            select(func.min(first)).scalar_subquery(), select(func.max(first)).scalar_subquery()
        )
        with sqlite.guarded("read the journal"):
            low, high = connection.execute(ends).one()
        if low is None:
            return Recent()
        with self._lock:
            known_low, known_high, recent = self._known
            if (low, high) == (known_low, known_high):
                return recent
            if low == known_low and high > known_high:
                recent = recent.copy()
            else:
                recent, known_high = Recent(), -1
            recent.take(tail.read_recent(connection, known_high))
            if (low, high) > self._known[:2]:
                self._known = (low, high, recent)
            return recent


class SqlReadStore:
    """Gives snapshots; any number of threads may hold one each (port ReadStore)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._statements = statements_for(engine)
        self._recent = _RecentStates()

    @contextmanager
    def snapshot(self) -> Iterator[SqlSnapshot]:
        """A consistent view, to be left soon."""
        with sqlite.guarded("be read"):
            connection = self._engine.connect()
        try:
            yield SqlSnapshot(connection, self._statements, self._recent.of(connection))
        finally:
            connection.close()

    def close(self) -> None:
        """Close all connections; no snapshot may be open."""
        self._engine.dispose()
