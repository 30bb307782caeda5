"""What the naive book says, in plain facts that the real state must say too."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.model.naive.book import Book
from tests.model.naive.points import in_hands

STATUSES = ("free", "reserved", "pooled", "buffer", "retired", "cancelled")
ORDER = ("issuer", "number", "quantity_g", "fulfilled_g", "done", "state", "retirements")
RETIREMENT = ("index", "time_ms", "purpose", "quantity_g", "voluntary_g", "account", "places")
Facts = dict[str, Any]


def facts(book: Book) -> dict[str, Facts]:
    """The whole book by family."""
    return {
        "log": {word: book.log[word] for word in ("origin", "seal", "sealed", "ended", "rotated")},
        "serials": {name: [_serial(s) for s in run] for name, run in book.serials.items()},
        "batches": {name: _batch(book, name) for name in book.batches},
        "balances": balances(book),
        "retired": {f"{a}/{b}": n for (a, b), n in book.retired.items()},
        "parties": {name: (p["title"], sorted(p["roles"])) for name, p in book.parties.items()},
        "keys": {
            name: (k["from_ms"], k["until_ms"], k["revoked"]) for name, k in book.keys.items()
        },
        "recoveries": {h: (r["key"], r["ready_ms"]) for h, r in book.recoveries.items()},
        "accounts": {name: _account(a) for name, a in book.accounts.items()},
        "rulebooks": {str(n): b["effective_from_ms"] for n, b in book.rulebooks.items()},
        "methodologies": {
            name: (m["title"], m["class"], m["to"], m["withdrawn"])
            for name, m in book.methodologies.items()
        },
        "projects": {name: _project(book, name) for name in book.projects},
        "periods": periods(book),
        "mandates": {
            str(n): (m["agent"], m["until_ms"], m["used_g"]) for n, m in book.mandates.items()
        },
        "reservations": {
            str(n): (r["sender"], r["receiver"], r["expires_ms"], sorted(r["places"]))
            for n, r in book.reservations.items()
        },
        "pledges": {
            str(n): (p["account"], p["pledgee"], sorted(p["places"]))
            for n, p in book.pledges.items()
        },
        "freezes": {
            str(n): (f["account"], f["batch"], f["until_ms"], sorted(f["places"]), f["by"])
            for n, f in book.freezes.items()
        },
        "schemes": {name: _scheme(book, s) for name, s in book.schemes.items()},
        "orders": {name: tuple(o[word] for word in ORDER) for name, o in book.orders.items()},
        "events": {
            name: (e["title"], e["declared_g"], e["status"], e["retired_g"], e["attested_g"])
            for name, e in book.events.items()
        },
        "obligations": {
            name: (o["cap_g"], o["retired_g"], o["retirements"])
            for name, o in book.obligations.items()
        },
        "retirements": {
            name: tuple(r[word] for word in RETIREMENT) for name, r in book.retirements.items()
        },
        "remarks": dict(book.remarks),
    }


def _serial(serial: Any) -> tuple[Any, ...]:
    held = serial.status in ("free", "reserved", "pooled")
    ended = serial.status in ("pooled", "retired", "cancelled")
    return (
        serial.status,
        serial.holder if held else "",
        serial.by if ended else -1,
        serial.freezes,
        serial.pledge,
        serial.reservation,
    )


def _batch(book: Book, name: str) -> tuple[Any, ...]:
    batch = book.batches[name]
    totals = [book.total(name, status) for status in STATUSES]
    words = ("program", "vintage", "unit_g", "class", "project", "index", "in_error")
    return (*totals, *(batch[word] for word in words), batch["freezes"])


def balances(book: Book) -> Facts:
    """Grams per account and batch: free and unbound, and bound."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, run in book.serials.items():
        unit = book.batches[name]["unit_g"]
        for serial in run:
            if serial.status in ("free", "reserved"):
                found[f"{serial.holder}/{name}"][0 if serial.loose else 1] += unit
    return dict(found)


def _account(value: Any) -> tuple[Any, ...]:
    words = ("type", "accept", "need", "listed", "freezes", "per_transfer_g", "per_day_g")
    receivers = value["receivers"]
    day = (value["day"], value["day_g"]) if value["day"] is not None else (None, 0)
    return (*(value[word] for word in words), receivers and [tuple(r) for r in receivers], *day)


def _project(book: Book, name: str) -> tuple[Any, ...]:
    project = book.projects[name]
    buffered = sum(
        book.total(batch, "buffer") * value["unit_g"]
        for batch, value in book.batches.items()
        if value["project"] == name
    )
    status = project["fields"].get("status", "live")
    return (project["title"], status, project["remainder_g"], project["debt_g"], buffered)


def periods(book: Book) -> Facts:
    """Which dates of which part were issued for, and by which entry."""
    found: Facts = {}
    for name, project in book.projects.items():
        for period in project["issued"]:
            span = (period["from"], period["to"], period["index"])
            found.setdefault(f"{name}/{period['part']}", []).append(span)
    return found


def _scheme(book: Book, scheme: Any) -> Facts:
    lots = [(lot["expiry"], lot["conversion"], lot["in_hands"]) for lot in scheme["lots"]]
    return {
        "title": scheme["title"],
        "in_hands": in_hands(scheme),
        "lots": sorted(lots),
        "pool": scheme["pool"],
        "pool_g": book.grams(scheme["pool"]),
        **{word: scheme[word] for word in ("gathered", "waiting", "due", "unbacked")},
    }
