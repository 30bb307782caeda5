"""Final use and courts, naively: order, order_change, event, obligation, retirement, freeze, …"""

from __future__ import annotations

from typing import Any

from tests.model.naive.book import (
    Place,
    Refused,
    a_date,
    bounded,
    dates_in_order,
    full_range,
    in_list,
    listed_once,
    refuse_if,
)
from tests.model.naive.case import Case, Entry
from tests.model.naive.people import CHANGES_MOST

FREEZES_MOST = 64
SERVED_MOST = 1_000


def order(case: Case) -> None:
    by = case.need_instrument()
    refuse_if(case["order"] in case.book.orders, "order_exists")
    a_date(case["date"])
    obligors = case["obligors"]
    for obligor in obligors:
        refuse_if(("commit" in obligor) == ("firm" in obligor), "obligor_form")
    shares = [obligor["share_g"] for obligor in obligors if "share_g" in obligor]
    whole = len(shares) == len(obligors) and sum(shares) == case["quantity_g"]
    refuse_if(bool(shares) and not whole, "shares_do_not_add_up")
    case.book.orders[case["order"]] = {
        "issuer": case["issuer"],
        "number": case["number"],
        "by": by,
        "quantity_g": case["quantity_g"],
        "effective_ms": case["effective_ms"],
        "shares": shares,
        "done": [0] * len(shares),
        "fulfilled_g": 0,
        "allowed": case.get("allowed", {}),
        "state": None,
        "retirements": [],
        "index": case.index,
        "changes": [],
    }


def order_change(case: Case) -> None:
    known = case.book.orders.get(case["order"])
    if known is None:
        raise Refused("unknown_order")
    _same_hands(case, known)
    effect = case["effect"]
    refuse_if(known["state"] in ("annulled", "closed"), "order_ended")
    measured = effect in ("reduce", "raise")
    refuse_if(("quantity_g" in case.entry) != measured, "fields_exclude")
    if measured:
        refuse_if(bool(known["shares"]), "order_has_shares")
        before, after = known["quantity_g"], case["quantity_g"]
        right = after < before if effect == "reduce" else after > before
        refuse_if(not right, "order_quantity")
        known["quantity_g"] = after
    refuse_if(len(known["changes"]) >= CHANGES_MOST, "too_many_changes")
    states = {"annul": "annulled", "close": "closed", "suspend": "suspended", "resume": None}
    if effect in states:
        known["state"] = states[effect]
    if effect == "annul":
        known["quantity_g"] = 0
        known["done"] = [0] * len(known["done"])
    _relabel(case, known)
    known["changes"].append(case.index)


def _same_hands(case: Case, known: Entry) -> None:
    """An order is changed as it was made: by its court, or by exchange and authority."""
    if known["by"]:
        signed = {*case.bearers("court"), *case.bearers("authority")}
        refuse_if(not signed, "role_missing")
        case.same_court(known)
    else:
        case.need_roles("exchange", "authority")


def _relabel(case: Case, known: Entry) -> None:
    """What was retired beyond the order's quantity is voluntary, the latest retirement first."""
    surplus = known["fulfilled_g"] - known["quantity_g"]
    for name in reversed(known["retirements"]):
        if surplus <= 0:
            break
        retirement = case.book.retirements[name]
        part = min(surplus, retirement["quantity_g"] - retirement["voluntary_g"])
        retirement["voluntary_g"] += part
        known["fulfilled_g"] -= part
        surplus -= part


def event(case: Case) -> None:
    case.need_party(case["organiser"])
    refuse_if(case["organiser"] not in case.bearers("organiser"), "role_missing")
    dates_in_order(case["from"], case["to"])
    known = case.book.events.get(case["event"])
    if known is not None:
        refuse_if(known["organiser"] != case["organiser"], "event_differs")
        refuse_if(known["status"] == "final", "event_final")
    attested = 0
    for other in case.get("other_offsets", []):
        attested = bounded(attested + other["quantity_g"])
    retired = known["retired_g"] if known else 0
    value = known or {"retired_g": 0, "retirements": []}
    value["index"] = case.index
    if case["status"] == "final" and case.book.rulebooks:
        ways = case.rules().get("event_covered_by", [])
        covered = retired * ("retired" in ways) + attested * ("attested" in ways)
        refuse_if(bool(ways) and covered < case["declared_g"], "event_not_covered")
    words = ("organiser", "title", "declared_g", "status")
    case.book.events[case["event"]] = value | {word: case[word] for word in words}
    case.book.events[case["event"]]["attested_g"] = attested


