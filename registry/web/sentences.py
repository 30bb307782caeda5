"""What an entry did, in one line: a sentence of words and pieces that lead further."""

import re
from collections.abc import Iterable, Mapping
from typing import assert_never

from msgspec import UNSET

from registry.ledger.entries import (
    Account,
    Cancellation,
    Conversion,
    Correction,
    End,
    Entry,
    Event,
    Execution,
    Expiry,
    Freeze,
    Genesis,
    Issuance,
    Key,
    LogKey,
    Mandate,
    Methodology,
    Notice,
    Obligation,
    Opening,
    Order,
    OrderChange,
    Party,
    Pledge,
    PointsScheme,
    Project,
    Redemption,
    Release,
    Reservation,
    Retirement,
    Rulebook,
    Seal,
    Settlement,
    Swap,
    Transfer,
    Unfreeze,
    Unpledge,
)
from registry.ledger.entries.common import SpanItem
from registry.ledger.entries.mending import HeldItem
from registry.ledger.entries.moving import Item
from registry.ledger.entries.supply import NewBatch, NewBuffer
from registry.web import formats as f
from registry.web.formats import Piece, Times
from registry.web.words import Language, word

ROOT_CHARS_SHOWN = 16
_PLACE = re.compile(r"\{([a-z_]+)\}")
Pieces = list[Piece]
Units = Mapping[str, int]
_REF_PAGES = {"remediation": "/orders/", "event": "/events/", "offset": "/obligations/"}


def fill(key: str, language: Language, pieces: dict[str, Piece | Pieces]) -> Pieces:
    """The sentence under a key with its places filled."""
    found: Pieces = []
    for at, text in enumerate(_PLACE.split(word(key, language))):
        if at % 2 == 0:
            if text:
                found.append(Piece(text))
            continue
        piece = pieces[text]
        if isinstance(piece, Piece):
            found.append(piece)
        else:
            found += piece
    return found


def sentence(entry: Entry, language: Language, times: Times, units: Units) -> Pieces:
    """What an entry did. `units`: what a serial of each batch weighs; exact serials need it."""
    key, pieces = _say(entry, times, units)
    return fill(key, language, pieces)


def _say(entry: Entry, times: Times, units: Units) -> tuple[str, dict[str, Piece | Pieces]]:
    match entry:
        case Transfer():
            return _transfer(entry, units)
        case Retirement():
            return _retirement(entry, units)
        case Conversion() | Redemption() | PointsScheme() | Swap() | Expiry():
            return _points(entry, units)
        case Issuance():
            return _issuance(entry)
        case Opening():
            return "say.opening", {
                "quantity": f.grams(entry.count * entry.unit_g),
                "batch": f.batch(entry.batch),
                "registry": Piece(entry.source.registry),
            }
        case Order():
            return "say.order", {
                "quantity": f.grams(entry.quantity_g),
                "issuer": Piece(entry.issuer),
                "order": f.link(entry.order, f"/orders/{entry.order}"),
            }
        case Event():
            return "say.event", {
                "title": Piece(entry.title),
                "event": f.link(entry.event, f"/events/{entry.event}"),
                "quantity": f.grams(entry.declared_g),
            }
        case Obligation():
            return "say.obligation", {
                "party": Piece(entry.obligated),
                "year": f.link(str(entry.year), f"/obligations/{entry.obligated}/{entry.year}"),
                "quantity": f.grams(entry.amount_g),
            }
        case Project():
            status = entry.status if entry.status is not UNSET else ""
            return f"say.project.{status}" if status else "say.project", {
                "title": Piece(entry.title),
                "project": f.link(entry.project, f"/projects/{entry.project}"),
                "owner": Piece(entry.owner),
            }
        case Methodology():
            return "say.methodology", {
                "title": Piece(entry.title),
                "version": Piece(entry.version),
                "class_name": Piece(entry.class_),
            }
        case Mandate():
            pieces: dict[str, Piece | Pieces] = {
                "agent": Piece(entry.agent),
                "count": Piece(str(len(entry.accounts))),
                "time": Piece(times.show(entry.until_ms)),
            }
            if entry.replaces is UNSET:
                return "say.mandate", pieces
            return "say.mandate.replaces", pieces | {"entry": _entry(entry.replaces)}
        case Genesis() | Rulebook() | Party() | Key() | LogKey() | Account():
            return _authority(entry, times)
        case Reservation() | Settlement() | Release() | Pledge() | Unpledge():
            return _binding(entry, times, units)
        case Freeze() | Unfreeze() | Execution() | OrderChange():
            return _court(entry, units)
        case Cancellation() | Correction() | Notice():
            return _mending(entry, units)
        case Seal() | End():
            return _sealing(entry)
        case _:
            assert_never(entry)


