"""What OpenAPI says of each route: schemas made from the views, examples from a data file.

The examples are of the sample book that the tests play; each must decode as its view (a test sees
to it), so that they cannot say what the service does not.
"""

import json
from importlib import resources
from typing import Any

import msgspec
from fastapi import Response

from registry.net import wire
from registry.service import books, entries, proofs, register, seals, totals, uses
from registry.verify.evidence import EvidenceFile

VIEWS: dict[str, type[msgspec.Struct]] = {
    "entry": entries.EntryView,
    "entries": entries.EntryList,
    "inclusion": proofs.Inclusion,
    "consistency": proofs.Consistency,
    "state_proof": seals.StateProof,
    "account": books.AccountView,
    "balances": books.BalanceList,
    "batches": books.BatchList,
    "batch": books.BatchView,
    "serial": books.SerialView,
    "projects": register.ProjectList,
    "project": register.ProjectView,
    "methodologies": register.MethodologyList,
    "parties": register.PartyList,
    "rulebooks": register.RulebookList,
    "scheme": register.SchemeView,
    "order": uses.OrderView,
    "event": uses.EventView,
    "obligation": uses.ObligationView,
    "retirement": uses.RetirementView,
    "stats": totals.Stats,
    "evidence": EvidenceFile,
}
"""What each route answers; the names are those of the examples."""
WIRE = (
    wire.Submission,
    wire.Receipt,
    wire.Results,
    wire.CheckResult,
    wire.CheckResults,
    wire.Problem,
)

EXAMPLES: dict[str, Any] = json.loads(
    resources.files("registry.api").joinpath("examples.json").read_text(encoding="utf-8")
)

_ERRORS = {
    400: ("malformed", "Malformed: what is wrong, where, and what to do."),
    404: ("absent", "Not in the log."),
    413: ("too_large", "The body, or the number of entries, is over its limit."),
    415: ("wrong_type", "A body of a type that is not taken."),
    422: ("refused", "Refused by the rules: name, number and fields of the refusal."),
    503: ("unavailable", "The writer or the store cannot be reached; try again."),
    "default": ("absent", "Any other problem."),
}


def _ref(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _problem(status: int | str) -> dict[str, Any]:
    example, description = _ERRORS[status]
    body = {"schema": _ref(wire.Problem), "example": EXAMPLES[example]}
    return {"description": description, "content": {"application/problem+json": body}}


def _json(kind: type[msgspec.Struct], name: str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(kind), "example": EXAMPLES[name]}}


def _errors(*statuses: int) -> dict[int | str, Any]:
    found: dict[int | str, Any] = {"default": _problem("default")}
    return found | {status: _problem(status) for status in statuses}


def get(name: str) -> dict[str, Any]:
    """Arguments of a route that answers JSON: the view and the example of that name."""
    kind = VIEWS.get(name)
    schema = {"type": "object"} if kind is None else _ref(kind)
    content = {"application/json": {"schema": schema, "example": EXAMPLES[name]}}
    good = {"description": "As of the size that it states.", "content": content}
    return {
        "responses": {200: good, **_errors(400, 404, 503)},
        "response_class": Response,
        "response_model": None,
    }


def text(name: str) -> dict[str, Any]:
    """Arguments of a route that answers text."""
    content = {"text/plain": {"schema": {"type": "string"}, "example": EXAMPLES[name]}}
    return {
        "responses": {200: {"description": "Text.", "content": content}, **_errors(404, 503)},
        "response_class": Response,
        "response_model": None,
    }


def binary(name: str) -> dict[str, Any]:
    """Arguments of a route that answers bytes."""
    schema = {"type": "string", "format": "binary"}
    content = {"application/octet-stream": {"schema": schema, "example": EXAMPLES[name]}}
    return {
        "responses": {200: {"description": "Bytes.", "content": content}, **_errors(400, 404)},
        "response_class": Response,
        "response_model": None,
    }


def _body(example: str) -> dict[str, Any]:
    return {
        "required": True,
        "content": {
            "text/plain": {"schema": {"type": "string"}, "example": EXAMPLES[example]},
            "application/json": {
                "schema": _ref(wire.Submission),
                "example": {"entries": [EXAMPLES[example]]},
            },
        },
    }


SUBMIT: dict[str, Any] = {
    "responses": {
        200: {
            "description": "Several entries: one result each. One entry: it was in the log before"
            " (`Idempotent-Replay: true`).",
            "content": _json(wire.Results, "results"),
        },
        201: {
            "description": "One entry: its receipt.",
            "content": _json(wire.Receipt, "receipt"),
        },
        202: {
            "description": "Committed, but no checkpoint covered it in time.",
            "content": _json(wire.Receipt, "receipt"),
        },
        **_errors(400, 413, 415, 422, 503),
    },
    "status_code": 201,
    "openapi_extra": {"requestBody": _body("note")},
    "response_class": Response,
    "response_model": None,
}
CHECK: dict[str, Any] = {
    "responses": {
        200: {
            "description": "What would become of the entries; one entry alone is answered as one.",
            "content": _json(wire.CheckResults, "check_results"),
        },
        **_errors(400, 413, 415, 422, 503),
    },
    "openapi_extra": {"requestBody": _body("note")},
    "response_class": Response,
    "response_model": None,
}


def complete(description: dict[str, Any]) -> dict[str, Any]:
    """Add the schemas of all views to FastAPI's description, and a summary to each operation."""
    kinds = (*VIEWS.values(), *WIRE)
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    description.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
    for operations in description["paths"].values():
        for operation in operations.values():
            operation["summary"] = operation["description"].partition("\n")[0].rstrip(".")
    return description
