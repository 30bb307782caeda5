"""A client of an ASGI application in the same process, for tests that are not asynchronous.

with AppClient(app) as client:
    answer = client.get("/v1/stats")
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx


class AppClient:
    """One event loop, one client; an exception that leaves the application is a 500."""

    def __init__(self, app: Any) -> None:
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://log.test")

    def __enter__(self) -> AppClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._http.aclose())
        self._runner.close()

    def request(self, method: str, url: str, **given: Any) -> httpx.Response:
        """Send one request and wait for its answer."""
        return self._runner.run(self._http.request(method, url, **given))

    def get(self, url: str, **given: Any) -> httpx.Response:
        return self.request("GET", url, **given)

    def post(self, url: str, **given: Any) -> httpx.Response:
        return self.request("POST", url, **given)
