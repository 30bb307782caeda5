"""The whole sample with its real service: killed on the way, run again, verified, audited."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from registry.chain.errors import Unavailable
from registry.sample import once, service
from registry.sample.cast import Cast
from registry.sample.offline import Sandbox
from registry.sample.perform import perform
from registry.sample.place import Place
from registry.sample.story import STEPS
from tools import verify as alone

REPO = Path(__file__).resolve().parents[2]
RUN_S_MAX = 240
STARTED_MS = 1_795_000_000_000


def command(data: Path, port: int, *words: str) -> list[str]:
    return [
        sys.executable, "-m", "registry.cli", "sample",
        "--data", str(data), "--port", str(port), "--lang", "en", *words,
    ]  # fmt: skip


def processes_of(data: Path) -> list[str]:
    """The command lines of running processes that name the data directory."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and int(place.name) != os.getpid():
            try:
                words = (place / "cmdline").read_bytes()
            except OSError:
                continue
            if str(data).encode() in words:
                found.append(words.replace(b"\0", b" ").decode())
    return found


def wait_until_gone(data: Path) -> None:
    end_s = time.monotonic() + 60
    while processes_of(data):
        assert time.monotonic() < end_s, processes_of(data)
        time.sleep(0.05)


@pytest.mark.slow
def test_a_killed_sample_goes_on_and_holds(tmp_path: Path, free_port: int) -> None:
    data = tmp_path / "var"
    with subprocess.Popen(
        command(data, free_port), cwd=REPO, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as killed:
        assert killed.stderr is not None
        for line in killed.stderr:
            if line.startswith(b"[20/"):
                break
        killed.send_signal(signal.SIGKILL)
    wait_until_gone(data)
    done = subprocess.run(
        command(data, free_port, "--once", "--json"),
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert processes_of(data) == [], "a process was left"
    result = json.loads(done.stdout)
    assert [check["holds"] for check in result["checks"]] == [True] * 5
    assert result["entries"] == len(STEPS) + 1
    assert f"of {len(STEPS)} entries were there already" in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("[")]
    assert 0 < len(lines) <= len(STEPS) - 19
    for private in [*(data / "keys").rglob("*.key"), *(data / "private").iterdir()]:
        assert stat.S_IMODE(private.stat().st_mode) == 0o600, private
    # What was printed is what was run: the printed command verifies, with nothing running.
    words = [word for word in result["verify"] if word]
    again = subprocess.run(words, cwd=REPO, capture_output=True, check=False, timeout=60)
    assert again.returncode == 0
    # So does the second verifier, with all that the sample hands out.
    trust = alone.read_trust(data / "trust")
    opening = (data / "private" / "obligor.opening").read_bytes()
    handed_out = sorted((data / "evidence").glob("*.json"))
    assert len(handed_out) >= 8
    for path in handed_out:
        opened = opening if str(path) in words else None
        assert alone.verify(path.read_bytes(), trust, opened).statement, path


def test_a_port_in_use_is_said_before_anything_is_made(tmp_path: Path, free_port: int) -> None:
    with service.socket.create_server(("127.0.0.1", free_port)):
        done = subprocess.run(
            command(tmp_path / "var", free_port),
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr.startswith(f"tanbu: the port {free_port} cannot be used")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "var").exists()


def test_another_book_is_left_alone(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "tanbu.sqlite3").write_bytes(b"somebody's book")
    with pytest.raises(Unavailable, match="a book that is no sample"):
        perform(tmp_path, free_port, _Silent(), lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["tanbu.sqlite3"]


class _Silent:
    def step(self, *_: object) -> None: ...

    def played(self, *_: object) -> None: ...


def test_a_key_that_is_not_the_samples_is_not_overwritten(tmp_path: Path) -> None:
    from_one, from_other = Cast(bytes(32), STARTED_MS), Cast(b"x" * 32, STARTED_MS)
    Place(tmp_path).write_keys(from_one)
    Place(tmp_path).write_keys(from_one)
    with pytest.raises(Unavailable, match="not the sample's"):
        Place(tmp_path).write_keys(from_other)


def test_a_changed_byte_is_one_byte() -> None:
    data = b'{"a":"QUFB","b":"..........."}'
    changed = once.one_byte_changed(data)
    assert len(changed) == len(data)
    assert sum(a != b for a, b in zip(data, changed, strict=True)) == 1


def test_the_sandbox_has_no_network(monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    words = ["balance", "a-x", "--url", f"http://127.0.0.1:{free_port}"]
    with service.socket.create_server(("127.0.0.1", free_port)):
        sandbox = Sandbox()
        assert sandbox.run(words).code == 3
        monkeypatch.setattr(sandbox, "_unshare", [])
        done = sandbox.run(words)
    assert done.code == 3
    assert "sockets are blocked here" in done.err
    assert sandbox.run(["--version"]).code == 0
