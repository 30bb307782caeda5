"""What the code offers is written down: kinds, refusals, values of rulebooks.

The pages are made from the code by tools/reference.py; here stands that they were made, that what
is written by hand is there, and that the catalogue and the rules know the same refusals.
"""

from __future__ import annotations

import ast
import re
from string import Formatter
from typing import get_args

import pytest

from registry.cli.lazy import COMMANDS
from registry.ledger.entries import KINDS, Entry
from registry.ledger.refusals import CATALOGUE
from registry.ledger.rulesets import RULESETS
from registry.settings import Settings
from tests.house import tree
from tools import reference, reference_shell

HAND_WRITTEN_CHARS_MIN = 200


def test_every_page_is_what_the_code_says() -> None:
    made = reference.pages()
    assert len(made) > len(KINDS)
    assert reference.stale(made) == [], "run: make docs"


def test_a_stale_page_is_found() -> None:
    made = dict(reference.pages())
    made["docs/reference/refusals.md"] += "\n"
    made["docs/reference/kinds/nothing.md"] = ""
    late = {"docs/reference/refusals.md", "docs/reference/kinds/nothing.md"}
    assert late <= set(reference.stale(made))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_described_by_hand(kind: str) -> None:
    head = reference.by_hand(f"docs/reference/kinds/{kind}.md", kind)
    assert head.startswith(f"# {kind}\n")
    assert "**Signed by**" in head
    assert len(head) > HAND_WRITTEN_CHARS_MIN


def test_no_page_describes_a_kind_that_is_not() -> None:
    pages = (tree.REPO / "docs" / "reference" / "kinds").glob("*.md")
    assert {page.stem for page in pages} == set(KINDS)


def refused(text: str) -> set[str]:
    """The names given to `refuse` in a source text."""
    return {
        str(node.args[0].value)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) == "refuse"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def test_rules_and_catalogue_know_the_same_refusals() -> None:
    used = {name for _, text in tree.python("registry/") for name in refused(text)}
    assert used - set(CATALOGUE) == set(), "refused by a name that the catalogue does not have"
    assert set(CATALOGUE) - used == set(), "in the catalogue, and refused by nobody"


def test_every_ruleset_has_its_golden_log() -> None:
    logs = (tree.REPO / "tests" / "vectors" / "ledger").glob("ruleset-*.json")
    assert {log.stem for log in logs} == {f"ruleset-{number}" for number in RULESETS}


def test_refusals_are_read_off_the_source() -> None:
    assert refused("def f():\n    return refuse('a', x=1) or ledger.refuse('b')\n") == {"a", "b"}


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def test_the_catalogue_is_in_order_and_says_the_same_in_both_languages() -> None:
    reasons = list(CATALOGUE.values())
    numbers = [reason.number for reason in reasons]
    assert numbers == sorted(set(numbers))
    assert {number // 100 for number in numbers} == set(reference.FAMILIES)
    for reason in reasons:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", reason.name)
        assert fields(reason.en) == fields(reason.zh), reason.name
        assert re.search(r"[\u4e00-\u9fff]", reason.zh), reason.name


def test_every_kind_is_in_the_union_and_has_a_rule() -> None:
    assert {kind.__name__ for kind in get_args(Entry)} == {k.__name__ for k in KINDS.values()}
    graph = reference.CallGraph()
    without = [kind for kind in KINDS if not graph.of_rule(kind)]
    assert without == [], "kinds whose rule refuses nothing"


def test_the_call_graph_follows_calls_in_order() -> None:
    steps = reference.read_steps("def f():\n    refuse('a')\n    g()\n    return refuse('c')\n")
    assert steps == {"f": [(True, "a"), (False, "g"), (True, "c")]}


def test_every_route_says_what_it_does() -> None:
    routes = reference_shell.routes()
    assert len(routes) > 20
    assert [route.path for route in routes if not route.summary] == []
    assert [path for path, what in reference_shell.page_routes() if not what] == []


def test_every_command_has_its_module_and_an_example() -> None:
    missing = [c.name for c in COMMANDS if not reference_shell.has_module(c)]
    assert missing == [], "commands without a module"
    for words in reference_shell.commands():
        said = reference_shell.help_of(words)
        assert "Example:" in said or "Commands:" in said, " ".join(words)


def test_every_setting_says_what_it_is() -> None:
    assert [n for n, field in Settings.model_fields.items() if not field.description] == []
    page = reference_shell.settings()
    assert all(f"| `{name}` |" in page for name in Settings.model_fields)
