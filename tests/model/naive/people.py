"""Who may do what, naively: genesis, rulebook, party, key, account, mandate, correction, notice."""

from __future__ import annotations

from typing import Any

from tests.model.naive.book import (
    Refused,
    in_list,
    listed_once,
    raw_key,
    refuse_if,
    signer_of,
)
from tests.model.naive.case import Case, Entry

FREE_ROLES = {"owner", "platform", "obligated", "organiser"}
LISTS = {
    "programs",
    "project_signed_by",
    "scenario_signed_by",
    "issuance_signed_by",
    "scenario_issuance_signed_by",
    "offset_classes",
    "remediation_classes",
    "event_classes",
    "voluntary_classes",
    "points_classes",
    "event_covered_by",
    "cancellation_signed_by",
}
TEXTS = {"reserve_account"}
INTEGERS = {
    "issuance_organisations_min",
    "points_validity_days_max",
    "points_ratio_num",
    "points_ratio_den",
    "offset_cap_num",
    "offset_cap_den",
    "offset_vintage_first",
    "receiver_delay_ms",
    "key_recovery_delay_ms",
}
OPTIONAL = {
    "points_validity_days_max",
    "points_ratio_num",
    "points_ratio_den",
    "event_covered_by",
    "offset_vintage_first",
    "cancellation_signed_by",
    "reserve_account",
    "receiver_delay_ms",
}
ABOVE_ZERO = (
    "offset_cap_den",
    "points_validity_days_max",
    "points_ratio_num",
    "points_ratio_den",
)
DESCRIPTIVE = {
    "party": ("title",),
    "methodology": ("title",),
    "project": ("title",),
    "scheme": ("title",),
    "event": ("title",),
    "order": ("issuer", "number"),
}
"""What a correction may put right; everything else is answered by new entries."""
REMARKS_MOST = 256
SEAL_BACK_MOST = 100_000
CHANGES_MOST = 1_000


def enrol(case: Case, holder: str, keys: list[Entry]) -> None:
    """New keys of a holder: of the right form, nobody's yet, beginning before they end."""
    for key in keys:
        raw = raw_key(key["key"], holder)
        refuse_if(raw in case.book.raw_keys, "key_taken")
        start = key.get("from_ms", case.time_ms)
        refuse_if(key.get("until_ms", start + 1) <= start, "key_dates")
        case.book.raw_keys[raw] = holder
        case.book.keys[signer_of(key["key"])] = {
            "from_ms": start,
            "until_ms": key.get("until_ms"),
            "revoked": None,
            "index": case.index,
        }


def genesis(case: Case) -> None:
    book = case.book
    refuse_if(case["ruleset"] != 1, "ruleset_unknown")
    operator, authority = case["operator"], case["authority"]
    listed_once([operator["party"], authority["party"]])
    book.log = {
        "origin": case["origin"],
        "region": case["region"],
        "offset_min": case["offset_min"],
        "seal": None,
        "sealed": 0,
        "ended": None,
        "rotated": None,
    }
    take_log_keys(case, case["log_keys"], case["origin"])
    for role, founder in (("operator", operator), ("authority", authority)):
        book.parties[founder["party"]] = {"title": founder["title"], "roles": [role], "index": 0}
        keys = [k for k in case["keys"] if k["key"].split("+")[0] == founder["party"]]
        refuse_if(not keys, "party_missing")
        enrol(case, founder["party"], keys)
    book.log["authority"] = authority["party"]


def take_log_keys(case: Case, keys: dict[str, str], origin: str) -> None:
    """Two keys under the log's name, which nobody has had."""
    for word, kind, length in (("ed25519", 1, 32), ("mldsa44", 6, 1312)):
        raw = raw_key(keys[word], origin, kind, length)
        refuse_if(raw in case.book.raw_keys, "key_taken")
        case.book.raw_keys[raw] = origin


def logkey(case: Case) -> None:
    case.need_roles("operator", "authority")
    log, day = case.book.log, 86_400_000
    refuse_if(log["rotated"] is not None and case.time_ms < log["rotated"], "logkey_running")
    overlap = case["until_ms"] - case.time_ms
    refuse_if(not 30 * day <= overlap <= 366 * day, "logkey_overlap")
    take_log_keys(case, {word: case[word] for word in ("ed25519", "mldsa44")}, log["origin"])
    log["rotated"] = case["until_ms"]


def rulebook(case: Case) -> None:
    case.need_roles("authority", "operator")
    refuse_if(case.get("ruleset", 1) != 1, "ruleset_unknown")
    known = case.book.rulebooks
    version = max(known, default=0)
    refuse_if(case["version"] != version + 1, "rulebook_version")
    earliest = max(case.time_ms, known[version]["effective_from_ms"] if known else 0)
    refuse_if(case["effective_from_ms"] < earliest, "rulebook_retroactive")
    check_values(case["values"])
    known[case["version"]] = {
        "effective_from_ms": case["effective_from_ms"],
        "values": case["values"],
    }


