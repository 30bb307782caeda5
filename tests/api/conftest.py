"""The application over a registry in memory, played through `apply`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from registry.api.app import create_app
from registry.api.services import ApiSettings
from tests.asgi import AppClient
from tests.fakes import FakeRegistry


def played() -> FakeRegistry:
    """A registry with a published book of every kind of entry."""
    made = FakeRegistry()
    made.take([*made.book.founding(), *made.book.walk()])
    made.publish()
    return made


def client_of(registry: FakeRegistry) -> AppClient:
    """A client of the application over a registry."""
    settings = ApiSettings(clock_ms=registry.clock)
    return AppClient(create_app(registry, registry, registry, settings))


@pytest.fixture
def registry() -> FakeRegistry:
    """Give a registry of the test's own."""
    return played()


@pytest.fixture
def client(registry: FakeRegistry) -> Iterator[AppClient]:
    """Give a client of the application over that registry."""
    with client_of(registry) as made:
        yield made


@pytest.fixture(scope="session")
def still() -> FakeRegistry:
    """Give one registry to all tests that leave it as it is."""
    return played()


@pytest.fixture(scope="session")
def still_client(still: FakeRegistry) -> Iterator[AppClient]:
    """Give a client of the application over that one."""
    with client_of(still) as made:
        yield made
