"""A mapping: what the columns of another registry's tables mean, as a TOML file and no code.

Sources: TOML 1.0; docs/reference/mapping.md lists every key.
Refuses to know: any particular registry. Those that come with Tanbu lie in `mappings/`.

Rules
- unknown keys, wrong types and missing keys are malformed, with file, line, place and reason
- every column, form and unit is named; nothing is guessed from the data
- a text of the source reaches the log only where it is a project id or a serial; statuses,
  purposes and classes are words of ours that the mapping sets beside the source's words

    parse_mapping(data, "verra.toml").tables["transactions"].holds   -> "blocks"
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from registry.chain.errors import Malformed
from registry.chain.strict import check_text
from registry.importing.forms import AmountForm, SerialForm, date_form
from registry.importing.toml import fault, load, typed
from registry.ledger.entries.common import Name, Text
from registry.ledger.entries.supply import UNIT_G_MAX

COLUMN_CHARS_MAX = 200

Column = Annotated[str, Meta(min_length=1, max_length=COLUMN_CHARS_MAX)]
UnitG = Annotated[int, Meta(ge=1, le=UNIT_G_MAX)]
Ended = Literal["retired", "cancelled"]
Status = Literal["free", "buffer", "retired", "cancelled"]
Purpose = Literal["offset", "remediation", "event", "voluntary"]
Encoding = Literal["utf-8", "utf-8-sig", "gb18030"]
MatchBy = Literal["project", "vintage", "issued"]


class Node(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the file."""


class Dated(Node, frozen=True, kw_only=True):
    """A column of dates, and their form."""

    column: Column
    form: str


class Amount(Node, frozen=True, kw_only=True):
    """A column of amounts, their form, and the grams of one unit of it."""

    column: Column
    form: AmountForm
    grams: UnitG


class Quantity(Amount, frozen=True, kw_only=True):
    """The amount of a row. `sum`: columns of the same form that must add up to it; `also`: the
    same amount in another column."""

    sum: tuple[Column, ...] = ()
    also: tuple[Amount, ...] = ()


class Serial(Node, frozen=True, kw_only=True):
    """Where serial ranges stand. `numbering`: the fields within which a number stands once (none:
    once in the whole registry); `same`: fields that repeat a column; `from_one`: a numbering
    begins at 1, so no serial is above its issuance's quantity."""

    columns: Annotated[tuple[Column, ...], Meta(min_length=1, max_length=4)]
    join: str = " "
    form: str
    numbering: tuple[str, ...] = ()
    same: dict[str, Column] = {}
    from_one: bool = False


class EndedBy(Node, frozen=True, kw_only=True):
    """A column that says how a use ended; a text that is not in `values` leaves the row."""

    column: Column
    values: Annotated[dict[str, Ended], Meta(min_length=1)]


class StatusBy(Node, frozen=True, kw_only=True):
    """A column that says a block's status; a text that is not in `values` leaves the row."""

    column: Column
    values: Annotated[dict[str, Status], Meta(min_length=1)]


class PurposeBy(Node, frozen=True, kw_only=True):
    """A column that says what for; a text that is not in `values` gives no purpose."""

    column: Column
    values: Annotated[dict[str, Purpose], Meta(min_length=1)]


class Table(Node, frozen=True, kw_only=True, tag_field="holds"):
    """What all tables have: the columns by which a file is known, those that only the report
    repeats, and the column that `classes` translates."""

    known_by: Annotated[tuple[Column, ...], Meta(min_length=1)]
    report: tuple[Column, ...] = ()
    class_: Column | None = field(name="class", default=None)


class Credits(Table, frozen=True, kw_only=True):
    """What the three tables of credits have. `together`: columns that tell two issuances of one
    project, vintage and date apart; position by position the same in all tables."""

    project: Column
    vintage: Dated
    quantity: Quantity
    together: tuple[Column, ...] = ()
    serial: Serial | None = None


class Issuances(Credits, frozen=True, kw_only=True, tag="issuances"):
    """Credits as they were made; what was retired or cancelled of them stands in other tables.
    `buffer`: the amounts among them that went to a buffer. With `serial`, a use's range must lie in
    that of its issuance."""

    issued: Dated
    buffer: tuple[Amount, ...] = ()


class Uses(Credits, frozen=True, kw_only=True, tag="uses"):
    """Retirements and cancellations. `since`: the credits were issued on or after this date."""

    date: Dated
    status: Ended | EndedBy
    issued: Dated | None = None
    purpose: PurposeBy | None = None
    since: Dated | None = None


class Blocks(Credits, frozen=True, kw_only=True, tag="blocks"):
    """Serial ranges, each with its status now. `free_without_date`: a row whose `date` is empty is
    free, whatever `status` says."""

    issued: Dated
    status: Status | StatusBy
    date: Dated | None = None
    free_without_date: bool = False
    purpose: PurposeBy | None = None


