"""Tables for a spreadsheet: totals, batches and holdings as CSV (RFC 4180), whole grams.

The numbers are those of the views that pages and JSON show. Each table is whole, not a page of it.
A name that a spreadsheet could take for a formula cannot occur: all names here are the log's own.
"""

from collections.abc import Iterable, Iterator

from fastapi import APIRouter, Response

from registry.ledger.tables import table
from registry.ports import Snapshot
from registry.service import books
from registry.service.books import STATUSES, StatusCounts
from registry.web.desk import Desk

ROWS_MAX = 100_000
"""Most batches in one table; a larger book is read page by page as JSON."""
_GRAMS = tuple(f"{status}_g" for status in STATUSES)


def add(routes: APIRouter, desk: Desk) -> None:
    """Add these tables."""

    @routes.get("/totals.csv")
    def totals() -> Response:
        """Grams by program and status; the last line is the sum."""
        stats = desk.totals.stats()
        lines = [(p.program, p.batches, p.issued_g, *_by_status(p.grams)) for p in stats.programs]
        whole = ("total", stats.batches, stats.issued_g, *_by_status(stats.grams))
        return _table(("program", "batches", "issued_g", *_GRAMS), (*lines, whole), stats.size)

    @routes.get("/batches.csv")
    def batches() -> Response:
        """Each batch and its grams by status."""
        with desk.reader.snapshot() as snapshot:
            lines = [
                (b.batch, b.class_, b.vintage, b.count * b.unit_g, *_by_status(b.grams))
                for b in _batches(snapshot)
            ]
            size = snapshot.head.size
        return _table(("batch", "class", "vintage", "issued_g", *_GRAMS), lines, size)

    @routes.get("/accounts/{account}/balances.csv")
    def balances(account: str) -> Response:
        """What an account holds, batch by batch."""
        with desk.reader.snapshot() as snapshot:
            books.account(snapshot, account)
            lines = [
                (b.batch, b.class_, b.vintage, b.free_g, b.bound_g, b.retired_g)
                for b in _balances(snapshot, account)
            ]
            size = snapshot.head.size
        return _table(("batch", "class", "vintage", "free_g", "bound_g", "retired_g"), lines, size)


def _by_status(grams: StatusCounts) -> tuple[int, ...]:
    return tuple(getattr(grams, status) for status in STATUSES)


def _batches(snapshot: Snapshot) -> Iterator[books.BatchLine]:
    after = ""
    for _ in range(0, ROWS_MAX, books.BATCHES_PAGE_MAX):
        page = books.batches(snapshot, after=after, limit=books.BATCHES_PAGE_MAX)
        yield from page.batches
        if not page.next:
            return
        after = page.next


def _balances(snapshot: Snapshot, account: str) -> Iterator[books.BalanceLine]:
    after = ""
    for _ in range(0, ROWS_MAX, books.BALANCES_PAGE_MAX):
        page = books.balances(snapshot, account, after=after, limit=books.BALANCES_PAGE_MAX)
        yield from page.balances
        if not page.next:
            return
        after = page.next


def _table(head: Iterable[str], lines: Iterable[Iterable[object]], size: int) -> Response:
    """The table; the header `x-tanbu-size` says as of which size of the log."""
    headers = {"x-tanbu-size": str(size), "cache-control": "no-cache"}
    return Response(table(head, lines), media_type="text/csv; charset=utf-8", headers=headers)
