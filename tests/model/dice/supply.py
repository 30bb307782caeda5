"""Moves that bring credits into being or take them away: methodology, project, issuance, …"""

from __future__ import annotations

from typing import Any

from tests.ledger.world import batch_fields, project_fields
from tests.model.dice.core import INTEGER_MAX, SHA, Dice, Fields, Move, T

METHODS = {"forest-1": "forest", "bus-1": "transit"}


def methodology(dice: Dice) -> Move:
    """A new version, or an end of one that is there."""
    if dice.odds(50) and dice.made.get("methodology"):
        fields: Fields = dict(dice.one(dice.made["methodology"][-3:]))
        change: list[Fields] = [
            {"withdrawn": True},
            {"to": "2025-06-30"},
            {"to": "2034-12-31"},
            {"withdrawn": False},
            {"title": "Another"},
            {},
        ]
        fields |= dice.one(change)
    else:
        fields = {
            "methodology": dice.one(list(METHODS)),
            "version": dice.one(["1", dice.fresh("v"), dice.fresh("v"), dice.fresh("v")]),
            "title": "A method",
            "class": dice.one(["forest", "transit"]),
            "doc_sha256": SHA,
            "from": dice.one(["2015-01-01", "2015-01-01", "2025-02-29"]),
            "to": dice.one([None, None, "2034-12-31", "2014-01-01"]),
        }
    return Move("methodology", dice.by("centre.gd", "authority.gd"), fields)


def _project_fields(dice: Dice) -> Fields:
    name = dice.fresh("project")
    scenario = dice.odds(35)
    method, version = ("bus-1", "1") if scenario else ("forest-1", "1")
    versions = [m for m in dice.made.get("methodology", []) if m["methodology"] == method][-2:]
    if versions and dice.odds(40):
        version = dice.one(versions)["version"]
    fields = project_fields(
        name,
        type="scenario" if scenario else "project",
        owner=dice.one(["owner.farm", "firm.steel"]) if not scenario else "platform.bus",
        methodology=method,
        methodology_version=version if dice.odds(97) else "none",
        claims=[f"plot {name} {n}" for n in range(dice.between(1, 3))],
        crediting_from=dice.one(["2015-01-01", "2016-01-01"]),
    )
    if dice.odds(30):
        fields["parts"] = [
            {"part": f"p{n}", "claims": [claim]} for n, claim in enumerate(fields["claims"])
        ]
    if dice.odds(18):
        wrong: list[Fields] = [
            {"not_in_ets": False},
            {"not_in_ccer": False},
            {"claims": ["plot farm"]},
            {"claims": [fields["claims"][0]] * 2},
            {"crediting_to": "2010-01-01"},
            {"crediting_to": "2030-02-30"},
            {"owner": "nobody.at-all"},
            {"applicant": "nobody.at-all"},
            {"parts": [{"part": "p0", "claims": ["none of these"]}]},
            {"parts": [{"part": "p0", "claims": fields["claims"]}] * 2},
            {"project": "farm"},
            {"status": "suspended"},
            {"crediting_from": "2014-01-01"},
        ]
        fields |= dice.one(wrong)
    if dice.odds(10):
        fields["applicant"] = "exchange.gd"
    return fields


def _project_signers(dice: Dice, fields: Fields) -> tuple[str, ...]:
    applicant = (fields["applicant"],) if fields.get("applicant") else ()
    if fields["type"] == "scenario":
        return ("centre.gd", "exchange.gd", fields["owner"], *applicant)
    return ("centre.gd", "authority.gd", "owner.farm", fields["owner"], *applicant)


def project(dice: Dice) -> Move:
    """A new one, or another status of one that is there."""
    if dice.odds(35) and dice.made.get("project"):
        fields: Fields = dict(dice.one(dice.made["project"][-4:]))
        fields["status"] = dice.one(["live", "live", "live", "suspended", "closed", None])
        if dice.odds(8):
            fields["title"] = "Another"
    else:
        fields = _project_fields(dice)
    return Move("project", dice.by(*_project_signers(dice, fields)), fields)


