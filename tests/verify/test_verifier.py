"""Verifying: the sample's every record is good; forged files fail, each at the step it should."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import pytest
from msgspec import UNSET

from registry.chain import tlog
from registry.chain.checkpoint import Checkpoint, sign_checkpoint
from registry.chain.errors import Malformed, NotTrusted, TanbuError, Unavailable
from registry.chain.note import Note, format_note, parse_note
from registry.ledger import entries as e
from registry.ledger.codec import format_record, parse_record
from registry.ledger.entries.authority import EnrolledKey, Founder
from registry.ledger.entries.moving import MandateLimits
from registry.ledger.people import format_opening, obligor_commit
from registry.ledger.signing import SigningKey
from registry.verify.evidence import format_evidence
from registry.verify.report import exit_code, failure
from registry.verify.trust import Trust, TrustedKey
from registry.verify.verifier import TITLES, check_evidence
from tests.books import (
    BATCH,
    DAY_MS,
    ORIGIN,
    T0,
    TONNE,
    Beneficiary,
    Book,
    Obligor,
    OpeningPart,
    account_id,
    account_key,
    party_key,
    party_name,
    seed,
)
from tests.verify.logs import (
    MemoryLog,
    entry_of,
    index_of_kind,
    log_trust,
    sample_log,
    standing_of,
)
from tests.verify.twin import verify

TRUST = Trust((log_trust(Book()),))


@pytest.fixture(scope="module")
def log() -> MemoryLog:
    return sample_log()


def test_every_record_of_the_sample_proves_itself(log: MemoryLog) -> None:
    for index in range(log.size):
        data = log.evidence(index)
        report = verify(data, TRUST)
        assert report.facts["subject"] == index
        assert [step.number for step in report.steps] == list(range(1, len(TITLES) + 1))
        assert report.size == log.size
        assert "nothing is known" in report.not_checked[0].en
        assert all(s.en and s.zh for s in (*report.not_checked, *report.statement))


def test_a_retirement_for_an_order_says_what_a_court_wants(log: MemoryLog) -> None:
    report = verify(log.evidence(27), TRUST)
    text = " ".join(s.en for s in report.statement)
    for words in ("30 t", "30001–30030", "finally retired on 2026-01-01", "(2026) SAMPLE 1"):
        assert words in text
    assert "CN-GD-R-0badc0de-27" in text
    assert "cannot be transferred" in text
    assert "signed by centre.test, verifier.test" in text
    assert report.facts["quantity_g"] == 30 * TONNE
    assert report.facts["order"]["obligors"] == [{"firm": "SAMPLE firm"}]
    chinese = "\n".join(report.lines("zh"))
    assert "最终注销" in chinese
    assert "30 吨" in chinese
    value = report.as_json()
    assert msgspec.json.decode(msgspec.json.encode(value)) == value
    assert (value["result"], value["exit"]) == ("good", 0)


def test_a_recorded_order_and_an_opening_are_said_to_be_unproved() -> None:
    book = Book()
    taken_over = "CN-GD-PHCER-2016-000009"
    parts = (OpeningPart(first=1, last=50, status="free", account=account_id("farm")),)
    notes = [*book.founding(), book.opening(taken_over, parts)]
    order = book.note(
        e.Order,
        party_key("exchange"),
        party_key("authority"),
        order="ORDER-2",
        issuer="SAMPLE court",
        origin="recorded",
        instrument_type="judgment",
        number="(2026) SAMPLE 2",
        instrument_sha256="ab" * 32,
        date="2025-12-30",
        effective_ms=T0,
        obligors=(Obligor(commit=obligor_commit("cd" * 32, "SAMPLE person", "X1")),),
        quantity_g=30 * TONNE,
    )
    notes += [
        order,
        book.retirement(
            "farm", 1, 30, batch=taken_over, purpose="remediation", ref="ORDER-2",
            beneficiary=Beneficiary(project="FARM"),
        ),
    ]  # fmt: skip
    log = MemoryLog(book, notes)
    data = log.evidence(log.size - 1)
    report = verify(data, TRUST)
    unchecked = " ".join(s.en for s in report.not_checked)
    assert "(SAMPLE court) was not checked: the order was recorded by" in unchecked
    assert "taken over from Sample registry, not proved" in unchecked
    assert "was taken over from Sample registry by record" in " ".join(
        s.en for s in report.statement
    )
    opened = verify(data, TRUST, opening=format_opening("cd" * 32, "SAMPLE person", "X1"))
    assert opened.facts["opened"] == {"obligor": 0, "name": "SAMPLE person"}
    with pytest.raises(NotTrusted, match="no obligor"):
        verify(data, TRUST, opening=format_opening("ce" * 32, "SAMPLE person", "X1"))
    with pytest.raises(Malformed, match="no order"):
        verify(log.evidence(1), TRUST, opening=format_opening("cd" * 32, "A", "B"))


# ---------------------------------------------------------------- forged files


def pairs_of(log: MemoryLog, indexes: Sequence[int]) -> list[tuple[bytes, tuple[bytes, ...]]]:
    return [
        (log.records[n], tlog.prove_inclusion(n, log.size, log.hashes)) for n in sorted(indexes)
    ]


def forged(notes: Sequence[bytes], book: Book, *, whole: bool = False) -> bytes:
    """Evidence about the last of `notes` from a log that took them in without any rule."""
    log = MemoryLog(book, notes, check=False)
    subject = log.size - 1
    indexes = range(log.size) if whole else standing_of(log, subject)
    return format_evidence(subject, log.note, pairs_of(log, indexes))


def rejected(
    data: bytes, kind: type[TanbuError], step: int, words: str, trust: Trust = TRUST
) -> None:
    with pytest.raises(kind) as caught:
        verify(data, trust)
    assert caught.value.where.startswith(f"step {step}, "), caught.value
    assert words in str(caught.value)


def proof_28(log: MemoryLog) -> tuple[bytes, ...]:
    return tlog.prove_inclusion(28, log.size, log.hashes)


def signed_by(seeds: tuple[bytes, bytes], origin: str = ORIGIN) -> Callable[[MemoryLog], bytes]:
    return lambda log: sign_checkpoint(
        Checkpoint(origin, log.size, log.root(log.size)), *seeds, T0 // 1_000
    )


def evidence_with(log: MemoryLog, note: bytes) -> bytes:
    indexes = check_evidence(log.evidence(27), TRUST).entries
    return format_evidence(27, note, pairs_of(log, sorted(indexes)))


def without_line(note: bytes, at: int) -> bytes:
    parsed = parse_note(note)
    lines = tuple(line for n, line in enumerate(parsed.signatures) if n != at)
    return format_note(Note(parsed.text, lines))


def test_the_helper_makes_good_files(log: MemoryLog) -> None:
    assert evidence_with(log, log.note) == log.evidence(27)


def test_step_1_form() -> None:
    rejected(b"{}", Malformed, 1, "not an evidence file")


def test_step_2_a_log_that_trust_does_not_name(log: MemoryLog) -> None:
    other = Book("other.invalid/log/00000000")
    rejected(forged([other.genesis()], other), Unavailable, 2, "other.invalid/log/00000000")
    rejected(log.evidence(0), Unavailable, 2, "not among", Trust(()))
    key = TrustedKey(key=Book().log_vkeys()[0], until_size=5)
    old = msgspec.structs.replace(log_trust(Book()), log_keys=(key,))
    rejected(log.evidence(0), Unavailable, 2, "no Ed25519 key", Trust((old,)))


def test_step_3_the_checkpoint(log: MemoryLog) -> None:
    book = log.book
    wrong_root = sign_checkpoint(
        Checkpoint(ORIGIN, log.size, b"r" * 32), seed("x"), book.mldsa44_seed, T0 // 1_000
    )
    rejected(evidence_with(log, wrong_root), NotTrusted, 3, "Ed25519 line")
    stolen_one = signed_by((book.ed25519_seed, seed("not its")))(log)
    rejected(evidence_with(log, stolen_one), NotTrusted, 3, "ML-DSA-44 line")
    stranger = signed_by((seed("x"), seed("y")))(log)
    rejected(evidence_with(log, stranger), Unavailable, 3, "or it is forged")
    rejected(evidence_with(log, without_line(log.note, 1)), NotTrusted, 3, "ML-DSA-44 line")
    rejected(evidence_with(log, without_line(log.note, 0)), NotTrusted, 3, "Ed25519 line")
    text, _, lines = log.note.partition(b"\n\n")
    other = log.sign(log.size - 1).partition(b"\n\n")[0]
    rejected(evidence_with(log, other + b"\n\n" + lines), NotTrusted, 3, "not good")
    assert text != other


def test_step_4_inclusion(log: MemoryLog) -> None:
    indexes = sorted(check_evidence(log.evidence(27), TRUST).entries)
    pairs = pairs_of(log, indexes)
    bent = [(r, p[1:] + p[:1]) if n == 5 else (r, p) for n, (r, p) in enumerate(pairs)]
    rejected(format_evidence(27, log.note, bent), NotTrusted, 4, "record 8")
    short = [(r, p[1:]) if n == 5 else (r, p) for n, (r, p) in enumerate(pairs)]
    rejected(format_evidence(27, log.note, short), NotTrusted, 4, "hashes instead of")
    moved = parse_record(log.records[27]).note
    elsewhere = [*pairs[:-1], (format_record(28, T0, moved), proof_28(log))]
    rejected(format_evidence(28, log.note, elsewhere), NotTrusted, 4, "record 28")
    beyond = [*pairs[:-1], (format_record(99, T0, moved), proof_28(log))]
    rejected(format_evidence(99, log.note, beyond), NotTrusted, 4, "covers 38 records")
    smaller = [(r, p) for r, p in pairs]
    rejected(format_evidence(27, log.sign(30), smaller), NotTrusted, 4, "record 0")


def test_step_5_entries() -> None:
    book = Book()
    other = Book("other.invalid/log/00000000")
    rejected(forged([book.genesis(), other.rulebook()], book), NotTrusted, 5, "for the log other")
    rejected(forged([book.genesis(), b"hello\n"], book, whole=True), NotTrusted, 5, "not an entry")
    rejected(forged([book.rulebook(), book.genesis()], book, whole=True), NotTrusted, 5, "genesis")
    rejected(forged([book.genesis(), book.genesis()], book, whole=True), NotTrusted, 5, "genesis")
    rejected(forged([book.genesis(ruleset=7)], book), Unavailable, 5, "ruleset 7")
    unknown = book.genesis().replace(b'"kind":"genesis"', b'"kind":"lease"')
    rejected(forged([book.genesis(), unknown], book, whole=True), Unavailable, 5, "of kind 'lease'")
    log = MemoryLog(book, [book.genesis(), book.rulebook()], check=False)
    log.records[1] = format_record(1, T0 - 1, parse_record(log.records[1]).note)
    log.hashes = tlog.LeafHashes(map(tlog.leaf_hash, log.records))
    data = format_evidence(1, log.sign(2), pairs_of(log, (0, 1)))
    rejected(data, NotTrusted, 5, "time goes back")


def test_step_6_standing(log: MemoryLog) -> None:
    indexes = sorted(check_evidence(log.evidence(27), TRUST).entries)
    for missing in indexes[:-1]:
        left = [n for n in indexes if n != missing]
        data = format_evidence(27, log.note, pairs_of(log, left))
        rejected(data, NotTrusted, 6, "lacks" if missing not in (0, 1) else "")
    for extra in set(range(log.size)) - set(indexes):
        data = format_evidence(27, log.note, pairs_of(log, sorted([*indexes, extra])))
        rejected(data, NotTrusted, 6, f"record {extra}")
    book = Book()
    notes = [book.genesis(), book.rulebook(), book.enrol("farm"), book.enrol("farm")]
    rejected(forged(notes, book, whole=True), NotTrusted, 6, "is made twice")
    book = Book()
    before = [book.genesis(), book.account("farm"), book.enrol("farm")]
    log_of = MemoryLog(book, before, check=False)
    data = format_evidence(1, log_of.note, pairs_of(log_of, (0, 1, 2)))
    rejected(data, NotTrusted, 6, "comes only at index 2")


def test_step_7_genesis_of_another_authority(log: MemoryLog) -> None:
    other = msgspec.structs.replace(
        log_trust(Book()), authority_keys=(party_key("authority", 1).vkey,)
    )
    rejected(log.evidence(27), NotTrusted, 7, "authority.test", Trust((other,)))
    # The trusted key is enrolled, but as the operator's.
    book = Book()
    operator, authority = party_key("operator"), party_key("authority")
    swapped = book.genesis(
        operator=Founder(party=authority.holder, title="Sample operator"),
        authority=Founder(party=operator.holder, title="Sample authority"),
    )
    rejected(forged([swapped], book), NotTrusted, 7, "operator.test")


def bend(note: bytes, line: int = 0) -> bytes:
    parsed = parse_note(note)
    lines = list(parsed.signatures)
    body = lines[line].body
    lines[line] = msgspec.structs.replace(lines[line], body=bytes([body[0] ^ 1]) + body[1:])
    return format_note(Note(parsed.text, tuple(lines)))


def test_step_8_signatures() -> None:
    book = Book()
    genesis = book.genesis()
    rejected(forged([genesis, bend(book.rulebook())], book), NotTrusted, 8, "not good")
    rejected(forged([bend(genesis, 1)], book), NotTrusted, 8, "record 0")
    party = book.enrol("farm")
    stranger = book.note(e.Mandate, party_key("farm", 1), **mandate_fields(book))
    rejected(forged([genesis, party, stranger], book), NotTrusted, 6, "lacks key/farm.test")
    ended = book.enrol("farm", keys=(EnrolledKey(key=party_key("farm").vkey, until_ms=T0),))
    account = book.account("farm")
    rejected(forged([genesis, ended, account], book), NotTrusted, 8, "not in force")
    early = book.enrol("farm", keys=(EnrolledKey(key=party_key("farm").vkey, from_ms=T0 + 1),))
    rejected(forged([genesis, early, account], book), NotTrusted, 8, "not in force")


def mandate_fields(book: Book) -> dict[str, object]:
    return {
        "agent": party_name("farm"),
        "accounts": (account_id("farm"),),
        "kinds": ("transfer",),
        "until_ms": T0 + DAY_MS,
        "limits": MandateLimits(),
    }


def test_step_8_possession_and_one_holder_per_key() -> None:
    book = Book()
    genesis = book.genesis()
    without = book.note(
        e.Party,
        party_key("operator"),
        party=party_name("farm"),
        title="Sample farm",
        roles=("owner",),
        keys=(EnrolledKey(key=party_key("farm").vkey),),
    )
    rejected(forged([genesis, without], book), NotTrusted, 8, "did not sign")
    stolen = SigningKey("mill.test", party_key("farm").seed)
    twice = book.note(
        e.Party,
        party_key("operator"),
        stolen,
        party=party_name("mill"),
        title="Sample mill",
        roles=("owner",),
        keys=(EnrolledKey(key=stolen.vkey),),
    )
    notes = [genesis, book.enrol("farm"), book.account("farm"), twice]
    both = book.note(
        e.Mandate,
        party_key("farm"),
        **{**mandate_fields(book), "agent": "mill.test"},
    )
    rejected(forged([*notes, both], book), NotTrusted, 8, "serves twice")
    other_name = book.enrol("farm", keys=(EnrolledKey(key=party_key("mill").vkey),))
    rejected(forged([genesis, other_name], book), NotTrusted, 6, "lacks key/farm.test")


def test_step_9_powers() -> None:
    book = Book()
    genesis, rulebook = book.genesis(), book.rulebook()
    alone = book.note(
        e.Party,
        party_key("operator"),
        party_key("court"),
        party=party_name("court"),
        title="Sample court",
        roles=("court",),
        keys=(EnrolledKey(key=party_key("court").vkey),),
    )
    rejected(forged([genesis, alone, book.order()], book), NotTrusted, 9, "no authority")
    owner = book.enrol("farm")
    false_order = book.note(e.Order, party_key("farm"), **order_fields(book, "signed"))
    rejected(forged([genesis, owner, false_order], book), NotTrusted, 9, "neither court")
    recorded = book.note(e.Order, party_key("authority"), **order_fields(book, "recorded"))
    rejected(forged([genesis, recorded], book), NotTrusted, 9, "no exchange")
    lone = book.note(e.Rulebook, party_key("operator"), **unsigned(rulebook))
    rejected(forged([genesis, lone], book), NotTrusted, 9, "no authority")


def order_fields(book: Book, origin: str) -> dict[str, object]:
    fields = unsigned(book.order())
    return {**fields, "origin": origin}


def unsigned(note: bytes) -> dict[str, object]:
    """The fields of an entry without its signers."""
    entry = entry_of(note)
    return {n: getattr(entry, n) for n in entry.__struct_fields__ if n != "signers"}


def test_step_9_an_issuance_by_one_organisation() -> None:
    book = Book(now_ms=T0)
    founding = book.founding()[:-1]
    one = party_key("centre")
    note = book.note(e.Issuance, one, **unsigned(book.issuance()))
    rejected(forged([*founding, note], book), NotTrusted, 9, "no verifier")


def test_step_9_a_retirement_that_the_owner_did_not_sign() -> None:
    book = Book()
    founding = book.founding()
    note = book.note(e.Retirement, party_key("mill"), **unsigned(book.retirement("farm", 1, 2)))
    rejected(forged([*founding, note], book), NotTrusted, 9, "owner of")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kinds": ("retirement",)}, "does not cover"),
        ({"accounts": (account_id("ann"),)}, "does not cover"),
        ({"until_ms": T0 - 1}, "had ended"),
    ],
)
def test_step_9_a_mandate_that_does_not_reach(fields: dict[str, object], words: str) -> None:
    book = Book()
    notes = [*book.founding(), book.person("ann")]
    mandate = book.mandate("exchange", "farm", **fields)
    if "accounts" in fields:
        mandate = book.note(e.Mandate, account_key("ann"), **unsigned(mandate))
    index = len(notes)
    moved = book.transfer(
        "farm", "mill", by=party_key("exchange"), mandate=index, reason="internal"
    )
    rejected(forged([*notes, mandate, moved], book), NotTrusted, 9, words)


def test_step_9_a_mandate_that_was_replaced() -> None:
    book = Book()
    notes = [*book.founding(), book.person("ann")]
    index = len(notes)
    notes.append(book.mandate("exchange", "farm"))
    later = book.mandate("exchange", "farm", replaces=index, until_ms=T0 + DAY_MS)
    moved = book.transfer(
        "farm", "mill", by=party_key("exchange"), mandate=index + 1, reason="internal"
    )
    log = MemoryLog(book, [*notes, later, moved])
    report = verify(log.evidence(log.size - 1), log.trust())
    assert {index, index + 1} <= set(report.facts["records"])
    of_another = book.note(
        e.Mandate,
        account_key("ann"),
        **{**unsigned(later), "accounts": (account_id("ann"),)},
    )
    rejected(forged([*notes, of_another], book), NotTrusted, 9, "has not signed")
    itself = book.mandate("exchange", "farm", replaces=index + 1)
    rejected(forged([*notes, itself], book), NotTrusted, 9, "none from before it")


def test_step_6_an_issuance_for_no_project() -> None:
    for name in ("UNSET", "None"):
        book = Book()
        notes = [*book.founding(), book.project(name, claims=("plot Z",))]
        notes.append(book.issuance("CN-GD-PHCER-2019-000001", project=UNSET))
        rejected(forged(notes, book, whole=True), NotTrusted, 6, "project/")


def test_step_10_serials() -> None:
    for first, last in ((41_559, 41_560), (5, 4)):
        book = Book()
        notes = [*book.founding(), book.retirement("farm", first, last)]
        data = forged(notes, book)
        rejected(data, NotTrusted, 10, f"not {first} to {last}")
    book = Book()
    items = tuple(e.SpanItem(batch=BATCH, first=n, last=n + 2) for n in (1, 3))
    notes = [*book.founding(), book.retirement("farm", 1, 2, items=items)]
    data = forged(notes, book)
    rejected(data, NotTrusted, 10, "named twice")


def test_failures_have_exit_codes() -> None:
    codes = {Malformed: 2, NotTrusted: 1, Unavailable: 3}
    for kind, code in codes.items():
        error = kind("it failed", where="step 1", todo="look")
        assert exit_code(error) == failure(error).exit == code
        assert failure(error).line() == "step 1: it failed (look)"
        assert failure(error).as_json()["exit"] == code
    assert exit_code(None) == 0


def test_a_file_is_verified_soon(log: MemoryLog) -> None:
    assert index_of_kind(log, "retirement") == 27
    assert len(log.evidence(27)) < 40_000
