"""The writer's durable memory: one connection, one transaction for each round (port LogStore).

Refuses to know: what an entry means, and when to write.

Rules
- a round is one transaction: records, hashes, a row of the journal with all else that it adds, and
  the head by compare-and-swap on size, root, time and epoch
- the round that makes the journal long enough brings it into the tables, in the same transaction
- whatever fails is Broken, and its outcome unknown: this connection commits nothing any more
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from sqlalchemy import Connection, Engine, func, select, update

from registry.chain.errors import Broken, Malformed
from registry.chain.tlog import Frontier
from registry.ports import Head, NewRecord
from registry.store import schema, sqlite
from registry.store.journal import Recent
from registry.store.statements import Statements, ask, statements_for
from registry.store.tail import FOLD_AT, Tail, format_round, make_round, read_recent, read_tail

_READ_RECORDS = 256


class SqlState:
    """The stored state map as a connection sees it (port StateReader): table and journal."""

    def __init__(
        self,
        connection: Connection,
        statements: Statements,
        recent: Callable[[], Recent] | None = None,
    ) -> None:
        """`recent`: what the journal says; else it is read now."""
        self._connection = connection
        self._statements = statements
        self._recent = recent or _read_once(connection)

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The values of those keys that exist."""
        values = self._recent().values
        elsewhere = [key for key in keys if key not in values] if values else keys
        with sqlite.guarded("read the state"):
            found = dict(ask(self._connection, self._statements.get_states, elsewhere))
        if len(elsewhere) < len(keys):
            for key in keys:
                if (value := values.get(key)) is not None:
                    found[key] = value
        return found

    def scan(self, low: str, high: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Up to `limit` pairs with low ≤ key < high, in byte order of the keys."""
        recent = self._recent()
        new = recent.between(low, high, limit)
        key, value = schema.state.c.key, schema.state.c.value
        wanted = select(key, value).where(key >= low, key < high).order_by(key)
        with sqlite.guarded("read the state"):
            rows = self._connection.execute(wanted.limit(limit + len(new))).all()
        return list(islice(recent.merge(((row[0], row[1]) for row in rows), new), limit))


class SqlLogStore:
    """See the module. The caller holds the lock of the data directory."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect()
        self._statements = statements_for(engine)
        # Of the same connection: commits go past SQLAlchemy, whose share of a small one is most.
        self._cursor = self._connection.connection.cursor()
        self._failed = False
        self._left: Head | None = None
        """The head that this writer has left; None before it has opened an epoch."""
        self._tail = read_tail(self._connection, read_head(self._connection).size)

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
            self._tail = read_tail(self._connection, head.size)
            self._fold(self._tail)
        self._tail, self._left = Tail(head.size), head
        return head

    def state(self) -> SqlState:
        """The committed state map."""
        return SqlState(self._connection, self._statements, lambda: self._tail.recent)

    def find_ids(self, id_keys: Sequence[bytes]) -> Mapping[bytes, int]:
        """The index of each id that is in the log."""
        recent = self._tail.ids
        with sqlite.guarded("look up ids"):
            found = dict(ask(self._connection, self._statements.find_ids, id_keys))
        found.update((key, recent[key]) for key in id_keys if key in recent)
        return found

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
        texts, cursor, tail = self._statements, self._cursor, self._tail
        with sqlite.write_directly(cursor, "commit"):
            self._swap_head(old, new)
            if records:
                rows = [(r.index, r.leaf_hash, r.record) for r in records]
                cursor.executemany(texts.insert_record, rows)
                made = make_round(records, changes)
                tail.take(made)
                if tail.count < FOLD_AT:
                    cursor.execute(texts.insert_round, format_round(made))
                else:
                    self._fold(tail)
                    self._tail = Tail(new.size)
        self._failed, self._left = False, new

    def fold(self) -> None:
        """Bring what the journal holds into the tables: an orderly end of the one writer.

        Raises Broken if another writer has followed, as `commit` does.
        """
        left = self._left
        if self._failed or left is None or not self._tail.count:
            return
        self._failed = True
        with sqlite.write_directly(self._cursor, "fold the journal"):
            self._swap_head(left, left)
            self._fold(self._tail)
        self._tail = Tail(left.size)
        self._failed = False

    def _fold(self, tail: Tail) -> None:
        """Inside of a transaction."""
        texts, cursor = self._statements, self._cursor
        put, gone = tail.state_rows()
        for text, rows in (
            (texts.put_state, put),
            (texts.delete_state, gone),
            (texts.insert_id, tail.id_rows()),
            (texts.insert_leaf, tail.leaf_rows()),
            (texts.insert_mention, tail.mention_rows()),
        ):
            if rows:
                cursor.executemany(text, rows)
        cursor.execute(texts.empty_journal)

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


def _read_once(connection: Connection) -> Callable[[], Recent]:
    recent = Recent()
    recent.take(read_recent(connection))
    return lambda: recent


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
