"""POST /v1/entries: the way in for signed entries, without a framework between (DESIGN §7, §8).

Rules
- text/plain is one note, byte for byte; application/json is {"entries": [note, …]}
- one note: 201 and its receipt, 200 with `Idempotent-Replay: true` if it was in the log before,
  else a problem; several: 200 and one result each, in order
- `wait=published`: answered when a checkpoint covers the entries, with their proofs; 202 without
  proofs, if that takes longer than WAIT_MS_MAX
- a refused entry's problem holds the operator's signed note; a dry run's does not
- what all requests of a process hold in memory is bounded: beyond it a request is not read
"""

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, structs

from registry.api.asgi import (
    JSON_TYPE,
    Headers,
    Receive,
    Scope,
    TooLarge,
    WrongType,
    describe_body,
    parse_query,
    read_body,
)
from registry.api.problems import encode_problem, problem_of, problem_of_refusal
from registry.api.services import Services
from registry.chain.errors import Malformed, TanbuError
from registry.ledger.codec import ENTRY_BYTES_MAX
from registry.net.wire import (
    Acceptable,
    CheckResult,
    CheckResults,
    Problem,
    Receipt,
    Result,
    Results,
    Submission,
)
from registry.ports import Committed, Overloaded, Refused
from registry.service import dryrun
from registry.service.admission import REQUEST_ENTRIES_MAX, TURN_ENTRIES, Outcome

REQUEST_BYTES_MAX = 16 * 1024 * 1024
"""A request of several entries, as JSON."""
HELD_BYTES_MAX = 40 * 1024 * 1024
"""Bodies that one process reads and works on at a time; each takes some three times its length."""
CHECKS_AT_ONCE_MAX = 2
"""Dry runs at a time: they verify beside the event loop, and take its time."""
WAITS = ("committed", "published")
_REPLAY = (b"idempotent-replay", b"true")
_ENTRIES_KEY = b'"entries"'

_decode = msgspec.json.Decoder(Submission).decode
_encode = msgspec.json.Encoder().encode
Answer = tuple[int, Headers, bytes]


class Submissions:
    """Answers submissions and dry runs; one per process."""

    def __init__(self, services: Services) -> None:
        self._admission = services.admission
        self._watch = services.watch
        self._prover = services.prover
        self._notes = services.notes
        self._entries = services.metrics.entries
        self._held_bytes = 0
        self._checks = asyncio.Semaphore(CHECKS_AT_ONCE_MAX)

    async def submit(self, scope: Scope, receive: Receive) -> Answer:
        """Take in entries. Raises what `problems` has a status for."""
        wait = _parse_wait(scope) if scope["query_string"] else WAITS[0]
        kind, stated_bytes = describe_body(scope)
        single = _is_single(kind)
        bytes_max = ENTRY_BYTES_MAX if single else REQUEST_BYTES_MAX
        held_bytes = self._hold(stated_bytes or bytes_max, bytes_max)
        try:
            body = await read_body(receive, stated_bytes, bytes_max)
            if single:
                notes, outcomes = [body], [await self._admission.submit_one(body)]
            else:
                notes = _parse_notes(body)
                outcomes = await self._admission.submit(notes)
            signed = await self._sign_refusals(notes, outcomes)
        finally:
            self._held_bytes -= held_bytes
        results = [self._result(outcome, signed.get(n)) for n, outcome in enumerate(outcomes)]
        late = False
        if wait == "published":
            late = not await self._wait_published(results)
        return _answer_single(results[0], late=late) if single else _answer(results, late=late)

    async def check(self, scope: Scope, receive: Receive) -> Answer:
        """Say what would become of entries; nothing is written."""
        parse_query(scope, ())
        kind, stated_bytes = describe_body(scope)
        single = _is_single(kind)
        bytes_max = ENTRY_BYTES_MAX if single else REQUEST_BYTES_MAX
        held_bytes = self._hold(stated_bytes or bytes_max, bytes_max)
        try:
            body = await read_body(receive, stated_bytes, bytes_max)
            notes = (body,) if single else _parse_notes(body)
            async with self._checks:
                verdicts, size = await asyncio.to_thread(self._admission.check, notes)
        finally:
            self._held_bytes -= held_bytes
        results = [_check_result(verdict) for verdict in verdicts]
        if not single:
            return 200, [JSON_TYPE], _encode(CheckResults(results, size))
        if isinstance(results[0].problem, Problem):
            return encode_problem(results[0].problem)
        return 200, [JSON_TYPE], _encode(results[0])

    def _hold(self, stated_bytes: int, bytes_max: int) -> int:
        """Count a body as held before it is read; a length that is not stated counts whole."""
        held_bytes = min(stated_bytes, bytes_max)
        if self._held_bytes + held_bytes > HELD_BYTES_MAX:
            raise Overloaded("too many requests are being worked on", todo="try again in a moment")
        self._held_bytes += held_bytes
        return held_bytes

    async def _sign_refusals(
        self, notes: Sequence[bytes], outcomes: Sequence[Outcome]
    ) -> dict[int, str | None]:
        """The signed note of each entry that was refused, by its place in the request."""
        signed: dict[int, str | None] = {}
        for n, outcome in enumerate(outcomes):
            if isinstance(outcome, Refused):
                signed[n] = await self._notes.sign(notes[n], outcome)
                if len(signed) % TURN_ENTRIES == 0:
                    await asyncio.sleep(0)
        return signed

    def _result(self, outcome: Outcome, signed: str | None) -> Result:
        if isinstance(outcome, Committed):
            self._entries["replayed" if outcome.replayed else "committed"] += 1
            return Result(
                committed=Receipt(
                    index=outcome.index,
                    time_ms=outcome.time_ms,
                    leaf_hash=outcome.leaf_hash.hex(),
                    replayed=outcome.replayed,
                )
            )
        if isinstance(outcome, Refused):
            self._entries["refused"] += 1
            return Result(problem=problem_of_refusal(outcome, signed))
        self._entries["malformed"] += 1
        return Result(problem=problem_of(outcome))

    async def _wait_published(self, results: list[Result]) -> bool:
        """Put proofs into the receipts once a checkpoint covers them; False if it is late."""
        indexes = [r.committed.index for r in results if isinstance(r.committed, Receipt)]
        if not indexes:
            return True
        published = await self._watch.reach(max(indexes) + 1)
        if published is None:
            return False
        await asyncio.to_thread(self._prove, results)
        return True

    def _prove(self, results: list[Result]) -> None:
        for at, result in enumerate(results):
            if isinstance(receipt := result.committed, Receipt):
                proof = self._prover.inclusion(index=receipt.index)
                results[at] = Result(committed=structs.replace(receipt, inclusion=proof))


