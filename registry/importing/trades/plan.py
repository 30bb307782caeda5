"""From lines to the entries of trades: `transfer`, or `settlement` where a row names a reservation.

Refuses to know: the clock, the keys' seeds, and what the log will say.

Rules
- the text of an entry is a function of the log, the signers and the row alone: its id is made of
  the trade's day and a hash of the text, and `not_after` is that day and VALID_DAYS; so the same
  row is the same entry whenever and however often the file is submitted
- every row is read; one that is not of the form is a fault with its number, and while there is one
  nothing of the file is to be sent
- a trade stands once in a file, and a reservation is settled once
- a settlement says no more than its reservation and how much; what else the row says must be what
  the reservation says (`unlike`)

    plan = make_plan(lines, mapping, desk)
    plan.faults or [sign(trade.text) for trade in plan.trades]
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from msgspec import Struct, structs

from registry.chain.errors import Malformed
from registry.chain.strict import check_text, parse_decimal
from registry.importing.forms import Unfit, date_form, read_amount, read_scaled, shown
from registry.importing.trades.mapping import TradeMapping
from registry.importing.trades.table import Line
from registry.ledger.codec import format_text
from registry.ledger.dates import DAY_MS, MINUTE_MS, day_of
from registry.ledger.entries import Common, Reservation, Settlement, Transfer
from registry.ledger.ids import UUID_RANDOM_BYTES, uuid7

VALID_DAYS = 29
"""From the trade's day; the rules let `not_after` lie 30 days ahead, a day is for other clocks."""
TRADE_ID_CHARS_MAX = 100
_NO_ID = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Desk:
    """Who submits, where and when. `venue`: the party that says it was traded, or `otc`.

    `today`: the civil day (days since 1970) of the region. `day`: stands for every row's own.
    """

    origin: str
    offset_min: int
    signers: tuple[str, ...]
    venue: str
    today: int
    day: int | None = None


class Trade(Struct, frozen=True):
    """One row as the entry that it becomes; `said`: what the row says of its trade."""

    row: int
    row_sha256: str
    trade_id: str
    entry: Transfer | Settlement
    text: bytes
    said: dict[str, object]


class Fault(Struct, frozen=True):
    """A row that is not of the form, and why."""

    row: int
    reason: str


class Plan(Struct, frozen=True):
    """What a file comes to. Nothing may be sent while there is a fault."""

    trades: tuple[Trade, ...]
    faults: tuple[Fault, ...]


def make_plan(lines: Sequence[Line], mapping: TradeMapping, desk: Desk) -> Plan:
    """The entries of a file's rows, and the rows that cannot become one."""
    reader = _RowReader(mapping, desk)
    trades: list[Trade] = []
    faults: list[Fault] = []
    seen: dict[tuple[str, object], int] = {}
    for line in lines:
        try:
            trade = reader.read(line)
            for what in _once(trade):
                if (row := seen.setdefault(what, line.number)) != line.number:
                    raise Unfit(f"{what[0]} {shown(str(what[1]))} stands in row {row} already")
        except Unfit as error:
            faults.append(Fault(line.number, error.reason))
        else:
            trades.append(trade)
    return Plan(tuple(trades), tuple(faults))


def _once(trade: Trade) -> Iterator[tuple[str, object]]:
    """What no other row of the file may name."""
    if trade.trade_id:
        yield "trade", trade.trade_id
    if isinstance(trade.entry, Settlement):
        yield "reservation", trade.entry.reservation


