"""Canonical JSON: one value, one text, so that what is signed is what is stored and hashed.

Source: RFC 8785 (JCS), restricted. Refuses to know: which keys a value should have, how long it
may be (the format that holds it has a limit).

Rules
- objects, arrays, strings, booleans, integers 0 ... 2^53-1; no floats, no null, nothing negative
- keys match [a-z0-9_]+ and are sorted (they are ASCII: the order of bytes and of UTF-16 agree)
- no blanks between tokens; in strings only `"` and the backslash are escaped, for a control
  character may not stand in them; strings pass strict.check_text
- containers are nested at most 8 deep, the outermost counted, unless told otherwise
- bytes that are not exactly this form are Malformed: nothing is repaired

How: decode, check types and texts of the value, encode again, compare. That finds double keys,
blanks, needless escapes, a byte order mark, -0 and whatever else has two spellings.

    format_json({"b": 1, "a": ["x"]})    -> b'{"a":["x"],"b":1}'
    parse_json(b'{"a":["x"],"b":1}')     -> {"a": ["x"], "b": 1}
    parse_json(b'{"b":1,"a":["x"]}')     raises Malformed
"""

import re
from typing import Any, TypeAlias

import msgspec

from registry.chain.errors import Malformed
from registry.chain.strict import MAX_INT, check_text

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | bool | int"

DEPTH_MAX = 8
"""Containers within each other, the outermost counted."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="sorted").encode
_are_keys = re.compile("[a-z0-9_]+").fullmatch


def parse_json(data: bytes, *, depth_max: int = DEPTH_MAX) -> JSON:
    """Return the value whose canonical form is exactly `data`; Malformed if there is none."""
    try:
        value: JSON = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"not JSON: {error}") from error
    except RecursionError as error:
        raise Malformed(f"JSON nested more than {depth_max} deep") from error
    # ASCII without a backslash and DEL: then a string can hold nothing that check_text refuses,
    # as JSON itself forbids raw control characters. Nearly every entry takes this way.
    plain = data.isascii() and b"\\" not in data and b"\x7f" not in data
    _check(value, depth_max, plain=plain)
    if _encode(value) != data:
        raise Malformed(
            "JSON that is not in canonical form (order, blanks, escapes or double keys)"
        )
    return value


def format_json(value: object, *, depth_max: int = DEPTH_MAX) -> bytes:
    """Return the canonical form of `value` (tuples count as arrays); Malformed if it has none."""
    _check(value, depth_max, plain=False)
    return _encode(value)


def _check(value: object, depth_max: int, *, plain: bool) -> None:
    """Return if types, ranges, keys, texts and depth are right. Level by level, not recursive."""
    keys: list[Any] = []
    level: list[Any] = [[value]]
    for _ in range(depth_max + 1):
        deeper: list[Any] = []
        for container in level:
            if type(container) is dict:
                keys += container
                container = container.values()
            for item in container:
                # The exact type: to isinstance a bool is an int; a subclass encodes as it likes.
                kind = type(item)
                if kind is str:
                    if not plain:
                        check_text(item)
                elif kind is int:
                    if not 0 <= item <= MAX_INT:
                        raise Malformed(f"JSON with an integer outside 0 to {MAX_INT}")
                elif kind is dict or kind is list or kind is tuple:
                    deeper.append(item)
                elif kind is not bool:
                    raise Malformed("JSON with a float, null or another type not allowed here")
        if not deeper:
            break
        level = deeper
    else:
        raise Malformed(f"JSON nested more than {depth_max} deep")
    if keys:
        _check_keys(keys)


def _check_keys(keys: list[Any]) -> None:
    """Return if every key is of [a-z0-9_]+; one match over all of them, for speed."""
    try:
        good = "" not in keys and _are_keys("".join(keys))
    except TypeError:
        good = False
    if not good:
        raise Malformed("JSON with a key that is not of the letters a-z, digits and '_'")
