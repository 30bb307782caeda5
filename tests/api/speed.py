"""What an API process spends on an entry beside the verification: python -m tests.api.speed

No test: it prints microseconds of CPU, which neighbours disturb less than a clock. The writer is a
stand-in that answers at once; nothing goes over a socket. `U` is the CPU of one verification.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import uvloop

from registry.api.app import create_app
from registry.api.services import ApiSettings
from registry.chain import ed25519
from registry.ledger.codec import parse_entry
from registry.ports import Admitted, Committed
from tests.books import TONNE, party_key
from tests.fakes import FakeRegistry

ENTRIES = 1_000
ROUNDS = 7


class Instant:
    """A writer that commits nothing, at once."""

    async def submit(self, entries: Sequence[Admitted]) -> Sequence[Committed]:
        return [Committed(7, 8, b"h" * 32, replayed=False)] * len(entries)


def least(seconds: list[float]) -> float:
    """Microseconds per entry of the best round."""
    return min(seconds) * 1e6 / ENTRIES


async def spent(work: Callable[[], Awaitable[object]]) -> float:
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        await work()
        rounds.append(time.process_time() - start)
    return least(rounds)


async def post(app: Any, kind: bytes, body: bytes) -> None:
    """One request, straight into the application."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/entries",
        "query_string": b"",
        "headers": [
            (b"host", b"log.test"),
            (b"content-type", kind),
            (b"content-length", b"%d" % len(body)),
        ],
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if sent[0]["status"] not in (200, 201):
        raise AssertionError(sent)


async def main() -> None:
    registry = FakeRegistry()
    registry.take(registry.book.founding())
    notes = [registry.book.transfer("farm", "mill", quantity_g=TONNE) for _ in range(ENTRIES)]
    app = create_app(registry, Instant(), registry, ApiSettings(clock_ms=registry.clock))
    batch = msgspec.json.encode({"entries": [note.decode() for note in notes]})
    parsed = [parse_entry(note) for note in notes]
    key = ed25519.public_key(party_key("farm").seed)

    async def verify() -> None:
        for one in parsed:
            ed25519.verify(key, one.signatures[0], one.text)

    async def parse() -> None:
        for note in notes:
            parse_entry(note)

    async def singles() -> None:
        for note in notes:
            await post(app, b"text/plain", note)

    unit = await spent(verify)
    in_batch = await spent(lambda: post(app, b"application/json", batch)) - unit
    alone = await spent(singles) - unit
    print(f"verification              {unit:6.1f} µs = U")
    print(f"parsing an entry          {await spent(parse):6.1f} µs")
    print(f"beside it, in batches     {in_batch:6.1f} µs = {in_batch / unit:.2f} U")
    print(f"beside it, one by one     {alone:6.1f} µs = {alone / unit:.2f} U, and uvicorn's share")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
