"""The fields that every entry has, and the words that entries are made of (DESIGN §3).

Limits stand beside the form that they bound. All quantities are whole grams of CO2 equivalent
(suffix `_g`), all instants whole milliseconds of Unix time (`_ms`), all dates civil dates of the
region, `YYYY-MM-DD`. Serials are inclusive `first`, `last`.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

INTEGER_MAX = 2**53 - 1
"""Largest integer in any entry or state value; sums and products above it are refused."""
SIGNERS_MAX = 16
MEMO_CHARS_MAX = 200
TITLE_CHARS_MAX = 200
ITEMS_MAX = 256
"""Most items (batches, serial ranges) that one entry may name."""
CLAIMS_MAX = 64
LISTED_MAX = 256
KEYS_MAX = 16


Int = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Positive = Annotated[int, Meta(ge=1, le=INTEGER_MAX)]
Grams = Positive
Ms = Int
Text = Annotated[str, Meta(min_length=1, max_length=TITLE_CHARS_MAX)]
Memo = Annotated[str, Meta(min_length=1, max_length=MEMO_CHARS_MAX)]
Claim = Annotated[str, Meta(min_length=1, max_length=TITLE_CHARS_MAX)]
Url = Annotated[str, Meta(pattern=r"^https?://[!-~]+\Z", max_length=500)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Date = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
Year = Annotated[int, Meta(ge=1990, le=2200)]
UuidV7 = Annotated[
    str,
    Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z"),
]
PartyName = Annotated[str, Meta(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+\Z", max_length=100)]
AccountId = Annotated[str, Meta(pattern=r"^a-[a-z2-7]{26}\Z")]
Holder = Annotated[
    str, Meta(pattern=r"^(a-[a-z2-7]{26}|[a-z0-9-]+(\.[a-z0-9-]+)+)\Z", max_length=100)
]
SignerName = Annotated[
    str, Meta(pattern=r"^(a-[a-z2-7]{26}|[a-z0-9-]+(\.[a-z0-9-]+)+)\+[0-9a-f]{8}\Z")
]
BatchId = Annotated[
    str, Meta(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,6}-[A-Z0-9]{2,16}-[0-9]{4}-[0-9]{6}\Z")
]
Region = Annotated[str, Meta(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,6}\Z")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]
"""An identifier that its first submitter chooses: project, part, methodology, order, event, …"""
KeyText = Annotated[str, Meta(min_length=10, max_length=2000)]
"""A verifier key `<name>+<8 hex>+<base64(type, public key)>` (C2SP signed-note)."""


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every object inside an entry."""


class Common(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", gc=False
):
    """Fields of every entry.

    `id` is unique per first signer; `not_after` (ms) bounds the record time; `signers` is sorted,
    without doubles, and names in order the note's signature lines.
    """

    id: UuidV7
    not_after: Ms
    signers: Annotated[tuple[SignerName, ...], Meta(min_length=1, max_length=SIGNERS_MAX)]
    memo: Memo | UnsetType = UNSET


class SpanItem(Part, frozen=True, kw_only=True):
    """Exact serials `first`…`last` (inclusive) of a batch."""

    batch: BatchId
    first: Positive
    last: Positive


class Commit(Part, frozen=True, kw_only=True):
    """A commitment to a list of people's amounts: the root of a Merkle sum tree (DESIGN §6).

    `count` leaves, `total` the sum of their amounts: points, or milligrams for acts.
    """

    root: Sha256
    count: Positive
    total: Positive
