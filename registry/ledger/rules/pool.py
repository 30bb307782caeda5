"""A points scheme's pool and lots: the queue of credits that back points, the points in hands.

The pool is a queue: credits leave it in the order in which conversions brought them in. Lots are
spent by earliest expiry, then conversion index. Every function here keeps, for the scheme:
(in hands + gathered) × num + waiting + due ≤ pool grams × den + unbacked × num.
"""

from collections.abc import Iterable, Iterator

from msgspec import UNSET, structs

from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.rules import holdings
from registry.ledger.rules.use import write_retirement
from registry.ledger.serials import Span

LOTS_TOUCHED_MAX = 256
"""Most lots, and most segments of the pool, that one entry may touch."""


def scheme_key(name: str) -> str:
    return f"scheme/{name}"


def lot_key(scheme: str, expiry_ms: int, index: int) -> str:
    return f"lot/{scheme}/{v.number(expiry_ms)}/{v.number(index)}"


def enter(
    ctx: Context, name: str, scheme: v.Scheme, spans: Iterable[tuple[str, Span]], added_g: int
) -> v.Scheme:
    """Put serials at the end of the pool's queue; the scheme with its new sums, not yet written."""
    end = scheme.pool_end
    for batch, span in spans:
        holdings.end(ctx.state, batch, span, "pooled", f"scheme:{name}", ctx.index)
        segment = v.Pooled(batch=batch, span=span, conversion=ctx.index)
        ctx.state.put(f"pool/{name}/{v.number(end)}", segment)
        end += 1
    return structs.replace(scheme, pool_end=end, pool_g=scheme.pool_g + added_g)


def retire_covered(ctx: Context, name: str, scheme: v.Scheme, waiting: int) -> Refusal | None:
    """Retire, as voluntary, the whole serials that burned points cover by now; the rest waits.

    `scheme` is as it was before the entry in what concerns the pool; `waiting` is in grams × den.
    """
    retired: list[tuple[str, Span]] = []
    retired_g = 0
    for segment in leave(ctx, name, scheme, waiting):
        if isinstance(segment, Refusal):
            return segment
        holdings.end(ctx.state, segment.batch, segment.span, "retired", f"scheme:{name}", ctx.index)
        holdings.restatus(ctx.state, segment.batch, segment.span.count, "pooled", "retired")
        retired_g += segment.span.count * unit_g(ctx, segment.batch)
        retired.append((segment.batch, segment.span))
    if retired:
        write_retirement(ctx, retired, retired_g, "voluntary", UNSET, UNSET, UNSET)
    left = ctx.state.must(scheme_key(name), v.Scheme)
    waiting -= retired_g * scheme.den
    ctx.state.put(scheme_key(name), structs.replace(left, waiting=waiting))
    return None


def give_covered(
    ctx: Context, name: str, scheme: v.Scheme, covered: int, account: str
) -> int | Refusal:
    """Free the whole serials that `covered` (grams × den) pays for, to an account; their grams."""
    freed_g = 0
    for segment in leave(ctx, name, scheme, covered):
        if isinstance(segment, Refusal):
            return segment
        if refusal := holdings.give(ctx.state, account, segment.batch, [segment.span]):
            return refusal
        holdings.restatus(ctx.state, segment.batch, segment.span.count, "pooled", "free")
        freed_g += segment.span.count * unit_g(ctx, segment.batch)
    return freed_g


def spend_lots(ctx: Context, name: str, points: int) -> int | Refusal:
    """Take points from the unexpired lots, earliest expiry first; the earliest expiry, in ms."""
    low = f"lot/{name}/{v.number(ctx.time_ms)}"
    high = f"lot/{name}0"  # "0" follows "/" in byte order
    wanted, seen, earliest_ms = points, 0, 0
    for touched, (key, lot) in enumerate(ctx.state.scan(low, high, v.Lot)):
        if touched == LOTS_TOUCHED_MAX:
            return refuse("too_many_lots", limit=LOTS_TOUCHED_MAX)
        earliest_ms = earliest_ms or int(key.split("/")[2])
        seen += lot.in_hands
        taken = min(lot.in_hands, wanted)
        take_from_lot(ctx, key, lot, taken)
        wanted -= taken
        if wanted == 0:
            return earliest_ms
    return refuse("points_not_in_hands", in_hands=seen, scheme=name, points=points)


def take_from_lot(ctx: Context, key: str, lot: v.Lot, points: int) -> None:
    """Precondition: points ≤ what the lot has in hands. An empty lot is gone."""
    if points == lot.in_hands:
        ctx.state.delete(key)
    else:
        ctx.state.put(key, v.Lot(in_hands=lot.in_hands - points))


def leave(ctx: Context, name: str, scheme: v.Scheme, covered: int) -> Iterator[v.Pooled | Refusal]:
    """Take whole serials out of the pool, in its order, as long as `covered` (grams × den) lasts.

    Writes the pool's queue and the scheme's sums; the caller says what becomes of the serials.
    """
    at, pool_g = scheme.pool_next, scheme.pool_g
    touched = 0
    while at < scheme.pool_end:
        key = f"pool/{name}/{v.number(at)}"
        segment = ctx.state.must(key, v.Pooled)
        batch = ctx.state.must(f"batch/{segment.batch}", v.Batch)
        unit = batch.unit_g
        whole = min(segment.span.count, covered // (unit * scheme.den))
        if whole == 0:
            break
        if batch.freezes is not UNSET:
            yield refuse("batch_frozen", batch=segment.batch, freeze=batch.freezes[0])
            return
        if touched == LOTS_TOUCHED_MAX:
            yield refuse("too_many_lots", limit=LOTS_TOUCHED_MAX)
            return
        touched += 1
        covered -= whole * unit * scheme.den
        pool_g -= whole * unit
        leaving = Span(segment.span.first, segment.span.first + whole - 1)
        ctx.state.delete(v.block_key(segment.batch, segment.span.first))
        if whole == segment.span.count:
            ctx.state.delete(key)
            at += 1
        else:
            rest = Span(leaving.last + 1, segment.span.last)
            ctx.state.put(key, structs.replace(segment, span=rest))
            holdings.end(
                ctx.state, segment.batch, rest, "pooled", f"scheme:{name}", segment.conversion
            )
        yield structs.replace(segment, span=leaving)
    current = ctx.state.must(scheme_key(name), v.Scheme)
    ctx.state.put(scheme_key(name), structs.replace(current, pool_next=at, pool_g=pool_g))


def unit_g(ctx: Context, batch: str) -> int:
    """Grams per serial of a known batch."""
    return ctx.state.must(f"batch/{batch}", v.Batch).unit_g
