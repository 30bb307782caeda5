"""Views of what is bound, frozen, changed and remarked upon; and the pages that show them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from registry.api.app import create_app
from registry.api.services import ApiSettings
from registry.ledger import entries as e
from registry.ledger.entries.use import OtherOffset
from tests.answers import FARM, MILL, Answers
from tests.asgi import AppClient
from tests.books import BATCH, TONNE, hex_of
from tests.fakes import FakeRegistry

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def told() -> Answers:
    told = Answers()
    frozen = {
        "issuer": "SAMPLE court",
        "origin": "signed",
        "instrument_type": "ruling",
        "number": "(2026) SAMPLE 3",
        "instrument_sha256": hex_of("freeze"),
    }
    told.add("account frozen", e.Freeze, "court", account=MILL, **frozen)
    told.add("batch frozen", e.Freeze, "court", batch=BATCH, **frozen)
    told.add("on account", e.Notice, "operator", about=f"account/{MILL}", code="dispute")
    return told


@pytest.fixture(scope="module")
def client(told: Answers) -> Iterator[AppClient]:
    registry = FakeRegistry()
    for time_ms, note in zip(told.times, told.notes, strict=True):
        registry.clock.ms = time_ms
        registry.take([note])
    registry.publish()
    settings = ApiSettings(clock_ms=registry.clock)
    with AppClient(create_app(registry, registry, registry, settings)) as made:
        yield made


def get(client: AppClient, path: str) -> Any:
    answer = client.get(f"/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_bound_serials_stand_beside_the_free_ones(told: Answers, client: AppClient) -> None:
    assert get(client, f"accounts/{MILL}")["freezes"] == [told.at["account frozen"]]
    assert get(client, f"accounts/{MILL}")["remarks"] == [told.at["on account"]]
    farm = get(client, f"accounts/{FARM}")
    assert farm["changes"] == [told.at["account"], told.at["account again"]]
    held = get(client, f"accounts/{FARM}/balances")
    line = next(b for b in held["balances"] if b["batch"] == BATCH)
    assert (line["pledged"], line["frozen"], line["reserved"]) == (8, 4, 0)
    assert line["bound_g"] == 12 * TONNE
    assert held["total"]["bound_g"] == 12 * TONNE
    assert line["batch_freezes"] == [told.at["batch frozen"]]
    pledged = next(b for b in line["bound"] if "pledge" in b)
    assert (pledged["first"], pledged["last"]) == (1_003, 1_010)
    assert pledged["pledge"] == told.at["pledge"]


def test_a_serial_says_what_binds_it(told: Answers, client: AppClient) -> None:
    pledged = get(client, f"serials/{BATCH}/1005")
    assert pledged["block"]["pledge"] == told.at["pledge"]
    assert pledged["batch"]["freezes"] == [told.at["batch frozen"]]
    assert get(client, f"serials/{BATCH}/2010")["block"]["freezes"] == [told.at["freeze"]]
    assert "freezes" not in get(client, f"serials/{BATCH}/1")["block"]


def test_what_became_of_an_order_and_its_retirement(told: Answers, client: AppClient) -> None:
    order = get(client, "orders/ORDER-1")
    assert order["state"] == "suspended"
    assert order["changes"] == [told.at["reduce"], told.at["suspend"]]
    assert order["remarks"] == [told.at["correction"]]
    assert order["issuer"] == "SAMPLE court 1"
    retired = get(client, f"retirements/CN-GD-R-0badc0de-{told.at['retirement']}")
    assert retired["voluntary_g"] == 10 * TONNE
    assert retired["remarks"] == [told.at["notice"]]


def test_projects_and_schemes_say_where_they_stand(told: Answers, client: AppClient) -> None:
    project = get(client, "projects/FARM")
    assert (project["status"], project["buffer_g"], project["debt_g"]) == ("live", 0, 0)
    assert project["changes"] == [told.at["suspended"], told.at["resumed"]]
    scheme = get(client, "schemes/LEAF")
    assert (scheme["unbacked"], scheme["due"], scheme["backed"]) == (0, 0, True)


def test_entries_are_found_by_what_they_answer(told: Answers, client: AppClient) -> None:
    found = get(client, "entries?order=ORDER-1")["entries"]
    kinds = {entry["index"]: entry["kind"] for entry in found}
    assert kinds[told.at["reduce"]] == "order_change"
    assert kinds[told.at["correction"]] == "correction"


PAGES = [
    (f"/accounts/{MILL}", ("This account is frozen:", "Corrections and notices:")),
    (f"/accounts/{FARM}", ("pledged", "This batch is frozen:", "Changed by")),
    (f"/batches/{BATCH}", ("This batch is frozen:", "pledged")),
    ("/orders/ORDER-1", ("Suspended: nothing may be retired", "Corrections and notices:")),
    ("/projects/FARM", ("Changed by", "live")),
    ("/schemes/LEAF", ("Fully backed",)),
    ("/entries", ("freezes", "have expired", "under_review")),
]


@pytest.mark.parametrize(("path", "words"), PAGES)
def test_pages_show_it(client: AppClient, path: str, words: tuple[str, ...]) -> None:
    for language in ("en", "zh"):
        answer = client.get(path, params={"lang": language}, headers=HTML)
        assert answer.status_code == 200
        for word in words if language == "en" else ():
            assert word in answer.text


def test_every_entry_has_a_page_with_its_sentence(told: Answers, client: AppClient) -> None:
    for index in range(len(told.notes)):
        for language in ("en", "zh"):
            answer = client.get(f"/entries/{index}", params={"lang": language}, headers=HTML)
            assert answer.status_code == 200, index


def test_an_event_shows_what_is_attested_apart() -> None:
    registry = FakeRegistry()
    book = registry.book
    other = OtherOffset(what="SAMPLE market", quantity_g=5 * TONNE, doc_sha256=hex_of("other"))
    registry.take([*book.founding(), book.event(status="plan", other_offsets=(other,))])
    settings = ApiSettings(clock_ms=registry.clock)
    with AppClient(create_app(registry, registry, registry, settings)) as client:
        event = get(client, "events/EVENT-1")
        assert (event["attested_g"], event["retired_g"]) == (5 * TONNE, 0)
        page = client.get("/events/EVENT-1", params={"lang": "en"}, headers=HTML)
        assert "offset outside of this log" in page.text
