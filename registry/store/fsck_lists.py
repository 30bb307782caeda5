"""The part of fsck that checks what finds entries: ids, leaf hashes and lists, segment by segment.

Each is made again from the records and compared with the stored rows, both ways: what is missing,
and what should not be there. Memory: one segment.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Select, func, select

from registry.ports import NewRecord
from registry.store import schema, sqlite
from registry.store.statements import Statements, ask
from registry.store.tail import Tail

Report = Callable[[str, str], None]
"""(where, what is wrong)."""


class ListCheck:
    """Takes the records in order; reports as segments become complete."""

    def __init__(
        self, connection: Connection, statements: Statements, tail: Tail, report: Report
    ) -> None:
        """`tail`: the journal, whose rows count as if they were in the tables."""
        self._connection = connection
        self._tail = tail
        self._statements = statements
        self._report = report
        self._leaves: list[tuple[int, int]] = []
        self._mentions: dict[int, list[int]] = {}
        self._size = 0

    def take(self, records: list[NewRecord]) -> None:
        """The next records; `index` ascends by one from 0."""
        self._check_ids(records)
        for record in records:
            index = record.index
            self._leaves.append((schema.leaf_prefix(record.leaf_hash), index))
            for subject in record.subjects:
                number = schema.subject_number(subject)
                self._mentions.setdefault(number, []).append(index)
            self._size = index + 1
            if self._size % (1 << schema.LEAF_SEGMENT_BITS) == 0:
                self._finish_leaves(index >> schema.LEAF_SEGMENT_BITS)
            if self._size % (1 << schema.MENTION_SEGMENT_BITS) == 0:
                self._finish_mentions(index >> schema.MENTION_SEGMENT_BITS)

    def finish(self) -> None:
        """The last segments, and rows beyond the log."""
        self._finish_leaves(self._size >> schema.LEAF_SEGMENT_BITS)
        self._finish_mentions(self._size >> schema.MENTION_SEGMENT_BITS)
        for table, bits in (
            (schema.leaf, schema.LEAF_SEGMENT_BITS),
            (schema.mention, schema.MENTION_SEGMENT_BITS),
        ):
            beyond = select(func.count()).where(table.c.segment > self._size >> bits)
            below = select(func.count()).where(table.c.segment < 0)
            if self._count(beyond) or self._count(below):
                self._report(table.name, "rows of segments that the log does not have")
        ids = self._count(select(func.count()).select_from(schema.entry_id)) + len(self._tail.ids)
        if ids != self._size:
            self._report("entry_id", f"{ids} ids for {self._size} records")

    def _count(self, wanted: Select[int]) -> int:
        with sqlite.guarded("count rows"):
            return int(self._connection.execute(wanted).scalar_one())

    def _check_ids(self, records: list[NewRecord]) -> None:
        keys = [record.id_key for record in records]
        with sqlite.guarded("look up ids"):
            found = dict(ask(self._connection, self._statements.find_ids, keys))
        found.update((key, self._tail.ids[key]) for key in keys if key in self._tail.ids)
        for record in records:
            if found.get(record.id_key) != record.index:
                self._report(f"entry_id of record {record.index}", "missing, or of another record")

    def _finish_leaves(self, segment: int) -> None:
        table = schema.leaf.c
        wanted = select(table.prefix, table.idx).where(table.segment == segment)
        stored = {(row[0], row[1]) for row in self._rows(wanted)}
        stored |= {row[1:] for row in self._tail.leaf_rows() if row[0] == segment}
        expected = set(self._leaves)
        self._leaves = []
        for _, index in sorted(expected - stored)[:3]:
            self._report(f"leaf of record {index}", "it is not found by its hash")
        for _, index in sorted(stored - expected)[:3]:
            self._report(f"leaf segment {segment}", f"a hash that is not that of record {index}")

    def _finish_mentions(self, segment: int) -> None:
        table, base = schema.mention.c, segment << schema.MENTION_SEGMENT_BITS
        wanted = (
            select(table.subject, table.first, table.indexes)
            .where(table.segment == segment)
            .order_by(table.subject, table.first)
        )
        stored: dict[int, list[int]] = {}
        recent = (row[1:] for row in self._tail.mention_rows() if row[0] == segment)
        for subject, first, packed in (*self._rows(wanted), *recent):
            offsets = schema.unpack_indexes(packed) if len(packed) % 2 == 0 else []
            if not offsets or offsets[0] != first:
                self._report(f"mention segment {segment}", f"a damaged row of subject {subject}")
            stored.setdefault(subject, []).extend(base + at for at in offsets)
        expected, self._mentions = self._mentions, {}
        if stored == expected:
            return
        differing = [s for s in {*stored, *expected} if stored.get(s) != expected.get(s)]
        for subject in sorted(differing)[:3]:
            first = min([*stored.get(subject, []), *expected.get(subject, [])], default=base)
            self._report(f"mention segment {segment}", f"a list differs, from record {first} on")

    def _rows(self, wanted: Select[Any]) -> Iterator[tuple[Any, ...]]:
        with sqlite.guarded("read lists"):
            for row in self._connection.execute(wanted):
                yield tuple(row)
