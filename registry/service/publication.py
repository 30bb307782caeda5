"""The newest published checkpoint: waiting for one, and whether it is fresh.

Many requests wait for the same thing, so one question per turn serves all of them.
"""

import asyncio
from collections.abc import Callable

from registry.chain.errors import Unavailable
from registry.ports import Published, ReadStore

WAIT_MS_MAX = 15_000
"""How long a submission may wait for the checkpoint that covers it."""
POLL_MS = 50
STALE_MS = 15_000
"""A log that has grown is published within a second; after this long something is wrong."""


class PublicationWatch:
    """Tells waiting requests when the published size has reached theirs; one per API process."""

    def __init__(self, reader: ReadStore) -> None:
        self._reader = reader
        self._waiting: list[tuple[int, asyncio.Future[Published]]] = []
        self._task: asyncio.Task[None] | None = None

    async def reach(self, size: int, *, timeout_ms: int = WAIT_MS_MAX) -> Published | None:
        """The first checkpoint seen of at least `size`; None if the time is over before."""
        future: asyncio.Future[Published] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())
        try:
            return await asyncio.wait_for(future, timeout_ms / 1000)
        except TimeoutError:
            return None

    async def _poll(self) -> None:
        while self._waiting:
            newest = await asyncio.to_thread(self._read)
            waiting, self._waiting = self._waiting, []
            for size, future in waiting:
                if future.done():
                    continue
                if newest is not None and newest.size >= size:
                    future.set_result(newest)
                else:
                    self._waiting.append((size, future))
            await asyncio.sleep(POLL_MS / 1000)

    def _read(self) -> Published | None:
        with self._reader.snapshot() as snapshot:
            return snapshot.published()


def check_fresh(reader: ReadStore, clock_ms: Callable[[], int]) -> None:
    """Return if the newest checkpoint covers the log but for the last moments; else Unavailable."""
    with reader.snapshot() as snapshot:
        head, published = snapshot.head, snapshot.published()
    if head.size == 0:
        return
    if published is None:
        raise Unavailable("nothing has been published yet", todo="wait for the first checkpoint")
    # The head's time is that of the last record: older than STALE_MS, it should be published.
    if published.size < head.size and clock_ms() - max(head.time_ms, published.time_ms) > STALE_MS:
        raise Unavailable(
            f"the newest checkpoint has size {published.size}, the log has {head.size}",
            todo="look at the publisher",
        )
