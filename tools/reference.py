"""Write docs/reference/ and docs/spec/rulebook.md from the code, so that they cannot lag behind it.

    python -m tools.reference            write the pages
    python -m tools.reference --check    exit 1 if a page is not what it would be

A page of a kind has two parts: a hand-written one down to the mark, which stays as it is, and the
fields and refusals below it, which come from the type and from the rules' source. The other pages
are wholly made. What the rules may refuse is read off the syntax tree: the refusals that a rule
names, and those of the functions that it calls, in that order; so a page may name one too many,
never one too few.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from registry.ledger.entries import KINDS, Common
from registry.ledger.refusals import CATALOGUE, Reason
from registry.ledger.rulebook import VALUES
from tools.reference_fields import field_rows
from tools.reference_profiles import profiles
from tools.reference_shell import cli, http, settings
from tools.tables import table

ROOT = Path(__file__).resolve().parent.parent
LEDGER = ROOT / "registry" / "ledger"
MARK = "<!-- Below this line the page is made by `make docs`. -->"
FAMILIES = {
    1: "100: the entry as such",
    2: "200: signatures and authority",
    3: "300: parties, keys, accounts, rulebooks",
    4: "400: methodologies, projects, issuances, openings",
    5: "500: mandates, transfers, holdings",
    6: "600: points",
    7: "700: orders, events, obligations, retirements",
    8: "800: reservations, pledges, freezes",
    9: "900: cancellations, corrections, notices",
    10: "1000: seals, the end of a log",
}
# What `apply` tries before it turns to the rule of the kind.
BEFORE_RULES = ("_judge", "_check_signatures", "_check_memo")


def pages() -> dict[str, str]:
    """Every made page: its path from the root, and its text."""
    graph = CallGraph()
    made = {
        "docs/reference/README.md": contents(),
        "docs/reference/refusals.md": refusals(graph),
        "docs/reference/http.md": http(),
        "docs/reference/cli.md": cli(),
        "docs/reference/settings.md": settings(),
        "docs/reference/profiles.md": profiles(),
        "docs/spec/rulebook.md": rulebook(),
    }
    for kind in KINDS:
        path = f"docs/reference/kinds/{kind}.md"
        made[path] = f"{by_hand(path, kind)}{MARK}\n\n{kind_page(kind, graph)}"
    return made


def by_hand(path: str, kind: str) -> str:
    """The hand-written head of a page; a bare one where there is none yet."""
    file = ROOT / path
    if file.exists():
        head, mark, _ = file.read_text(encoding="utf-8").partition(MARK)
        if mark:
            return head
    return f"# {kind}\n\n"


def kind_page(kind: str, graph: CallGraph) -> str:
    """Fields and refusals of a kind."""
    lines = ["## Fields", "", "Beside those that [every entry has](../README.md#every-entry).", ""]
    lines += table(("field", "", "form"), field_rows(KINDS[kind]))
    found = graph.of_rule(kind)
    lines += [
        "",
        "## Refusals",
        "",
        "After [what is tried for every entry](../refusals.md#what-is-tried-first), in this order:",
        "",
    ]
    lines += [f"- {link(CATALOGUE[name], '../refusals.md')}" for name in found]
    return "\n".join(lines) + "\n"


def refusals(graph: CallGraph) -> str:
    """The whole catalogue, a section each, with the kinds that may meet it."""
    kinds = {kind: graph.of_rule(kind) for kind in KINDS}
    lines = [
        "# Refusals",
        "",
        "Why the rules do not let a well-formed entry into the log. Numbers are in blocks of 100",
        "per family and are never used again for something else. *Transient*: the same entry could",
        "pass later without being changed. A refused entry leaves nothing in the log.",
        "",
        "## What is tried first",
        "",
        "For every entry, in this order, before the rule of its kind:",
        "",
    ]
    first = list(dict.fromkeys(n for f in BEFORE_RULES for n in graph.named(f)))
    lines += [f"- {link(CATALOGUE[name])}" for name in first]
    family = 0
    for reason in CATALOGUE.values():
        if reason.number // 100 != family:
            family = reason.number // 100
            lines += ["", f"## {FAMILIES[family]}"]
        where = [f"[{k}](kinds/{k}.md)" for k, names in kinds.items() if reason.name in names]
        lines += [
            "",
            f"### {reason.number} `{reason.name}`",
            "",
            f"{reason.en}",
            "",
            f"{reason.zh}",
        ]
        lines += ["", f"{'Transient' if reason.transient else 'Not transient'}. Kinds: "]
        lines[-1] += (", ".join(where) if where else "every") + "."
    return "\n".join(lines) + "\n"


def rulebook() -> str:
    """The values that a rulebook may hold."""
    lines = [
        "# Values of a rulebook",
        "",
        "Every number of a regime is one of these values, carried by a `rulebook` entry with its",
        "source. A value that is not listed here is refused (`rulebook_value_unknown`), and one",
        "that is required may not be missing. `*` in a list of classes stands for every class.",
        "",
    ]
    rows = [
        (f"`{s.name}`", s.type, s.unit, "required" if s.required else "optional", s.read_by)
        for s in VALUES.values()
    ]
    return "\n".join([*lines, *table(("value", "type", "unit", "", "read by"), rows)]) + "\n"


def contents() -> str:
    """The list of reference pages, and the fields that every entry has."""
    lines = ["# Reference", "", "## Kinds of entries", ""]
    rows = [(f"[{kind}](kinds/{kind}.md)", summary(kind)) for kind in KINDS]
    lines += table(("kind", "what it does"), rows)
    lines += [
        "",
        "## Every entry",
        "",
        "An entry is a signed note of three lines: `tanbu.entry/v1`,",
    ]
    lines += ["the origin, and one line of canonical JSON with `kind` and these fields:", ""]
    lines += table(("field", "", "form"), field_rows(Common))
    lines += ["", "## More", "", "- [Refusals](refusals.md): every reason, numbered"]
    lines += ["- [HTTP](http.md): every route and page", "- [Command line](cli.md): every command"]
    lines += ["- [Settings](settings.md): what the service may be told"]
    lines += ["- [Values of a rulebook](../spec/rulebook.md): every number of a regime"]
    lines += ["- [Scenarios](scenarios.md): what practice needs, kind by kind, refusal by refusal"]
    lines += ["- [Profiles](profiles.md): the numbers of regions, with their sources"]
    return "\n".join(lines) + "\n"


def summary(kind: str) -> str:
    """The first sentence of the kind's docstring."""
    return " ".join((KINDS[kind].__doc__ or "").split("\n\n")[0].split()).strip()


