"""The forms in which other books write amounts, dates and serials; each read in one way only.

A mapping names the form of a column; a cell that is not of that form cannot be taken, and its row
is left with the reason. Amounts become whole grams, dates `YYYY-MM-DD` as the source wrote them (no
time zone is converted: the day is the source's own).

Refuses to know: which column a cell comes from, and what the row means.

Rules
- amounts: `plain` 56373, `comma` 56,373 or 1,234.5, `decimal` 2710.062; never a sign, a leading
  zero or a fraction of a gram
- dates: YYYY MM M DD D hh h mm ss f AM, and every other character for itself; MM, DD and hh have
  two digits, M, D and h no leading zero
- serials: text with {first}, {last} and further {fields} of letters and digits; a field that
  stands twice must read the same twice; last - first + 1 is the number of serials

    date_form("M/D/YYYY h:mm:ss AM").day("3/24/2026 9:08:01 PM")   -> "2026-03-24"
    SerialForm("ACR-{block}-{first} to {last}").read("ACR-12-1 to 40") -> fields, 1, 40
"""

import re
from dataclasses import dataclass
from typing import Literal

from registry.chain.errors import Malformed
from registry.chain.strict import MAX_INT, parse_decimal
from registry.ledger.dates import day_of
from registry.ledger.entries.supply import SERIAL_TEXT_CHARS_MAX

AmountForm = Literal["plain", "comma", "decimal"]

_AMOUNTS = {
    "plain": re.compile(r"0|[1-9][0-9]*"),
    "comma": re.compile(r"(?:0|[1-9][0-9]{0,2}(?:,[0-9]{3})*)(?:\.[0-9]{1,18})?"),
    "decimal": re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]{1,18})?"),
}
_AMOUNT_CHARS_MAX = 40
_SHOWN_CHARS_MAX = 40


