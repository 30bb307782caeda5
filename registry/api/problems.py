"""Errors and refusals as HTTP: the one table of statuses, and application/problem+json.

Source: RFC 9457. Nothing below this floor knows a status.

| what | status |
|---|---|
| malformed | 400; 413 too large; 415 a body of another type |
| not trusted, refused | 422 |
| absent | 404 |
| overloaded | 503 with Retry-After; nothing was taken in |
| unavailable | 503 |
| broken, and whatever we did not foresee | 500; the text says no more than that |
"""

import logging

import msgspec
from msgspec import UNSET

from registry.api.asgi import PROBLEM_TYPE, Headers, TooLarge, WrongType
from registry.chain.errors import Broken, Malformed, NotTrusted, TanbuError, Unavailable
from registry.ledger.refusals import CATALOGUE, Refusal
from registry.net.wire import Problem
from registry.ports import Overloaded
from registry.service.reading import Absent

RETRY_AFTER_S = 1

STATUSES: dict[type[TanbuError], tuple[int, str, str]] = {
    TooLarge: (413, "too_large", "Too large"),
    WrongType: (415, "wrong_type", "Content of this type is not taken"),
    Malformed: (400, "malformed", "Malformed"),
    NotTrusted: (422, "not_trusted", "Not trusted"),
    Absent: (404, "absent", "Not there"),
    Overloaded: (503, "overloaded", "Overloaded"),
    Unavailable: (503, "unavailable", "Unavailable"),
    Broken: (500, "broken", "Broken"),
}
"""Status, word and title of each kind; the most special kind of an error counts."""
REFUSED = 422

BY_STATUS = {404: "Not there", 405: "Method not allowed"}

_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


def problem_of(error: TanbuError) -> Problem:
    """An error as a problem. What is broken is for the operator's log, not for the client."""
    kind = next(kind for kind in type(error).__mro__ if kind in STATUSES)
    status, word, title = STATUSES[kind]
    detail = error.message
    if isinstance(error, Broken):
        _log.error("broken: %s", error)
        detail = "the service is at fault; its log says more"
    return Problem(
        type=f"urn:tanbu:{word}",
        title=title,
        status=status,
        detail=detail,
        where=error.where or UNSET,
        todo=error.todo or UNSET,
    )


def problem_of_refusal(refusal: Refusal, note: str | None = None) -> Problem:
    """A refusal as a problem, with its number and fields, and its signed note if there is one."""
    reason = CATALOGUE[refusal.name]
    return Problem(
        type=f"urn:tanbu:refusal:{refusal.name}",
        title="Refused",
        status=REFUSED,
        detail=reason.en.format(**refusal.fields),
        name=refusal.name,
        number=reason.number,
        fields=refusal.fields,
        transient=reason.transient,
        refusal_note=note or UNSET,
    )


def problem_of_status(status: int, detail: str) -> Problem:
    """A problem that the framework has found."""
    title = BY_STATUS.get(status, "Not possible")
    return Problem(type=f"urn:tanbu:http:{status}", title=title, status=status, detail=detail)


def unforeseen() -> Problem:
    """A fault of ours: what it is stays in the service's log."""
    return problem_of(Broken("an error that was not foreseen"))


def encode_problem(problem: Problem) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a problem."""
    headers = [PROBLEM_TYPE]
    if problem.status == 503:
        headers.append((b"retry-after", b"%d" % RETRY_AFTER_S))
    if problem.status == 413:
        headers.append((b"connection", b"close"))  # what is still coming is not read
    return problem.status, headers, _encode(problem)
