"""An entry's JSON as a table for people: every field that was signed, none left out.

Refuses to know: kinds. Names say what a value is: `_g` are grams, `_ms` instants, `_sha256` hashes.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from registry.web import formats as f
from registry.web.formats import Piece, Times

INSTANTS = ("not_after",)
BATCHES = ("batch",)
ACCOUNTS = ("account", "from", "to", "accounts", "listed")
DEPTH_SHOWN_MAX = 6


class Row(Struct, frozen=True):
    """A line of the table: how deep it stands, its field, its value (or what follows below it)."""

    depth: int
    name: str
    value: Piece | None


def rows(line: bytes, times: Times) -> list[Row]:
    """The rows of an entry's canonical JSON."""
    return list(_rows("", msgspec.json.decode(line), 0, times))


def _rows(name: str, value: object, depth: int, times: Times) -> Iterator[Row]:
    if isinstance(value, dict):
        if name:
            yield Row(depth, name, None)
        for key, inner in value.items():
            yield from _rows(str(key), inner, depth + bool(name), times)
    elif isinstance(value, list):
        for at, inner in enumerate(value, 1):
            label = f"{name} {at}" if len(value) > 1 else name
            if isinstance(inner, dict | list):
                yield from _rows(label, inner, depth, times)
            else:
                yield Row(depth, label, _value(name, inner, times))
        if not value:
            yield Row(depth, name, Piece("–"))
    else:
        yield Row(depth, name, _value(name, value, times))


def _value(name: str, value: object, times: Times) -> Piece:
    if isinstance(value, bool):
        return Piece("true" if value else "false")
    if isinstance(value, int):
        if name.endswith("_g"):
            return f.grams(value)
        if name.endswith("_ms") or name in INSTANTS:
            return Piece(times.show(value), title=str(value))
        return Piece(str(value))
    text = str(value)
    if name in BATCHES:
        return f.batch(text)
    if name in ACCOUNTS and text.startswith("a-"):
        return f.link(text, f"/accounts/{text}")
    return Piece(text)
