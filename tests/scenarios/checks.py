"""What a scenario may claim about the state: `check …`, compared fact by fact.

Refuses to know: how the state came to be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import UNSET

from registry.ledger import values as v
from registry.ledger.invariants import STATUSES, each, grams_by_status
from registry.ledger.quantities import format_tonnes
from registry.ledger.segments import segments_of
from tests.scenarios.reading import Label
from tests.scenarios.said import Check, Said
from tests.scenarios.scene import Scene

Facts = dict[str, tuple[Any, str]]
"""Value and unit by name: g grams, n number, w word, fen money."""
ALL_OR_NOUGHT = ("total", "batch", "account")
"""Subjects of which every amount that is not named must be nought."""


def differences(
    check: Check, scene: Scene, traded: Iterable[tuple[Said, dict[str, Any]]]
) -> list[str]:
    """What is not as the check says; nothing if all is. `traded`: accepted transfers so far."""
    try:
        found = _facts(check, scene, traded)
    except LookupError as error:
        return [str(error.args[0])]
    wrong = []
    named = set()
    for name, value, unit in check.facts:
        named.add(name)
        if name not in found:
            wrong.append(f"{check.subject} has no {name}; it has {', '.join(found)}")
        elif found[name] != (value, unit):
            wrong.append(f"{name} is {_shown(*found[name])}, not {_shown(value, unit)}")
    if check.subject in ALL_OR_NOUGHT:
        for name, (value, unit) in found.items():
            if name not in named and value and name != "issued":
                wrong.append(f"{name} is {_shown(value, unit)}, and is not named")
    return wrong


def _shown(value: Any, unit: str) -> str:
    if unit == "g":
        return f"{format_tonnes(value)} t"
    if unit == "fen":
        return f"{value // 100:,}.{value % 100:02} CNY"
    return f"{value:,}" if unit == "n" else str(value)


def _facts(check: Check, scene: Scene, traded: Iterable[tuple[Said, dict[str, Any]]]) -> Facts:
    match check.subject:
        case "total":
            grams = grams_by_status(scene.state)
            return {"issued": (sum(grams.values()), "g")} | {s: (g, "g") for s, g in grams.items()}
        case "traded":
            return _traded(scene, traded)
        case "count":
            return _counts(scene)
        case "batch":
            return _batch(scene, check.names[0])
        case "account":
            return _account(scene, check.names[0])
        case subject:
            return FACTS[subject](scene, check.names[0])


def _must(scene: Scene, key: str) -> Any:
    found = scene.value(key)
    if found is None:
        raise LookupError(f"there is no {key}")
    return found


def _batch(scene: Scene, name: str) -> Facts:
    found = _must(scene, f"batch/{scene.cast.batch(name)}")
    unit_g = found["unit_g"]
    facts: Facts = {status: (found[status] * unit_g, "g") for status in STATUSES}
    return {"issued": (found["count"] * unit_g, "g")} | facts


def _account(scene: Scene, name: str) -> Facts:
    """What an account holds, over all batches, by what binds it; a freeze before all else."""
    account = scene.cast.account(name)
    _must(scene, f"account/{account}")
    grams: Counter[str] = Counter(
        dict.fromkeys(("free", "reserved", "pledged", "frozen", "retired"), 0)
    )
    for key, balance in each(scene.state, f"balance/{account}", v.Balance):
        unit_g = scene.unit_g(key.rpartition("/")[2])
        grams["retired"] += balance.retired * unit_g
        for first, last, bonds in segments_of(balance):
            word = "free"
            if bonds.freezes:
                word = "frozen"
            elif bonds.pledge is not UNSET:
                word = "pledged"
            elif bonds.reservation is not UNSET:
                word = "reserved"
            grams[word] += (last - first + 1) * unit_g
    return {word: (amount, "g") for word, amount in grams.items()}


def _traded(scene: Scene, traded: Iterable[tuple[Said, dict[str, Any]]]) -> Facts:
    """All transfers that were trades: how much, and for how much money where a price stands."""
    grams = fen_g = trades = 0
    for _, fields in traded:
        if "trade" not in fields:
            continue
        moved_g = 0
        for item in fields["items"]:
            unit_g = scene.unit_g(item["batch"])
            moved_g += item.get("quantity_g") or (item["last"] - item["first"] + 1) * unit_g
        trades += 1
        grams += moved_g
        fen_g += moved_g * fields["trade"].get("price_fen_per_t", 0)
    return {
        "trades": (trades, "n"),
        "amount": (grams, "g"),
        "turnover": (fen_g // 1_000_000, "fen"),
    }


def _counts(scene: Scene) -> Facts:
    families = Counter(key.partition("/")[0] for key in scene.state.values)
    return {family: (families.get(family, 0), "n") for family in v.FAMILIES}


def _order(scene: Scene, name: str) -> Facts:
    found = _must(scene, f"order/{name}")
    missing_g = max(0, found["quantity_g"] - found["fulfilled_g"])
    return {
        "ordered": (found["quantity_g"], "g"),
        "fulfilled": (found["fulfilled_g"], "g"),
        "missing": (missing_g, "g"),
        "retirements": (len(found["retirements"]), "n"),
        "changes": (len(found.get("changes", ())), "n"),
        "state": (found.get("state", "stands"), "w"),
    }


def _event(scene: Scene, name: str) -> Facts:
    found = _must(scene, f"event/{name}")
    return {
        "declared": (found["declared_g"], "g"),
        "retired": (found["retired_g"], "g"),
        "attested": (found.get("attested_g", 0), "g"),
        "retirements": (len(found["retirements"]), "n"),
        "status": (found["status"], "w"),
    }


def _obligation(scene: Scene, name: str) -> Facts:
    party, _, year = name.partition("/")
    found = _must(scene, f"obligation/{scene.cast.party(party)}/{year}")
    return {
        "amount": (found["amount_g"], "g"),
        "cap": (found["cap_g"], "g"),
        "retired": (found["retired_g"], "g"),
        "retirements": (len(found["retirements"]), "n"),
    }


def _scheme(scene: Scene, name: str) -> Facts:
    found = msgspec.json.decode(encode_of(scene, f"scheme/{name}"), type=v.Scheme)
    return {
        "in_hands": (found.in_hands, "n"),
        "gathered": (found.gathered, "n"),
        "unbacked": (found.unbacked or 0, "n"),
        "backing": (found.pool_g, "g"),
        "waiting": (found.waiting // found.den, "g"),
        "due": ((found.due or 0) // found.den, "g"),
    }


def encode_of(scene: Scene, key: str) -> bytes:
    """The stored bytes under a key; LookupError if there are none."""
    _must(scene, key)
    return scene.state.values[key]


def _project(scene: Scene, name: str) -> Facts:
    found = _must(scene, f"project/{name}")
    return {
        "remainder": (found["remainder_g"], "g"),
        "buffer": (found["buffer_g"], "g"),
        "debt": (found["debt_g"], "g"),
        "status": (found["fields"].get("status", "live"), "w"),
        "remarks": (len(found.get("remarks", ())), "n"),
    }


def _retirement(scene: Scene, label: Label) -> Facts:
    index = scene.entry(label)
    for _, found in each(scene.state, "retirement", v.Retirement):
        if found.index == index:
            return {
                "quantity": (found.quantity_g, "g"),
                "voluntary": (found.voluntary_g or 0, "g"),
                "purpose": (found.purpose, "w"),
            }
    raise LookupError(f"[{label.name}] is no retirement")


def _mandate(scene: Scene, label: Label) -> Facts:
    found = _must(scene, f"mandate/{v.number(scene.entry(label))}")
    return {"used": (found["used_g"], "g")}


FACTS: dict[str, Callable[[Scene, Any], Facts]] = {
    "order": _order,
    "event": _event,
    "obligation": _obligation,
    "scheme": _scheme,
    "project": _project,
    "retirement": _retirement,
    "mandate": _mandate,
}
