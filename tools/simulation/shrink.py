"""Making a failing run smaller: fewer entries, fewer kinds of faults, fewer steps.

A smaller run counts only if it fails by the same check. Faults and steps have dice of their own, so
what is left does what it did (`tools.simulation.faults`); what the entries are follows from the
state, so a smaller run may fail elsewhere, and that is as good.

1. no more entries than the failing run had when it failed
2. kinds of faults left out: all, halves, quarters, … until single ones
3. steps left out in the same way, as long as there are `runs` left
4. as few entries as still fail, by bisection: a run is the beginning of every longer one
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from tools.simulation.auditor import Failure
from tools.simulation.faults import KINDS
from tools.simulation.run import Config

T = TypeVar("T", int, str)
Fails = Callable[[Config], tuple[Failure, int, int] | None]
"""What a run fails by, how many entries it had by then, and in which step; None if it passes."""


RUNS_MAX = 300
"""How many smaller runs are tried."""


def shrink(config: Config, check: str, fails: Fails, runs: int = RUNS_MAX) -> Config:
    """The smallest config found that fails by `check`; precondition: `config` does."""
    left = runs

    def still(smaller: Config) -> bool:
        nonlocal left
        left -= 1
        found = fails(smaller) if left >= 0 else None
        return found is not None and found[0].check == check

    if found := fails(config):
        config = replace(config, entries=min(config.entries, max(1, found[1])))
    masked = removed(KINDS, lambda gone: still(replace(config, masked=gone)), config.masked)
    config = replace(config, masked=masked)
    found = fails(config)
    steps = range(found[2] + 1 if found else 0)
    skipped = removed(steps, lambda gone: still(replace(config, skipped=gone)), config.skipped)
    return fewer_entries(replace(config, skipped=skipped), still)


def fewer_entries(config: Config, still: Callable[[Config], bool]) -> Config:
    """As few entries as still fail, by bisection."""
    low, high = 1, config.entries
    while low < high:
        middle = (low + high) // 2
        if still(replace(config, entries=middle)):
            high = middle
        else:
            low = middle + 1
    return replace(config, entries=high)


def removed(
    things: Iterable[T], still: Callable[[frozenset[T]], bool], gone: frozenset[T]
) -> frozenset[T]:
    """What may be gone as well as `gone`, tried in ever smaller pieces."""
    kept = [thing for thing in things if thing not in gone]
    size = len(kept)
    while size:
        at = 0
        while at < len(kept):
            if still(fewer := gone | set(kept[at : at + size])):
                gone, kept = fewer, kept[:at] + kept[at + size :]
            else:
                at += size
        size //= 2
    return gone
