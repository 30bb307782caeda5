"""The pages: both languages, the same numbers as the JSON, the marks that must stand everywhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.api.app import create_app
from registry.api.services import ApiSettings
from registry.ledger.entries import Order
from registry.ledger.entries.use import Firm, Obligor
from tests.asgi import AppClient
from tests.books import BATCH, TONNE, account_id, hex_of, party_key
from tests.fakes import FakeRegistry
from tests.web.conftest import TAKEN, played

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = {
    "/": "/v1/stats",
    "/entries": "/v1/entries",
    "/entries?kind=order": "/v1/entries?kind=order",
    "/entries/0": "/v1/entries/0",
    "/entries/26": "/v1/entries/26",
    "/entries/27": "/v1/entries/27",
    f"/accounts/{account_id('mill')}": f"/v1/accounts/{account_id('mill')}",
    f"/accounts/{account_id('ann')}": f"/v1/accounts/{account_id('ann')}",
    "/batches": "/v1/batches",
    f"/batches/{BATCH}": f"/v1/batches/{BATCH}",
    f"/batches/{BATCH}?from_serial=30005": f"/v1/batches/{BATCH}",
    f"/batches/{TAKEN}": f"/v1/batches/{TAKEN}",
    "/projects": "/v1/projects",
    "/projects/FARM": "/v1/projects/FARM",
    "/parties": "/v1/parties",
    "/orders/ORDER-1": "/v1/orders/ORDER-1",
    "/orders/ORDER-2": "/v1/orders/ORDER-2",
    "/events/EVENT-1": "/v1/events/EVENT-1",
    "/obligations/mill.test/2025": "/v1/obligations/mill.test/2025",
    "/schemes/LEAF": "/v1/schemes/LEAF",
    "/retirements/CN-GD-R-0badc0de-27": "/v1/retirements/CN-GD-R-0badc0de-27",
    "/retirements/CN-GD-R-0badc0de-40": "/v1/retirements/CN-GD-R-0badc0de-40",
}
"""Each page and the JSON that it offers."""
LISTS = ("/entries", "/entries?kind=order", "/batches", "/projects", "/parties")
VOID = {"meta", "link", "input", "br", "rect"}


class Page(HTMLParser):
    """Takes a page apart, and complains of tags that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.amounts: dict[str, int] = {}
        self._holder = ""
        self.feed(text)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if tag == "a":
            self.links.append(given["href"])
        elif "href" in given or "src" in given:
            self.loads.append(given.get("href") or given["src"])
        if "id" in given:
            self.ids.append(given["id"])
            self._holder = given["id"]
        if tag == "data" and self._holder:
            self.amounts.setdefault(self._holder, int(given["value"]))
            self._holder = ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open[-1:] == [tag], f"</{tag}> closes {self.open}"
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def shown(client: AppClient, path: str, language: str = "") -> Page:
    """The page at a path, in a language."""
    query = f"{'&' if '?' in path else '?'}lang={language}" if language else ""
    answer = client.get(path + query, headers=HTML)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page(registry: FakeRegistry, client: AppClient, path: str, language: str) -> None:
    page = shown(client, path, language)
    size = len(registry.records)
    assert {"zh": f"账本规模 {size}", "en": f"As of size {size}"}[language] in page.text
    assert {"zh": "未经见证", "en": "Not witnessed"}[language] in page.text
    assert "样例 SAMPLE — 无法律效力 / no legal effect" in page.text
    assert PAGES[path] in page.links, "it offers its JSON"
    assert client.get(PAGES[path]).status_code == 200
    if path not in LISTS:
        assert "tanbu " in page.text, "it shows the command that checks it"
        assert "--trust" in page.text
    assert len(page.ids) == len(set(page.ids))
    assert "Traceback" not in page.text
    assert "UNSET" not in page.text


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(client: AppClient, path: str) -> None:
    answer = client.get(path, headers=HTML)
    page = Page(answer.text)
    assert all(load.startswith("/") for load in page.loads)
    assert not [a for a in page.attributes if a[1].startswith("on") or a[1] == "style"]
    assert "<script" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    for load in page.loads:
        assert client.get(load).status_code == 200


def test_links_lead_somewhere(client: AppClient) -> None:
    seen: set[str] = set()
    for path in PAGES:
        for link in shown(client, path, "en").links:
            target = link.partition("#")[0]
            if target and target not in seen:
                seen.add(target)
                assert client.get(target, headers=HTML).status_code == 200, (path, target)
    assert len(seen) > 100


