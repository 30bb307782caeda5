"""The commands of the README, run as they stand there, block by block, against a real service.

Changed are two things only: the port, which must be a free one here, and `tanbu`, which is this
Python's. What `make run` starts, and what a block starts, is ended with the test.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from registry.chain.note import parse_note
from tests.house import texts, tree

CHECK = "## Check a retirement offline"
WALK = "## First walk for an operator"
PORTS_IN_TEXT = ("8000", "8001")
READY_S_MAX = 120
LAST_OF_SAMPLE = 45


def blocks_of(heading: str) -> list[str]:
    text = (tree.REPO / "README.md").read_text(encoding="utf-8")
    section = text.partition(heading)[2].partition("\n## ")[0]
    return [block.text for block in texts.read(section).blocks if block.language == "sh"]


class Walker:
    """A new user's terminal: one directory, one environment, blocks run in turn."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self.service: subprocess.Popen[bytes] | None = None
        shim = directory / ".venv" / "bin" / "tanbu"
        shim.parent.mkdir(parents=True)
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
        for port in PORTS_IN_TEXT:
            block = block.replace(f":{port}", f":{self.port}").replace(
                f"--port {port}", f"--port {self.port}"
            )
        lines = block.split("\n")
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
        self.wait_for(lambda: self.answers("/readyz"))

    def answers(self, path: str) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}").status_code == 200
        except httpx.TransportError:
            return False

    def published(self) -> int:
        """The size of the newest checkpoint; 0 before there is one."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/checkpoint")
        except httpx.TransportError:
            return 0
        return int(answer.text.split("\n")[1]) if answer.status_code == 200 else 0

    def wait_for(self, there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_S_MAX
        while not there():
            assert self.service is not None
            assert self.service.poll() is None, "the service ended"
            assert time.monotonic() < deadline, "the service was not ready in time"
            time.sleep(0.1)

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
    blocks = blocks_of(WALK)
    assert len(blocks) == 7
    said = [walker.run(block) for block in blocks]
    assert "published at size 2" in said[4]
    assert "would be accepted now" in said[4]
    assert "0 t free" in said[5]
    assert "Not checked:" in said[6]
    assert "All 3 records" in said[6]


GUIDES = ("docs/guides/log-keys.md", "docs/guides/log-keys.zh-CN.md")


def test_the_guide_to_new_log_keys_works(walker: Walker) -> None:
    english, chinese = ((tree.REPO / name).read_text(encoding="utf-8") for name in GUIDES)
    pages = texts.read(english), texts.read(chinese)
    assert pages[0].blocks == pages[1].blocks
    assert pages[0].levels == pages[1].levels
    for block in blocks_of(WALK)[:5]:
        walker.run(block)
    old = walker.directory / "old"
    shutil.copytree(walker.directory / "book" / "trust", old)
    said = [walker.run(block.text) for block in pages[0].blocks if block.language == "sh"]
    assert "would be accepted now" in said[3]
    assert "published at size 3" in said[3]
    assert said[4].count('"until_size": 3') == 2
    assert "put in force by operator" not in said[5]
    note = httpx.get(f"http://127.0.0.1:{walker.port}/checkpoint").content
    assert len(parse_note(note).signatures) == 4
    # Who has not learned the new keys yet is served as before, and told.
    fetch = f"tanbu evidence 1 --url http://127.0.0.1:{walker.port} --out farm.json"
    told = walker.run(f"{fetch}\ntanbu verify farm.json --trust old")
    assert "keys that trust does not name" in told
    assert "keys that trust does not name" not in walker.run("tanbu verify farm.json")


def test_the_sample_is_checked_as_the_readme_says(walker: Walker) -> None:
    walker.serve(["tanbu", "sample", "--data", "var", "--port", str(walker.port)])
    # The story's last entry is published, and the sample has written what it prints the path of.
    walker.wait_for(lambda: walker.published() > LAST_OF_SAMPLE)
    walker.wait_for(lambda: any((walker.directory / "var" / "evidence").glob("*.json")))
    retirement, whole = (walker.run(block) for block in blocks_of(CHECK))
    assert "It proves:" in retirement
    assert "SAMPLE-ORDER-1" in retirement
    assert "the rules allow" in whole
