"""A state machine over all kinds of entries: the rules and the naive model never disagree.

Hypothesis chooses which kinds are thrown, in which order, and a seed for each throw; what it finds
it shrinks to the fewest entries. `make fuzz` looks much further than the plain run.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from registry.ledger.invariants import violations
from tests.model.dice import THROWS
from tests.model.play import Play

EXAMPLES = settings().max_examples
"""As the profile says; the plain run, which every test run waits for, looks at few."""
SEEDS = st.integers(0, 2**32 - 1)


class Books(RuleBasedStateMachine):
    """Two books, and entries that are written into both."""

    @initialize(seed=SEEDS)
    def found(self, seed: int) -> None:
        self.play = Play(Random(seed))

    @rule(seed=SEEDS, times=st.integers(1, 6))
    def history(self, seed: int, times: int) -> None:
        """Some entries of any kind, the frequent ones more often."""
        self.play.dice.chance = Random(seed)
        for _ in range(times):
            self.play.throw()

    def teardown(self) -> None:
        if hasattr(self, "play"):
            assert list(violations(self.play.world.base)) == []
            self.play.end()


def _throw(kind: str) -> Callable[..., None]:
    @rule(seed=SEEDS)
    def throw(self: Any, seed: int) -> None:
        self.play.dice.chance = Random(seed)
        self.play.throw(kind)

    return throw


for _kind in THROWS:
    if _kind != "end":  # nothing follows it: every history ends with one, see `teardown`
        setattr(Books, f"throw_{_kind}", _throw(_kind))

TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=EXAMPLES if EXAMPLES > 100 else 10,
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow],
)
