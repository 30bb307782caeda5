"""Writes docs/reference/scenarios.md: row of practice, scenario, kinds and refusals exercised.

python -m tests.scenarios.table            write the page
python -m tests.scenarios.table --check    exit 1 if it is not what the scenarios say
"""

from __future__ import annotations

import sys
from pathlib import Path

from registry.ledger.entries import KINDS
from registry.ledger.refusals import CATALOGUE
from tests.scenarios.files import NAMES, played, scenario

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "scenarios.md"
HEAD = """# Scenarios

Ledgers as text, one for each row of the practice that the registry has to carry, and some for what
courts and lost keys do. Each is played through the rules, against the real service, and audited;
how one is written: [guide](../guides/scenarios.md). This page is made by `make docs`.
"""
FOUNDING = ("genesis", "rulebook", "party", "account", "methodology", "project")
"""Kinds that every scenario begins with; the table does not repeat them."""


def page() -> str:
    """The whole page."""
    lines = [HEAD, "## Rows of practice", ""]
    founding = ", ".join(_kind(kind) for kind in FOUNDING)
    lines += [f"Every log is founded by {founding}; these kinds are not repeated here.", ""]
    lines += ["In **bold**: a refusal that no other scenario shows.", ""]
    lines += ["| row of practice | scenario | kinds | refused |", "| --- | --- | --- | --- |"]
    lines += [_row(name) for name in NAMES]
    lines += ["", "## What each is about", ""]
    for name in NAMES:
        lines += _section(name)
    lines += ["## By kind", "", *_by_kind(), ""]
    lines += ["## By refusal", "", *_by_refusal()]
    return "\n".join(lines) + "\n"


def _row(name: str) -> str:
    said, done = scenario(name), played(name)
    others = {reason for other in NAMES if other != name for reason in played(other).refusals}
    refused = [_refusal(r) if r in others else f"**{_refusal(r)}**" for r in done.refusals]
    kinds = [_kind(kind) for kind in done.kinds if kind not in FOUNDING]
    return f"| {said.row} | [{name}](#{name}) | {', '.join(kinds)} | {', '.join(refused)} |"


def _section(name: str) -> list[str]:
    said, done = scenario(name), played(name)
    return [
        f"### {name}",
        "",
        f"{said.title}",
        "",
        f"- ledger: [{name}.ledger](../../tests/scenarios/{name}.ledger)",
        f"- figures: {said.figures}",
        f"- proved offline: {', '.join(report.about for report in done.proved[1:])}",
        f"- records: {len(done.records)}; by `tanbu audit` on any machine, state root:",
        f"  `{done.state_root}`",
        "",
    ]


def _by_kind() -> list[str]:
    rows = []
    for kind in KINDS:
        where = [name for name in NAMES if kind in played(name).kinds]
        # What stands in nearly all is not worth a list.
        shown = "every one" if len(where) == len(NAMES) else ", ".join(where)
        rows.append(f"| {_kind(kind)} | {shown} |")
    return ["| kind | scenarios |", "| --- | --- |", *rows]


def _by_refusal() -> list[str]:
    rows = []
    for name in CATALOGUE:
        where = [n for n in NAMES if name in played(n).refusals]
        if where:
            rows.append(f"| {_refusal(name)} | {', '.join(where)} |")
    return ["| refusal | scenarios |", "| --- | --- |", *rows]


def _kind(kind: str) -> str:
    return f"[{kind}](kinds/{kind}.md)"


def _refusal(name: str) -> str:
    number = CATALOGUE[name].number
    return f"[{number} `{name}`](refusals.md#{number}-{name})"


def main(arguments: list[str]) -> int:
    """Write the page, or with --check say that it is stale."""
    made = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == made:
        return 0
    if arguments == ["--check"]:
        print("docs/reference/scenarios.md is not what the scenarios say; run: make docs")
        return 1
    PAGE.write_text(made, encoding="utf-8")
    print("wrote docs/reference/scenarios.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
