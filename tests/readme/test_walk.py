"""The operator's walk of the README, run as it stands there, block by block, against a real log.

Changed are two things only: the port, which must be a free one here, and `tanbu`, which is this
Python's. The service that a block starts is ended with the walk.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.house import texts, tree

HEADING = "## First walk for an operator"
PORT_IN_TEXT = "8001"
READY_S_MAX = 60


def walk_blocks() -> list[str]:
    text = (tree.REPO / "README.md").read_text(encoding="utf-8")
    section = text.partition(HEADING)[2].partition("\n## ")[0]
    return [block.text for block in texts.read(section).blocks if block.language == "sh"]


class Walker:
    """A new user's terminal: one directory, one environment, blocks run in turn."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self.service: subprocess.Popen[bytes] | None = None
        shim = directory / "shim" / "tanbu"
        shim.parent.mkdir()
        shim.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m registry.cli "$@"\n',
            encoding="utf-8",
        )
        shim.chmod(0o755)
        self.environment = {
            "PATH": f"{shim.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(tree.REPO),
            "HOME": str(directory),
            "LC_ALL": "C.UTF-8",
        }

    def run(self, block: str) -> str:
        """Run a block; a line that serves goes to the background, until it answers."""
        lines = block.replace(PORT_IN_TEXT, str(self.port)).split("\n")
        serving = [line for line in lines if line.startswith("tanbu serve")]
        exports = [line for line in lines if line.startswith("export ")]
        rest = "\n".join(line for line in lines if line not in serving)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", rest],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{rest}\n{done.stdout}{done.stderr}"
        for line in exports:
            for word in shlex.split(line)[1:]:
                name, _, value = word.partition("=")
                if "$" not in value:
                    self.environment[name] = value
        for line in serving:
            self.serve(shlex.split(line))
        return done.stdout

    def serve(self, words: list[str]) -> None:
        # A session of its own, so that nothing of it outlives the test.
        self.service = subprocess.Popen(
            words, cwd=self.directory, env=self.environment, start_new_session=True
        )
        deadline = time.monotonic() + READY_S_MAX
        while time.monotonic() < deadline:
            assert self.service.poll() is None, "the service ended"
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        pytest.fail("the service was not ready in time")

    def close(self) -> int:
        """End the service as Ctrl-C would; its exit code."""
        if self.service is None:
            return 0
        self.service.send_signal(signal.SIGINT)
        try:
            return self.service.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.service.pid, signal.SIGKILL)
            raise


@pytest.fixture
def walker(tmp_path: Path, free_port: int) -> Iterator[Walker]:
    walker = Walker(tmp_path, free_port)
    yield walker
    code = walker.close()
    assert code == 0, "the service ended in order"


def test_the_walk_of_the_readme_works(walker: Walker) -> None:
    blocks = walk_blocks()
    assert len(blocks) == 7
    said = [walker.run(block) for block in blocks]
    assert "published at size 2" in said[4]
    assert "would be accepted now" in said[4]
    assert "0 t free" in said[5]
    assert "Not checked:" in said[6]
    assert "All 3 records" in said[6]
