"""What every throw of the dice needs: chance, a view of the book, and what was made before.

A move is an entry before it is signed: kind, signers by holder and number of the key, fields. Moves
are mostly sound and near a limit, sometimes wrong on purpose. Nothing here decides whether an entry
is allowed, and nothing imports Hypothesis or pytest.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from random import Random
from typing import Any, Protocol, TypeVar

from tests.ledger.world import (
    ANNA,
    BATCH,
    BUS,
    DAY_MS,
    FARM,
    LISTED,
    MALL,
    PARTIES,
    STEEL,
    key_of,
)

T = 1_000_000
"""Grams in a tonne."""
SHA = "ab" * 32
INTEGER_MAX = 2**53 - 1
KEPT = 12
"""How many of the things made before a throw chooses among: the newest, and so bounded."""

Fields = dict[str, Any]
Who = tuple[str, int]
"""A signer: a holder, and which of its keys."""
V = TypeVar("V")


class Book(Protocol):
    """What the dice look at: the state by key as plain data, and where the log stands."""

    @property
    def index(self) -> int:
        """Of the next entry."""

    @property
    def time_ms(self) -> int:
        """The record time of the next entry."""

    def value(self, key: str) -> Any:
        """The value under a state key, as plain data, or None."""


@dataclass(frozen=True, slots=True)
class Move:
    """An entry to be signed and submitted; `wait_ms` passes before."""

    kind: str
    by: tuple[Who, ...]
    fields: Fields
    wait_ms: int = 0
    origin: str = ""
    """Another log than this one, or empty."""
    life_ms: int = DAY_MS
    """From the record time to `not_after`; may be negative."""
    forged: Who | None = None
    """The signer whose line is of other bytes."""


@lru_cache(4096)
def vkey(who: Who) -> str:
    """The verifier key of a signer, as text."""
    return key_of(*who).vkey


@dataclass(slots=True)
class Dice:
    """Chance and memory: `draw` a move of a kind, `tell` what became of it."""

    chance: Random
    book: Book
    keys: dict[str, list[int]] = field(default_factory=lambda: {p: [0] for p in PARTIES})
    """The keys of each holder that should be in force, by number."""
    owners: dict[str, str] = field(default_factory=dict)
    """Accounts, and whose keys sign for them."""
    batches: list[str] = field(default_factory=lambda: [BATCH])
    made: dict[str, list[Any]] = field(default_factory=dict)
    """By kind, what accepted entries made: an index, or a name."""
    numbers: dict[str, int] = field(default_factory=dict)
    """Which of its holder's keys a verifier key is."""
    held: list[tuple[str, str]] = field(default_factory=list)
    """Accounts and batches seen to hold something free, the newest last."""
    serial: int = 0

    def __post_init__(self) -> None:
        self.keys[ANNA] = [0]
        self.owners |= {
            FARM: "owner.farm",
            STEEL: "firm.steel",
            MALL: "points.mall",
            BUS: "platform.bus",
            LISTED: "games.org",
            ANNA: ANNA,
        }

    # ------------------------------------------------------------ chance

    def odds(self, of_hundred: int) -> bool:
        return self.chance.randrange(100) < of_hundred

    def one(self, choices: Sequence[V]) -> V:
        return choices[self.chance.randrange(len(choices))]

    def between(self, low: int, high: int) -> int:
        return self.chance.randint(low, max(low, high))

    def near(self, limit: int) -> int:
        """A number near a limit: at it, one off, or somewhere below; at least 1."""
        near = [limit, limit, limit + 1, limit - 1, self.between(1, limit), self.between(1, limit)]
        return max(1, self.one(near))

    def fresh(self, word: str) -> str:
        """A name that was never used."""
        self.serial += 1
        return f"{word}-{self.book.index}-{self.serial}"

    # ------------------------------------------------------------ memory

    def note(self, kind: str, what: Any) -> None:
        self.made.setdefault(kind, []).append(what)

    def earlier(self, kind: str, key: Callable[[Any], str], default: Any) -> Any:
        """Something made before, mostly of what still stands in the state."""
        recent = self.made.get(kind, [])[-KEPT:]
        standing = [what for what in recent if self.book.value(key(what)) is not None]
        if standing and self.odds(95):
            return self.one(standing)
        return self.one(recent) if recent else default

    def index_of(self, kind: str) -> int:
        """The index of an earlier reservation, pledge, freeze or mandate."""
        found: int = self.earlier(kind, lambda n: f"{kind}/{n:016}", 1)
        return found

    # ------------------------------------------------------------ signers

    def by(self, *holders: str) -> tuple[Who, ...]:
        """One key of each holder, the doubles left out."""
        return tuple({holder: self.key(holder) for holder in holders}.values())

    def key(self, holder: str) -> Who:
        known = self.keys.get(holder) or [0]
        return holder, known[-1] if self.odds(90) else self.one(known)

    def owner(self, account: str) -> tuple[Who, ...]:
        """As many keys of an account's owner as it needs, if there are so many."""
        holder = self.owners.get(account, account)
        value = self.book.value(f"account/{account}")
        if value and value["need"] == 2 and self.odds(95):
            return tuple((holder, n) for n in (self.keys.get(holder) or [0])[-2:])
        return self.by(holder)

    def new_key(self, holder: str) -> Who:
        """A key that nobody has yet; rarely one that somebody has."""
        if self.odds(3):
            return holder, 0
        self.serial += 1
        who = holder, self.book.index * 1000 + self.serial
        self.numbers[vkey(who)] = who[1]
        return who

    def number_of(self, key: str) -> int:
        """Which of its holder's keys a verifier key is."""
        return self.numbers.get(key, 0)

    # ------------------------------------------------------------ holdings

    def recent(self) -> list[str]:
        return self.batches[-KEPT:]

    def accounts(self) -> list[str]:
        """Accounts, the founding ones and the newest."""
        known = list(self.owners)
        return known[:6] + known[6:][-4:]

    def balance(self, account: str, batch: str) -> Any:
        return self.book.value(f"balance/{account}/{batch}") or {"free": [], "retired": 0}

    def holding(self) -> tuple[str, str]:
        """An account and a batch of which it holds something free, or any."""
        accounts, batches = self.accounts(), self.recent()
        if self.held and self.odds(50):
            account, batch = self.one(self.held[-8:])
            if self.balance(account, batch)["free"]:
                return account, batch
        for _ in range(20):
            account, batch = self.one(accounts), self.one(batches)
            if self.balance(account, batch)["free"]:
                self.held = [*self.held[-20:], (account, batch)]
                break
        return account, batch

    def unit(self, batch: str) -> int:
        value = self.book.value(f"batch/{batch}")
        return int(value["unit_g"]) if value else T

    def item(self, account: str, batch: str) -> Fields:
        """Credits of a batch: by grams or by serials, mostly such as the account has free."""
        free = self.balance(account, batch)["free"]
        if not free or self.odds(3):
            first = self.between(1, 50)
            return {"batch": batch, "first": first, "last": max(1, first + self.between(-1, 5))}
        if self.odds(50):
            unit = self.unit(batch)
            total = sum(last - first + 1 for first, last in free)
            count = self.one([self.between(1, 12), self.between(1, 12), total, total + 1])
            ragged = self.one([0] * 30 + [1, -1])
            return {"batch": batch, "quantity_g": max(1, count * unit + ragged)}
        return self.span(account, batch, bound=2)

    def span(self, account: str, batch: str, *, bound: int = 0) -> Fields:
        """Exact serials: free ones, or, `bound` times of a hundred, such as something binds."""
        value = self.balance(account, batch)
        spans = [tuple(span) for span in value["free"]] or [(1, 3)]
        binding = [(b["first"], b["last"]) for b in value.get("bound", ())]
        first, last = self.one(binding if binding and self.odds(bound) else spans)
        start = self.one([first, first, self.between(first, last)])
        stop = self.one([last, self.between(start, last), self.between(start, start + 6)])
        if stop - start > 60:
            stop = start + self.between(0, 30)
        return {"batch": batch, "first": start, "last": min(stop, last + (self.odds(2)))}

    def items(self, account: str, batch: str) -> list[Fields]:
        """One or two items of an account, mostly such as do not overlap."""
        if self.odds(85):
            return [self.item(account, batch)]
        return [self.item(account, b) for b in (batch, self.one(self.recent()))]

    def piece(self, spans: Iterable[Sequence[Any]]) -> Fields:
        """Some serials out of (batch, first, last) lists that an earlier entry left."""
        known = list(spans)
        if not known or self.odds(3):
            return {"batch": self.one(self.recent()), "first": 1, "last": self.between(1, 4)}
        batch, first, last = self.one(known)
        start = self.one([first, first, self.between(first, last)])
        return {"batch": batch, "first": start, "last": self.one([last, self.between(start, last)])}


def account_name(text: str) -> str:
    """An account id that stands for a text."""
    return "a-" + b32encode(sha256(text.encode()).digest())[:26].decode().lower()


def spoil(dice: Dice, move: Move) -> Move:
    """One thing wrong with a sound move."""
    someone = dice.key(dice.one(list(dice.keys)))
    rest = tuple(who for who in move.by if who != dice.one(move.by))
    return dice.one(
        [
            replace(move, by=rest or (someone,)),
            replace(move, by=rest or (someone,)),
            replace(move, by=tuple(dict.fromkeys((*move.by, someone)))),
            replace(move, by=(*move.by[1:], (move.by[0][0], 77))),
            replace(move, origin="other.invalid/log/0123abcd"),
            replace(move, life_ms=-1),
            replace(move, life_ms=dice.one([30 * DAY_MS, 30 * DAY_MS + 1])),
            replace(move, forged=dice.one(move.by)),
            replace(move, fields=move.fields | {"memo": "seen"}),
            replace(move, fields=move.fields | {"memo": "seen"}),
        ]
    )
