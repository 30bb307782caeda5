"""Moves about who may do what, and about the log itself: rulebook, party, key, seal, notice, …"""

from __future__ import annotations

from typing import Any

from tests.ledger.world import DAY_MS, FARM, PARTIES, RULES, STEEL, genesis_fields, log_keys
from tests.model.dice.core import INTEGER_MAX, SHA, Dice, Fields, Move, account_name, vkey

ROLES = sorted(set(PARTIES.values()))
SOURCE = {"title": "Rules", "sha256": SHA}


def genesis(dice: Dice) -> Move:
    """Never allowed twice."""
    return Move("genesis", dice.by("operator.gd", "authority.gd"), genesis_fields())


def rule_values(dice: Dice) -> Fields:
    """Values of a rulebook, mostly such as let much happen."""
    values: Fields = RULES | {
        "cancellation_signed_by": ["centre", "authority"],
        "reserve_account": dice.one([STEEL, FARM]),
        "key_recovery_delay_ms": dice.one([0, 3_000, 60_000]),
        "receiver_delay_ms": dice.one([0, 5_000, DAY_MS]),
        "programs": dice.one([["PHCER"], ["PHCER", "CQCER"]]),
        "offset_vintage_first": dice.one([2016, 2019]),
        "offset_cap_num": dice.one([5, 50, 100]),
        "issuance_organisations_min": dice.one([0, 2, 2, 2]),
        "voluntary_classes": dice.one([["*"], ["*"], ["*"], ["forest"]]),
        "remediation_classes": dice.one([["*"], ["forest"]]),
        "points_classes": dice.one([["*"], ["forest", "transit"]]),
    }
    more: list[Fields] = [
        {},
        {},
        {},
        {"points_validity_days_max": 30},
        {"points_ratio_num": 100, "points_ratio_den": 1},
        {"event_covered_by": dice.one([["retired"], ["attested"], ["retired", "attested"]])},
    ]
    return values | dice.one(more)


def rulebook(dice: Dice) -> Move:
    books = dice.book.value("log")["rulebooks"]
    version, after_ms = books[-1]
    values = rule_values(dice)
    if dice.odds(25):
        wrong: list[Fields] = [
            {"no_such_value": 1},
            {"programs": 7},
            {"offset_cap_den": 0},
            {"points_ratio_num": 3},
            {"event_covered_by": ["hope"]},
            {"reserve_account": ["a"]},
        ]
        values |= dice.one(wrong)
    if dice.odds(4):
        del values[dice.one(list(RULES))]
    if dice.odds(5):
        del values["cancellation_signed_by"]
    start = max(dice.book.time_ms, after_ms) + dice.one([0, 0, 0, 2_000, 2_000, -1])
    fields = {
        "version": version + dice.one([1] * 9 + [2]),
        "effective_from_ms": start,
        "values": values,
        "source": SOURCE,
        "ruleset": dice.one([None] * 9 + [2, 1]),
    }
    return Move("rulebook", dice.by("operator.gd", "authority.gd"), fields)


def key_entry(dice: Dice, who: tuple[str, int]) -> Fields:
    """A key as an entry enrols it, mostly without dates."""
    dates: list[Fields] = [{}] * 8
    now = dice.book.time_ms
    dates += [{"from_ms": now + 2_000}, {"until_ms": now + 2**40}, {"from_ms": 9, "until_ms": 3}]
    wrong = vkey(("other.name", 1)) if dice.odds(3) else vkey(who)
    return {"key": wrong} | dice.one(dates)


def party(dice: Dice) -> Move:
    name = dice.one(list(PARTIES)) if dice.odds(8) else dice.fresh("firm") + ".new"
    roles = dice.chance.sample(ROLES, dice.between(0, 3))
    if roles and dice.odds(4):
        roles = [*roles, roles[0]]
    keys = [dice.new_key(name) for _ in range(dice.one([1, 1, 1, 2]))]
    fields = {
        "party": name,
        "title": "A new firm",
        "roles": roles,
        "keys": [key_entry(dice, who) for who in dict.fromkeys(keys)],
    }
    by = dice.by("operator.gd", *(["authority.gd"] if dice.odds(85) else []))
    return Move("party", tuple(dict.fromkeys((*by, *keys))), fields)


