"""Builders of the entries about points, final use, courts and what went wrong; see `build`.

Refuses to know: whether the entry is allowed.
"""

from __future__ import annotations

from typing import Any

from registry.ledger.quantities import points_of
from tests.scenarios.reading import Moment
from tests.scenarios.said import Firm, Many, Person, Said
from tests.scenarios.scene import Clauses, Fields, Scene, again, document_sha, optional

# ---------------------------------------------------------------- points


def points_scheme(_: Said, c: Clauses, s: Scene) -> Fields:
    name, title = c[""]
    num, den = c["worth"]
    return {
        "scheme": name,
        "operator": s.cast.party(c["operator"]),
        "title": title or name,
        "unit": c["unit"],
        "num": num,
        "den": den,
        "validity_days": c["valid"],
        "classes": list(c["classes"]),
        "unbacked_at_start": c.get("unbacked"),
        "used": c["used"],
        "expired": c["expired"],
    }


def conversion(said: Said, c: Clauses, s: Scene) -> Fields:
    direction = next((w for w in ("to_points", "to_credits", "cover") if w in c), None)
    if direction is None:
        raise ValueError("a conversion is to_points, to_credits or cover")
    account = c.get("to") if direction == "to_credits" else c.get("from")
    if account is None:
        raise ValueError("to_points and cover take from an account, to_credits gives to one")
    fields: Fields = {
        "scheme": c[""],
        "direction": direction,
        "account": s.cast.account(account),
        "mandate": optional(s.entry, c.get("under")),
    }
    if direction == "to_credits":
        points = fields["points"] = c["to_credits"]
    else:
        fields["items"] = s.movable(c[direction])
        points = _points_of(fields["items"], s.value(f"scheme/{c['']}"), s)
    if "people" in c:
        fields["commit"] = s.crowd(said, c["people"], c["people"].total or points, "points")
    return fields


def _points_of(items: list[Fields], scheme: Any, s: Scene) -> int:
    """How many points some credits make."""
    grams = 0
    for item in items:
        count = item["last"] - item["first"] + 1 if "first" in item else 0
        grams += item.get("quantity_g") or count * s.unit_g(item["batch"])
    return points_of(grams, scheme["num"], scheme["den"]) if scheme else 1


def redemption(said: Said, c: Clauses, s: Scene) -> Fields:
    points = c["points"]
    people = c.get("people", Many(1))
    commit = s.crowd(said, people, people.total or points, "points")
    return {"scheme": c[""], "points": points, "commit": commit}


def swap(said: Said, c: Clauses, s: Scene) -> Fields:
    (points, scheme), (to_points, to_scheme) = c[""], c["into"]
    fields = {"scheme": scheme, "points": points, "to_scheme": to_scheme, "to_points": to_points}
    if "people" in c:
        fields["commit"] = s.crowd(said, c["people"], c["people"].total or to_points, "points")
    return fields


def expiry(_: Said, c: Clauses, s: Scene) -> Fields:
    return {
        "scheme": c[""],
        "lot": s.entry(c["lot"]),
        "points": c["points"],
        "account": optional(s.cast.account, c.get("to")),
    }


# ---------------------------------------------------------------- use


def _obligor(who: Person | Firm, s: Scene) -> Fields:
    return (
        {"firm": {"name": who.name}}
        if isinstance(who, Firm)
        else {"commit": s.cast.person(who.name)}
    )


def order(said: Said, c: Clauses, s: Scene) -> Fields:
    name, issuer = c[""]
    allowed = {word: list(c[word]) for word in ("classes", "programs", "vintages") if word in c}
    obligors = []
    for who, share_g in c.get("obligor", ()):
        obligors.append(_obligor(who, s) | ({} if share_g is None else {"share_g": share_g}))
    s.obligors[name] = [who for who, _ in c.get("obligor", ())]
    return {
        "order": name,
        "issuer": issuer,
        "origin": c["origin"],
        "instrument_type": c["instrument"],
        "number": c["number"],
        "instrument_sha256": document_sha(said, s, name),
        "date": c["dated"],
        "effective_ms": s.ms(c["effective"]) if "effective" in c else s.ms(Moment(c["dated"])),
        "deadline_ms": optional(s.ms, c.get("deadline")),
        "obligors": obligors,
        "quantity_g": c["quantity"],
        "allowed": allowed or None,
    }


def order_change(said: Said, c: Clauses, s: Scene) -> Fields:
    order, effect, quantity_g = c[""]
    sha = document_sha(said, s, f"{order} {said.line}")
    return {"order": order, "effect": effect, "quantity_g": quantity_g, "instrument_sha256": sha}


