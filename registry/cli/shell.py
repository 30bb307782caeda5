"""How the command line speaks: language, JSON or text, exit codes.

Text goes to stdout, errors and progress to stderr, so that a pipe carries results alone.

Refuses to know: which command speaks.

    emit({"size": 7}, "7 records")      # one JSON value with --json, else the text
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum

from registry.chain.errors import Broken, Malformed, NotTrusted, TanbuError, Unavailable

LANGUAGES = ("en", "zh")


class Exit(IntEnum):
    """What the exit code of every command says."""

    GOOD = 0
    BAD = 1
    """Checked and bad."""
    USAGE = 2
    """Wrong usage, or input that cannot be read."""
    UNCHECKED = 3
    """It could not be checked."""


class ReaderGone(Exception):
    """Nobody reads our output any more. No OSError: Typer would make exit code 1 of that one."""


@dataclass(frozen=True, slots=True)
class Shell:
    """What the user asked for besides the command."""

    as_json: bool = False
    language: str = "en"
    debug: bool = False


_PLAIN = Shell()
_current: ContextVar[Shell] = ContextVar("shell", default=_PLAIN)


def current() -> Shell:
    """The shell of the command that runs."""
    return _current.get()


def use(shell: Shell) -> None:
    """Let the commands that follow speak as `shell` says."""
    _current.set(shell)


def take_common(words: Sequence[str], environment: Mapping[str, str]) -> tuple[Shell, list[str]]:
    """Take `--json`, `--lang` and `--debug` out of a command line, wherever they stand before `--`.

    Malformed if `--lang` names no language.
    """
    rest: list[str] = []
    as_json = debug = False
    language = _language_of(environment)
    pending = list(words)
    while pending:
        word = pending.pop(0)
        if word == "--":
            rest += [word, *pending]
            break
        if word == "--json":
            as_json = True
        elif word == "--debug":
            debug = True
        elif word == "--lang" or word.startswith("--lang="):
            value = word[7:] if word != "--lang" else (pending or [""]).pop(0)
            language = _checked_language(value)
        else:
            rest.append(word)
    return Shell(as_json, language, debug), rest


def _checked_language(value: str) -> str:
    if value not in LANGUAGES:
        raise Malformed(f"no language {value!a}", where="--lang", todo="give en or zh")
    return value


def _language_of(environment: Mapping[str, str]) -> str:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def words(en: str, zh: str) -> str:
    """The sentence in the user's language."""
    return zh if current().language == "zh" else en


def emit(data: object, text: str | Iterable[str]) -> None:
    """Print a result: as one JSON value with --json, else as text."""
    if current().as_json:
        say(json.dumps(data, ensure_ascii=False, indent=1))
    else:
        say(text if isinstance(text, str) else "\n".join(text))


def say(text: str) -> None:
    """Print to stdout, at once; ReaderGone if nobody reads it any more (`tanbu … | head`)."""
    try:
        print(text, flush=True)
    except BrokenPipeError as error:
        raise ReaderGone from error


def note(text: str) -> None:
    """Tell people something that is no result: to stderr."""
    print(text, file=sys.stderr, flush=True)


def exit_code(error: TanbuError) -> Exit:
    """The exit code of an error: which of the four kinds it is."""
    match error:
        case Malformed():
            return Exit.USAGE
        case Unavailable():
            return Exit.UNCHECKED
        case NotTrusted() | Broken():
            return Exit.BAD
        case _:
            return Exit.UNCHECKED


def complain(what: str, where: str = "", todo: str = "") -> None:
    """The one line of an error: `tanbu: what — where — what to do`."""
    line = " — ".join(part for part in (" ".join(what.split()), where, todo) if part)
    print(f"tanbu: {line}", file=sys.stderr, flush=True)


def fail(kind: str, what: str, where: str = "", todo: str = "") -> None:
    """The end of a command by an error: its one line, and with --json the same as JSON."""
    complain(what, where, todo)
    if current().as_json:
        error = {"kind": kind, "message": what, "where": where, "todo": todo}
        say(json.dumps({"error": error}, ensure_ascii=False, indent=1))


def environment() -> Mapping[str, str]:
    """The process's environment."""
    return os.environ
