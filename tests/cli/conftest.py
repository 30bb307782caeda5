"""What the tests of the command line share: a way to run it in this process."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
import uvicorn

from registry.api.app import create_app
from registry.api.services import ApiSettings
from registry.cli.edge import run
from tests.books import party_key
from tests.fakes import FakeRegistry, SteppingClock


class Ran(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The one error line; fails if there is not exactly one, or a traceback."""
        lines = [line for line in self.err.splitlines() if line.startswith("tanbu: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


Cli = Callable[..., Ran]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run `tanbu` with words and give its exit code, stdout and stderr."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("TANBU_URL", raising=False)

    def call(*words: object) -> Ran:
        capsys.readouterr()
        code = run([str(word) for word in words])
        captured = capsys.readouterr()
        return Ran(int(code), captured.out, captured.err)

    return call


class Service(NamedTuple):
    """A registry in memory, with the founding book, behind a real HTTP port."""

    registry: FakeRegistry
    url: str


@pytest.fixture
def service() -> Iterator[Service]:
    """Serve the founding book on a free port of this machine, at the real time of the day."""
    clock = SteppingClock(time.time_ns() // 1_000_000)
    registry = FakeRegistry(clock=clock)
    registry.book.now_ms = clock.ms
    registry.take(registry.book.founding())
    registry.publish()
    with serving(registry) as url:
        yield Service(registry, url)


@contextmanager
def serving(registry: FakeRegistry) -> Iterator[str]:
    """Answer HTTP from a registry in memory; the URL."""
    settings = ApiSettings(clock_ms=registry.clock, refusal_key=party_key("operator"))
    app = create_app(registry, registry, registry, settings)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="off", loop="asyncio", http="h11")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
