"""Plays the story against a service over HTTP, step by step, resumably.

Rules
- a step's note is kept before it is sent; what was kept is sent again, byte for byte
- only an entry that can never come into the log any more (it has expired, its rulebook would begin
  in the past) is made anew, under another id
- serials and indexes are those that the log has answered

Refuses to know: how the service was started.

    played = Play(cast, log, journal).run(tell)
    played["remediation"].index
"""

import time
from collections.abc import Callable, Mapping, Sequence

from registry.chain.errors import Broken, Unavailable
from registry.ledger.serials import Span
from registry.ledger.signing import sign_entry
from registry.net.client import LogClient
from registry.net.wire import Problem, Receipt
from registry.sample.cast import Cast
from registry.sample.journal import Journal
from registry.sample.script import Scene, Step
from registry.sample.story import STEPS

DEAD = frozenset({"expired", "rulebook_retroactive"})
"""Refusals after which the same text can never be accepted."""
WAITING = frozenset({"no_rulebook"})
"""Refusals that pass by themselves: the rulebook begins in a moment."""
WAIT_S = 30.0
PAUSE_S = 0.1

Tell = Callable[[int, Step, Receipt], None]
"""Told of each step when it is in the log: its number, the step, the receipt."""


class Play:
    """One play of the story."""

    def __init__(self, cast: Cast, log: LogClient, journal: Journal) -> None:
        self._cast = cast
        self._log = log
        self._journal = journal
        self._receipts: dict[str, Receipt] = {}

    def run(self, tell: Tell, steps: Sequence[Step] = STEPS) -> Mapping[str, Receipt]:
        """Play all steps that are not in the log yet; the receipt of every one.

        Broken if the rules refuse a step: then story and rules do not fit.
        """
        for number, step in enumerate(steps, 1):
            receipt = self._play(step)
            self._receipts[step.name] = receipt
            tell(number, step, receipt)
        return self._receipts

    def _play(self, step: Step) -> Receipt:
        attempt, note = self._journal.latest(step.name) or (0, self._sign(step, 0))
        end_s = time.monotonic() + WAIT_S
        while True:
            answer = self._log.submit_one(note)
            if isinstance(answer, Receipt):
                return answer
            if answer.name in DEAD:
                attempt += 1
                note = self._sign(step, attempt)
            elif answer.name in WAITING and time.monotonic() < end_s:
                time.sleep(PAUSE_S)
            else:
                raise _stuck(step, answer)

    def _sign(self, step: Step, attempt: int) -> bytes:
        now_ms = time.time_ns() // 1_000_000
        indexes = {name: receipt.index for name, receipt in self._receipts.items()}
        scene = Scene(self._cast, step.name, attempt, now_ms, indexes, self._holdings)
        keys = [self._cast.key(name) for name in step.keys]
        note = sign_entry(self._cast.origin, step.entry(scene), keys)
        self._journal.keep(step.name, attempt, note)
        return note

    def _holdings(self, account: str, batch: str) -> Sequence[Span]:
        answer = self._log.get(f"/v1/accounts/{account}/balances")
        for line in answer["balances"]:
            if line["batch"] == batch:
                return [Span(first, last) for first, last in line["serials"]]
        return ()


def _stuck(step: Step, problem: Problem) -> Broken | Unavailable:
    what = f"the sample's step {step.name} did not come into the log: {problem.detail}"
    if problem.status >= 500:
        return Unavailable(what, todo="run the command again: it goes on where it stopped")
    return Broken(what, where=str(problem.name))
