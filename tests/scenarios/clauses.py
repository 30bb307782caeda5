"""The words that each kind of entry is said with: keywords, and what may follow each.

`GRAMMAR` is the one list; docs/guides/scenarios.md shows it in examples.

Refuses to know: state, ids, keys; a name is looked up by nobody here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from registry.ledger.dates import DAY_MS
from registry.ledger.entries import KINDS
from registry.ledger.rulebook import VALUES, RuleSpec
from tests.scenarios.reading import Label, Reader
from tests.scenarios.said import Deal, Firm, Item, Made, Many, Person, Taken


@dataclass(frozen=True, slots=True)
class Clause:
    """How the words after a keyword are read. `many`: the keyword may be said again."""

    read: Callable[[Reader], Any]
    many: bool = False


# ---------------------------------------------------------------- values


def _flag(_: Reader) -> bool:
    return True


def words(reader: Reader) -> tuple[str, ...]:
    """Names, parted by commas."""
    return reader.list_of(reader.name)


def _texts(reader: Reader) -> tuple[str, ...]:
    return reader.list_of(reader.text)


def _name_text(reader: Reader) -> tuple[str, str]:
    """A name, and its title where it stands."""
    return reader.name(), reader.text() if reader.next_is("text") else ""


def _entry(reader: Reader) -> Label | int:
    """An entry by its name in the file, or, to be refused, by a bare index."""
    return reader.integer() if reader.next_is("number") else reader.label()


def _item(reader: Reader) -> Item:
    """`30 t of B`, `B #1-30`, and `from account` where that is not a keyword."""
    if reader.next_is("number"):
        grams = reader.grams()
        reader.need("of")
        item = Item(reader.word(), quantity_g=grams)
    else:
        item = Item(reader.word(), serials=reader.serials())
    return item._replace(account=reader.word()) if reader.skip("from") else item


def _items(reader: Reader) -> tuple[Item, ...]:
    return reader.list_of(lambda: _item(reader))


def _made(reader: Reader) -> Made:
    """`B 41,559 t to farm class forest in g vintage 2018`"""
    batch, grams = reader.word(), reader.grams()
    unit_g, class_, vintage, account = 1_000_000, None, None, None
    while reader.more():
        if reader.skip("to"):
            account = reader.word()
        elif reader.skip("class"):
            class_ = reader.word()
        elif reader.skip("vintage"):
            vintage = reader.integer()
        elif reader.skip("in"):
            unit_g = {"t": 1_000_000, "kg": 1_000, "g": 1}.get(reader.word(), 0)
            if not unit_g:
                raise reader.wrong("serials are of a t, a kg or a g")
        else:
            break
    return Made(batch, grams, unit_g, class_, vintage, account)


def _taken(status: str) -> Callable[[Reader], Taken]:
    """`500,000 t to farm`, `239,197 t "purpose" on 2016-06-20`"""

    def read(reader: Reader) -> Taken:
        taken = Taken(status, reader.grams())
        if reader.skip("to"):
            taken = taken._replace(account=reader.word())
        if reader.next_is("text"):
            taken = taken._replace(purpose=reader.text())
        if reader.skip("on"):
            taken = taken._replace(date=reader.date())
        return taken

    return read


def _dates(reader: Reader) -> tuple[str, str]:
    first = reader.date()
    reader.need("to")
    return first, reader.date()


def _share(reader: Reader) -> tuple[Person | Firm, int | None]:
    """`person "某甲" share 10 t`, `firm "…"`"""
    who = _who(reader)
    return who, reader.grams() if reader.skip("share") else None


def _who(reader: Reader) -> Person | Firm:
    if reader.skip("firm"):
        return Firm(reader.text())
    reader.need("person")
    return Person(reader.text())


def _beneficiary(reader: Reader) -> tuple[str, Any]:
    """`party steel`, `project farm`, `event games`, `firm "…"`, `person "…"`"""
    for word in ("party", "project", "event"):
        if reader.skip(word):
            return word, reader.name()
    who = _who(reader)
    return ("firm" if isinstance(who, Firm) else "commit"), who


def _purpose(reader: Reader) -> tuple[str, str]:
    """`voluntary`, `remediation of order-1`, `offset of steel/2023`, `event of games`"""
    purpose = reader.word()
    return purpose, reader.name() if reader.skip("of") else ""


def _deal(reader: Reader) -> Deal:
    """`T-1 at exchange for 23.99 CNY/t`, `T-1 otc`"""
    trade_id = reader.name()
    venue = "otc"
    if not reader.skip("otc"):
        reader.need("at")
        venue = reader.word()
    price_fen = None
    if reader.skip("for"):
        price_fen = fen(reader)
        reader.need("CNY/t")
    return Deal(trade_id, venue, price_fen)


def fen(reader: Reader) -> int:
    """An amount of money, in fen."""
    yuan, _, fen = reader.take("number", "a price").replace(",", "").partition(".")
    if len(fen) > 2:
        raise reader.wrong("less than a fen")
    return int(yuan) * 100 + int(fen.ljust(2, "0"))


def _many(reader: Reader) -> Many:
    """`2,000`, `2,000 making 12,345` (points)"""
    count = reader.integer()
    return Many(count, reader.integer() if reader.skip("making") else None)


def _acts(reader: Reader) -> Many:
    """`805,000`, `805,000 making 12,000 t`"""
    count = reader.integer()
    return Many(count, reader.milligrams() if reader.skip("making") else None)


def _worth(reader: Reader) -> tuple[int, int]:
    """`100 g`, `1 g for 3`: grams, and for how many points"""
    grams = reader.grams()
    return grams, reader.integer() if reader.skip("for") else 1


def _of_scheme(reader: Reader) -> tuple[int, str]:
    points = reader.integer()
    reader.need("of")
    return points, reader.name()


def _accepts(reader: Reader) -> tuple[str, tuple[str, ...]]:
    """`any`, `signed`, `listed farm, steel`"""
    accept = reader.word()
    return accept, words(reader) if accept == "listed" else ()


def _part(reader: Reader) -> tuple[str, tuple[str, ...]]:
    name = reader.name()
    reader.need("with")
    return name, _texts(reader)


def _other(reader: Reader) -> tuple[str, int]:
    what = reader.text()
    return what, reader.grams()


def _change(reader: Reader) -> tuple[str, str, int | None]:
    """`order-1 reduce 18 t`, `order-1 annul`: for reduce and raise, to what"""
    order, effect = reader.name(), reader.word()
    if effect in ("reduce", "raise"):
        reader.need("to")
        return order, effect, reader.grams()
    return order, effect, None


def _correct(reader: Reader) -> tuple[Label, str, str, str]:
    return reader.label(), reader.name(), reader.word(), reader.text()


def _action(reader: Reader) -> tuple[str, str]:
    return reader.word(), reader.name()


def _days(reader: Reader) -> int:
    number = reader.integer()
    if not (reader.skip("days") or reader.skip("day")):
        raise reader.wrong("a duration is in days")
    return number


def _value(spec: RuleSpec) -> Callable[[Reader], Any]:
    """How a value of a rulebook is written: its unit says whether it is a time."""
    if spec.type == "list":
        return words
    if spec.type == "text":
        return lambda reader: reader.word()
    if spec.unit == "ms":
        return lambda reader: _days(reader) * DAY_MS
    return lambda reader: reader.integer()


def _issued_project(reader: Reader) -> tuple[str, str | None]:
    """`farm`, or `new farm "title"`: then the project's own clauses follow"""
    if not reader.skip("new"):
        return reader.name(), None
    return reader.name(), reader.text()


