"""An account's serials of a batch as segments: free ones and bound ones, split and joined exactly.

A segment is a maximal run of serials with equal bonds (freezes, pledge, reservation). Everything
that binds or unbinds serials, or moves bound ones, goes through `rebind` and `detach`; both write
the difference between the segments before and after, so that blocks tile the batch at every step.
Transfers of free serials alone take the shorter way in `holdings`.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from registry.ledger import values as v
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.serials import FREE_SPANS_MAX, Span
from registry.ledger.state import State


class Bonds(NamedTuple):
    """What binds a segment; `FREE`: nothing."""

    freezes: tuple[int, ...] = ()
    pledge: int | UnsetType = UNSET
    reservation: int | UnsetType = UNSET


FREE = Bonds()


class Segment(NamedTuple):
    """Serials `first`…`last` (inclusive) with equal bonds."""

    first: int
    last: int
    bonds: Bonds


def segments_of(balance: v.Balance) -> list[Segment]:
    """All serials that a balance holds, in their order."""
    found = [Segment(s.first, s.last, FREE) for s in balance.free]
    bound = () if balance.bound is UNSET else balance.bound
    found += (Segment(b.first, b.last, Bonds(b.freezes, b.pledge, b.reservation)) for b in bound)
    return sorted(found)


def covered(segments: Iterable[Segment], span: Span) -> list[Segment]:
    """The pieces of the segments that lie in `span`."""
    return [
        Segment(max(s.first, span.first), min(s.last, span.last), s.bonds)
        for s in segments
        if s.first <= span.last and span.first <= s.last
    ]


def held(state: State, account: str, batch: str, span: Span) -> list[Segment] | Refusal:
    """The pieces of `span` as the account holds them, whatever binds them."""
    if span.first > span.last:
        return refuse("serials_form", batch=batch)
    balance = state.get(v.balance_key(account, batch), v.Balance) or v.Balance()
    pieces = covered(segments_of(balance), span)
    if sum(p.last - p.first + 1 for p in pieces) != span.count:
        return refuse(
            "serials_not_held", account=account, first=span.first, last=span.last, batch=batch
        )
    return pieces


def rebind(
    state: State, account: str, batch: str, span: Span, change: Callable[[Bonds], Bonds]
) -> Refusal | None:
    """Change the bonds of serials that the account holds. Precondition: `held` has found them."""
    before = _segments(state, account, batch)
    inside = [Segment(p.first, p.last, change(p.bonds)) for p in covered(before, span)]
    return _write(state, account, batch, before, [*_outside(before, span), *inside])


def detach(state: State, account: str, batch: str, span: Span) -> Refusal | None:
    """Take serials out of an account, whatever binds them; the caller writes their new blocks."""
    before = _segments(state, account, batch)
    return _write(state, account, batch, before, _outside(before, span))


def _segments(state: State, account: str, batch: str) -> list[Segment]:
    return segments_of(state.must(v.balance_key(account, batch), v.Balance))


def _outside(segments: Iterable[Segment], span: Span) -> list[Segment]:
    """The pieces of the segments that lie below and above `span`."""
    pieces = []
    for s in segments:
        if s.first < span.first:
            pieces.append(Segment(s.first, min(s.last, span.first - 1), s.bonds))
        if s.last > span.last:
            pieces.append(Segment(max(s.first, span.last + 1), s.last, s.bonds))
    return pieces


def _joined(segments: Iterable[Segment]) -> list[Segment]:
    joined: list[Segment] = []
    for s in sorted(segments):
        if joined and joined[-1].last + 1 == s.first and joined[-1].bonds == s.bonds:
            joined[-1] = Segment(joined[-1].first, s.last, s.bonds)
        else:
            joined.append(s)
    return joined


def _write(
    state: State, account: str, batch: str, before: list[Segment], after: list[Segment]
) -> Refusal | None:
    after = _joined(after)
    if len(after) > FREE_SPANS_MAX:
        return refuse("holding_too_fragmented", account=account, limit=FREE_SPANS_MAX, batch=batch)
    old, new = set(before), set(after)
    for segment in old - new:
        state.delete(v.block_key(batch, segment.first))
    for segment in new - old:
        freezes, pledge, reservation = segment.bonds
        state.put(
            v.block_key(batch, segment.first),
            v.Block(
                last=segment.last,
                status="free" if reservation is UNSET else "reserved",
                holder=account,
                by=reservation,
                freezes=freezes or UNSET,
                pledge=pledge,
            ),
        )
    key = v.balance_key(account, batch)
    bound = tuple(
        v.Bound(
            first=s.first,
            last=s.last,
            freezes=s.bonds.freezes,
            pledge=s.bonds.pledge,
            reservation=s.bonds.reservation,
        )
        for s in after
        if s.bonds != FREE
    )
    retired = state.must(key, v.Balance).retired
    if after or retired:
        free = tuple(Span(s.first, s.last) for s in after if s.bonds == FREE)
        state.put(key, v.Balance(free=free, retired=retired, bound=bound or UNSET))
    else:
        state.delete(key)
    return None
