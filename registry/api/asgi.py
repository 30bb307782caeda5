"""Requests and answers without a framework, for the routes that must be lean.

Source: ASGI 3. Refuses to know: what is asked.

Rules
- a body is read with a cap on its length, and a slow one with a cap on its time
- a query names only what the route knows, and each name once
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from registry.chain.errors import Malformed

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

BODY_S_MAX = 60
"""How long a client may take to send a body that does not come in one piece."""
QUERY_BYTES_MAX = 4_096

JSON_TYPE = (b"content-type", b"application/json")
PROBLEM_TYPE = (b"content-type", b"application/problem+json")
TEXT_TYPE = (b"content-type", b"text/plain; charset=utf-8")


class Disconnected(Exception):
    """The client is gone: there is nobody to answer."""


class TooLarge(Malformed):
    """More bytes, or more entries, than one request may have."""


class WrongType(Malformed):
    """A body of a type that the route does not take."""


def header(scope: Scope, name: bytes) -> bytes:
    """The first header of a lower-case name, or nothing."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


def describe_body(scope: Scope) -> tuple[bytes, int]:
    """The type and the length that a request states of its body; nothing and 0 if it does not."""
    kind, length = b"", 0
    for key, value in scope["headers"]:
        if key == b"content-type":
            kind = value
        elif key == b"content-length" and value.isdigit():
            length = int(value[:20])
    return kind, length


def parse_query(scope: Scope, known: Collection[str]) -> dict[str, str]:
    """The query of a request; Malformed if it names what is not known, or a name twice."""
    raw: bytes = scope.get("query_string", b"")
    if not raw:
        return {}
    if len(raw) > QUERY_BYTES_MAX:
        raise TooLarge(f"a query of more than {QUERY_BYTES_MAX} bytes", where="query")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise Malformed("the query is not percent-encoded UTF-8", where="query") from error
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise unknown_parameter(name, known)
        if name in found:
            raise Malformed(f"the parameter {name} stands twice", where="query")
        found[name] = value
    return found


def unknown_parameter(name: str, known: Collection[str]) -> Malformed:
    """What is wrong with a parameter that the route does not know."""
    listed = ", ".join(sorted(known))
    return Malformed(
        f"there is no parameter {name[:40]!a} here",
        where="query",
        todo=f"known ones: {listed}" if listed else "this takes none",
    )


async def read_body(receive: Receive, stated_bytes: int, bytes_max: int) -> bytes:
    """The body of a request; TooLarge if it has, or states, more than `bytes_max` bytes."""
    if stated_bytes > bytes_max:
        raise _too_large(bytes_max)
    message = await receive()
    if not message.get("more_body") and message["type"] == "http.request":
        body: bytes = message.get("body", b"")
    else:
        try:
            async with asyncio.timeout(BODY_S_MAX):
                body = await _read_pieces(message, receive, bytes_max)
        except TimeoutError as error:
            raise Malformed(f"the body took longer than {BODY_S_MAX} s to arrive") from error
    if len(body) > bytes_max:
        raise _too_large(bytes_max)
    return body


async def _read_pieces(message: Message, receive: Receive, bytes_max: int) -> bytes:
    pieces: list[bytes] = []
    length = 0
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        pieces.append(message.get("body", b""))
        length += len(pieces[-1])
        if length > bytes_max:
            raise _too_large(bytes_max)
        if not message.get("more_body"):
            return b"".join(pieces)
        message = await receive()


async def respond(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Send a whole answer."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"a body of more than {bytes_max} bytes", where="body", todo="send less")
