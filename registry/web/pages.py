"""The pages' routes: each reads one snapshot and shows one view (DESIGN §8, Pages).

A view is the one that the HTTP interface answers as JSON; a page adds words, links and marks, and
no number of its own.
"""

from importlib import resources
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from msgspec import Struct

from registry.chain.checkpoint import parse_checkpoint
from registry.chain.errors import Malformed
from registry.chain.note import parse_note
from registry.chain.strict import MAX_INT, format_base64, parse_decimal
from registry.ledger import values as v
from registry.ledger.apply import batches_of
from registry.ledger.codec import decode_entry
from registry.ledger.entries import KINDS
from registry.ports import ReadStore, Snapshot
from registry.service import entries
from registry.service.books import STATUSES
from registry.service.reading import find, log
from registry.service.seals import last_seal
from registry.service.totals import Totals
from registry.web import desk as d
from registry.web import fields, pages_book, pages_use, render, tables
from registry.web.desk import Desk
from registry.web.render import NO_FRAME, Page
from registry.web.sentences import sentence

NEWEST = 10
QUESTION_CHARS_MAX = 120
FILTERS = (
    "kind",
    "account",
    "batch",
    "project",
    "methodology",
    "party",
    "scheme",
    "order",
    "event",
)
_YEAR = {"cache-control": "public, max-age=31536000, immutable"}
_FAVICON = resources.files("registry.web").joinpath("static/favicon.svg").read_bytes()


class ShownSigner(Struct, frozen=True):
    """Who signed, and as what."""

    name: str
    title: str
    roles: tuple[str, ...]


def router(reader: ReadStore, totals: Totals, *, alone: bool) -> APIRouter:
    """The routes of the pages."""
    routes = APIRouter(include_in_schema=False)
    desk = Desk(reader, totals, alone)
    _add_files(routes)
    _add_overview(routes, desk)
    _add_entries(routes, desk)
    tables.add(routes, desk)
    pages_book.add(routes, desk)
    pages_use.add(routes, desk)
    return routes


def error_page(
    request: Request, reader: ReadStore, status: int, detail: str, *, alone: bool
) -> HTMLResponse:
    """A problem for people."""
    if status >= 500:  # what is at fault may be the store: ask nothing of it
        page = Page(request, NO_FRAME)
    else:
        with reader.snapshot() as snapshot:
            page = Page(request, render.frame(snapshot, witnessed=True), alone=alone)
    known = status if status in (400, 404, 405, 503) else 500 if status >= 500 else 400
    return page.html(
        "error.html",
        status,
        status=status,
        heading=page.word(f"error.{known}"),
        more=page.word(f"error.{known}.more"),
        detail=detail if known < 500 else "",
    )


def _add_files(routes: APIRouter) -> None:
    @routes.get("/style.css")
    def style() -> Response:
        """The style sheet."""
        return Response(render.style(), media_type="text/css", headers=_YEAR)

    @routes.get("/favicon.svg")
    def favicon() -> Response:
        """The mark of the pages in a browser's tab."""
        headers = {"cache-control": "public, max-age=86400"}
        return Response(_FAVICON, media_type="image/svg+xml", headers=headers)


