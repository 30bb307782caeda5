"""What is committed and not yet in the tables that are looked up by key (adr 0016).

A round writes its records, the head, and one row here, all at the end of what is there already.
Once `FOLD_AT` entries stand here, one transaction brings them into `state`, `entry_id`, `leaf` and
`mention`, sorted and each key once, and empties the journal. Until then whoever reads those tables
reads the journal with them. Nothing of it is replayed: the rows hold results.

Refuses to know: what an entry means, which database it is.

Rules
- rows follow each other: each begins where the one before it ends, the last ends at the head
- a value here is newer than that in the table; None: the key is gone
- what stands here is in none of the tables but `state`, where an older value may stand

    tail = read_tail(connection, head.size)
    tail.recent.values.get("order/ORDER-1")
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, select

from registry.ports import NewRecord
from registry.store import schema, sqlite
from registry.store.journal import (
    Change,
    Recent,
    damaged,
    format_changes,
    parse_changes,
    split_ids,
)
from registry.store.schema import pack, unpack

FOLD_AT = 8_192
"""Entries after which the journal is brought into the tables: some 7 MB, folded in an eighth second
while the state is small."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one commit adds: for the lists one value for each record, or for each subject of it."""

    first: int
    changes: Sequence[Change]
    ids: list[bytes]
    prefixes: list[int]
    subjects: list[int]
    subject_indexes: list[int]

    @property
    def stop(self) -> int:
        """One past the last index."""
        return self.first + len(self.prefixes)


def make_round(records: Sequence[NewRecord], changes: Sequence[Change]) -> Round:
    """The round of records that follow each other, of which there is at least one."""
    prefix_of, number_of = schema.leaf_prefix, schema.subject_number
    return Round(
        first=records[0].index,
        changes=changes,
        ids=[r.id_key for r in records],
        prefixes=[prefix_of(r.leaf_hash) for r in records],
        subjects=[number_of(subject) for r in records for subject in r.subjects],
        subject_indexes=[r.index for r in records for _ in r.subjects],
    )


def format_round(made: Round) -> tuple[int, bytes, bytes, bytes, bytes, bytes]:
    """A row of the journal, in the order of its columns."""
    return (
        made.first,
        format_changes(made.changes),
        b"".join(made.ids),
        pack("I", made.prefixes),
        pack("Q", made.subjects),
        pack("Q", made.subject_indexes),
    )


def parse_round(row: Sequence[Any]) -> Round:
    """The round of a row; Broken if it is damaged."""
    first, changes, ids, prefixes, subjects, indexes = row
    try:
        made = Round(
            first,
            parse_changes(first, changes),
            split_ids(ids),
            unpack("I", prefixes),
            unpack("Q", subjects),
            unpack("Q", indexes),
        )
    except (TypeError, ValueError) as error:
        raise damaged(first, str(error)) from error
    if len(made.ids) != len(made.prefixes) or len(made.subjects) != len(made.subject_indexes):
        raise damaged(first, "its lists are not of one length")
    return made


