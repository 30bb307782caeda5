"""How courts and authorities reach into holdings: freeze, unfreeze, execution, order_change."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from registry.ledger.entries.common import (
    ITEMS_MAX,
    AccountId,
    BatchId,
    Common,
    Grams,
    Ms,
    Name,
    Positive,
    Sha256,
    SpanItem,
    Text,
)
from registry.ledger.entries.use import InstrumentType

SpanItems = Annotated[tuple[SpanItem, ...], Meta(min_length=1, max_length=ITEMS_MAX)]


class Freeze(Common, frozen=True, kw_only=True, tag="freeze"):
    """Stops an account, a batch, or serials of an account; a later freeze waits behind (轮候).

    `until_ms` is the instrument's term: it ends nothing by itself, an unfreeze does.
    """

    issuer: Text
    origin: Literal["signed", "recorded"]
    instrument_type: InstrumentType
    number: Text
    instrument_sha256: Sha256
    account: AccountId | UnsetType = UNSET
    batch: BatchId | UnsetType = UNSET
    items: SpanItems | UnsetType = UNSET
    until_ms: Ms | UnsetType = UNSET


class Unfreeze(Common, frozen=True, kw_only=True, tag="unfreeze"):
    """Lifts a freeze, or once its term is over lets anyone enrolled say so."""

    freeze: Positive
    origin: Literal["signed", "recorded", "lapsed"]
    instrument_sha256: Sha256 | UnsetType = UNSET


class Execution(Common, frozen=True, kw_only=True, tag="execution"):
    """Moves or retires serials under the freeze that is first in line, whoever holds them."""

    freeze: Positive
    origin: Literal["signed", "recorded"]
    instrument_sha256: Sha256
    account: AccountId
    items: SpanItems
    to: AccountId | UnsetType = UNSET
    retire: bool | UnsetType = UNSET


class OrderChange(Common, frozen=True, kw_only=True, tag="order_change"):
    """Changes an order; what is already retired stays retired, a surplus as voluntary."""

    order: Name
    effect: Literal["reduce", "raise", "annul", "close", "suspend", "resume"]
    instrument_sha256: Sha256
    quantity_g: Grams | UnsetType = UNSET