def _add_overview(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/")
    def overview(request: Request) -> Response:
        """Totals, the newest entries, the checkpoint."""
        stats = desk.totals.stats()
        with desk.reader.snapshot() as snapshot:
            page = desk.page(request, snapshot)
            newest = entries.entries(snapshot, limit=NEWEST).entries
            published = snapshot.published()
            head = parse_checkpoint(parse_note(published.note).text) if published else None
            return page.html(
                "overview.html",
                stats=stats,
                statuses=STATUSES,
                head=head,
                root=format_base64(head.root) if head else "",
                seal=last_seal(snapshot),
                **d.listed(page, snapshot, newest),
            )

    @routes.get("/find")
    def find_it(request: Request) -> Response:
        """Leads to the page of what `q` names."""
        question = request.query_params.get("q", "")[:QUESTION_CHARS_MAX].strip()
        with desk.reader.snapshot() as snapshot:
            path = _find(snapshot, question) if question else "/"
            page = desk.page(request, snapshot)
        if path is None:
            return error_page(request, desk.reader, 404, question, alone=desk.alone)
        return RedirectResponse(page.to(path), status_code=303)


def _find(snapshot: Snapshot, question: str) -> str | None:
    """The page of what somebody typed: an index, or the name of something in the log."""
    number = question.lstrip("#")
    if number.isascii() and number.isdigit() and len(number) <= 16:
        return f"/entries/{int(number)}" if int(number) < snapshot.head.size else None
    places = (
        ("retirement", v.Retirement, "/retirements/"),
        ("batch", v.Batch, "/batches/"),
        ("account", v.Account, "/accounts/"),
        ("order", v.Order, "/orders/"),
        ("event", v.Event, "/events/"),
        ("scheme", v.Scheme, "/schemes/"),
        ("project", v.Project, "/projects/"),
        ("obligation", v.Obligation, "/obligations/"),
    )
    for text in dict.fromkeys((question, question.upper(), question.lower())):
        for family, kind, path in places:
            if find(snapshot, f"{family}/{text}", kind) is not None:
                return path + quote(text)
    if find(snapshot, f"party/{question}", v.Party) is not None:
        return f"/entries?{urlencode({'party': question})}"
    return None


def _add_entries(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/entries")
    def listed(request: Request) -> Response:
        """Entries, newest first, by kind or by what they are about."""
        given = {n: t for n in FILTERS if (t := request.query_params.get(n, ""))}
        cursor = request.query_params.get("cursor", "")
        kind = given.get("kind", "")
        if kind and kind not in KINDS:
            raise Malformed("there is no such kind", where="kind")
        subjects = [entries.subject(word, name) for word, name in given.items()]
        with desk.reader.snapshot() as snapshot:
            page = desk.page(request, snapshot)
            found = entries.entries(snapshot, subjects, cursor=cursor)
            following = found.next if isinstance(found.next, str) else ""
            return page.html(
                "entries.html",
                kind=kind,
                kinds=tuple(KINDS),
                about=[name for word, name in given.items() if word != "kind"],
                cursor=cursor,
                first=page.to("/entries", given),
                following=page.to("/entries", {**given, "cursor": following}) if following else "",
                size=found.size,
                json=f"/v1/entries?{urlencode(given)}" if given else "/v1/entries",
                **d.listed(page, snapshot, found.entries),
            )

    @routes.get("/entries/{index}")
    def one(request: Request, index: str) -> Response:
        """An entry: what was signed, by whom, and its record."""
        at = parse_decimal(index, max=MAX_INT)
        with desk.reader.snapshot() as snapshot:
            view = entries.entry(snapshot, at)
            page = desk.page(request, snapshot)
            line = bytes(view.entry)
            entry = decode_entry(line)
            batches = d.batches_named(snapshot, batches_of(entry))
            return page.html(
                "entry.html",
                view=view,
                pieces=sentence(entry, page.language, page.times, d.units_of(batches)),
                marked=d.taken_over(batches),
                rows=fields.rows(line, page.times),
                signers=[_signer(snapshot, signer) for signer in entry.signers],
                certificate=_certificate(snapshot, at),
            )


def _signer(snapshot: Snapshot, signer: str) -> ShownSigner:
    party = find(snapshot, f"party/{signer[:-9]}", v.Party)
    return ShownSigner(signer, party.title if party else "", party.roles if party else ())


def _certificate(snapshot: Snapshot, index: int) -> str:
    """The certificate number of the retirement that an entry made, if it made one."""
    opened = log(snapshot)
    if opened is None:
        return ""
    number = f"{opened.region}-R-{opened.origin[-8:]}-{index}"
    return number if find(snapshot, f"retirement/{number}", v.Retirement) else ""
