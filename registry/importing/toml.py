"""Mappings as TOML files: read, typed, and told where they are wrong.

Sources: TOML 1.0. Refuses to know: what the keys mean; the types say that.

    raw, text = load(data, "verra.toml")
    mapping = typed(raw, Mapping, text, "verra.toml", "")
"""

import re
import tomllib
from types import UnionType
from typing import Any, TypeVar

import msgspec

from registry.chain.errors import Malformed

MAPPING_BYTES_MAX = 1_000_000


def load(data: bytes, name: str) -> tuple[dict[str, Any], str]:
    """The tables of a TOML file and its text; Malformed with `name`, line and reason."""
    if len(data) > MAPPING_BYTES_MAX:
        raise Malformed(f"the mapping is larger than {MAPPING_BYTES_MAX} bytes", where=name)
    try:
        text = data.decode("utf-8")
        return tomllib.loads(text), text
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Malformed(
            "the mapping is not UTF-8", where=f"{name}, line {line}", todo="save it as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:  # of numbers and nesting beyond all measure too
        raise Malformed(f"the mapping is not TOML: {error}", where=name) from error


_T = TypeVar("_T")
_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`\Z")
_FIELD = re.compile(r"field `([^`]+)`")


def typed(raw: object, kind: type[_T] | UnionType, text: str, name: str, table: str) -> _T:
    """`raw` as a value of `kind`; Malformed with file, line and place. `table`: where it stands."""
    try:
        value: _T = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        reason = str(error)
        found = _PLACE.search(reason)
        place = found["place"] if found else ""
        keys = re.sub(r"\[.*?\]", "", place)
        unknown = _FIELD.search(reason)
        if unknown and "unknown" in reason:
            keys = f"{keys}.{unknown[1]}"
        raise fault(text, name, table, keys, _PLACE.sub("", reason), place) from error
    return value


def fault(text: str, name: str, table: str, keys: str, reason: str, place: str = "") -> Malformed:
    """The error of a path of keys: file, line where it can be told, place, reason."""
    line = _line_of(text, table, [key for key in keys.split(".") if key])
    where = f"{name}, line {line}" if line else name
    inside = " ".join(part for part in (f"[{table}]" if table else "", place) if part)
    return Malformed(
        f"{inside}: {reason}" if inside else reason,
        where=where,
        todo="the reference page of mappings lists the keys and what each may hold",
    )


def _line_of(text: str, table: str, path: list[str]) -> int:
    """The line that sets the end of a path of keys in a TOML table, or as much of it as is seen.

    Good enough for people: a string that looks like a setting may mislead it. 0: nothing seen.
    """
    found, inside, wanted = 0, not table, list(path)
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.split("#")[0].strip()
        if bare.startswith("[") and bare.endswith("]") and not bare.startswith("[["):
            head = bare.strip("[] ")
            inside = head == table or head.startswith(f"{table}.") or not table
            below = head.removeprefix(table).removeprefix(".").split(".")[0]
            if inside and below in ("", *wanted[:1]):
                found = number
                wanted = wanted[1:] if below else wanted
        while inside and wanted and _sets(wanted[0], line):
            found = number
            wanted.pop(0)
        if found and path and not wanted:
            return found
    return found


def _sets(key: str, line: str) -> bool:
    return re.search(rf"""(?:^|[{{,\s])["']?{re.escape(key)}["']?\s*=""", line) is not None
