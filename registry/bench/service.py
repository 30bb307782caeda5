"""Starts what is measured, the service and the empty route, and looks at their memory."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.chain.errors import Broken

HOST = "127.0.0.1"
WORKERS = 2
START_S_MAX = 30
END_S_MAX = 60
_ADDRESS = re.compile(r"http://127\.0\.0\.1:([0-9]+)")


class Running:
    """A process with children; `port` is where it listens."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.port = port

    def rss_mb(self) -> float:
        """Resident memory of the process and all its descendants, in MB, summed."""
        return sum(_rss_kb(pid) for pid in _family(self.process.pid)) / 1024


@contextmanager
def service(data: Path) -> Iterator[Running]:
    """The real service on a data directory and a free port."""
    words = ["registry.bootstrap.supervisor", str(data), "--port", "0", "--workers", str(WORKERS)]
    with _running(words, "serving ") as running:
        yield running


@contextmanager
def empty_route() -> Iterator[Running]:
    """Uvicorn with as many workers as the service has, and an application that does nothing."""
    words = ["uvicorn", "registry.bench.empty:app", "--host", HOST, "--port", "0"]
    words += ["--workers", str(WORKERS), "--no-access-log"]
    with _running(words, "running on ") as running:
        yield running


@contextmanager
def _running(words: list[str], sign: str) -> Iterator[Running]:
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        port = _read_port(process, sign)
        _wait_until_it_answers(port)
        yield Running(process, port)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=END_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _read_port(process: "subprocess.Popen[str]", sign: str) -> int:
    said = []
    for line in process.stdout or ():
        said.append(line)
        if sign in line and (found := _ADDRESS.search(line)):
            return int(found[1])
    raise Broken(f"{process.args!r} ended before it listened: {''.join(said)[-500:]}")


def _wait_until_it_answers(port: int) -> None:
    """Uvicorn with workers names its port before it listens."""
    end_s = time.monotonic() + START_S_MAX
    while True:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError as error:
            if time.monotonic() > end_s:
                raise Broken(f"nobody answers on port {port}") from error
            time.sleep(0.05)
        else:
            return


def _family(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended meanwhile
            parents[int(entry.name)] = int(after_name[1])
    family = [root]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family


def _rss_kb(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0  # it has ended meanwhile
    found = re.search(r"VmRSS:\s+([0-9]+) kB", status)
    return int(found[1]) if found else 0
