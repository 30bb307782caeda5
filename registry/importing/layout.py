"""From groups of rows to batches and their opening entries.

Refuses to know: who signs and when; the CLI adds `id`, `not_after` and `signers`.

Rules
- serials of a batch run from 1 over its pieces in order; part i is piece i. Where the source has
  serials, serial_text[i] is the range that became part i; parts beyond them were given serials by
  this import, which `serials_assigned` says
- row_sha256 lists the rows in the order of their parts, each once, the issuance's row last if it
  has no part; dates are the issue dates, or where the source has none, those since which
- a group that would not fit into one entry becomes several batches, cut between parts

    for batch in cut(group): opening = open_batch(batch, "CN-GD-VCS-2020-000001", context)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from msgspec import UNSET, Struct, UnsetType

from registry.importing.mapping import Mapping
from registry.importing.match import Group, Piece
from registry.importing.rows import Row
from registry.ledger.entries import Opening
from registry.ledger.entries.common import INTEGER_MAX
from registry.ledger.entries.supply import (
    OPENING_PARTS_MAX,
    SOURCE_ROWS_MAX,
    OpeningPart,
    OpeningSource,
)

ENTRY_BYTES_MAX = 60_000
"""An opening's text is shorter: signature lines and the record's head must fit beside it."""
_HEAD_BYTES = 6_000
"""Upper bound of all that is not per part: common fields, 16 signers, project, 16 files."""
_PART_BYTES = 140
"""Upper bound of one part as JSON."""
_ROW_BYTES = 67
_DATE_BYTES = 13


class Batch(Struct, frozen=True, gc=False):
    """What one opening opens; `project`, `vintage` and `class_` stand in `head`."""

    head: Row
    pieces: tuple[Piece, ...]
    issuance: Row | None

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that it comes from, in the order of their parts, each once."""
        rows = dict.fromkeys((piece.row.file, piece.row.number) for piece in self.pieces)
        by_place = {(p.row.file, p.row.number): p.row for p in self.pieces}
        if self.issuance is not None:
            place = (self.issuance.file, self.issuance.number)
            rows.setdefault(place)
            by_place[place] = self.issuance
        return tuple(by_place[place] for place in rows)


class Draft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An opening without what the submission adds: `id`, `not_after`, `signers`."""

    batch: str
    count: int
    unit_g: int
    vintage: int
    parts: tuple[OpeningPart, ...]
    source: OpeningSource
    class_: str | UnsetType = UNSET
    source_project: str | UnsetType = UNSET

    def entry(self, *, entry_id: str, not_after: int, signers: tuple[str, ...]) -> Opening:
        """The entry to sign; `signers` sorted, `not_after` in ms of Unix time."""
        return Opening(
            id=entry_id,
            not_after=not_after,
            signers=signers,
            batch=self.batch,
            count=self.count,
            unit_g=self.unit_g,
            vintage=self.vintage,
            parts=self.parts,
            source=self.source,
            class_=self.class_,
            source_project=self.source_project,
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """What all openings of an import have in common: `account` holds the free serials."""

    mapping: Mapping
    files: tuple[str, ...]
    account: str


def cut(group: Group, unit_g: int) -> Iterator[Batch]:
    """The batches of a group: as few as entries allow, cut between pieces."""
    room = ENTRY_BYTES_MAX - _HEAD_BYTES
    most = min(OPENING_PARTS_MAX, SOURCE_ROWS_MAX) - 1
    taken: list[Piece] = []
    size = units = 0
    for piece in group.pieces:
        more = _PART_BYTES + _ROW_BYTES + _DATE_BYTES + len(piece.text.encode()) + 3
        large = (units + piece.units) * unit_g > INTEGER_MAX
        if taken and (large or len(taken) == most or size + more > room):
            yield Batch(group.head, tuple(taken), group.issuance)
            taken, size, units = [], 0, 0
        taken.append(piece)
        size += more
        units += piece.units
    yield Batch(group.head, tuple(taken), group.issuance)


def open_batch(batch: Batch, name: str, frame: Frame) -> Draft:
    """The opening of a batch under its name."""
    parts, following = [], 1
    for piece in batch.pieces:
        ended = piece.status in ("retired", "cancelled")
        parts.append(
            OpeningPart(
                first=following,
                last=following + piece.units - 1,
                status=piece.status,
                account=frame.account if piece.status == "free" else UNSET,
                date=piece.row.date or UNSET if ended else UNSET,
                purpose=piece.row.purpose or UNSET if ended else UNSET,
            )
        )
        following += piece.units
    return Draft(
        batch=name,
        count=following - 1,
        unit_g=frame.mapping.unit_g,
        vintage=batch.head.vintage,
        parts=tuple(parts),
        source=_source(batch, frame),
        class_=batch.head.class_ or UNSET,
        source_project=batch.head.project,
    )


def _source(batch: Batch, frame: Frame) -> OpeningSource:
    rows = batch.rows
    texts = [piece.text for piece in batch.pieces if piece.text]
    dates = sorted({row.issued for row in rows if row.issued})
    return OpeningSource(
        registry=frame.mapping.registry,
        file_sha256=tuple(dict.fromkeys(frame.files[row.file] for row in rows)),
        row_sha256=tuple(row.sha256.hex() for row in rows),
        serial_text=tuple(texts),
        dates=tuple(dates or sorted({row.since for row in rows if row.since})),
        serials_assigned=len(texts) < len(batch.pieces),
    )


def identity(draft: Draft | Opening) -> bytes:
    """A hash over all that a batch takes over, whatever its name, file and custody account."""
    source = draft.source
    parts = [(p.first, p.last, p.status, p.date or "", p.purpose or "") for p in draft.parts]
    facts = (
        draft.unit_g,
        draft.vintage,
        draft.class_ or "",
        draft.source_project or "",
        parts,
        (source.registry, source.row_sha256, source.serial_text, source.dates),
    )
    return sha256(msgspec.json.encode(facts)).digest()