def _sealing(entry: Seal | End) -> tuple[str, dict[str, Piece | Pieces]]:
    pieces: dict[str, Piece | Pieces] = {
        "size": Piece(f.number(entry.size)),
        "count": Piece(f.number(entry.count)),
        "root": Piece(f"{entry.root[:ROOT_CHARS_SHOWN]}…"),
    }
    if isinstance(entry, Seal):
        return "say.seal", pieces
    pieces["reason"] = Piece(entry.reason)
    if entry.successor is UNSET:
        return "say.end", pieces
    pieces["successor"] = Piece(entry.successor)
    return "say.end.successor", pieces


def _binding(
    entry: Reservation | Settlement | Release | Pledge | Unpledge, times: Times, units: Units
) -> tuple[str, dict[str, Piece | Pieces]]:
    match entry:
        case Reservation():
            return "say.reservation", {
                "quantity": _items(entry.items, units),
                "source": f.account(entry.from_),
                "target": f.account(entry.to),
                "time": Piece(times.show(entry.expires_ms)),
            }
        case Settlement():
            pieces: dict[str, Piece | Pieces] = {"entry": _entry(entry.reservation)}
            if entry.items is UNSET:
                return "say.settlement", pieces
            return "say.settlement.part", pieces | {"quantity": _items(entry.items, units)}
        case Release():
            return "say.release", {"entry": _entry(entry.reservation)}
        case Pledge():
            return "say.pledge", {
                "quantity": _items(_spans(entry.items), units),
                "account": f.account(entry.account),
                "pledgee": Piece(entry.pledgee),
            }
        case Unpledge():
            pieces = {"entry": _entry(entry.pledge)}
            if entry.items is UNSET:
                return "say.unpledge", pieces
            quantity = _items(_spans(entry.items), units)
            return "say.unpledge.part", pieces | {"quantity": quantity}


def _court(
    entry: Freeze | Unfreeze | Execution | OrderChange, units: Units
) -> tuple[str, dict[str, Piece | Pieces]]:
    match entry:
        case Freeze():
            frozen: Piece | Pieces = Piece("")
            if entry.account is not UNSET:
                frozen = f.account(entry.account)
            elif entry.batch is not UNSET:
                frozen = f.batch(entry.batch)
            pieces: dict[str, Piece | Pieces] = {"issuer": Piece(entry.issuer), "what": frozen}
            if entry.items is UNSET:
                return "say.freeze", pieces
            return "say.freeze.items", pieces | {"quantity": _items(_spans(entry.items), units)}
        case Unfreeze():
            key = "say.unfreeze.lapsed" if entry.origin == "lapsed" else "say.unfreeze"
            return key, {"entry": _entry(entry.freeze)}
        case Execution():
            pieces = {
                "quantity": _items(_spans(entry.items), units),
                "account": f.account(entry.account),
                "entry": _entry(entry.freeze),
            }
            if entry.to is UNSET:
                return "say.execution.retire", pieces
            return "say.execution", pieces | {"target": f.account(entry.to)}
        case OrderChange():
            pieces = {"order": f.link(entry.order, f"/orders/{entry.order}")}
            if entry.quantity_g is not UNSET:
                pieces["quantity"] = f.grams(entry.quantity_g)
            return f"say.order_change.{entry.effect}", pieces


def _mending(
    entry: Cancellation | Correction | Notice, units: Units
) -> tuple[str, dict[str, Piece | Pieces]]:
    match entry:
        case Cancellation():
            pieces: dict[str, Piece | Pieces] = {
                "project": f.link(entry.project, f"/projects/{entry.project}"),
            }
            if entry.items is UNSET:
                return "say.cancellation.cover", pieces
            pieces["quantity"] = _items(_spans(entry.items), units)
            return f"say.cancellation.{entry.reason}", pieces
        case Correction():
            return "say.correction", {
                "field": Piece(entry.field),
                "subject": f.subject(entry.subject),
                "value": Piece(entry.value),
            }
        case Notice():
            return "say.notice", {"subject": f.subject(entry.about), "code": Piece(entry.code)}


def _entry(index: int) -> Piece:
    return f.link(f"#{index}", f"/entries/{index}")


def _spans(items: Iterable[SpanItem | HeldItem]) -> Iterable[Item]:
    return (Item(batch=i.batch, first=i.first, last=i.last) for i in items)


def _authority(
    entry: Genesis | Rulebook | Party | Key | LogKey | Account, times: Times
) -> tuple[str, dict[str, Piece | Pieces]]:
    match entry:
        case Genesis():
            return "say.genesis", {
                "region": Piece(entry.region),
                "operator": Piece(entry.operator.title),
                "authority": Piece(entry.authority.title),
            }
        case Rulebook():
            return "say.rulebook", {
                "version": Piece(str(entry.version)),
                "time": Piece(times.show(entry.effective_from_ms)),
            }
        case Party():
            return "say.party", {"title": Piece(entry.title), "party": Piece(entry.party)}
        case Key():
            return f"say.key.{entry.action}", {"holder": f.holder(entry.holder)}
        case LogKey():
            return "say.logkey", {"time": Piece(times.show(entry.until_ms))}
        case Account():
            if entry.owner is UNSET:
                return "say.account.personal", {"account": f.account(entry.account)}
            return "say.account", {
                "account": f.account(entry.account),
                "owner": Piece(entry.owner),
            }


