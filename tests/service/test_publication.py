"""Waiting for a checkpoint: all that wait share one look-out."""

from __future__ import annotations

import asyncio

import pytest

from registry.chain.errors import Unavailable
from registry.service import publication
from registry.service.publication import PublicationWatch, check_fresh
from tests.fakes import FakeRegistry


@pytest.fixture
def registry() -> FakeRegistry:
    """Give a founded book that is not published."""
    made = FakeRegistry()
    made.take(made.book.founding())
    return made


def test_all_that_wait_hear_of_it(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "POLL_MS", 1)
    size = len(registry.records)

    async def scenario() -> None:
        watch = PublicationWatch(registry)
        waiting = [asyncio.create_task(watch.reach(n)) for n in (1, size, size)]
        late = asyncio.create_task(watch.reach(size + 1, timeout_ms=200))
        await asyncio.sleep(0)
        registry.publish()
        assert {found.size for found in await asyncio.gather(*waiting) if found} == {size}
        assert await late is None
        # The look-out has ended or will; a later question starts another.
        assert await watch.reach(size) is not None

    asyncio.run(scenario())


def test_fresh_and_stale(registry: FakeRegistry) -> None:
    with pytest.raises(Unavailable):
        check_fresh(registry, registry.clock)
    registry.publish()
    check_fresh(registry, registry.clock)
    check_fresh(FakeRegistry(), registry.clock)
