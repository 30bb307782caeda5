"""What every test may ask for: the shared test material and a free port.

The shared material (vectors and sample data of other projects) lies beside the repository and
is no part of it: a test that reads it skips, by name, where it is absent.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the directory of shared vectors and data: $TANBU_SHARED, else `shared` beside us."""
    path = Path(os.environ.get("TANBU_SHARED") or REPO.parent / "shared")
    if not path.is_dir():
        pytest.skip(f"shared material is absent: no directory {path} (set TANBU_SHARED)")
    return path


@pytest.fixture
def free_port() -> int:
    """Give a TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
