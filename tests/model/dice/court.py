"""Moves of courts and for final use: order, freeze, execution, event, obligation, retirement."""

from __future__ import annotations

from tests.ledger.world import STEEL, order_fields
from tests.model.dice.core import SHA, Dice, Fields, Move, T, Who
from tests.model.dice.moving import acting


def _instrument(dice: Dice) -> tuple[str, tuple[Who, ...]]:
    """How an instrument comes to the log, and who signs it."""
    recorded = ("exchange.gd", "authority.gd")
    choices: list[tuple[str, tuple[str, ...]]] = [
        ("signed", ("court.gd",)),
        ("signed", ("court.gd",)),
        ("signed", ("authority.gd",)),
        ("recorded", recorded),
        ("recorded", recorded),
        ("signed", ("court.gd", "authority.gd")),
        ("recorded", ("court.gd",)),
        ("signed", ("exchange.gd",)),
    ]
    origin, holders = dice.one(choices)
    return origin, dice.by(*holders)


def _same_instrument(dice: Dice, value: Fields | None) -> tuple[str, tuple[Who, ...]]:
    """Mostly signed as the instrument that it changes."""
    if value and dice.odds(80):
        signers = value.get("by") or ("exchange.gd", "authority.gd")
        return value["origin"], dice.by(*signers)
    return _instrument(dice)


def order(dice: Dice) -> Move:
    origin, by = _instrument(dice)
    name = dice.one(["order-1", dice.fresh("order"), dice.fresh("order"), dice.fresh("order")])
    quantity = dice.between(1, 20) * T + dice.one([0, 0, 1, 999_999])
    obligors: list[Fields] = [{"commit": SHA}]
    if dice.odds(35):
        share = dice.between(1, quantity - 1)
        obligors = [
            {"commit": SHA, "share_g": share},
            {"firm": {"name": "Steel"}, "share_g": quantity - share + dice.one([0] * 12 + [1])},
        ]
    elif dice.odds(12):
        obligors = dice.one([[{}], [{"commit": SHA}, {"commit": SHA, "share_g": quantity}]])
    allowed: list[Fields | None] = [
        None,
        None,
        None,
        {"classes": ["forest"]},
        {"vintages": [2019, 2020]},
        {"programs": ["PHCER"]},
        {"programs": ["CQCER"]},
    ]
    now = dice.book.time_ms
    fields = order_fields(
        order=name,
        origin=origin,
        quantity_g=quantity,
        obligors=obligors,
        effective_ms=now + dice.one([-5_000, 0, 0, 0, 4_000]),
        deadline_ms=dice.one([None, None, now + 2**40, 5]),
        allowed=dice.one(allowed),
        date=dice.one(["2025-09-01"] * 14 + ["2025-09-31"]),
    )
    return Move("order", by, fields)


def _order_name(dice: Dice) -> str:
    found: str = dice.earlier("order", lambda name: f"order/{name}", "order-none")
    return found


