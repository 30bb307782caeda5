"""The rulesets that this code has: by number, for ever (DESIGN law 4).

The log carries the number of the rules by which its entries are judged: genesis names the first,
a rulebook may name another from its effect on. A released ruleset is never changed or removed; its
golden logs are replayed by the tests. A number that is not here is "could not check", never "bad".

    judge = ruleset(1)
"""

from collections.abc import Callable

from registry.chain.errors import Unavailable
from registry.ledger import values as v
from registry.ledger.apply import apply
from registry.ledger.entries import Entry, Genesis
from registry.ledger.refusals import Refusal
from registry.ledger.state import State

Judge = Callable[..., Refusal | None]
"""A function that is called like `apply`."""

RULESETS: dict[int, Judge] = {1: apply}


def ruleset(number: int) -> Judge:
    """The rules of that number; Unavailable if this version does not have them."""
    judge = RULESETS.get(number)
    if judge is None:
        known = ", ".join(str(n) for n in sorted(RULESETS))
        raise Unavailable(
            f"the log is judged by ruleset {number}, this version has {known}",
            todo="use a version of tanbu that has this ruleset",
        )
    return judge


def number_at(log: v.Log, time_ms: int) -> int:
    """The ruleset that judges what is recorded at `time_ms`: the last that has begun."""
    for number, from_ms in reversed(log.rulesets or ()):
        if from_ms <= time_ms:
            return number
    return log.ruleset


def numbers_until(log: v.Log, time_ms: int) -> list[int]:
    """The rulesets that have judged what was recorded until `time_ms`, in the order of the log."""
    later = (number for number, from_ms in log.rulesets or () if from_ms <= time_ms)
    return list(dict.fromkeys((log.ruleset, *later)))


def number_in_force(state: State, entry: Entry, time_ms: int) -> int:
    """The ruleset that judges `entry`, recorded at `time_ms`; one before any genesis: 1."""
    log = state.get(v.LOG, v.Log)
    if log is not None:
        return number_at(log, time_ms)
    return entry.ruleset if isinstance(entry, Genesis) else min(RULESETS)
