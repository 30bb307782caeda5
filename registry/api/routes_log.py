"""Routes of the log: entries in and out, proofs, tiles, the checkpoint."""

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from registry.api import openapi
from registry.api.asgi import JSON_TYPE, TEXT_TYPE, Headers, Receive, Scope, header, parse_query
from registry.api.parameters import IndexPath, LimitQuery, NoOthers, TilePath, answer, number
from registry.api.services import Services
from registry.api.submit import Submissions
from registry.chain.errors import Malformed
from registry.chain.strict import parse_hex
from registry.ledger.entries import KINDS
from registry.service import entries, proofs

IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}
PASSING = {"cache-control": "public, max-age=60"}
FILTERS = (
    "kind",
    "account",
    "batch",
    "project",
    "methodology",
    "party",
    "scheme",
    "order",
    "event",
)

_encode = msgspec.json.Encoder().encode
Answer = tuple[int, Headers, bytes]
Filter = Annotated[str, Query(description="Only entries about this.")]


class HotInclusion:
    """GET /v1/proofs/inclusion without a framework between."""

    def __init__(self, prover: proofs.Prover) -> None:
        self._prover = prover

    async def __call__(self, scope: Scope, receive: Receive) -> Answer:
        """Answer a request; `receive` is not used, a GET has no body that counts."""
        del receive
        query = parse_query(scope, ("index", "leaf_hash", "size"))
        index = number(query["index"], "index") if "index" in query else None
        size = number(query["size"], "size") if "size" in query else None
        leaf_hash = parse_hex(query["leaf_hash"], 32) if "leaf_hash" in query else None
        if b"text/plain" in header(scope, b"accept"):
            if index is None or size is not None:
                raise Malformed("a proof file is of an index, in the newest tree", where="query")
            return 200, [TEXT_TYPE], self._prover.proof_file(index)
        if leaf_hash is None:  # tiles are files of our own machine, mostly in memory
            view = self._prover.inclusion(index=index, size=size)
        else:
            view = await asyncio.to_thread(
                self._prover.inclusion, index=index, leaf_hash=leaf_hash, size=size
            )
        return 200, [JSON_TYPE], _encode(view)


def hot_inclusion(services: Services) -> HotInclusion:
    """The inclusion route of these services."""
    return HotInclusion(services.prover)


def router(services: Services, submissions: Submissions) -> APIRouter:
    """The routes over these services."""
    routes = APIRouter(dependencies=[NoOthers])
    _add_submissions(routes, submissions)
    _add_entries(routes, services)
    _add_proofs(routes, services)
    _add_state_proofs(routes, services)
    _add_evidence(routes, services)
    _add_tiles(routes, services)
    return routes


def _add_submissions(routes: APIRouter, submissions: Submissions) -> None:
    @routes.post("/v1/entries", **openapi.SUBMIT)
    async def submit(
        request: Request,
        wait: Annotated[str, Query(description="committed or published")] = "committed",
    ) -> Response:
        """Submit signed entries: one note as text, or up to 1,000 as JSON."""
        del wait
        return _response(await submissions.submit(request.scope, request.receive))

    @routes.post("/v1/entries:check", **openapi.CHECK)
    async def check(request: Request) -> Response:
        """Say what would become of entries if they were submitted now; nothing is written."""
        return _response(await submissions.check(request.scope, request.receive))


