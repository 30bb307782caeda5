"""From what a scenario says to the fields of an entry, as docs/reference/kinds/ lists them.

What is not said gets a plain value: a hash for a document that is only pretended, the class of the
project's methodology for a batch, the exact serials of an amount (best fit, as the command line
finds them). An account, methodology, project or event that is said again keeps what is not said.

Refuses to know: whether the entry is allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.ledger.dates import DAY_MS
from registry.ledger.rulebook import VALUES
from tests.scenarios import use
from tests.scenarios.reading import wrong
from tests.scenarios.said import Deal, Made, Said, Taken
from tests.scenarios.scene import (
    TONNE,
    Clauses,
    Fields,
    Scene,
    again,
    document_sha,
    each,
    optional,
)

PLAIN_RULES: dict[str, Any] = {
    "project_signed_by": ("owner", "centre"),
    "scenario_signed_by": ("owner", "centre", "exchange"),
    "issuance_signed_by": ("centre", "verifier"),
    "scenario_issuance_signed_by": ("centre", "exchange"),
    "issuance_organisations_min": 2,
    "offset_classes": ("*",),
    "remediation_classes": ("*",),
    "event_classes": ("*",),
    "voluntary_classes": ("*",),
    "points_classes": ("*",),
    "offset_cap_num": 5,
    "offset_cap_den": 100,
    "key_recovery_delay_ms": 7 * DAY_MS,
    "cancellation_signed_by": ("centre", "authority"),
}
"""The values of a rulebook that a scenario does not name."""


Builder = Callable[[Said, Clauses, Scene], Fields]


def build(said: Said, scene: Scene) -> Fields:
    """The fields of an entry beyond the common ones; Malformed, with the line, if it has none."""
    try:
        fields = BUILDERS[said.kind](said, said.clauses, scene)
    except ValueError as error:
        raise wrong(scene.where, said.line, str(error)) from error
    except KeyError as error:
        what = f"this {said.kind} lacks the clause {error.args[0]}"
        raise wrong(scene.where, said.line, what, "see docs/guides/scenarios.md") from error
    if "memo" in said.clauses:
        fields["memo"] = said.clauses["memo"]
    return {name: value for name, value in fields.items() if value is not None}


# ---------------------------------------------------------------- authority


def _genesis(said: Said, c: Clauses, s: Scene) -> Fields:
    ed25519, mldsa44 = s.cast.log_vkeys()
    founders = {
        role: {"party": s.cast.party(c[role][0]), "title": c[role][1]}
        for role in ("operator", "authority")
    }
    return {
        "region": c[""],
        "offset_min": c.get("offset", 480),
        "ruleset": 1,
        "keys": [{"key": s.cast.key(c[role][0]).vkey} for role in founders],
        "log_keys": {"ed25519": ed25519, "mldsa44": mldsa44},
    } | founders


def _rulebook(said: Said, c: Clauses, s: Scene) -> Fields:
    version, title = c[""]
    values = dict(PLAIN_RULES)
    values |= {name: c[name] for name in VALUES if name in c}
    if "reserve_account" in c:
        values["reserve_account"] = s.cast.account(c["reserve_account"])
    return {
        "version": version,
        "effective_from_ms": s.ms(c["from"]) if "from" in c else s.time_ms,
        "values": values,
        "source": {"title": title, "sha256": document_sha(said, s, version)},
    }


def _keys(s: Scene, name: str, count: int) -> list[dict[str, str]]:
    return [{"key": s.cast.key(f"{name}/{n}").vkey} for n in range(1, count + 1)]


def _party(_: Said, c: Clauses, s: Scene) -> Fields:
    name, title = c[""]
    return {
        "party": s.cast.party(name),
        "title": title or name,
        "roles": list(c.get("roles", ())),
        "keys": _keys(s, name, c.get("keys", 1)),
    }


def _key(_: Said, c: Clauses, s: Scene) -> Fields:
    action, name = c[""]
    key = s.cast.key(name)
    return {
        "holder": key.holder,
        "action": action,
        "key": key.vkey,
        "until_ms": optional(s.ms, c.get("until")),
    }


def _logkey(_: Said, c: Clauses, s: Scene) -> Fields:
    ed25519, mldsa44 = s.cast.log_vkeys(c[""])
    return {"ed25519": ed25519, "mldsa44": mldsa44, "until_ms": s.ms(c["until"])}


def _account(said: Said, c: Clauses, s: Scene) -> Fields:
    name = c[""]
    opened = s.value(f"account/{s.cast.account(name)}") is not None
    accept, listed = c.get("accepts", (None, ()))
    limits = {"per_transfer_g": c.get("transfer_limit"), "per_day_g": c.get("day_limit")}
    limits = {word: grams for word, grams in limits.items() if grams is not None}
    person = name in s.cast.persons
    fields = {
        "account": s.cast.account(name),
        "type": "personal" if person else "institution",
        "owner": optional(s.cast.party, c.get("of")),
        "accept": accept,
        "listed": each(s.cast.account, listed or None),
        "receivers": each(s.cast.account, c.get("receivers")),
        "limits": limits or None,
        "need": c.get("needs"),
    }
    if person and not opened:
        fields["keys"] = _keys(s, name, c.get("keys", 1))
    fields = {"accept": "signed", "need": 1} | again(said, s, name, fields)
    return {k: value for k, value in fields.items() if not (opened and k == "keys")}


# ---------------------------------------------------------------- supply


def _version(text: str) -> tuple[str, str]:
    name, _, version = text.partition("/")
    return name, version or "1"


def _methodology(said: Said, c: Clauses, s: Scene) -> Fields:
    name, version = _version(c[""][0])
    fields = {
        "methodology": name,
        "version": version,
        "title": c[""][1] or None,
        "class": c.get("class"),
        "doc_sha256": document_sha(said, s, c[""][0]),
        "from": c.get("from"),
        "to": c.get("to"),
        "withdrawn": c.get("withdrawn"),
    }
    return again(said, s, f"{name}/{version}", fields)


def _project_fields(name: str, title: str | None, c: Clauses, s: Scene) -> Fields:
    method, version = _version(c["methodology"]) if "methodology" in c else (None, None)
    first, last = c.get("crediting", (None, None))
    inside = c.get("inside", ())
    return {
        "project": name,
        "type": c.get("type"),
        "title": title or None,
        "owner": optional(s.cast.party, c.get("owner")),
        "methodology": method,
        "methodology_version": version,
        "claims": optional(list, c.get("claims")),
        "not_in_ets": False if "ets" in inside else None,
        "not_in_ccer": False if "ccer" in inside else None,
        "crediting_from": first,
        "crediting_to": last,
        "applicant": optional(s.cast.party, c.get("applicant")),
    }


_OUTSIDE = {"type": "project", "not_in_ets": True, "not_in_ccer": True}


def _project(said: Said, c: Clauses, s: Scene) -> Fields:
    name, title = c[""]
    fields = _project_fields(name, title, c, s) | {"status": c.get("status")}
    if "part" in c:
        fields["parts"] = [{"part": part, "claims": list(claims)} for part, claims in c["part"]]
    return _OUTSIDE | again(said, s, name, fields)


def _issuance(said: Said, c: Clauses, s: Scene) -> Fields:
    name, new_title = c[""]
    first, last = c["period"]
    batches, buffers = (c.get(word, ()) for word in ("batch", "buffer"))
    made_g = sum(made.quantity_g for made in (*batches, *buffers))
    verified_g = c.get("verified", made_g)
    fields: Fields = {
        "part": c.get("part", "default"),
        "from": first,
        "to": last,
        "verified_g": verified_g,
        "report_sha256": document_sha(said, s, name),
        "supersedes": optional(s.entry, c.get("supersedes")),
    }
    if new_title is None:
        fields["project"] = name
        method = s.before.get(("project", name), {})
    else:
        new = _project_fields(name, new_title, c, s)
        said_of_it = {word: value for word, value in new.items() if value is not None}
        fields["new_project"] = method = _OUTSIDE | said_of_it
    known = f"methodology/{method.get('methodology')}/{method.get('methodology_version')}"
    class_name = (s.value(known) or {}).get("class", "unknown")
    fields["batches"] = [_made(made, class_name, s) for made in batches]
    fields["buffer"] = [_made(made, class_name, s) for made in buffers] or None
    if "acts" in c:
        total = c["acts"].total or verified_g * 1_000
        fields["acts"] = s.crowd(said, c["acts"], total, "mg")
    return fields


def _made(made: Made, class_name: str, s: Scene) -> Fields:
    count, odd = divmod(made.quantity_g, made.unit_g)
    if odd:
        raise ValueError(f"{made.batch} is not of whole serials")
    batch = s.cast.batch(made.batch)
    fields: Fields = {
        "batch": batch,
        "vintage": made.vintage or int(made.batch.split("-")[-2]),
        "class": made.class_ or class_name,
        "unit_g": made.unit_g,
        "count": count,
    }
    return fields | ({"account": s.cast.account(made.account)} if made.account else {})


def _opening(said: Said, c: Clauses, s: Scene) -> Fields:
    name, registry = c[""]
    unit_g = c.get("unit", TONNE)
    parts, following = list[Fields](), 1
    taken: list[Taken] = [
        t for word in ("free", "buffer", "retired", "cancelled") for t in c.get(word, ())
    ]
    for part in taken:
        last = following + part.quantity_g // unit_g - 1
        fields = {"first": following, "last": last, "status": part.status}
        if part.account is not None:
            fields["account"] = s.cast.account(part.account)
        fields |= {k: x for k, x in (("date", part.date), ("purpose", part.purpose)) if x}
        parts.append(fields)
        following = last + 1
    rows = [s.cast.sha256(f"row {n} of {name}") for n in range(c.get("rows", 1))]
    return {
        "batch": s.cast.batch(name),
        "count": c.get("count", following - 1),
        "unit_g": unit_g,
        "vintage": int(name.split("-")[-2]),
        "class": c.get("class"),
        "source_project": c.get("project"),
        "parts": parts,
        "source": {
            "registry": registry,
            "file_sha256": [document_sha(said, s, name)],
            "row_sha256": rows,
            "serial_text": [],
            "dates": [],
            "serials_assigned": True,
        },
    }


# ---------------------------------------------------------------- moving and holding


def _mandate(_: Said, c: Clauses, s: Scene) -> Fields:
    limits = {"per_entry_g": c.get("each"), "total_g": c.get("total")}
    limits = {word: grams for word, grams in limits.items() if grams is not None}
    return {
        "agent": s.cast.party(c[""]),
        "accounts": each(s.cast.account, c["accounts"]),
        "kinds": list(c["kinds"]),
        "until_ms": s.ms(c["until"]),
        "limits": limits or None,
    }


def _move(_: Said, c: Clauses, s: Scene) -> Fields:
    deal: Deal | None = c.get("trade")
    trade = None
    if deal is not None:
        venue = deal.venue if deal.venue == "otc" else s.cast.party(deal.venue)
        trade = {"venue": venue, "trade_id": deal.trade_id}
        if deal.price_fen is not None:
            trade["price_fen_per_t"] = deal.price_fen  # type: ignore[assignment]  # a plain dict of an entry
    return {
        "from": s.cast.account(c["from"]),
        "to": s.cast.account(c["to"]),
        "items": s.movable(c[""]),
        "reason": c.get("reason", "trade" if deal else "internal"),
        "mandate": optional(s.entry, c.get("under")),
        "trade": trade,
    }


def _reservation(said: Said, c: Clauses, s: Scene) -> Fields:
    return _move(said, c, s) | {"expires_ms": s.ms(c["expires"])}


def _settlement(_: Said, c: Clauses, s: Scene) -> Fields:
    return {"reservation": s.entry(c[""]), "items": optional(s.movable, c.get("items"))}


def _release(_: Said, c: Clauses, s: Scene) -> Fields:
    return {"reservation": s.entry(c[""])}


def _pledge(_: Said, c: Clauses, s: Scene) -> Fields:
    items = s.exact(c[""], c["from"])
    return {"account": s.cast.account(c["from"]), "items": items, "pledgee": s.cast.party(c["to"])}


def _unpledge(_: Said, c: Clauses, s: Scene) -> Fields:
    return {"pledge": s.entry(c[""]), "items": optional(s.exact, c.get("items"))}


def _seal(_: Said, _c: Clauses, s: Scene) -> Fields:
    return s.commitment()


def _end(_: Said, c: Clauses, s: Scene) -> Fields:
    return s.commitment() | {"reason": c[""], "successor": c.get("successor")}


BUILDERS: dict[str, Builder] = {
    "genesis": _genesis,
    "rulebook": _rulebook,
    "party": _party,
    "key": _key,
    "logkey": _logkey,
    "account": _account,
    "methodology": _methodology,
    "project": _project,
    "issuance": _issuance,
    "opening": _opening,
    "mandate": _mandate,
    "transfer": _move,
    "reservation": _reservation,
    "settlement": _settlement,
    "release": _release,
    "pledge": _pledge,
    "unpledge": _unpledge,
    "points_scheme": use.points_scheme,
    "conversion": use.conversion,
    "redemption": use.redemption,
    "swap": use.swap,
    "expiry": use.expiry,
    "order": use.order,
    "order_change": use.order_change,
    "event": use.event,
    "obligation": use.obligation,
    "retirement": use.retirement,
    "freeze": use.freeze,
    "unfreeze": use.unfreeze,
    "execution": use.execution,
    "cancellation": use.cancellation,
    "correction": use.correction,
    "notice": use.notice,
    "seal": _seal,
    "end": _end,
}


def thing_of(kind: str, said: Said, fields: Fields) -> tuple[str, str] | None:
    """Under which name an accepted entry's fields are kept, if it may be said again."""
    if kind == "methodology":
        return kind, f"{fields['methodology']}/{fields['version']}"
    if kind == "account":
        return kind, said.clauses[""]
    if kind in ("project", "event"):
        return kind, fields[kind]
    return None
