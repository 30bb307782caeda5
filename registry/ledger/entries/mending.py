"""Entries that answer what went wrong: cancellation, correction, notice."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from registry.ledger.entries.common import (
    ITEMS_MAX,
    AccountId,
    BatchId,
    Common,
    Name,
    Part,
    Positive,
    Sha256,
    Text,
)

Subject = Annotated[str, Meta(pattern=r"^[a-z_]+(/[A-Za-z0-9._:+-]{1,100}){1,2}\Z")]
"""A state key of what can be spoken about: `project/…`, `batch/…`, `retirement/…`, `order/…`, …"""


class HeldItem(Part, frozen=True, kw_only=True):
    """Serials by their batch; `account` where an account holds them (free or bound)."""

    batch: BatchId
    first: Positive
    last: Positive
    account: AccountId | UnsetType = UNSET


HeldItems = Annotated[tuple[HeldItem, ...], Meta(min_length=1, max_length=ITEMS_MAX)]


class Cancellation(Common, frozen=True, kw_only=True, tag="cancellation"):
    """Takes away credits of one project that were wrong, reversed, or went to another market.

    What is already retired, or backs points, stays good: the same grams are drawn from
    `buffer_items` of the project, then from `cover_items` (the reserve account's, or of an owner
    who signs), and the rest is a debt of the project.
    """

    project: Name
    reason: Literal["issued_in_error", "reversal", "conversion_out"]
    items: HeldItems | UnsetType = UNSET
    buffer_items: HeldItems | UnsetType = UNSET
    cover_items: HeldItems | UnsetType = UNSET
    external_id: Text | UnsetType = UNSET


class Correction(Common, frozen=True, kw_only=True, tag="correction"):
    """Puts a descriptive field right; everything else is answered by new entries."""

    of: Positive
    subject: Subject
    field: Literal["title", "issuer", "number"]
    value: Text


class Notice(Common, frozen=True, kw_only=True, tag="notice"):
    """Says something about a thing of the log, shown wherever that thing is shown."""

    about: Subject
    code: Name
    doc_sha256: Sha256 | UnsetType = UNSET
    evidence: Annotated[str, Meta(min_length=1, max_length=40_000)] | UnsetType = UNSET