def key(dice: Dice) -> Move:
    """Rotation, revocation, recovery: mostly of what is not needed by everything else."""
    holders = [*list(dice.keys)[2:], "operator.gd", "authority.gd"]
    holder = dice.one(holders) if dice.odds(96) else "nobody.at-all"
    known = dice.keys.get(holder) or [0]
    pending = dice.book.value(f"recovery/{holder}")
    action = dice.one(["add", "add", "revoke", "recover", "complete"])
    if dice.made.get("recovery") and dice.odds(50):
        holder, number = dice.made["recovery"][-1]
        action, known = dice.one(["complete", "complete", "revoke"]), [number]
        by = dice.by("operator.gd", "authority.gd") if action == "complete" else dice.by(holder)
        return _key(dice, (holder, number), action, by)
    if action == "revoke" and (len(known) < 2 or dice.odds(10)) and not pending:
        action = "add"
    if action in ("add", "recover"):
        who = dice.new_key(holder)
        by = dice.by(holder) if action == "add" else dice.by("operator.gd", "authority.gd")
        return _key(dice, who, action, (*by, who))
    who = (holder, dice.one(known))
    by = dice.by(holder) if action == "revoke" else dice.by("operator.gd", "authority.gd")
    return _key(dice, who, action, by)


def _key(dice: Dice, who: tuple[str, int], action: str, by: tuple[tuple[str, int], ...]) -> Move:
    until = dice.one([None] * 12 + [dice.book.time_ms + 50_000, 5])
    if action in ("revoke", "complete"):
        until = dice.one([None] * 30 + [7])
    fields = {"holder": who[0], "action": action, "key": vkey(who), "until_ms": until}
    wait = dice.one([0, 3_000, 60_000]) if action == "complete" else 0
    return Move("key", tuple(dict.fromkeys(by)), fields, wait_ms=wait)


def account(dice: Dice) -> Move:
    """A new account, or new rules of one that is there."""
    if dice.odds(45):
        return _changed_account(dice)
    known = dice.accounts()
    id_ = dice.one(known) if dice.odds(6) else account_name(dice.fresh("account"))
    rules = _account_rules(dice)
    if dice.odds(60):
        owner = dice.one(["owner.farm", "firm.steel", "points.mall", "authority.gd", "games.org"])
        if dice.odds(3):
            owner = "nobody.at-all"
        fields: Fields = {"account": id_, "type": "institution", "owner": owner} | rules
        by = dice.by("operator.gd", owner)
        if dice.odds(4):
            fields["keys"] = [{"key": vkey((id_, 1))}]
        return Move("account", by, fields)
    keys = [dice.new_key(id_) for _ in range(dice.one([1, 2, 2]))]
    entries = [key_entry(dice, who) for who in dict.fromkeys(keys)]
    fields = {"account": id_, "type": "personal", "keys": entries} | rules
    if dice.odds(4):
        del fields["keys"]
    return Move("account", tuple(dict.fromkeys((*dice.by("operator.gd"), *keys))), fields)


def _account_rules(dice: Dice) -> Fields:
    known = dice.accounts()
    limits: list[Any] = [None] * 5 + [
        {"per_transfer_g": dice.between(1, 40) * 1_000_000},
        {"per_day_g": dice.between(10, 90) * 1_000_000},
        {"per_day_g": INTEGER_MAX},
    ]
    receivers = dice.chance.sample(known, min(len(known), dice.between(1, 5)))
    twice = [known[0], known[0]]
    return {
        "accept": dice.one(["any", "any", "any", "listed", "signed"]),
        "listed": dice.one([None, None, receivers, receivers, twice]),
        "receivers": dice.one([None] * 6 + [receivers, receivers, twice]),
        "limits": dice.one(limits),
        "need": dice.one([1, 1, 1, 1, 2]),
    }


def _changed_account(dice: Dice) -> Move:
    id_ = dice.one(dice.accounts())
    value = dice.book.value(f"account/{id_}") or {"type": "institution"}
    fields: Fields = {"account": id_, "type": value["type"]} | _account_rules(dice)
    if dice.odds(60):
        fields |= {"receivers": None, "limits": None, "accept": "any", "need": 1}
    if "owner" in value:
        fields["owner"] = value["owner"]
    if dice.odds(10):
        fields["owner"] = "firm.steel"
    return Move("account", dice.owner(id_) + dice.by(*dice.one([(), (), ("operator.gd",)])), fields)


