"""From the fields of a record to the facts of a row, by the mapping; or the reason why not.

Refuses to know: other rows. Whether ranges overlap and which use belongs to which issuance is for
`match` to find.

Rules
- every cell that the mapping names is of its form, or the row is left
- a serial range has as many serials as the row has units, or the row is left
- what reaches a Row from the source as text: project id, serial text; nothing else
"""

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Dict
from hashlib import sha256

from msgspec import Struct, structs

from registry.chain.errors import Malformed
from registry.chain.strict import check_text
from registry.importing.forms import SerialForm, Unfit, date_form, read_amount, shown
from registry.importing.mapping import (
    Amount,
    Blocks,
    Credits,
    Dated,
    Issuances,
    Mapping,
    Projects,
    Serial,
    Status,
    Uses,
)
from registry.importing.read import Header, place
from registry.ledger.entries.common import TITLE_CHARS_MAX

YEAR_MIN, YEAR_MAX = 1990, 2200
"""Vintages that an entry may have."""

Key = tuple[str | int | None, ...]
"""What a use and its issuance have in common; None where a row that is left does not say."""


class Row(Struct, frozen=True, kw_only=True, gc=False):
    """The facts of one row that may be taken: `units` serials of the mapping's `unit_g`.

    `file` counts the files of the import from 0, `number` is the row in it. Texts that do not apply
    are empty, serials 0.
    """

    file: int
    number: int
    sha256: bytes
    project: str
    vintage: int
    units: int
    together: tuple[str, ...] = ()
    issued: str = ""
    class_: str = ""
    buffer: int = 0
    status: Status = "free"
    date: str = ""
    purpose: str = ""
    since: str = ""
    numbering: str = ""
    first: int = 0
    last: int = 0
    text: str = ""


class Left(Struct, frozen=True, gc=False):
    """A row that is not taken, and why."""

    file: int
    number: int
    reason: str


def key_of(mapping: Mapping) -> Callable[[Row], Key]:
    """The function that gives what `match` and `together` name of a row."""
    names = mapping.match

    def key(row: Row) -> Key:
        return (*[getattr(row, name) for name in names], *row.together)

    return key


class _Cells:
    """Finds the columns that a table of the mapping names, once, and reads cells of a record."""

    __slots__ = ("_header", "_name")

    def __init__(self, header: Header, name: str) -> None:
        self._header = header
        self._name = name

    def at(self, column: str) -> int:
        return place(self._header.columns, column, self._header.table, self._name)

    def text(self, column: str) -> Callable[[Sequence[str]], str]:
        at = self.at(column)
        return lambda fields: fields[at]

    def amount(self, amount: Amount) -> Callable[[Sequence[str]], int]:
        at, form, grams = self.at(amount.column), amount.form, amount.grams
        return lambda fields: read_amount(fields[at], form, grams)

    def day(self, dated: Dated | None) -> Callable[[Sequence[str]], str]:
        """A reader of dates; of no date at all where the mapping names none."""
        if dated is None:
            return lambda _: ""
        at, read = self.at(dated.column), date_form(dated.form).day
        return lambda fields: read(fields[at])


class _Ending:
    """Reads a row's status, the date that goes with it, and the purpose."""

    __slots__ = ("_date", "_free_without_date", "_purpose", "_status")

    def __init__(self, table: Uses | Blocks, cells: _Cells) -> None:
        status = table.status
        self._status: Status | tuple[int, str, Dict[str, Status]] = (
            status
            if isinstance(status, str)
            else (cells.at(status.column), status.column, dict(status.values))
        )
        dated = table.date
        self._date = None if dated is None else (cells.at(dated.column), date_form(dated.form))
        self._free_without_date = isinstance(table, Blocks) and table.free_without_date
        purpose = table.purpose
        self._purpose = None if purpose is None else (cells.at(purpose.column), purpose.values)

    def read(self, fields: Sequence[str]) -> tuple[Status, str, str]:
        """Status, date, purpose; the last two empty where there are none."""
        date_text = "" if self._date is None else fields[self._date[0]]
        if self._free_without_date and not date_text:
            return "free", "", ""
        status = self._read_status(fields, date_text)
        if status in ("free", "buffer"):
            if date_text:
                raise Unfit(f"its status is {status}, yet it has the date {shown(date_text)}")
            return status, "", ""
        date = "" if self._date is None else self._date[1].day(date_text)
        if self._purpose is None or status != "retired":
            return status, date, ""
        return status, date, self._purpose[1].get(fields[self._purpose[0]], "")

    def _read_status(self, fields: Sequence[str], date_text: str) -> Status:
        if isinstance(self._status, str):
            return self._status
        at, column, values = self._status
        if (status := values.get(fields[at])) is not None:
            return status
        if not fields[at]:
            ended = f"it ended on {shown(date_text)}, but " if date_text else ""
            raise Unfit(f"{ended}column {shown(column)} is empty, so how is not known")
        raise Unfit(f"the mapping gives no status to {shown(fields[at])} in {shown(column)}")