class _RowReader:
    """Makes the entry of a row; Unfit with the reason where it cannot."""

    def __init__(self, mapping: TradeMapping, desk: Desk) -> None:
        self._mapping = mapping
        self._desk = desk
        self._day = date_form(mapping.day.form).day

    def read(self, line: Line) -> Trade:
        if line.fault:
            raise Unfit(line.fault)
        cells, mapping = line.cells, self._mapping
        reservation = self._index(cells, mapping.reservation, "a reservation")
        trade_id = cells[mapping.trade_id]
        if not trade_id and reservation is None:
            raise Unfit("it has no trade id")
        said = self._said(cells, settles=reservation is not None)
        fields: dict[str, object]
        if reservation is None:
            kind: type[Transfer] | type[Settlement] = Transfer
            mandate = self._index(cells, mapping.mandate, "a mandate")
            mandate = mandate or mapping.mandates.get(str(said["from"]))
            fields = {**said, "reason": "trade"} | ({"mandate": mandate} if mandate else {})
        else:
            kind = Settlement
            fields = {"reservation": reservation}
            if "items" in said:
                fields["items"] = said["items"]
        entry, text = self._entry(kind, fields, self._time_ms(cells[mapping.day.column]))
        return Trade(line.number, line.sha256, trade_id, entry, text, said)

    def _said(self, cells: Mapping[str, str], *, settles: bool) -> dict[str, object]:
        """The facts of a trade; of one that settles a reservation, those that the row gives."""
        mapping, said = self._mapping, dict[str, object]()
        for name, column in (("from", mapping.from_), ("to", mapping.to)):
            if cells[column] or not settles:
                said[name] = _translated(cells[column], mapping.accounts, "an account")
        if cells[mapping.batch] or cells[mapping.quantity.column] or not settles:
            said["items"] = [self._item(cells)]
        trade: dict[str, object] = {"venue": self._desk.venue}
        if trade_id := cells[mapping.trade_id]:
            trade["trade_id"] = _text(trade_id)
        price = mapping.price
        if price is not None and cells[price.column]:
            trade["price_fen_per_t"] = read_scaled(
                cells[price.column], price.form, price.fen, "fen"
            )
        if "trade_id" in trade:
            said["trade"] = trade
        return said

    def _item(self, cells: Mapping[str, str]) -> dict[str, object]:
        quantity = self._mapping.quantity
        grams = read_amount(cells[quantity.column], quantity.form, quantity.grams)
        if not grams:
            raise Unfit("its quantity is 0")
        batch = _translated(cells[self._mapping.batch], self._mapping.batches, "a batch")
        return {"batch": batch, "quantity_g": grams}

    @staticmethod
    def _index(cells: Mapping[str, str], column: str | None, what: str) -> int | None:
        """The index of an entry that a cell names; None where it is empty."""
        if column is None or not cells[column]:
            return None
        try:
            index = parse_decimal(cells[column])
        except Malformed as error:
            raise Unfit(f"{shown(cells[column])} is not the index of {what}") from error
        if not index:
            raise Unfit(f"0 is not the index of {what}")
        return index

    def _time_ms(self, text: str) -> int:
        """The beginning of the trade's day in the region."""
        day = self._desk.day
        if day is None:
            day = day_of(self._day(text)) or 0
        if day > self._desk.today:
            raise Unfit(f"its day {shown(text)} lies ahead")
        return max(day * DAY_MS - self._desk.offset_min * MINUTE_MS, 0)

    def _entry(
        self, kind: type[Transfer] | type[Settlement], fields: dict[str, object], time_ms: int
    ) -> tuple[Transfer | Settlement, bytes]:
        """The entry and its text; the id is made of what the text says without it."""
        common = {
            "kind": "transfer" if kind is Transfer else "settlement",
            "id": _NO_ID,
            "not_after": time_ms + VALID_DAYS * DAY_MS,
            "signers": self._desk.signers,
        }
        try:
            bare = msgspec.convert({**fields, **common}, type=kind)
            digest = sha256(format_text(self._desk.origin, bare)).digest()
            entry = structs.replace(bare, id=uuid7(time_ms, digest[:UUID_RANDOM_BYTES]))
            return entry, format_text(self._desk.origin, entry)
        except msgspec.ValidationError as error:
            raise Unfit(f"no entry can be made of it: {error}") from error
        except Malformed as error:
            raise Unfit(error.message) from error


def _translated(text: str, known: Mapping[str, str], what: str) -> str:
    """The word of ours for a cell, or the cell itself; whether it is of the form, the type says."""
    if not text:
        raise Unfit(f"{what} is missing")
    return known.get(text, text)


def _text(text: str) -> str:
    if len(text) > TRADE_ID_CHARS_MAX:
        raise Unfit(f"the trade id {shown(text)} is longer than {TRADE_ID_CHARS_MAX} characters")
    try:
        return check_text(text)
    except Malformed as error:
        raise Unfit(f"the trade id is {error.message}") from error


# --- against what the log has ---


def unlike(trade: Trade, found: Common) -> tuple[str, ...]:
    """In what an entry of the log differs from what the row says; empty: it is this trade.

    For a row that settles, `found` is its reservation: what the row does not say does not differ,
    and it may be settled in part.
    """
    if isinstance(trade.entry, Settlement):
        return _unlike_reservation(trade.said, found)
    if not isinstance(found, Transfer):
        return ("kind",)
    names = ("from_", "to", "items", "trade")
    return tuple(
        name.rstrip("_") for name in names if getattr(trade.entry, name) != getattr(found, name)
    )


def _unlike_reservation(said: Mapping[str, object], found: Common) -> tuple[str, ...]:
    if not isinstance(found, Reservation):
        return ("kind",)
    has = msgspec.to_builtins(found)
    pairs = [(name, said[name], has[name]) for name in ("from", "to") if name in said]
    trade = said.get("trade")
    if isinstance(trade, dict):
        there = has.get("trade", {})
        pairs += [(name, value, there.get(name)) for name, value in trade.items()]
    return tuple(name for name, mine, theirs in pairs if mine != theirs)