def mandate(dice: Dice) -> Move:
    account_, _ = dice.holding()
    accounts = [account_]
    if dice.odds(30):
        others = [a for a in dice.accounts() if dice.owners[a] == dice.owners[account_]]
        accounts.append(dice.one(others if dice.odds(80) else dice.accounts()))
    kinds = dice.one([["transfer", "retirement", "conversion"], ["transfer"], ["retirement"]])
    limits: list[Any] = [
        None,
        {"per_entry_g": dice.between(1, 20) * 1_000_000},
        {"total_g": dice.between(5, 60) * 1_000_000},
    ]
    agent = dice.one(["exchange.gd", "platform.bus", "games.org"])
    fields = {
        "agent": agent if dice.odds(97) else "nobody.at-all",
        "accounts": accounts,
        "kinds": kinds if dice.odds(96) else ["transfer", "transfer"],
        "until_ms": dice.book.time_ms + dice.one([20_000, DAY_MS, 2**40, 2**40, 2**40, 0, -1]),
        "limits": dice.one(limits),
        "replaces": dice.index_of("mandate") if dice.odds(20) else None,
    }
    return Move("mandate", dice.owner(account_), fields)


def remark_subject(dice: Dice) -> tuple[str, int]:
    """The key of something that can be spoken about, and the index of the entry that made it."""
    known = [
        "project/farm",
        "methodology/forest-1/1",
        f"batch/{dice.one(dice.recent())}",
        f"party/{dice.one(list(PARTIES))}",
        f"account/{dice.one(dice.accounts())}",
        "scheme/coin",
        *(f"order/{name}" for name in dice.made.get("order", [])[-3:]),
        *(f"event/{name}" for name in dice.made.get("event", [])[-3:]),
        *(f"retirement/{name}" for name in dice.made.get("retirement", [])[-3:]),
        *(f"obligation/{name}" for name in dice.made.get("obligation", [])[-3:]),
        *(f"{kind}/{dice.index_of(kind):016}" for kind in ("freeze", "mandate", "pledge")),
        "order/none",
    ]
    subject = dice.one(known)
    value = dice.book.value(subject)
    index = value.get("index", 1) if value else 1
    return subject, index + dice.one([0] * 12 + [1])


def correction(dice: Dice) -> Move:
    subject, index = remark_subject(dice)
    field = dice.one(["title", "title", "issuer", "number"])
    fields = {"of": max(1, index), "subject": subject, "field": field, "value": dice.fresh("t")}
    return Move("correction", dice.by("operator.gd", "authority.gd"), fields)


def notice(dice: Dice) -> Move:
    fields = {"about": remark_subject(dice)[0], "code": "fire", "doc_sha256": SHA}
    return Move("notice", dice.by(dice.one(["operator.gd", "authority.gd"])), fields)


STATUSES = ("free", "reserved", "pooled", "buffer", "retired", "cancelled")
SEALED: Fields = {"root": SHA, "count": 7, "totals": {f"{status}_g": 0 for status in STATUSES}}
"""What no rule can check: whoever replays the log would find it wrong."""


def logkey(dice: Dice) -> Move:
    """New keys of the log, or some that had their turn; the overlap near both its limits."""
    days = dice.one([30, 30, 30, 31, 366, 29, 367])
    until_ms = dice.book.time_ms + days * DAY_MS + dice.one([0, 0, 1, -1])
    fields = log_keys(dice.one([1, *range(2, 40)])) | {"until_ms": until_ms}
    return Move("logkey", dice.by("operator.gd", "authority.gd"), fields)


def seal(dice: Dice) -> Move:
    log, index = dice.book.value("log"), dice.book.index
    last = log.get("sealed_size", 0)
    size = dice.one([index, index, index - 1, last + 1, last, index + 1])
    return Move("seal", dice.by("operator.gd"), SEALED | {"size": max(1, size)})


def end(dice: Dice) -> Move:
    """The last entry, mostly: never drawn but by name."""
    origins = [
        None,
        None,
        "next.invalid/log/89abcdef",
        "next.invalid/log",
        "test.invalid/log/0123abcd",
    ]
    fields: Fields = {
        "reason": "The region has another log",
        "successor": dice.one(origins),
        "size": max(1, dice.book.index + dice.one([0, 0, 0, -1, 1])),
    }
    return Move("end", dice.by("operator.gd", "authority.gd"), SEALED | fields)