class _Range(Struct, frozen=True, gc=False):
    """The serials of a row."""

    numbering: str
    first: int
    last: int
    text: str


_NO_RANGE = _Range("", 0, 0, "")
_NO_END: tuple[Status, str, str] = ("free", "", "")


class _SerialReader:
    """Reads the serial range of a row and holds it against the row's other columns."""

    __slots__ = ("_columns", "_form", "_numbering", "_same", "_serial", "_shared")

    def __init__(self, serial: Serial, cells: _Cells, shared: dict[str, str]) -> None:
        self._serial = serial
        self._form = SerialForm(serial.form)
        self._columns = [cells.at(column) for column in serial.columns]
        self._same = [(name, cells.at(column), column) for name, column in serial.same.items()]
        self._numbering = serial.numbering
        self._shared = shared

    def read(self, fields: Sequence[str], units: int) -> _Range:
        """The range; none where the columns are empty; Unfit if it contradicts the row."""
        parts = [fields[at] for at in self._columns]
        if not any(parts):
            return _NO_RANGE
        text = self._serial.join.join(parts)
        found = self._form.read(text)
        count = found.last - found.first + 1
        if count != units:
            raise Unfit(f"its range has {count} serials, but its quantity is {units}")
        for name, at, column in self._same:
            if found.fields[name] != fields[at]:
                raise Unfit(
                    f"its serial says {shown(found.fields[name])},"
                    f" but column {shown(column)} says {shown(fields[at])}"
                )
        # A range never without a numbering: one blank where numbers stand once in the registry.
        numbering = " ".join(found.fields[name] for name in self._numbering) or " "
        return _Range(self._shared.setdefault(numbering, numbering), found.first, found.last, text)


class RowReader:
    """Reads the records of one file that holds issuances, uses or blocks."""

    def __init__(
        self, mapping: Mapping, header: Header, name: str, file: int, classes: Dict[str, str]
    ) -> None:
        """`classes`: project id → class, from the tables of projects read before."""
        table = mapping.tables[header.table]
        if isinstance(table, Projects):
            raise Malformed("a table of projects has no credits", where=name)
        cells = _Cells(header, name)
        self._mapping, self._file, self._columns = mapping, file, len(header.columns)
        # One object for equal values of many rows: it halves the memory of a long book.
        self._shared: dict[str, str] = {}
        self._years: dict[int, int] = {}
        self._togethers: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._project = cells.at(table.project)
        self._vintage = cells.at(table.vintage.column), date_form(table.vintage.form)
        self._together = [cells.at(column) for column in table.together]
        self._issued, self._since = cells.day(table.issued), cells.day(None)
        self._quantity = _QuantityReader(table, mapping.unit_g, cells)
        self._class = None if table.class_ is None else cells.at(table.class_)
        self._classes = classes
        self._end: _Ending | None = None
        self._serial: _SerialReader | None = None
        if isinstance(table, Uses | Blocks):
            self._end = _Ending(table, cells)
        if table.serial is not None:
            self._serial = _SerialReader(table.serial, cells, self._shared)
        if isinstance(table, Uses):
            self._since = cells.day(table.since)
        self.form = None if table.serial is None else SerialForm(table.serial.form)
        self.from_one = isinstance(table, Uses) and bool(table.serial and table.serial.from_one)
        self.kind = type(table)
        for column in table.report:
            cells.at(column)

    def read(self, fields: Sequence[str], number: int, data: bytes) -> Row:
        """The facts of a record; Unfit with the reason if it cannot be taken."""
        self._check_width(fields)
        units, buffer = self._quantity.read(fields)
        serial = _NO_RANGE if self._serial is None else self._serial.read(fields, units)
        status, date, purpose = _NO_END if self._end is None else self._end.read(fields)
        issued, since = self._issued(fields), self._since(fields)
        if date and date < max(issued, since):
            raise Unfit(f"it ended on {date}, before it came to be on {max(issued, since)}")
        project = self._read_project(fields)
        return Row(
            file=self._file,
            number=number,
            sha256=sha256(data).digest(),
            project=project,
            vintage=self._read_vintage(fields),
            units=units,
            together=self._read_together(fields),
            issued=self._one(issued),
            class_=self._read_class(fields, project),
            buffer=buffer,
            status=status,
            date=self._one(date),
            purpose=purpose,
            since=self._one(since),
            numbering=serial.numbering,
            first=serial.first,
            last=serial.last,
            text=serial.text,
        )

    def hint(self, fields: Sequence[str]) -> Key:
        """What can be read of the key of a row that is left: None for what cannot."""
        if len(fields) != self._columns:
            return tuple(None for _ in (*self._mapping.match, *self._together))
        readers: Dict[str, Callable[[Sequence[str]], str | int]] = {
            "project": self._read_project,
            "vintage": self._read_vintage,
            "issued": self._issued,
        }
        key: list[str | int | None] = []
        for name in self._mapping.match:
            try:
                key.append(readers[name](fields))
            except Unfit:
                key.append(None)
        return (*key, *self._read_together(fields))

    def _check_width(self, fields: Sequence[str]) -> None:
        if len(fields) != self._columns:
            if fields == [""]:
                raise Unfit("an empty line")
            raise Unfit(f"it has {len(fields)} fields, the header {self._columns}")

    def _read_project(self, fields: Sequence[str]) -> str:
        """The project id: it may stand in the log, so it is short and of plain characters."""
        project = fields[self._project]
        if not project or len(project) > TITLE_CHARS_MAX or project != project.strip():
            raise Unfit(f"{shown(project)} is no project id")
        try:
            return self._one(check_text(project))
        except Malformed as error:
            raise Unfit(f"the project id is {error.message}") from error

    def _read_vintage(self, fields: Sequence[str]) -> int:
        at, form = self._vintage
        year = form.year(fields[at])
        if not YEAR_MIN <= year <= YEAR_MAX:
            raise Unfit(f"{year} is no vintage between {YEAR_MIN} and {YEAR_MAX}")
        return self._years.setdefault(year, year)

    def _read_together(self, fields: Sequence[str]) -> tuple[str, ...]:
        together = tuple([fields[at] for at in self._together])
        return self._togethers.setdefault(together, together)

    def _read_class(self, fields: Sequence[str], project: str) -> str:
        """The class of a row's own column, else of its project; none where the mapping has none."""
        if self._class is None:
            return self._classes.get(project, "")
        text = fields[self._class]
        if text not in self._mapping.classes:
            raise Unfit(f"the mapping gives no class to {shown(text)}")
        return self._mapping.classes[text]

    def _one(self, text: str) -> str:
        return self._shared.setdefault(text, text)


