"""What every test may ask for: the shared test material and a free port.

The shared material (vectors and sample data of other projects) lies beside the repository and
is no part of it: a test that reads it skips, by name, where it is absent.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

REPO = Path(__file__).resolve().parent.parent

# No deadline: on two busy cores a slow example is a neighbour's doing. An explicit
# @settings(max_examples=…) on a test stands in both profiles.
hypothesis.settings.register_profile("plain", deadline=None)
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=5_000)
hypothesis.settings.load_profile("plain")


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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """End every run with three counts, noughts included."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or session.config.option.collectonly:
        return
    stats = reporter.stats
    passed = len(stats.get("passed", [])) + len(stats.get("xfailed", []))
    failed = len(stats.get("failed", [])) + len(stats.get("error", []))
    skipped = len(stats.get("skipped", []))
    reporter.write_line(f"passed {passed}, failed {failed}, skipped {skipped}")
