"""Random histories: whatever is submitted, every invariant holds after every entry.

Moves are drawn from all kinds that change holdings, with amounts near what is held, so that both
acceptance and refusal are common. A refused entry changes nothing (`World.put` checks it).
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from registry.ledger.invariants import violations
from tests.ledger.world import (
    ANNA,
    BATCH,
    BUS,
    FARM,
    MALL,
    RULES,
    SHA,
    STEEL,
    World,
    batch_fields,
    issuance_fields,
    log_keys,
    order_fields,
)

T = 1_000_000
ENTRIES = 150
OWNERS: dict[str, Any] = {
    FARM: "owner.farm",
    STEEL: "firm.steel",
    MALL: "points.mall",
    BUS: "platform.bus",
}
SCHEMES = ("coin", "park")


class History:
    """A world and the dice that drive it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.world = World()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.batches = [BATCH]
        self.orders = 0
        self.made: dict[str, list[int]] = {"reservation": [], "pledge": [], "freeze": []}
        self.lots: list[int] = []
        rules = {"cancellation_signed_by": ["centre", "authority"], "reserve_account": STEEL}
        self.world.accept(
            "rulebook",
            "operator.gd",
            "authority.gd",
            version=2,
            effective_from_ms=self.world.time_ms,
            values=RULES | rules,
            source={"title": "R", "sha256": SHA},
        )
        for name, used in zip(SCHEMES, ("to_credits", "retire"), strict=True):
            self.world.accept(
                "points_scheme",
                "points.mall",
                "authority.gd",
                scheme=name,
                operator="points.mall",
                title=name,
                unit="coin",
                num=self.chance.choice([1, 100, 70_001]),
                den=self.chance.choice([1, 7]),
                validity_days=2,
                classes=["forest"],
                used=used,
                expired="retire",
            )
        self.world.accept(
            "event",
            "games.org",
            event="games",
            organiser="games.org",
            title="G",
            from_="2025-08-07",
            to="2025-08-17",
            declared_g=10 * T,
            report_sha256=SHA,
            status="plan",
        )

    def holder(self) -> str:
        """An account, mostly one that holds something."""
        holding = [a for a in OWNERS if any(self.held(a, b) for b in self.batches)]
        return self.chance.choice(holding if self.chance.random() < 0.9 else list(OWNERS))

    def held(self, account: str, batch: str) -> list[list[int]]:
        value = self.world.value(f"balance/{account}/{batch}")
        return value["free"] if value else []

    def item(self, account: str) -> dict[str, Any]:
        """Some credits: by quantity or by serials, mostly such as the account has."""
        held = [b for b in self.batches if self.held(account, b)]
        batch = self.chance.choice(held or self.batches)
        free = self.held(account, batch)
        if not free or self.chance.random() < 0.05:
            first = self.chance.randint(2, 50)
            return {"batch": batch, "first": first, "last": first + self.chance.randint(-1, 5)}
        if self.chance.random() < 0.5:
            total = sum(last - first + 1 for first, last in free)
            return {"batch": batch, "quantity_g": self.chance.randint(1, min(total, 40) + 1) * T}
        first, last = self.chance.choice(free)
        start = self.chance.randint(first, min(last, first + 30))
        stop = self.chance.randint(start, min(last, start + 12))
        return {"batch": batch, "first": start, "last": stop}

    def step(self) -> None:
        move: Callable[[], tuple[str, tuple[str, ...], dict[str, Any]]] = self.chance.choice(
            [
                self.transfer,
                self.transfer,
                self.retirement,
                self.to_points,
                self.redemption,
                self.to_credits,
                self.issuance,
                self.order,
                self.reservation,
                self.settlement,
                self.release,
                self.pledge,
                self.unpledge,
                self.freeze,
                self.unfreeze,
                self.execution,
                self.cancellation,
                self.swap,
                self.expiry,
                self.logkey,
            ]
        )
        kind, by, fields = move()
        refused = self.world.submit(kind, *by, **fields)
        self.outcomes[kind, refused] += 1
        if refused == "" and kind == "issuance":
            self.batches.append(fields["batches"][0]["batch"])
        if refused == "" and kind in self.made:
            self.made[kind].append(self.world.index - 1)
        if refused == "" and (kind == "swap" or fields.get("direction") == "to_points"):
            self.lots.append(self.world.index - 1)
        if refused == "":
            found = list(violations(self.world.base))
            assert not found, f"after {kind} at {self.world.index - 1}: {found[:3]}"
        if self.chance.random() < 0.02:
            self.world.time_ms += 86_400_000

    def spans(self, account: str) -> list[dict[str, Any]]:
        """Serials of an account: free ones, or such as something binds."""
        batch = self.chance.choice(self.batches)
        value = self.world.value(f"balance/{account}/{batch}") or {"free": []}
        spans = [tuple(span) for span in value["free"]]
        spans += [(b["first"], b["last"]) for b in value.get("bound", ())]
        first, last = self.chance.choice(spans or [(1, 3)])
        start = self.chance.randint(first, min(last, first + 20))
        return [{"batch": batch, "first": start, "last": min(last, start + 9)}]

    def earlier(self, kind: str) -> int:
        """The index of something made before, mostly of what still stands."""
        key = f"{kind}/{{:016}}"
        standing = [n for n in self.made[kind] if self.world.value(key.format(n))]
        return self.chance.choice(standing or self.made[kind] or [1])

    def reservation(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        _, by, fields = self.transfer()
        expires_ms = self.world.time_ms + self.chance.choice([5_000, 2**40])
        return "reservation", by, fields | {"expires_ms": expires_ms}

    def settlement(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        index = self.earlier("reservation")
        value = self.world.value(f"reservation/{index:016}") or {"items": [], "receiver": MALL}
        fields: dict[str, Any] = {"reservation": index}
        if value["items"] and self.chance.random() < 0.5:
            batch, first, last = self.chance.choice(value["items"])
            quantity_g = self.chance.randint(1, last - first + 1) * T
            fields["items"] = [{"batch": batch, "quantity_g": quantity_g}]
        return "settlement", tuple(OWNERS.values()), fields

    def release(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        by = self.chance.choice([tuple(OWNERS.values()), ("verifier.gd",)])
        return "release", by, {"reservation": self.earlier("reservation")}

    def pledge(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        account = self.holder()
        fields = {"account": account, "items": self.spans(account), "pledgee": "bank.city"}
        return "pledge", (OWNERS[account], "bank.city"), fields

    def unpledge(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        index = self.earlier("pledge")
        value = self.world.value(f"pledge/{index:016}")
        fields: dict[str, Any] = {"pledge": index}
        if value and self.chance.random() < 0.5:
            batch, first, last = self.chance.choice(value["items"])
            stop = self.chance.randint(first, last)
            fields["items"] = [{"batch": batch, "first": first, "last": stop}]
        return "unpledge", ("bank.city",), fields

    def freeze(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        account = self.holder()
        fields: dict[str, Any] = {"account": account, "items": self.spans(account)}
        if self.chance.random() < 0.1:
            fields = self.chance.choice(
                [{"account": account}, {"batch": self.chance.choice(self.batches)}]
            )
        court = {"issuer": "C", "origin": "signed", "instrument_type": "judgment", "number": "1"}
        until_ms = self.world.time_ms + 20_000
        return (
            "freeze",
            ("court.gd",),
            court | fields | {"instrument_sha256": SHA, "until_ms": until_ms},
        )

    def unfreeze(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        fields = {"freeze": self.earlier("freeze"), "instrument_sha256": SHA}
        return (
            "unfreeze",
            ("court.gd",),
            fields | {"origin": self.chance.choice(["signed", "lapsed"])},
        )

    def execution(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        index = self.earlier("freeze")
        value = self.world.value(f"freeze/{index:016}") or {}
        account = value.get("account") or self.holder()
        items = self.spans(account)
        if value.get("items"):
            batch, first, last = self.chance.choice(value["items"])
            stop = self.chance.randint(first, last)
            items = [{"batch": batch, "first": first, "last": stop}]
        target = self.chance.choice([{"to": STEEL}, {"to": MALL}, {"retire": True}])
        fields = {"freeze": index, "origin": "signed", "account": account, "items": items}
        return "execution", ("court.gd",), fields | {"instrument_sha256": SHA} | target

    def cancellation(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        account = self.holder()
        items = [item | {"account": account} for item in self.spans(account)]
        if self.chance.random() < 0.2:
            batch = self.chance.choice(self.batches)
            blocks = [k for k in self.world.base.values if k.startswith(f"block/{batch}/")]
            key = self.chance.choice(blocks)
            last = self.world.value(key)["last"]
            items = [{"batch": batch, "first": int(key[-16:]), "last": last}]
        reason = self.chance.choice(["reversal", "issued_in_error"])
        fields = {"project": "farm", "reason": reason, "items": items}
        return "cancellation", ("centre.gd", "authority.gd"), fields

    def swap(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        source, target = self.chance.sample(SCHEMES, 2)
        one, other = (self.world.value(f"scheme/{name}") for name in (source, target))
        # points × num × other den = to_points × other num × den
        ratio, by = one["num"] * other["den"], other["num"] * one["den"]
        common = math.gcd(ratio, by)
        factor = self.chance.choice([1, 7, T])
        fields = {"scheme": source, "points": by // common * factor, "to_scheme": target}
        return "swap", ("points.mall",), fields | {"to_points": ratio // common * factor}

    def expiry(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        lot = self.chance.choice(self.lots or [1])
        ending = f"/{lot:016}"
        found = [k for k in self.world.base.values if k.startswith("lot/") and k.endswith(ending)]
        scheme = found[0].split("/")[1] if found else "coin"
        in_hands = self.world.value(found[0])["in_hands"] if found else 1
        points = self.chance.randint(1, in_hands)
        if self.chance.random() < 0.3:
            self.world.time_ms += 86_400_000
        return "expiry", ("points.mall",), {"scheme": scheme, "lot": lot, "points": points}

    def logkey(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """New log keys, or such as had their turn; mostly while the last change still runs."""
        number = self.chance.randint(1, 40)
        days = self.chance.choice([29, 30, 30, 30, 31])
        if self.chance.random() < 0.3:
            self.world.time_ms += days * 86_400_000
        fields = log_keys(number) | {"until_ms": self.world.time_ms + days * 86_400_000}
        return "logkey", ("operator.gd", "authority.gd"), fields

    def transfer(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        sender = self.holder()
        receiver = self.chance.choice([a for a in (*OWNERS, ANNA) if a != sender])
        by = {OWNERS[sender], OWNERS.get(receiver, ANNA)}
        items = [self.item(sender) for _ in range(self.chance.choice([1, 1, 2]))]
        return (
            "transfer",
            tuple(by),
            {
                "from_": sender,
                "to": receiver,
                "reason": "internal",
                "items": items,
            },
        )

    def retirement(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        account = self.holder()
        item = self.item(account)
        if "quantity_g" in item:
            first, last = self.chance.choice(self.held(account, item["batch"]))
            item = {"batch": item["batch"], "first": first, "last": min(last, first + 3)}
        purpose, ref = self.chance.choice(
            [
                ("voluntary", None),
                ("event", "games"),
                ("remediation", f"order-{self.chance.randint(1, 3)}"),
            ]
        )
        return (
            "retirement",
            (OWNERS[account],),
            {
                "account": account,
                "items": [item],
                "purpose": purpose,
                "ref": ref,
                "beneficiary": {"commit": SHA},
            },
        )

    def to_points(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        account = self.holder()
        fields = {
            "scheme": self.chance.choice(SCHEMES),
            "direction": "to_points",
            "account": account,
            "items": [self.item(account)],
        }
        return "conversion", tuple({OWNERS[account], "points.mall"}), fields

    def redemption(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        name = self.chance.choice(SCHEMES)
        in_hands = self.world.value(f"scheme/{name}")["in_hands"]
        points = self.chance.choice([1, in_hands // 2 + 1, in_hands + 1, max(in_hands // 3, 1)])
        commit = {"root": SHA, "count": 1, "total": points}
        fields = {"scheme": name, "points": points, "commit": commit}
        return "redemption", ("points.mall", "platform.bus"), fields

    def to_credits(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        scheme = self.world.value("scheme/coin")
        serials = self.chance.randint(1, 4)
        points = -(-serials * T * scheme["den"] // scheme["num"]) + self.chance.choice([0, 0, 0, 1])
        return (
            "conversion",
            ("points.mall",),
            {
                "scheme": self.chance.choice(SCHEMES),
                "direction": "to_credits",
                "account": MALL,
                "points": points,
            },
        )

    def issuance(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        number = self.world.index
        batch = f"CN-GD-PHCER-2019-{number:06}"
        count = self.chance.randint(1, 60)
        month = self.chance.randint(1, 12)
        fields = issuance_fields(
            to=f"2019-{month:02}-28",
            verified_g=count * T + self.chance.randint(0, T),
            batches=[batch_fields(batch, count, account=self.chance.choice(list(OWNERS)))],
        ) | {"from": f"2019-{month:02}-01"}
        return "issuance", ("centre.gd", "verifier.gd"), fields

    def order(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        self.orders = min(self.orders + 1, 3)
        fields = order_fields(
            order=f"order-{self.orders}",
            quantity_g=self.chance.randint(1, 20) * T + self.chance.choice([0, 1]),
            effective_ms=self.world.time_ms,
        )
        return "order", ("exchange.gd", "authority.gd"), fields


SEEDS = range(12)
DRAWN = {
    "transfer",
    "retirement",
    "conversion",
    "redemption",
    "issuance",
    "order",
    "reservation",
    "settlement",
    "release",
    "pledge",
    "unpledge",
    "freeze",
    "unfreeze",
    "execution",
    "cancellation",
    "swap",
    "expiry",
    "logkey",
}


@cache
def played(seed: int) -> Counter[tuple[str, str]]:
    """How often each kind was accepted (refusal "") or refused in the history of a seed."""
    history = History(seed)
    for _ in range(ENTRIES):
        history.step()
    return history.outcomes


@pytest.mark.parametrize("seed", SEEDS)
def test_every_invariant_holds_after_every_entry(seed: int) -> None:
    outcomes = played(seed)
    accepted = sum(n for (_, refused), n in outcomes.items() if not refused)
    assert ENTRIES // 4 < accepted < ENTRIES, outcomes


def test_every_kind_is_accepted_and_refused_somewhere() -> None:
    outcomes = [outcome for seed in SEEDS for outcome in played(seed)]
    assert {kind for kind, refused in outcomes if not refused} == DRAWN
    assert {kind for kind, refused in outcomes if refused} == DRAWN
