"""Evidence of entries that bind, free, change and put right: what they stand on, who signs."""

from __future__ import annotations

from typing import Any

import pytest

from registry.chain.errors import NotTrusted
from registry.ledger import entries as e
from registry.ledger.entries import KINDS, kind_of
from registry.ledger.entries.common import SpanItem
from registry.verify.evidence import format_evidence, parse_evidence
from registry.verify.standing import stands_on
from registry.verify.verifier import check_evidence
from registry.verify.words import KIND_WORDS
from tests.answers import BANK, FARM, MILL, Answers
from tests.books import BATCH, TONNE, party_key
from tests.verify.logs import MemoryLog, entry_of, standing_of
from tests.verify.twin import verify


@pytest.fixture(scope="module")
def told() -> Answers:
    return Answers()


@pytest.fixture(scope="module")
def log(told: Answers) -> MemoryLog:
    return MemoryLog(told.book, told.notes, times=told.times)


def test_every_kind_is_verified_and_file_and_guide_agree(told: Answers, log: MemoryLog) -> None:
    assert set(KIND_WORDS) == set(KINDS)
    shown = {kind_of(entry_of(note)) for note in told.notes}
    elsewhere = {"seal", "end", "mandate", "event", "obligation", "redemption", "opening", "key"}
    assert set(KINDS) - shown == elsewhere
    for index in range(log.size):
        report = verify(log.evidence(index), log.trust())
        assert report.facts["records"] == standing_of(log, index), index
        assert all(s.en and s.zh for s in report.statement)


STANDING = [
    ("settlement", ["reservation settled"]),
    ("release", ["reservation released"]),
    ("pledge", ["bank"]),
    ("unpledge", ["pledge", "bank"]),
    ("execution", ["freeze"]),
    ("unfreeze", ["freeze recorded"]),
    ("order", ["reduce", "suspend"]),
    ("reduce", ["order", "suspend"]),
    ("retirement", ["order", "reduce", "suspend"]),
    ("transfer", ["account"]),
    ("account again", ["account"]),
    ("resumed", ["suspended"]),
    ("issuance", ["suspended", "resumed"]),
    ("cancellation", ["account", "account again", "resumed"]),
    ("notice", ["retirement", "order"]),
    ("correction", ["order"]),
]


@pytest.mark.parametrize(("name", "others"), STANDING)
def test_what_each_stands_on(told: Answers, log: MemoryLog, name: str, others: list[str]) -> None:
    index = told.at[name]
    records = set(check_evidence(log.evidence(index), log.trust()).entries)
    assert {told.at[other] for other in others} <= records
    later = {n for n in records if n > index}
    assert later <= {told.at["reduce"], told.at["suspend"]}


def test_a_changed_order_is_told_with_its_retirement(told: Answers, log: MemoryLog) -> None:
    report = verify(log.evidence(told.at["retirement"]), log.trust())
    said = " ".join(s.en for s in report.statement)
    assert f"ORDER-1 was reduced to 20 t by record {told.at['reduce']}" in said
    assert f"ORDER-1 was suspended by record {told.at['suspend']}" in said
    assert "At least 10 t of it are therefore voluntary" in said
    assert report.facts["voluntary_g_min"] == 10 * TONNE
    assert [c["effect"] for c in report.facts["order_changes"]] == ["reduce", "suspend"]


def test_an_annulled_order_leaves_all_voluntary() -> None:
    told = Answers()
    change = {"order": "ORDER-1", "instrument_sha256": "ab" * 32, "effect": "annul"}
    index = told.add("annul", e.OrderChange, "court", **change)
    log = MemoryLog(told.book, told.notes, times=told.times)
    report = verify(log.evidence(told.at["retirement"]), log.trust())
    said = " ".join(s.en for s in report.statement)
    assert f"annulled by record {index}" in said
    assert "All of it, 30 t, is therefore voluntary" in said
    assert index not in verify(log.evidence(told.at["transfer"]), log.trust()).facts["records"]


def test_a_change_that_is_left_out_of_the_middle_is_not_standing(
    told: Answers, log: MemoryLog
) -> None:
    """A file may lack a change without showing it; it may not hold one that nothing refers to."""
    index = told.at["settlement"]
    held = [r.read.index for r in parse_evidence(log.evidence(index)).records]
    later = told.at["account"]
    pairs = [(log.records[n], tuple(log.proof(n))) for n in sorted([*held, later])]
    with pytest.raises(NotTrusted, match=f"record {later}"):
        check_evidence(format_evidence(index, log.note, pairs), log.trust())


