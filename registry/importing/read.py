"""Tables as bytes: records, fields and the table of the mapping that a file holds.

Source: RFC 4180 (records, quotes, doubled quotes), strict. A record's hash is over its bytes as
they stand in the file, without its line end; row 1 is the header, as a spreadsheet counts.
Refuses to know: what a column means.

Rules
- a fault that makes the rest of the file unsure (encoding, quotes, a header without a column that
  the mapping names) refuses the file: Malformed with file, row, reason and what to do
- a fault of one record (its number of fields) leaves that row and no other
- memory holds one record at a time; a record has a limit, so an open quote cannot swallow a file

    for record in records(source): split(record.data.decode(), ",")
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from registry.chain.errors import Malformed
from registry.importing.forms import shown
from registry.importing.mapping import Encoding, Mapping

RECORD_BYTES_MAX = 1_000_000
COLUMNS_MAX = 1_000
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: its name, and its bytes in chunks, as often as one asks."""

    name: str
    chunks: Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: its row number (the header is row 1) and its bytes."""

    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file and the table of the mapping that it holds."""

    table: str
    columns: tuple[str, ...]


def records(source: Source, seen: Callable[[bytes], object] | None = None) -> Iterator[Record]:
    """Cut a file into records; `seen` is given every byte of it. Malformed on a fault of form.

    A record ends at a line end outside quotes, which is where the quotes so far are even.
    """
    number, quotes, pending = 1, 0, bytearray()
    for line, ended in _lines(source, seen):
        pending += line
        if len(pending) > RECORD_BYTES_MAX:
            raise Malformed(
                f"a record is longer than {RECORD_BYTES_MAX} bytes",
                where=f"{source.name}, row {number}",
                todo="look for a quotation mark that is never closed",
            )
        quotes += line.count(b'"')
        if quotes % 2:
            if ended:
                pending += b"\n"
            continue
        if ended and pending.endswith(b"\r"):
            del pending[-1]
        if ended or pending:
            yield Record(number, bytes(pending))
        number += 1
        quotes = 0
        pending.clear()
    if quotes:
        raise Malformed(
            "a quotation mark is never closed",
            where=f"{source.name}, row {number}",
            todo="close it, or double it if it belongs to the text",
        )


def _lines(source: Source, seen: Callable[[bytes], object] | None) -> Iterator[tuple[bytes, bool]]:
    """The lines of a file without LF, and whether an LF ended them."""
    rest = b""
    for chunk in source.chunks():
        if seen is not None:
            seen(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line, True
        if len(rest) > RECORD_BYTES_MAX:
            raise Malformed(
                f"a line is longer than {RECORD_BYTES_MAX} bytes",
                where=source.name,
                todo="give a table with one record in a line",
            )
    if rest:
        yield rest, False


_QUOTED = r'"[^"]*(?:""[^"]*)*"'


class Splitter:
    """Cuts the text of a record into fields."""

    __slots__ = ("_delimiter", "_encoding", "_field")

    def __init__(self, encoding: Encoding, delimiter: str) -> None:
        self._encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        self._delimiter = delimiter
        bare = rf'[^"\r\n{re.escape(delimiter)}]*'
        self._field = re.compile(rf"({_QUOTED}|{bare})({re.escape(delimiter)}|\Z)")

    def split(self, record: Record, name: str) -> list[str]:
        """The fields of a record; Malformed if they cannot be told apart."""
        where = f"{name}, row {record.number}"
        try:
            text = record.data.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise Malformed(
                f"not {self._encoding}: byte 0x{record.data[error.start]:02x} at place"
                f" {error.start + 1} of the row",
                where=where,
                todo='save the file as UTF-8, or set encoding = "gb18030" in a mapping of your'
                " own if it is GBK",
            ) from error
        if '"' not in text and "\r" not in text:
            if "\0" in text:
                raise Malformed("a zero byte", where=where, todo="give a CSV table as text")
            return text.split(self._delimiter)
        return self._split_quoted(text, where)

    def _split_quoted(self, text: str, where: str) -> list[str]:
        fields, at = [], 0
        while True:
            found = self._field.match(text, at)
            if found is None:
                if "\r" in text and '"' not in text:
                    raise Malformed(
                        "a carriage return inside a row", where=where, todo="end rows with LF"
                    )
                raise Malformed(
                    "quotation marks out of place",
                    where=where,
                    todo="quote whole fields, and double a quotation mark inside one",
                )
            field = found[1]
            fields.append(field[1:-1].replace('""', '"') if field.startswith('"') else field)
            if not found[2]:
                return fields
            at = found.end()


def read_header(source: Source, mapping: Mapping) -> Header:
    """Which table of the mapping a file holds, by its columns; Malformed if none or several."""
    columns = read_columns(source, mapping.encoding, mapping.delimiter)
    return Header(_table_of(columns, mapping, source.name), columns)


def read_columns(source: Source, encoding: Encoding, delimiter: str) -> tuple[str, ...]:
    """The columns that a file's first record names; Malformed if it has none."""
    first = next(records(source), None)
    if first is None or not first.data:
        raise Malformed(
            "the file is empty", where=source.name, todo="give a table with a header row"
        )
    data = _without_bom(first.data, encoding, source.name)
    if data.lstrip()[:1] in (b"{", b"["):
        raise Malformed(
            "this looks like JSON, not like a table",
            where=f"{source.name}, row 1",
            todo="give a CSV table with a header row",
        )
    columns = tuple(Splitter(encoding, delimiter).split(Record(1, data), source.name))
    if len(columns) > COLUMNS_MAX:
        raise Malformed(f"more than {COLUMNS_MAX} columns", where=f"{source.name}, row 1")
    return columns


def _without_bom(data: bytes, encoding: Encoding, name: str) -> bytes:
    if not data.startswith(_BOM):
        return data
    if encoding != "utf-8-sig":
        raise Malformed(
            "the file begins with a byte order mark",
            where=f"{name}, row 1",
            todo='save it as UTF-8 without one, or set encoding = "utf-8-sig" in a mapping of'
            " your own",
        )
    return data[len(_BOM) :]


def _table_of(columns: tuple[str, ...], mapping: Mapping, name: str) -> str:
    present = set(columns)
    known = [key for key, table in mapping.tables.items() if present.issuperset(table.known_by)]
    if len(known) == 1:
        return known[0]
    if known:
        raise Malformed(
            f"the columns fit several tables of the mapping: {', '.join(known)}",
            where=f"{name}, row 1",
            todo="name in `known_by` a column that only one of them has",
        )
    wanted = "; ".join(
        f"[tables.{key}] is known by {', '.join(shown(c) for c in table.known_by)}"
        for key, table in mapping.tables.items()
    )
    raise Malformed(
        f"no table of the mapping {shown(mapping.mapping)} has these columns: {wanted}",
        where=f"{name}, row 1",
        todo="check the file, or choose or write the mapping that fits it",
    )


def place(columns: tuple[str, ...], column: str, table: str, name: str) -> int:
    """The position of a column; Malformed if it is missing or stands twice."""
    if columns.count(column) == 1:
        return columns.index(column)
    fault = "stands twice in" if column in columns else "is missing from"
    raise Malformed(
        f"column {shown(column)} {fault} the header; [tables.{table}] of the mapping needs it",
        where=f"{name}, row 1",
        todo="correct the header or the mapping",
    )
