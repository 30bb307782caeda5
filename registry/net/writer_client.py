"""An API process's line to the writer: frames over a connected socket.

Rules
- what is submitted in one turn of the event loop goes out as one frame: many small requests cost
  the writer little more than one large one
- answers are matched by the frame's number; they may come in any order
- what waits is bounded: more is Overloaded, at once, and nothing of it was taken in
- when the socket ends, every request under way ends with Unavailable: whether its entries were
  committed is not known

    writer = SocketWriter(socket.socket(fileno=fd))
    outcomes = await writer.submit(admitted)
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import NamedTuple, cast

from registry.chain.errors import Broken, Unavailable
from registry.ports import Admitted, Committed, Overloaded, Refused
from registry.writer.frames import FrameReader, decode_answer, encode_request

WAITING_ENTRIES_MAX = 20_000
WAITING_BYTES_MAX = 64 * 1024 * 1024
_UNKNOWN = "the writer is gone; whether the entry was committed is not known"
_AGAIN = "submit the same text again: if it is in the log, the answer is its receipt"

Outcomes = Sequence[Committed | Refused]


class _Request(NamedTuple):
    """Entries of one caller and where their outcomes go."""

    entries: Sequence[Admitted]
    size_bytes: int
    future: "asyncio.Future[Outcomes]"


class SocketWriter:
    """A WriterClient over a connected stream socket, which it owns; one event loop."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._line: _Line | None = None
        self._opening = asyncio.Lock()
        self._gathered: list[_Request] = []
        self._waiting_entries = 0
        self._waiting_bytes = 0

    @property
    def waiting_entries(self) -> int:
        """Entries whose outcomes have not come yet."""
        return self._waiting_entries

    async def submit(self, entries: Sequence[Admitted]) -> Outcomes:
        """See `WriterClient`."""
        if self._line is None:
            await self._open()
        count = len(entries)
        size_bytes = len(entries[0].note) if count == 1 else sum([len(e.note) for e in entries])
        if entries and (
            self._waiting_entries + count > WAITING_ENTRIES_MAX
            or self._waiting_bytes + size_bytes > WAITING_BYTES_MAX
        ):
            raise Overloaded("too many entries wait for the writer", todo="try again in a moment")
        loop = asyncio.get_running_loop()
        request = _Request(entries, size_bytes, loop.create_future())
        if not self._gathered:
            loop.call_soon(self._send)
        self._gathered.append(request)
        self._waiting_entries += count
        self._waiting_bytes += size_bytes
        try:
            return await request.future
        finally:
            self._waiting_entries -= count
            self._waiting_bytes -= size_bytes

    def close(self) -> None:
        """Hang up; requests under way end with Unavailable."""
        if self._line is not None:
            self._line.close()
        else:
            self._sock.close()

    async def _open(self) -> None:
        async with self._opening:
            if self._line is None:
                loop = asyncio.get_running_loop()
                try:
                    _, self._line = await loop.create_unix_connection(_Line, sock=self._sock)
                except (OSError, ValueError) as error:
                    raise Unavailable("the line to the writer cannot be opened") from error

    def _send(self) -> None:
        requests, self._gathered = self._gathered, []
        if self._line is not None:
            self._line.send(requests)


class _Line(asyncio.Protocol):
    """The socket's end: frames out, answers in."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._frames = FrameReader()
        self._under_way: dict[int, list[_Request]] = {}
        self._number = 0
        self._error: Unavailable | Broken = Unavailable(_UNKNOWN, todo=_AGAIN)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of asyncio.Transport and are no subclass of it.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, requests: list[_Request]) -> None:
        """Send what has gathered as one frame."""
        if self._transport is None or self._transport.is_closing():
            self._fail(requests)
            return
        self._number += 1
        entries = [entry for request in requests for entry in request.entries]
        self._under_way[self._number] = requests
        self._transport.write(encode_request(self._number, entries))

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._frames.feed(data):
                answer = decode_answer(payload)
                self._deliver(self._under_way.get(answer.number, []), answer.outcomes)
                self._under_way.pop(answer.number, None)  # only now: until then it can still fail
        except Broken as error:
            self._error = error
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the name is asyncio's
        self._transport = None
        under_way, self._under_way = self._under_way, {}
        for requests in under_way.values():
            self._fail(requests)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _deliver(self, requests: list[_Request], outcomes: Outcomes) -> None:
        if len(outcomes) != sum(len(request.entries) for request in requests):
            raise Broken("the writer answered for another number of entries than it was asked")
        at = 0
        for request in requests:
            mine = outcomes[at : at + len(request.entries)]
            at += len(request.entries)
            if not request.future.done():
                request.future.set_result(mine)

    def _fail(self, requests: list[_Request]) -> None:
        error = self._error
        for request in requests:
            if not request.future.done():
                copy = type(error)(error.message, where=error.where, todo=error.todo)
                request.future.set_exception(copy)


__all__ = ["WAITING_BYTES_MAX", "WAITING_ENTRIES_MAX", "SocketWriter"]
