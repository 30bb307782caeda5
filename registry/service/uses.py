"""Views of orders, events, obligations and retirements: what credits were used for."""

from msgspec import UNSET, Struct, UnsetType, field

from registry.chain.errors import Broken
from registry.ledger import values as v
from registry.ledger.dates import civil_date
from registry.ledger.entries.use import Allowed, Beneficiary, Obligor
from registry.ports import Snapshot
from registry.service.reading import find_many, get, log


class ObligorLine(Struct, frozen=True, kw_only=True):
    """Who must fulfil an order: a firm or a commitment; with a share, what was retired of it."""

    position: int
    obligor: Obligor
    fulfilled_g: int | UnsetType = UNSET


class OrderView(Struct, frozen=True, kw_only=True):
    """An order and how far it is fulfilled. `index`: the entry that brought it in.

    `origin` recorded: exchange and authority say that they hold the instrument; the issuer's own
    signature was not checked.
    """

    order: str
    issuer: str
    origin: str
    number: str
    quantity_g: int
    fulfilled_g: int
    missing_g: int
    effective_ms: int
    obligors: tuple[ObligorLine, ...]
    retirements: tuple[str, ...]
    index: int
    size: int
    deadline_ms: int | UnsetType = UNSET
    allowed: Allowed | UnsetType = UNSET
    state: str | UnsetType = UNSET
    """`suspended`, `annulled` or `closed`; absent where it stands."""
    changes: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the entries that changed it."""
    remarks: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the corrections and notices about it."""


class EventView(Struct, frozen=True, kw_only=True):
    """An event and what was retired for it; `reached`: at least what is declared.

    `attested_g`: offsets outside of this log that the organiser attests; not proved, not counted.
    """

    event: str
    organiser: str
    title: str
    status: str
    declared_g: int
    retired_g: int
    reached: bool
    retirements: tuple[str, ...]
    index: int
    size: int
    attested_g: int | UnsetType = UNSET
    remarks: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the corrections and notices about it."""


class ObligationView(Struct, frozen=True, kw_only=True):
    """A firm's obligation of a year; `cap_g`: what credits may cover of it."""

    obligated: str
    year: int
    amount_g: int
    cap_g: int
    retired_g: int
    rulebook_version: int
    retirements: tuple[str, ...]
    index: int
    size: int
    remarks: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the corrections and notices about it."""


class RetiredItem(Struct, frozen=True, kw_only=True):
    """Serials `first`…`last` that were retired, and what they are."""

    batch: str
    first: int
    last: int
    quantity_g: int
    program: str
    vintage: int
    class_: str = field(name="class")
    taken_over: bool
    project: str | UnsetType = UNSET


class RetirementView(Struct, frozen=True, kw_only=True):
    """A retirement by its certificate number; terminal.

    `date`: the civil date of its record time in the region. Without account and beneficiary it is
    of used points (the entry says of which scheme).
    """

    certificate: str
    index: int
    time_ms: int
    date: str
    purpose: str
    quantity_g: int
    items: tuple[RetiredItem, ...]
    published: bool
    size: int
    account: str | UnsetType = UNSET
    ref: str | UnsetType = UNSET
    beneficiary: Beneficiary | UnsetType = UNSET
    voluntary_g: int | UnsetType = UNSET
    """How much of it an order's later change has made voluntary."""
    remarks: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the corrections and notices about it."""


def order(snapshot: Snapshot, name: str) -> OrderView:
    """An order; Absent if the log has none of this name."""
    found = get(snapshot, f"order/{name}", v.Order, f"order {name[:64]}")
    shares = found.by_obligor_g
    return OrderView(
        order=name,
        issuer=found.issuer,
        origin=found.origin,
        number=found.number,
        quantity_g=found.quantity_g,
        fulfilled_g=found.fulfilled_g,
        missing_g=max(0, found.quantity_g - found.fulfilled_g),
        effective_ms=found.effective_ms,
        deadline_ms=found.deadline_ms,
        allowed=found.allowed,
        obligors=tuple(
            ObligorLine(
                position=position,
                obligor=obligor,
                fulfilled_g=shares[position] if shares else UNSET,
            )
            for position, obligor in enumerate(found.obligors)
        ),
        retirements=found.retirements,
        state=found.state,
        changes=found.changes,
        remarks=found.remarks,
        index=found.index,
        size=snapshot.head.size,
    )


def event(snapshot: Snapshot, name: str) -> EventView:
    """An event; Absent if the log has none of this name."""
    found = get(snapshot, f"event/{name}", v.Event, f"event {name[:64]}")
    return EventView(
        event=name,
        organiser=found.organiser,
        title=found.title,
        status=found.status,
        declared_g=found.declared_g,
        retired_g=found.retired_g,
        reached=found.retired_g >= found.declared_g,
        retirements=found.retirements,
        attested_g=found.attested_g,
        remarks=found.remarks,
        index=found.index,
        size=snapshot.head.size,
    )


def obligation(snapshot: Snapshot, party: str, year: int) -> ObligationView:
    """A firm's obligation of a year; Absent if the log has none."""
    found = get(snapshot, f"obligation/{party}/{year}", v.Obligation, f"obligation of {year}")
    return ObligationView(
        obligated=party,
        year=year,
        amount_g=found.amount_g,
        cap_g=found.cap_g,
        retired_g=found.retired_g,
        rulebook_version=found.rulebook_version,
        retirements=found.retirements,
        remarks=found.remarks,
        index=found.index,
        size=snapshot.head.size,
    )


def retirement(snapshot: Snapshot, certificate: str) -> RetirementView:
    """A retirement; Absent if the log has none with this certificate number."""
    found = get(
        snapshot,
        f"retirement/{certificate}",
        v.Retirement,
        f"retirement with the certificate number {certificate[:60]}",
    )
    opened = log(snapshot)
    names = [batch for batch, _, _ in found.items]
    batches = find_many(snapshot, [f"batch/{name}" for name in names], v.Batch)
    items = []
    for name, first, last in found.items:
        batch = batches.get(f"batch/{name}")
        if batch is None:
            raise Broken("retired serials of a batch that is not there", where=f"batch/{name}")
        items.append(_item(name, first, last, batch))
    published = snapshot.published()
    return RetirementView(
        certificate=certificate,
        index=found.index,
        time_ms=found.time_ms,
        date=civil_date(found.time_ms, opened.offset_min if opened else 0),
        purpose=found.purpose,
        quantity_g=found.quantity_g,
        items=tuple(items),
        account=found.account,
        ref=found.ref,
        beneficiary=found.beneficiary,
        voluntary_g=found.voluntary_g,
        remarks=found.remarks,
        published=published is not None and found.index < published.size,
        size=snapshot.head.size,
    )


def _item(name: str, first: int, last: int, batch: v.Batch) -> RetiredItem:
    return RetiredItem(
        batch=name,
        first=first,
        last=last,
        quantity_g=(last - first + 1) * batch.unit_g,
        program=batch.program,
        vintage=batch.vintage,
        class_=batch.class_,
        taken_over=batch.taken_over,
        project=batch.project or UNSET,
    )
