"""Entries by which the log commits to its own state: seal, and end, which is the last entry."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from registry.ledger.entries.common import Common, Int, Part, Positive, Sha256, Text

Origin = Annotated[str, Meta(min_length=1, max_length=200)]


class Totals(Part, frozen=True, kw_only=True):
    """Grams over all batches, by status; what each batch holds is in its value under the root."""

    free_g: Int
    reserved_g: Int
    pooled_g: Int
    buffer_g: Int
    retired_g: Int
    cancelled_g: Int


class Seal(Common, frozen=True, kw_only=True, tag="seal"):
    """Commits to the state map after the first `size` entries.

    `root`: RFC 6962 over the map in order of its keys (leaf = key LF value), `count` its values.
    """

    size: Positive
    root: Sha256
    count: Positive
    totals: Totals


class End(Common, frozen=True, kw_only=True, tag="end"):
    """The last entry: seals the state before it (`size` is its own index) and ends the log.

    `successor`: the origin of the log that goes on.
    """

    reason: Text
    successor: Origin | UnsetType = UNSET
    size: Positive
    root: Sha256
    count: Positive
    totals: Totals


Sealing = Seal | End
"""Whatever commits to a state."""