class Unfit(Exception):
    """A row cannot be taken; `reason` says why. Never leaves the package."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def shown(text: str) -> str:
    """The beginning of a cell in quotes, safe to print on one line."""
    short = text if len(text) <= _SHOWN_CHARS_MAX else text[:_SHOWN_CHARS_MAX] + "…"
    safe = "".join(c if c.isprintable() else "?" for c in short)
    return f"'{safe}'"


def read_amount(text: str, form: AmountForm, grams: int) -> int:
    """The grams that `text` writes in units of `grams` ≥ 1; Unfit unless exact and in form."""
    return read_scaled(text, form, grams, "grams")


def read_scaled(text: str, form: AmountForm, scale: int, unit: str) -> int:
    """The whole `unit`s that `text` writes in units of `scale` ≥ 1; Unfit unless exact, in form."""
    if len(text) > _AMOUNT_CHARS_MAX or not _AMOUNTS[form].fullmatch(text):
        raise Unfit(f"{shown(text)} is not a number of the form {form}")
    whole, _, fraction = text.replace(",", "").partition(".")
    tenths: int = 10 ** len(fraction)
    scaled, odd = divmod(int(whole + fraction) * scale, tenths)
    if odd:
        raise Unfit(f"{shown(text)} is not a whole number of {unit}")
    if scaled > MAX_INT:
        raise Unfit(f"{shown(text)} is more than {MAX_INT} {unit}")
    return scaled


_TOKENS = re.compile(r"YYYY|MM|M|DD|D|hh|h|mm|ss|f|AM")
_HOURS_12 = {"h": r"(?:1[0-2]|[1-9])", "hh": r"(?:0[1-9]|1[0-2])"}
_HOURS_24 = {"h": r"(?:2[0-3]|1[0-9]|[0-9])", "hh": r"(?:[01][0-9]|2[0-3])"}
_DATE_PARTS = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "MM": r"(?P<month>0[1-9]|1[0-2])",
    "M": r"(?P<month>1[0-2]|[1-9])",
    "DD": r"(?P<day>0[1-9]|[12][0-9]|3[01])",
    "D": r"(?P<day>[12][0-9]|3[01]|[1-9])",
    "mm": r"[0-5][0-9]",
    "ss": r"(?:[0-5][0-9]|60)",
    "f": r"[0-9]{1,9}",
    "AM": r"[AP]M",
}


@dataclass(frozen=True, slots=True)
class DateForm:
    """A form of dates, or of years alone."""

    form: str
    pattern: re.Pattern[str]

    @property
    def whole(self) -> bool:
        """True if the form has a day, not a year alone."""
        return "day" in self.pattern.groupindex

    def day(self, text: str) -> str:
        """The date as `YYYY-MM-DD`. Precondition: the form is whole."""
        found = self._match(text)
        day = f"{found['year']}-{int(found['month']):02}-{int(found['day']):02}"
        if day_of(day) is None:
            raise Unfit(f"the calendar has no date {shown(text)}")
        return day

    def year(self, text: str) -> int:
        """The year of the date; the rest of the date must be right too."""
        return int(self.day(text)[:4]) if self.whole else int(self._match(text)["year"])

    def _match(self, text: str) -> re.Match[str]:
        found = self.pattern.fullmatch(text)
        if found is None:
            raise Unfit(f"{shown(text)} is not a date of the form {self.form}")
        return found


def date_form(form: str) -> DateForm:
    """Compile the form that a mapping names; Malformed if it is none."""
    tokens = _TOKENS.findall(form)
    parts = [t[0] for t in tokens if t in ("YYYY", "MM", "M", "DD", "D")]
    if sorted(parts) not in (["Y"], ["D", "M", "Y"]) or len(set(tokens)) != len(tokens):
        raise Malformed(
            f"{shown(form)} is no form of a date",
            todo="write YYYY alone, or YYYY, MM or M, and DD or D once each, as in M/D/YYYY",
        )
    hours = _HOURS_12 if "AM" in tokens else _HOURS_24
    pattern, end = "", 0
    for token in _TOKENS.finditer(form):
        pattern += re.escape(form[end : token.start()])
        pattern += hours.get(token[0]) or _DATE_PARTS[token[0]]
        end = token.end()
    return DateForm(form, re.compile(pattern + re.escape(form[end:])))


_FIELD = re.compile(r"\{([a-z][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class SerialRange:
    """Serials `first`…`last` (inclusive) as a source writes them, with the other fields."""

    first: int
    last: int
    fields: dict[str, str]


class SerialForm:
    """A form of serial ranges, both ways."""

    __slots__ = ("fields", "form", "pattern")

    def __init__(self, form: str) -> None:
        """Compile `form`; Malformed without {first} and {last}, or with a lone brace."""
        self.form = form
        pattern, end, seen = "", 0, set[str]()
        for field in _FIELD.finditer(form):
            name = field[1]
            pattern += re.escape(form[end : field.start()])
            characters = "[0-9]" if name in ("first", "last") else "[0-9A-Za-z]"
            pattern += f"(?P={name})" if name in seen else f"(?P<{name}>{characters}+)"
            seen.add(name)
            end = field.end()
        self.fields = frozenset(seen)
        self.pattern = re.compile(pattern + re.escape(form[end:]))
        braces = set("{}") & set(_FIELD.sub("", form))
        if not {"first", "last"} <= seen or braces or "}{" in form:
            raise Malformed(
                f"{shown(form)} is no form of serials",
                todo="write {first}, {last} and other fields as {name}, with text between them",
            )

    def read(self, text: str) -> SerialRange:
        """Read one range; Unfit if it is not of the form or runs backwards."""
        if len(text) > SERIAL_TEXT_CHARS_MAX:
            raise Unfit(f"its serial text is longer than {SERIAL_TEXT_CHARS_MAX} characters")
        found = self.pattern.fullmatch(text)
        if found is None:
            raise Unfit(f"{shown(text)} is not a serial range of the form {shown(self.form)}")
        try:
            first, last = parse_decimal(found["first"]), parse_decimal(found["last"])
        except Malformed as error:
            raise Unfit(f"serials {shown(text)}: {error.message}") from error
        if first > last or first < 1:
            raise Unfit(f"serials {shown(text)} do not run from 1 or more upwards")
        return SerialRange(first, last, found.groupdict())

    def write(self, like: str, first: int, last: int) -> str:
        """The text of another range with the other fields of `like`, which is of this form."""
        fields = {**self.read(like).fields, "first": str(first), "last": str(last)}
        return _FIELD.sub(lambda field: fields[field[1]], self.form)
