"""Drafts of entries from fields that people write: TOML or JSON values in, a typed entry out.

Refuses to know: which keys sign, whether the entry is allowed.

Rules
- fields are set by dotted paths (`items.0.batch`); a list grows by one at its end
- a value that reads as JSON is that value, all else is text
- the entry's type says what is wrong, with the place; unknown fields are malformed

    fields = set_fields({}, ["purpose=voluntary", "items.0.batch=CN-GD-PHCER-2024-000001"])
    entry = draft("retirement", fields)
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import msgspec

from registry.chain.errors import Malformed
from registry.cli import files
from registry.ledger.codec import format_text, parse_text
from registry.ledger.entries import KINDS, Common

PATH_DEPTH_MAX = 8
FIELDS_BYTES_MAX = 1_000_000
_is_path = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*").fullmatch


def read_fields(path: Path) -> dict[str, object]:
    """The fields that a .toml or .json file holds; Malformed if it is none."""
    data = files.read(path, FIELDS_BYTES_MAX)
    where = str(path)
    if path.suffix == ".toml":
        try:
            found: object = _plain(tomllib.loads(data.decode()))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Malformed(f"not TOML: {error}", where=where) from error
    else:
        try:
            found = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Malformed(
                f"not JSON: {error}", where=where, todo="or name a .toml file"
            ) from error
    if not isinstance(found, dict):
        raise Malformed("the file is not one object of fields", where=where)
    return found


def set_fields(fields: Mapping[str, object], settings: Iterable[str]) -> dict[str, object]:
    """The fields with each `path=value` of `settings` set; Malformed if one is not of that form.

    Objects and lists within `fields` are changed in place.
    """
    result = dict(fields)
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not _is_path(path) or path.count(".") >= PATH_DEPTH_MAX:
            raise Malformed(
                f"not a field: {setting[:80]!a}",
                where="--set",
                todo="write path=value, such as items.0.first=1",
            )
        _set(result, path.split("."), _value(text), path)
    return result


def draft(kind: str, fields: Mapping[str, object]) -> Common:
    """The entry of a kind with these fields; Malformed, with the place, if it is none."""
    if kind not in KINDS:
        raise Malformed(f"no kind {kind[:40]!a}", where="kind", todo=f"one of: {', '.join(KINDS)}")
    try:
        return msgspec.convert({**fields, "kind": kind}, type=KINDS[kind])
    except msgspec.ValidationError as error:
        raise Malformed(
            f"not {_article(kind)} {kind}: {error}",
            where="fields",
            todo=f"fields of a {kind}: {', '.join(_field_names(KINDS[kind]))}",
        ) from error


def draft_text(origin: str, entry: Common) -> bytes:
    """The text that the entry's signers sign, read back strictly; Malformed if it cannot stand."""
    text = format_text(origin, entry)
    parse_text(text)
    return text


def _plain(value: object) -> object:
    """TOML as JSON would have it: a date is its text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def _field_names(kind: type[Common]) -> list[str]:
    common = set(Common.__struct_fields__)
    return [field.encode_name for field in msgspec.structs.fields(kind) if field.name not in common]


def _value(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _set(target: object, path: list[str], value: object, shown: str) -> None:
    """Set a value below an object or list, making what is missing on the way."""
    step, rest = path[0], path[1:]
    if isinstance(target, dict):
        if not rest:
            target[step] = value
            return
        if step not in target:
            target[step] = [] if rest[0].isdigit() else {}
        _set(target[step], rest, value, shown)
    elif isinstance(target, list) and step.isdigit() and int(step) <= len(target):
        if int(step) == len(target):
            target.append({})
        if not rest:
            target[int(step)] = value
        else:
            _set(target[int(step)], rest, value, shown)
    else:
        raise Malformed(
            "a field below a value that has none, or a list with a gap", where=f"--set {shown}"
        )


def _article(kind: str) -> str:
    return "an" if kind[0] in "aeio" else "a"
