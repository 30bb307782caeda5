"""Points and what backs them, naively: points_scheme, conversion, redemption, swap, expiry."""

from __future__ import annotations

from tests.model.naive.book import DAY_MS, Place, Refused, bounded, in_list, refuse_if
from tests.model.naive.case import Case, Entry

LOTS_MOST = 256


def points_scheme(case: Case) -> None:
    case.need_roles("points_operator", "authority")
    case.need_party(case["operator"])
    refuse_if(case["operator"] not in case.bearers("points_operator"), "role_missing")
    refuse_if(case["scheme"] in case.book.schemes, "scheme_exists")
    values = case.rules() if case.book.rulebooks else {}
    days = case["validity_days"]
    refuse_if(days > values.get("points_validity_days_max", days), "validity_too_long")
    ratio = (values.get("points_ratio_num", 0), values.get("points_ratio_den", 0))
    wrong = ratio[0] and case["num"] * ratio[1] != case["den"] * ratio[0]
    refuse_if(bool(wrong), "points_ratio")
    unbacked = case.get("unbacked_at_start", 0)
    bounded(unbacked * case["num"])
    words = ("operator", "title", "num", "den", "validity_days", "classes", "used", "expired")
    value = {word: case[word] for word in words}
    value |= {"index": case.index, "gathered": 0, "waiting": 0, "due": 0, "unbacked": unbacked}
    lots = [_lot(case, value, unbacked)] if unbacked else []
    case.book.schemes[case["scheme"]] = value | {"lots": lots, "pool": []}


def _lot(case: Case, scheme: Entry, points: int) -> Entry:
    expiry = bounded(case.time_ms + scheme["validity_days"] * DAY_MS)
    return {"expiry": expiry, "conversion": case.index, "in_hands": points}


def the_scheme(case: Case, name: str) -> Entry:
    scheme = case.book.schemes.get(name)
    if scheme is None:
        raise Refused("unknown_scheme")
    known: Entry = scheme
    return known


def in_hands(scheme: Entry) -> int:
    return sum(lot["in_hands"] for lot in scheme["lots"])


def _commit(case: Case, points: int) -> None:
    total = case.get("commit", {"total": points})["total"]
    refuse_if(total != points, "commit_total")


def conversion(case: Case) -> None:
    scheme = the_scheme(case, case["scheme"])
    case.need_account(case["account"])
    case.need_party(scheme["operator"])
    wanted, other = (
        ("points", "items") if case["direction"] == "to_credits" else ("items", "points")
    )
    refuse_if(wanted not in case.entry or other in case.entry, "fields_exclude")
    if case["direction"] == "to_credits":
        _to_credits(case, scheme)
    else:
        _to_points(case, scheme)


def _to_points(case: Case, scheme: Entry) -> None:
    book = case.book
    values = case.rules()
    case.need_actor(case["account"], "conversion")

    def klass_fits(batch: str) -> None:
        klass = book.batches[batch]["class"]
        fits = klass in scheme["classes"] and in_list(values, "points_classes", klass)
        refuse_if(not fits, "class_not_in_scheme")

    taken = case.take_free(case["account"], case["items"], klass_fits)
    places = [place for item in taken for place in item]
    grams = book.grams(places)
    points = grams * scheme["den"] // scheme["num"]
    refuse_if(not points, "too_little_for_a_point")
    bounded((in_hands(scheme) + points) * scheme["num"])
    bounded((book.grams(scheme["pool"]) + grams) * scheme["den"])
    _commit(case, points)
    if case["direction"] == "cover":
        refuse_if(points > scheme["unbacked"], "covers_too_many_points")
    case.use_mandate(bounded(grams))
    book.change(places, status="pooled", holder=case["scheme"], by=case.index)
    book.check_pieces(case["account"], places)
    scheme["pool"] += places
    if case["direction"] == "cover":
        scheme["unbacked"] -= points
    else:
        scheme["lots"].append(_lot(case, scheme, points))


