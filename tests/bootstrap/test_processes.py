"""What a long-lived process has loaded stays in its memory: each loads only what it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

SHORT_LIVED = ("alembic", "rich", "pygments", "httpx", "rfc3161_client")
"""Needed by the start, by commands, or by the stamper."""
FRAMEWORKS = ("pydantic", "fastapi", "uvicorn", "jinja2")


@pytest.mark.parametrize(
    ("process", "unwanted"),
    [
        ("writer", (*SHORT_LIVED, *FRAMEWORKS)),
        ("publisher", (*SHORT_LIVED, *FRAMEWORKS)),
        ("api", SHORT_LIVED),
    ],
)
def test_a_process_loads_only_what_it_needs(process: str, unwanted: tuple[str, ...]) -> None:
    asked = f"import sys, registry.bootstrap.{process}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = done.stdout.split()
    assert f"registry.bootstrap.{process}" in loaded
    assert set(unwanted) & set(loaded) == set()
