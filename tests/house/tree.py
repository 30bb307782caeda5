"""The files of this repository as the house tests see them: source, texts, their syntax trees.

Walks the directory, not git, so that an exported tree is judged as a clone is. What the Makefile
and the tools make (`.gitignore` names it) is no part of the tree.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
MADE = {
    ".git", ".venv", "venv", "var", "build", "dist", "node_modules", "__pycache__", ".hypothesis",
    ".import_linter_cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".schemathesis",
    "schemathesis-report",
}  # fmt: skip


def walk(directory: Path) -> Iterator[Path]:
    """Every file below `directory` in a fixed order, without what tools made."""
    for path in sorted(directory.iterdir()):
        if path.name in MADE or path.name.endswith(".egg-info") or path.is_symlink():
            continue
        if path.is_dir():
            yield from walk(path)
        elif path.suffix not in {".pyc", ".pyo"}:
            yield path


@cache
def files() -> tuple[Path, ...]:
    """Every file of the repository."""
    return tuple(walk(REPO))


def name(path: Path) -> str:
    """The path from the repository's root, with slashes."""
    return path.relative_to(REPO).as_posix()


def python(*tops: str) -> Iterator[tuple[str, str]]:
    """(name, text) of every Python file whose name begins with one of `tops`; of all if none."""
    for path in files():
        if path.suffix == ".py" and name(path).startswith(tops or ("",)):
            yield name(path), path.read_text(encoding="utf-8")


def texts() -> Iterator[tuple[str, str]]:
    """(name, text) of every file that is UTF-8 text."""
    for path in files():
        try:
            yield name(path), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def parse(text: str, where: str) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(text, filename=where)


def below(where: str, places: tuple[str, ...]) -> bool:
    """Tell whether file `where` is one of `places` or lies in one that ends in a slash."""
    return any(
        where == place or (place.endswith("/") and where.startswith(place)) for place in places
    )
