"""Building evidence: exactly what the verifier wants, and an error where it cannot be had."""

from __future__ import annotations

import msgspec
import pytest

from registry.chain.errors import Broken, Malformed, Unavailable
from registry.ledger import entries as e
from registry.ledger import values as v
from registry.ledger.codec import format_record
from registry.ledger.entries.supply import NewProject
from registry.ledger.state import encode_value
from registry.ports import Published
from registry.verify import build, evidence
from registry.verify.build import build_evidence, find_certificate
from registry.verify.verifier import check_evidence
from tests.books import BATCH, DAY_MS, T0, TONNE, Book, account_id, party_key
from tests.verify.logs import MemoryLog, entry_of, log_trust, sample_log, standing_of
from tests.verify.twin import verify


def test_guide_and_file_agree_on_what_a_record_stands_on() -> None:
    log = sample_log()
    for index in range(log.size):
        checked = check_evidence(log.evidence(index), log.trust())
        assert sorted(checked.entries) == standing_of(log, index)


def test_dual_review_added_keys_recovery_mandate_and_rulebooks() -> None:
    book = Book()
    founding = book.founding()
    fields = entry_of(book.project("NEW", claims=("plot NEW",)))
    new = NewProject(**{n: getattr(fields, n) for n in NewProject.__struct_fields__})
    later = "CN-GD-PHCER-2023-000002"
    dual = entry_of(book.issuance(later, count=10))
    kept = {
        n: getattr(dual, n) for n in e.Issuance.__struct_fields__ if n not in ("signers", "project")
    }
    keys = (party_key("centre"), party_key("verifier"), party_key("farm"))
    second = party_key("farm", 7)
    recovery = {"holder": second.holder, "key": second.vkey}
    operator, authority = party_key("operator"), party_key("authority")
    notes = [
        *founding,
        book.note(e.Issuance, *keys, **{**kept, "new_project": new}),
        book.rulebook(2, key_recovery_delay_ms=0),
        book.note(e.Key, operator, authority, second, action="recover", **recovery),
        book.note(e.Key, operator, authority, action="complete", **recovery),
        book.mandate("exchange", "farm", kinds=("transfer", "retirement")),
    ]
    mandate = len(notes) - 1
    entry = entry_of(book.retirement("farm", 1, 2, batch=later, mandate=mandate))
    kept = {n: getattr(entry, n) for n in e.Retirement.__struct_fields__ if n != "signers"}
    notes += [
        book.note(e.Retirement, party_key("exchange"), **kept),
        book.transfer("farm", "mill", by=second),
    ]
    log = MemoryLog(book, notes)
    for index in range(len(founding), log.size):
        report = verify(log.evidence(index), log.trust())
        assert sorted(report.facts["records"]) == standing_of(log, index)
    by_mandate = verify(log.evidence(log.size - 2), log.trust())
    assert {mandate, 4, 19, 20} <= set(by_mandate.facts["records"])
    assert by_mandate.facts["signed_by"] == ["exchange.test"]
    assert "for NEW" in " ".join(s.en for s in by_mandate.statement)
    assert 22 in verify(log.evidence(log.size - 1), log.trust()).facts["records"]


def test_an_event_is_shown_by_its_newest_declaration() -> None:
    book = Book()
    notes = [
        *book.founding(),
        book.event(status="plan"),
        book.retirement("farm", 1, 5, purpose="event", ref="EVENT-1"),
        book.event(title="SAMPLE run, final"),
    ]
    log = MemoryLog(book, notes)
    report = verify(log.evidence(len(notes) - 2), log.trust())
    assert report.facts["event"]["status"] == "final"
    assert len(notes) - 1 in report.facts["records"]


def test_what_is_not_published_is_could_not_check() -> None:
    log = sample_log()
    for index in (-1, log.size):
        with pytest.raises(Unavailable, match=f"covers {log.size}"):
            log.evidence(index)
    log.published = lambda: None  # type: ignore[method-assign]  # a stand-in for it
    with pytest.raises(Unavailable, match="no checkpoint"):
        log.evidence(0)


def test_what_is_newer_than_the_checkpoint_is_not_shown() -> None:
    log = sample_log()
    older = Published(27, log.sign(27), T0)
    log.published = lambda: older  # type: ignore[method-assign]  # a stand-in for it
    with pytest.raises(Unavailable, match="covers 27 records, not the one at 27"):
        log.evidence(27)
    assert verify(log.evidence(26), log.trust()).size == 27


def test_a_log_that_does_not_hold_together_is_broken() -> None:
    log = sample_log()
    good, last = log.records[18], log.size - 7
    log.records[18] = good[:-10] + bytes([good[-10] ^ 1]) + good[-9:]
    with pytest.raises(Broken, match="published checkpoint"):
        log.evidence(last)
    log.records[18] = format_record(18, T0, b"hello\n")
    with pytest.raises(Broken):
        log.evidence(last)
    log.records[18] = good
    del log.state.values[f"batch/{BATCH}"]
    with pytest.raises(Broken, match="not in the state"):
        log.evidence(last)
    log.state.values[f"batch/{BATCH}"] = encode_value(v.Trade(index=3))
    with pytest.raises(Broken):
        log.evidence(last)


def test_a_file_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    log = sample_log()
    monkeypatch.setattr(build, "EVIDENCE_BYTES_MAX", 5_000)
    with pytest.raises(Malformed, match="more than 5000 bytes"):
        log.evidence(27)
    monkeypatch.setattr("registry.verify.standing.RECORDS_MAX", 5)
    monkeypatch.setattr(build, "EVIDENCE_BYTES_MAX", 10**9)
    with pytest.raises(Malformed, match="more than 5 records"):
        log.evidence(27)
    assert evidence.RECORDS_MAX > 1_000


def test_certificates_are_found_by_number() -> None:
    log = sample_log()
    assert find_certificate("CN-GD-R-0badc0de-27", log.state) == 27
    for number in ("CN-GD-R-0badc0de-28", "", "x" * 10_000, "../..", "批次"):
        with pytest.raises(Unavailable):
            find_certificate(number, log.state)


def test_trust_of_a_book_is_what_its_genesis_says() -> None:
    log = sample_log()
    genesis = entry_of(log.book.genesis())
    assert isinstance(genesis, e.Genesis)
    listed = {key.key for key in log_trust(log.book).log_keys}
    assert listed == {genesis.log_keys.ed25519, genesis.log_keys.mldsa44}
    assert msgspec.structs.asdict(log_trust(log.book))["origin"] == log.book.origin
    assert build_evidence(0, log, log.hashes) == log.evidence(0)
    assert (DAY_MS, TONNE, len(account_id("farm"))) == (86_400_000, 1_000_000, 28)
