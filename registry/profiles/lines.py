"""Where in a TOML text something stands: the line that sets a path of keys, for messages.

TOML readers forget lines. This one looks for headers and settings only.
Refuses to know: TOML itself; the text was parsed before.

Rules
- as much of the path as is seen decides: a key that is missing leads to its table, a table that is
  missing to line 1
- text between triple quotes is passed over

    line_of('[a]\\nb = 1\\n', ("a", "b"))   -> 2
"""

import re
from collections.abc import Sequence

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*\[\[?\s*(?P<keys>{_DOTTED})\s*\]\]?\s*(?:#.*)?")
_SETTING = re.compile(rf"\s*(?P<keys>{_DOTTED})\s*=")


def line_of(text: str, path: Sequence[str]) -> int:
    """The first line, from 1, that sets the longest beginning of `path`."""
    table: tuple[str, ...] = ()
    found, depth, quoted = 1, 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        if not quoted:
            here = table
            if header := _HEADER.fullmatch(line.rstrip("\r")):
                here = table = _keys(header["keys"])
            elif setting := _SETTING.match(line):
                here = (*table, *_keys(setting["keys"]))
            common = _common(here, path)
            if common > depth:
                found, depth = number, common
        quoted = _quoted_after(line, quoted)
    return found


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, dotted))


def _common(here: Sequence[str], path: Sequence[str]) -> int:
    """How many keys `here` and `path` have in common from the beginning."""
    common = 0
    for mine, wanted in zip(here, path, strict=False):
        if mine != wanted:
            break
        common += 1
    return common


def _quoted_after(line: str, quoted: str) -> str:
    """The triple quotes that are open after a line; empty if none are."""
    for mark in re.findall(r'"""|\'\'\'', line):
        if not quoted:
            quoted = mark
        elif quoted == mark:
            quoted = ""
    return quoted
