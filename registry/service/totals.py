"""Totals over the whole book: grams by status and program, as of one size.

One place counts them, for `/v1/stats` and for every page, so that they cannot disagree. Batches
carry their sums, so the cost is that of reading every batch. A large book is not counted anew for
every entry: the totals say the size that they are of.
"""

import threading
import time
from dataclasses import dataclass

from msgspec import UNSET, Struct, UnsetType

from registry.chain.note import parse_note
from registry.ledger import values as v
from registry.ports import Published, ReadStore, Snapshot
from registry.service.books import STATUSES, StatusCounts
from registry.service.reading import log, scan

CHEAP_MS = 20
"""Totals that take no longer are counted anew for every new size."""
SHARE_MAX = 20
"""Dearer ones take at most one part in so many of a process's time."""


class ProgramTotals(Struct, frozen=True, kw_only=True):
    """Grams of one program by status."""

    program: str
    batches: int
    issued_g: int
    grams: StatusCounts
    taken_over_g: int


class Stats(Struct, frozen=True, kw_only=True):
    """Totals as of `size`: per program and altogether, issued = the sum of all statuses.

    `taken_over_g`: the part that stands in batches taken over from other books, not proved.
    `published_size`: how far the newest signed checkpoint reaches; `witnessed`: whether any
    independent witness has cosigned it.
    """

    size: int
    batches: int
    issued_g: int
    grams: StatusCounts
    taken_over_g: int
    programs: tuple[ProgramTotals, ...]
    witnessed: bool
    origin: str | UnsetType = UNSET
    region: str | UnsetType = UNSET
    time_ms: int | UnsetType = UNSET
    published_size: int | UnsetType = UNSET
    published_ms: int | UnsetType = UNSET
    seal: int | UnsetType = UNSET
    """Index of the last seal."""
    sealed_size: int | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class _Counted:
    stats: Stats
    took_s: float
    done_s: float

    def good_at(self, size: int, now_s: float) -> bool:
        if self.stats.size == size:
            return True
        dear = self.took_s * 1000 > CHEAP_MS
        return dear and now_s - self.done_s < self.took_s * SHARE_MAX


class Totals:
    """Counts, and keeps the last count; one per process, may be used by several threads."""

    def __init__(self, reader: ReadStore) -> None:
        self._reader = reader
        self._counted: _Counted | None = None
        self._lock = threading.Lock()

    def stats(self) -> Stats:
        """The totals, as of the newest size or of one a little before.

        While somebody else counts for long, those of before are given out.
        """
        counted = self._counted
        wait_s = -1.0 if counted is None else max(0.0, 2 * CHEAP_MS / 1000)
        if self._lock.acquire(timeout=wait_s):
            try:
                counted = self._count_if_worth_it()
            finally:
                self._lock.release()
        with self._reader.snapshot() as snapshot:
            return with_published(snapshot, counted.stats if counted else count(snapshot))

    def _count_if_worth_it(self) -> _Counted:
        with self._reader.snapshot() as snapshot:
            counted = self._counted
            start_s = time.monotonic()
            if counted is None or not counted.good_at(snapshot.head.size, start_s):
                stats = count(snapshot)
                done_s = time.monotonic()
                counted = _Counted(stats, done_s - start_s, done_s)
                self._counted = counted
            return counted


def count(snapshot: Snapshot) -> Stats:
    """Count every batch of a snapshot."""
    programs: dict[str, dict[str, int]] = {}
    for _, batch in scan(snapshot, "batch/", v.Batch):
        sums = programs.setdefault(
            batch.program, dict.fromkeys((*STATUSES, "batches", "taken_over"), 0)
        )
        sums["batches"] += 1
        for status in STATUSES:
            sums[status] += getattr(batch, status) * batch.unit_g
        if batch.taken_over:
            sums["taken_over"] += batch.count * batch.unit_g
    lines = tuple(_program(name, programs[name]) for name in sorted(programs))
    opened = log(snapshot)
    return Stats(
        size=snapshot.head.size,
        batches=sum(line.batches for line in lines),
        issued_g=sum(line.issued_g for line in lines),
        grams=StatusCounts(
            **{status: sum(getattr(line.grams, status) for line in lines) for status in STATUSES}
        ),
        taken_over_g=sum(line.taken_over_g for line in lines),
        programs=lines,
        witnessed=False,
        origin=opened.origin if opened else UNSET,
        region=opened.region if opened else UNSET,
        time_ms=snapshot.head.time_ms if snapshot.head.size else UNSET,
    )


def with_published(snapshot: Snapshot, stats: Stats) -> Stats:
    """The same totals beside the newest checkpoint."""
    published, opened = snapshot.published(), log(snapshot)
    if published is None or opened is None:
        return stats
    fields = {name: getattr(stats, name) for name in stats.__struct_fields__}
    origin = "" if isinstance(stats.origin, UnsetType) else stats.origin
    fields |= {
        "published_size": published.size,
        "published_ms": published.time_ms,
        "witnessed": is_witnessed(published, origin),
        "seal": opened.seal,
        "sealed_size": opened.sealed_size,
    }
    return Stats(**fields)


def is_witnessed(published: Published, origin: str) -> bool:
    """Whether a checkpoint carries a line that is not the log's own."""
    return any(line.name != origin for line in parse_note(published.note).signatures)


def _program(name: str, sums: dict[str, int]) -> ProgramTotals:
    grams = {status: sums[status] for status in STATUSES}
    return ProgramTotals(
        program=name,
        batches=sums["batches"],
        issued_g=sum(grams.values()),
        grams=StatusCounts(**grams),
        taken_over_g=sums["taken_over"],
    )