def obligation(case: Case) -> None:
    case.need_roles("authority")
    refuse_if(case["obligated"] not in case.book.parties, "unknown_party")
    name = f"{case['obligated']}/{case['year']}"
    refuse_if(name in case.book.obligations, "obligation_exists")
    book = case.book.rulebooks.get(case["rulebook_version"])
    if book is None:
        raise Refused("unknown_rulebook")
    weighed = bounded(case["amount_g"] * book["values"]["offset_cap_num"])
    case.book.obligations[name] = {
        "obligated": case["obligated"],
        "amount_g": case["amount_g"],
        "cap_g": weighed // book["values"]["offset_cap_den"],
        "rulebook_version": case["rulebook_version"],
        "retired_g": 0,
        "retirements": [],
        "index": case.index,
    }


def retirement(case: Case) -> None:
    case.need_account(case["account"])
    case.need_actor(case["account"], "retirement")
    _beneficiary(case)
    values = case.rules()
    taken = case.take_free(case["account"], case["items"])
    places = [place for item in taken for place in item]
    grams = bounded(case.book.grams(places))
    _ref(case)
    batches = sorted({batch for batch, _ in places})
    served: Entry | None = None
    match case["purpose"]:
        case "offset":
            served = _for_obligation(case, batches, grams)
        case "remediation":
            _classes(case, values, batches, "remediation_classes")
            served = _for_order(case, batches, places, grams)
        case "event":
            _classes(case, values, batches, "event_classes")
            served = _for_event(case, grams)
        case _:
            _classes(case, values, batches, "voluntary_classes")
    name = case.retire(places, case["purpose"], case["account"], ref=case.get("ref"))
    if served is not None:
        served["retirements"].append(name)
    case.use_mandate(grams)


def _beneficiary(case: Case) -> None:
    who = case["beneficiary"]
    refuse_if(len(who) != 1, "beneficiary_form")
    refuse_if("party" in who and who["party"] not in case.book.parties, "unknown_party")
    refuse_if("project" in who and who["project"] not in case.book.projects, "unknown_project")
    refuse_if("event" in who and who["event"] not in case.book.events, "unknown_event")


def _ref(case: Case) -> None:
    refuse_if((case["purpose"] == "voluntary") == ("ref" in case.entry), "ref_field")
    misplaced = case["purpose"] != "remediation" and "obligor" in case.entry
    refuse_if(misplaced, "obligor_field")


def _classes(case: Case, values: dict[str, Any], batches: list[str], words: str) -> None:
    for batch in batches:
        allowed = in_list(values, words, case.book.batches[batch]["class"])
        refuse_if(not allowed, "class_not_for_purpose")


def _room(served: Entry) -> None:
    refuse_if(len(served["retirements"]) >= SERVED_MOST, "too_many_retirements")


def _for_obligation(case: Case, batches: list[str], grams: int) -> Entry:
    known = case.book.obligations.get(case["ref"])
    if known is None:
        raise Refused("unknown_obligation")
    refuse_if(case.owns(case["account"]) != known["obligated"], "not_obligated_account")
    values = case.book.rulebooks[known["rulebook_version"]]["values"]
    for batch in batches:
        klass, vintage = (case.book.batches[batch][word] for word in ("class", "vintage"))
        refuse_if(not in_list(values, "offset_classes", klass), "class_not_for_purpose")
        refuse_if(vintage < values.get("offset_vintage_first", 0), "vintage_not_allowed")
    refuse_if(known["retired_g"] + grams > known["cap_g"], "over_cap")
    _room(known)
    known["retired_g"] += grams
    found: Entry = known
    return found


def _for_order(case: Case, batches: list[str], places: list[Place], grams: int) -> Entry:
    known = case.book.orders.get(case["ref"])
    if known is None:
        raise Refused("unknown_order")
    refuse_if(case.time_ms < known["effective_ms"], "order_not_effective")
    refuse_if(known["state"] is not None, "order_ended")
    _allowed(case, known["allowed"], batches)
    missing = known["quantity_g"] - known["fulfilled_g"]
    shares = known["shares"]
    refuse_if(bool(shares) != ("obligor" in case.entry), "obligor_field")
    if shares:
        who = case["obligor"]
        refuse_if(who >= len(shares), "obligor_field")
        missing = known["shares"][who] - known["done"][who]
    smallest = min(case.book.batches[batch]["unit_g"] for batch in batches)
    refuse_if(missing <= 0 or grams - missing >= smallest, "order_over_fulfilled")
    _room(known)
    known["fulfilled_g"] += grams
    if known["shares"]:
        known["done"][case["obligor"]] += grams
    found: Entry = known
    return found


def _allowed(case: Case, allowed: Entry, batches: list[str]) -> None:
    for batch in batches:
        value = case.book.batches[batch]
        for words, word in (("classes", "class"), ("programs", "program"), ("vintages", "vintage")):
            refuse_if(
                words in allowed and value[word] not in allowed[words], "not_allowed_by_order"
            )


def _for_event(case: Case, grams: int) -> Entry:
    known = case.book.events.get(case["ref"])
    if known is None:
        raise Refused("unknown_event")
    _room(known)
    known["retired_g"] = bounded(known["retired_g"] + grams)
    found: Entry = known
    return found


