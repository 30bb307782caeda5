"""A load of pre-signed transfers, and the leanest client that can send it.

The client shares the machine with the service, so it does as little as it can: requests are bytes
made beforehand, answers are counted by their length and looked at afterwards.
"""

import asyncio
import multiprocessing
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from registry.chain.errors import Broken
from registry.ledger.entries import Transfer
from registry.ledger.entries.moving import Item
from registry.ledger.signing import SigningKey, sign_entry

TONNE_G = 1_000_000
TONNES_MAX = 20
"""A transfer moves 1 to this many tonnes."""
NOT_AFTER_DAYS = 20


@dataclass(frozen=True, slots=True)
class Job:
    """One process's share of the load."""

    origin: str
    holders: tuple[str, ...]
    batches: tuple[tuple[str, ...], ...]
    """Of each holder: what it may send."""
    first: int
    count: int
    now_ms: int


def holder_key(holder: str) -> SigningKey:
    """The benchmark's key of an account: derived, and worth nothing."""
    return SigningKey(holder, sha256(b"tanbu bench " + holder.encode()).digest())


def entry_id(now_ms: int, number: int) -> str:
    """A UUIDv7 whose random part is a counter: unique in this run."""
    time_hex = f"{now_ms:012x}"
    low = f"{number:018x}"
    return f"{time_hex[:8]}-{time_hex[8:]}-7{low[:3]}-8{low[3:6]}-{low[6:]}"


def make_notes(job: Job) -> list[bytes]:
    """Signed transfers between random accounts, each sender in turn."""
    chance = random.Random(job.first)  # noqa: S311  # a load, no secret
    keys = [holder_key(holder) for holder in job.holders]
    signers = [key.signer for key in keys]
    notes = []
    for number in range(job.first, job.first + job.count):
        sender = number % len(keys)
        receiver = (sender + chance.randrange(1, len(keys))) % len(keys)
        item = Item(
            batch=chance.choice(job.batches[sender]),
            quantity_g=chance.randint(1, TONNES_MAX) * TONNE_G,
        )
        entry = Transfer(
            id=entry_id(job.now_ms, number),
            not_after=job.now_ms + NOT_AFTER_DAYS * 86_400_000,
            signers=(signers[sender],),
            from_=job.holders[sender],
            to=job.holders[receiver],
            items=(item,),
            reason="internal",
        )
        notes.append(sign_entry(job.origin, entry, [keys[sender]]))
    return notes


def presign(jobs: Sequence[Job], processes: int) -> list[list[bytes]]:
    """All jobs' notes, made on all cores before the clock starts."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return pool.map(make_notes, jobs, chunksize=1)


def batch_request(host: str, notes: Sequence[bytes]) -> bytes:
    """One POST of many notes, as the bytes that go over the wire."""
    body = msgspec.json.encode({"entries": [note.decode() for note in notes]})
    return _post(host, "/v1/entries", "application/json", body)


def single_request(host: str, path: str, note: bytes) -> bytes:
    """One POST of one note."""
    return _post(host, path, "text/plain; charset=utf-8", note)


def _post(host: str, path: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(slots=True)
class Answers:
    """What came back: how long each request took, when each ended, and the bodies that are kept."""

    seconds: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    not_ok: list[bytes] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    """One keep-alive connection that sends the next request when an answer is whole."""

    def __init__(self, queue: "_Queue", answers: Answers, *, keep_bodies: bool) -> None:
        self.queue = queue
        self.answers = answers
        self.keep_bodies = keep_bodies
        self.buffer = bytearray()
        self.sent_at = 0.0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self.transport = transport
        self.send_next()

    def send_next(self) -> None:
        request = self.queue.take()
        if request is None or self.transport is None:
            if self.transport is not None:
                self.transport.close()
            if not self.finished.done():
                self.finished.set_result(None)
            return
        self.sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) < end + 4 + length:
            return
        now = time.perf_counter()
        self.answers.seconds.append(now - self.sent_at)
        self.answers.ended.append(now)
        body = bytes(self.buffer[end + 4 : end + 4 + length])
        if b" 200 " not in head[:20] and b" 201 " not in head[:20]:
            self.answers.not_ok.append(head[:60] + b" | " + body[:500])
        elif self.keep_bodies:
            self.answers.bodies.append(body)
        self.buffer.clear()
        self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_exception(Broken(f"the service closed a connection: {exc}"))


class _Queue:
    """Requests in order, until they or the time are used up."""

    def __init__(self, requests: Sequence[bytes], until: float | None) -> None:
        self.requests = iter(requests)
        self.until = until

    def take(self) -> bytes | None:
        if self.until is not None and time.perf_counter() > self.until:
            return None
        return next(self.requests, None)


async def send_all(
    host: str,
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: float | None = None,
    keep_bodies: bool = False,
) -> Answers:
    """Send requests over keep-alive connections until they, or `seconds`, are used up."""
    answers = Answers()
    until = None if seconds is None else time.perf_counter() + seconds
    queue = _Queue(requests, until)
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(
            lambda: _Connection(queue, answers, keep_bodies=keep_bodies), host, port
        )
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.finished for _, protocol in opened))
    return answers