def _transfer(entry: Transfer, units: Units) -> tuple[str, dict[str, Piece | Pieces]]:
    pieces: dict[str, Piece | Pieces] = {
        "quantity": _items(entry.items, units),
        "source": f.account(entry.from_),
        "target": f.account(entry.to),
    }
    trade = entry.trade
    if trade is UNSET or trade.price_fen_per_t is UNSET:
        return "say.transfer", pieces
    pieces["price"] = Piece(f.yuan(trade.price_fen_per_t))
    pieces["venue"] = Piece(trade.venue)
    pieces["trade"] = Piece(trade.trade_id)
    return "say.trade", pieces


def _retirement(entry: Retirement, units: Units) -> tuple[str, dict[str, Piece | Pieces]]:
    pieces: dict[str, Piece | Pieces] = {
        "quantity": _items(_spans(entry.items), units),
        "account": f.account(entry.account),
    }
    if entry.ref is UNSET:
        return "say.retirement", pieces
    pieces["ref"] = f.link(entry.ref, _REF_PAGES.get(entry.purpose, "/orders/") + entry.ref)
    return "say.retirement.ref", pieces


def _points(
    entry: Conversion | Redemption | PointsScheme | Swap | Expiry, units: Units
) -> tuple[str, dict[str, Piece | Pieces]]:
    scheme = f.link(entry.scheme, f"/schemes/{entry.scheme}")
    match entry:
        case PointsScheme():
            return "say.points_scheme", {
                "title": Piece(entry.title),
                "scheme": scheme,
                "operator": Piece(entry.operator),
            }
        case Redemption():
            return "say.redemption", {
                "points": Piece(f.number(entry.points)),
                "scheme": scheme,
            }
        case Swap():
            return "say.swap", {
                "points": Piece(f.number(entry.points)),
                "scheme": scheme,
                "made": Piece(f.number(entry.to_points)),
                "target": f.link(entry.to_scheme, f"/schemes/{entry.to_scheme}"),
            }
        case Expiry():
            return "say.expiry", {
                "points": Piece(f.number(entry.points)),
                "scheme": scheme,
                "entry": _entry(entry.lot),
            }
        case Conversion():
            account = f.account(entry.account)
            if entry.items is not UNSET:
                key = "say.cover" if entry.direction == "cover" else "say.to_points"
                return key, {
                    "quantity": _items(entry.items, units),
                    "account": account,
                    "scheme": scheme,
                }
            points = 0 if entry.points is UNSET else entry.points
            return "say.to_credits", {
                "points": Piece(f.number(points)),
                "scheme": scheme,
                "account": account,
            }


def _issuance(entry: Issuance) -> tuple[str, dict[str, Piece | Pieces]]:
    made: tuple[NewBatch | NewBuffer, ...] = (
        *entry.batches,
        *(() if entry.buffer is UNSET else entry.buffer),
    )
    name = entry.new_project.project if entry.new_project is not UNSET else str(entry.project)
    return "say.issuance", {
        "quantity": [
            f.grams(sum(m.count * m.unit_g for m in made)),
            *_named(m.batch for m in made),
        ],
        "project": f.link(name, f"/projects/{name}"),
        "first": Piece(entry.from_),
        "last": Piece(entry.to),
    }


def _named(batches: Iterable[str]) -> Pieces:
    """The batches behind a sum, in parentheses; three at most."""
    names = list(dict.fromkeys(batches))
    pieces: Pieces = [Piece(" (")]
    for at, name in enumerate(names[:3]):
        pieces += [Piece(", ")] * (at > 0) + [f.batch(name)]
    pieces.append(Piece(" …)" if len(names) > 3 else ")"))
    return pieces


def _items(items: Iterable[Item], units: Units) -> Pieces:
    """What is moved, item by item; three at most."""
    pieces: Pieces = []
    for at, item in enumerate(items):
        if at == 3:
            pieces.append(Piece(" …"))
            break
        if at:
            pieces.append(Piece(", "))
        if item.quantity_g is not UNSET:
            pieces += [f.grams(item.quantity_g), Piece(" "), f.batch(item.batch)]
        elif item.first is not UNSET and item.last is not UNSET:
            if item.batch in units:
                count = item.last - item.first + 1
                pieces += [f.grams(count * units[item.batch]), Piece(" ")]
            serials = (
                f"{item.first:,}–{item.last:,}" if item.first < item.last else f"{item.first:,}"
            )
            pieces += [f.batch(item.batch), Piece(f" {serials}")]
    return pieces