def check_values(values: dict[str, Any]) -> None:
    for name, value in values.items():
        refuse_if(name not in LISTS | TEXTS | INTEGERS, "rulebook_value_unknown")
        right = (
            isinstance(value, list) if name in LISTS else isinstance(value, str) if name in TEXTS
            else isinstance(value, int)
        )  # fmt: skip
        refuse_if(not right, "rulebook_value_type")
    required = (LISTS | TEXTS | INTEGERS) - OPTIONAL
    refuse_if(not required <= set(values), "rulebook_value_missing")
    refuse_if(any(values.get(name) == 0 for name in ABOVE_ZERO), "rulebook_value_type")
    lonely = ("points_ratio_num" in values) != ("points_ratio_den" in values)
    refuse_if(lonely, "rulebook_value_missing")
    covers = set(values.get("event_covered_by", []))
    refuse_if(not covers <= {"retired", "attested"}, "rulebook_value_type")


def party(case: Case) -> None:
    case.need_roles("operator")
    if set(case["roles"]) - FREE_ROLES:
        case.need_roles("authority")
    listed_once(case["roles"])
    refuse_if(case["party"] in case.book.parties, "party_exists")
    enrol(case, case["party"], case["keys"])
    case.book.parties[case["party"]] = {
        "title": case["title"],
        "roles": case["roles"],
        "index": case.index,
    }


def key(case: Case) -> None:
    book, holder = case.book, case["holder"]
    refuse_if(holder not in book.parties and holder not in book.accounts, "unknown_party")
    {"add": _add, "revoke": _revoke, "recover": _recover, "complete": _complete}[case["action"]](
        case, holder
    )


def _add(case: Case, holder: str) -> None:
    case.need_party(holder)
    parties, accounts = case.book.parties, case.book.accounts
    need = accounts[holder]["need"] if holder in accounts else parties[holder].get("need", 1)
    signed = sum(signer.split("+")[0] == holder for signer in case.counted)
    refuse_if(signed < need, "owner_missing")
    enrol(case, holder, [_plain(case)])


def _plain(case: Case) -> Entry:
    plain = {"key": case["key"]}
    return plain | ({"until_ms": case["until_ms"]} if case.get("until_ms") is not None else {})


def _revoke(case: Case, holder: str) -> None:
    case.need_party(holder)
    pending = case.book.recoveries.get(holder)
    if pending and pending["key"] == case["key"]:
        del case.book.recoveries[holder]
        return
    known = case.book.keys.get(signer_of(case["key"]))
    if known is None or not case["key"].startswith(f"{holder}+"):
        raise Refused("key_unknown")
    refuse_if(known["revoked"] is not None, "key_already_revoked")
    known["revoked"] = case.index


def _recover(case: Case, holder: str) -> None:
    case.need_roles("operator", "authority")
    refuse_if(holder in case.book.recoveries, "recovery_pending")
    raw_key(case["key"], holder)
    delay = case.rules()["key_recovery_delay_ms"]
    case.book.recoveries[holder] = {
        "key": case["key"],
        "index": case.index,
        "ready_ms": case.time_ms + delay,
    }


def _complete(case: Case, holder: str) -> None:
    case.need_roles("operator", "authority")
    pending = case.book.recoveries.get(holder)
    if pending is None or pending["key"] != case["key"]:
        raise Refused("no_recovery")
    refuse_if(case.time_ms < pending["ready_ms"], "recovery_too_early")
    del case.book.recoveries[holder]
    enrol(case, holder, [_plain(case)])


def account(case: Case) -> None:
    known = case.book.accounts.get(case["account"])
    if known is not None:
        _change_account(case, known)
        return
    case.need_roles("operator")
    institution = case["type"] == "institution"
    right = ("owner" in case.entry) == institution and ("keys" in case.entry) != institution
    refuse_if(not right, "account_form")
    if institution:
        refuse_if(case["owner"] not in case.book.parties, "unknown_party")
        case.need_party(case["owner"])
    else:
        refuse_if(len(case["keys"]) < case["need"], "too_few_keys")
        enrol(case, case["account"], case["keys"])
    value: Entry = {"type": case["type"], "freezes": [], "index": case.index, "changes": []}
    if institution:
        value["owner"] = case["owner"]
    case.book.accounts[case["account"]] = value | {"receivers": None, "day": None, "day_g": 0}
    _account_rules(case, case.book.accounts[case["account"]])


def _change_account(case: Case, known: Entry) -> None:
    other = case["type"] != known["type"] or "keys" in case.entry
    refuse_if(other or case.get("owner") != known.get("owner"), "account_exists")
    case.need_owner(case["account"])
    refuse_if(len(known["changes"]) >= CHANGES_MOST, "too_many_changes")
    _account_rules(case, known)
    known["changes"].append(case.index)