class Projects(Table, frozen=True, kw_only=True, tag="projects"):
    """Projects: names for the report and, through `class`, classes for batches; no credits."""

    project: Column
    name: Column


AnyTable = Issuances | Uses | Blocks | Projects


class Mapping(Node, frozen=True, kw_only=True):
    """A whole mapping; `match` says what a use and its issuance have in common."""

    mapping: Name
    program: Annotated[str, Meta(pattern=r"^[A-Z0-9]{2,16}\Z")]
    registry: Text
    unit_g: UnitG
    tables: Annotated[dict[Name, AnyTable], Meta(min_length=1, max_length=16)]
    encoding: Encoding = "utf-8"
    delimiter: Literal[",", ";", "\t"] = ","
    match: tuple[MatchBy, ...] = ("project", "vintage", "issued")
    draw: Literal["earliest"] | None = None
    classes: dict[str, Name] = {}


def parse_mapping(data: bytes, name: str) -> Mapping:
    """Read a mapping file; Malformed with `name`, line or place, and reason."""
    raw, text = load(data, name)
    mapping = _convert(raw, text, name)
    _check(mapping, text, name)
    return mapping


def _convert(raw: dict[str, Any], text: str, name: str) -> Mapping:
    """Type the tables one by one, so that an error names the table, and then the whole."""
    tables = raw.get("tables")
    if isinstance(tables, dict):
        for key, table in tables.items():
            typed(table, AnyTable, text, name, f"tables.{key}")
    return typed(raw, Mapping, text, name, "")


def _check(mapping: Mapping, text: str, name: str) -> None:
    """What the types cannot say; Malformed at the first key that does not hold."""
    matched = [t for t in mapping.tables.values() if isinstance(t, Issuances | Uses)]
    if len({len(t.together) for t in matched}) > 1:
        raise fault(text, name, "", "tables", "`together` has another length in another table")
    if not mapping.match or len(set(mapping.match)) != len(mapping.match):
        raise fault(text, name, "", "match", "`match` is empty or names something twice")
    if mapping.draw is not None and "issued" in mapping.match:
        raise fault(text, name, "", "draw", "`draw` is for uses that name no issue date")
    for key, table in mapping.tables.items():
        try:
            _check_table(mapping, table)
        except Malformed as error:
            where = f"tables.{key}"
            raise fault(text, name, where, error.where, f"{error.message} {error.todo}") from error
    try:
        check_text(mapping.registry)
    except Malformed as error:
        raise fault(text, name, "", "registry", error.message) from error


def _check_table(mapping: Mapping, table: AnyTable) -> None:
    """Raise Malformed with the key as `where`."""
    if table.class_ is not None and not mapping.classes:
        raise Malformed("`class` needs the table [classes].", where="class")
    if isinstance(table, Projects):
        return
    _check_date("vintage", table.vintage, whole=False)
    _check_date("issued", table.issued)
    _check_serial(table.serial)
    if mapping.draw is not None and table.serial is not None and not isinstance(table, Blocks):
        raise Malformed("`draw` cuts uses to pieces; a range of serials has none.", where="serial")
    if isinstance(table, Issuances):
        if table.serial is not None and table.buffer:
            raise Malformed(
                "which serials went to the buffer is not known; leave out `serial` or `buffer`.",
                where="buffer",
            )
        return
    _check_date("date", table.date)
    if isinstance(table, Blocks):
        if table.free_without_date and table.date is None:
            raise Malformed("`free_without_date` needs `date`.", where="free_without_date")
        return
    _check_date("since", table.since)
    numbered = any(isinstance(t, Issuances) and t.serial for t in mapping.tables.values())
    if numbered and table.serial is None:
        raise Malformed("the issuances have `serial`, so the uses need it.", where="holds")
    if table.issued is None and "issued" in mapping.match:
        raise Malformed("`match` names the issue date, but `issued` is missing.", where="holds")
    if table.since is not None and mapping.draw is None:
        raise Malformed("`since` has a meaning only with `draw`.", where="since")


def _check_date(key: str, dated: Dated | None, *, whole: bool = True) -> None:
    if dated is None:
        return
    try:
        form = date_form(dated.form)
    except Malformed as error:
        raise Malformed(error.message + ":", where=key, todo=error.todo) from error
    if whole and not form.whole:
        raise Malformed("a year alone is no date.", where=key)


def _check_serial(serial: Serial | None) -> None:
    if serial is None:
        return
    try:
        fields = SerialForm(serial.form).fields
    except Malformed as error:
        raise Malformed(error.message + ":", where="serial", todo=error.todo) from error
    for field_name in (*serial.numbering, *serial.same):
        if field_name not in fields - {"first", "last"}:
            raise Malformed(f"the form has no field {{{field_name}}}.", where="serial")