def issuance(dice: Dice) -> Move:
    """Credits of a month of a part, of the farm or of a newer project."""
    new, known = None, dice.made.get("project", [])
    about = project_fields()
    if dice.odds(20):
        about = new = _project_fields(dice)
    elif known and dice.odds(55):
        about = dice.one(known[-4:])
    scenario = about["type"] == "scenario"
    parts = about.get("parts") or [{"part": "default"}]
    month, year = dice.between(1, 12), dice.one([2019, 2019, 2020, 2021, 2022])
    klass = METHODS.get(about["methodology"], "forest")
    unit = dice.one([T, T, T, 1_000, 1, 250_000])
    counts = [dice.between(1, 60) for _ in range(dice.one([1, 1, 1, 2]))]
    buffered = [dice.between(1, 30)] if dice.odds(45) and not scenario else []
    owed = dice.book.value(f"project/{about['project']}") or {}
    grams = (sum(counts) + sum(buffered)) * unit - owed.get("remainder_g", 0)
    grams += dice.one([0, 0, dice.between(0, unit - 1), dice.between(0, unit - 1), unit, -1])
    verified = max(1, grams)
    names = [f"CN-GD-PHCER-{year}-{_number(dice):06}" for _ in (*counts, *buffered)]
    made = [
        batch_fields(name, count, unit_g=unit, account=dice.one(dice.accounts())) | {"class": klass}
        for name, count in zip(names, counts, strict=False)
    ]
    if dice.odds(16):
        made[0] |= dice.one(_wrong_batches(dice))
    fields: Fields = {
        "project": about["project"] if new is None else None,
        "new_project": new,
        "part": dice.one(parts)["part"] if dice.odds(97) else "none",
        "from": f"{year}-{month:02}-01",
        "to": f"{year}-{month:02}-{dice.one([28, 28, 28, 28, 31])}",
        "verified_g": verified,
        "report_sha256": SHA,
        "batches": made,
        "acts": _acts(dice, verified) if scenario is dice.odds(97) else None,
    }
    if dice.odds(4):
        fields |= {"from": "2035-01-01", "to": "2035-01-31"}
    if dice.odds(3):
        fields |= {"from": "2033-01-01", "to": "2033-01-31"}
    if buffered:
        fresh = batch_fields(names[-1], buffered[0], unit_g=unit) | {"class": klass}
        del fresh["account"]
        fields["buffer"] = [fresh]
    if dice.made.get("issuance") and dice.odds(6):
        fields["supersedes"] = dice.one(dice.made["issuance"][-3:])
    if dice.made.get("voided") and dice.odds(40):
        fields |= dice.one(dice.made["voided"][-3:])
    if dice.odds(2):
        fields["new_project"] = _project_fields(dice)
    roles = ("centre.gd", "exchange.gd") if scenario else ("centre.gd", "verifier.gd")
    more = _project_signers(dice, about) if new else ()
    return Move("issuance", dice.by(*roles, *more), fields)


def _number(dice: Dice) -> int:
    dice.serial += 1
    return (dice.book.index * 1_000 + dice.serial) % 1_000_000


def _acts(dice: Dice, verified: int) -> Fields:
    total = verified * 1_000 + dice.one([0, 999, 999, 1_000, -1])
    return {"root": SHA, "count": 3, "total": max(1, total)}


def _wrong_batches(dice: Dice) -> list[Fields]:
    return [
        {"batch": dice.one(dice.batches)},
        {"batch": "CN-GD-XXXX-2019-000001"},
        {"batch": "CN-SH-PHCER-2019-000001"},
        {"vintage": 2018},
        {"class": "bamboo"},
        {"count": 2**52},
        {"count": 2**40},
        {"unit_g": 999},
        {"account": "a-" + "q" * 26},
    ]


def opening(dice: Dice) -> Move:
    """A batch of another book, in two to four parts."""
    year = dice.one([2016, 2017])
    name = f"CN-GD-PHCER-{year}-{_number(dice):06}"
    parts: list[Fields] = []
    first = 1
    for _ in range(dice.between(1, 4)):
        last = first + dice.between(0, 20)
        status = dice.one(["free", "free", "buffer", "retired", "cancelled"])
        part: Fields = {"first": first, "last": last, "status": status}
        if status == "free":
            part["account"] = dice.one(dice.accounts())
        parts.append(part)
        first = last + 1
    fields: Fields = {
        "batch": name,
        "count": first - 1,
        "unit_g": dice.one([T, 1]),
        "vintage": year,
        "class": dice.one(["forest", None]),
        "parts": parts,
        "source": {
            "registry": "Another book",
            "file_sha256": [SHA],
            "row_sha256": [SHA],
            "serial_text": [],
            "dates": [],
            "serials_assigned": True,
        },
    }
    if dice.odds(16):
        wrong: list[Fields] = [
            {"batch": dice.one(dice.batches)},
            {"batch": f"CN-GD-NONE-{year}-000001"},
            {"count": first},
            {"parts": [parts[0] | {"first": 2}, *parts[1:]]},
            {"parts": [parts[0] | {"account": "a-" + "q" * 26}, *parts[1:]]},
            {"parts": [{"first": 1, "last": first - 1, "status": "free"}]},
            {"count": INTEGER_MAX},
        ]
        fields |= dice.one(wrong)
    return Move("opening", dice.by("operator.gd", "authority.gd"), fields)


