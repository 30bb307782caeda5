"""What a check has found, for people (zh, en) and for programs (JSON), and its exit code.

Refuses to know: how it is printed. A report exists only of what was good; what was not good is an
error of one of the four kinds, and `Failure` is that error as a value.

    report = verify(data, trust)
    report.as_json()["statement"]
"""

from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from registry.chain.errors import Malformed, NotTrusted, TanbuError, Unavailable

EXIT_GOOD = 0
EXIT_BAD = 1
EXIT_UNREADABLE = 2
EXIT_NOT_CHECKED = 3


class Sentence(NamedTuple):
    """One statement in both languages."""

    en: str
    zh: str

    def text(self, language: str = "en") -> str:
        """The words in a language, `en` or `zh`."""
        return self.zh if language == "zh" else self.en


class Step(Struct, frozen=True):
    """A numbered step that was passed, and what it saw."""

    number: int
    title: Sentence
    found: Sentence


class Report(Struct, frozen=True, kw_only=True):
    """What was checked and found good.

    `not_checked` comes first wherever it is shown; `statement` says what the rest proves.
    """

    about: str
    origin: str
    size: int
    root: str
    not_checked: tuple[Sentence, ...]
    steps: tuple[Step, ...]
    statement: tuple[Sentence, ...]
    facts: dict[str, Any]
    """Plain values for programs: strings, integers, lists and objects of them."""

    def as_json(self) -> dict[str, Any]:
        """The report as plain values; sentences as {"en": …, "zh": …}."""
        return {
            "result": "good",
            "exit": EXIT_GOOD,
            "about": self.about,
            "origin": self.origin,
            "size": self.size,
            "root": self.root,
            "not_checked": [s._asdict() for s in self.not_checked],
            "steps": [
                {
                    "number": s.number,
                    "title": s.title._asdict(),
                    "found": s.found._asdict(),
                }
                for s in self.steps
            ],
            "statement": [s._asdict() for s in self.statement],
            "facts": msgspec.to_builtins(self.facts),
        }

    def lines(self, language: str = "en") -> list[str]:
        """The report as text, one line each: what is not checked, the steps, what it proves."""
        words = _WORDS[language if language in _WORDS else "en"]
        return [
            words["not_checked"],
            *(f"  - {s.text(language)}" for s in self.not_checked),
            words["steps"],
            *(
                f"  {s.number}. {s.title.text(language)}: {s.found.text(language)}"
                for s in self.steps
            ),
            words["statement"],
            *(f"  {s.text(language)}" for s in self.statement),
        ]


Kind = Literal["malformed", "not_trusted", "unavailable", "broken"]


class Failure(Struct, frozen=True, kw_only=True):
    """Why there is no report: one of the four kinds, a sentence, the place, what to do."""

    kind: Kind
    exit: int
    message: str
    where: str = ""
    todo: str = ""

    def as_json(self) -> dict[str, Any]:
        """The failure as plain values."""
        result = {"not_trusted": "bad", "broken": "bad", "malformed": "unreadable"}
        return {
            "result": result.get(self.kind, "not checked"),
            "exit": self.exit,
            "kind": self.kind,
            "message": self.message,
            "where": self.where,
            "todo": self.todo,
        }

    def line(self) -> str:
        """The failure as one line."""
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.todo})" if self.todo else text


def failure(error: TanbuError) -> Failure:
    """The error as a value."""
    kind: Kind = "broken"
    if isinstance(error, Malformed):
        kind = "malformed"
    elif isinstance(error, NotTrusted):
        kind = "not_trusted"
    elif isinstance(error, Unavailable):
        kind = "unavailable"
    return Failure(
        kind=kind,
        exit=exit_code(error),
        message=error.message,
        where=error.where,
        todo=error.todo,
    )


def exit_code(error: TanbuError | None) -> int:
    """0 good, 1 checked and bad (or broken), 2 unreadable, 3 could not check."""
    if error is None:
        return EXIT_GOOD
    if isinstance(error, Malformed):
        return EXIT_UNREADABLE
    return EXIT_NOT_CHECKED if isinstance(error, Unavailable) else EXIT_BAD


_WORDS = {
    "en": {"not_checked": "Not checked:", "steps": "Checked:", "statement": "It proves:"},
    "zh": {"not_checked": "未核验：", "steps": "已核验：", "statement": "所证明的内容："},
}