# ---------------------------------------------------------------- freezes


def held_serials(case: Case, account: str, items: list[Entry]) -> list[Place]:
    """Exact serials that an account holds, bound or not."""
    places: list[Place] = []
    for item in items:
        refuse_if(item["first"] > item["last"], "serials_form")
        there = item["last"] <= len(case.book.serials.get(item["batch"], []))
        chosen = full_range(item) if there else []
        held = there and all(case.book.at(place).holder == account for place in chosen)
        refuse_if(not held, "serials_not_held")
        places += chosen
    return places


def freeze(case: Case) -> None:
    by = case.need_instrument()
    has = {word for word in ("account", "batch", "items") if word in case.entry}
    refuse_if(has not in ({"account"}, {"batch"}, {"account", "items"}), "fields_exclude")
    value: Entry = {"by": by, "until_ms": case.get("until_ms"), "places": []}
    value["whole"] = "items" not in has
    value |= {"account": case.get("account"), "batch": case.get("batch")}
    if "account" in has:
        case.need_account(case["account"])
    if "items" in has:
        value["places"] = held_serials(case, case["account"], case["items"])
        for place in value["places"]:
            line = case.book.at(place).freezes
            refuse_if(case.index in line, "listed_twice")
            refuse_if(len(line) >= FREEZES_MOST, "too_many_freezes")
            case.book.change([place], freezes=(*line, case.index))
    elif "account" in has:
        _stand_in_line(case, case.book.accounts[case["account"]])
    else:
        case.need_batch(case["batch"])
        _stand_in_line(case, case.book.batches[case["batch"]])
    case.book.freezes[case.index] = value


def _stand_in_line(case: Case, value: Entry) -> None:
    refuse_if(len(value["freezes"]) >= FREEZES_MOST, "too_many_freezes")
    value["freezes"].append(case.index)


def _the_freeze(case: Case) -> Entry:
    found = case.book.freezes.get(case["freeze"])
    if found is None:
        raise Refused("unknown_freeze")
    known: Entry = found
    return known


def unfreeze(case: Case) -> None:
    known = _the_freeze(case)
    if case["origin"] == "lapsed":
        until = known["until_ms"]
        refuse_if(until is None or case.time_ms < until, "freeze_not_lapsed")
    else:
        refuse_if("instrument_sha256" not in case.entry, "fields_exclude")
        case.need_instrument(known)
    book, number = case.book, case["freeze"]
    for place in known["places"]:
        line = book.at(place).freezes
        book.change([place], freezes=tuple(n for n in line if n != number))
    if not known["whole"]:
        book.check_pieces(known["account"], known["places"])
    elif known["batch"]:
        book.batches[known["batch"]]["freezes"].remove(number)
    else:
        book.accounts[known["account"]]["freezes"].remove(number)
    del book.freezes[number]


def execution(case: Case) -> None:
    known = _the_freeze(case)
    case.need_instrument(known)
    refuse_if(("to" in case.entry) == bool(case.get("retire")), "fields_exclude")
    case.need_account(case["account"])
    if "to" in case.entry:
        case.need_account(case["to"])
        refuse_if(case["to"] == case["account"], "same_account")
    places = held_serials(case, case["account"], case["items"])
    for place in places:
        _first_in_line(case, known, place)
    book = case.book
    for position, item in enumerate(case["items"]):
        book.change(full_range(item), piece=f"{case.index}/{position}")
    release_from_bonds(case, places)
    if "to" in case.entry:
        none = {"freezes": (), "pledge": 0, "reservation": 0}
        book.change(places, status="free", holder=case["to"], **none)
        book.check_pieces(case["account"], places)
        book.check_pieces(case["to"], places)
    else:
        case.retire(places, "voluntary", case["account"])


def _first_in_line(case: Case, known: Entry, place: Place) -> None:
    """Of all freezes over a serial (its own, its account's, its batch's) this is the first."""
    book, number = case.book, case["freeze"]
    lines = [
        *book.at(place).freezes,
        *book.accounts[case["account"]]["freezes"],
        *book.batches[place[0]]["freezes"],
    ]
    refuse_if(number not in lines, "not_frozen")
    refuse_if(min(lines) != number, "waits_in_line")


def release_from_bonds(case: Case, places: list[Place]) -> None:
    """Strike serials that an account loses out of the freezes, pledges and reservations on them."""
    gone = set(places)
    for family in (case.book.freezes, case.book.pledges, case.book.reservations):
        for number, value in list(family.items()):
            if gone & set(value["places"]):
                value["places"] = [place for place in value["places"] if place not in gone]
                if not value["places"] and family is not case.book.freezes:
                    del family[number]


__all__ = [
    "event",
    "execution",
    "freeze",
    "listed_once",
    "obligation",
    "order",
    "order_change",
    "retirement",
    "unfreeze",
]
