"""What a scenario says, line by line, before any of it is looked up or done.

Refuses to know: how it was written, what it comes to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.scenarios.reading import Label, Moment, Serials


class Item(NamedTuple):
    """Credits of a batch: an amount, or exact serials; `account`: where they are held."""

    batch: str
    quantity_g: int | None = None
    serials: Serials | None = None
    account: str | None = None


class Made(NamedTuple):
    """A batch that an issuance makes: `account` is None where it is the buffer's."""

    batch: str
    quantity_g: int
    unit_g: int
    class_: str | None
    vintage: int | None
    account: str | None


class Taken(NamedTuple):
    """A part of a batch that is taken over from another book."""

    status: str
    quantity_g: int
    account: str | None = None
    purpose: str | None = None
    date: str | None = None


class Person(NamedTuple):
    """Somebody who stands in the log as a commitment only."""

    name: str


class Firm(NamedTuple):
    """A firm by its public name."""

    name: str


class Deal(NamedTuple):
    """A trade at a venue; the price in fen per tonne."""

    trade_id: str
    venue: str
    price_fen: int | None


class Many(NamedTuple):
    """How many people or acts, and what they come to where that is said."""

    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody needs here
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """An entry of the file. `clauses` by keyword; "" is what comes before any keyword."""

    line: int
    when: Moment
    label: str
    kind: str
    clauses: dict[str, Any]
    by: tuple[str, ...]
    refused: str


@dataclass(frozen=True, slots=True)
class Check:
    """What must be so at this place: words of a subject, then names and values."""

    line: int
    subject: str
    names: tuple[Any, ...]
    facts: tuple[tuple[str, Any, str], ...]
    """(name, value, unit): unit is g for grams, n for a number, w for a word."""


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry whose evidence file, or whose receipt, is checked offline."""

    line: int
    of: Label
    receipt: bool
    opened_by: str


@dataclass(slots=True)
class Scenario:
    """A whole file."""

    name: str
    title: str = ""
    row: str = ""
    figures: str = ""
    region: str = ""
    steps: list[Said | Check] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)

    @property
    def entries(self) -> list[Said]:
        return [step for step in self.steps if isinstance(step, Said)]

    @property
    def persons(self) -> frozenset[str]:
        """The accounts that have keys of their own."""
        return frozenset(
            said.clauses[""]
            for said in self.entries
            if said.kind == "account" and "person" in said.clauses
        )
