"""Entries about final use: order, event, obligation, retirement."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from registry.ledger.entries.common import (
    ITEMS_MAX,
    AccountId,
    Common,
    Date,
    Grams,
    Int,
    Ms,
    Name,
    Part,
    PartyName,
    Positive,
    Sha256,
    SpanItem,
    Text,
    Year,
)

InstrumentType = Literal[
    "judgment", "ruling", "mediation", "assistance_notice", "decision", "agreement"
]
"""判决书, 裁定书, 调解书, 协助执行通知书, 行政决定书, 磋商协议."""
OBLIGORS_MAX = 64
ALLOWED_MAX = 64
OTHER_OFFSETS_MAX = 64


class Firm(Part, frozen=True, kw_only=True):
    """A firm by its public name and, if known, its unified social credit code."""

    name: Text
    code: Annotated[str, Meta(pattern=r"^[0-9A-Z]{18}\Z")] | UnsetType = UNSET


class Obligor(Part, frozen=True, kw_only=True):
    """Who must fulfil an order: a firm, or a commitment to a person; its share, or joint."""

    commit: Sha256 | UnsetType = UNSET
    firm: Firm | UnsetType = UNSET
    share_g: Grams | UnsetType = UNSET


class Allowed(Part, frozen=True, kw_only=True):
    """Which credits may fulfil an order; what is absent is not restricted."""

    classes: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=ALLOWED_MAX)] | UnsetType = (
        UNSET
    )
    programs: (
        Annotated[tuple[Name, ...], Meta(min_length=1, max_length=ALLOWED_MAX)] | UnsetType
    ) = UNSET
    vintages: (
        Annotated[tuple[Year, ...], Meta(min_length=1, max_length=ALLOWED_MAX)] | UnsetType
    ) = UNSET


class Order(Common, frozen=True, kw_only=True, tag="order"):
    """A court's or an authority's order to restore by retiring credits.

    `origin` *signed*: by the issuer's own key; *recorded*: exchange and authority say that they
    hold the instrument; the court's own signature was then not checked.
    """

    order: Name
    issuer: Text
    origin: Literal["signed", "recorded"]
    instrument_type: InstrumentType
    number: Text
    instrument_sha256: Sha256
    date: Date
    effective_ms: Ms
    obligors: Annotated[tuple[Obligor, ...], Meta(min_length=1, max_length=OBLIGORS_MAX)]
    quantity_g: Grams
    deadline_ms: Ms | UnsetType = UNSET
    allowed: Allowed | UnsetType = UNSET


class OtherOffset(Part, frozen=True, kw_only=True):
    """What offsets an event outside of this log: attested by a document, not proved here."""

    what: Text
    quantity_g: Grams
    doc_sha256: Sha256


class Event(Common, frozen=True, kw_only=True, tag="event"):
    """An event to be neutralised; first a plan, later the final declared emissions."""

    event: Name
    organiser: PartyName
    title: Text
    from_: Date = field(name="from")
    to: Date
    declared_g: Grams
    report_sha256: Sha256
    status: Literal["plan", "final"]
    other_offsets: (
        Annotated[tuple[OtherOffset, ...], Meta(min_length=1, max_length=OTHER_OFFSETS_MAX)]
        | UnsetType
    ) = UNSET


class Obligation(Common, frozen=True, kw_only=True, tag="obligation"):
    """A firm's surrender obligation of a year; the named rulebook caps what credits may cover."""

    obligated: PartyName
    year: Year
    amount_g: Grams
    rulebook_version: Positive


class Beneficiary(Part, frozen=True, kw_only=True):
    """In whose favour credits were retired: exactly one of the fields; never a person's name."""

    party: PartyName | UnsetType = UNSET
    project: Name | UnsetType = UNSET
    event: Name | UnsetType = UNSET
    firm: Firm | UnsetType = UNSET
    commit: Sha256 | UnsetType = UNSET


class Retirement(Common, frozen=True, kw_only=True, tag="retirement"):
    """Final use of exact serials. `ref`: the order, the event, or `<party>/<year>`."""

    account: AccountId
    items: Annotated[tuple[SpanItem, ...], Meta(min_length=1, max_length=ITEMS_MAX)]
    purpose: Literal["offset", "remediation", "event", "voluntary"]
    beneficiary: Beneficiary
    ref: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,120}\Z")] | UnsetType = UNSET
    obligor: Int | UnsetType = UNSET
    mandate: Positive | UnsetType = UNSET


__all__ = ["Beneficiary", "Event", "Obligation", "Order", "Retirement"]
