"""A line to a time-stamping authority over HTTP (port StampClient; RFC 3161, 3.4).

Rules
- one POST; no redirect is followed, no answer is longer than ANSWER_BYTES_MAX
- the whole of it ends within twice the time-out, however slowly bytes drip
- what comes is not believed: whoever asked checks it
"""

import time

import httpx

from registry.chain.errors import Malformed, Unavailable

ANSWER_BYTES_MAX = 65_536
QUERY = "application/timestamp-query"
REPLY = "application/timestamp-reply"


class HttpStampClient:
    """Asks the authority at one URL; `timeout_s`: for the connection, and for the answer."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise Malformed(f"not a URL: {url[:100]!a}") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise Malformed(f"not the URL of an authority: {url[:100]!a}", todo="give https://…")
        self._near = parsed.host in ("127.0.0.1", "localhost", "::1")

    def ask(self, request: bytes) -> bytes:
        """See `StampClient`."""
        end_s = time.monotonic() + self._timeout_s
        headers = {"content-type": QUERY, "accept": REPLY}
        try:
            with (
                httpx.Client(timeout=self._timeout_s, trust_env=not self._near) as client,
                client.stream("POST", self._url, content=request, headers=headers) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise Unavailable(
                        f"the authority answers {response.status_code}", where=self._url
                    )
                return self._read(response, end_s)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(
                f"no answer from the authority: {str(error) or type(error).__name__}",
                where=self._url,
            ) from error

    def _read(self, response: httpx.Response, end_s: float) -> bytes:
        data = b""
        # Raw: an answer that unpacks to more than it weighs is none of ours.
        for part in response.iter_raw():
            data += part
            if len(data) > ANSWER_BYTES_MAX:
                raise Unavailable(
                    f"an answer of more than {ANSWER_BYTES_MAX} bytes", where=self._url
                )
            if time.monotonic() > end_s:
                raise Unavailable(
                    f"the answer took more than {self._timeout_s:g} s", where=self._url
                )
        return data
