"""The same totals on every surface: state, JSON, pages, CSV."""

from __future__ import annotations

import csv
import re
from io import StringIO

import pytest

from registry.ledger.invariants import STATUSES, grams_by_status
from tests.asgi import AppClient
from tests.books import account_id
from tests.fakes import FakeRegistry
from tests.web.test_pages import HTML

HOLDERS = [account_id(name) for name in ("farm", "mill", "host", "points", "ann")]


def table(client: AppClient, path: str, size: int) -> list[dict[str, str]]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["x-tanbu-size"] == str(size)
    return list(csv.DictReader(StringIO(answer.text)))


def by_status(row: dict[str, str]) -> dict[str, int]:
    return {status: int(row[f"{status}_g"]) for status in STATUSES}


def shown(client: AppClient, path: str) -> list[int]:
    """The amounts of the last table's foot on a page."""
    foot = client.get(path, headers=HTML).text.rpartition("<tfoot>")[2].partition("</tfoot>")[0]
    return [int(grams) for grams in re.findall(r'<data[^>]* value="([0-9]+)"', foot)]


def test_totals_are_the_same_on_every_surface(registry: FakeRegistry, client: AppClient) -> None:
    state = grams_by_status(registry.base)
    size = len(registry.records)
    stats = client.get("/v1/stats").json()
    assert stats["grams"] == state
    *programs, whole = table(client, "/totals.csv", size)
    assert by_status(whole) == state
    assert int(whole["issued_g"]) == stats["issued_g"] == sum(state.values())
    assert [p["program"] for p in programs] == [p["program"] for p in stats["programs"]]
    batches = table(client, "/batches.csv", size)
    for status in STATUSES:
        assert sum(by_status(row)[status] for row in batches) == state[status]
        assert sum(by_status(row)[status] for row in programs) == state[status]
    assert shown(client, "/") == [stats["issued_g"], *(state[status] for status in STATUSES)]
    free_g = sum(
        int(row["free_g"])
        for holder in HOLDERS
        for row in table(client, f"/accounts/{holder}/balances.csv", size)
    )
    assert free_g == state["free"]


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_holders_table_is_its_json(
    registry: FakeRegistry, client: AppClient, holder: str
) -> None:
    rows = table(client, f"/accounts/{holder}/balances.csv", len(registry.records))
    lines = client.get(f"/v1/accounts/{holder}/balances").json()["balances"]
    columns = ("batch", "class", "vintage", "free_g", "bound_g", "retired_g")
    assert [tuple(row.values()) for row in rows] == [
        tuple(str(line[column]) for column in columns) for line in lines
    ]


def test_pages_lead_to_their_tables(client: AppClient) -> None:
    account = f"/accounts/{HOLDERS[0]}"
    for page, path in (
        ("/", "/totals.csv"),
        ("/batches", "/batches.csv"),
        (account, f"{account}/balances.csv"),
    ):
        assert f'href="{path}"' in client.get(page, headers=HTML).text
    assert client.get(f"/accounts/{account_id('nobody')}/balances.csv").status_code == 404


def test_a_table_is_whole_though_it_is_read_page_by_page(
    registry: FakeRegistry, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(registry.records)
    whole = table(client, "/batches.csv", size)
    monkeypatch.setattr("registry.service.books.BATCHES_PAGE_MAX", 1)
    monkeypatch.setattr("registry.service.books.BALANCES_PAGE_MAX", 1)
    assert table(client, "/batches.csv", size) == whole
    assert len(whole) > 1
