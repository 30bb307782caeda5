"""The same facts as `naive.facts`, read out of the real state through its own values."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from registry.ledger import values as v
from registry.ledger.state import MemoryState, decode_value

STATUSES = ("free", "reserved", "pooled", "buffer", "retired", "cancelled")
Facts = dict[str, Any]


def _or(value: Any, default: Any) -> Any:
    return default if value is UNSET else value


class Real:
    """Decoded values by family; each is decoded once for the bytes that it had."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[bytes, Any]] = {}

    def facts(self, base: MemoryState) -> dict[str, Facts]:
        families: dict[str, dict[str, Any]] = {family: {} for family in v.FAMILIES}
        for key in sorted(base.values):
            family, _, name = key.partition("/")
            families[family][name] = self._value(key, base.values[key])
        found = _holdings(families) | _people(families) | _uses(families)
        log = families["log"][""]
        told = {
            "origin": log.origin,
            "seal": _or(log.seal, None),
            "sealed": _or(log.sealed_size, 0),
            "ended": _or(log.ended, None),
            "rotated": _or(log.rotations, ((0, None),))[-1][1],
        }
        return found | {"remarks": _remarks(families), "log": told}

    def _value(self, key: str, data: bytes) -> Any:
        seen = self._seen.get(key)
        if seen is None or seen[0] != data:
            seen = self._seen[key] = (data, decode_value(key, data))
        return seen[1]


def _places(items: Any) -> list[tuple[str, int]]:
    return sorted((b, n) for b, first, last in _or(items, ()) for n in range(first, last + 1))


def _holdings(families: dict[str, dict[str, Any]]) -> dict[str, Facts]:
    serials: dict[str, list[Any]] = {}
    for name, block in families["block"].items():
        batch, first = name.split("/")
        run = serials.setdefault(batch, [])
        assert int(first) == len(run) + 1, f"the blocks of {batch} leave a gap before {first}"
        run += [_serial(block)] * (block.last - int(first) + 1)
    return {
        "serials": serials,
        "batches": {name: _batch(b) for name, b in families["batch"].items()},
        "balances": _balances(families),
        "retired": {n: b.retired for n, b in families["balance"].items() if b.retired},
        "reservations": {
            str(int(n)): (r.sender, r.receiver, r.expires_ms, _places(r.items))
            for n, r in families["reservation"].items()
        },
        "pledges": {
            str(int(n)): (p.account, p.pledgee, _places(p.items))
            for n, p in families["pledge"].items()
        },
        "freezes": {
            str(int(n)): (
                _or(f.account, None),
                _or(f.batch, None),
                _or(f.until_ms, None),
                _places(f.items),
                list(f.by),
            )
            for n, f in families["freeze"].items()
        },
    }


def _serial(block: v.Block) -> tuple[Any, ...]:
    held = block.status in ("free", "reserved", "pooled")
    ended = block.status in ("pooled", "retired", "cancelled")
    return (
        block.status,
        str(_or(block.holder, "")).removeprefix("scheme:") if held else "",
        block.by if ended else -1,
        _or(block.freezes, ()),
        _or(block.pledge, 0),
        block.by if block.status == "reserved" else 0,
    )


def _batch(batch: v.Batch) -> tuple[Any, ...]:
    totals = [getattr(batch, status) for status in STATUSES]
    words = ("program", "vintage", "unit_g", "class_", "project", "index")
    plain = [getattr(batch, word) for word in words]
    return (*totals, *plain, _or(batch.in_error, 0), list(_or(batch.freezes, ())))


def _balances(families: dict[str, dict[str, Any]]) -> Facts:
    found = {}
    for name, balance in families["balance"].items():
        unit = families["batch"][name.split("/")[1]].unit_g
        free = sum(s.last - s.first + 1 for s in balance.free)
        bound = sum(b.last - b.first + 1 for b in _or(balance.bound, ()))
        if free or bound:
            found[name] = [free * unit, bound * unit]
    return found


def _people(families: dict[str, dict[str, Any]]) -> dict[str, Facts]:
    return {
        "parties": {n: (p.title, sorted(p.roles)) for n, p in families["party"].items()},
        "keys": {
            n: (k.from_ms, _or(k.until_ms, None), _or(k.revoked, None))
            for n, k in families["key"].items()
        },
        "recoveries": {n: (r.key, r.ready_ms) for n, r in families["recovery"].items()},
        "accounts": {n: _account(a) for n, a in families["account"].items()},
        "rulebooks": {str(int(n)): b.effective_from_ms for n, b in families["rulebook"].items()},
        "methodologies": {
            n: (m.title, m.class_, _or(m.to, None), m.withdrawn)
            for n, m in families["methodology"].items()
        },
        "projects": {
            n: (p.fields.title, _or(p.fields.status, "live"), p.remainder_g, p.debt_g, p.buffer_g)
            for n, p in families["project"].items()
        },
        "periods": {n: list(p.issued) for n, p in families["period"].items() if p.issued},
        "mandates": {
            str(int(n)): (m.agent, m.until_ms, m.used_g) for n, m in families["mandate"].items()
        },
    }


def _account(value: v.Account) -> tuple[Any, ...]:
    receivers = _or(value.receivers, None)
    return (
        value.type,
        value.accept,
        value.need,
        list(value.listed),
        list(_or(value.freezes, ())),
        _or(value.per_transfer_g, None),
        _or(value.per_day_g, None),
        None if receivers is None else [tuple(r) for r in receivers],
        _or(value.day, None),
        _or(value.day_g, 0),
    )


def _uses(families: dict[str, dict[str, Any]]) -> dict[str, Facts]:
    return {
        "schemes": {n: _scheme(families, n) for n in families["scheme"]},
        "orders": {
            n: (
                *(o.issuer, o.number, o.quantity_g, o.fulfilled_g, list(o.by_obligor_g)),
                *(_or(o.state, None), list(o.retirements)),
            )
            for n, o in families["order"].items()
        },
        "events": {
            n: (e.title, e.declared_g, e.status, e.retired_g, _or(e.attested_g, 0))
            for n, e in families["event"].items()
        },
        "obligations": {
            n: (o.cap_g, o.retired_g, list(o.retirements))
            for n, o in families["obligation"].items()
        },
        "retirements": {
            n: (
                *(r.index, r.time_ms, r.purpose, r.quantity_g),
                *(_or(r.voluntary_g, 0), _or(r.account, None), _places(r.items)),
            )
            for n, r in families["retirement"].items()
        },
    }


def _scheme(families: dict[str, dict[str, Any]], name: str) -> Facts:
    scheme = families["scheme"][name]
    lots = []
    for key, lot in families["lot"].items():
        of, expiry, conversion = key.split("/")
        if of == name:
            lots.append((int(expiry), int(conversion), lot.in_hands))
    pool = []
    for key, part in families["pool"].items():
        if key.split("/")[0] == name:
            pool += [(part.batch, n) for n in range(part.span.first, part.span.last + 1)]
    return {
        "title": scheme.title,
        "in_hands": scheme.in_hands,
        "lots": sorted(lots),
        "pool": pool,
        "pool_g": scheme.pool_g,
        "gathered": scheme.gathered,
        "waiting": scheme.waiting,
        "due": _or(scheme.due, 0),
        "unbacked": _or(scheme.unbacked, 0),
    }


def _remarks(families: dict[str, dict[str, Any]]) -> Facts:
    found = {}
    for family, values in families.items():
        for name, value in values.items():
            remarks = getattr(value, "remarks", UNSET)
            if remarks is not UNSET:
                found[f"{family}/{name}"] = list(remarks)
    return found
