"""What an entry did, in one line: a sentence of words and pieces that lead further."""

import re
from collections.abc import Iterable, Mapping
from typing import assert_never

from msgspec import UNSET

from registry.ledger.entries import (
    Account,
    Conversion,
    Entry,
    Event,
    Genesis,
    Issuance,
    Key,
    Mandate,
    Methodology,
    Obligation,
    Opening,
    Order,
    Party,
    PointsScheme,
    Project,
    Redemption,
    Retirement,
    Rulebook,
    Transfer,
)
from registry.ledger.entries.moving import Item
from registry.ledger.entries.supply import NewBatch, NewBuffer
from registry.web import formats as f
from registry.web.formats import Piece, Times
from registry.web.words import Language, word

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
        case Conversion() | Redemption() | PointsScheme():
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
            return "say.project", {
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
            return "say.mandate", {
                "agent": Piece(entry.agent),
                "count": Piece(str(len(entry.accounts))),
                "time": Piece(times.show(entry.until_ms)),
            }
        case Genesis() | Rulebook() | Party() | Key() | Account():
            return _authority(entry, times)
        case _:
            assert_never(entry)


def _authority(
    entry: Genesis | Rulebook | Party | Key | Account, times: Times
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
    items = (Item(batch=i.batch, first=i.first, last=i.last) for i in entry.items)
    pieces: dict[str, Piece | Pieces] = {
        "quantity": _items(items, units),
        "account": f.account(entry.account),
    }
    if entry.ref is UNSET:
        return "say.retirement", pieces
    pieces["ref"] = f.link(entry.ref, _REF_PAGES.get(entry.purpose, "/orders/") + entry.ref)
    return "say.retirement.ref", pieces


def _points(
    entry: Conversion | Redemption | PointsScheme, units: Units
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
        case Conversion():
            account = f.account(entry.account)
            if entry.items is not UNSET:
                return "say.to_points", {
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
