"""The text of a scenario: lines, words, amounts; what does not fit is named with its line.

A file is UTF-8 text. A statement begins at the left margin and goes on over the indented lines
below it; `#` begins a comment line. Its words are parted by blanks:

    41,559 t        a number with a unit; thousands may be parted by commas, tonnes by a point
    "…"             a text
    [sale]          the name that an entry of this file was given
    #1-30           serials, first to last
    farm            any other word

A comma that is followed by a blank parts the members of a list.

Refuses to know: what a statement means (that is `grammar`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from registry.chain.errors import Malformed

UNITS_MG = {"mg": 1, "g": 1_000, "kg": 1_000_000, "t": 1_000_000_000}
"""Milligrams of each unit of mass."""
MG_PER_G = 1_000
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)"
_PATTERNS = (
    ("number", rf"{_DIGITS}(?:\.\d+)?(?=,?(?:\s|$))"),
    ("serials", rf"#{_DIGITS}(?:-{_DIGITS})?(?=,?(?:\s|$))"),
    ("text", r'"[^"]*"(?=,?(?:\s|$))'),
    ("label", r"\[[a-z0-9-]+\](?=,?(?:\s|$))"),
    ("comma", r",(?=\s|$)"),
    ("word", r'[^\s",\[\]#][^\s",\[\]]*'),
)
_TOKEN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS))
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")

T = TypeVar("T")


class Token(NamedTuple):
    """A word of a line. `kind`: number, serials, text, label, comma or word."""

    line: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """Words from the left margin to the next such line; `line` is that of the first."""

    line: int
    tokens: tuple[Token, ...]


class Serials(NamedTuple):
    """`#1-30`: serials, both ends included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Label:
    """`[sale]`: an entry of this file."""

    name: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A civil date, and a time of that day where one is given."""

    date: str
    time: str = ""


def wrong(where: str, line: int, what: str, todo: str = "") -> Malformed:
    """The error for a line of a file."""
    return Malformed(what, where=f"{where}:{line}", todo=todo)


def statements(text: str, where: str) -> Iterator[Statement]:
    """The statements of a file in their order; Malformed, with the line, if one is not of words."""
    start, tokens = 0, list[Token]()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith(("# ", "#\n")) or line.strip() == "#":
            continue
        if line != line.rstrip() or "\t" in line:
            raise wrong(where, number, "a tab, or blanks at the end of the line")
        if line[0] != " ":
            if tokens:
                yield Statement(start, tuple(tokens))
            start, tokens = number, []
        elif not start:
            raise wrong(where, number, "the first statement begins at the left margin")
        tokens += _tokens(line, number, where)
    if tokens:
        yield Statement(start, tuple(tokens))


def _tokens(line: str, number: int, where: str) -> Iterator[Token]:
    at = 0
    while at < len(line):
        if line[at] == " ":
            at += 1
            continue
        found = _TOKEN.match(line, at)
        if found is None or found.lastgroup is None:
            raise wrong(where, number, f"not a word: {line[at : at + 30]!r}")
        yield Token(number, found.lastgroup, found.group())
        at = found.end()


class Reader:
    """Takes the words of a clause one after the other."""

    def __init__(self, tokens: tuple[Token, ...], line: int, where: str) -> None:
        self._tokens = tokens
        self._line = line
        self._where = where
        self._at = 0

    def wrong(self, what: str, todo: str = "") -> Malformed:
        """An error at the word that would come next."""
        line = self._tokens[self._at].line if self.more() else self._line
        return wrong(self._where, line, what, todo)

    def more(self) -> bool:
        """True if words are left."""
        return self._at < len(self._tokens)

    def next_is(self, *kinds: str) -> bool:
        """True if the next word is of one of these kinds."""
        return self.more() and self._tokens[self._at].kind in kinds

    def take(self, kind: str, wanted: str) -> str:
        """The next word, which must be of a kind; `wanted` says so in words."""
        if not self.next_is(kind):
            found = self._tokens[self._at].text if self.more() else "the end of the clause"
            raise self.wrong(f"{wanted} is wanted here, not {found}")
        self._at += 1
        return self._tokens[self._at - 1].text

    def skip(self, word: str) -> bool:
        """Take the next word if it is this one."""
        if self.next_is("word") and self._tokens[self._at].text == word:
            self._at += 1
            return True
        return False

    def need(self, word: str) -> None:
        """Take the next word, which must be this one."""
        if not self.skip(word):
            self.take("none", f"the word {word!r}")

    def word(self) -> str:
        return self.take("word", "a word")

    def name(self) -> str:
        """A word, or a bare number (as in the name of a year or a version)."""
        if self.next_is("number"):
            return self.take("number", "a name")
        return self.take("word", "a name")

    def text(self) -> str:
        return self.take("text", 'a text in "…"')[1:-1]

    def label(self) -> Label:
        return Label(self.take("label", "an entry's name in […]")[1:-1])

    def integer(self) -> int:
        """A whole number."""
        text = self.take("number", "a number")
        if "." in text:
            self._at -= 1
            raise self.wrong(f"a whole number is wanted here, not {text}")
        return int(text.replace(",", ""))

    def milligrams(self) -> int:
        """A number and its unit of mass, exactly."""
        text = self.take("number", "an amount such as 30 t or 26.9 g").replace(",", "")
        unit = self.take("word", "a unit (t, kg, g or mg)")
        if unit not in UNITS_MG:
            self._at -= 1
            raise self.wrong(f"an amount is in t, kg, g or mg, not in {unit}")
        whole, _, part = text.partition(".")
        parts_of_one = int("1" + "0" * len(part))
        scaled, odd = divmod(int(whole + part) * UNITS_MG[unit], parts_of_one)
        if odd:
            raise self.wrong("less than a milligram")
        return scaled

    def grams(self) -> int:
        """A number and its unit of mass, in whole grams."""
        grams, odd = divmod(self.milligrams(), MG_PER_G)
        if odd:
            raise self.wrong("less than a gram: the registry counts whole grams")
        return grams

    def serials(self) -> Serials:
        text = self.take("serials", "serials such as #1-30")[1:].replace(",", "")
        first, _, last = text.partition("-")
        return Serials(int(first), int(last or first))

    def date(self) -> str:
        text = self.take("word", "a date, 2025-12-31")
        if not _DATE.fullmatch(text):
            self._at -= 1
            raise self.wrong(f"a date is written 2025-12-31, not {text}")
        return text

    def moment(self) -> Moment:
        """A date, and a time of day if one follows."""
        date = self.date()
        if self.next_is("word") and _TIME.fullmatch(self._tokens[self._at].text):
            return Moment(date, self.word())
        return Moment(date)

    def after_next(self) -> str:
        """The word after the next one, or nothing."""
        return self._tokens[self._at + 1].text if self._at + 1 < len(self._tokens) else ""

    def rest(self) -> tuple[Token, ...]:
        """All words that are left."""
        return self._tokens[self._at :]

    def list_of(self, read: Callable[[], T]) -> tuple[T, ...]:
        """One or more values, parted by commas."""
        found = [read()]
        while self.next_is("comma"):
            self._at += 1
            found.append(read())
        return tuple(found)

    def end(self) -> None:
        """Malformed if words are left."""
        if self.more():
            raise self.wrong(f"{self._tokens[self._at].text!r} does not belong here")
