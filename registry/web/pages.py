"""The pages' routes and the page for errors."""

from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from registry.ports import ReadStore
from registry.service.proofs import Prover
from registry.service.totals import Totals


def router(reader: ReadStore, totals: Totals, prover: Prover, *, alone: bool) -> APIRouter:
    """The routes of the pages."""
    del reader, totals, prover, alone
    return APIRouter(include_in_schema=False)


def error_page(request: Request, status: int, title: str, detail: str) -> HTMLResponse:
    """A problem for people."""
    del request
    return HTMLResponse(f"<h1>{escape(title)}</h1><p>{escape(detail)}</p>", status)
