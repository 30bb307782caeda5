"""How credits come into being, naively: methodology, project, issuance, opening."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.model.naive.book import (
    Refused,
    Serial,
    a_date,
    bounded,
    dates_in_order,
    listed_once,
    refuse_if,
)
from tests.model.naive.case import Case, Entry
from tests.model.naive.people import CHANGES_MOST


def methodology(case: Case) -> None:
    case.need_roles("centre", "authority")
    name = f"{case['methodology']}/{case['version']}"
    fixed = {word: case[word] for word in ("title", "class", "doc_sha256", "from")}
    known = case.book.methodologies.get(name)
    fresh = fixed | {"to": case.get("to"), "withdrawn": case.get("withdrawn", False)}
    if known is not None:
        same = {word: known[word] for word in fixed} == fixed
        other = (fresh["to"], fresh["withdrawn"]) != (known["to"], known["withdrawn"])
        refuse_if(not same or known["withdrawn"] or not other, "methodology_exists")
    a_date(case["from"])
    if "to" in case.entry:
        dates_in_order(case["from"], case["to"])
    if known is not None:
        refuse_if(len(known["changes"]) >= CHANGES_MOST, "too_many_changes")
        known |= {"to": fresh["to"], "withdrawn": fresh["withdrawn"]}
        known["changes"].append(case.index)
        return
    case.book.methodologies[name] = fresh | {"index": case.index, "changes": []}


PROJECT = (
    "project",
    "type",
    "title",
    "owner",
    "methodology",
    "methodology_version",
    "claims",
    "not_in_ets",
    "not_in_ccer",
    "crediting_from",
    "crediting_to",
    "parts",
    "applicant",
)


def project(case: Case) -> None:
    values = case.rules()
    fields = {word: case[word] for word in (*PROJECT, "status") if word in case.entry}
    known = case.book.projects.get(case["project"])
    if known is None:
        new_project(case, fields, values)
        return
    words = [word for word in PROJECT if word != "title"]
    same = all(fields.get(word) == known["fields"].get(word) for word in words)
    before = known["fields"].get("status", "live")
    new = fields.get("status", before) != before and before != "closed"
    refuse_if(not same or not new, "project_exists")
    case.need_roles("centre", "authority")
    refuse_if(len(known["changes"]) >= CHANGES_MOST, "too_many_changes")
    known["fields"] = known["fields"] | {"status": fields["status"]}
    if fields["status"] == "closed":  # it claims no more than it was issued for
        known["claimed_to"] = max((p["to"] for p in known["issued"]), default="")
    known["changes"].append(case.index)


def _project_roles(case: Case, fields: Entry, values: dict[str, Any]) -> None:
    scenario = fields["type"] == "scenario"
    for role in values["scenario_signed_by" if scenario else "project_signed_by"]:
        if role == "owner":
            case.need_party(fields["owner"])
        else:
            case.need_roles(role)


def valid_method(case: Case, fields: Entry, day: date) -> Entry:
    """The version of the methodology that a project names, if it may be used on that day."""
    name = f"{fields['methodology']}/{fields['methodology_version']}"
    method = case.book.methodologies.get(name)
    if method is None:
        raise Refused("unknown_methodology")
    over = method["to"] is not None and day > a_date(method["to"])
    refuse_if(method["withdrawn"] or over or day < a_date(method["from"]), "methodology_not_valid")
    found: Entry = method
    return found


def new_project(case: Case, fields: Entry, values: dict[str, Any]) -> None:
    """Register a project; its status, if there is one, is where it begins."""
    refuse_if(fields["project"] in case.book.projects, "project_exists")
    refuse_if(fields["owner"] not in case.book.parties, "unknown_party")
    refuse_if(not (fields["not_in_ets"] and fields["not_in_ccer"]), "inside_other_market")
    dates_in_order(fields["crediting_from"], fields["crediting_to"])
    valid_method(case, fields, case.book.today(case.time_ms))
    _project_roles(case, fields, values)
    if "applicant" in fields:
        case.need_party(fields["applicant"])
    listed_once(fields["claims"])
    parts = fields.get("parts", [])
    listed_once(part["part"] for part in parts)
    shared = [claim for part in parts for claim in part["claims"]]
    listed_once(shared)
    refuse_if(bool(parts) and set(shared) != set(fields["claims"]), "listed_twice")
    for other in case.book.projects.values():
        theirs = other["fields"]
        apart = (
            other["claimed_to"] < fields["crediting_from"]
            or fields["crediting_to"] < theirs["crediting_from"]
        )
        common = set(theirs["claims"]) & set(fields["claims"])
        refuse_if(bool(common) and not apart, "claim_taken")
    case.book.projects[fields["project"]] = {
        "fields": fields,
        "title": fields["title"],
        "index": case.index,
        "claimed_to": fields["crediting_to"],
        "remainder_g": 0,
        "debt_g": 0,
        "changes": [],
        "issued": [],
    }


def issuance(case: Case) -> None:
    values = case.rules()
    refuse_if(("project" in case.entry) == ("new_project" in case.entry), "fields_exclude")
    if "new_project" in case.entry:
        new_project(case, case["new_project"], values)
    name = case.get("project") or case["new_project"]["project"]
    known = case.book.projects.get(name)
    if known is None:
        raise Refused("unknown_project")
    fields = known["fields"]
    _issuers(case, fields, values)
    refuse_if(fields.get("status", "live") != "live", "project_not_live")
    refuse_if(known["debt_g"] > 0, "project_in_debt")
    freed = _superseded(case, name)
    _period(case, known, fields, freed)
    _quantities(case, known, fields)
    made = []
    for batch in (*case["batches"], *case.get("buffer", [])):
        _new_batch(case, batch, values, name)
        made.append(batch["batch"])
    for batch in made:
        for account in {serial.holder for serial in case.book.serials[batch]} - {""}:
            case.book.check_pieces(account, [(batch, 1)])
    known["issued"] = [p for p in known["issued"] if p["index"] != freed]
    period = {word: case[word] for word in ("part", "from", "to")}
    known["issued"].append(period | {"index": case.index})
    case.book.issuances[case.index] = {"project": name, "part": case["part"], "batches": made}


def _issuers(case: Case, fields: Entry, values: dict[str, Any]) -> None:
    """The roles of the rulebook, each by a party that is not the owner; two parties at least."""
    scenario = fields["type"] == "scenario"
    roles = values["scenario_issuance_signed_by" if scenario else "issuance_signed_by"]
    organisations = set()
    for role in roles:
        bearers = set(case.bearers(role)) - {fields["owner"]}
        refuse_if(not bearers, "role_missing")
        organisations |= bearers
    need = max(2, values["issuance_organisations_min"])
    refuse_if(len(organisations) < need, "too_few_organisations")


def _superseded(case: Case, name: str) -> int | None:
    """The issuance whose dates this one may take again: all of it was cancelled in error."""
    index = case.get("supersedes")
    if index is None:
        return None
    old = case.book.issuances.get(index)
    if old is None or (old["project"], old["part"]) != (name, case["part"]):
        raise Refused("not_superseded")
    batches = case.book.batches
    all_wrong = all(
        batches[batch]["in_error"] == len(case.book.serials[batch]) for batch in old["batches"]
    )
    refuse_if(not all_wrong, "not_superseded")
    return int(index)


def _period(case: Case, known: Entry, fields: Entry, freed: int | None) -> None:
    parts = [part["part"] for part in fields.get("parts", [{"part": "default"}])]
    refuse_if(case["part"] not in parts, "unknown_part")
    dates_in_order(case["from"], case["to"])
    inside = fields["crediting_from"] <= case["from"] and case["to"] <= fields["crediting_to"]
    refuse_if(not inside, "outside_crediting")
    today = case.book.today(case.time_ms)
    refuse_if(a_date(case["to"]) >= today, "period_not_over")
    for period in known["issued"]:
        apart = period["to"] < case["from"] or case["to"] < period["from"]
        mine = period["part"] == case["part"] and period["index"] != freed
        refuse_if(mine and not apart, "period_taken")


def _quantities(case: Case, known: Entry, fields: Entry) -> None:
    scenario = fields["type"] == "scenario"
    refuse_if(("acts" in case.entry) != scenario, "acts_of_project")
    if scenario:
        refuse_if(case["acts"]["total"] // 1000 != case["verified_g"], "acts_do_not_match")
    klass = valid_method(case, fields, a_date(case["to"]))["class"]
    made = [*case["batches"], *case.get("buffer", [])]
    first, last = int(case["from"][:4]), int(case["to"][:4])
    grams = 0
    for batch in made:
        refuse_if(batch["class"] != klass, "class_not_of_methodology")
        refuse_if(not first <= batch["vintage"] <= last, "vintage_outside")
        grams = bounded(grams + bounded(batch["count"] * batch["unit_g"]))
    available = bounded(case["verified_g"] + known["remainder_g"])
    refuse_if(grams > available, "quantity_not_verified")
    left = available - grams
    refuse_if(left >= min(batch["unit_g"] for batch in made), "remainder_too_large")
    known["remainder_g"] = left


def _new_batch(case: Case, batch: Entry, values: dict[str, Any], project_name: str) -> None:
    name = batch["batch"]
    check_name(case, name, batch["vintage"], values)
    if "account" in batch:
        case.need_account(batch["account"])
        one = Serial("free", batch["account"])
    else:
        one = Serial("buffer")
    make_batch(case, batch, [one] * batch["count"], project=project_name, klass=batch["class"])


def check_name(case: Case, name: str, vintage: int, values: dict[str, Any]) -> None:
    refuse_if(name in case.book.batches, "batch_exists")
    region = case.book.log["region"]
    programs = values["programs"]
    named = [name.startswith(f"{region}-{program}-{vintage}-") for program in programs]
    refuse_if(not any(named), "batch_name")


def make_batch(
    case: Case, batch: Entry, serials: list[Serial], *, project: str, klass: str
) -> None:
    case.book.batches[batch["batch"]] = {
        "program": batch["batch"].split("-")[2],
        "vintage": batch["vintage"],
        "unit_g": batch["unit_g"],
        "class": klass,
        "project": project,
        "index": case.index,
        "freezes": [],
        "in_error": 0,
    }
    case.book.serials[batch["batch"]] = serials


def opening(case: Case) -> None:
    values = case.rules()
    case.need_roles("operator", "authority")
    bounded(case["count"] * case["unit_g"])
    check_name(case, case["batch"], case["vintage"], values)
    parts = [(part["first"], part["last"], part["status"]) for part in case["parts"]]
    source = case["source"]
    rows = repr((source["registry"], source["row_sha256"], parts))
    refuse_if(rows in case.book.takeovers, "taken_over_already")
    case.book.takeovers.add(rows)
    following = 1
    for part in case["parts"]:
        refuse_if(part["first"] != following or part["last"] < part["first"], "parts_do_not_tile")
        refuse_if(("account" in part) != (part["status"] == "free"), "part_account")
        if "account" in part:
            case.need_account(part["account"])
        following = part["last"] + 1
    refuse_if(following != case["count"] + 1, "parts_do_not_tile")
    serials: list[Serial] = []
    for part in case["parts"]:
        count = part["last"] - part["first"] + 1
        by = case.index if part["status"] in ("retired", "cancelled") else -1
        serials += [Serial(part["status"], part.get("account", ""), by)] * count
    make_batch(case, case.entry, serials, project="", klass=case.get("class", ""))
    for account in {serial.holder for serial in serials} - {""}:
        case.book.check_pieces(account, [(case["batch"], 1)])
