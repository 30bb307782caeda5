"""What entries are about: lists of entries must find them again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

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
    assert {"retirement", "reservation", "pledge", "freeze"} == set(WORDS) - {
        s.partition("/")[0] for s in everything
    }
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


A, B = account_id("farm"), account_id("mill")
SPAN = {"batch": BATCH, "first": 1, "last": 2}
COURT = {"issuer": "C", "origin": "signed", "instrument_sha256": "ab" * 32}
FREEZE = COURT | {"instrument_type": "judgment", "number": "1"}
EXECUTION = {"freeze": 7, "origin": "signed", "instrument_sha256": "ab" * 32}
GRAMS = ("free_g", "reserved_g", "pooled_g", "buffer_g", "retired_g", "cancelled_g")
SEAL = {"size": 7, "root": "ab" * 32, "count": 1, "totals": dict.fromkeys(GRAMS, 0)}
AT_7 = "0000000000000007"
ABOUT = [
    (
        "reservation",
        {"from": A, "to": B, "items": [SPAN], "reason": "internal", "expires_ms": 1},
        [f"account/{A}", f"account/{B}", f"batch/{BATCH}"],
    ),
    ("settlement", {"reservation": 7}, [f"reservation/{AT_7}"]),
    ("settlement", {"reservation": 7, "items": [SPAN]}, [f"batch/{BATCH}", f"reservation/{AT_7}"]),
    ("release", {"reservation": 7}, [f"reservation/{AT_7}"]),
    (
        "pledge",
        {"account": A, "items": [SPAN], "pledgee": "bank.test"},
        [f"account/{A}", f"batch/{BATCH}", "party/bank.test"],
    ),
    ("unpledge", {"pledge": 7, "items": [SPAN]}, [f"batch/{BATCH}", f"pledge/{AT_7}"]),
    ("freeze", FREEZE | {"account": A, "items": [SPAN]}, [f"account/{A}", f"batch/{BATCH}"]),
    ("freeze", FREEZE | {"batch": BATCH}, [f"batch/{BATCH}"]),
    ("unfreeze", {"freeze": 7, "origin": "lapsed"}, [f"freeze/{AT_7}"]),
    (
        "execution",
        EXECUTION | {"account": A, "items": [SPAN], "to": B},
        [f"account/{A}", f"account/{B}", f"batch/{BATCH}", f"freeze/{AT_7}"],
    ),
    (
        "order_change",
        {"order": "o", "effect": "annul", "instrument_sha256": "ab" * 32},
        ["order/o"],
    ),
    (
        "cancellation",
        {
            "project": "p",
            "reason": "reversal",
            "items": [SPAN | {"account": A}],
            "cover_items": [SPAN | {"account": B}],
        },
        [f"account/{A}", f"account/{B}", f"batch/{BATCH}", "project/p"],
    ),
    (
        "correction",
        {"of": 7, "subject": "order/o", "field": "issuer", "value": "C"},
        ["order/o"],
    ),
    (
        "notice",
        {"about": "retirement/CN-GD-R-0badc0de-27", "code": "n"},
        ["retirement/CN-GD-R-0badc0de-27"],
    ),
    ("notice", {"about": "methodology/m/1", "code": "n"}, ["methodology/m"]),
    (
        "swap",
        {"scheme": "a", "points": 1, "to_scheme": "b", "to_points": 2},
        ["scheme/a", "scheme/b"],
    ),
    ("seal", SEAL, []),
    ("end", SEAL | {"reason": "r"}, []),
    ("expiry", {"scheme": "a", "lot": 7, "points": 1, "account": A}, [f"account/{A}", "scheme/a"]),
]


@pytest.mark.parametrize(("kind", "fields", "wanted"), ABOUT)
def test_what_answers_an_earlier_entry_is_found_by_it(
    kind: str, fields: dict[str, Any], wanted: list[str]
) -> None:
    common = {"kind": kind, "id": "01935b00-0000-7000-8000-000000000000", "not_after": 1}
    entry = msgspec.convert(common | {"signers": ["a.test+00000000"]} | fields, KINDS[kind])
    assert subjects_of(entry) == (f"kind/{kind}", *wanted)
