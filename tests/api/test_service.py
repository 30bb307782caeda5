"""Alive, ready, counted."""

from __future__ import annotations

import re

from registry.service.publication import STALE_MS
from tests.asgi import AppClient
from tests.fakes import FakeRegistry


def test_alive_is_not_ready(registry: FakeRegistry, client: AppClient) -> None:
    assert client.get("/readyz").json()["status"] == "ready"
    registry.gone = True
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:tanbu:unavailable")
    assert client.get("/healthz").status_code == 200


def test_a_stale_checkpoint_is_not_ready(registry: FakeRegistry, client: AppClient) -> None:
    registry.take([registry.book.transfer("mill", "host")])
    assert client.get("/readyz").status_code == 200, "it has a moment to be published"
    registry.clock.ms += STALE_MS + 1
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "checkpoint" in answer.json()["detail"]
    registry.publish()
    assert client.get("/readyz").status_code == 200


def test_a_log_at_rest_stays_ready(registry: FakeRegistry, client: AppClient) -> None:
    registry.clock.ms += 100 * STALE_MS
    assert client.get("/readyz").status_code == 200


def counts(client: AppClient) -> dict[str, float]:
    text = client.get("/metrics").text
    lines = re.findall(r"^(tanbu_\w+)(\{.*\})? ([0-9.e+]+)$", text, re.MULTILINE)
    return {name + re.sub(r',?pid="[0-9]+",?', "", labels): float(n) for name, labels, n in lines}


def test_requests_and_entries_are_counted(registry: FakeRegistry, client: AppClient) -> None:
    text = {"content-type": "text/plain"}
    note = registry.book.transfer("mill", "host")
    for content in (note, note, b"x", registry.book.transfer("mill", "mill")):
        client.post("/v1/entries", content=content, headers=text)
    client.get("/v1/entries/3")
    client.get("/v1/entries/4")
    client.get("/none")
    found = counts(client)
    assert found['tanbu_entries_total{outcome="committed"}'] == 1
    assert found['tanbu_entries_total{outcome="replayed"}'] == 1
    assert found['tanbu_entries_total{outcome="malformed"}'] == 1
    assert found['tanbu_entries_total{outcome="refused"}'] == 1
    assert found['tanbu_http_requests_total{route="/v1/entries",status="201"}'] == 1
    assert found['tanbu_http_requests_total{route="/v1/entries/{index}",status="200"}'] == 2
    assert found['tanbu_http_requests_total{route="",status="404"}'] == 1
    assert found["tanbu_log_size{}"] == 39
    assert found["tanbu_published_size{}"] == 38
    assert found['tanbu_http_seconds_count{route="/v1/entries"}'] == 4
