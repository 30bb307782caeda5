"""The interface describes itself: a summary, an example and documented errors for each route."""

from __future__ import annotations

from typing import Any

import pytest

from registry.api.app import create_app
from registry.api.services import ApiSettings
from tests.fakes import FakeRegistry

EMPTY = FakeRegistry()
DESCRIPTION: dict[str, Any] = create_app(
    EMPTY, EMPTY, EMPTY, ApiSettings(clock_ms=EMPTY.clock)
).openapi()
OPERATIONS = {
    f"{method} {path}": operation
    for path, operations in DESCRIPTION["paths"].items()
    for method, operation in operations.items()
}


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference; KeyError if it leads nowhere."""
    if "$ref" in schema:
        return DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def test_the_routes_are_there() -> None:
    wanted = {
        "post /v1/entries", "post /v1/entries:check", "get /v1/entries", "get /v1/entries/{index}",
        "get /v1/proofs/inclusion", "get /v1/proofs/consistency", "get /v1/proofs/state",
        "get /v1/evidence/{index}",
        "get /v1/accounts/{account}", "get /v1/accounts/{account}/balances", "get /v1/batches",
        "get /v1/batches/{batch}", "get /v1/serials/{batch}/{serial}", "get /v1/projects",
        "get /v1/projects/{project}", "get /v1/methodologies", "get /v1/orders/{order}",
        "get /v1/events/{event}", "get /v1/obligations/{party}/{year}", "get /v1/schemes/{scheme}",
        "get /v1/retirements/{certificate}", "get /v1/stats", "get /v1/parties",
        "get /v1/rulebooks", "get /checkpoint", "get /tile/{path}", "get /healthz", "get /readyz",
        "get /metrics", "get /openapi.json",
    }  # fmt: skip
    assert set(OPERATIONS) == wanted


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_route_is_described(name: str) -> None:
    operation = OPERATIONS[name]
    assert len(operation["summary"]) > 10
    good = [status for status in operation["responses"] if status.startswith("2")]
    assert good
    for status in good:
        for media in operation["responses"][status]["content"].values():
            assert media["example"] not in (None, "")
            assert resolve(media["schema"])
    errors = [status for status in operation["responses"] if not status.startswith("2")]
    assert "default" in errors
    for status in errors:
        (media,) = operation["responses"][status]["content"].items()
        assert media[0] == "application/problem+json"
        assert resolve(media[1]["schema"])["required"]
        assert media[1]["example"]["detail"]
    for parameter in operation.get("parameters", ()):
        assert parameter["description"]


def test_submitting_says_what_it_takes() -> None:
    for name in ("post /v1/entries", "post /v1/entries:check"):
        content = OPERATIONS[name]["requestBody"]["content"]
        assert set(content) == {"text/plain", "application/json"}
        assert content["text/plain"]["example"].startswith("tanbu.entry/v1\n")
        assert {"400", "413", "415", "422", "503"} <= set(OPERATIONS[name]["responses"])


def test_every_reference_leads_somewhere() -> None:
    def references(item: object) -> list[str]:
        if isinstance(item, dict):
            here = [item["$ref"]] if isinstance(item.get("$ref"), str) else []
            return here + [r for value in item.values() for r in references(value)]
        return [r for value in item for r in references(value)] if isinstance(item, list) else []

    found = set(references(DESCRIPTION))
    assert len(found) > 20
    for reference in found:
        assert reference.rpartition("/")[2] in DESCRIPTION["components"]["schemas"]
