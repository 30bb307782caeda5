"""What entries are about: lists of entries must find them again."""

from __future__ import annotations

from registry.ledger.entries import KINDS, kind_of
from registry.ledger.subjects import WORDS, subjects_of
from tests.books import BATCH, Book, account_id, parsed


def test_every_entry_of_a_book_is_found_by_what_it_names() -> None:
    book = Book()
    entries = [p.entry for p in parsed([*book.founding(), *book.walk()])]
    found = [subjects_of(entry) for entry in entries]
    for entry, subjects in zip(entries, found, strict=True):
        assert subjects[0] == f"kind/{kind_of(entry)}"
        assert len(set(subjects)) == len(subjects)
        assert {s.partition("/")[0] for s in subjects} <= set(WORDS)
    everything = {s for subjects in found for s in subjects}
    assert set(WORDS) == {s.partition("/")[0] for s in everything}
    assert {s.partition("/")[2] for s in everything if s.startswith("kind/")} <= set(KINDS)
    transfer = next(e for e in entries if kind_of(e) == "transfer")
    assert subjects_of(transfer) == (
        "kind/transfer",
        f"account/{account_id('farm')}",
        f"account/{account_id('mill')}",
        f"batch/{BATCH}",
    )


def test_a_retirement_is_found_by_what_it_serves() -> None:
    book = Book()
    (remediation,) = parsed([book.retirement("farm", 1, 30, purpose="remediation", ref="ORDER-1")])
    assert "order/ORDER-1" in subjects_of(remediation.entry)
    (offset,) = parsed([book.retirement("mill", 1, 2, purpose="offset", ref="mill.test/2025")])
    assert "obligation/mill.test/2025" in subjects_of(offset.entry)
