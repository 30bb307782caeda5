"""Vectors for the tests of registry/chain: our own, and those of other projects."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Load = Callable[[str], Any]


@pytest.fixture(scope="session")
def vectors() -> Load:
    """Give a reader of our own vectors: vectors("note.json")."""
    place = Path(__file__).resolve().parent.parent / "vectors" / "chain"
    return lambda name: json.loads((place / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def others(shared: Path) -> Load:
    """Give a reader of shared vectors: others("tiles/tile_paths.json")."""
    return lambda name: json.loads((shared / "vectors" / name).read_text(encoding="utf-8"))