SPANS = (SpanItem(batch=BATCH, first=5, last=6),)
RESERVE: dict[str, Any] = {"from_": FARM, "to": MILL, "reason": "internal", "expires_ms": 2**50}
FREEZE: dict[str, Any] = {
    "issuer": "C",
    "origin": "signed",
    "instrument_type": "ruling",
    "number": "1",
    "instrument_sha256": "ab" * 32,
}
FORGED: list[tuple[type[e.Common], tuple[str, ...], dict[str, Any], str]] = [
    (e.Reservation, ("mill",), RESERVE | {"items": SPANS}, "owner of"),
    (e.Settlement, ("mill",), {"reservation": "reservation open"}, "owner of"),
    (e.Release, ("mill",), {"reservation": "reservation settled"}, ""),
    (e.Pledge, ("farm",), {"account": FARM, "pledgee": "bank.test", "items": SPANS}, "bank.test"),
    (e.Pledge, ("farm",), {"account": FARM, "pledgee": "farm.test", "items": SPANS}, "no pledgee"),
    (e.Unpledge, ("farm",), {"pledge": "pledge"}, "bank.test has not signed"),
    (e.Freeze, ("farm",), FREEZE | {"account": FARM}, "neither court nor"),
    (e.Freeze, ("court",), FREEZE | {"account": FARM, "origin": "recorded"}, "no exchange"),
    (e.Unfreeze, ("farm",), {"freeze": "freeze", "origin": "signed"}, "neither court"),
    (e.Unfreeze, ("farm",), {"freeze": "freeze", "origin": "lapsed"}, "not over"),
    (
        e.Execution,
        ("farm",),
        {"freeze": "freeze", "origin": "signed", "account": FARM, "items": SPANS, "to": MILL}
        | {"instrument_sha256": "ab" * 32},
        "neither court",
    ),
    (
        e.OrderChange,
        ("exchange", "farm"),
        {"order": "ORDER-1", "effect": "annul", "instrument_sha256": "ab" * 32},
        "neither court",
    ),
    (
        e.OrderChange,
        ("authority",),
        {"order": "ORDER-1", "effect": "annul", "instrument_sha256": "ab" * 32},
        "no court",
    ),
    (
        e.Unfreeze,
        ("authority",),
        {"freeze": "freeze", "origin": "signed", "instrument_sha256": "ab" * 32},
        "no court",
    ),
    (e.Cancellation, ("centre",), {"project": "FARM", "reason": "reversal"}, "no authority"),
    (
        e.Correction,
        ("authority",),
        {"of": "order", "subject": "order/ORDER-1", "field": "issuer", "value": "X"},
        "no operator",
    ),
    (e.Notice, ("farm",), {"about": "order/ORDER-1", "code": "x"}, "neither operator"),
    (
        e.Swap,
        ("farm",),
        {"scheme": "LEAF", "points": 1, "to_scheme": "TREE", "to_points": 1},
        "points.test has not signed",
    ),
    (e.Expiry, ("farm",), {"scheme": "LEAF", "lot": 1, "points": 1}, "points.test has not"),
    (
        e.Expiry,
        ("points",),
        {"scheme": "LEAF", "lot": 1, "points": 1, "account": FARM},
        "not the authority's",
    ),
]


@pytest.mark.parametrize(("kind", "by", "fields", "why"), FORGED)
def test_a_log_that_takes_in_what_nobody_may_sign_is_not_trusted(
    kind: type[e.Common], by: tuple[str, ...], fields: dict[str, Any], why: str
) -> None:
    told = Answers()
    references = ("reservation", "pledge", "freeze", "of")
    fields = {n: told.at[f] if n in references else f for n, f in fields.items()}
    index = told.add("forged", kind, *by, **fields)
    good = MemoryLog(told.book, told.notes[:index], times=told.times[:index])
    log = MemoryLog(told.book, told.notes, times=told.times, check=False)
    log.state = good.state
    data = log.evidence(index)
    if not why:  # long expired: anyone may
        assert check_evidence(data, log.trust()).subject == index
        return
    with pytest.raises(NotTrusted, match=why) as caught:
        check_evidence(data, log.trust())
    assert "step 9" in caught.value.where


def test_what_must_stay_stays_when_an_entry_is_sent_again() -> None:
    told = Answers()
    kinds = {"account": b'"kind":"account"', "project": b'"kind":"project"'}
    first = {n: next(x for x in told.notes if mark in x) for n, mark in kinds.items()}
    owner = told.again(first["account"], "x", "farm", "mill", owner="mill.test")
    project = told.again(
        first["project"], "y", "centre", "authority", status="closed", not_in_ets=False
    )
    good = MemoryLog(told.book, told.notes[:owner], times=told.times[:owner])
    log = MemoryLog(told.book, told.notes, times=told.times, check=False)
    log.state = good.state
    for index in (owner, project):
        with pytest.raises(NotTrusted, match="says something else"):
            check_evidence(log.evidence(index), log.trust())


def test_what_each_refers_to_is_named_once(told: Answers) -> None:
    for note in told.notes:
        names = stands_on(entry_of(note))
        assert len(set(names)) == len(names)
    assert BANK.holder == "bank.test"
    assert party_key("farm").holder == "farm.test"