def _add_entries(routes: APIRouter, services: Services) -> None:
    @routes.get("/v1/entries/{index}", **openapi.get("entry"))
    def entry(index: IndexPath) -> Response:
        """One entry as it stands in the log."""
        at = number(index, "index")
        with services.reader.snapshot() as snapshot:
            return answer(entries.entry(snapshot, at))

    @routes.get("/v1/entries", **openapi.get("entries"))
    def listed(
        kind: Annotated[str, Query(description="Only entries of this kind.")] = "",
        account: Filter = "",
        batch: Filter = "",
        project: Filter = "",
        methodology: Filter = "",
        party: Filter = "",
        scheme: Filter = "",
        order: Filter = "",
        event: Filter = "",
        cursor: Annotated[str, Query(description="`next` of the page before.")] = "",
        limit: LimitQuery = str(entries.PAGE_DEFAULT),
    ) -> Response:
        """Entries, newest first; a cursor keeps to the size of the first page."""
        if kind and kind not in KINDS:
            known = ", ".join(KINDS)
            raise Malformed(f"there is no kind {kind[:40]!a}", where="kind", todo=f"kinds: {known}")
        given = (kind, account, batch, project, methodology, party, scheme, order, event)
        subjects = [
            entries.subject(word, name) for word, name in zip(FILTERS, given, strict=True) if name
        ]
        rows = number(limit, "limit", low=1, high=entries.PAGE_MAX)
        with services.reader.snapshot() as snapshot:
            return answer(entries.entries(snapshot, subjects, cursor=cursor, limit=rows))


def _add_proofs(routes: APIRouter, services: Services) -> None:
    hot = hot_inclusion(services)

    @routes.get("/v1/proofs/inclusion", **openapi.get("inclusion"))
    async def inclusion(
        request: Request,
        index: Annotated[str, Query(description="Index of the record.")] = "",
        leaf_hash: Annotated[str, Query(description="Or its leaf hash, in hex.")] = "",
        size: Annotated[str, Query(description="Of a smaller tree than the newest.")] = "",
    ) -> Response:
        """The proof that a record is in the tree of a checkpoint (as text/plain: a proof file)."""
        del index, leaf_hash, size
        return _response(await hot(request.scope, request.receive))

    @routes.get("/v1/proofs/consistency", **openapi.get("consistency"))
    def consistency(
        from_: Annotated[str, Query(alias="from", description="The smaller size.")],
        to: Annotated[str, Query(description="The larger one; by default the newest.")] = "",
    ) -> Response:
        """The proof that a later tree begins with an earlier one."""
        old = number(from_, "from")
        return answer(services.prover.consistency(old, number(to, "to") if to else None))


def _add_state_proofs(routes: APIRouter, services: Services) -> None:
    @routes.get("/v1/proofs/state", **openapi.get("state_proof"))
    def state_proof(
        key: Annotated[str, Query(description="The value under this key, or its absence.")] = "",
        prefix: Annotated[str, Query(description="Or all values under this prefix.")] = "",
        size: Annotated[str, Query(description="A sealed size; by default the newest.")] = "",
    ) -> Response:
        """The proof, from a seal, of what the state has under a key or prefix, and nothing else."""
        at = number(size, "size", low=1) if size else None
        return answer(services.sealed.prove(key=key, prefix=prefix, size=at))


def _add_evidence(routes: APIRouter, services: Services) -> None:
    @routes.get("/v1/evidence/{index}", **openapi.get("evidence"))
    def evidence(index: IndexPath) -> Response:
        """The file that proves an entry offline: `tanbu verify FILE --trust DIR`."""
        at = number(index, "index")
        headers = {
            "cache-control": "no-cache",
            "content-disposition": f'attachment; filename="evidence-{at}.json"',
        }
        return Response(
            services.prover.evidence(at), media_type="application/json", headers=headers
        )


def _add_tiles(routes: APIRouter, services: Services) -> None:
    @routes.get("/checkpoint", **openapi.text("checkpoint"))
    def checkpoint() -> Response:
        """The newest signed checkpoint."""
        headers = {"cache-control": "no-cache"}
        note = services.prover.checkpoint()
        return Response(note, media_type="text/plain; charset=utf-8", headers=headers)

    @routes.get("/tile/{path:path}", **openapi.binary("tile"))
    def tile(path: TilePath) -> Response:
        """A tile of hashes, or a bundle of records (C2SP tlog-tiles)."""
        data, is_full = services.prover.tile(f"tile/{path}")
        headers = IMMUTABLE if is_full else PASSING
        return Response(data, media_type="application/octet-stream", headers=headers)


def _response(found: Answer) -> Response:
    status, headers, body = found
    return Response(
        body, status, headers={name.decode(): value.decode() for name, value in headers}
    )
