"""How credits change hands, naively: transfer, reservation, settlement, release, pledge."""

from __future__ import annotations

from tests.model.naive.book import Place, Refused, bounded, full_range, refuse_if
from tests.model.naive.case import Case, Entry


def _parties_to_it(case: Case) -> None:
    refuse_if(case["from"] == case["to"], "same_account")
    case.need_account(case["from"])
    case.need_account(case["to"])
    case.need_actor(case["from"], "transfer")


def _trade(case: Case) -> None:
    refuse_if((case["reason"] == "trade") != ("trade" in case.entry), "trade_field")
    if "trade" not in case.entry:
        return
    venue, number = case["trade"]["venue"], case["trade"]["trade_id"]
    if venue != "otc":
        case.need_party(venue)
        refuse_if(venue not in case.bearers("exchange"), "role_missing")
    refuse_if((venue, number) in case.book.trades, "trade_exists")
    case.book.trades[venue, number] = case.index


def _receiver_signed(case: Case, sender: str, receiver: str) -> None:
    value = case.book.accounts[receiver]
    welcome = value["accept"] == "any" or (
        value["accept"] == "listed" and sender in value["listed"]
    )
    refuse_if(not welcome and not case.signed_for(receiver), "receiver_missing")


def _receiver_usable(case: Case) -> None:
    receivers = case.book.accounts[case["from"]]["receivers"]
    if receivers is None:
        return
    ready = dict(receivers).get(case["to"])
    if ready is None:
        raise Refused("receiver_not_listed")
    refuse_if(case.time_ms < ready, "receiver_too_new")


def _limits(case: Case, grams: int) -> None:
    value = case.book.accounts[case["from"]]
    refuse_if(grams > (value["per_transfer_g"] or grams), "account_limit")
    if value["per_day_g"] is None:
        return
    today = case.book.day(case.time_ms)
    spent = value["day_g"] if value["day"] == today else 0
    refuse_if(spent + grams > value["per_day_g"], "account_limit")
    value |= {"day": today, "day_g": spent + grams}


def transfer(case: Case) -> None:
    _parties_to_it(case)
    _receiver_signed(case, case["from"], case["to"])
    _trade(case)
    _receiver_usable(case)
    places = [place for item in case.take_free(case["from"], case["items"]) for place in item]
    case.move_free(places, case["to"], case["from"])
    grams = case.book.grams(places)
    _limits(case, grams)
    case.use_mandate(bounded(grams))


def reservation(case: Case) -> None:
    _parties_to_it(case)
    _receiver_usable(case)
    refuse_if(case["expires_ms"] <= case.time_ms, "reservation_expired")
    _trade(case)
    places = [place for item in case.take_free(case["from"], case["items"]) for place in item]
    case.book.change(places, status="reserved", reservation=case.index)
    case.book.check_pieces(case["from"], places)
    grams = case.book.grams(places)
    _limits(case, grams)
    case.use_mandate(bounded(grams))
    case.book.reservations[case.index] = {
        "sender": case["from"],
        "receiver": case["to"],
        "expires_ms": case["expires_ms"],
        "venue": case.get("trade", {}).get("venue"),
        "places": places,
    }


def _the_reservation(case: Case) -> Entry:
    found = case.book.reservations.get(case["reservation"])
    if found is None:
        raise Refused("unknown_reservation")
    known: Entry = found
    return known


def _may_settle(case: Case, known: Entry) -> None:
    if known["venue"] not in (None, "otc"):
        case.need_party(known["venue"])
    else:
        case.need_owner(known["sender"])


def settlement(case: Case) -> None:
    book, known = case.book, _the_reservation(case)
    refuse_if(case.time_ms >= known["expires_ms"], "reservation_expired")
    refuse_if(bool(book.accounts[known["sender"]]["freezes"]), "account_frozen")
    _may_settle(case, known)
    _receiver_signed(case, known["sender"], known["receiver"])
    left: list[Place] = list(known["places"])
    settled: list[Place] = []
    for item in case.get("items", []):
        chosen = _reserved(case, item, left)
        settled += chosen
        left = [place for place in left if place not in chosen]
    if "items" not in case.entry:
        settled, left = left, []
    for place in known["places"]:
        refuse_if(bool(book.at(place).freezes), "serials_frozen")
    for batch, _ in settled:
        case.unfrozen_batch(batch)
    book.change(known["places"], status="free", reservation=0)
    book.change(settled, holder=known["receiver"])
    for account in (known["sender"], known["receiver"]):
        book.check_pieces(account, known["places"])
    del book.reservations[case["reservation"]]


def _reserved(case: Case, item: Entry, left: list[Place]) -> list[Place]:
    """What an item names of a reservation: serials, or grams in the order of the reservation."""
    case.need_batch(item["batch"])
    if "quantity_g" in item:
        unit = case.book.batches[item["batch"]]["unit_g"]
        refuse_if(bool(item["quantity_g"] % unit), "not_whole_serials")
        mine = sorted(place for place in left if place[0] == item["batch"])
        refuse_if(len(mine) < item["quantity_g"] // unit, "not_reserved")
        return mine[: item["quantity_g"] // unit]
    refuse_if(item["first"] > item["last"], "serials_form")
    refuse_if(item["last"] > len(case.book.serials[item["batch"]]), "not_reserved")
    chosen = full_range(item)
    refuse_if(not set(chosen) <= set(left), "not_reserved")
    return chosen


def release(case: Case) -> None:
    known = _the_reservation(case)
    if case.time_ms < known["expires_ms"]:
        _may_settle(case, known)
    case.book.change(known["places"], status="free", reservation=0)
    case.book.check_pieces(known["sender"], known["places"])
    del case.book.reservations[case["reservation"]]


def pledge(case: Case) -> None:
    case.need_account(case["account"])
    case.need_actor(case["account"], "pledge")
    case.need_party(case["pledgee"])
    refuse_if(case["pledgee"] not in case.bearers("pledgee"), "role_missing")
    taken = case.take_free(case["account"], case["items"])
    places = [place for item in taken for place in item]
    case.book.change(places, status="free", pledge=case.index)
    case.book.check_pieces(case["account"], places)
    case.book.pledges[case.index] = {
        "account": case["account"],
        "pledgee": case["pledgee"],
        "places": places,
    }


def unpledge(case: Case) -> None:
    found = case.book.pledges.get(case["pledge"])
    if found is None:
        raise Refused("unknown_pledge")
    case.need_party(found["pledgee"])
    freed = list(found["places"])
    if "items" in case.entry:
        freed = []
        for item in case["items"]:
            refuse_if(item["first"] > item["last"], "serials_form")
            there = item["last"] <= len(case.book.serials.get(item["batch"], []))
            chosen = full_range(item) if there else []
            held = [p for p in chosen if case.book.at(p).holder == found["account"]]
            refuse_if(not there or len(held) != len(chosen), "serials_not_held")
            refuse_if(any(case.book.at(p).pledge != case["pledge"] for p in chosen), "not_pledged")
            case.book.change(chosen, pledge=0)
            freed += chosen
    case.book.change(freed, pledge=0)
    case.book.check_pieces(found["account"], freed)
    found["places"] = [place for place in found["places"] if place not in freed]
    if not found["places"]:
        del case.book.pledges[case["pledge"]]