def test_the_language_is_kept_and_can_be_changed(client: AppClient) -> None:
    english = shown(client, "/entries?kind=order", "en")
    inner = [x for x in english.links if not x.startswith(("/v1/", "/checkpoint", "/openapi"))]
    assert [x for x in inner if "lang=en" not in x] == ["/entries?kind=order&lang=zh"]
    assert not [x for x in shown(client, "/").links if "lang=" in x and "lang=en" not in x]


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("", "zh-CN"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("fr,en;q=0.2", "en"),
        ("en;q=0.1,zh-TW;q=0.2", "zh-CN"),
        ("de", "zh-CN"),
        (";;;q=x,,en;q=nan", "zh-CN"),
    ],
)
def test_the_browser_s_language(client: AppClient, wanted: str, language: str) -> None:
    answer = client.get("/", headers={**HTML, "accept-language": wanted})
    assert answer.headers["content-language"] == language
    assert answer.headers["vary"] == "Accept-Language"
    assert f'<html lang="{language}">' in answer.text


# ------------------------------------------------------------ numbers and marks


def test_totals_are_those_of_the_stats(client: AppClient) -> None:
    stats = client.get("/v1/stats").json()
    amounts = shown(client, "/", "en").amounts
    assert amounts["total-issued"] == stats["issued_g"]
    for status in ("free", "retired", "pooled"):
        assert amounts[f"total-{status}"] == stats["grams"][status]


def test_amounts_are_in_tonnes_with_grams_beside(client: AppClient) -> None:
    text = client.get("/retirements/CN-GD-R-0badc0de-27?lang=en", headers=HTML).text
    assert 'value="30000000" title="30,000,000 g">30&nbsp;' in text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/entries",
        "/entries/38",
        "/entries/40",
        "/entries/41",
        "/batches",
        f"/batches/{TAKEN}",
        f"/accounts/{account_id('mill')}",
        "/orders/ORDER-2",
        "/retirements/CN-GD-R-0badc0de-40",
    ],
)
def test_what_was_taken_over_is_marked(client: AppClient, path: str) -> None:
    assert "taken over, not proved" in shown(client, path, "en").text
    assert "接管，未证明" in shown(client, path, "zh").text


def test_what_was_not_taken_over_is_not_marked(client: AppClient) -> None:
    for path in ("/entries/27", "/retirements/CN-GD-R-0badc0de-27", "/orders/ORDER-1"):
        assert "taken over" not in shown(client, path, "en").text


def test_a_person_under_an_order_is_not_named(client: AppClient) -> None:
    page = shown(client, "/orders/ORDER-2", "en")
    assert "a person, under a commitment" in page.text
    assert hex_of("a person") in page.text
    assert "样例 <firm> & co" in page.text, "names are escaped, and come out as they were"


def test_an_order_that_was_recorded_says_what_was_not_checked(registry: FakeRegistry) -> None:
    own = played()
    book = own.book
    keys = (party_key("exchange"), party_key("authority"))
    fields = {
        "order": "ORDER-3",
        "issuer": "SAMPLE court",
        "origin": "recorded",
        "instrument_type": "ruling",
        "number": "(2026) SAMPLE 3",
        "instrument_sha256": hex_of("3"),
        "date": "2025-12-30",
        "effective_ms": book.now_ms,
        "obligors": (Obligor(firm=Firm(name="SAMPLE firm")),),
        "quantity_g": TONNE,
    }
    own.take([book.note(Order, *keys, **fields)])
    own.take([book.retirement("mill", 9, 9, purpose="remediation", ref="ORDER-3")])
    own.publish()
    certificate = f"CN-GD-R-0badc0de-{len(own.records) - 1}"
    with AppClient(create_app(own, own, own, ApiSettings(clock_ms=own.clock))) as client:
        for path in ("/orders/ORDER-3", f"/retirements/{certificate}"):
            assert "own signature was not checked" in shown(client, path, "en").text


def test_an_earnest_log_has_no_banner() -> None:
    own = played("cn-gd.example/log/0badc0de")
    settings = ApiSettings(clock_ms=own.clock, alone=True)
    with AppClient(create_app(own, own, own, settings)) as client:
        page = shown(client, "/", "en")
    assert "SAMPLE — " not in page.text
    assert "Started alone" in page.text


