"""Asking time-stamping authorities for the newest checkpoint, and keeping what they say.

Beside publication and after it: nothing here can hold up a checkpoint, and whatever an authority
answers or fails to answer is one line for the operator.

Refuses to know: HTTP, SQL, when to run.

Rules
- an authority is asked when its newest stamp is `interval_ms` old and the log has grown since
- after a failure it is left alone for RETRY_MS_MIN, twice as long each time, at most RETRY_MS_MAX
- a token is kept only if it answers our request (its nonce), is over the checkpoint's three lines,
  holds by the pinned certificates, and its time is within CLOCK_MS_MAX of ours
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from registry.chain.errors import NotTrusted, TanbuError, Unavailable
from registry.chain.note import parse_note
from registry.chain.stamp import Pinned, open_token, token_of
from registry.ports import Published, StampClient, Stamped, StampStore

RETRY_MS_MIN = 60_000
RETRY_MS_MAX = 3_600_000
CLOCK_MS_MAX = 600_000
"""As far as auditors let record times and cosignature times differ."""


@dataclass(frozen=True, slots=True)
class Authority:
    """One that is asked. `pinned` reads its certificates, so that a mended file works at once."""

    name: str
    client: StampClient
    pinned: Callable[[], Pinned]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of asking one authority; `already`: it has stamped the newest checkpoint before."""

    authority: str
    stamped: Stamped | None = None
    fault: TanbuError | None = None
    already: bool = False


def ask(authority: Authority, store: StampStore, now_ms: int) -> Outcome:
    """Have the newest checkpoint stamped by one authority; Broken if our disk is at fault."""
    published = store.published()
    if published is None:
        return Outcome(authority.name, fault=Unavailable("nothing has been published yet"))
    newest = store.newest_stamp(authority.name)
    if newest is not None and newest.size == published.size:
        return Outcome(authority.name, newest, already=True)
    try:
        stamped = _stamped(authority, published, now_ms)
        store.keep_stamp(stamped)
    except TanbuError as error:
        return Outcome(authority.name, fault=error)
    return Outcome(authority.name, stamped)


def _stamped(authority: Authority, published: Published, now_ms: int) -> Stamped:
    text = parse_note(published.note).text
    request = TimestampRequestBuilder(text, HashAlgorithm.SHA256).build()
    pinned = authority.pinned()
    token = token_of(authority.client.ask(request.as_bytes()))
    stamp = open_token(token, text, pinned, nonce=request.nonce)
    if abs(stamp.time_ms - now_ms) > CLOCK_MS_MAX:
        raise NotTrusted(
            f"the token's time is {abs(stamp.time_ms - now_ms) // 1000} s from ours",
            todo="set the clock that is wrong",
        )
    return Stamped(published.size, authority.name, token, stamp.time_ms)


class Stamper:
    """Asks each authority when it is time; `step` again and again."""

    def __init__(
        self,
        store: StampStore,
        authorities: Sequence[Authority],
        interval_ms: int,
        clock_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._authorities = authorities
        self._interval_ms = interval_ms
        self._clock_ms = clock_ms
        self._failed: dict[str, tuple[int, int]] = {}
        """Name → (when it failed, how long it is left alone)."""

    def step(self) -> Iterator[Outcome]:
        """Ask those whose time has come, one after the other; raises as `ask`."""
        for authority in self._authorities:
            if not self._is_due(authority.name):
                continue
            outcome = ask(authority, self._store, self._clock_ms())
            if outcome.fault is None:
                self._failed.pop(authority.name, None)
            else:
                self.put_off(authority.name)
            yield outcome

    def put_off(self, name: str) -> None:
        """Leave an authority alone for a while."""
        _, pause_ms = self._failed.get(name, (0, RETRY_MS_MIN // 2))
        self._failed[name] = (self._clock_ms(), min(2 * pause_ms, RETRY_MS_MAX))

    def _is_due(self, name: str) -> bool:
        now_ms = self._clock_ms()
        failed_ms, pause_ms = self._failed.get(name, (0, 0))
        # A clock that was set back must not silence an authority for ever.
        if pause_ms and 0 <= now_ms - failed_ms < pause_ms:
            return False
        published = self._store.published()
        if published is None:
            return False
        newest = self._store.newest_stamp(name)
        if newest is None:
            return True
        return newest.size < published.size and now_ms - newest.time_ms >= self._interval_ms