def _is_single(stated: bytes) -> bool:
    kind = stated.partition(b";")[0].strip().lower()
    if kind == b"text/plain":
        return True
    if kind == b"application/json":
        return False
    raise WrongType(
        'entries come as text/plain (one note) or application/json ({"entries": [note, …]})',
        where="content-type",
        todo="with curl: --header 'Content-Type: text/plain' --data-binary @entry.note",
    )


def _parse_wait(scope: Scope) -> str:
    wait = parse_query(scope, ("wait",)).get("wait", WAITS[0])
    if wait not in WAITS:
        raise Malformed("wait is committed or published", where="wait")
    return wait


def _parse_notes(body: bytes) -> list[bytes]:
    """The notes of a JSON body; a double key would leave it open what was submitted."""
    try:
        entries = _decode(body).entries
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not a submission: {error}", where="body", todo=_FORM) from error
    if len(entries) > REQUEST_ENTRIES_MAX:
        raise TooLarge(
            f"{len(entries)} entries in one request, {REQUEST_ENTRIES_MAX} are taken",
            where="entries",
            todo="send several requests",
        )
    # Within a JSON string a quote is escaped, so this can only be a key (or an entry's whole text).
    if body.count(_ENTRIES_KEY) != 1:
        raise Malformed("the key entries does not stand exactly once", where="body", todo=_FORM)
    if not entries:
        raise Malformed("no entry was submitted", where="entries", todo=_FORM)
    return [entry.encode() for entry in entries]


_FORM = 'send {"entries": ["<note>", …]}'


def _answer_single(result: Result, *, late: bool) -> Answer:
    if isinstance(result.problem, Problem):
        return encode_problem(result.problem)
    receipt = result.committed
    body = _encode(receipt)
    if isinstance(receipt, Receipt) and receipt.replayed:
        return 202 if late else 200, [JSON_TYPE, _REPLAY], body
    return 202 if late else 201, [JSON_TYPE], body


def _answer(results: Sequence[Result], *, late: bool) -> Answer:
    headers = [JSON_TYPE]
    if all(isinstance(r.committed, Receipt) and r.committed.replayed for r in results):
        headers.append(_REPLAY)
    return 202 if late else 200, headers, _encode(Results(list(results)))


def _check_result(verdict: dryrun.Verdict) -> CheckResult:
    if isinstance(verdict, dryrun.Acceptable):
        index = UNSET if verdict.index is None else verdict.index
        return CheckResult(acceptable=Acceptable(index=index))
    if isinstance(verdict, TanbuError):
        return CheckResult(problem=problem_of(verdict))
    return CheckResult(problem=problem_of_refusal(verdict))
