"""Entries that bind credits: reservation, settlement, release, pledge, unpledge."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from registry.ledger.entries.common import (
    ITEMS_MAX,
    AccountId,
    Common,
    Ms,
    PartyName,
    Positive,
    SpanItem,
)
from registry.ledger.entries.moving import Items, Trade

SpanItems = Annotated[tuple[SpanItem, ...], Meta(min_length=1, max_length=ITEMS_MAX)]


class Reservation(Common, frozen=True, kw_only=True, tag="reservation"):
    """Sets credits aside for a transfer that is settled later, fully or partly, or released."""

    from_: AccountId = field(name="from")
    to: AccountId
    items: Items
    reason: Literal["trade", "donation", "internal", "bundle"]
    expires_ms: Ms
    mandate: Positive | UnsetType = UNSET
    trade: Trade | UnsetType = UNSET


class Settlement(Common, frozen=True, kw_only=True, tag="settlement"):
    """Moves what was reserved; `items` where only a part of it is: the rest is free again."""

    reservation: Positive
    items: Items | UnsetType = UNSET


class Release(Common, frozen=True, kw_only=True, tag="release"):
    """Frees what was reserved; after the reservation has expired, anyone enrolled may."""

    reservation: Positive


class Pledge(Common, frozen=True, kw_only=True, tag="pledge"):
    """Gives serials as security: they move only with the pledgee."""

    account: AccountId
    items: SpanItems
    pledgee: PartyName


class Unpledge(Common, frozen=True, kw_only=True, tag="unpledge"):
    """The pledgee gives pledged serials free: those named, or all that the pledge still holds."""

    pledge: Positive
    items: SpanItems | UnsetType = UNSET
