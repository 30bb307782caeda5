"""One book for all tests of pages and tables, which change nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from registry.api.app import create_app
from registry.api.services import ApiSettings
from registry.ledger.entries import SpanItem
from registry.ledger.entries.supply import OpeningPart
from registry.ledger.entries.use import Firm, Obligor
from tests.asgi import AppClient
from tests.books import BATCH, TONNE, account_id, hex_of
from tests.fakes import FakeRegistry

TAKEN = "CN-GD-PHCER-2019-000007"


def played(origin: str = "sample.invalid/log/0badc0de") -> FakeRegistry:
    """A book with everything that a page may have to show."""
    registry = FakeRegistry(origin)
    book = registry.book
    registry.take([*book.founding(), *book.walk()])
    parts = [
        OpeningPart(first=1, last=500, status="retired", date="2020-05-01"),
        OpeningPart(first=501, last=900, status="free", account=account_id("mill")),
        OpeningPart(first=901, last=1000, status="cancelled"),
    ]
    obligors = (
        Obligor(commit=hex_of("a person"), share_g=20 * TONNE),
        Obligor(firm=Firm(name="样例 <firm> & co", code="9144SAMPLE00000000"), share_g=30 * TONNE),
    )
    items = (
        SpanItem(batch=TAKEN, first=501, last=510),
        SpanItem(batch=BATCH, first=4, last=8),
    )
    registry.take(
        [
            book.opening(TAKEN, parts),
            book.order("ORDER-2", quantity_g=50 * TONNE, obligors=obligors),
            book.retirement(
                "mill", 1, 1, items=items, purpose="remediation", ref="ORDER-2", obligor=0
            ),
            book.transfer("mill", "host", batch=TAKEN, quantity_g=7 * TONNE),
        ]
    )
    registry.publish()
    return registry


@pytest.fixture(scope="module")
def registry() -> FakeRegistry:
    """Give one book to all tests of a module."""
    return played()


@pytest.fixture(scope="module")
def client(registry: FakeRegistry) -> Iterator[AppClient]:
    """Give a client of the application over it."""
    settings = ApiSettings(clock_ms=registry.clock)
    with AppClient(create_app(registry, registry, registry, settings)) as made:
        yield made