def _to_credits(case: Case, scheme: Entry) -> None:
    refuse_if(case.owns(case["account"]) != scheme["operator"], "account_not_operators")
    refuse_if(scheme["used"] == "retire", "scheme_retires")
    refuse_if(case["points"] > scheme["gathered"], "points_not_gathered")
    weight = case["points"] * scheme["num"]
    places = whole_serials(case, scheme, weight)
    covered = case.book.grams(places) * scheme["den"]
    exact = -(-covered // scheme["num"])
    refuse_if(not places or exact != case["points"], "points_not_whole_serials")
    _commit(case, case["points"])
    _leave_pool(case, scheme, places)
    case.book.change(places, status="free", holder=case["account"], by=-1)
    case.book.check_pieces(case["account"], places)
    scheme["gathered"] -= case["points"]


def whole_serials(case: Case, scheme: Entry, weight: int) -> list[Place]:
    """The serials at the head of the pool that a weight (points × num) covers wholly."""
    taken: list[Place] = []
    for place in scheme["pool"]:
        worth = case.book.batches[place[0]]["unit_g"] * scheme["den"]
        if worth > weight:
            break
        case.unfrozen_batch(place[0])
        weight -= worth
        taken.append(place)
    return taken


def _leave_pool(case: Case, scheme: Entry, places: list[Place]) -> None:
    """Take the head off the pool's queue; what came by different entries stays apart."""
    scheme["pool"] = scheme["pool"][len(places) :]
    for place in places:
        one = case.book.at(place)
        case.book.change([place], piece=f"{one.piece}/{one.by}")


def _spend(case: Case, scheme: Entry, points: int) -> list[Entry]:
    """Take points out of people's hands, of lots that live, the first to expire first."""
    living = [lot for lot in scheme["lots"] if lot["expiry"] >= case.time_ms]
    living.sort(key=lambda lot: (lot["expiry"], lot["conversion"]))
    refuse_if(sum(lot["in_hands"] for lot in living) < points, "points_not_in_hands")
    touched = []
    for lot in living:
        if points:
            taken = min(points, lot["in_hands"])
            lot["in_hands"] -= taken
            points -= taken
            touched.append(lot)
    refuse_if(len(touched) > LOTS_MOST, "too_many_lots")
    scheme["lots"] = [lot for lot in scheme["lots"] if lot["in_hands"]]
    return touched


def redemption(case: Case) -> None:
    scheme = the_scheme(case, case["scheme"])
    case.need_party(scheme["operator"])
    case.need_roles("platform")
    _commit(case, case["points"])
    _spend(case, scheme, case["points"])
    if scheme["used"] == "to_credits":
        scheme["gathered"] += case["points"]
    else:
        _burn(case, scheme, case["points"])


def _burn(case: Case, scheme: Entry, points: int) -> None:
    """Retire the whole serials that burned points cover; the rest waits for more."""
    scheme["waiting"] += points * scheme["num"]
    places = whole_serials(case, scheme, scheme["waiting"])
    if not places:
        return
    scheme["waiting"] -= case.book.grams(places) * scheme["den"]
    _leave_pool(case, scheme, places)
    case.retire(places, "voluntary", None)


def swap(case: Case) -> None:
    refuse_if(case["scheme"] == case["to_scheme"], "listed_twice")
    one = the_scheme(case, case["scheme"])
    case.need_party(one["operator"])
    other = the_scheme(case, case["to_scheme"])
    case.need_party(other["operator"])
    weight, to_weight = case["points"] * one["num"], case["to_points"] * other["num"]
    bounded(weight * other["den"])
    bounded(to_weight * one["den"])
    bounded((in_hands(other) + case["to_points"]) * other["num"])
    refuse_if(weight * other["den"] != to_weight * one["den"], "swap_unequal")
    _commit(case, case["to_points"])
    lots = _spend(case, one, case["points"])
    places = whole_serials(case, one, weight)
    for batch in sorted({batch for batch, _ in places}):
        klass = case.book.batches[batch]["class"]
        refuse_if(klass not in other["classes"], "class_not_in_scheme")
    exact = case.book.grams(places) * one["den"] == weight
    refuse_if(not exact, "points_not_whole_serials")
    _leave_pool(case, one, places)
    case.book.change(places, holder=case["to_scheme"], by=case.index)
    other["pool"] += places
    fresh = _lot(case, other, case["to_points"])
    fresh["expiry"] = min(fresh["expiry"], *(lot["expiry"] for lot in lots))
    other["lots"].append(fresh)


def expiry(case: Case) -> None:
    scheme = the_scheme(case, case["scheme"])
    case.need_party(scheme["operator"])
    lots = [lot for lot in scheme["lots"] if lot["conversion"] == case["lot"]]
    if not lots or lots[0]["expiry"] >= case.time_ms:
        raise Refused("lot_not_expired")
    refuse_if(case["points"] > lots[0]["in_hands"], "points_not_in_hands")
    lots[0]["in_hands"] -= case["points"]
    scheme["lots"] = [lot for lot in scheme["lots"] if lot["in_hands"]]
    bare = min(case["points"], scheme["unbacked"]) if case["lot"] == scheme["index"] else 0
    scheme["unbacked"] -= bare
    points = case["points"] - bare
    if scheme["expired"] == "retire":
        _burn(case, scheme, points)
        return
    account = case.get("account")
    known = account in case.book.accounts
    authority = case.book.log["authority"]
    refuse_if(not known or case.owns(str(account)) != authority, "account_not_authoritys")
    scheme["due"] += points * scheme["num"]
    places = whole_serials(case, scheme, scheme["due"])
    scheme["due"] -= case.book.grams(places) * scheme["den"]
    _leave_pool(case, scheme, places)
    case.book.change(places, status="free", holder=account, by=-1)
    case.book.check_pieces(str(account), places)
