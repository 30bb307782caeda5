"""Receipts: a person's amount, up to a commitment that a verified file shows."""

from __future__ import annotations

import msgspec
import pytest

from registry.chain.errors import Malformed, NotTrusted, TanbuError
from registry.ledger import entries as e
from registry.ledger.people import Leaf, LeafFile, commit_of, format_receipt, receipt_for
from registry.verify.receipt import verify_receipt
from tests.books import TONNE, Book, party_key
from tests.verify.logs import MemoryLog, entry_of

LEAVES = tuple(
    Leaf(amount=n * 1_000, person=f"user-{n % 3}", act=f"ride {n}", salt=f"{n:064x}")
    for n in range(1, 11)
)
FILE = LeafFile(unit="points", leaves=LEAVES)
RECEIPT = format_receipt(receipt_for(FILE, "user-1"))


@pytest.fixture(scope="module")
def log() -> MemoryLog:
    book = Book()
    commit = commit_of(LEAVES)
    entry = entry_of(book.redemption(commit.total))
    fields = {n: getattr(entry, n) for n in entry.__struct_fields__ if n != "signers"}
    notes = [
        *book.founding(),
        book.points_scheme(),
        book.to_points("farm", TONNE),
        book.note(
            e.Redemption, party_key("points"), party_key("platform"), **{**fields, "commit": commit}
        ),
    ]
    return MemoryLog(book, notes)


def test_a_receipt_proves_its_amount(log: MemoryLog) -> None:
    report = verify_receipt(RECEIPT, log.evidence(log.size - 1), log.trust())
    assert report.facts["amount"] == 22_000
    assert report.facts["total"] == 55_000
    assert report.steps[-1].number == len(report.steps)
    assert "22000 points" in report.statement[0].en
    assert "22000 积分" in report.statement[0].zh
    assert any("another platform" in s.en or "elsewhere" in s.en for s in report.not_checked)


def test_another_entry_has_no_such_commitment(log: MemoryLog) -> None:
    with pytest.raises(NotTrusted, match="commits to no acts"):
        verify_receipt(RECEIPT, log.evidence(log.size - 2), log.trust())
    with pytest.raises(NotTrusted, match="commits to no acts"):
        verify_receipt(RECEIPT, log.evidence(0), log.trust())


def test_another_unit_or_commitment_is_not_good(log: MemoryLog) -> None:
    evidence = log.evidence(log.size - 1)
    grams = format_receipt(receipt_for(LeafFile(unit="mg", leaves=LEAVES), "user-1"))
    with pytest.raises(NotTrusted, match="counts mg"):
        verify_receipt(grams, evidence, log.trust())
    fewer = format_receipt(receipt_for(LeafFile(unit="points", leaves=LEAVES[1:]), "user-1"))
    with pytest.raises(NotTrusted, match="another commitment"):
        verify_receipt(fewer, evidence, log.trust())


def test_a_bent_receipt_is_not_good(log: MemoryLog) -> None:
    evidence = log.evidence(log.size - 1)
    value = msgspec.json.decode(RECEIPT)
    value["parts"][0]["amount"] += 1
    with pytest.raises(NotTrusted):
        verify_receipt(msgspec.json.encode(value, order="sorted") + b"\n", evidence, log.trust())
    for at in range(0, len(RECEIPT), 23):
        bent = RECEIPT[:at] + bytes([RECEIPT[at] ^ 1]) + RECEIPT[at + 1 :]
        with pytest.raises(TanbuError):
            verify_receipt(bent, evidence, log.trust())
    with pytest.raises(Malformed):
        verify_receipt(b"", evidence, log.trust())
