"""A court's freeze that arrives too early: what refusal notes are there for."""

from __future__ import annotations

from registry.ledger import entries as e
from tests.books import Book, account_id, hex_of, party_key


def freeze_of_nobody(book: Book) -> bytes:
    """A freeze of an account that is not open: refused as `unknown_account`, for now."""
    return book.note(
        e.Freeze,
        party_key("court"),
        issuer="SAMPLE court",
        origin="signed",
        instrument_type="ruling",
        number="(2026) SAMPLE 7",
        instrument_sha256=hex_of("ruling 7"),
        account=account_id("nobody"),
    )
