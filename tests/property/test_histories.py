"""Random histories: whatever is submitted, every invariant holds after every entry.

Moves are drawn from all kinds that change holdings, with amounts near what is held, so that both
acceptance and refusal are common. A refused entry changes nothing (`World.put` checks it).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from registry.ledger.invariants import violations
from tests.ledger.world import (
    ANNA,
    BATCH,
    BUS,
    FARM,
    MALL,
    SHA,
    STEEL,
    World,
    batch_fields,
    issuance_fields,
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
            ]
        )
        kind, by, fields = move()
        refused = self.world.submit(kind, *by, **fields)
        self.outcomes[kind, refused] += 1
        if refused == "" and kind == "issuance":
            self.batches.append(fields["batches"][0]["batch"])
        if refused == "":
            found = list(violations(self.world.base))
            assert not found, f"after {kind} at {self.world.index - 1}: {found[:3]}"
        if self.chance.random() < 0.02:
            self.world.time_ms += 86_400_000

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


@pytest.mark.parametrize("seed", range(12))
def test_every_invariant_holds_after_every_entry(seed: int) -> None:
    history = History(seed)
    for _ in range(ENTRIES):
        history.step()
    accepted = sum(n for (_, refused), n in history.outcomes.items() if not refused)
    assert ENTRIES // 4 < accepted < ENTRIES, history.outcomes
    kinds = {kind for (kind, refused) in history.outcomes if not refused}
    assert {"transfer", "retirement", "conversion", "issuance", "order"} <= kinds
