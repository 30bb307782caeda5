"""Serial ranges of one batch: exact arithmetic on lists of spans (DESIGN §3, Batch and Blocks).

A span is inclusive in JSON and in print (`first`, `last`) and half-open inside; `Span` is the one
converter between the two. A list of spans is sorted, disjoint and maximal (no two touch), so that a
holder's free serials have exactly one form.

    best_fit([(1,10), (21,25)], 5)  takes 21…25: the shortest span that is long enough
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from msgspec import Struct

SPANS_TOUCHED_MAX = 256
"""Most spans that one item of a transfer may gather before it is too fragmented."""
FREE_SPANS_MAX = 4_096
"""Most free spans that one account may hold of one batch: bounds the size of a balance."""


class Span(Struct, frozen=True, array_like=True, gc=False):
    """Serials `first`…`last`, inclusive, 1 ≤ first ≤ last."""

    first: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    @property
    def stop(self) -> int:
        """One past the last serial: the half-open end."""
        return self.last + 1


Spans = tuple[Span, ...]


def count(spans: Iterable[Span]) -> int:
    """How many serials the spans hold together."""
    return sum(s.last - s.first + 1 for s in spans)


def containing(spans: Sequence[Span], span: Span) -> int | None:
    """The position of the one span that holds all of `span`, or None. O(log n)."""
    at = bisect_right(spans, span.first, key=_first) - 1
    return at if at >= 0 and spans[at].last >= span.last else None


def remove(spans: Spans, at: int, span: Span) -> tuple[Spans, Span | None, Span | None]:
    """Take `span` out of `spans[at]`, which holds it; also what is left below and above it."""
    whole = spans[at]
    below = Span(whole.first, span.first - 1) if whole.first < span.first else None
    above = Span(span.last + 1, whole.last) if span.last < whole.last else None
    middle: Spans
    if below is None:
        middle = () if above is None else (above,)
    else:
        middle = (below,) if above is None else (below, above)
    return spans[:at] + middle + spans[at + 1 :], below, above


def insert(spans: Spans, span: Span) -> tuple[Spans, Span, Span | None]:
    """Add `span`, which is disjoint from all others, joined with the spans that it touches.

    Returns the new list, the joined span, and the neighbour above that it swallowed (a neighbour
    below keeps its first serial, and so its place).
    """
    at = bisect_right(spans, span.first, key=_first)
    first, last, low, high = span.first, span.last, at, at
    swallowed = None
    if at > 0 and spans[at - 1].last + 1 == first:
        first, low = spans[at - 1].first, at - 1
    if at < len(spans) and last + 1 == spans[at].first:
        swallowed = spans[at]
        last, high = swallowed.last, at + 1
    joined = Span(first, last)
    return (*spans[:low], joined, *spans[high:]), joined, swallowed


def shortest_fit(spans: Iterable[Span], wanted: int) -> Span | None:
    """The low end of the shortest span that holds `wanted` ≥ 1 serials (ties: lowest serial).

    Precondition: the spans ascend.
    """
    best: Span | None = None
    best_length = 0
    for s in spans:
        length = s.last - s.first + 1
        if length >= wanted and (best is None or length < best_length):
            best, best_length = s, length
            if length == wanted:
                break
    return best and Span(best.first, best.first + wanted - 1)


def best_fit(spans: Spans, wanted: int) -> list[Span] | None:
    """Choose `wanted` ≥ 1 serials: the shortest span that is long enough (ties: lowest serial),

    from its low end; where none is, the longest, and so on. None if that would touch more than
    SPANS_TOUCHED_MAX spans. Precondition: the spans hold at least `wanted` serials.
    """
    longest_first = sorted(spans, key=lambda s: (s.first - s.last, s.first))
    taken: list[Span] = []
    for n, s in enumerate(longest_first):
        if n == SPANS_TOUCHED_MAX:
            return None
        length = s.last - s.first + 1
        if length >= wanted:
            fitting = shortest_fit(sorted(longest_first[n:], key=_first), wanted)
            return taken if fitting is None else [*taken, fitting]
        taken.append(s)
        wanted -= length
    return None


def _first(span: Span) -> int:
    return span.first
