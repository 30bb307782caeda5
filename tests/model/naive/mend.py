"""Cancellation, naively: what was wrong is taken away, what is already used is made good."""

from __future__ import annotations

from tests.model.naive.book import Place, Refused, bounded, full_range, refuse_if
from tests.model.naive.case import Case, Entry
from tests.model.naive.use import release_from_bonds


def cancellation(case: Case) -> None:
    values = case.rules()
    known = case.book.projects.get(case["project"])
    if known is None:
        raise Refused("unknown_project")
    refuse_if("cancellation_signed_by" not in values, "rulebook_value_missing")
    organisations: set[str] = set()
    for role in values["cancellation_signed_by"]:
        bearers = set(case.bearers(role)) - {known["fields"]["owner"]}
        refuse_if(not bearers, "role_missing")
        organisations |= bearers
    refuse_if(len(organisations) < 2, "too_few_organisations")
    out = case["reason"] == "conversion_out"
    refuse_if(out and "external_id" not in case.entry, "fields_exclude")
    covering = "cover_items" in case.entry and known["debt_g"]
    refuse_if(not case.get("items") and not covering, "nothing_to_cancel")
    owed = 0
    for item in case.get("items", []):
        owed += _cancel(case, item)
    owed += known["debt_g"]
    drawn = 0
    for item in case.get("buffer_items", []):
        drawn += _from_buffer(case, item)
    for item in case.get("cover_items", []):
        drawn += _from_account(case, item, values.get("reserve_account"))
    refuse_if(drawn > owed, "covers_too_much")
    left = owed - drawn
    refuse_if(left > known["debt_g"] and _buffer_g(case) > 0, "buffer_not_used")
    known["debt_g"] = bounded(left)


def _buffer_g(case: Case) -> int:
    book = case.book
    return sum(
        book.total(name, "buffer") * batch["unit_g"]
        for name, batch in book.batches.items()
        if batch["project"] == case["project"]
    )


def _own_batch(case: Case, item: Entry) -> None:
    case.need_batch(item["batch"])
    refuse_if(case.book.batches[item["batch"]]["project"] != case["project"], "other_project")


def _end(case: Case, places: list[Place]) -> None:
    none = {"freezes": (), "pledge": 0, "reservation": 0}
    case.book.change(places, status="cancelled", holder="", by=case.index, **none)


def _cancel(case: Case, item: Entry) -> int:
    """Take an item away, or, where it is used already, say how many grams must be made good."""
    _own_batch(case, item)
    refuse_if(item["first"] > item["last"], "serials_form")
    out = case["reason"] == "conversion_out"
    known = case.book.answered
    span = (item["batch"], item["first"], item["last"])
    again = any(b == span[0] and span[1] <= n <= span[2] for b, n in known)
    refuse_if(again, "answered_already")
    if "account" in item:
        case.need_account(item["account"])
        if out:
            case.need_actor(item["account"], "cancellation")
            places = case.take_free(item["account"], [item])[0]
        else:
            there = item["last"] <= len(case.book.serials[item["batch"]])
            places = full_range(item) if there else []
            mine = [p for p in places if case.book.at(p).holder == item["account"]]
            refuse_if(not places or len(mine) != len(places), "serials_not_held")
            release_from_bonds(case, places)
        _end(case, places)
        case.book.check_pieces(item["account"], places)
        _in_error(case, places)
        return 0
    refuse_if(out or not _begins(case, item), "not_a_block")
    owed, at_end = 0, {**item, "first": item["last"] + 1}
    whole = item["last"] == len(case.book.serials[item["batch"]]) or _begins(case, at_end)
    for place in full_range(item):
        there = place[1] <= len(case.book.serials[item["batch"]])
        refuse_if(not there, "not_a_block")
        status = case.book.at(place).status
        if status == "buffer":
            _end(case, [place])
            _in_error(case, [place])
        else:
            refuse_if(status not in ("retired", "pooled"), "account_field")
            case.book.answered.add(place)
            owed += case.book.grams([place])
    refuse_if(bool(owed) and not whole, "not_a_block")
    return owed


def _in_error(case: Case, places: list[Place]) -> None:
    if case["reason"] == "issued_in_error":
        case.book.batches[places[0][0]]["in_error"] += len(places)


def _begins(case: Case, item: Entry) -> bool:
    """A block begins where the item does."""
    run, at = case.book.serials[item["batch"]], item["first"] - 1
    if at >= len(run):
        return False
    if not at:
        return True
    one, before = run[at], run[at - 1]
    if one.status in ("free", "reserved"):
        return bool(one != before)
    return (one.status, one.by, one.piece) != (before.status, before.by, before.piece)


def _from_buffer(case: Case, item: Entry) -> int:
    _own_batch(case, item)
    refuse_if(item["first"] > item["last"], "serials_form")
    refuse_if(not _begins(case, item), "not_a_block")
    places = [p for p in full_range(item) if p[1] <= len(case.book.serials[p[0]])]
    buffered = all(case.book.at(place).status == "buffer" for place in places)
    refuse_if(not buffered or len(places) <= item["last"] - item["first"], "not_a_block")
    _end(case, places)
    return case.book.grams(places)


def _from_account(case: Case, item: Entry, reserve: object) -> int:
    refuse_if("account" not in item, "account_field")
    case.need_account(item["account"])
    frozen = bool(case.book.accounts[item["account"]]["freezes"])
    if item["account"] != reserve or frozen:
        case.need_actor(item["account"], "cancellation")
    places = case.take_free(item["account"], [item])[0]
    _end(case, places)
    case.book.check_pieces(item["account"], places)
    return case.book.grams(places)
