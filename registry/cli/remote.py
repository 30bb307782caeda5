"""What commands share that talk to a registry: its client, its problems in the user's language.

Refuses to know: which command asks.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from registry.cli.shell import Exit, complain, current
from registry.ledger.refusals import CATALOGUE, Refusal
from registry.net.client import LogClient
from registry.net.wire import Problem

DEFAULT_URL = "http://127.0.0.1:8000"
UrlOption = Annotated[
    str, typer.Option("--url", metavar="URL", envvar="TANBU_URL", help="The registry's address.")
]


def client(url: str) -> LogClient:
    """The client of a registry, to be closed by the caller."""
    return LogClient(url)


def sentence(problem: Problem) -> str:
    """What is wrong, in the user's language where the catalogue has it."""
    if isinstance(problem.name, str) and problem.name in CATALOGUE:
        fields = problem.fields if isinstance(problem.fields, dict) else {}
        try:
            return Refusal(problem.name, fields).message(current().language)
        except KeyError:  # a registry of another version names other fields
            return problem.detail
    return problem.detail


def report(problem: Problem, where: str) -> Exit:
    """The one line of a problem; the exit code that it means."""
    number = f" [{problem.number} {problem.name}]" if isinstance(problem.number, int) else ""
    place = problem.where if isinstance(problem.where, str) else ""
    todo = problem.todo if isinstance(problem.todo, str) else ""
    if problem.transient is True and not todo:
        todo = "the same entry could pass later"
    complain(sentence(problem) + number, " ".join(p for p in (where, place) if p), todo)
    if isinstance(problem.number, int):
        return Exit.BAD
    if problem.status >= 500 or problem.status == 404:
        return Exit.UNCHECKED
    return Exit.BAD if problem.status == 422 else Exit.USAGE


def pages(log: LogClient, path: str, field: str) -> Iterator[dict[str, Any]]:
    """The items of a list that comes in pages."""
    after = ""
    while True:
        page = log.get(path, {"after": after} if after else {})
        yield from page.get(field, ())
        after = str(page.get("next", ""))
        if not after:
            return
