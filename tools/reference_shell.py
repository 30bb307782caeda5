"""The reference pages of what people and programs talk to: routes, pages, commands, settings.

Routes come from the description that the service gives of itself (OpenAPI), commands from their own
`--help`. Nothing is started: the application is built over stand-ins that no route is asked of.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any, NamedTuple, cast

from registry.api.app import create_app
from registry.api.services import ApiSettings
from registry.cli.edge import run
from registry.cli.lazy import COMMANDS, Command, load
from registry.settings import CONFIG_FILE, Settings
from tools.tables import table

METHODS = ("get", "post", "put", "delete")


class Route(NamedTuple):
    """A route of the interface: method, path, what it is for, its parameters."""

    method: str
    path: str
    summary: str
    parameters: tuple[str, ...]


def application() -> Any:  # noqa: ANN401  FastAPI's own type is the service's affair
    """The application over stand-ins: good for being described, not for being asked."""
    stand_in = cast("Any", object())
    return create_app(stand_in, stand_in, stand_in, ApiSettings(clock_ms=lambda: 0))


def routes() -> list[Route]:
    """The routes for programs, as OpenAPI describes them."""
    described: dict[str, dict[str, Any]] = application().openapi()["paths"]
    return [
        Route(method.upper(), path, operation.get("summary", ""), _parameters(operation))
        for path, operations in described.items()
        for method, operation in operations.items()
        if method in METHODS
    ]


def page_routes() -> list[tuple[str, str]]:
    """The pages for people: path, and what it shows."""
    described = {route.path for route in routes()}
    found: dict[str, str] = {}
    for route in _flat(application().routes):
        path = getattr(route, "path", "").replace(":path}", "}")
        if path and path not in described:
            found[path] = first_line(getattr(route, "endpoint", None))
    return sorted(found.items())


def first_line(thing: object) -> str:
    """The first sentence of what a function says of itself."""
    return " ".join((getattr(thing, "__doc__", None) or "").split("\n\n")[0].split())


def _flat(found: list[Any]) -> Iterator[Any]:
    for route in found:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        if inner is None:
            yield route
        else:
            yield from _flat(inner)


def _parameters(operation: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"`{p['name']}`" + ("" if p.get("required") else "?")
        for p in operation.get("parameters", ())
        if p["in"] == "query"
    )


def http() -> str:
    """The page of the HTTP interface."""
    lines = [
        "# HTTP",
        "",
        "Every route with the parameters it takes; `?` marks those that may be left out. Schemas",
        "and examples are in `/openapi.json` of a running service. Errors are",
        "`application/problem+json`; a refusal has its [name, number and fields](refusals.md).",
        "How to submit, retry and check: [for programs](../guides/programs.md).",
        "",
        "## For programs",
        "",
    ]
    rows = [(f"`{r.method} {r.path}`", r.summary, ", ".join(r.parameters)) for r in routes()]
    lines += table(("route", "what it does", "parameters"), rows)
    lines += ["", "## For people", "", "Pages, in English and Chinese, working without script:", ""]
    lines += table(("page", "what it shows"), [(f"`{p}`", what) for p, what in page_routes()])
    return "\n".join(lines) + "\n"


def settings() -> str:
    """The page of the settings."""
    prefix = str(Settings.model_config.get("env_prefix", ""))
    lines = [
        "# Settings",
        "",
        "What `tanbu serve` may be told: by an option, else by the environment, else in",
        f"`{CONFIG_FILE}` of the data directory, else the default. No setting decides about",
        "entries: those numbers are in [rulebooks](../spec/rulebook.md).",
        "",
    ]
    rows: list[tuple[str, ...]] = [
        (f"`{name}`", f"`{prefix}{name.upper()}`", f"`{field.default}`", field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    head = ("setting", "environment", "default", "what it says")
    return "\n".join([*lines, *table(head, rows)]) + "\n"


def commands() -> Iterator[tuple[str, ...]]:
    """Every command whose module there is, as the words that name it."""
    for command in COMMANDS:
        if not has_module(command):
            continue
        yield (command.name,)
        if command.group:
            for info in load(command).registered_commands:
                yield command.name, str(info.name or getattr(info.callback, "__name__", ""))


def has_module(command: Command) -> bool:
    """Tell whether the module that the command names is there."""
    return importlib.util.find_spec(f"registry.cli.{command.module}") is not None


def help_of(words: tuple[str, ...]) -> str:
    """What a command says of itself."""
    said = io.StringIO()
    with redirect_stdout(said):
        run([*words, "--help"])
    return "\n".join(line.rstrip() for line in said.getvalue().strip("\n").split("\n"))


def cli() -> str:
    """The page of the command line."""
    lines = [
        "# Command line",
        "",
        "Each command as `--help` shows it. Exit codes: 0 good, 1 checked and bad, 2 usage or",
        "unreadable input, 3 could not be checked.",
    ]
    for words in commands():
        level = "##" + "#" * (len(words) - 1)
        lines += ["", f"{level} tanbu {' '.join(words)}", "", "```text", help_of(words), "```"]
    return "\n".join(lines) + "\n"
