from __future__ import annotations

import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain import strict
from registry.chain.errors import Malformed

# Combining characters of several classes, some of which compose with what stands before.
MARKS = "\u0300\u0301\u0308\u0323\u0327\u0338\u0345\u05b4\u093c\u3099\u20dd"


def test_decimals_of_the_vectors(vectors: Any) -> None:
    forms = vectors("strict.json")["decimal"]
    for text in forms["good"]:
        assert str(strict.parse_decimal(text)) == text
        assert strict.parse_decimal(text.encode()) == int(text)
    for text in forms["bad"]:
        with pytest.raises(Malformed):
            strict.parse_decimal(text)
        with pytest.raises(Malformed):
            strict.parse_decimal(text.encode())


def test_decimal_keeps_its_maximum() -> None:
    assert strict.parse_decimal("255", max=255) == 255
    with pytest.raises(Malformed, match="above 255"):
        strict.parse_decimal("256", max=255)


@given(st.integers(0, 2**63 - 1))
def test_decimal_inverts_str(number: int) -> None:
    assert strict.parse_decimal(str(number)) == number


@given(st.text(max_size=8))
def test_decimal_takes_only_what_str_writes(text: str) -> None:
    try:
        number = strict.parse_decimal(text)
    except Malformed:
        return
    assert str(number) == text


def test_base64_of_the_vectors(vectors: Any) -> None:
    forms = vectors("strict.json")["base64"]
    for text in forms["good"]:
        assert strict.format_base64(strict.parse_base64(text)) == text
        assert strict.parse_base64(text.encode()) == strict.parse_base64(text)
    for text in forms["bad"]:
        with pytest.raises(Malformed):
            strict.parse_base64(text)
        with pytest.raises(Malformed):
            strict.parse_base64(text.encode())


@given(st.binary(max_size=80))
def test_base64_round_trip(data: bytes) -> None:
    assert strict.parse_base64(strict.format_base64(data)) == data


@given(st.text(alphabet="AQgw+/=-_ \n", max_size=12))
def test_base64_has_one_text_per_value(text: str) -> None:
    try:
        data = strict.parse_base64(text)
    except Malformed:
        return
    assert strict.format_base64(data) == text


def test_hex_of_the_vectors(vectors: Any) -> None:
    forms = vectors("strict.json")["hex_2_bytes"]
    for text in forms["good"]:
        assert strict.parse_hex(text, 2).hex() == text
    for text in forms["bad"]:
        with pytest.raises(Malformed):
            strict.parse_hex(text, 2)


def test_texts_of_the_vectors(vectors: Any) -> None:
    forms = vectors("strict.json")["text"]
    for text in forms["good"]:
        assert strict.check_text(text) == text
    for name, text in forms["bad"].items():
        with pytest.raises(Malformed):
            pytest.fail(f"accepted: {name} {strict.check_text(text)!a}")


def test_every_code_point_is_judged_by_unicode_3_2() -> None:
    """One by one: unassigned there, control, format, surrogate, private, separators, not NFC."""
    old = unicodedata.ucd_3_2_0
    refused = {"Cn", "Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    accepted = 0
    # All of the first two planes, and samples of the others, where ranges are uniform.
    points = [*range(0x20000), *range(0x20000, sys.maxunicode + 1, 257), 0x2F868, 0xE0001]
    for point in points:
        character = chr(point)
        good = old.category(character) not in refused and unicodedata.is_normalized(
            "NFC", character
        )
        try:
            strict.check_text(character)
            accepted += 1
            assert good, hex(point)
        except Malformed:
            assert not good, hex(point)
    assert accepted > 40_000


@given(
    st.text(alphabet=st.sampled_from([*"aeo\u05d0\u0915\uac00\u1100\u1161\u11a8\u304b", *MARKS]))
)
def test_the_normal_form_of_unicode_3_2_has_not_changed_since(text: str) -> None:
    """So that another Python, or a browser, may judge by the tables it has."""
    expected = unicodedata.ucd_3_2_0.normalize("NFC", text) == text
    try:
        strict.check_text(text)
        accepted = True
    except Malformed:
        accepted = False
    assert accepted is expected
