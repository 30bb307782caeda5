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


def number_in_force(state: State, entry: Entry) -> int:
    """The ruleset that judges `entry` in `state`; an entry before any genesis is judged by 1."""
    log = state.get(v.LOG, v.Log)
    if log is not None:
        return log.ruleset
    return entry.ruleset if isinstance(entry, Genesis) else min(RULESETS)
