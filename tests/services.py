"""A whole service on a data directory, as a user starts it, for tests that end it in many ways."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.house.tree import REPO

START_S = 60
END_S = 60
MODULE = "registry.bootstrap.supervisor"


@dataclass
class Service:
    """A running service; `lines` is what it has said on stdout and stderr once it has ended."""

    process: subprocess.Popen[str]
    port: int
    lines: list[str] = field(default_factory=list)

    def children(self) -> dict[str, list[int]]:
        """The processes of the service by kind."""
        found: dict[str, list[int]] = {}
        for pid in family(self.process.pid):
            words = command_of(pid)
            kind = next((w.rpartition(".")[2] for w in words if "registry.bootstrap." in w), "")
            found.setdefault(kind, []).append(pid)
        return found

    def wait(self) -> int:
        """Wait until it has ended with all its processes; its exit code."""
        try:
            said = self.process.communicate(timeout=END_S)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.lines += said.splitlines()
        return self.process.returncode

    def end(self) -> int:
        """Ask it to end, and wait."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()


def start(data: Path, *options: str, environment: dict[str, str] | None = None) -> Service:
    """Start a service and wait until it serves; AssertionError with its words if it does not."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", MODULE, str(data), "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=REPO,
        env={**os.environ, **(environment or {})},
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "serving" in line:
            return Service(process, int(line.rstrip().rstrip("/").rpartition(":")[2]), said)
    raise AssertionError(f"{''.join(said)}exit code {process.wait()}")


def run(data: Path, *options: str) -> tuple[int, str]:
    """Start a service that must not start; its exit code and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", MODULE, str(data), "--port", "0", *options],
        capture_output=True,
        text=True,
        cwd=REPO,
        timeout=START_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def running(data: Path, *options: str) -> Iterator[Service]:
    """A service that is ended at the end, whatever happens meanwhile."""
    service = start(data, *options)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.end()


def post(port: int, notes: Sequence[bytes], timeout_s: float = 30) -> list[dict[str, Any]]:
    """Submit notes in one request; one result per note. Raises OSError if nobody answers."""
    body = json.dumps({"entries": [note.decode() for note in notes]})
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)) as c:
        c.request("POST", "/v1/entries", body, {"Content-Type": "application/json"})
        answer = c.getresponse()
        data = json.loads(answer.read())
    if answer.status >= 500:
        raise ConnectionError(f"{answer.status} {data}")
    found: list[dict[str, Any]] = data["results"]
    return found


def get(port: int, path: str) -> tuple[int, bytes]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as c:
        c.request("GET", path)
        answer = c.getresponse()
        return answer.status, answer.read()


def family(pid: int) -> list[int]:
    """The children of a process."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for path in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (path / "children").read_text().split()]
    return found


def command_of(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return []


def wait_gone(pids: Sequence[int]) -> None:
    """Return when none of these processes works any more; AssertionError after a while."""
    deadline = time.monotonic() + END_S
    while alive := [pid for pid in pids if command_of(pid) != [""] and command_of(pid)]:
        assert time.monotonic() < deadline, [command_of(pid) for pid in alive]
        time.sleep(0.02)