def event(said: Said, c: Clauses, s: Scene) -> Fields:
    name, title = c[""]
    first, last = c.get("held", (None, None))
    others = [
        {"what": what, "quantity_g": grams, "doc_sha256": s.cast.sha256(what)}
        for what, grams in c.get("offset", ())
    ]
    fields = {
        "event": name,
        "organiser": optional(s.cast.party, c.get("organiser")),
        "title": title or None,
        "from": first,
        "to": last,
        "declared_g": c.get("declared"),
        "report_sha256": document_sha(said, s, f"{name} {c.get('status')}"),
        "status": c.get("status"),
        "other_offsets": others or None,
    }
    return again(said, s, name, fields)


def obligation(_: Said, c: Clauses, s: Scene) -> Fields:
    party, year = c[""]
    return {
        "obligated": s.cast.party(party),
        "year": year,
        "amount_g": c["amount"],
        "rulebook_version": c.get("rulebook", 1),
    }


def retirement(_: Said, c: Clauses, s: Scene) -> Fields:
    purpose, ref = c["for"]
    word, who = c["beneficiary"]
    beneficiary = {word: who}
    if word == "party":
        beneficiary = {word: s.cast.party(who)}
    elif isinstance(who, Person | Firm):
        beneficiary = _obligor(who, s)
    fields: Fields = {
        "account": s.cast.account(c["from"]),
        "items": s.exact(c[""], c["from"]),
        "purpose": purpose,
        "beneficiary": beneficiary,
        "mandate": optional(s.entry, c.get("under")),
    }
    if ref:
        fields["ref"] = _served(purpose, ref, s)
    if "obligor" in c:
        known = s.obligors.get(ref, [])
        if c["obligor"] not in known:
            raise ValueError(f"{c['obligor'].name} is no obligor of {ref}")
        fields["obligor"] = known.index(c["obligor"])
    return fields


def _served(purpose: str, ref: str, s: Scene) -> str:
    """What a retirement serves; an obligation is `<party>/<year>`."""
    party, slash, year = ref.partition("/")
    return f"{s.cast.party(party)}/{year}" if slash and purpose == "offset" else ref


# ---------------------------------------------------------------- courts and mending


def _instrument(said: Said, c: Clauses, s: Scene) -> Fields:
    return {
        "issuer": c[""],
        "origin": c["origin"],
        "instrument_type": c["instrument"],
        "number": c["number"],
        "instrument_sha256": document_sha(said, s, c["number"]),
    }


def freeze(said: Said, c: Clauses, s: Scene) -> Fields:
    items = s.exact(c["items"], c.get("account")) if "items" in c else None
    return _instrument(said, c, s) | {
        "account": optional(s.cast.account, c.get("account")),
        "batch": optional(s.cast.batch, c.get("batch")),
        "items": items,
        "until_ms": optional(s.ms, c.get("until")),
    }


def unfreeze(said: Said, c: Clauses, s: Scene) -> Fields:
    origin = c["origin"]
    sha = None if origin == "lapsed" else document_sha(said, s, said.line)
    return {"freeze": s.entry(c[""]), "origin": origin, "instrument_sha256": sha}


def execution(said: Said, c: Clauses, s: Scene) -> Fields:
    return {
        "freeze": s.entry(c[""]),
        "origin": c["origin"],
        "instrument_sha256": document_sha(said, s, said.line),
        "account": s.cast.account(c["from"]),
        "items": s.exact(c["items"], c["from"]),
        "to": optional(s.cast.account, c.get("to")),
        "retire": c.get("retire"),
    }


def cancellation(_: Said, c: Clauses, s: Scene) -> Fields:
    return {
        "project": c[""],
        "reason": c["reason"],
        "items": optional(s.exact, c.get("items")),
        "buffer_items": optional(s.exact, c.get("buffer")),
        "cover_items": optional(s.exact, c.get("cover")),
        "external_id": c.get("external"),
    }


def _subject(name: str, s: Scene) -> str:
    """A thing of the log by its state key; accounts, parties and batches by their names here."""
    family, _, rest = name.partition("/")
    read = {"account": s.cast.account, "party": s.cast.party, "batch": s.cast.batch}.get(family)
    return f"{family}/{read(rest)}" if read else name


def correction(_: Said, c: Clauses, s: Scene) -> Fields:
    of, subject, word, value = c[""]
    return {"of": s.entry(of), "subject": _subject(subject, s), "field": word, "value": value}


def notice(said: Said, c: Clauses, s: Scene) -> Fields:
    sha = document_sha(said, s, "") if "document" in c else None
    return {"about": _subject(c[""], s), "code": c["code"], "doc_sha256": sha}
