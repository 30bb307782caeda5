"""The application: hot routes first, then FastAPI's, then pages; errors of all of them as problems.

    app = create_app(reader, writer, tiles, ApiSettings(clock_ms=now_ms))
    uvicorn.run(app, loop="uvloop", http=GatheringProtocol, access_log=False)

Rules
- the hot routes (`POST /v1/entries`, inclusion proofs) are answered before FastAPI's router and
  middleware see the request; the same functions stand behind FastAPI's routes, which are there to
  be read about
- HEAD is answered as GET; the server leaves the body out
- an error is a problem (`api.problems`); who accepts text/html gets it as a page
- nothing of an error that was not foreseen leaves the process, and nothing of it is swallowed
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from registry.api import openapi, routes_book, routes_log, routes_service
from registry.api.asgi import Disconnected, Message, Receive, Scope, Send, respond
from registry.api.problems import encode_problem, problem_of, problem_of_status, unforeseen
from registry.api.services import ApiSettings, Services
from registry.api.submit import Submissions
from registry.chain.errors import Malformed, TanbuError
from registry.net.wire import Problem
from registry.ports import ReadStore, SealStore, TileSource, WriterClient
from registry.web import pages

_log = logging.getLogger(__name__)

Hot = Callable[[Scope, Receive], Awaitable[tuple[int, list[tuple[bytes, bytes]], bytes]]]


class App(FastAPI):
    """FastAPI behind a short cut for the hot routes, counting what is answered."""

    hot: dict[tuple[str, str], Hot]
    services: Services

    def openapi(self) -> dict[str, Any]:
        """The description of the interface, with the schemas of all views."""
        return openapi.complete(super().openapi())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        start_s = time.perf_counter()
        hot = self.hot.get((scope["method"], scope["path"]))
        if hot is not None:
            status = await self._answer_hot(hot, scope, receive, send)
            route = scope["path"]
        else:
            status, route = await self._answer(scope, receive, send)
        self.services.metrics.count(route, status, time.perf_counter() - start_s)

    async def _answer_hot(self, hot: Hot, scope: Scope, receive: Receive, send: Send) -> int:
        try:
            status, headers, body = await hot(scope, receive)
        except Disconnected:
            return 499
        except TanbuError as error:
            status, headers, body = encode_problem(problem_of(error))
        except Exception:  # noqa: BLE001  this is the edge: logged whole, answered without detail
            _log.exception("an error that was not foreseen")
            status, headers, body = encode_problem(unforeseen())
        await respond(send, status, headers, body)
        return status

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> tuple[int, str]:
        """By FastAPI; its status and the route's path, for the counts."""
        status = 0
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await super().__call__(scope, receive, watch)
        route = scope.get("route")
        return status, getattr(route, "path", "")


def create_app(
    reader: ReadStore,
    writer: WriterClient,
    tiles: TileSource,
    settings: ApiSettings,
    seals: SealStore | None = None,
) -> FastAPI:
    """The application over a store, the line to the writer, the published tiles, seals' leaves."""
    services = Services.over(reader, writer, tiles, settings, seals)
    submissions = Submissions(services)
    app = App(
        title="Tanbu",
        version=settings.version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.services = services
    app.hot = {
        ("POST", "/v1/entries"): submissions.submit,
        ("GET", "/v1/proofs/inclusion"): routes_log.hot_inclusion(services),
    }
    app.include_router(routes_log.router(services, submissions))
    app.include_router(routes_book.router(services))
    app.include_router(routes_service.router(services))
    app.include_router(pages.router(reader, services.totals, alone=settings.alone))
    _handle_errors(app, services)
    return app


def _handle_errors(app: FastAPI, services: Services) -> None:
    def answer(request: Request, problem: Problem) -> Response:
        accepts = request.headers.get("accept", "")
        if "text/html" not in accepts:
            return _response(problem)
        return pages.error_page(
            request,
            services.reader,
            problem.status,
            problem.detail,
            alone=services.settings.alone,
        )

    def on_error(request: Request, error: Exception) -> Response:
        found = problem_of(error) if isinstance(error, TanbuError) else unforeseen()
        return answer(request, found)

    def on_http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            return answer(request, unforeseen())
        what = "there is nothing at this address" if error.status_code == 404 else error.detail
        return answer(request, problem_of_status(error.status_code, what))

    def on_parameters(request: Request, error: Exception) -> Response:
        found = error.errors()[0] if isinstance(error, RequestValidationError) else {}
        place = " ".join(str(part) for part in found.get("loc", ()))
        return answer(
            request, problem_of(Malformed(str(found.get("msg", "a bad parameter")), where=place))
        )

    app.add_exception_handler(TanbuError, on_error)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_parameters)
    app.add_exception_handler(Exception, on_error)


def _response(problem: Problem) -> Response:
    status, headers, body = encode_problem(problem)
    return Response(
        body, status, headers={name.decode(): value.decode() for name, value in headers}
    )
