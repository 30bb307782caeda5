"""The commit loop's one step: stage a round, write it in one transaction, answer (DESIGN §7).

Refuses to know: sockets, SQL.

Rules
- nothing is answered before the commit has returned
- an error in the transaction is an unknown outcome: the writer stops; nobody tries again; after
  any error at all it commits nothing more
- the clock may go back by up to 60 s behind the last record (record times then stand still);
  further back, or ahead by over 60 s more than the monotonic clock, the writer stops
"""

from collections.abc import Sequence

from registry.chain.errors import Broken
from registry.ledger.state import State
from registry.ports import Admitted, Clock, Head, LogStore
from registry.writer.stage import Outcome, stage

CLOCK_BACK_MS_MAX = 60_000
"""How far the clock may lie behind the last record."""
CLOCK_JUMP_MS_MAX = 60_000
"""How far the clock may get ahead of the monotonic clock between two rounds."""


class Writer:
    """The one writer of a log: it holds the head, and the state that belongs to it."""

    def __init__(self, store: LogStore, clock: Clock) -> None:
        """Open a new epoch; raises Broken if the clock is behind the log."""
        self._store = store
        self._clock = clock
        self._stopped = False
        self._last_ms = (clock.now_ms(), clock.monotonic_ms())
        self._head = store.open_epoch()
        self._state = State(store.state())
        self._now_ms()

    @property
    def head(self) -> Head:
        """The head that this writer has committed."""
        return self._head

    def commit(self, entries: Sequence[Admitted]) -> list[Outcome]:
        """Judge and write a round of entries; one outcome for each, all of them durable.

        Raises Broken if the writer must stop: what became of the entries is then not known.
        """
        if self._stopped:
            raise Broken("this writer has failed before; it commits nothing any more")
        # A round that breaks off may have changed the state in memory: nothing goes on from there.
        self._stopped = True
        staged = stage(self._head, self._state, entries, self._now_ms(), self._store)
        if staged.records:
            self._store.commit(self._head, staged.head, staged.records, staged.changes)
            self._state.stored()
            self._head = staged.head
        self._stopped = False
        return staged.outcomes

    def _now_ms(self) -> int:
        """The clock, if it can be believed."""
        now_ms = self._clock.now_ms()
        behind_ms = self._head.time_ms - now_ms
        if behind_ms > CLOCK_BACK_MS_MAX:
            raise Broken(
                f"the clock is {behind_ms // 1000} s behind the last record",
                todo="set the clock right, then start again",
            )
        monotonic_ms = self._clock.monotonic_ms()
        ahead_ms = (now_ms - self._last_ms[0]) - (monotonic_ms - self._last_ms[1])
        if ahead_ms > CLOCK_JUMP_MS_MAX:
            raise Broken(
                f"the clock has jumped ahead by {ahead_ms // 1000} s while the service was running",
                todo="set the clock right before you start again: record times never go back",
            )
        self._last_ms = (now_ms, monotonic_ms)
        return now_ms
