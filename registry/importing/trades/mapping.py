"""A trade mapping: what the columns of an exchange's settlement file mean, as TOML and no code.

Sources: TOML 1.0; docs/reference/settlement-mapping.md lists every key.
Refuses to know: any particular exchange.

Rules
- unknown keys, wrong types and missing keys are malformed, with file, line, place and reason
- columns that the mapping does not name are not read and reach no entry
- the exchange's own words for accounts and products are translated by tables, never guessed

    parse_trade_mapping(data, "mine.toml").price.fen   -> 100
"""

from typing import Annotated, Literal

from msgspec import Meta, field

from registry.chain.errors import Malformed
from registry.importing.forms import AmountForm, date_form
from registry.importing.mapping import Amount, Column, Dated, Encoding, Node
from registry.importing.toml import fault, load, typed
from registry.ledger.entries.common import AccountId, BatchId, Name, Positive

FEN_MAX = 1_000_000
Venue = Annotated[str, Meta(pattern=r"^(otc|[a-z0-9-]+(\.[a-z0-9-]+)+)\Z", max_length=100)]


class Price(Node, frozen=True, kw_only=True):
    """A column of prices a tonne, their form, and the fen (CNY 0.01) of one unit of it."""

    column: Column
    form: AmountForm
    fen: Annotated[int, Meta(ge=1, le=FEN_MAX)]


class TradeMapping(Node, frozen=True, kw_only=True):
    """A whole mapping. `venue`: who says that it was traded; none: the party of the first key.

    `accounts`, `batches`: the file's words for them. `mandates`: the index of the mandate under
    which credits of an account are moved, where the row's own column names none.
    """

    mapping: Name
    trade_id: Column
    day: Dated
    from_: Column = field(name="from")
    to: Column
    batch: Column
    quantity: Amount
    price: Price | None = None
    mandate: Column | None = None
    reservation: Column | None = None
    venue: Venue | None = None
    encoding: Encoding = "utf-8"
    delimiter: Literal[",", ";", "\t"] = ","
    accounts: dict[str, AccountId] = field(default_factory=dict)
    batches: dict[str, BatchId] = field(default_factory=dict)
    mandates: dict[AccountId, Positive] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that a file must have, each once."""
        wanted = [self.trade_id, self.day.column, self.from_, self.to, self.batch]
        wanted.append(self.quantity.column)
        wanted += [self.price.column] if self.price else []
        wanted += [column for column in (self.mandate, self.reservation) if column]
        return tuple(dict.fromkeys(wanted))


def parse_trade_mapping(data: bytes, name: str) -> TradeMapping:
    """Read a mapping file; Malformed with `name`, line or place, and reason."""
    raw, text = load(data, name)
    mapping = typed(raw, TradeMapping, text, name, "")
    try:
        form = date_form(mapping.day.form)
    except Malformed as error:
        raise fault(text, name, "", "day", f"{error.message}: {error.todo}") from error
    if not form.whole:
        raise fault(text, name, "", "day", "a year alone is no day")
    return mapping
