"""Routes about the service itself: is it alive, is it ready, what has it counted, what is there."""

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from registry.api import openapi
from registry.api.metrics import CONTENT_TYPE
from registry.api.parameters import NoOthers
from registry.api.services import Services
from registry.chain.errors import Unavailable
from registry.service.publication import check_fresh

WRITER_S_MAX = 5.0
"""How long the writer may take to say that it is there."""


def router(services: Services) -> APIRouter:
    """The routes over these services."""
    routes = APIRouter(dependencies=[NoOthers])

    @routes.get("/healthz", **openapi.get("health"))
    async def healthz() -> Response:
        """The process answers."""
        return JSONResponse({"status": "ok"})

    @routes.get("/readyz", **openapi.get("ready"))
    async def readyz() -> Response:
        """The writer answers and the newest checkpoint is fresh; 503 otherwise.

        `refusal_notes` says which key signs them, or why refusals are answered without; `stamps`
        the newest time stamp of each authority: none at all is no fault.
        """
        try:
            async with asyncio.timeout(WRITER_S_MAX):
                await services.admission.alive()
        except TimeoutError as error:
            raise Unavailable(f"the writer does not answer within {WRITER_S_MAX:.0f} s") from error
        await asyncio.to_thread(check_fresh, services.reader, services.settings.clock_ms)
        notes = await services.notes.state()
        stamps = await asyncio.to_thread(_stamps, services)
        return JSONResponse({"status": "ready", "refusal_notes": notes, "stamps": stamps})

    @routes.get("/metrics", **openapi.text("metrics"))
    def metrics() -> Response:
        """Counts of this worker process in Prometheus' text form; each worker has its own."""
        with services.reader.snapshot() as snapshot:
            published = snapshot.published()
            services.metrics.size = snapshot.head.size
            services.metrics.stamps = snapshot.stamps()
        services.metrics.published_size = published.size if published else 0
        return Response(services.metrics.text(), media_type=CONTENT_TYPE)

    @routes.get("/openapi.json", **openapi.get("openapi"))
    def description(request: Request) -> Response:
        """This interface as OpenAPI."""
        return JSONResponse(request.app.openapi())

    return routes


def _stamps(services: Services) -> list[dict[str, str | int]]:
    """The newest time stamp of each authority."""
    with services.reader.snapshot() as snapshot:
        return [
            {"authority": s.authority, "size": s.size, "time_ms": s.time_ms}
            for s in snapshot.stamps()
        ]
