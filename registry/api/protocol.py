"""HTTP on a connection, by uvicorn, with one write per answer.

Uvicorn writes the head and the body of an answer apart: two system calls, two wakings of the
client. What is written within one turn of the event loop goes out together here, which is also one
write for answers to pipelined requests. Nothing else of the protocol is touched.

    uvicorn.Config(app, http=GatheringProtocol)
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class _Gathering:
    """A transport that puts together what is written in one turn of the event loop."""

    __slots__ = ("_call_soon", "_parts", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._call_soon = loop.call_soon
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Close when all that was written has gone out."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts = self._parts
        if parts:
            self._parts = []
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever else a transport has
        return getattr(self._transport, name)


class GatheringProtocol(HttpToolsProtocol):
    """Uvicorn's protocol over such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own narrowing
        """Take a connection."""
        super().connection_made(cast("asyncio.Transport", _Gathering(transport, self.loop)))
