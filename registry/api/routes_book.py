"""Routes of the book: accounts, batches, serials, projects, orders, events, points, totals."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import UNSET, structs

from registry.api import openapi
from registry.api.parameters import (
    AccountPath,
    AfterQuery,
    BatchPath,
    CertificatePath,
    LimitQuery,
    NamePath,
    NoOthers,
    PartyPath,
    SerialPath,
    YearPath,
    answer,
    number,
)
from registry.api.services import Services
from registry.service import books, register, uses


def router(services: Services) -> APIRouter:
    """The routes over these services."""
    routes = APIRouter(dependencies=[NoOthers])
    _add_accounts(routes, services)
    _add_batches(routes, services)
    _add_register(routes, services)
    _add_uses(routes, services)

    @routes.get("/v1/stats", **openapi.get("stats"))
    def stats() -> Response:
        """Totals by status and program."""
        return answer(services.totals.stats())

    return routes


def _add_accounts(routes: APIRouter, services: Services) -> None:
    @routes.get("/v1/accounts/{account}", **openapi.get("account"))
    def account(account: AccountPath) -> Response:
        """An account and its rules."""
        with services.reader.snapshot() as snapshot:
            return answer(books.account(snapshot, account))

    @routes.get("/v1/accounts/{account}/balances", **openapi.get("balances"))
    def balances(
        account: AccountPath,
        as_of: Annotated[
            str, Query(description="A size, or a time: 42, 1767225600000ms, 2026-01-31.")
        ] = "",
        after: AfterQuery = "",
        limit: LimitQuery = "200",
    ) -> Response:
        """What an account holds, batch by batch; or held, as of an earlier size or time."""
        rows = number(limit, "limit", low=1, high=books.BALANCES_PAGE_MAX)
        if as_of:
            with services.sealed.as_of(as_of) as past:
                seal = UNSET if past.seal is None else past.seal
                held = books.balances(past, account, after=after, limit=rows)
                return answer(structs.replace(held, seal=seal))
        with services.reader.snapshot() as snapshot:
            return answer(books.balances(snapshot, account, after=after, limit=rows))


def _add_batches(routes: APIRouter, services: Services) -> None:
    @routes.get("/v1/batches", **openapi.get("batches"))
    def batches(after: AfterQuery = "", limit: LimitQuery = "50") -> Response:
        """Batches and their serials by status."""
        rows = number(limit, "limit", low=1, high=books.BATCHES_PAGE_MAX)
        with services.reader.snapshot() as snapshot:
            return answer(books.batches(snapshot, after=after, limit=rows))

    @routes.get("/v1/batches/{batch}", **openapi.get("batch"))
    def batch(
        batch: BatchPath,
        from_serial: Annotated[str, Query(description="Blocks from this serial on.")] = "1",
    ) -> Response:
        """A batch, and which serials have which holder and status."""
        start = number(from_serial, "from_serial", low=1)
        with services.reader.snapshot() as snapshot:
            return answer(books.batch(snapshot, batch, from_serial=start))

    @routes.get("/v1/serials/{batch}/{serial}", **openapi.get("serial"))
    def serial(batch: BatchPath, serial: SerialPath) -> Response:
        """What has become of one serial."""
        at = number(serial, "serial", low=1)
        with services.reader.snapshot() as snapshot:
            return answer(books.serial(snapshot, batch, at))


def _add_register(routes: APIRouter, services: Services) -> None:
    def page(limit: str) -> int:
        return number(limit, "limit", low=1, high=register.PAGE_MAX)

    @routes.get("/v1/projects", **openapi.get("projects"))
    def projects(after: AfterQuery = "", limit: LimitQuery = "50") -> Response:
        """Projects and scenarios."""
        rows = page(limit)
        with services.reader.snapshot() as snapshot:
            return answer(register.projects(snapshot, after=after, limit=rows))

    @routes.get("/v1/projects/{project}", **openapi.get("project"))
    def project(project: NamePath) -> Response:
        """A project: what was registered, and for which periods credits were issued."""
        with services.reader.snapshot() as snapshot:
            return answer(register.project(snapshot, project))

    @routes.get("/v1/methodologies", **openapi.get("methodologies"))
    def methodologies(after: AfterQuery = "", limit: LimitQuery = "50") -> Response:
        """Methodologies and their versions."""
        rows = page(limit)
        with services.reader.snapshot() as snapshot:
            return answer(register.methodologies(snapshot, after=after, limit=rows))

    @routes.get("/v1/parties", **openapi.get("parties"))
    def parties(after: AfterQuery = "", limit: LimitQuery = "50") -> Response:
        """Organisations, their roles and their keys."""
        rows = page(limit)
        with services.reader.snapshot() as snapshot:
            return answer(register.parties(snapshot, after=after, limit=rows))

    @routes.get("/v1/rulebooks", **openapi.get("rulebooks"))
    def rulebooks(after: AfterQuery = "", limit: LimitQuery = "50") -> Response:
        """The region's rulebooks, oldest first."""
        rows = page(limit)
        with services.reader.snapshot() as snapshot:
            return answer(register.rulebooks(snapshot, after=after, limit=rows))

    @routes.get("/v1/schemes/{scheme}", **openapi.get("scheme"))
    def scheme(scheme: NamePath) -> Response:
        """A points scheme and what backs it."""
        with services.reader.snapshot() as snapshot:
            return answer(register.scheme(snapshot, scheme))


def _add_uses(routes: APIRouter, services: Services) -> None:
    @routes.get("/v1/orders/{order}", **openapi.get("order"))
    def order(order: NamePath) -> Response:
        """An order and how far it is fulfilled."""
        with services.reader.snapshot() as snapshot:
            return answer(uses.order(snapshot, order))

    @routes.get("/v1/events/{event}", **openapi.get("event"))
    def event(event: NamePath) -> Response:
        """An event and what was retired for it."""
        with services.reader.snapshot() as snapshot:
            return answer(uses.event(snapshot, event))

    @routes.get("/v1/obligations/{party}/{year}", **openapi.get("obligation"))
    def obligation(party: PartyPath, year: YearPath) -> Response:
        """A firm's obligation of a year, and what credits cover of it."""
        at = number(year, "year")
        with services.reader.snapshot() as snapshot:
            return answer(uses.obligation(snapshot, party, at))

    @routes.get("/v1/retirements/{certificate}", **openapi.get("retirement"))
    def retirement(certificate: CertificatePath) -> Response:
        """A retirement by its certificate number."""
        with services.reader.snapshot() as snapshot:
            return answer(uses.retirement(snapshot, certificate))
