"""Pages of accounts, batches, projects and parties."""

from fastapi import APIRouter, Request, Response
from msgspec import UNSET

from registry.chain.strict import MAX_INT, parse_decimal
from registry.ledger import values as v
from registry.service import books, entries, register
from registry.service.reading import find
from registry.web.desk import Desk
from registry.web.sentences import sentence

HOLDINGS = 100
LIST = 100


def add(routes: APIRouter, desk: Desk) -> None:
    """Add these pages."""
    _add_accounts(routes, desk)
    _add_batches(routes, desk)
    _add_projects(routes, desk)


def _after(request: Request) -> str:
    return request.query_params.get("after", "")


def _add_accounts(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/accounts/{account}")
    def account(request: Request, account: str) -> Response:
        """An account and what it holds."""
        with desk.reader.snapshot() as snapshot:
            view = books.account(snapshot, account)
            page = desk.page(request, snapshot)
            owner = None
            if view.owner is not UNSET:
                owner = find(snapshot, f"party/{view.owner}", v.Party)
            return page.html(
                "account.html",
                view=view,
                owner_title=owner.title if owner else "",
                held=books.balances(snapshot, account, after=_after(request), limit=HOLDINGS),
                **desk.about(page, snapshot, f"account/{account}"),
            )

    @routes.get("/parties")
    def parties(request: Request) -> Response:
        """Organisations, their roles and keys."""
        with desk.reader.snapshot() as snapshot:
            view = register.parties(snapshot, after=_after(request), limit=LIST)
            return desk.page(request, snapshot).html("parties.html", view=view)


def _add_batches(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/batches")
    def batches(request: Request) -> Response:
        """Batches and their serials by status."""
        with desk.reader.snapshot() as snapshot:
            view = books.batches(snapshot, after=_after(request), limit=LIST)
            return desk.page(request, snapshot).html("batches.html", view=view)

    @routes.get("/batches/{batch}")
    def batch(request: Request, batch: str) -> Response:
        """A batch, who holds which serials, what became of them."""
        start = parse_decimal(request.query_params.get("from_serial", "1"), max=MAX_INT)
        with desk.reader.snapshot() as snapshot:
            view = books.batch(snapshot, batch, from_serial=start)
            page = desk.page(request, snapshot)
            made = entries.read(snapshot, view.batch.index)
            return page.html(
                "batch.html",
                view=view,
                from_serial=start,
                made=sentence(made.entry, page.language, page.times, {}),
                **desk.about(page, snapshot, f"batch/{batch}"),
            )


def _add_projects(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/projects")
    def projects(request: Request) -> Response:
        """Projects and scenarios."""
        with desk.reader.snapshot() as snapshot:
            view = register.projects(snapshot, after=_after(request), limit=LIST)
            return desk.page(request, snapshot).html("projects.html", view=view)

    @routes.get("/projects/{project}")
    def project(request: Request, project: str) -> Response:
        """A project and what was issued for it."""
        with desk.reader.snapshot() as snapshot:
            view = register.project(snapshot, project)
            page = desk.page(request, snapshot)
            about = desk.about(page, snapshot, f"project/{project}")
            return page.html("project.html", view=view, **about)
