"""What building an entry may know: names, the state so far, what the file has said so far.

Refuses to know: the kinds of entries and what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from registry.ledger import serials
from registry.ledger import values as v
from registry.ledger.dates import DAY_MS, MINUTE_MS, day_of
from registry.ledger.sealing import commit_to
from registry.ledger.state import MemoryState
from tests.scenarios.cast import Cast, Crowd
from tests.scenarios.reading import Label, Moment
from tests.scenarios.said import Firm, Item, Many, Person, Said

TONNE = 1_000_000


Fields = dict[str, Any]
Clauses = Mapping[str, Any]


@dataclass(slots=True)
class Scene:
    """The surroundings of one entry; `play` moves it on."""

    where: str
    cast: Cast
    state: MemoryState
    offset_min: int = 480
    labels: dict[str, int] = field(default_factory=dict)
    before: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """The fields of the last accepted entry that named a thing, by kind and name."""
    obligors: dict[str, list[Person | Firm]] = field(default_factory=dict)
    crowds: dict[int, tuple[Crowd, str]] = field(default_factory=dict)
    """By line: the people behind a commitment, and what their amounts count."""
    time_ms: int = 0
    size: int = 0
    """How many entries there are."""

    def ms(self, moment: Moment, default_time: str = "00:00") -> int:
        """The instant of a civil date and time of the region."""
        day = day_of(moment.date)
        if day is None:
            raise ValueError(f"there is no date {moment.date}")
        hours, minutes = (moment.time or default_time).split(":")
        since = (int(hours) * 60 + int(minutes) - self.offset_min) * MINUTE_MS
        return day * DAY_MS + since

    def entry(self, reference: Label | int) -> int:
        """The index of an entry of this file."""
        if isinstance(reference, int):
            return reference
        if reference.name not in self.labels:
            raise ValueError(f"no accepted entry above is called [{reference.name}]")
        return self.labels[reference.name]

    def value(self, key: str) -> Any:
        """A state value as plain data, or None."""
        data = self.state.values.get(key)
        return None if data is None else msgspec.json.decode(data)

    def commitment(self) -> Fields:
        """What a seal of the state says."""
        made = commit_to(sorted(self.state.values.items()), self.size)
        totals = msgspec.to_builtins(made.totals)
        return {"size": made.size, "root": made.root.hex(), "count": made.count, "totals": totals}

    def unit_g(self, batch: str) -> int:
        found = self.value(f"batch/{batch}")
        return found["unit_g"] if found else TONNE

    def free(self, account: str, batch: str) -> serials.Spans:
        """The free serials that an account holds."""
        data = self.state.values.get(v.balance_key(account, batch))
        return () if data is None else msgspec.json.decode(data, type=v.Balance).free

    def movable(self, items: Iterable[Item]) -> list[dict[str, Any]]:
        """Items as a transfer takes them: by quantity, or exact serials."""
        return [self._item(item, item.account) for item in items]

    def exact(self, items: Iterable[Item], account: str | None = None) -> list[dict[str, Any]]:
        """Items by serials; an amount is resolved to the serials that best fit would take."""
        found: list[dict[str, Any]] = []
        for item in items:
            holder = item.account or account
            batch = self.cast.batch(item.batch)
            kept = {"account": self.cast.account(item.account)} if item.account else {}
            if item.serials is not None:
                spans: Iterable[serials.Span] = [serials.Span(*item.serials)]
            else:
                spans = self._resolve(item, batch, holder)
            found += ({"batch": batch, "first": s.first, "last": s.last} | kept for s in spans)
        return found

    def _item(self, item: Item, account: str | None) -> dict[str, Any]:
        batch = self.cast.batch(item.batch)
        if account is not None:
            raise ValueError("an item of this kind names no account of its own")
        if item.serials is not None:
            return {"batch": batch, "first": item.serials.first, "last": item.serials.last}
        return {"batch": batch, "quantity_g": item.quantity_g}

    def _resolve(self, item: Item, batch: str, holder: str | None) -> Iterable[serials.Span]:
        if holder is None:
            raise ValueError(f"nobody is said to hold the amount of {item.batch}; name serials")
        count, odd = divmod(item.quantity_g or 0, self.unit_g(batch))
        free = self.free(self.cast.account(holder), batch)
        if odd or not count or serials.count(free) < count:
            raise ValueError(f"{holder} does not hold that much of {item.batch} free; name serials")
        return serials.best_fit(free, count) or ()

    def crowd(self, said: Said, many: Many, total: int, unit: str) -> dict[str, Any]:
        """The commitment of people's amounts, kept so that a receipt can be cut from it."""
        name = str(said.clauses[""])
        crowd = Crowd(self.cast, f"{said.kind} {name} line {said.line}", many.count, total)
        self.crowds[said.line] = (crowd, unit)
        built: dict[str, Any] = msgspec.to_builtins(crowd.commit())
        return built


def document_sha(said: Said, scene: Scene, default: object) -> str:
    """The hash of the document that is named, or else of one for this entry."""
    return scene.cast.sha256(said.clauses.get("document", f"{said.kind} {default}"))


def each(read: Callable[[str], str], names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else [read(name) for name in names]


def optional(read: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else read(value)


def again(said: Said, scene: Scene, name: str, fields: Fields) -> Fields:
    """What is not said is as the last accepted entry about the same thing said it."""
    before = scene.before.get((said.kind, name), {})
    return before | {key: value for key, value in fields.items() if value is not None}
