"""The laws of the house, run over the tree; and each checker run over a breach it must find."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.house import laws, tree

Checker = Callable[[str, str], list[str]]

# checker, where it holds
LAWS: list[tuple[Checker, tuple[str, ...]]] = [
    (laws.homeless_imports, ("registry/", "migrations/", "tools/")),
    (laws.impurities, laws.PURE),
    (laws.inexactness, laws.EXACT),
    (laws.mutable_types, laws.PURE),
    (laws.back_doors, ("registry/", "migrations/", "tools/")),
    (laws.swallowed, ("registry/", "migrations/", "tools/", "tests/")),
    (laws.assertions, ("registry/", "migrations/", "tools/")),
    (laws.too_long, ("registry/", "migrations/", "tools/", "tests/")),
    (laws.undocumented, ("registry/", "migrations/", "tools/", "tests/house/")),
    (laws.bare_silencers, ("registry/", "migrations/", "tools/", "tests/")),
]


@pytest.mark.parametrize(("checker", "places"), LAWS, ids=[checker.__name__ for checker, _ in LAWS])
def test_the_tree_keeps_the_law(checker: Checker, places: tuple[str, ...]) -> None:
    looked_at = list(tree.python(*places))
    assert looked_at, "the law was tried on nothing"
    assert [c for where, text in looked_at for c in checker(text, where)] == []


# checker, file the snippet pretends to be, snippet, words of the complaint
BREACHES: list[tuple[Checker, str, str, str]] = [
    (laws.homeless_imports, "registry/ledger/a.py", "import pydantic\n", "imports pydantic"),
    (laws.homeless_imports, "registry/api/a.py", "from sqlalchemy import text\n", "sqlalchemy"),
    (laws.homeless_imports, "registry/cli/a.py", "import httpx\n", "its home is registry/net/"),
    (laws.homeless_imports, "registry/service.py", "from fastapi.x import y\n", "fastapi"),
    (laws.homeless_imports, "registry/chain/a.py", "import merkletools\n", "merkletools"),
    (laws.homeless_imports, "registry/cli/a.py", "from . import b\n", "relative"),
    (laws.impurities, "registry/chain/a.py", "import time\n", "imports time"),
    (laws.impurities, "registry/ledger/a.py", "from random import random\n", "imports random"),
    (laws.impurities, "registry/ledger/a.py", "import logging\n", "imports logging"),
    (laws.impurities, "registry/ledger/a.py", "import sqlite3\n", "imports sqlite3"),
    (laws.impurities, "registry/ledger/a.py", "import nacl.signing\n", "imports nacl"),
    (laws.impurities, "registry/verify/a.py", "import os\nos.environ\n", ".environ"),
    (laws.impurities, "registry/verify/a.py", "import pathlib\n", "imports pathlib"),
    (laws.impurities, "registry/ports.py", "def f():\n    return open('x')\n", "calls open()"),
    (laws.impurities, "registry/ledger/a.py", "x = date.today()\n", "asks a clock"),
    (laws.impurities, "registry/ledger/a.py", "def f():\n    global x\n    x = 1\n", "global"),
    (laws.impurities, "registry/ledger/a.py", "x = hash('a')\n", "calls hash()"),
    (laws.inexactness, "registry/ledger/a.py", "x = 0.5\n", "float 0.5"),
    (laws.inexactness, "registry/ledger/a.py", "x = a / b\n", "divides"),
    (laws.inexactness, "registry/ledger/a.py", "x /= b\n", "divides"),
    (laws.inexactness, "registry/chain/a.py", "x = float(y)\n", "calls float()"),
    (laws.mutable_types, "registry/ledger/a.py", "class A(Struct):\n    x: int\n", "struct A"),
    (
        laws.mutable_types,
        "registry/ledger/a.py",
        "class A(msgspec.Struct, frozen=False): ...\n",
        "struct A",
    ),
    (laws.mutable_types, "registry/ledger/a.py", "@dataclass\nclass A: ...\n", "dataclass A"),
    (
        laws.mutable_types,
        "registry/ledger/a.py",
        "@dataclass(frozen=True)\nclass A: ...\n",
        "dataclass A",
    ),
    (laws.back_doors, "registry/a.py", "def f():\n    import json\n", "inside function f"),
    (
        laws.back_doors,
        "registry/a.py",
        "class A:\n    async def f(self):\n        if 1:\n            from a import b\n",
        "inside function f",
    ),
    (laws.back_doors, "registry/a.py", "from typing import TYPE_CHECKING\n", "TYPE_CHECKING"),
    (laws.back_doors, "registry/a.py", "import typing\nif typing.TYPE_CHECKING: ...\n", "TYPE_C"),
    (laws.back_doors, "registry/a.py", "x = importlib.import_module('y')\n", "by name"),
    (
        laws.swallowed,
        "registry/store/a.py",
        "try: f()\nexcept Exception: raise\n",
        "catches everything",
    ),
    (laws.swallowed, "registry/a.py", "try: f()\nexcept: raise\n", "catches everything"),
    (
        laws.swallowed,
        "registry/a.py",
        "try: f()\nexcept (KeyError, BaseException) as e: raise\n",
        "catches everything",
    ),
    (laws.swallowed, "registry/api/a.py", "try: f()\nexcept KeyError: pass\n", "passes over"),
    (laws.swallowed, "registry/api/a.py", "try: f()\nexcept KeyError: ...\n", "passes over"),
    (laws.swallowed, "registry/a.py", "with suppress(Exception): f()\n", "suppresses everything"),
    (laws.assertions, "registry/a.py", "assert x\n", "asserts"),
    (laws.too_long, "registry/a.py", "x = 1\n" * 501, "has 501 lines"),
    (laws.too_long, "tools/verify.py", "x = 1\n" * 1_901, "has 1901 lines"),
    (laws.too_long, "registry/a.py", "def f():\n" + "    x = 1\n" * 70, "f has 71 lines"),
    (laws.undocumented, "registry/a.py", "x = 1\n", "no docstring"),
    (laws.bare_silencers, "registry/a.py", "x = 1  # noqa\n", "noqa without a code"),
    (laws.bare_silencers, "registry/a.py", "x = 1  # noqa: E501\n", "noqa without a reason"),
    (laws.bare_silencers, "registry/a.py", "x = 1  # type: ignore\n", "without a code"),
    (laws.bare_silencers, "registry/a.py", "x = 1  # type: ignore[x]\n", "without a reason"),
]


@pytest.mark.parametrize(("checker", "where", "snippet", "words"), BREACHES)
def test_a_breach_is_found(checker: Checker, where: str, snippet: str, words: str) -> None:
    complaints = checker(snippet, where)
    assert any(words in c for c in complaints), complaints


def test_every_law_has_a_breach_to_find() -> None:
    assert {checker for checker, _ in LAWS} == {checker for checker, *_ in BREACHES}


# What the laws must let pass: the right form beside each breach.
GOOD: list[tuple[Checker, str, str]] = [
    (laws.homeless_imports, "registry/api/a.py", "import pydantic\nimport fastapi\n"),
    (laws.homeless_imports, "registry/store/a.py", "import sqlalchemy as sa\n"),
    (laws.impurities, "registry/chain/a.py", "import nacl.bindings\nimport hashlib\n"),
    (laws.impurities, "registry/ledger/a.py", "import re\nX = re.compile('a')\n"),
    (laws.impurities, "registry/ledger/a.py", "x = context.today()\n"),
    (laws.inexactness, "registry/ledger/a.py", "x = a // b\ny = 10**6\n"),
    (laws.mutable_types, "registry/ledger/a.py", "class A(Struct, frozen=True): ...\n"),
    (laws.back_doors, "registry/a.py", "import json\ndef f(): return json\n"),
    (laws.swallowed, "registry/writer/a.py", "try: f()\nexcept Exception as e: stop(e)\n"),
    (laws.swallowed, "registry/a.py", "with suppress(FileNotFoundError): f()\n"),
    (laws.assertions, "registry/a.py", "assert_never(x)\n"),
    (laws.too_long, "registry/a.py", "def f():\n" + "    x = 1\n" * 69),
    (laws.bare_silencers, "registry/a.py", "x = 1  # noqa: E501, A001  the catalogue's line\n"),
    (
        laws.bare_silencers,
        "registry/a.py",
        "x = 1  # type: ignore[arg-type]  # a union is no plain type\n",
    ),
    (laws.bare_silencers, "registry/a.py", "x = '# noqa'\n"),
]


@pytest.mark.parametrize(("checker", "where", "snippet"), GOOD)
def test_the_right_form_passes(checker: Checker, where: str, snippet: str) -> None:
    assert checker(snippet, where) == []
