"""Parameters of routes as they are declared, and as they are parsed: strictly, and no others.

FastAPI's own converters are too kind (`1_0` is a number to them), so numbers come as text.
"""

from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response
from fastapi.routing import APIRoute
from msgspec import json as msgspec_json

from registry.api.asgi import parse_query
from registry.chain.errors import Malformed
from registry.chain.strict import MAX_INT, parse_decimal

_encode = msgspec_json.Encoder().encode


def answer(view: object) -> Response:
    """A view as JSON; it changes with the next entry."""
    headers = {"cache-control": "no-cache"}
    return Response(_encode(view), media_type="application/json", headers=headers)


def no_others(request: Request) -> None:
    """Malformed if the query names a parameter that the route does not know, or one twice."""
    route = request.scope.get("route")
    if isinstance(route, APIRoute):
        known = {field.alias for field in route.dependant.query_params}
        parse_query(request.scope, known)


NoOthers = Depends(no_others)


def number(text: str, name: str, *, low: int = 0, high: int = MAX_INT) -> int:
    """A number in plain decimal, low ≤ n ≤ high; Malformed, naming the parameter, otherwise."""
    try:
        found = parse_decimal(text, max=MAX_INT)
    except Malformed as error:
        raise Malformed(error.message, where=name) from error
    if not low <= found <= high:
        raise Malformed(f"{name} is a number from {low} to {high}", where=name)
    return found


IndexPath = Annotated[str, Path(description="Index of the entry, from 0.", examples=["42"])]
AccountPath = Annotated[
    str, Path(description="Account id.", examples=["a-a2xdmvgpn2k4hdtkc33u2c3fvi"])
]
BatchPath = Annotated[str, Path(description="Batch.", examples=["CN-GD-PHCER-2024-000001"])]
SerialPath = Annotated[str, Path(description="Serial, from 1.", examples=["30005"])]
NamePath = Annotated[str, Path(description="Its name.")]
PartyPath = Annotated[str, Path(description="Party.", examples=["mill.test"])]
YearPath = Annotated[str, Path(description="Year.", examples=["2025"])]
CertificatePath = Annotated[
    str, Path(description="Certificate number.", examples=["CN-GD-R-0badc0de-27"])
]
TilePath = Annotated[
    str, Path(description="`<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`.", examples=["0/000.p/38"])
]
AfterQuery = Annotated[
    str, Query(description="List what stands behind this; `next` of the page before.")
]
LimitQuery = Annotated[str, Query(description="Most lines of the page.", examples=["50"])]
