"""A settlement file as lines of cells: CSV with a header row, or a JSON list of objects.

Sources: RFC 4180 and RFC 8259, both strict. A row's hash is SHA-256 over its bytes in the file.
Refuses to know: what a column means.

Rules
- CSV counts rows as a spreadsheet does, the header being row 1; JSON counts its objects from 1
- a cell of JSON is text or a number, which stays the text that it is; no number becomes a float
- a fault of one row leaves the others readable: it is the line's `fault`
- a file has 1 to TRADES_MAX rows

    for line in read_lines("trades.csv", data, mapping): line.cells["trade_id"]
"""

import json
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NoReturn

import msgspec
from msgspec import Struct

from registry.chain.errors import Malformed
from registry.importing.forms import shown
from registry.importing.read import Source, Splitter, read_columns, records
from registry.importing.trades.mapping import TradeMapping

TRADES_MAX = 1_000
"""Rows of one file: it is handed over in one request."""
FILE_BYTES_MAX = 8 * 1024 * 1024

_JSON_BEGINS = re.compile(rb"\s*\[")


class Line(Struct, frozen=True):
    """One row: its number, the hash of its bytes, its cells by column, or why it has none."""

    number: int
    sha256: str
    cells: dict[str, str]
    fault: str = ""


def read_lines(name: str, data: bytes, mapping: TradeMapping) -> list[Line]:
    """The rows of a file; Malformed if it is no table, lacks a column, or has too many rows."""
    if len(data) > FILE_BYTES_MAX:
        raise Malformed(f"the file is larger than {FILE_BYTES_MAX} bytes", where=name)
    rows = _json_lines if _JSON_BEGINS.match(data) else _csv_lines
    lines: list[Line] = []
    for line in rows(name, data, mapping):
        lines.append(line)
        if len(lines) > TRADES_MAX:
            raise Malformed(
                f"more than {TRADES_MAX} trades in one file", where=name, todo="give several files"
            )
    if not lines:
        raise Malformed("the file has no trades", where=name, todo="is it the right file?")
    return lines


def _csv_lines(name: str, data: bytes, mapping: TradeMapping) -> Iterator[Line]:
    source = Source(name, lambda: (data,))
    columns = read_columns(source, mapping.encoding, mapping.delimiter)
    _check_columns(columns, mapping, f"{name}, row 1")
    splitter = Splitter(mapping.encoding, mapping.delimiter)
    for record in records(source):
        if record.number == 1:
            continue
        fields = splitter.split(record, name)
        digest = sha256(record.data).hexdigest()
        if len(fields) != len(columns):
            empty = fields == [""]
            reason = f"it has {len(fields)} fields, the header {len(columns)}"
            yield Line(record.number, digest, {}, "an empty line" if empty else reason)
        else:
            yield Line(record.number, digest, dict(zip(columns, fields, strict=True)))


def _check_columns(columns: Sequence[str], mapping: TradeMapping, where: str) -> None:
    for column in mapping.columns:
        if columns.count(column) != 1:
            fault = "stands twice in" if column in columns else "is missing from"
            raise Malformed(
                f"column {shown(column)} {fault} the header; the mapping"
                f" {shown(mapping.mapping)} names it",
                where=where,
                todo="correct the header, or write a mapping that fits it",
            )


# --- JSON ---


class _Unfit(ValueError):
    """An object that is no row."""


def _json_lines(name: str, data: bytes, mapping: TradeMapping) -> Iterator[Line]:
    try:
        raws = msgspec.json.decode(data, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(
            f"not a JSON list: {error}", where=name, todo="give a list of objects, one a trade"
        ) from error
    for number, raw in enumerate(raws, 1):
        text = bytes(raw)
        digest = sha256(text).hexdigest()
        try:
            cells = _object(text)
        except (ValueError, RecursionError) as error:
            yield Line(number, digest, {}, f"not an object of texts and numbers: {error}")
            continue
        missing = [column for column in mapping.columns if column not in cells]
        reason = f"it has no {', '.join(map(shown, missing))}" if missing else ""
        yield Line(number, digest, cells, reason)


def _object(text: bytes) -> dict[str, str]:
    found = json.loads(
        text.decode(),
        object_pairs_hook=_cells,
        parse_int=str,
        parse_float=str,
        parse_constant=_constant,
    )
    if not isinstance(found, dict):
        raise _Unfit("it is no object")
    return found


def _cells(pairs: list[tuple[str, object]]) -> dict[str, str]:
    cells: dict[str, str] = {}
    for key, value in pairs:
        if not isinstance(value, str):
            raise _Unfit(f"{shown(key)} is neither text nor a number")
        if key in cells:
            raise _Unfit(f"{shown(key)} stands twice")
        cells[key] = value
    return cells


def _constant(text: str) -> NoReturn:
    raise _Unfit(f"{text} is no number")
