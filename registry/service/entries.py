"""Views of entries: one, and lists of them, newest first.

A list is bound to the size at which its first page was read: the cursor carries it, so that pages
fit together while the log grows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from msgspec import UNSET, Raw, Struct, UnsetType

from registry.chain.errors import Broken, Malformed
from registry.chain.note import Note, parse_note
from registry.chain.strict import parse_decimal
from registry.chain.tlog import leaf_hash
from registry.ledger.codec import Record, parse_record, parse_text
from registry.ledger.entries import Entry, kind_of
from registry.ledger.subjects import WORDS, subjects_of
from registry.ports import Snapshot
from registry.service.reading import Absent

PAGE_DEFAULT = 50
PAGE_MAX = 200
LOOKED_AT_MAX = 2_000
"""Most records that one page with several filters reads; the page may then be short."""


class EntryView(Struct, frozen=True, kw_only=True):
    """One entry as it stands in the log. `entry` is the signed JSON, `note` the signed note."""

    index: int
    time_ms: int
    kind: str
    leaf_hash: str
    text_sha256: str
    published: bool
    subjects: tuple[str, ...]
    entry: Raw
    note: str
    size: int


class EntryLine(Struct, frozen=True, kw_only=True):
    """One entry in a list."""

    index: int
    time_ms: int
    kind: str
    leaf_hash: str
    subjects: tuple[str, ...]
    entry: Raw


class EntryList(Struct, frozen=True, kw_only=True):
    """Entries below the size, newest first; `next`: the cursor of the next page, if there is one.

    A page may hold fewer entries than its limit and still have a next one.
    """

    size: int
    entries: tuple[EntryLine, ...]
    next: str | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Read:
    """A record taken apart; `line` is the canonical JSON that was signed."""

    record: Record
    note: Note
    entry: Entry
    line: bytes
    leaf_hash: bytes


def read(snapshot: Snapshot, index: int) -> Read:
    """The record at an index; Absent if the log does not reach that far."""
    data = snapshot.record(index) if index < snapshot.head.size else None
    if data is None:
        raise Absent(f"there is no entry {index}: the log has {snapshot.head.size} entries")
    record = parse_record(data)
    if record.index != index:
        raise Broken(f"the record at {index} says that it is {record.index}", todo="tanbu fsck")
    note = parse_note(record.note)
    _, entry = parse_text(note.text)
    return Read(record, note, entry, note.text.split(b"\n")[2], leaf_hash(data))


def entry(snapshot: Snapshot, index: int) -> EntryView:
    """One entry; Absent if it is not there."""
    found = read(snapshot, index)
    published = snapshot.published()
    return EntryView(
        index=index,
        time_ms=found.record.time_ms,
        kind=kind_of(found.entry),
        leaf_hash=found.leaf_hash.hex(),
        text_sha256=sha256(found.note.text).hexdigest(),
        published=published is not None and index < published.size,
        subjects=subjects_of(found.entry),
        entry=Raw(found.line),
        note=found.record.note.decode(),
        size=snapshot.head.size,
    )


def entries(
    snapshot: Snapshot, subjects: Iterable[str] = (), *, cursor: str = "", limit: int = PAGE_DEFAULT
) -> EntryList:
    """The newest entries that are about all of `subjects`; cost grows with `limit` alone."""
    wanted = tuple(sorted(subjects, key=_rarest_first))
    size, before = parse_cursor(cursor, snapshot.head.size)
    lines: list[EntryLine] = []
    looked_at = 0
    more = before > 0
    while more and len(lines) < limit and looked_at < LOOKED_AT_MAX:
        if wanted:
            indexes = snapshot.mentions(wanted[0], before=before, limit=limit)
        else:
            indexes = range(before - 1, max(before - 1 - limit, -1), -1)
        more = len(indexes) == limit
        for index in indexes:
            found = read(snapshot, index)
            looked_at += 1
            before = index
            if set(wanted[1:]) <= set(subjects_of(found.entry)):
                lines.append(line(found))
                if len(lines) == limit:
                    more = index > 0
                    break
    return EntryList(
        size=size, entries=tuple(lines), next=format_cursor(size, before) if more else UNSET
    )


def line(found: Read) -> EntryLine:
    """A record as one of a list."""
    return EntryLine(
        index=found.record.index,
        time_ms=found.record.time_ms,
        kind=kind_of(found.entry),
        leaf_hash=found.leaf_hash.hex(),
        subjects=subjects_of(found.entry),
        entry=Raw(found.line),
    )


def subject(word: str, name: str) -> str:
    """The subject of a filter; Malformed if entries are not found by this word."""
    if word not in WORDS:
        raise Malformed(
            f"entries are not listed by {word[:40]!a}", todo=f"filters are: {', '.join(WORDS)}"
        )
    return f"{word}/{name}"


def parse_cursor(cursor: str, size: int) -> tuple[int, int]:
    """(size, before) of a cursor, or of a list's first page; 0 < before ≤ size ≤ the log's."""
    if not cursor:
        return size, size
    bound, _, before = cursor.partition("-")
    found = parse_decimal(bound), parse_decimal(before)
    if not 0 < found[1] <= found[0] <= size:
        raise Malformed("this is not a cursor of this log", where="cursor", todo="begin anew")
    return found


def format_cursor(size: int, before: int) -> str:
    """The place in a list that was begun at `size`: what lies below index `before` is left."""
    return f"{size}-{before}"


def _rarest_first(subject: str) -> tuple[bool, str]:
    """A kind is the worst list to walk along: it may be nearly the whole log."""
    return subject.startswith("kind/"), subject
