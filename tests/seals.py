"""Seals of a test's log: notes of what its state comes to, right or wrong on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry.ledger import entries as e
from registry.ledger.replay import replay
from registry.ledger.sealing import Commitment, SealWatch, commit_to, sealed_sizes
from registry.ledger.state import MemoryState, State
from tests.books import Book, party_key


def replayed(records: Sequence[bytes]) -> MemoryState:
    """The state that records come to, their seals checked."""
    base = MemoryState()
    state = State(base)
    for _ in replay(records, state, seals=SealWatch(sealed_sizes(records))):
        pass
    base.store(state)
    return base


def commitment(records: Sequence[bytes]) -> Commitment:
    """What a seal of the state after these records says."""
    return commit_to(sorted(replayed(records).values.items()), len(records))


def seal(book: Book, made: Commitment, **fields: Any) -> bytes:
    """The note of a seal, signed by the book's operator."""
    return book.note(e.Seal, party_key("operator"), **(_fields(made) | fields))


def end(book: Book, made: Commitment, **fields: Any) -> bytes:
    """The note of an end, signed by operator and authority."""
    both = (party_key("operator"), party_key("authority"))
    return book.note(e.End, *both, **(_fields(made) | {"reason": "SAMPLE end"} | fields))


def _fields(made: Commitment) -> dict[str, Any]:
    root = made.root.hex()
    return {"size": made.size, "root": root, "count": made.count, "totals": made.totals}
