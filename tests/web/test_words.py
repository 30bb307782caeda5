"""The catalogue is whole in both languages, and holds nothing that no page says."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from registry.ledger.entries import KINDS
from registry.ledger.entries.authority import Role
from registry.service.books import STATUSES
from registry.web.words import WORDS, word
from tests.house.tree import REPO

WEB = REPO / "registry" / "web"
SPOKEN = re.compile(r"""\bw\(\s*'([a-z0-9_.]+)'""")
QUOTED = re.compile(r"""["']((?:[a-z0-9_]+\.)*[a-z0-9_]+)["']""")
PREFIXES = {
    "kind": tuple(KINDS),
    "role": get_args(Role),
    "status": STATUSES,
    "account": ("institution", "personal"),
    "accept": ("any", "listed", "signed"),
    "project": ("project", "scenario", "live", "suspended", "closed"),
    "say.project": ("live", "suspended", "closed"),
    "say.order_change": ("reduce", "raise", "annul", "close", "suspend", "resume"),
    "say.cancellation": ("issued_in_error", "reversal", "conversion_out"),
    "purpose": ("offset", "remediation", "event", "voluntary"),
    "order": ("signed", "recorded", "suspended", "annulled", "closed"),
    "event": ("plan", "final"),
    "scheme.used": ("to_credits", "retire"),
    "say.key": ("add", "revoke", "recover", "complete"),
    "error": ("400", "404", "405", "500", "503"),
}
"""Words whose key ends in a value of the ledger: each value must have one."""


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("key", WORDS)
def test_both_languages_say_the_same(key: str) -> None:
    english, chinese = WORDS[key]
    assert english.strip() == english != ""
    assert chinese.strip() == chinese != ""
    assert places(english) == places(chinese)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_value_of_the_ledger_has_a_word(prefix: str) -> None:
    for value in PREFIXES[prefix]:
        assert word(f"{prefix}.{value}", "zh")


def sources() -> dict[Path, str]:
    files = [*WEB.glob("*.py"), *WEB.glob("templates/*.html")]
    return {path: path.read_text(encoding="utf-8") for path in files if path.name != "words.py"}


def test_every_word_that_a_template_says_is_there() -> None:
    said = {key for text in sources().values() for key in SPOKEN.findall(text)}
    assert len(said) > 100
    prefixed = {f"{prefix}." for prefix in PREFIXES}
    assert {key for key in said if key not in WORDS and key not in prefixed} == set()


def test_no_word_is_left_over() -> None:
    said = {key for text in sources().values() for key in QUOTED.findall(text)}
    built = {f"{prefix}.{value}" for prefix, values in PREFIXES.items() for value in values}
    built |= {f"error.{status}.more" for status in PREFIXES["error"]}
    assert set(WORDS) - said - built == set()
