"""The fields of an entry type in words, for the reference pages.

Reads msgspec's own picture of a type, so that what a page says is what the codec accepts.
"""

from __future__ import annotations

from msgspec import inspect

from registry.ledger.entries import common
from registry.ledger.entries.common import Common

INTEGER_MAX = 2**53 - 1

# Forms that have a word of their own, by the alias in registry/ledger/entries/common.py.
WORDS = {
    "UuidV7": "UUID version 7, lower case",
    "PartyName": "name of a party, like `exchange.cn-gd`",
    "AccountId": "account, `a-` and 26 characters",
    "Holder": "name of a party, or an account",
    "SignerName": "`<party or account>+<8 hex>`",
    "BatchId": "batch, like `CN-GD-PHCER-2018-000042`",
    "Region": "region, ISO 3166-2 or a city's code, like `CN-GD`",
    "Name": "identifier of letters, digits, `.`, `_`, `-`, at most 64",
    "Sha256": "SHA-256, 64 hex",
    "Date": "date, `YYYY-MM-DD`, of the region's calendar",
    "Url": "URL, at most 500 characters",
    "KeyText": "verifier key, `<name>+<8 hex>+<base64>`",
}


def _patterns() -> dict[str | None, str]:
    """Pattern of a text type → its word."""
    found: dict[str | None, str] = {}
    for alias, word in WORDS.items():
        seen = inspect.type_info(getattr(common, alias))
        if isinstance(seen, inspect.StrType) and seen.pattern is not None:
            found[seen.pattern] = word
    return found


_BY_PATTERN = _patterns()


def field_rows(kind: type[Common]) -> list[tuple[str, ...]]:
    """(field, required or optional, form) of a kind's own fields, objects taken apart."""
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"{kind} is no struct")
    shared = () if kind is Common else tuple(Common.__struct_fields__)
    return [row for field in info.fields if field.name not in shared for row in _rows(field, "")]


def _rows(field: inspect.Field, prefix: str) -> list[tuple[str, ...]]:
    name = f"{prefix}{field.encode_name}"
    need = "required" if field.required else "optional"
    inner, many = _unwrap(field.type)
    rows: list[tuple[str, ...]] = [(f"`{name}`", need, form(field.type))]
    if isinstance(inner, inspect.StructType):
        for below in inner.fields:
            rows += _rows(below, f"{name}[]." if many else f"{name}.")
    return rows


def _unwrap(kind: inspect.Type) -> tuple[inspect.Type, bool]:
    """The type inside a list, and whether it stands in one."""
    if isinstance(kind, inspect.VarTupleType):
        return _unwrap(kind.item_type)[0], True
    return kind, False


def form(kind: inspect.Type) -> str:
    """A type in words."""
    match kind:
        case inspect.UnionType(types=types):
            return ", or ".join(form(t) for t in types)
        case inspect.IntType():
            return _integer(kind)
        case inspect.BoolType():
            return "`true` or `false`"
        case inspect.StrType():
            return _text(kind)
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(f"`{value}`" for value in values)
        case inspect.VarTupleType(item_type=item):
            return f"list of {_range(kind.min_length or 0, kind.max_length)}: {form(item)}"
        case inspect.DictType():
            return f"object, name → {form(kind.value_type)}"
        case inspect.StructType():
            return "object"
        case _:
            raise TypeError(f"a form without words: {kind}")


def _integer(kind: inspect.IntType) -> str:
    high = "2^53−1" if kind.le == INTEGER_MAX else f"{kind.le}"
    return f"integer {kind.ge or 0}…{high}"


def _text(kind: inspect.StrType) -> str:
    if kind.pattern in _BY_PATTERN:
        return _BY_PATTERN[kind.pattern]
    if kind.pattern is not None:
        return f"text, `{kind.pattern.replace('|', chr(92) + '|')}`"
    return f"text of {_range(kind.min_length or 0, kind.max_length)} characters"


def _range(low: int, high: int | None) -> str:
    if high is None:
        return f"{low} or more"
    return f"{low}" if low == high else f"{low} to {high:,}"
