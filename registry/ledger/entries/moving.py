"""Entries that move credits: mandate, transfer."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from registry.ledger.entries.common import (
    ITEMS_MAX,
    AccountId,
    BatchId,
    Common,
    Grams,
    Int,
    Ms,
    Part,
    PartyName,
    Positive,
)

MandateKind = Literal["transfer", "retirement", "conversion"]
MANDATE_ACCOUNTS_MAX = 64


class MandateLimits(Part, frozen=True, kw_only=True):
    """What the agent may move by one entry, and by all entries together."""

    per_entry_g: Grams | UnsetType = UNSET
    total_g: Grams | UnsetType = UNSET


class Mandate(Common, frozen=True, kw_only=True, tag="mandate"):
    """The owner lets an agent act on accounts, for some kinds, within limits, until a time.

    `replaces`: index of an earlier mandate, which ends here. With it, `until_ms` may lie in the
    past: then nothing takes its place.
    """

    agent: PartyName
    accounts: Annotated[tuple[AccountId, ...], Meta(min_length=1, max_length=MANDATE_ACCOUNTS_MAX)]
    kinds: Annotated[tuple[MandateKind, ...], Meta(min_length=1, max_length=3)]
    until_ms: Ms
    limits: MandateLimits | UnsetType = UNSET
    replaces: Positive | UnsetType = UNSET


class Item(Part, frozen=True, kw_only=True):
    """Credits of one batch: either `quantity_g` (the rule picks serials) or exact serials."""

    batch: BatchId
    quantity_g: Grams | UnsetType = UNSET
    first: Positive | UnsetType = UNSET
    last: Positive | UnsetType = UNSET


Items = Annotated[tuple[Item, ...], Meta(min_length=1, max_length=ITEMS_MAX)]


class Trade(Part, frozen=True, kw_only=True):
    """A trade at a venue (the party name of an exchange, or `otc`)."""

    venue: Annotated[str, Meta(pattern=r"^(otc|[a-z0-9-]+(\.[a-z0-9-]+)+)\Z", max_length=100)]
    trade_id: Annotated[str, Meta(min_length=1, max_length=100)]
    price_fen_per_t: Int | UnsetType = UNSET


class Transfer(Common, frozen=True, kw_only=True, tag="transfer"):
    """Changes the owner of credits. `mandate`: index of the mandate that the signer acts under."""

    from_: AccountId = field(name="from")
    to: AccountId
    items: Items
    reason: Literal["trade", "donation", "internal", "bundle"]
    mandate: Positive | UnsetType = UNSET
    trade: Trade | UnsetType = UNSET


__all__ = ["Item", "Items", "Mandate", "MandateKind", "Trade", "Transfer"]
