"""The naive book: one value for each serial, plain dicts for everything else.

Nothing here is meant to be fast or clever. A serial is a tuple that says what it is; an account's
holding is found by looking at every serial; a refusal is an exception, after which the book is put
back from a copy that was made before the entry.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, NamedTuple

MOST = 2**53 - 1
DAY_MS = 86_400_000
PIECES_MOST = 4_096
"""Most separate runs of free serials that an account may have of a batch."""
TOUCHED_MOST = 256


class Refused(Exception):
    """The entry is refused, by the name that the catalogue gives the reason."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def refuse_if(wrong: bool, name: str) -> None:
    if wrong:
        raise Refused(name)


def bounded(amount: int) -> int:
    refuse_if(amount > MOST, "amount_too_large")
    return amount


class Serial(NamedTuple):
    """One unit of a batch."""

    status: str
    holder: str = ""
    """The account that holds it, or the scheme whose pool does."""
    by: int = -1
    """The entry that retired, cancelled or pooled it."""
    freezes: tuple[int, ...] = ()
    pledge: int = 0
    reservation: int = 0
    piece: str = ""
    """The item of an entry with which it was ended: other items make other blocks."""

    @property
    def loose(self) -> bool:
        """Free, and bound by nothing."""
        return self.status == "free" and not self.freezes and not self.pledge


Place = tuple[str, int]
"""A serial by its batch and number."""


class Book:
    """Everything that the log has said, as plain data."""

    def __init__(self) -> None:
        self.size = 0
        self.log: dict[str, Any] = {}
        self.parties: dict[str, Any] = {}
        self.keys: dict[str, Any] = {}
        """By holder and key id, as signers are written."""
        self.raw_keys: dict[bytes, str] = {}
        self.recoveries: dict[str, Any] = {}
        self.rulebooks: dict[int, Any] = {}
        self.accounts: dict[str, Any] = {}
        self.methodologies: dict[str, Any] = {}
        self.projects: dict[str, Any] = {}
        self.issuances: dict[int, Any] = {}
        self.batches: dict[str, Any] = {}
        self.serials: dict[str, list[Serial]] = {}
        self.retired: dict[tuple[str, str], int] = {}
        """How many serials of a batch an account has retired."""
        self.mandates: dict[int, Any] = {}
        self.reservations: dict[int, Any] = {}
        self.pledges: dict[int, Any] = {}
        self.freezes: dict[int, Any] = {}
        self.trades: dict[tuple[str, str], int] = {}
        self.schemes: dict[str, Any] = {}
        self.orders: dict[str, Any] = {}
        self.events: dict[str, Any] = {}
        self.obligations: dict[str, Any] = {}
        self.retirements: dict[str, Any] = {}
        self.answered: set[Place] = set()
        """Serials that were wrong and stay good, because others answered for them."""
        self.takeovers: set[str] = set()
        self.remarks: dict[str, list[int]] = {}

    # ------------------------------------------------------------ serials

    def at(self, place: Place) -> Serial:
        return self.serials[place[0]][place[1] - 1]

    def change(self, places: Iterable[Place], **what: Any) -> None:
        for batch, number in places:
            run = self.serials[batch]
            run[number - 1] = run[number - 1]._replace(**what)

    def grams(self, places: Iterable[Place]) -> int:
        return sum(self.batches[batch]["unit_g"] for batch, _ in places)

    def total(self, batch: str, status: str) -> int:
        return sum(serial.status == status for serial in self.serials[batch])

    def loose_runs(self, account: str, batch: str) -> list[list[int]]:
        """The maximal runs of serials that an account may freely move, as lists of numbers."""
        found: list[list[int]] = []
        for number, serial in enumerate(self.serials[batch], 1):
            if serial.holder == account and serial.loose:
                if found and found[-1][-1] == number - 1:
                    found[-1].append(number)
                else:
                    found.append([number])
        return found

    def best_fit(self, account: str, batch: str, wanted: int) -> list[Place]:
        """The shortest run that is long enough, else the longest, and so on."""
        runs = self.loose_runs(account, batch)
        refuse_if(sum(map(len, runs)) < wanted, "insufficient")
        taken: list[Place] = []
        touched = 0
        while wanted:
            enough = [run for run in runs if len(run) >= wanted]
            if enough:
                run = min(enough, key=lambda r: (len(r), r[0]))
            else:
                run = min(runs, key=lambda r: (-len(r), r[0]))
            touched += 1
            refuse_if(touched > TOUCHED_MOST, "too_fragmented")
            runs.remove(run)
            taken += [(batch, number) for number in run[:wanted]]
            wanted -= len(run[:wanted])
        return taken

    def check_pieces(self, account: str, places: Iterable[Place]) -> None:
        for batch in {batch for batch, _ in places}:
            pieces = len(self.loose_runs(account, batch))
            refuse_if(pieces > PIECES_MOST, "holding_too_fragmented")

    # ------------------------------------------------------------ time and rules

    def day(self, time_ms: int) -> int:
        return int((time_ms + self.log["offset_min"] * 60_000) // DAY_MS)

    def today(self, time_ms: int) -> date:
        return date(1970, 1, 1) + timedelta(days=self.day(time_ms))

    def rules(self, time_ms: int) -> dict[str, Any]:
        """The values of the rulebook in force."""
        begun = [v for v, book in self.rulebooks.items() if book["effective_from_ms"] <= time_ms]
        refuse_if(not begun, "no_rulebook")
        values: dict[str, Any] = self.rulebooks[max(begun)]["values"]
        return values


def a_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("no_such_date") from None


def dates_in_order(first: str, last: str) -> None:
    refuse_if(a_date(first) > a_date(last), "dates_reversed")


def listed_once(things: Iterable[Any]) -> None:
    known = list(things)
    refuse_if(len(set(known)) != len(known), "listed_twice")


def in_list(values: dict[str, Any], name: str, word: str) -> bool:
    allowed = values.get(name, [])
    return word in allowed or "*" in allowed


def raw_key(text: str, holder: str, kind: int = 1, length: int = 32) -> bytes:
    """The public key in a verifier key of that holder: Ed25519, or of another kind and length."""
    parts = text.split("+", 2)
    refuse_if(len(parts) != 3 or parts[0] != holder, "bad_key")
    data = base64.b64decode(parts[2])
    refuse_if(len(data) != 1 + length or data[0] != kind, "bad_key")
    digest = hashlib.sha256(holder.encode() + b"\n" + data).hexdigest()
    refuse_if(digest[:8] != parts[1], "bad_key")
    return data[1:]


def signer_of(text: str) -> str:
    """How a key stands in `signers`: its holder and key id."""
    return "+".join(text.split("+", 2)[:2])


def full_range(item: dict[str, Any]) -> list[Place]:
    """The serials that an item names."""
    return [(item["batch"], n) for n in range(item["first"], item["last"] + 1)]
