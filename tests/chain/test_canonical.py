from __future__ import annotations

import enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain.canonical import JSON, format_json, parse_json
from registry.chain.errors import Malformed

TEXT = st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "P"]), max_size=8)
KEY = st.text(alphabet="abz019_", min_size=1, max_size=4)
VALUES = st.recursive(
    st.booleans() | st.integers(0, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEY, inner, max_size=4),
    max_leaves=12,
)


def test_good_forms_of_the_vectors(vectors: Any) -> None:
    for data_hex in vectors("canonical.json")["good"]:
        data = bytes.fromhex(data_hex)
        assert format_json(parse_json(data)) == data


def test_bad_forms_of_the_vectors(vectors: Any) -> None:
    bad = vectors("canonical.json")["bad"]
    assert len(bad) > 40
    for name, data_hex in bad.items():
        with pytest.raises(Malformed):
            pytest.fail(f"accepted: {name} {parse_json(bytes.fromhex(data_hex))!a}")


@given(VALUES)
def test_parse_inverts_format(value: JSON) -> None:
    try:
        data = format_json(value, depth_max=20)
    except Malformed:  # letters younger than Unicode 3.2, or not in NFC
        return
    assert parse_json(data, depth_max=20) == value
    assert type(parse_json(data, depth_max=20)) is type(value)


@given(st.binary(max_size=40))
def test_whatever_is_accepted_is_its_own_canonical_form(data: bytes) -> None:
    try:
        value = parse_json(data)
    except Malformed:
        return
    assert format_json(value) == data


@given(VALUES, st.data())
def test_no_byte_may_be_added_changed_or_lost_unnoticed(value: JSON, draw: st.DataObject) -> None:
    try:
        data = format_json(value, depth_max=20)
    except Malformed:
        return
    at = draw.draw(st.integers(0, len(data) - 1))
    byte = draw.draw(st.integers(0, 255)).to_bytes(1, "big")
    for changed in (data[:at] + byte + data[at:], data[:at] + byte + data[at + 1 :]):
        try:
            other = parse_json(changed, depth_max=20)
        except Malformed:
            continue
        # Accepted: then it is another value with this very text.
        assert format_json(other, depth_max=20) == changed
        assert changed == data or other != value or type(other) is not type(value)


def test_depth_is_counted_in_containers() -> None:
    nested: JSON = 0
    for depth in range(1, 10):
        nested = {"a": nested} if depth % 2 else [nested]
        if depth <= 8:
            assert parse_json(format_json(nested)) == nested
        else:
            with pytest.raises(Malformed, match="deep"):
                format_json(nested)
            with pytest.raises(Malformed, match="deep"):
                parse_json(format_json(nested, depth_max=9))
    assert parse_json(b"[]", depth_max=1) == []
    with pytest.raises(Malformed):
        parse_json(b"[]", depth_max=0)
    assert parse_json(b"7", depth_max=0) == 7


def test_true_is_not_one() -> None:
    assert parse_json(b"true") is True
    assert format_json([True, 1]) == b"[true,1]"


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        None, 1.0, -1, 2**53, b"bytes", {1: 2}, {"A": 1}, {"": 1}, {None: 1}, {"a": {2}},
        Colour.RED, float("nan"), object(), "\ud800", {"a": "\x00"}, ["\u2028"],
    ],
)  # fmt: skip
def test_format_refuses_what_has_no_canonical_form(value: object) -> None:
    with pytest.raises(Malformed):
        format_json(value)


def test_tuples_are_arrays_and_order_does_not_matter() -> None:
    assert format_json({"b": (1, ("x",)), "a": []}) == b'{"a":[],"b":[1,["x"]]}'


def test_keys_are_judged_apart_though_matched_together() -> None:
    for data in (b'{"":1,"a":2}', b'{"a":{"":1}}', b'[{"a":1},{"B":1}]', '{"a":1,"é":2}'.encode()):
        with pytest.raises(Malformed, match="key"):
            parse_json(data)


def test_text_is_judged_on_the_slow_way_too() -> None:
    assert parse_json('{"a":"碳","b":"\\\\"}'.encode()) == {"a": "碳", "b": "\\"}
    for text in ('["碳\u2028"]', '["\\\\","\x7f"]', '{"a":["e\u0301"]}'):
        with pytest.raises(Malformed, match="text"):
            parse_json(text.encode())