def link(reason: Reason, page: str = "") -> str:
    """A refusal by number and name, leading to its section."""
    return f"[{reason.number} `{reason.name}`]({page}#{reason.number}-{reason.name})"


class CallGraph:
    """Which refusals the functions of the ledger name, and which functions they call."""

    def __init__(self) -> None:
        self._steps: dict[str, list[tuple[bool, str]]] = {}
        for path in sorted(LEDGER.rglob("*.py")):
            for name, steps in read_steps(path.read_text(encoding="utf-8")).items():
                self._steps.setdefault(name, []).extend(steps)

    def of_rule(self, kind: str) -> list[str]:
        """The refusals that the rule of a kind may meet, in its order."""
        return list(dict.fromkeys(self._walk(kind, set())))

    def named(self, function: str) -> list[str]:
        """The refusals that a function names itself."""
        return [name for refused, name in self._steps[function] if refused]

    def _walk(self, function: str, seen: set[str]) -> Iterator[str]:
        if function in seen:
            return
        seen.add(function)
        for refused, name in self._steps.get(function, []):
            if refused:
                yield name
            else:
                yield from self._walk(name, seen)


def read_steps(text: str) -> dict[str, list[tuple[bool, str]]]:
    """What each function of a source text does in turn: (True, refusal) or (False, call)."""
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
    return {function.name: _steps(function) for function in functions}


def _steps(function: ast.FunctionDef) -> list[tuple[bool, str]]:
    found: list[tuple[int, int, bool, str]] = []
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        called = node.func.id if isinstance(node.func, ast.Name) else called
        place = (node.lineno, node.col_offset)
        if called != "refuse":
            found.append((*place, False, called))
        elif node.args and isinstance(node.args[0], ast.Constant):
            found.append((*place, True, str(node.args[0].value)))
    return [(refused, name) for _, _, refused, name in sorted(found)]


def stale(made: dict[str, str]) -> list[str]:
    """The pages whose files are not what the code says."""
    return [
        path
        for path, text in made.items()
        if not (ROOT / path).exists() or (ROOT / path).read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check say which are stale."""
    made = pages()
    if arguments == ["--check"]:
        for path in (late := stale(made)):
            print(f"{path} is not what the code says; run: make docs")
        return 1 if late else 0
    for path in stale(made):
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(made[path], encoding="utf-8")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
