"""Moves of points and what backs them: points_scheme, conversion, redemption, swap, expiry."""

from __future__ import annotations

import math

from tests.ledger.world import DAY_MS, MALL
from tests.model.dice.core import INTEGER_MAX, SHA, Dice, Fields, Move
from tests.model.dice.moving import acting

FOUNDED = {"coin": ("to_credits", "retire"), "park": ("retire", "authority")}


def scheme_fields(dice: Dice, name: str) -> Fields:
    used, expired = FOUNDED.get(name) or (
        dice.one(["to_credits", "retire"]),
        dice.one(["retire", "authority"]),
    )
    return {
        "scheme": name,
        "operator": "points.mall",
        "title": name,
        "unit": "coin",
        "num": dice.one([1, 100, 70_001, 1_000_000, 300_000]),
        "den": dice.one([1, 1, 7]),
        "validity_days": dice.one([1, 2, 30]),
        "classes": dice.one([["forest"], ["forest", "transit"], ["forest", "transit"]]),
        "unbacked_at_start": dice.one([None, dice.between(1, 40), *([2**53 - 1] * dice.odds(10))]),
        "used": used,
        "expired": expired,
    }


def points_scheme(dice: Dice) -> Move:
    name = dice.fresh("scheme") if dice.odds(85) else "coin"
    fields = scheme_fields(dice, name)
    if dice.odds(6):
        fields["operator"] = dice.one(["platform.bus", "nobody.at-all"])
    return Move("points_scheme", dice.by("points.mall", "authority.gd"), fields)


def _scheme(dice: Dice) -> tuple[str, Fields]:
    """A scheme, mostly a founding one, and its value."""
    name = dice.one(["coin", "coin", "park", "park", *dice.made.get("points_scheme", [])[-3:]])
    if dice.odds(2):
        name = "none"
    empty = {"in_hands": 0, "gathered": 0, "num": 1, "den": 1, "classes": ["forest"]}
    return name, dice.book.value(f"scheme/{name}") or empty


def _commit(dice: Dice, points: int) -> Fields:
    return {"root": SHA, "count": 2, "total": min(points + dice.one([0] * 30 + [1]), INTEGER_MAX)}


def conversion(dice: Dice) -> Move:
    name, scheme = _scheme(dice)
    if dice.odds(30):
        return _to_credits(dice, name, scheme)
    account, batch = dice.holding()
    by, mandate = acting(dice, account, "conversion")
    direction = "cover" if scheme.get("unbacked") and dice.odds(30) else "to_points"
    fields: Fields = {
        "scheme": name,
        "direction": direction,
        "account": account,
        "items": dice.items(account, batch),
        "mandate": mandate,
    }
    if dice.odds(3):
        fields["points"] = 5
    if dice.odds(6):
        item = fields["items"][0]
        count = item.get("quantity_g", 0) or (item["last"] - item["first"] + 1) * dice.unit(batch)
        points = count * scheme["den"] // scheme["num"]
        fields["commit"] = _commit(dice, max(1, points))
    if dice.odds(2):
        fields["items"] = None
    return Move("conversion", tuple(dict.fromkeys((*by, *dice.by("points.mall")))), fields)


def _to_credits(dice: Dice, name: str, scheme: Fields) -> Move:
    unit, points = 1_000_000, 0
    if pooled := dice.book.value(f"pool/{name}/{scheme.get('pool_next', 0):016}"):
        unit = dice.unit(pooled["batch"])
    most = max(1, scheme["gathered"] * scheme["num"] // scheme["den"] // unit)
    for _ in range(3):  # more serials, until their worth is a whole number of points
        weight = dice.between(1, min(most, 12)) * unit * scheme["den"]
        points = -(-weight // scheme["num"])
        if weight % scheme["num"] == 0:
            break
    points = dice.one([points, points, points, points + 1, scheme["gathered"], 10**12])
    fields: Fields = {
        "scheme": name,
        "direction": "to_credits",
        "account": MALL if dice.odds(90) else dice.one(dice.accounts()),
        "points": max(1, points),
        "items": None if dice.odds(97) else [{"batch": dice.one(dice.recent()), "quantity_g": 1}],
        "commit": _commit(dice, max(1, points)) if dice.odds(5) else None,
    }
    return Move("conversion", dice.by("points.mall"), fields)


def redemption(dice: Dice) -> Move:
    name, scheme = _scheme(dice)
    hands = scheme["in_hands"]
    points = dice.one([1, hands // 2 + 1, hands, hands, hands + 1, max(hands // 3, 1)])
    points = max(1, points)
    fields = {"scheme": name, "points": points, "commit": _commit(dice, points)}
    return Move("redemption", dice.by("points.mall", "platform.bus"), fields)


def swap(dice: Dice) -> Move:
    (name, one), (other_name, other) = _scheme(dice), _scheme(dice)
    if name == other_name and dice.odds(90):
        other_name = "park" if name == "coin" else "coin"
        other = dice.book.value(f"scheme/{other_name}") or one
    # points × num × other den = to_points × other num × den, and whole tonnes
    ratio, by = one["num"] * other["den"], other["num"] * one["den"]
    common = math.gcd(ratio, by)
    step, to_step = by // common, ratio // common
    grams = step * one["num"]
    whole = one["den"] * 1_000_000 // math.gcd(grams, one["den"] * 1_000_000)
    factor = dice.one([1, whole, whole, whole * 2, 7])
    fields: Fields = {
        "scheme": name,
        "points": min(step * factor, INTEGER_MAX),
        "to_scheme": other_name,
        "to_points": min(to_step * factor + dice.one([0] * 12 + [1]), INTEGER_MAX),
    }
    if dice.odds(8):
        fields["commit"] = _commit(dice, fields["to_points"])
    return Move("swap", dice.by("points.mall"), fields)


def expiry(dice: Dice) -> Move:
    lots = dice.made.get("lot", [])[-6:]
    name, lot = dice.one(lots) if lots and dice.odds(97) else ("coin", 1)
    scheme = dice.book.value(f"scheme/{name}") or {"in_hands": 0}
    hands = scheme["in_hands"]
    points = dice.one([1, hands, hands, max(hands // 2, 1), dice.near(max(hands, 1))])
    fields: Fields = {"scheme": name, "lot": lot, "points": max(1, points)}
    if scheme.get("expired") == "authority" and dice.odds(90):
        fields["account"] = dice.one(dice.made.get("authority", [MALL])[-2:])
    elif dice.odds(6):
        fields["account"] = MALL
    wait = dice.one([0, 0, 0, 0, DAY_MS, DAY_MS + 60_000, 2 * DAY_MS + 60_000])
    return Move("expiry", dice.by("points.mall"), fields, wait_ms=wait)
