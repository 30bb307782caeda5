"""A client of a registry's HTTP interface, for the command line, the sample book and the bench.

Rules
- the same text submitted again answers the first receipt, so whatever leaves open whether an entry
  was committed (a broken connection, a time-out, 503) is answered by submitting it again
- what was answered for good (a receipt, a refusal, a malformed note) is never tried again
- every answer is read with a cap on its length

    with LogClient("http://127.0.0.1:8000") as client:
        result = client.submit_one(note)
        stats = client.get("/v1/stats")
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import httpx
import msgspec

from registry.chain.errors import Malformed, NotTrusted, TanbuError, Unavailable
from registry.net.wire import CheckResult, CheckResults, Problem, Receipt, Result, Results
from registry.service.admission import REQUEST_ENTRIES_MAX

RETRY_S = 60.0
"""How long a submission whose outcome is open is tried again."""
TIMEOUT_S = 30.0
PAUSE_S_MIN = 0.1
PAUSE_S_MAX = 2.0
REQUEST_BYTES_MAX = 8 * 1024 * 1024
"""Notes of one request; below what a registry takes."""
ANSWER_BYTES_MAX = 64 * 1024 * 1024
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

Query = Mapping[str, str | int]
T = TypeVar("T")


class LogClient:
    """Talks to one registry; may be shared by threads. `retry_s`: see RETRY_S, 0: never again."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = TIMEOUT_S,
        retry_s: float = RETRY_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._retry_s = retry_s
        try:
            # A proxy of the environment must not stand between us and our own machine.
            near = httpx.URL(self.url).host in _LOOPBACK
            self._http = httpx.Client(
                base_url=self.url, timeout=timeout_s, transport=transport, trust_env=not near
            )
        except httpx.InvalidURL as error:
            raise Malformed(f"not a URL: {url[:100]!a}", todo="give http://host:port") from error

    def __enter__(self) -> "LogClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    # ------------------------------------------------------------ submitting

    def submit(self, notes: Sequence[bytes], *, wait: str = "committed") -> list[Result]:
        """One result per note, in order. `wait`: committed or published (then with a proof).

        Raises Unavailable if it stays open whether they were committed.
        """
        results: list[Result] = []
        for part in _parts(notes):
            body = msgspec.json.encode({"entries": [note.decode() for note in part]})
            status, data = self._insist("/v1/entries", body, "application/json", wait)
            if status >= 400:
                raise error_of(parse_problem(data, status))
            answered = _read(data, Results).results
            if len(answered) != len(part):
                raise Unavailable("the registry answered for another number of entries")
            results += answered
        return results

    def submit_one(self, note: bytes, *, wait: str = "committed") -> Receipt | Problem:
        """The receipt of one entry, or why it is not in the log."""
        status, data = self._insist("/v1/entries", note, "text/plain; charset=utf-8", wait)
        return parse_problem(data, status) if status >= 400 else _read(data, Receipt)

    def check(self, notes: Sequence[bytes]) -> list[CheckResult]:
        """What would become of each note if they were submitted now; nothing is written."""
        results: list[CheckResult] = []
        for part in _parts(notes):
            body = msgspec.json.encode({"entries": [note.decode() for note in part]})
            status, data = self._insist("/v1/entries:check", body, "application/json", "")
            if status >= 400:
                raise error_of(parse_problem(data, status))
            results += _read(data, CheckResults).results
        return results

    def _insist(self, path: str, body: bytes, content_type: str, wait: str) -> tuple[int, bytes]:
        """Post until there is an answer for good, or the time is over."""
        end_s = time.monotonic() + self._retry_s
        pause_s = PAUSE_S_MIN
        query = {"wait": wait} if wait else {}
        while True:
            error: TanbuError
            try:
                status, headers, data = self._request(
                    "POST", path, query, body, {"content-type": content_type}
                )
                if status < 500 and status != httpx.codes.TOO_MANY_REQUESTS:
                    return status, data
                error = error_of(parse_problem(data, status))
                pause_s = max(pause_s, _retry_after_s(headers))
            except Unavailable as unavailable:
                error = unavailable
            if time.monotonic() + pause_s > end_s:
                raise Unavailable(
                    error.message,
                    where=self.url,
                    todo="whether it was committed may be open: submit the same text again",
                ) from error
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)

    # ------------------------------------------------------------ reading

    def get(self, path: str, query: Query | None = None) -> dict[str, Any]:
        """The JSON object at a path; Unavailable if it is not there, Malformed: a bad question."""
        data = self.get_bytes(path, query)
        try:
            return msgspec.json.decode(data, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise Unavailable(f"the answer is not JSON: {error}", where=self.url + path) from error

    def get_bytes(
        self,
        path: str,
        query: Query | None = None,
        *,
        bytes_max: int = ANSWER_BYTES_MAX,
        accept: str = "*/*",
    ) -> bytes:
        """The bytes at a path, at most `bytes_max`."""
        status, _, data = self._request(
            "GET", path, query or {}, None, {"accept": accept}, bytes_max=bytes_max
        )
        if status >= 300:
            raise error_of(parse_problem(data, status))
        return data

    def wait_published(self, size: int, *, timeout_s: float = 30.0) -> bytes:
        """The signed checkpoint of the log once it has at least `size` records."""
        end_s = time.monotonic() + timeout_s
        while True:
            stats = self.get("/v1/stats")
            if stats.get("published_size", 0) >= size:
                return self.get_bytes("/checkpoint")
            if time.monotonic() > end_s:
                raise Unavailable(f"size {size} was not published within {timeout_s:.0f} s")
            time.sleep(PAUSE_S_MIN)

    def wait_ready(self, *, timeout_s: float = 30.0) -> None:
        """Return when the service answers that it is ready; Unavailable if it does not in time."""
        end_s = time.monotonic() + timeout_s
        while True:
            try:
                self.get_bytes("/readyz")
            except Unavailable as error:
                if time.monotonic() > end_s:
                    raise Unavailable(
                        f"the service is not ready: {error.message}", where=self.url
                    ) from error
                time.sleep(PAUSE_S_MIN)
            else:
                return

    def _request(
        self,
        method: str,
        path: str,
        query: Query,
        body: bytes | None,
        headers: dict[str, str],
        *,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> tuple[int, httpx.Headers, bytes]:
        try:
            with self._http.stream(
                method, path, params=dict(query), content=body, headers=headers
            ) as response:
                parts: list[bytes] = []
                length = 0
                for part in response.iter_bytes():
                    length += len(part)
                    if length > bytes_max:
                        raise Unavailable(
                            f"an answer of more than {bytes_max} bytes", where=self.url + path
                        )
                    parts.append(part)
                return response.status_code, response.headers, b"".join(parts)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"no answer from {self.url}: {str(error) or type(error).__name__}",
                where=path,
                todo="is the service running, and is this its address?",
            ) from error


def parse_problem(data: bytes, status: int = 500) -> Problem:
    """The problem that an answer holds, or one that says that it holds none."""
    try:
        return msgspec.json.decode(data, type=Problem)
    except msgspec.MsgspecError:
        return Problem(
            type="about:blank",
            title="Unexpected answer",
            status=status,
            detail=f"the service answered {status} with something else than a problem",
        )


def error_of(problem: Problem) -> TanbuError:
    """A problem as one of the four kinds of error, for callers who cannot go on."""
    kind: type[TanbuError] = Unavailable
    if problem.status in (400, 413, 415):
        kind = Malformed
    elif problem.status == 422:
        kind = NotTrusted
    where = problem.where if isinstance(problem.where, str) else ""
    todo = problem.todo if isinstance(problem.todo, str) else ""
    return kind(problem.detail, where=where, todo=todo)


def _parts(notes: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """The notes in order, in requests of at most so many entries and bytes."""
    start, size_bytes = 0, 0
    for at, note in enumerate(notes):
        size_bytes += len(note)
        if at > start and (size_bytes > REQUEST_BYTES_MAX or at - start == REQUEST_ENTRIES_MAX):
            yield notes[start:at]
            start, size_bytes = at, len(note)
    if start < len(notes):
        yield notes[start:]


def _retry_after_s(headers: httpx.Headers) -> float:
    text = headers.get("retry-after", "")
    return min(float(text), PAUSE_S_MAX) if text.isascii() and text.isdigit() else 0.0


def _read(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise Unavailable(f"the service answered what it should not: {error}") from error
