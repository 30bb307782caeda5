"""Every route that reads: it answers, as its view; what is not there is 404; nothing is a 5xx."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
import pytest

from registry.api import openapi
from registry.ledger.entries.supply import OpeningPart
from registry.service.entries import EntryList
from tests.api.conftest import client_of
from tests.asgi import AppClient
from tests.books import BATCH, COUNT, TONNE, account_id
from tests.fakes import FakeRegistry

FARM = account_id("farm")
PATHS = {
    "entry": "/v1/entries/26",
    "entries": "/v1/entries?order=ORDER-1",
    "inclusion": "/v1/proofs/inclusion?index=27",
    "consistency": "/v1/proofs/consistency?from=10",
    "account": f"/v1/accounts/{FARM}",
    "balances": f"/v1/accounts/{FARM}/balances",
    "batches": "/v1/batches",
    "batch": f"/v1/batches/{BATCH}",
    "serial": f"/v1/serials/{BATCH}/30005",
    "projects": "/v1/projects",
    "project": "/v1/projects/FARM",
    "methodologies": "/v1/methodologies",
    "parties": "/v1/parties?limit=2",
    "rulebooks": "/v1/rulebooks",
    "scheme": "/v1/schemes/LEAF",
    "order": "/v1/orders/ORDER-1",
    "event": "/v1/events/EVENT-1",
    "obligation": "/v1/obligations/mill.test/2025",
    "retirement": "/v1/retirements/CN-GD-R-0badc0de-27",
    "stats": "/v1/stats",
    "evidence": "/v1/evidence/27",
}


OPTIONAL = {"checkpoint", "next_serial", "next", "policy"}


def test_every_view_has_a_path_here() -> None:
    elsewhere = {"state_proof"}  # wants leaves of a seal: tests/cli/test_seal.py
    assert set(PATHS) == set(openapi.VIEWS) - elsewhere


@pytest.mark.parametrize("name", PATHS)
def test_a_route_answers_its_view(still_client: AppClient, name: str) -> None:
    answer = still_client.get(PATHS[name])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    msgspec.json.decode(answer.content, type=openapi.VIEWS[name])
    assert set(answer.json()) >= set(openapi.EXAMPLES[name]) - OPTIONAL


@pytest.mark.parametrize("name", openapi.VIEWS)
def test_an_example_is_a_view(name: str) -> None:
    text = msgspec.json.encode(openapi.EXAMPLES[name])
    view = msgspec.json.decode(text, type=openapi.VIEWS[name])
    assert msgspec.json.decode(msgspec.json.encode(view)) == openapi.EXAMPLES[name]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/entries/38",
        "/v1/entries/9007199254740991",
        "/v1/proofs/inclusion?index=38",
        "/v1/proofs/inclusion?index=3&size=39",
        "/v1/proofs/inclusion?leaf_hash=" + "0" * 64,
        "/v1/proofs/consistency?from=3&to=39",
        "/v1/accounts/a-nobody",
        "/v1/accounts/a-nobody/balances",
        "/v1/batches/CN-GD-PHCER-2024-000009",
        f"/v1/batches/{BATCH}?from_serial={COUNT + 1}",
        f"/v1/serials/{BATCH}/{COUNT + 1}",
        "/v1/serials/none/1",
        "/v1/projects/NONE",
        "/v1/schemes/NONE",
        "/v1/orders/NONE",
        "/v1/events/NONE",
        "/v1/obligations/mill.test/1999",
        "/v1/retirements/CN-GD-R-0badc0de-26",
        "/v1/evidence/38",
        "/tile/0/001",
        "/tile/0/000.p/39",
        "/tile/0/000",
        "/tile/entries/000.p/39",
        "/v1/none",
        "/v1/orders/" + quote("订单/x", safe=""),
        "/v1/orders/" + "x" * 2_000,
        "/v1/orders/%00",
        "/v1/orders/%F0%9F%98%80",
    ],
)
def test_what_is_not_there_is_404(still_client: AppClient, path: str) -> None:
    answer = still_client.get(path)
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/v1/entries/x",
        "/v1/entries/-1",
        "/v1/entries/+1",
        "/v1/entries/01",
        "/v1/entries/1_0",
        "/v1/entries/9007199254740992",
        "/v1/entries/" + "9" * 300,
        "/v1/entries/1?x=1",
        "/v1/entries?limit=0",
        "/v1/entries?limit=201",
        "/v1/entries?limit=1&limit=2",
        "/v1/entries?kind=none",
        "/v1/entries?cursor=x",
        "/v1/entries?cursor=5-6",
        "/v1/entries?cursor=39-1",
        "/v1/entries?cursor=5-0",
        "/v1/entries?cursor=05-1",
        "/v1/proofs/inclusion",
        "/v1/proofs/inclusion?index=1&leaf_hash=" + "0" * 64,
        "/v1/proofs/inclusion?leaf_hash=xyz",
        "/v1/proofs/inclusion?leaf_hash=" + "A" * 64,
        "/v1/proofs/inclusion?index=1e3",
        "/v1/proofs/consistency",
        "/v1/proofs/consistency?from=30&to=3",
        f"/v1/batches/{BATCH}?from_serial=0",
        f"/v1/serials/{BATCH}/0",
        f"/v1/serials/{BATCH}/x",
        "/v1/batches?after=" + "x" * 500,
        "/v1/batches?after=%00",
        "/v1/obligations/mill.test/2025.0",
        "/v1/stats?as_of=3",
        f"/v1/accounts/{FARM}/balances?as_of=x",
        "/tile/0/0",
        "/tile/0/000.p/256",
        "/tile/0/000.p/0",
        "/tile/64/000",
        "/tile/x/000",
        "/tile/%2e%2e/%2e%2e/etc/passwd",
        "/tile/entries/%2e%2e/x",
    ],
)
def test_a_bad_question_is_400(still_client: AppClient, path: str) -> None:
    answer = still_client.get(path)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:tanbu:malformed"


def test_a_wrong_method_and_an_unknown_parameter_say_so(still_client: AppClient) -> None:
    assert still_client.request("DELETE", "/v1/entries/1").status_code == 405
    assert still_client.request("PUT", "/v1/entries", content=b"x").status_code == 405
    problem = still_client.get("/v1/stats?as_of=3").json()
    assert "as_of" in problem["detail"]


def test_head_is_answered_as_get(still_client: AppClient) -> None:
    assert still_client.request("HEAD", "/checkpoint").status_code == 200
    assert still_client.request("HEAD", "/v1/entries/99").status_code == 404


# ------------------------------------------------------------ lists


def walk(client: AppClient, query: str) -> list[int]:
    """The indexes of a list, page by page."""
    found: list[int] = []
    cursor = ""
    while True:
        answer = client.get(f"/v1/entries?{query}{cursor}")
        page = msgspec.json.decode(answer.content, type=EntryList)
        found += [entry.index for entry in page.entries]
        if not isinstance(page.next, str):
            return found
        cursor = f"&cursor={page.next}"


def test_a_list_is_whole_and_newest_first(still: FakeRegistry, still_client: AppClient) -> None:
    everything = list(range(len(still.records)))[::-1]
    for limit in (1, 7, 37, 38, 39, 200):
        assert walk(still_client, f"limit={limit}") == everything


def test_filters_find_what_is_about_it(still: FakeRegistry, still_client: AppClient) -> None:
    transfers = walk(still_client, "kind=transfer&limit=2")
    assert [still_client.get(f"/v1/entries/{i}").json()["kind"] for i in transfers] == [
        "transfer"
    ] * 5
    mill = account_id("mill")
    about = walk(still_client, f"account={mill}&kind=transfer&limit=1")
    assert about == [i for i in transfers if mill in still.records[i].decode()]
    assert walk(still_client, "order=ORDER-1") == [27, 26]
    assert walk(still_client, "order=NONE") == []


def test_a_cursor_keeps_to_its_size(registry: FakeRegistry, client: AppClient) -> None:
    first = client.get("/v1/entries?limit=3").json()
    registry.take([registry.book.transfer("mill", "host")])
    second = client.get(f"/v1/entries?limit=3&cursor={first['next']}").json()
    assert second["size"] == first["size"] == 38
    assert [e["index"] for e in first["entries"] + second["entries"]] == [37, 36, 35, 34, 33, 32]
    assert client.get("/v1/entries").json()["size"] == 39


@pytest.mark.parametrize(
    ("path", "field", "key"),
    [
        ("/v1/parties", "parties", "party"),
        (f"/v1/accounts/{FARM}/balances", "balances", "batch"),
        ("/v1/batches", "batches", "batch"),
    ],
)
def test_pages_of_names_fit_together(
    registry: FakeRegistry, client: AppClient, path: str, field: str, key: str
) -> None:
    book = registry.book
    registry.take([book.issuance(f"CN-GD-PHCER-{2020 + n}-00000{n}", 5) for n in (1, 2, 3)])
    whole = [line[key] for line in client.get(path).json()[field]]
    assert len(whole) > 3
    assert whole == sorted(whole)
    found: list[str] = []
    after = ""
    while True:
        page = client.get(f"{path}?limit=2{after}").json()
        found += [line[key] for line in page[field]]
        if "next" not in page:
            break
        assert "total" not in page
        after = f"&after={quote(page['next'])}"
    assert found == whole


# ------------------------------------------------------------ what stands in the views


def test_balances_add_up_to_the_totals(still: FakeRegistry, still_client: AppClient) -> None:
    stats = still_client.get("/v1/stats").json()
    assert sum(stats["grams"].values()) == stats["issued_g"] == COUNT * TONNE
    assert stats["programs"][0]["grams"] == stats["grams"]
    free = 0
    for name in ("farm", "mill", "host", "points", "exchange", "ann"):
        free += still_client.get(f"/v1/accounts/{account_id(name)}/balances").json()["total"][
            "free_g"
        ]
    assert free == stats["grams"]["free"]
    assert stats["size"] == stats["published_size"] == len(still.records)
    assert stats["witnessed"] is False


def test_what_was_taken_over_is_marked(registry: FakeRegistry, client: AppClient) -> None:
    parts = [
        OpeningPart(first=1, last=5, status="retired", date="2020-01-01"),
        OpeningPart(first=6, last=9, status="free", account=account_id("mill")),
    ]
    name = "CN-GD-PHCER-2019-000001"
    book = registry.book
    registry.take([book.opening(name, parts), book.retirement("mill", 6, 7, batch=name)])
    certificate = f"CN-GD-R-0badc0de-{len(registry.records) - 1}"
    assert client.get(f"/v1/batches/{name}").json()["batch"]["taken_over"] is True
    assert client.get(f"/v1/serials/{name}/6").json()["batch"]["taken_over"] is True
    assert client.get(f"/v1/retirements/{certificate}").json()["items"][0]["taken_over"] is True
    lines = client.get(f"/v1/accounts/{account_id('mill')}/balances").json()["balances"]
    assert {line["batch"]: line["taken_over"] for line in lines} == {BATCH: False, name: True}
    assert client.get("/v1/stats").json()["taken_over_g"] == 9 * TONNE


def test_an_empty_log_answers_too() -> None:
    with client_of(FakeRegistry()) as client:
        assert client.get("/v1/stats").json()["size"] == 0
        assert client.get("/v1/entries").json() == {"size": 0, "entries": []}
        assert client.get("/checkpoint").status_code == 404
        assert client.get("/v1/proofs/inclusion?index=0").status_code == 404
        assert client.get("/readyz").status_code == 200
        assert client.get("/", headers={"accept": "text/html"}).status_code == 200
        assert client.get("/entries").status_code == 200