def _account_rules(case: Case, value: Entry) -> None:
    listed_once(case.get("listed", []))
    receivers = value["receivers"]  # who once lists receivers keeps a list
    if "receivers" in case.entry:
        listed_once(case["receivers"])
        ready = case.time_ms
        if value["index"] != case.index:  # a new account's list is usable at once
            ready += case.rules().get("receiver_delay_ms", 0)
        before = dict(value["receivers"] or [])
        receivers = [(name, before.get(name, ready)) for name in case["receivers"]]
    limits = case.get("limits", {})
    if "owner" in value and case["need"] > 1:  # its owner alone enrols no second key either
        case.book.parties[value["owner"]]["need"] = case["need"]
    value |= {
        "accept": case["accept"],
        "need": case["need"],
        "listed": case.get("listed", []),
        "receivers": receivers,
        "per_transfer_g": limits.get("per_transfer_g"),
        "per_day_g": limits.get("per_day_g"),
    }


def mandate(case: Case) -> None:
    refuse_if(case["agent"] not in case.book.parties, "unknown_party")
    listed_once(case["accounts"])
    ended = case.get("replaces")
    before: list[str] = []
    if ended is not None:
        refuse_if(ended not in case.book.mandates, "unknown_mandate")
        refuse_if(case.book.mandates[ended]["until_ms"] <= case.time_ms, "mandate_ended")
        before = case.book.mandates[ended]["accounts"]
    else:
        refuse_if(case["until_ms"] <= case.time_ms, "mandate_ended")
    owners = set()
    for name in [*case["accounts"], *before]:
        case.need_account(name)
        owners.add(case.owns(name))
        refuse_if(len(owners) > 1, "accounts_of_several_owners")
        case.need_owner(name)
    if ended is not None:
        case.book.mandates[ended]["until_ms"] = case.time_ms
    case.book.mandates[case.index] = {
        "owner": owners.pop(),
        "agent": case["agent"],
        "accounts": case["accounts"],
        "kinds": case["kinds"],
        "until_ms": case["until_ms"],
        "used_g": 0,
        **case.get("limits", {}),
    }


# ---------------------------------------------------------------- remarks


def subject_of(case: Case, subject: str) -> Entry:
    """What a correction or notice is about."""
    book = case.book
    family, _, name = subject.partition("/")
    families: dict[str, dict[Any, Any]] = {
        "party": book.parties,
        "account": book.accounts,
        "methodology": book.methodologies,
        "project": book.projects,
        "batch": book.batches,
        "scheme": book.schemes,
        "order": book.orders,
        "event": book.events,
        "obligation": book.obligations,
        "retirement": book.retirements,
    }
    found = families.get(family, {}).get(name)
    if found is None:
        raise Refused("unknown_subject")
    thing: Entry = found
    return thing


def _remark(case: Case, subject: str) -> None:
    remarks = case.book.remarks.setdefault(subject, [])
    refuse_if(len(remarks) >= REMARKS_MOST, "too_many_remarks")
    remarks.append(case.index)


def correction(case: Case) -> None:
    case.need_roles("operator", "authority")
    thing = subject_of(case, case["subject"])
    refuse_if(thing["index"] != case["of"], "not_of_that_entry")
    refuse_if(case["field"] not in DESCRIPTIVE.get(family(case), ()), "not_correctable")
    _remark(case, case["subject"])
    thing[case["field"]] = case["value"]


def family(case: Case) -> str:
    """Of the thing that a correction is about."""
    return str(case["subject"]).partition("/")[0]


def seal(case: Case) -> None:
    case.need_roles("operator")
    refuse_if(case["size"] > case.index, "seal_ahead")
    refuse_if(case["size"] <= case.book.log["sealed"], "seal_not_later")
    refuse_if(case.index - case["size"] > SEAL_BACK_MOST, "seal_too_old")
    case.book.log |= {"seal": case.index, "sealed": case["size"]}


def end(case: Case) -> None:
    case.need_roles("operator", "authority")
    following = case.get("successor")
    if following is not None:
        random_end = following.rpartition("/")[2]
        hexadecimal = len(random_end) == 8 and set(random_end) <= set("0123456789abcdef")
        wrong = following == case.book.log["origin"] or "/" not in following or not hexadecimal
        refuse_if(wrong, "bad_origin")
    refuse_if(case["size"] != case.index, "end_size")
    case.book.log |= {"seal": case.index, "sealed": case["size"], "ended": case.index}


def notice(case: Case) -> None:
    refuse_if(not (case.bearers("operator") or case.bearers("authority")), "role_missing")
    subject_of(case, case["about"])
    _remark(case, case["about"])


__all__ = [
    "account",
    "correction",
    "end",
    "genesis",
    "in_list",
    "key",
    "logkey",
    "mandate",
    "notice",
    "party",
    "rulebook",
    "seal",
]
