"""Pages of orders, events, obligations, points schemes and retirements."""

from fastapi import APIRouter, Request, Response
from msgspec import UNSET, Struct

from registry.chain.strict import parse_decimal
from registry.ledger import values as v
from registry.ledger.entries.use import Beneficiary
from registry.ports import Snapshot
from registry.service import register, uses
from registry.service.reading import find
from registry.web import desk as d
from registry.web.desk import Desk
from registry.web.render import Page


class ShownRef(Struct, frozen=True):
    """What a retirement serves."""

    label: str
    text: str
    href: str
    more: str = ""
    recorded: bool = False


def add(routes: APIRouter, desk: Desk) -> None:
    """Add these pages."""
    _add_needs(routes, desk)
    _add_scheme(routes, desk)
    _add_retirement(routes, desk)


def _add_needs(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/orders/{order}")
    def order(request: Request, order: str) -> Response:
        """An order and how far it is fulfilled."""
        with desk.reader.snapshot() as snapshot:
            view = uses.order(snapshot, order)
            return _show(desk, request, snapshot, "order.html", view)

    @routes.get("/events/{event}")
    def event(request: Request, event: str) -> Response:
        """An event and what was retired for it."""
        with desk.reader.snapshot() as snapshot:
            view = uses.event(snapshot, event)
            return _show(desk, request, snapshot, "event.html", view)

    @routes.get("/obligations/{party}/{year}")
    def obligation(request: Request, party: str, year: str) -> Response:
        """A firm's obligation of a year."""
        with desk.reader.snapshot() as snapshot:
            view = uses.obligation(snapshot, party, parse_decimal(year))
            return _show(desk, request, snapshot, "obligation.html", view)


def _show(
    desk: Desk,
    request: Request,
    snapshot: Snapshot,
    template: str,
    view: uses.OrderView | uses.EventView | uses.ObligationView,
) -> Response:
    """A need and what was retired for it; the command checks the newest retirement, if any."""
    found = [uses.retirement(snapshot, name) for name in view.retirements[-1:]]
    return desk.page(request, snapshot).html(
        template,
        view=view,
        shown_index=found[0].index if found else view.index,
        **d.retirements(snapshot, view.retirements),
    )


def _add_scheme(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/schemes/{scheme}")
    def scheme(request: Request, scheme: str) -> Response:
        """A points scheme and what backs it."""
        with desk.reader.snapshot() as snapshot:
            view = register.scheme(snapshot, scheme)
            page = desk.page(request, snapshot)
            about = desk.about(page, snapshot, f"scheme/{scheme}")
            return page.html("scheme.html", view=view, **about)


def _add_retirement(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/retirements/{certificate}")
    def retirement(request: Request, certificate: str) -> Response:
        """A retirement: the certificate."""
        with desk.reader.snapshot() as snapshot:
            view = uses.retirement(snapshot, certificate)
            page = desk.page(request, snapshot)
            return page.html(
                "retirement.html",
                view=view,
                ref=_ref(snapshot, view),
                beneficiary=_beneficiary(snapshot, view.beneficiary, page)
                if isinstance(view.beneficiary, Beneficiary)
                else "",
            )


def _ref(snapshot: Snapshot, view: uses.RetirementView) -> ShownRef | None:
    ref = view.ref
    if not isinstance(ref, str):
        return None
    if view.purpose == "remediation":
        order = uses.order(snapshot, ref)
        more = f"{order.issuer} · {order.number}"
        return ShownRef("order", ref, f"/orders/{ref}", more, order.origin == "recorded")
    if view.purpose == "event":
        return ShownRef("event", ref, f"/events/{ref}", uses.event(snapshot, ref).title)
    return ShownRef("obligation", ref.replace("/", " · "), f"/obligations/{ref}")


def _beneficiary(snapshot: Snapshot, named: Beneficiary, page: Page) -> str:
    """In whose favour, in one line; a commitment stays what it is."""
    if named.party is not UNSET:
        party = find(snapshot, f"party/{named.party}", v.Party)
        return f"{party.title} ({named.party})" if party else named.party
    if named.project is not UNSET:
        project = find(snapshot, f"project/{named.project}", v.Project)
        return f"{project.fields.title} ({named.project})" if project else named.project
    if named.event is not UNSET:
        return f"{page.word('event')} {named.event}"
    if named.firm is not UNSET:
        code = named.firm.code
        return named.firm.name if code is UNSET else f"{named.firm.name} ({code})"
    return f"{page.word('commitment')}: {named.commit}"