def cancellation(dice: Dice) -> Move:
    """Credits of one project: held, pooled, retired or in the buffer; covered, or left as debt."""
    account, batch = dice.holding()
    value = dice.book.value(f"batch/{batch}") or {}
    name = value.get("project") or "farm"
    items = [_held(dice, account, batch)]
    for reach in (_retired, _pooled, _buffered):
        if dice.odds(22) and (found := reach(dice)):
            items, name = [found[0]], found[1]
            batch = items[0]["batch"]
    if dice.odds(18):
        whole = _whole_issuance(dice)
        items, name = whole or (items, name)
    fields: Fields = {
        "project": name if dice.odds(97) else dice.one(["none", "farm"]),
        "reason": dice.one(["reversal", "issued_in_error", "issued_in_error", "conversion_out"]),
        "items": items,
    }
    owed = dice.book.value(f"project/{name}") or {}
    if owed.get("debt_g") and dice.odds(60):
        fields["items"] = None
    if owed.get("buffer_g") and dice.odds(70):
        buffered = [_buffered(dice, name) for _ in range(1)]
        fields["buffer_items"] = [found[0] for found in buffered if found] or None
    holders: list[str] = [i["account"] for i in items if "account" in i]
    if dice.odds(50):
        coverer, other = dice.holding()
        fields["cover_items"] = [dice.span(coverer, other) | {"account": coverer}]
        holders.append(coverer)
    if (fields["reason"] == "conversion_out") is dice.odds(95):
        fields["external_id"] = "CCER-1"
    signers = dice.by("centre.gd", "authority.gd")
    if dice.odds(85):
        signers += tuple(who for holder in holders for who in dice.owner(holder))
    return Move("cancellation", tuple(dict.fromkeys(signers)), fields)


def _held(dice: Dice, account: str, batch: str) -> Fields:
    item = dice.span(account, batch, bound=30)
    return item | {"account": account} if dice.odds(97) else item


def _of_block(dice: Dice, key: str, batch: str, first: int) -> tuple[Fields, str] | None:
    """A piece from the low end of a block that no account holds, and the batch's project."""
    block, value = dice.book.value(key), dice.book.value(f"batch/{batch}")
    if not block or not value:
        return None
    last = block["last"] if dice.odds(60) else dice.between(first, block["last"])
    start = first + (dice.odds(4))
    item = {"batch": batch, "first": start, "last": max(start, last)}
    return item, value.get("project") or "farm"


def _retired(dice: Dice) -> tuple[Fields, str] | None:
    known = dice.made.get("retirement", [])[-6:]
    found: Any = dice.book.value(f"retirement/{dice.one(known)}") if known else None
    if not found:
        return None
    batch, first, _ = dice.one(found["items"])
    return _of_block(dice, f"block/{batch}/{first:016}", batch, first)


def _pooled(dice: Dice) -> tuple[Fields, str] | None:
    scheme = dice.one(["coin", "park"])
    value: Any = dice.book.value(f"scheme/{scheme}")
    found = value and dice.book.value(f"pool/{scheme}/{value['pool_next']:016}")
    if not found:
        return None
    first = found["span"][0]
    return _of_block(dice, f"block/{found['batch']}/{first:016}", found["batch"], first)


def _buffered(dice: Dice, project_name: str = "") -> tuple[Fields, str] | None:
    known = [b for b in dice.made.get("buffer", []) if project_name in ("", b[1])][-4:]
    if not known:
        return None
    batch, name = dice.one(known)
    first = (dice.book.value(f"batch/{batch}") or {"cancelled": 0})["cancelled"] + 1
    found = _of_block(dice, f"block/{batch}/{first:016}", batch, first)
    return found and (found[0], name)


def _whole_issuance(dice: Dice) -> tuple[list[Fields], str] | None:
    """All that an issuance made, where one account still holds each batch whole."""
    for index in reversed(dice.made.get("issuance", [])[-4:]):
        made: Any = dice.book.value(f"issuance/{index:016}")
        items = []
        for batch in made["batches"]:
            count = dice.book.value(f"batch/{batch}")["count"]
            held = [a for a in dice.accounts() if dice.balance(a, batch)["free"] == [[1, count]]]
            item: Fields = {"batch": batch, "first": 1, "last": count}
            items.append(item | ({"account": held[0]} if held else {}))
        if items and dice.odds(50):
            return items, made["project"]
    return None