class _QuantityReader:
    """Reads the units of a row, and how many of them went to a buffer."""

    __slots__ = ("_also", "_buffer", "_quantity", "_sum", "_unit_g")

    def __init__(self, table: Credits, unit_g: int, cells: _Cells) -> None:
        quantity = table.quantity
        parts = [structs.replace(quantity, column=c, sum=(), also=()) for c in quantity.sum]
        self._quantity = cells.amount(quantity)
        self._sum = [cells.amount(part) for part in parts]
        self._also = [(cells.amount(amount), amount.column) for amount in quantity.also]
        buffer = table.buffer if isinstance(table, Issuances) else ()
        self._buffer = [cells.amount(amount) for amount in buffer]
        self._unit_g = unit_g

    def read(self, fields: Sequence[str]) -> tuple[int, int]:
        """Units and buffer units; Unfit unless all columns agree and both are whole."""
        grams = self._quantity(fields)
        if not grams:
            raise Unfit("its quantity is 0")
        if self._sum and (total := sum(amount(fields) for amount in self._sum)) != grams:
            raise Unfit(f"its quantity is {grams} g, but its parts add up to {total} g")
        for amount, column in self._also:
            if (other := amount(fields)) != grams:
                raise Unfit(f"its quantity is {grams} g, but {shown(column)} says {other} g")
        buffer_g = sum(amount(fields) for amount in self._buffer)
        if buffer_g > grams:
            raise Unfit(f"{buffer_g} g went to the buffer, but its quantity is {grams} g")
        return self._whole(grams), self._whole(buffer_g)

    def _whole(self, grams: int) -> int:
        units, odd_g = divmod(grams, self._unit_g)
        if odd_g:
            raise Unfit(f"{grams} g is not a whole number of units of {self._unit_g} g")
        return units


def read_project_row(
    mapping: Mapping, columns: Sequence[int], width: int, fields: Sequence[str]
) -> tuple[str, str, str]:
    """Id, name and class of a project, from the columns for them; Unfit if the row is not one."""
    if len(fields) != width:
        raise Unfit("an empty line" if fields == [""] else f"it has {len(fields)} fields")
    project, name, *classes = [fields[at] for at in columns]
    if not project:
        raise Unfit("it has no project id")
    for text in classes:
        if text not in mapping.classes:
            raise Unfit(f"the mapping gives no class to {shown(text)}")
        return project, name, mapping.classes[text]
    return project, name, ""