def order_change(dice: Dice) -> Move:
    name = _order_name(dice)
    value = dice.book.value(f"order/{name}")
    _, by = _same_instrument(dice, value)
    quantity = max(1, value["quantity_g"]) if value else T
    done = value["fulfilled_g"] if value else 0
    effects = ["reduce", "reduce", "reduce", "raise", "raise", "suspend", "resume", "resume"]
    effect = dice.one([*effects, "resume", "annul", "close"])
    new: int | None = None
    if (effect in ("reduce", "raise")) is dice.odds(97):
        lower = [max(1, done - T), max(1, done), max(1, quantity - 1), max(1, quantity // 2)]
        new = dice.one(lower) if effect == "reduce" else quantity + dice.one([1, 5 * T, 0])
        new = new if dice.odds(92) else quantity
    fields = {"order": name, "effect": effect, "instrument_sha256": SHA, "quantity_g": new}
    return Move("order_change", by, fields)


def freeze(dice: Dice) -> Move:
    account, batch = dice.holding()
    target: Fields = {"account": account, "items": [dice.span(account, batch, bound=45)]}
    if dice.odds(12):
        target["items"].append(dice.span(account, dice.one(dice.recent()), bound=45))
    if dice.odds(14):
        target = dice.one(
            [
                {"account": account},
                {"batch": batch},
                {"account": account, "batch": batch},
                {},
                {"account": "a-" + "q" * 26},
                {"batch": "CN-GD-PHCER-2018-999999"},
            ]
        )
    origin, by = _instrument(dice)
    until = dice.one([None, dice.book.time_ms + 8_000, dice.book.time_ms + 2**40, 5])
    fields = {
        "issuer": "Sample Court",
        "origin": origin,
        "instrument_type": "judgment",
        "number": "(2025) No. 2",
        "instrument_sha256": SHA,
        "until_ms": until,
    }
    return Move("freeze", by, fields | target)


def unfreeze(dice: Dice) -> Move:
    index = dice.index_of("freeze")
    value = dice.book.value(f"freeze/{index:016}")
    origin, by = _same_instrument(dice, value)
    fields: Fields = {"freeze": index, "origin": origin, "instrument_sha256": SHA}
    if dice.odds(30):
        fields["origin"], by = "lapsed", dice.by(dice.one(["verifier.gd", "games.org"]))
    if (fields["origin"] == "lapsed") is dice.odds(95):
        fields["instrument_sha256"] = None
    return Move("unfreeze", by, fields, wait_ms=dice.one([0, 0, 0, 0, 8_000]))


def execution(dice: Dice) -> Move:
    index = dice.index_of("freeze")
    value = dice.book.value(f"freeze/{index:016}") or {}
    origin, by = _same_instrument(dice, value or None)
    account, batch = dice.holding()
    account = value.get("account") or account
    batch = value.get("batch") or batch
    items = [dice.span(account, batch, bound=50)]
    if value.get("items"):
        items = [dice.piece(value["items"])]
    target: list[Fields] = [
        {"to": dice.one(dice.accounts())},
        {"to": dice.one(dice.accounts())},
        {"retire": True},
        {"retire": True, "to": STEEL} if dice.odds(20) else {"retire": True},
        {"retire": False} if dice.odds(20) else {"to": STEEL},
    ]
    fields: Fields = {"freeze": index, "origin": origin, "account": account, "items": items}
    return Move("execution", by, fields | {"instrument_sha256": SHA} | dice.one(target))


def event(dice: Dice) -> Move:
    name = dice.fresh("event")
    if dice.odds(60):
        name = dice.earlier("event", lambda known: f"event/{known}", "games")
    value = dice.book.value(f"event/{name}") or {"declared_g": 10 * T, "retired_g": 0}
    attested = dice.one([None, [dice.between(1, 5) * T], [T, 2 * T], [2**53 - 1, 2]])
    declared = dice.one([value["declared_g"], max(1, value["retired_g"]), dice.between(1, 9) * T])
    fields: Fields = {
        "event": name,
        "organiser": "games.org" if dice.odds(95) else "platform.bus",
        "title": "Games",
        "from": dice.one(["2025-08-07"] * 12 + ["2025-02-30", "2025-08-20"]),
        "to": "2025-08-17",
        "declared_g": declared,
        "report_sha256": SHA,
        "status": dice.one(["plan", "plan", "plan", "final"]),
    }
    if attested:
        fields["other_offsets"] = [
            {"what": "Wind", "quantity_g": grams, "doc_sha256": SHA} for grams in attested
        ]
    return Move("event", dice.by(fields["organiser"]), fields)


def obligation(dice: Dice) -> Move:
    books = dice.book.value("log")["rulebooks"]
    fields = {
        "obligated": dice.one(["firm.steel"] * 9 + ["owner.farm", "nobody.at-all"]),
        "year": dice.between(2000, 2190) if dice.odds(90) else 2024,
        "amount_g": dice.one([dice.between(1, 400) * T, dice.between(1, 400) * T, 2**53 - 1]),
        "rulebook_version": dice.one(books)[0] + dice.one([0] * 12 + [1]),
    }
    return Move("obligation", dice.by("authority.gd"), fields)


def retirement(dice: Dice) -> Move:
    account, batch = dice.holding()
    purpose = dice.one(["voluntary", "event", "remediation", "remediation", "offset"])
    fields: Fields = {"purpose": purpose}
    if purpose == "event":
        fields["ref"] = dice.earlier("event", lambda name: f"event/{name}", "games")
    if purpose == "remediation":
        fields |= _for_order(dice)
    if purpose == "offset":
        fields["ref"] = dice.earlier("obligation", lambda n: f"obligation/{n}", "firm.steel/1999")
        steel = [a for a, owner in dice.owners.items() if owner == "firm.steel"]
        for candidate in dice.chance.sample(steel, len(steel)):
            found = [b for b in dice.recent() if dice.balance(candidate, b)["free"]]
            if found and dice.odds(90):
                account, batch = candidate, dice.one(found)
                break
    by, mandate = acting(dice, account, "retirement")
    items = [dice.span(account, batch, bound=2)]
    if dice.odds(60):  # little of it, so that orders and caps are met rather than passed
        items[0]["last"] = min(items[0]["last"], items[0]["first"] + dice.between(0, 2))
    if dice.odds(10):
        items.append(dice.span(account, dice.one(dice.recent())))
    beneficiaries: list[Fields] = [{"commit": SHA}] * 9 + [
        {"party": "firm.steel"},
        {"project": "farm"},
        {"event": "games"},
        {"firm": {"name": "Steel"}},
        {"party": "nobody.at-all"} if dice.odds(30) else {"commit": SHA},
        {"project": "none"} if dice.odds(30) else {"commit": SHA},
        {"event": "none"} if dice.odds(30) else {"commit": SHA},
        {} if dice.odds(30) else {"commit": SHA},
    ]
    fields |= {"account": account, "items": items, "beneficiary": dice.one(beneficiaries)}
    if dice.odds(3):
        fields["ref"] = dice.one([None, "games", "none", "firm.steel/none"])
    return Move("retirement", by, fields | {"mandate": mandate})


def _for_order(dice: Dice) -> Fields:
    name = _order_name(dice)
    value = dice.book.value(f"order/{name}")
    shares = bool(value and "share_g" in value["obligors"][0])
    obligor = dice.one([0, 1, 0, 1, 2]) if shares else None
    if dice.odds(3):
        obligor = dice.one([None, 0])
    return {"ref": name, "obligor": obligor}
