"""A log in memory that takes openings: genesis, a rulebook with the programs, a custody account."""

from __future__ import annotations

from collections.abc import Iterable

from registry.importing.layout import Draft
from registry.ledger.apply import apply, verify_here
from registry.ledger.codec import parse_entry
from registry.ledger.entries import Opening
from registry.ledger.invariants import grams_by_status, violations
from registry.ledger.state import MemoryState, State
from tests import books

ACCOUNT = books.account_id("exchange")


class Log:
    """Applies drafts as the log would; a refusal fails the test."""

    def __init__(self, *programs: str) -> None:
        self.book = books.Book()
        self.base = MemoryState()
        self.state = State(self.base)
        self.index = 0
        self.openings: list[Opening] = []
        for note in (
            self.book.genesis(),
            self.book.rulebook(programs=programs),
            self.book.enrol("exchange"),
            self.book.account("exchange"),
        ):
            self.put(note)

    def put(self, note: bytes) -> None:
        parsed = parse_entry(note)
        refusal = apply(self.state, parsed, index=self.index, time_ms=books.T0, verify=verify_here)
        assert refusal is None, refusal.message()
        self.base.store(self.state)
        self.index += 1
        if isinstance(parsed.entry, Opening):
            self.openings.append(parsed.entry)

    def take(self, drafts: Iterable[Draft]) -> None:
        """Sign and apply the openings."""
        keys = [books.party_key("operator"), books.party_key("authority")]
        for draft in drafts:
            fields = {name: getattr(draft, name) for name in draft.__struct_fields__}
            self.put(self.book.note(Opening, *keys, **fields))

    def grams(self) -> dict[str, int]:
        """Grams by status, noughts left out; every invariant of the state is checked."""
        assert list(violations(self.base)) == []
        return {status: grams for status, grams in grams_by_status(self.base).items() if grams}
