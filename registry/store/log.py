"""The writer's durable memory: one connection, one transaction for each round (port LogStore).

Refuses to know: what an entry means, and when to write.

Rules
- a round is one transaction: records, hashes, ids, mentions, state, and the head by
  compare-and-swap on size, root, time and epoch
- whatever fails is Broken, and its outcome unknown: this connection commits nothing any more
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Engine, func, select, update

from registry.chain.errors import Broken, Malformed
from registry.chain.tlog import Frontier
from registry.ports import Head, NewRecord
from registry.store import schema, sqlite
from registry.store.statements import Statements, ask, statements_for

_READ_RECORDS = 256
_OFFSET_MASK = (1 << schema.MENTION_SEGMENT_BITS) - 1

MentionRow = tuple[int, int, int, bytes]
_key = itemgetter(0)


class SqlState:
    """The stored state map as a connection sees it (port StateReader)."""

    def __init__(self, connection: Connection, statements: Statements) -> None:
        self._connection = connection
        self._statements = statements

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The values of those keys that exist."""
        with sqlite.guarded("read the state"):
            return dict(ask(self._connection, self._statements.get_states, keys))

    def scan(self, low: str, high: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Up to `limit` pairs with low ≤ key < high, in byte order of the keys."""
        key, value = schema.state.c.key, schema.state.c.value
        wanted = select(key, value).where(key >= low, key < high).order_by(key).limit(limit)
        with sqlite.guarded("read the state"):
            return [(row[0], row[1]) for row in self._connection.execute(wanted)]


class SqlLogStore:
    """See the module. The caller holds the lock of the data directory."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect()
        self._statements = statements_for(engine)
        # Of the same connection: commits go past SQLAlchemy, whose share of a small one is most.
        self._cursor = self._connection.connection.cursor()
        self._failed = False

    def close(self) -> None:
        """Give the connection back; nothing may be asked after that."""
        self._cursor.close()
        self._connection.close()

    def head(self) -> Head:
        """The committed head."""
        return read_head(self._connection)

    def open_epoch(self) -> Head:
        """Become the one writer: raise the epoch, durably; the head with the new epoch."""
        with sqlite.write_transaction(self._connection, "open an epoch"):
            self._connection.execute(update(schema.head).values(epoch=schema.head.c.epoch + 1))
            head = read_head(self._connection)
        last = last_index(self._connection)
        if last != head.size - 1:
            raise Broken(
                f"the head is of {head.size} records, the last record has the index {last}",
                todo="look with: tanbu fsck",
            )
        return head

    def state(self) -> SqlState:
        """The committed state map."""
        return SqlState(self._connection, self._statements)

    def find_ids(self, id_keys: Sequence[bytes]) -> Mapping[bytes, int]:
        """The index of each id that is in the log."""
        with sqlite.guarded("look up ids"):
            return dict(ask(self._connection, self._statements.find_ids, id_keys))

    def records(self, first: int, stop: int) -> Iterator[bytes]:
        """The records first ≤ index < stop, in order."""
        for record, _ in read_records(self._connection, first, stop):
            yield record

    def commit(
        self,
        old: Head,
        new: Head,
        records: Sequence[NewRecord],
        changes: Sequence[tuple[str, bytes | None]],
    ) -> None:
        """Make all of it durable in one transaction, if the head is still `old`; else Broken."""
        if self._failed:
            raise Broken("a commit of this writer has failed before; it commits nothing any more")
        self._failed = True
        texts, cursor = self._statements, self._cursor
        with sqlite.write_directly(cursor, "commit"):
            self._swap_head(old, new)
            for text, rows in (
                (texts.insert_record, [(r.index, r.leaf_hash, r.record) for r in records]),
                (texts.insert_id, [(r.id_key, r.index) for r in records]),
                (texts.insert_leaf, leaf_rows(records)),
                (texts.insert_mention, mention_rows(records)),
                *state_rows(texts, changes),
            ):
                if rows:
                    cursor.executemany(text, rows)
        self._failed = False

    def _swap_head(self, old: Head, new: Head) -> None:
        cursor = self._cursor
        cursor.execute(
            self._statements.swap_head,
            (
                *(new.size, new.root, new.time_ms, new.frontier.encode()),
                *(old.size, old.root, old.time_ms, old.epoch),
            ),
        )
        if cursor.rowcount != 1:
            found = read_head(self._connection)
            raise Broken(
                f"the committed head is not the one this writer left: size {found.size}, epoch "
                f"{found.epoch} instead of size {old.size}, epoch {old.epoch}",
                todo="see that only one writer runs on this log",
            )


def state_rows(
    texts: Statements, changes: Sequence[tuple[str, bytes | None]]
) -> tuple[tuple[str, list[Any]], tuple[str, list[Any]]]:
    """The statements that bring changes into the state map, with their rows.

    In the order of the keys: neighbours in the tree are written one after the other.
    """
    put = [change for change in changes if change[1] is not None]
    put.sort(key=_key)
    gone = sorted([(key,) for key, value in changes if value is None])
    return (texts.put_state, put), (texts.delete_state, gone)


def last_index(connection: Connection) -> int:
    """The index of the last record; -1 if there is none."""
    with sqlite.guarded("be read"):
        last = connection.execute(select(func.max(schema.record.c.idx))).scalar()
    return -1 if last is None else int(last)


def read_head(connection: Connection) -> Head:
    """The committed head; Broken if it is not whole in itself."""
    with sqlite.guarded("read the head"):
        rows = connection.execute(
            select(
                schema.head.c.size,
                schema.head.c.root,
                schema.head.c.time_ms,
                schema.head.c.epoch,
                schema.head.c.frontier,
            )
        ).all()
    if len(rows) != 1:
        raise Broken("the database has no head", todo="look with: tanbu fsck")
    size, root, time_ms, epoch, encoded = rows[0]
    try:
        frontier = Frontier.decode(encoded)
    except Malformed as error:
        raise Broken(f"the stored frontier is damaged: {error}", where="head") from error
    if frontier.size != size or frontier.root() != root:
        raise Broken("the stored frontier is not that of the stored root", where="head")
    return Head(size=size, root=root, time_ms=time_ms, epoch=epoch, frontier=frontier)


def read_records(connection: Connection, first: int, stop: int) -> Iterator[tuple[bytes, bytes]]:
    """Records first ≤ index < stop with their stored leaf hashes; Broken if one is missing."""
    index, table = first, schema.record
    while index < stop:
        end = min(index + _READ_RECORDS, stop)
        wanted = (
            select(table.c.record, table.c.leaf_hash)
            .where(table.c.idx >= index, table.c.idx < end)
            .order_by(table.c.idx)
        )
        with sqlite.guarded("read records"):
            rows = connection.execute(wanted).all()
        if len(rows) != end - index:
            raise Broken(f"of records {index} to {end - 1} only {len(rows)} are there")
        for row in rows:
            yield row[0], row[1]
        index = end


def leaf_rows(records: Sequence[NewRecord]) -> list[tuple[int, int, int]]:
    """The rows by which records are found by their leaf hash, in the order of the tree."""
    bits, prefix_of = schema.LEAF_SEGMENT_BITS, schema.leaf_prefix
    rows = [(r.index >> bits, prefix_of(r.leaf_hash), r.index) for r in records]
    rows.sort()
    return rows


def mention_rows(records: Sequence[NewRecord]) -> list[MentionRow]:
    """One row per subject and segment, in the order of the tree."""
    rows: list[MentionRow] = []
    bits, number_of = schema.MENTION_SEGMENT_BITS, schema.subject_number
    segment = records[0].index >> bits if records else 0
    found: dict[str, list[int]] = {}

    def finish() -> None:
        rows.extend(
            (segment, number_of(subject), offsets[0], schema.pack_indexes(offsets))
            for subject, offsets in found.items()
        )

    for r in records:
        if r.index >> bits != segment:
            finish()
            segment, found = r.index >> bits, {}
        offset = r.index & _OFFSET_MASK
        for subject in r.subjects:
            if subject in found:
                found[subject].append(offset)
            else:
                found[subject] = [offset]
    finish()
    rows.sort()
    return rows
