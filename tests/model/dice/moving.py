"""Moves of credits from hand to hand: transfer, reservation, settlement, release, pledge, …"""

from __future__ import annotations

from tests.ledger.world import DAY_MS, MALL
from tests.model.dice.core import Dice, Fields, Move, Who


def acting(dice: Dice, account: str, kind: str) -> tuple[tuple[Who, ...], int | None]:
    """Who signs for an account, and the mandate that the entry names, if any."""
    known = dice.made.get("mandate", [])
    if known and dice.odds(20):
        index = dice.one(known[-4:])
        value = dice.book.value(f"mandate/{index:016}")
        if value and (account in value["accounts"] or dice.odds(10)):
            return dice.by(value["agent"]), index
    if dice.odds(1):
        return dice.owner(account), 3
    return dice.owner(account), None


def transfer(dice: Dice, kind: str = "transfer") -> Move:
    sender, batch = dice.holding()
    receiver = dice.one(dice.accounts()) if dice.odds(98) else sender
    value = dice.book.value(f"account/{sender}") or {}
    if value.get("receivers") and dice.odds(85):
        receiver = dice.one(value["receivers"])[0]
    if receiver == sender and dice.odds(95):
        receiver = next(a for a in dice.accounts() if a != sender)
    by, mandate = acting(dice, sender, "transfer")
    reason = dice.one(["internal", "donation", "bundle", "trade"])
    fields: Fields = {
        "from": sender,
        "to": receiver if dice.odds(98) else "a-" + "q" * 26,
        "reason": reason,
        "items": dice.items(sender, batch),
        "mandate": mandate,
    }
    if (reason == "trade") is dice.odds(96):
        venue = dice.one(["otc", "exchange.gd", "exchange.gd"])
        fields["trade"] = {"venue": venue, "trade_id": dice.fresh("trade")}
        if dice.odds(10):
            fields["trade"]["trade_id"] = "the same"
        if venue != "otc":
            by += dice.by(venue)
    if dice.odds(85) and kind == "transfer":
        by += dice.owner(receiver)
    return Move(kind, tuple(dict.fromkeys(by)), fields)


def reservation(dice: Dice) -> Move:
    move = transfer(dice, "reservation")
    expires = dice.book.time_ms + dice.one([0, 9_000, DAY_MS, *[2**40] * 5, -1])
    return Move("reservation", move.by, move.fields | {"expires_ms": expires})


def settlement(dice: Dice) -> Move:
    index = dice.index_of("reservation")
    value = dice.book.value(f"reservation/{index:016}") or {"items": [], "sender": MALL}
    fields: Fields = {"reservation": index}
    if value["items"] and dice.odds(55):
        piece = dice.piece(value["items"])
        grams = (piece["last"] - piece["first"] + 1) * dice.unit(piece["batch"])
        by_grams: Fields = {"batch": piece["batch"], "quantity_g": grams + dice.one([0] * 20 + [1])}
        fields["items"] = [dice.one([piece, by_grams])]
        if dice.odds(15):
            fields["items"].append(dice.piece(value["items"]))
    return Move("settlement", _settlers(dice, value), fields)


def _settlers(dice: Dice, value: Fields) -> tuple[Who, ...]:
    venue = value.get("venue", "otc")
    by = dice.owner(value["sender"]) if venue == "otc" or dice.odds(5) else dice.by(venue)
    if dice.odds(90):
        by += dice.owner(value.get("receiver", MALL))
    return tuple(dict.fromkeys(by))


def release(dice: Dice) -> Move:
    index = dice.index_of("reservation")
    value = dice.book.value(f"reservation/{index:016}") or {"sender": MALL}
    by = _settlers(dice, value) if dice.odds(60) else dice.by("verifier.gd")
    return Move("release", by, {"reservation": index})


def pledge(dice: Dice) -> Move:
    account, batch = dice.holding()
    items = [dice.span(account, batch, bound=4)]
    if dice.odds(10):
        items.append(dice.span(account, dice.one(dice.recent())))
    pledgee = "bank.city" if dice.odds(96) else dice.one(["firm.steel", "nobody.at-all"])
    by = (*dice.owner(account), *dice.by("bank.city"))
    fields = {"account": account, "items": items, "pledgee": pledgee}
    return Move("pledge", tuple(dict.fromkeys(by)), fields)


def unpledge(dice: Dice) -> Move:
    index = dice.index_of("pledge")
    value = dice.book.value(f"pledge/{index:016}")
    fields: Fields = {"pledge": index}
    if value and dice.odds(60):
        fields["items"] = [dice.piece(value["items"])]
    return Move("unpledge", dice.by("bank.city"), fields)