class Tail:
    """All rounds of the journal put together: what the next fold brings into the tables."""

    __slots__ = ("_prefixes", "_subject_indexes", "_subjects", "first", "ids", "recent", "stop")

    def __init__(self, stop: int) -> None:
        """Nothing yet, behind the record `stop` - 1."""
        self.first = self.stop = stop
        self.recent = Recent()
        self.ids: dict[bytes, int] = {}
        self._prefixes: list[int] = []
        self._subjects: list[int] = []
        self._subject_indexes: list[int] = []

    @property
    def count(self) -> int:
        """How many entries wait for the next fold."""
        return self.stop - self.first

    def take(self, made: Round) -> None:
        """The next round; Broken if it does not follow the one before it."""
        if made.first != self.stop:
            raise damaged(made.first, f"the one before it ends at {self.stop}")
        self.recent.take(made.changes)
        self.ids.update(zip(made.ids, range(made.first, made.stop), strict=True))
        self._prefixes += made.prefixes
        self._subjects += made.subjects
        self._subject_indexes += made.subject_indexes
        self.stop = made.stop

    def state_rows(self) -> tuple[list[tuple[str, bytes]], list[tuple[str]]]:
        """What is put and what is deleted, in the order of the keys: neighbours come together."""
        items = self.recent.values.items()
        put = sorted([(key, value) for key, value in items if value is not None])
        return put, sorted([(key,) for key, value in items if value is None])

    def id_rows(self) -> list[tuple[bytes, int]]:
        """The rows of `entry_id`, in the order of the tree."""
        return sorted(self.ids.items())

    def leaf_rows(self) -> list[tuple[int, int, int]]:
        """The rows of `leaf`, in the order of the tree."""
        bits = schema.LEAF_SEGMENT_BITS
        indexes = range(self.first, self.stop)
        return sorted(
            [(i >> bits, prefix, i) for i, prefix in zip(indexes, self._prefixes, strict=True)]
        )

    def mention_rows(self) -> list[tuple[int, int, int, bytes]]:
        """The rows of `mention`, one for each subject and segment, in the order of the tree."""
        bits = schema.MENTION_SEGMENT_BITS
        mask = (1 << bits) - 1
        found: dict[tuple[int, int], list[int]] = {}
        for subject, index in zip(self._subjects, self._subject_indexes, strict=True):
            name = (index >> bits, subject)
            if name in found:
                found[name].append(index & mask)
            else:
                found[name] = [index & mask]
        return sorted(
            [(*name, offsets[0], schema.pack_indexes(offsets)) for name, offsets in found.items()]
        )


def read_tail(connection: Connection, size: int) -> Tail:
    """All of the journal of a log of `size` records; Broken if it does not end there."""
    journal = schema.journal
    with sqlite.guarded("read the journal"):
        rows = connection.execute(select(journal).order_by(journal.c.first)).all()
    tail = Tail(rows[0][0] if rows else size)
    for row in rows:
        tail.take(parse_round(tuple(row)))
    if tail.stop != size:
        raise damaged(tail.first, f"it ends at {tail.stop}, the log at {size}")
    return tail


def read_recent(connection: Connection, after: int = -1) -> list[Change]:
    """What the rows that begin behind the index `after` say of the state, in their order."""
    table = schema.journal.c
    wanted = select(table.first, table.changes).where(table.first > after).order_by(table.first)
    with sqlite.guarded("read the journal"):
        rows = connection.execute(wanted).all()
    changes: list[Change] = []
    for first, data in rows:
        changes += parse_changes(first, data)
    return changes


def index_of_id(connection: Connection, id_key: bytes) -> int | None:
    """The index of the entry with this id, if the journal has it."""
    for first, ids in _column(connection, schema.journal.c.ids):
        if id_key in ids:
            keys = split_ids(ids)
            if id_key in keys:  # and not two halves of others
                return int(first) + keys.index(id_key)
    return None


def indexes_of_prefix(connection: Connection, prefix: int) -> list[int]:
    """The indexes of the journal's records whose leaf hashes begin so."""
    return [
        first + at
        for first, data in _column(connection, schema.journal.c.prefixes)
        for at, found in enumerate(unpack("I", data))
        if found == prefix
    ]


def mentions(connection: Connection, subject: int, before: int) -> list[int]:
    """The indexes below `before` of the journal's entries about a subject, ascending."""
    wanted = subject.to_bytes(8, "big")
    found: list[int] = []
    numbers, indexes = schema.journal.c.subjects, schema.journal.c.subject_indexes
    for _, subjects, at_indexes in _column(connection, numbers, indexes):
        if wanted in subjects:  # a row is one commit: most have none
            pairs = zip(unpack("Q", subjects), unpack("Q", at_indexes), strict=True)
            found += [index for number, index in pairs if number == subject and index < before]
    return found


def _column(connection: Connection, *columns: Column[bytes]) -> list[tuple[Any, ...]]:
    table = schema.journal.c
    with sqlite.guarded("read the journal"):
        rows = connection.execute(select(table.first, *columns).order_by(table.first)).all()
    return [tuple(row) for row in rows]
