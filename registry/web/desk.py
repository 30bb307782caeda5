"""What the pages share: the store, the frame of a page, entries as lines with their sentences."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastapi import Request
from msgspec import Struct

from registry.ledger import values as v
from registry.ledger.apply import batches_of
from registry.ledger.codec import decode_entry
from registry.ports import ReadStore, Snapshot
from registry.service import entries, uses
from registry.service.reading import find_many, log
from registry.service.totals import Totals, is_witnessed
from registry.web import render
from registry.web.render import Page
from registry.web.sentences import Pieces, sentence

LINES = 12
"""Entries that a page about something shows of the list of entries about it."""
RETIREMENTS_SHOWN_MAX = 100


class ShownLine(Struct, frozen=True):
    """An entry in a list, with its sentence."""

    index: int
    time_ms: int
    kind: str
    pieces: Pieces


@dataclass(frozen=True, slots=True)
class Desk:
    """Where pages are made; one per process."""

    reader: ReadStore
    totals: Totals
    alone: bool

    def page(self, request: Request, snapshot: Snapshot) -> Page:
        """A page as of a snapshot."""
        published, opened = snapshot.published(), log(snapshot)
        witnessed = bool(published and opened and is_witnessed(published, opened.origin))
        about = render.frame(snapshot, witnessed=witnessed)
        return Page(request, about, alone=self.alone)

    def about(self, page: Page, snapshot: Snapshot, subject: str) -> dict[str, object]:
        """What a template needs to show the newest entries about something."""
        found = entries.entries(snapshot, (subject,), limit=LINES)
        return {**listed(page, snapshot, found.entries), "more": isinstance(found.next, str)}


def listed(page: Page, snapshot: Snapshot, found: Iterable[entries.EntryLine]) -> dict[str, object]:
    """What a template needs to show a list of entries: their sentences, the batches to mark."""
    decoded = [(line, decode_entry(bytes(line.entry))) for line in found]
    batches = batches_named(snapshot, [name for _, e in decoded for name in batches_of(e)])
    units = units_of(batches)
    lines = [
        ShownLine(
            line.index,
            line.time_ms,
            line.kind,
            sentence(entry, page.language, page.times, units),
        )
        for line, entry in decoded
    ]
    return {"lines": lines, "marked": taken_over(batches)}


def batches_named(snapshot: Snapshot, names: Iterable[str]) -> dict[str, v.Batch]:
    """Those of the batches that are in the log."""
    found = find_many(snapshot, [f"batch/{name}" for name in dict.fromkeys(names)], v.Batch)
    return {key[6:]: batch for key, batch in found.items()}


def units_of(batches: dict[str, v.Batch]) -> dict[str, int]:
    """Grams per serial of each."""
    return {name: batch.unit_g for name, batch in batches.items()}


def taken_over(batches: dict[str, v.Batch]) -> frozenset[str]:
    """Those that were taken over from another book: marked wherever they are named."""
    return frozenset(name for name, batch in batches.items() if batch.taken_over)


def retirements(snapshot: Snapshot, certificates: Sequence[str]) -> dict[str, object]:
    """What a template needs to show retirements, newest first."""
    newest = certificates[::-1][:RETIREMENTS_SHOWN_MAX]
    return {
        "retirements": [uses.retirement(snapshot, certificate) for certificate in newest],
        "retirements_more": len(certificates) > RETIREMENTS_SHOWN_MAX,
    }