# ---------------------------------------------------------------- kinds

_name = Clause(lambda r: r.name())
_names = Clause(words)
_number = Clause(lambda r: r.integer())
_amount = Clause(lambda r: r.grams())
_text = Clause(lambda r: r.text())
_date = Clause(lambda r: r.date())
_moment = Clause(lambda r: r.moment())
_reference = Clause(_entry)
_named = Clause(_name_text)
_serials = Clause(_items)
_yes = Clause(_flag)

_PROJECT = {
    "type": _name,
    "owner": _name,
    "methodology": _name,
    "claims": Clause(_texts),
    "crediting": Clause(_dates),
    "applicant": _name,
    "inside": _names,
}
_INSTRUMENT = {
    "origin": _name,
    "instrument": _name,
    "number": _text,
}
_MOVE = {
    "": _serials,
    "from": _name,
    "to": _name,
    "reason": _name,
    "trade": Clause(_deal),
    "under": _reference,
}

GRAMMAR: dict[str, dict[str, Clause]] = {
    "genesis": {"": _name, "operator": _named, "authority": _named, "offset": _number},
    "rulebook": {
        "": Clause(lambda r: (r.integer(), r.text())),
        "from": _moment,
        **{name: Clause(_value(spec)) for name, spec in VALUES.items()},
    },
    "party": {"": _named, "roles": _names, "keys": _number},
    "key": {"": Clause(_action), "until": _moment},
    "logkey": {"": _number, "until": _moment},
    "account": {
        "": _name,
        "of": _name,
        "person": _yes,
        "keys": _number,
        "accepts": Clause(_accepts),
        "receivers": _names,
        "transfer_limit": _amount,
        "day_limit": _amount,
        "needs": _number,
    },
    "methodology": {
        "": _named,
        "class": _name,
        "from": _date,
        "to": _date,
        "withdrawn": _yes,
    },
    "project": {"": _named, "status": _name, "part": Clause(_part, many=True), **_PROJECT},
    "issuance": {
        "": Clause(_issued_project),
        "part": _name,
        "period": Clause(_dates),
        "verified": _amount,
        "batch": Clause(_made, many=True),
        "buffer": Clause(_made, many=True),
        "acts": Clause(_acts),
        "supersedes": _reference,
        **_PROJECT,
    },
    "opening": {
        "": Clause(lambda r: (r.word(), r.text())),
        "class": _name,
        "project": _text,
        "unit": _amount,
        "rows": _number,
        "count": _number,
        **{s: Clause(_taken(s), many=True) for s in ("free", "buffer", "retired", "cancelled")},
    },
    "mandate": {
        "": _name,
        "accounts": _names,
        "kinds": _names,
        "until": _moment,
        "each": _amount,
        "total": _amount,
    },
    "transfer": _MOVE,
    "reservation": {**_MOVE, "expires": _moment},
    "settlement": {"": _reference, "items": _serials},
    "release": {"": _reference},
    "pledge": {"": _serials, "from": _name, "to": _name},
    "unpledge": {"": _reference, "items": _serials, "from": _name},
    "points_scheme": {
        "": _named,
        "operator": _name,
        "unit": _text,
        "worth": Clause(_worth),
        "valid": Clause(_days),
        "classes": _names,
        "used": _name,
        "expired": _name,
        "unbacked": _number,
    },
    "conversion": {
        "": _name,
        "to_points": _serials,
        "cover": _serials,
        "to_credits": _number,
        "from": _name,
        "to": _name,
        "people": Clause(_many),
        "under": _reference,
    },
    "redemption": {"": _name, "points": _number, "people": Clause(_many)},
    "swap": {"": Clause(_of_scheme), "into": Clause(_of_scheme), "people": Clause(_many)},
    "expiry": {"": _name, "lot": _reference, "points": _number, "to": _name},
    "order": {
        "": _named,
        **_INSTRUMENT,
        "dated": _date,
        "effective": _moment,
        "deadline": _moment,
        "obligor": Clause(_share, many=True),
        "quantity": _amount,
        "classes": _names,
        "programs": _names,
        "vintages": Clause(lambda r: r.list_of(r.integer)),
    },
    "order_change": {"": Clause(_change)},
    "event": {
        "": _named,
        "organiser": _name,
        "held": Clause(_dates),
        "declared": _amount,
        "status": _name,
        "offset": Clause(_other, many=True),
    },
    "obligation": {
        "": Clause(lambda r: (r.name(), r.integer())),
        "amount": _amount,
        "rulebook": _number,
    },
    "retirement": {
        "": _serials,
        "from": _name,
        "for": Clause(_purpose),
        "obligor": Clause(_who),
        "beneficiary": Clause(_beneficiary),
        "under": _reference,
    },
    "freeze": {
        "": _text,
        **_INSTRUMENT,
        "account": _name,
        "batch": _name,
        "items": _serials,
        "until": _moment,
    },
    "unfreeze": {"": _reference, "origin": _name},
    "execution": {
        "": _reference,
        "origin": _name,
        "items": _serials,
        "from": _name,
        "to": _name,
        "retire": _yes,
    },
    "cancellation": {
        "": _name,
        "reason": _name,
        "items": _serials,
        "buffer": _serials,
        "cover": _serials,
        "external": _text,
    },
    "correction": {"": Clause(_correct)},
    "notice": {"": _name, "code": _name},
    "seal": {"": _name},
    "end": {"": _text, "successor": _text},
}
"""The clauses of every kind; "" is what stands first."""
COMMON = {"memo": _text, "document": _text}
"""Clauses that every kind may have: `document` names what is only there by its hash."""


def _all_kinds_have_words() -> None:
    if missing := set(KINDS) ^ set(GRAMMAR):
        raise LookupError(f"kinds and grammar differ: {sorted(missing)}")


_all_kinds_have_words()
