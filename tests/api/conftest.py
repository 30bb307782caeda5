"""The application over a registry in memory, played through `apply`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from registry.api.app import create_app
from registry.api.services import ApiSettings
from tests.asgi import AppClient
from tests.fakes import FakeRegistry


@pytest.fixture
def registry() -> FakeRegistry:
    """Give a registry with a published book of every kind of entry."""
    made = FakeRegistry()
    made.take([*made.book.founding(), *made.book.walk()])
    made.publish()
    return made


@pytest.fixture
def client(registry: FakeRegistry) -> Iterator[AppClient]:
    """Give a client of the application over that registry; errors of the server are answers."""
    app = create_app(registry, registry, registry, ApiSettings(clock_ms=registry.clock))
    with AppClient(app) as made:
        yield made
