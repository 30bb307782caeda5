"""Over real connections: one write per answer, keep-alive, pipelining, broken requests."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from registry.api.app import create_app
from registry.api.protocol import GatheringProtocol
from registry.api.services import ApiSettings
from tests.api.conftest import played
from tests.fakes import FakeRegistry


@pytest.fixture(scope="module")
def registry() -> FakeRegistry:
    """Give a registry to the service of this module."""
    return played()


@pytest.fixture(scope="module")
def port(registry: FakeRegistry) -> Iterator[int]:
    """Give the port of a real server over it."""
    app = create_app(registry, registry, registry, ApiSettings(clock_ms=registry.clock))
    config = uvicorn.Config(
        app,
        http=GatheringProtocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_level="critical",
        proxy_headers=False,
    )
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    listening.close()


def ask(port: int, request: bytes, *, answers: int = 1) -> bytes:
    """Send bytes, and read until so many answers have come whole or the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        data = b""
        while len(split(data)) < answers:
            piece = connection.recv(65_536)
            if not piece:
                break
            data += piece
        return data


def split(data: bytes) -> list[bytes]:
    """The bodies of the whole answers in a stream."""
    bodies = []
    while b"\r\n\r\n" in data:
        head, _, rest = data.partition(b"\r\n\r\n")
        lengths = [x for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")]
        length = int(lengths[0].split(b":")[1]) if lengths else 0
        if len(rest) < length:
            break
        bodies.append(rest[:length])
        data = rest[length:]
    return bodies


def post(note: bytes, *lines: bytes) -> bytes:
    head = [b"POST /v1/entries HTTP/1.1", b"Host: x", b"Content-Type: text/plain", *lines]
    return b"\r\n".join([*head, b"Content-Length: %d" % len(note), b"", note])


def test_an_answer_comes_in_one_piece(registry: FakeRegistry, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(3):
            connection.sendall(post(registry.book.transfer("mill", "host")))
            assert len(split(connection.recv(65_536))) == 1


def test_pipelined_requests_are_answered_in_order(registry: FakeRegistry, port: int) -> None:
    size = len(registry.records)
    notes = [registry.book.transfer("mill", "host") for _ in range(5)]
    bodies = split(ask(port, b"".join(map(post, notes)), answers=5))
    assert [b'"index":%d,' % (size + n) in body for n, body in enumerate(bodies)] == [True] * 5


def test_the_last_answer_of_a_connection_comes_whole(registry: FakeRegistry, port: int) -> None:
    note = registry.book.transfer("mill", "host")
    data = ask(port, post(note, b"Connection: close"), answers=2)
    assert data.startswith(b"HTTP/1.1 201 ")
    assert len(split(data)) == 1
    large = ask(port, b"GET /entries HTTP/1.0\r\nHost: x\r\n\r\n", answers=2)
    assert large.rstrip().endswith(b"</html>")


def test_head_has_no_body(port: int) -> None:
    data = ask(
        port, b"HEAD /checkpoint HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answers=9
    )
    assert data.startswith(b"HTTP/1.1 200 ")
    assert data.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/entries HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/entries HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_400_or_hung_up_on(port: int, request_: bytes) -> None:
    try:
        data = ask(port, request_)
    except ConnectionError:
        data = b""
    assert data == b"" or data.split()[1][:1] == b"4"


def test_a_body_that_is_announced_too_large_is_not_waited_for(port: int) -> None:
    head = b"POST /v1/entries HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
    data = ask(port, head + b"Content-Length: 99999999\r\n\r\n", answers=2)
    assert data.startswith(b"HTTP/1.1 413 ")
    assert b"too_large" in data


def test_a_client_that_leaves_in_the_middle_disturbs_nobody(
    registry: FakeRegistry, port: int
) -> None:
    size = len(registry.records)
    note = registry.book.transfer("mill", "host")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(post(note)[:-30])
    assert split(ask(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")) == [b'{"status":"ok"}']
    assert len(registry.records) == size