def test_what_is_not_published_says_so() -> None:
    own = played()
    own.take([own.book.retirement("mill", 20, 21)])
    certificate = f"CN-GD-R-0badc0de-{len(own.records) - 1}"
    with AppClient(create_app(own, own, own, ApiSettings(clock_ms=own.clock))) as client:
        for path in (f"/entries/{len(own.records) - 1}", f"/retirements/{certificate}"):
            assert "not yet under a signed checkpoint" in shown(client, path, "en").text


# ------------------------------------------------------------ finding, failing


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("27", "/entries/27"),
        ("#27", "/entries/27"),
        (" CN-GD-R-0badc0de-27 ", "/retirements/CN-GD-R-0badc0de-27"),
        (BATCH.lower(), f"/batches/{BATCH}"),
        (account_id("mill"), f"/accounts/{account_id('mill')}"),
        (account_id("mill").upper(), f"/accounts/{account_id('mill')}"),
        ("ORDER-1", "/orders/ORDER-1"),
        ("EVENT-1", "/events/EVENT-1"),
        ("LEAF", "/schemes/LEAF"),
        ("FARM", "/projects/FARM"),
        ("mill.test/2025", "/obligations/mill.test/2025"),
        ("mill.test", "/entries?party=mill.test"),
        ("", "/"),
    ],
)
def test_find(client: AppClient, question: str, place: str) -> None:
    answer = client.request("GET", "/find", params={"q": question}, headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"] == place
    assert client.get(place, headers=HTML).status_code == 200


@pytest.mark.parametrize(
    "question", ["nothing", "999", "9" * 40, "<b>", "../..", "\x00", "汉" * 99]
)
def test_find_nothing(client: AppClient, question: str) -> None:
    answer = client.request("GET", "/find", params={"q": question}, headers=HTML)
    assert answer.status_code == 404
    Page(answer.text)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/none", 404),
        ("/entries/999", 404),
        ("/entries/x", 400),
        ("/entries?kind=none", 400),
        ("/entries?cursor=x", 400),
        ("/batches/none", 404),
        (f"/batches/{BATCH}?from_serial=0", 404),
        (f"/batches/{BATCH}?from_serial=x", 400),
        ("/retirements/none", 404),
        ("/obligations/mill.test/x", 400),
        ("/orders/%00", 404),
        ("/%ff", 404),
    ],
)
def test_an_error_is_a_page_for_people_and_a_problem_for_programs(
    client: AppClient, path: str, status: int
) -> None:
    people = client.get(path, headers={**HTML, "accept-language": "en"})
    assert people.status_code == status
    assert people.headers["content-type"].startswith("text/html")
    assert "To the overview" in Page(people.text).text
    programs = client.get(path)
    assert programs.status_code == status
    assert programs.headers["content-type"] == "application/problem+json"


@given(st.lists(st.text(max_size=10), min_size=1, max_size=3), st.text(max_size=10))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_address_breaks_a_page(client: AppClient, parts: list[str], word: str) -> None:
    path = "/".join(quote(part, safe="", errors="replace") for part in parts)
    query = urlencode({"after": word, "cursor": word, "from_serial": word, "q": word, "lang": word})
    for top in ("", "entries/", "batches/", "orders/", "obligations/mill.test/", "find/", "v1/"):
        answer = client.get(f"/{top}{path}?{query}", headers=HTML)
        assert answer.status_code < 500
        if answer.headers.get("content-type", "").startswith("text/html"):
            Page(answer.text)
    for list_ in ("entries", "batches", f"batches/{BATCH}", "parties", "find"):
        assert client.get(f"/{list_}?{query}", headers=HTML).status_code < 500


def test_an_error_of_ours_is_a_page_without_detail(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ApiSettings(clock_ms=registry.clock)
    app = create_app(registry, registry, registry, settings)

    def broken() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(registry, "snapshot", broken)
    with AppClient(app) as client:
        answer = client.get("/", headers={**HTML, "accept-language": "en"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Out of order" in Page(answer.text).text


def test_the_style_sheet_is_kept_for_ever(client: AppClient) -> None:
    answer = client.get(next(x for x in shown(client, "/").loads if "style" in x))
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert not re.search(r"url\(|@import", answer.text)
