"""What imports what: the floors by import-linter, the libraries by the lock, the verifier alone."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from tests.house import laws, tree

# import name → name of the distribution, where they differ
DISTRIBUTIONS = {
    "nacl": "pynacl",
    "rfc3161_client": "rfc3161-client",
    "prometheus_client": "prometheus-client",
    "pydantic_settings": "pydantic-settings",
}

BLOCKED = (
    "alembic", "babel", "fastapi", "httpx", "jinja2", "prometheus_client", "pydantic",
    "pydantic_settings", "rich", "sqlalchemy", "starlette", "typer", "uvicorn",
)  # fmt: skip


def run_lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    command = "import sys; from importlinter.cli import lint_imports_command as f; sys.exit(f())"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_imports_go_down_only() -> None:
    done = run_lint_imports(tree.REPO)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("breach", "words"),
    [
        ({"chain/a.py": "import registry.ledger\n"}, "registry.chain is not allowed to import"),
        ({"store/a.py": "import registry.api\n", "api/__init__.py": ""}, "registry.store is not"),
        ({"attic/__init__.py": ""}, "attic"),
    ],
    ids=["upwards", "store to api", "a package without a floor"],
)
def test_the_contract_finds_a_breach(tmp_path: Path, breach: dict[str, str], words: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes((tree.REPO / "pyproject.toml").read_bytes())
    package = tmp_path / "registry"
    for path in ("__init__.py", "chain/__init__.py", "ledger/__init__.py", "store/__init__.py"):
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).touch()
    assert run_lint_imports(tmp_path).returncode == 0
    for path, text in breach.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text)
    done = run_lint_imports(tmp_path)
    assert done.returncode == 1
    assert words in done.stdout + done.stderr


def declared() -> set[str]:
    """The distributions that pyproject.toml names for running."""
    project = tomllib.loads((tree.REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {re.split(r"[\[<>=!~ ]", line)[0] for line in project["dependencies"]}


def test_the_product_imports_only_what_it_declares() -> None:
    used: set[str] = set()
    for where, text in tree.python("registry/", "migrations/", "tools/"):
        used |= laws.third_party(text, where)
    assert {DISTRIBUTIONS.get(name, name) for name in used} - declared() == set()


# A program that refuses the listed libraries to whoever asks, then imports whole packages.
ALONE = textwrap.dedent(
    """
    import importlib, importlib.abc, pkgutil, sys

    blocked = set(sys.argv[1].split(","))

    class Blocker(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in blocked:
                raise ImportError(f"{name} is blocked")

    sys.meta_path.insert(0, Blocker())
    count = 0
    for name in sys.argv[2:]:
        try:
            top = importlib.import_module(name)
        except ModuleNotFoundError as absent:
            if absent.name == name:
                continue
            raise
        count += 1
        for module in pkgutil.walk_packages(getattr(top, "__path__", ()), name + "."):
            importlib.import_module(module.name)
            count += 1
    print(count)
    """
)


def import_alone(
    *packages: str, blocked: tuple[str, ...] = BLOCKED
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ALONE, ",".join(blocked), *packages],
        cwd=tree.REPO,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_verifier_needs_no_framework() -> None:
    floors = ("chain", "importing", "ledger", "ports", "profiles", "verify")
    done = import_alone(*(f"registry.{name}" for name in floors))
    assert done.returncode == 0, done.stderr
    pure = [where for where, _ in tree.python(*laws.PURE)]
    assert int(done.stdout) == len(pure), "every module of the pure floors was imported"


def test_the_blocker_blocks() -> None:
    done = import_alone("registry.chain", blocked=("nacl",))
    assert done.returncode != 0
    assert "nacl" in done.stderr
    assert "is blocked" in done.stderr
