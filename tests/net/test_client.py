"""The client: what it tries again, what it does not, and a real service at the other end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import httpx
import msgspec
import pytest
import uvicorn

from registry.api.app import create_app
from registry.api.services import ApiSettings
from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.chain.tlog import leaf_hash
from registry.net import client as net_client
from registry.net.client import LogClient
from registry.net.tiles import HttpTileSource
from registry.net.wire import Problem, Receipt
from registry.service.admission import REQUEST_ENTRIES_MAX
from tests.books import TONNE
from tests.fakes import FakeRegistry

Handler = Callable[[httpx.Request], httpx.Response]
RECEIPT = {"index": 7, "time_ms": 8, "leaf_hash": "00", "replayed": False}
PROBLEM = {"type": "urn:tanbu:x", "title": "x", "status": 503, "detail": "not now"}


def over(handler: Handler, **given: float) -> LogClient:
    return LogClient("http://log.test", transport=httpx.MockTransport(handler), **given)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pauses short: which requests are sent is what is tested."""
    monkeypatch.setattr(net_client, "PAUSE_S_MIN", 0.001)
    monkeypatch.setattr(net_client, "PAUSE_S_MAX", 0.002)


# ------------------------------------------------------------ what is tried again


def test_an_open_outcome_is_submitted_again() -> None:
    bodies: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        match len(bodies):
            case 1:
                raise httpx.ReadError("connection reset")
            case 2:
                return httpx.Response(503, json=PROBLEM, headers={"retry-after": "1"})
            case 3:
                raise httpx.ReadTimeout("slow")
            case _:
                return httpx.Response(200, json={**RECEIPT, "replayed": True})

    with over(handler) as client:
        assert client.submit_one(b"note") == Receipt(**{**RECEIPT, "replayed": True})
    assert bodies == [b"note"] * 4


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_an_answer_for_good_is_not_tried_again(status: int) -> None:
    asked = 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(status, json={**PROBLEM, "status": status})

    with over(handler) as client:
        found = client.submit_one(b"note")
        assert isinstance(found, Problem)
        assert found.status == status
        with pytest.raises(NotTrusted if status == 422 else Malformed):
            client.submit([b"note"])
    assert asked == 2


def test_it_gives_up_and_says_that_the_outcome_is_open() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with over(handler, retry_s=0.01) as client, pytest.raises(Unavailable) as caught:
        client.submit_one(b"note")
    assert "same text" in caught.value.todo


def test_many_notes_go_in_several_requests() -> None:
    sizes: list[int] = []

    def handler(request: httpx.Request) -> httpx.Response:
        entries = msgspec.json.decode(request.read())["entries"]
        sizes.append(len(entries))
        results = [{"committed": {**RECEIPT, "index": int(e.strip())}} for e in entries]
        return httpx.Response(200, json={"results": results})

    count = 2 * REQUEST_ENTRIES_MAX + 1
    with over(handler) as client:
        found = client.submit([b"%d" % n for n in range(count)])
        assert [r.committed.index for r in found] == list(range(count))
        assert sizes == [REQUEST_ENTRIES_MAX, REQUEST_ENTRIES_MAX, 1]
        sizes.clear()
        large = [b"1" + b" " * 3_000_000] * 5
        client.submit(large)
        assert sizes == [2, 2, 1]
        assert client.submit([]) == []


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b"{}", b'{"results":[]}', b'{"results":[{}]', b"<html>"],
)
def test_nonsense_is_unavailable(answer: bytes) -> None:
    with over(lambda _: httpx.Response(200, content=answer)) as client, pytest.raises(Unavailable):
        client.submit([b"note"])


def test_a_long_answer_is_cut_off() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"x" * 1_000)

    with over(handler) as client:
        assert len(client.get_bytes("/x", bytes_max=1_000)) == 1_000
        with pytest.raises(Unavailable):
            client.get_bytes("/x", bytes_max=999)
        with pytest.raises(Unavailable):
            HttpTileSource(client).read("tile/0/000.p/3")


def test_reading_raises_the_kind_of_the_problem() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        status = int(request.url.path[1:])
        return httpx.Response(status, json={**PROBLEM, "status": status, "where": "w"})

    with over(handler) as client:
        for path, kind in (("/404", Unavailable), ("/503", Unavailable), ("/400", Malformed)):
            with pytest.raises(kind) as caught:
                client.get(path)
            assert (caught.value.message, caught.value.where) == ("not now", "w")
        with pytest.raises(Unavailable):
            client.get("/500")


def test_an_address_that_is_none() -> None:
    with pytest.raises(Malformed):
        LogClient("http://[::1")


def test_nobody_there(free_port: int) -> None:
    with LogClient(f"http://127.0.0.1:{free_port}", retry_s=0) as client:
        for ask in (
            lambda: client.get("/v1/stats"),
            lambda: client.submit_one(b"x"),
            lambda: client.wait_ready(timeout_s=0.01),
        ):
            with pytest.raises(Unavailable):
                ask()


# ------------------------------------------------------------ a service at the other end


@pytest.fixture
def registry() -> FakeRegistry:
    """Give a published book."""
    made = FakeRegistry()
    made.take(made.book.founding())
    made.publish()
    return made


@pytest.fixture
def url(registry: FakeRegistry, free_port: int) -> Iterator[str]:
    """Give the address of a real server over it."""
    app = create_app(registry, registry, registry, ApiSettings(clock_ms=registry.clock))
    config = uvicorn.Config(
        app, host="127.0.0.1", port=free_port, log_level="error", lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    yield f"http://127.0.0.1:{free_port}"
    server.should_exit = True
    thread.join(10)


def test_a_book_over_the_wire(registry: FakeRegistry, url: str) -> None:
    book = registry.book
    with LogClient(url) as client:
        client.wait_ready()
        note = book.transfer("farm", "mill")
        receipt = client.submit_one(note)
        assert isinstance(receipt, Receipt)
        assert bytes.fromhex(receipt.leaf_hash) == leaf_hash(registry.records[receipt.index])
        refused = client.submit_one(book.transfer("farm", "farm"))
        assert isinstance(refused, Problem)
        assert (refused.name, refused.number) == ("same_account", 507)
        results = client.submit([note, b"x", book.transfer("mill", "host", quantity_g=TONNE)])
        assert [bool(r.committed) for r in results] == [True, False, True]
        assert results[0].committed.replayed
        checks = client.check([book.transfer("mill", "farm")])
        assert checks[0].problem.name == "insufficient"
        assert client.get("/v1/stats")["size"] == len(registry.records)
        found = client.get("/v1/entries", {"kind": "transfer", "limit": 1})
        assert found["entries"][0]["index"] == len(registry.records) - 1
        with pytest.raises(Unavailable):
            client.get("/v1/batches/none")
        with pytest.raises(Malformed):
            client.get("/v1/entries/x")


def test_a_log_over_the_wire(registry: FakeRegistry, url: str) -> None:
    with LogClient(url) as client:
        source = HttpTileSource(client)
        assert source.checkpoint() == registry.checkpoint()
        size = len(registry.records)
        assert source.read(f"tile/0/000.p/{size}") == b"".join(registry.leaves)
        with pytest.raises(Unavailable):
            source.read("tile/0/001")
        with pytest.raises(Malformed):
            source.read("tile/0/1")
        registry.publish()
        assert client.wait_published(size) == registry.checkpoint()
        with pytest.raises(Unavailable):
            client.wait_published(size + 1, timeout_s=0.01)
