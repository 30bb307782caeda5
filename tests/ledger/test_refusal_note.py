"""Refusal notes: the vectors' verdicts, one text for one value, and what may not be signed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain.errors import Malformed, NotTrusted
from registry.chain.note import parse_vkey
from registry.chain.strict import MAX_INT
from registry.ledger.codec import parse_entry
from registry.ledger.refusal_note import (
    NOTE_BYTES_MAX,
    RefusalText,
    open_refusal,
    parse_refusal,
    sign_refusal,
    text_sha256,
)
from registry.ledger.signing import SigningKey
from tests.books import Book, party_key
from tests.house.tree import REPO

VECTORS: dict[str, Any] = json.loads(
    (REPO / "tests" / "vectors" / "chain" / "refusal.json").read_text(encoding="utf-8")
)
GOOD = VECTORS["good"]
KEYS = (parse_vkey(GOOD["vkey"]),)
KEY = party_key("operator", 1)
SHA = "5a" * 32


def said(**changed: Any) -> RefusalText:
    fields = {"number": 808, "size": 7, "text_sha256": SHA, "time_ms": 8}
    return RefusalText(**(fields | changed))


def test_a_good_note_says_what_it_says() -> None:
    signed = parse_refusal(GOOD["note"].encode())
    assert open_refusal(signed, KEYS) == KEYS[0]
    fields = {name: GOOD[name] for name in ("number", "size", "text_sha256", "time_ms")}
    assert signed.said == RefusalText(**fields)
    assert signed.note.text.decode() == GOOD["text"]
    assert text_sha256(f"{GOOD['entry_text']}\n— a.b AAAA\n".encode()) == GOOD["text_sha256"]


@pytest.mark.parametrize("name", VECTORS["malformed"])
def test_what_is_not_of_the_form_is_malformed(name: str) -> None:
    with pytest.raises(Malformed):
        parse_refusal(VECTORS["malformed"][name].encode())


@pytest.mark.parametrize("name", VECTORS["not_trusted"])
def test_what_was_altered_or_signed_by_others_is_not_trusted(name: str) -> None:
    signed = parse_refusal(VECTORS["not_trusted"][name].encode())
    with pytest.raises(NotTrusted):
        open_refusal(signed, KEYS)


def test_an_entry_is_no_refusal_note_and_a_note_no_entry() -> None:
    entry = Book().founding()[0]
    with pytest.raises(Malformed, match=r"tanbu\.refusal/v1"):
        parse_refusal(entry)
    with pytest.raises(Malformed, match=r"tanbu\.entry/v1"):
        parse_entry(GOOD["note"].encode())


@given(
    st.integers(1, MAX_INT), st.integers(0, MAX_INT), st.binary(min_size=32, max_size=32),
    st.integers(0, MAX_INT),
)  # fmt: skip
def test_signed_and_parsed_it_is_the_same(
    number: int, size: int, digest: bytes, time_ms: int
) -> None:
    text = said(number=number, size=size, text_sha256=digest.hex(), time_ms=time_ms)
    note = sign_refusal("a.example/log/0badc0de", text, KEY)
    signed = parse_refusal(note)
    assert (signed.said, signed.origin, signed.signer) == (
        text, "a.example/log/0badc0de", KEY.signer,
    )  # fmt: skip
    assert open_refusal(signed, [parse_vkey(KEY.vkey)]).name == KEY.holder


def test_the_longest_note_is_within_the_limit() -> None:
    long = SigningKey(f"{'a' * 98}.b", bytes(32))
    text = said(number=MAX_INT, size=MAX_INT, time_ms=MAX_INT)
    note = sign_refusal("a" * 200, text, long)
    assert len(note) < NOTE_BYTES_MAX
    assert parse_refusal(note).said == text
    with pytest.raises(Malformed):
        sign_refusal("not an origin", text, long)
