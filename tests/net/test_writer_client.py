"""The line to the writer: gathering, matching, bounds, and an end that leaves the outcome open."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable

import pytest

from registry.chain.errors import Broken, Unavailable
from registry.net import writer_client
from registry.net.writer_client import SocketWriter
from registry.ports import Admitted, Committed, Overloaded, Refused
from registry.writer.frames import FrameReader, Request, decode_request, encode_answer

Answer = Callable[[Request], bytes | None]
Scenario = Callable[[SocketWriter], Awaitable[None]]


def entry(number: int, more: bytes = b"") -> Admitted:
    return Admitted(note=b"%d %b" % (number, more), text_end=1, signatures=(), keys=())


def outcome_of(admitted: Admitted) -> Committed:
    """The fake writer's receipt: the index is the number in the note."""
    index = int(admitted.note.partition(b" ")[0])
    return Committed(index=index, time_ms=1, leaf_hash=b"h" * 32, replayed=False)


def answer_all(request: Request) -> bytes:
    return encode_answer(request.number, [outcome_of(entry) for entry in request.entries])


def play(answer: Answer, scenario: Scenario) -> list[Request]:
    """Run a scenario over a writer that answers each frame, or hangs up with None."""
    ours, theirs = socket.socketpair()
    seen: list[Request] = []

    def serve() -> None:
        reader = FrameReader()
        with theirs:
            while data := theirs.recv(65_536):
                for payload in reader.feed(data):
                    request = decode_request(payload)
                    seen.append(request)
                    reply = answer(request)
                    if reply is None:
                        return
                    theirs.sendall(reply)

    async def run() -> None:
        client = SocketWriter(ours)
        try:
            async with asyncio.timeout(30):
                await scenario(client)
        finally:
            client.close()
            await asyncio.sleep(0)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        asyncio.run(run())
    finally:
        thread.join(10)
    return seen


def test_what_is_submitted_at_once_goes_out_as_one_frame() -> None:
    async def many(client: SocketWriter) -> None:
        await client.submit(())
        requests = [client.submit([entry(10 * n + k) for k in range(n)]) for n in range(1, 6)]
        found = [[o.index for o in outcomes] for outcomes in await asyncio.gather(*requests)]
        assert found == [[10 * n + k for k in range(n)] for n in range(1, 6)]

    seen = play(answer_all, many)
    assert [len(request.entries) for request in seen] == [0, 15]


def test_those_who_come_while_the_line_is_opened_lose_nothing() -> None:
    async def many(client: SocketWriter) -> None:
        found = await asyncio.gather(*[client.submit([entry(n)]) for n in range(20)])
        assert [outcomes[0].index for outcomes in found] == list(range(20))

    assert sum(len(request.entries) for request in play(answer_all, many)) == 20


def test_requests_one_after_the_other() -> None:
    async def twice(client: SocketWriter) -> None:
        for n in (1, 2):
            assert list(await client.submit([entry(n)])) == [outcome_of(entry(n))]

    assert [request.number for request in play(answer_all, twice)] == [1, 2]


def test_refusals_come_back_in_their_places() -> None:
    refusal = Refused("log_not_open", {}, size=0, time_ms=1)

    def refuse_odd(request: Request) -> bytes:
        outcomes = [outcome_of(e) for e in request.entries]
        return encode_answer(request.number, [refusal if o.index % 2 else o for o in outcomes])

    async def four(client: SocketWriter) -> None:
        found = await client.submit([entry(n) for n in range(4)])
        assert [f if f == refusal else f.index for f in found] == [0, refusal, 2, refusal]

    play(refuse_odd, four)


def test_a_question_without_entries_asks_whether_the_writer_is_there() -> None:
    async def ask(client: SocketWriter) -> None:
        assert list(await client.submit(())) == []

    assert len(play(answer_all, ask)) == 1

    async def ask_in_vain(client: SocketWriter) -> None:
        with pytest.raises(Unavailable):
            await client.submit(())

    play(lambda _: None, ask_in_vain)


def test_when_the_writer_ends_the_outcome_is_open() -> None:
    async def several(client: SocketWriter) -> None:
        requests = [client.submit([entry(n)]) for n in range(3)]
        for error in await asyncio.gather(*requests, return_exceptions=True):
            assert isinstance(error, Unavailable)
            assert "not known" in error.message
            assert "same text" in error.todo

    play(lambda _: None, several)


def test_after_its_end_nothing_hangs() -> None:
    async def again(client: SocketWriter) -> None:
        for _ in range(3):
            with pytest.raises(Unavailable):
                await client.submit([entry(1)])

    play(lambda _: None, again)


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_client, "WAITING_ENTRIES_MAX", 10)
    monkeypatch.setattr(writer_client, "WAITING_BYTES_MAX", 1_000)
    held = threading.Event()

    def answer_late(request: Request) -> bytes:
        held.wait(10)
        return answer_all(request)

    async def too_many(client: SocketWriter) -> None:
        first = asyncio.create_task(client.submit([entry(n) for n in range(8)]))
        while not client.waiting_entries:
            await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await client.submit([entry(n) for n in range(3)])
        with pytest.raises(Overloaded):
            await client.submit([entry(1, b"x" * 1_000)])
        held.set()
        assert len(await first) == 8
        assert client.waiting_entries == 0
        assert len(await client.submit([entry(n) for n in range(10)])) == 10

    seen = play(answer_late, too_many)
    assert sum(len(request.entries) for request in seen) == 18


def test_an_answer_for_another_number_of_entries_is_broken() -> None:
    async def ask(client: SocketWriter) -> None:
        for _ in range(2):
            with pytest.raises(Broken):
                await client.submit([entry(1)])

    play(lambda request: encode_answer(request.number, []), ask)


def test_a_caller_that_leaves_does_not_disturb_the_others() -> None:
    held = threading.Event()

    def answer_late(request: Request) -> bytes:
        held.wait(10)
        return answer_all(request)

    async def one_leaves(client: SocketWriter) -> None:
        leaving = asyncio.create_task(client.submit([entry(1)]))
        staying = asyncio.create_task(client.submit([entry(2)]))
        while client.waiting_entries < 2:
            await asyncio.sleep(0)
        leaving.cancel()
        held.set()
        assert (await staying)[0].index == 2
        with pytest.raises(asyncio.CancelledError):
            await leaving

    play(answer_late, one_leaves)


def test_large_frames_arrive_whole() -> None:
    async def large(client: SocketWriter) -> None:
        found = await client.submit([entry(n, b" " * 50_000) for n in range(100)])
        assert [f.index for f in found] == list(range(100))

    play(answer_all, large)
