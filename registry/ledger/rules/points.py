"""Rules of points_scheme, conversion and redemption: no point without credits behind it (§6).

Always, per scheme: (in hands + gathered) × num + waiting ≤ pool grams × den.
The pool is a queue: credits leave it in the order in which conversions brought them in.
"""

from collections.abc import Iterator

from msgspec import UNSET, UnsetType, structs

from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.dates import DAY_MS
from registry.ledger.entries import Conversion, PointsScheme, Redemption
from registry.ledger.entries.common import Commit
from registry.ledger.quantities import points_for, points_of
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.rulebook import allows
from registry.ledger.rules import holdings, moving
from registry.ledger.rules.use import write_retirement
from registry.ledger.serials import Span

LOTS_TOUCHED_MAX = 256
"""Most lots, and most segments of the pool, that one entry may touch."""


def points_scheme(ctx: Context, entry: PointsScheme) -> Refusal | None:
    """Found a scheme; its operator and an authority sign."""
    if refusal := ctx.need_role("points_scheme", "points_operator", "authority"):
        return refusal
    if not ctx.signed_by(entry.operator):
        return refuse("party_missing", party=entry.operator)
    if entry.operator not in ctx.parties_with("points_operator"):
        return refuse("role_missing", kind="points_scheme", role="points_operator")
    key = f"scheme/{entry.scheme}"
    if ctx.state.get(key, v.Scheme):
        return refuse("scheme_exists", scheme=entry.scheme)
    ctx.state.put(
        key,
        v.Scheme(
            operator=entry.operator,
            title=entry.title,
            unit=entry.unit,
            num=entry.num,
            den=entry.den,
            validity_days=entry.validity_days,
            classes=entry.classes,
            used=entry.used,
            expired=entry.expired,
            index=ctx.index,
        ),
    )
    return None


def conversion(ctx: Context, entry: Conversion) -> Refusal | None:
    """Credits into points, or gathered points back into credits."""
    scheme = ctx.state.get(f"scheme/{entry.scheme}", v.Scheme)
    if scheme is None:
        return refuse("unknown_scheme", scheme=entry.scheme)
    account = ctx.state.get(f"account/{entry.account}", v.Account)
    if account is None:
        return refuse("unknown_account", account=entry.account)
    if not ctx.signed_by(scheme.operator):
        return refuse("party_missing", party=scheme.operator)
    if (entry.items is UNSET) == (entry.points is UNSET) or (
        (entry.direction == "to_points") == (entry.items is UNSET)
    ):
        return refuse("fields_exclude", fields="items (to_points), points (to_credits)")
    if entry.direction == "to_points":
        return _to_points(ctx, entry, scheme, account)
    if account.owner is UNSET or account.owner != scheme.operator:
        return refuse("account_not_operators", account=entry.account)
    return _to_credits(ctx, entry, scheme)


def _to_points(
    ctx: Context, entry: Conversion, scheme: v.Scheme, account: v.Account
) -> Refusal | None:
    """Move credits into the pool and make a lot of points; less than a point stays there."""
    if (rules := ctx.rules()) is None:
        return refuse("no_rulebook")
    if refusal := moving.consent(ctx, entry.account, account, "conversion", entry.mandate):
        return refusal
    pooled_g, pool_end = 0, scheme.pool_end
    for item in () if entry.items is UNSET else entry.items:
        chosen = holdings.choose(ctx, entry.account, item)
        if isinstance(chosen, Refusal):
            return chosen
        batch = chosen.batch
        if batch.class_ not in scheme.classes or not allows(rules, "points_classes", batch.class_):
            return refuse("class_not_in_scheme", class_name=batch.class_, scheme=entry.scheme)
        holdings.take(ctx.state, entry.account, item.batch, chosen)
        for span in chosen.spans:
            holdings.end(ctx.state, item.batch, span, "pooled", f"scheme:{entry.scheme}", ctx.index)
            ctx.state.put(
                f"pool/{entry.scheme}/{v.number(pool_end)}",
                v.Pooled(batch=item.batch, span=span, conversion=ctx.index),
            )
            pool_end += 1
            holdings.restatus(ctx.state, item.batch, span.count, "free", "pooled")
        pooled_g += chosen.quantity_g
    points = points_of(pooled_g, scheme.num, scheme.den)
    if points == 0:
        return refuse("too_little_for_a_point", grams=pooled_g, scheme=entry.scheme)
    in_hands, pool_g = scheme.in_hands + points, scheme.pool_g + pooled_g
    for amount in (in_hands * scheme.num, pool_g * scheme.den):
        if refusal := holdings.too_large(amount):
            return refusal
    if refusal := _check_commit(entry.commit, points):
        return refusal
    expiry_ms = ctx.time_ms + scheme.validity_days * DAY_MS
    lot = f"lot/{entry.scheme}/{v.number(expiry_ms)}/{v.number(ctx.index)}"
    ctx.state.put(lot, v.Lot(in_hands=points))
    ctx.state.put(
        f"scheme/{entry.scheme}",
        structs.replace(scheme, in_hands=in_hands, pool_g=pool_g, pool_end=pool_end),
    )
    return moving.use_mandate(ctx, entry.mandate, pooled_g)


def _to_credits(ctx: Context, entry: Conversion, scheme: v.Scheme) -> Refusal | None:
    """Burn gathered points and free the whole serials that they cover, in the pool's order."""
    points = 0 if entry.points is UNSET else entry.points
    if scheme.used != "to_credits":
        return refuse("scheme_retires", scheme=entry.scheme)
    if points > scheme.gathered:
        return refuse(
            "points_not_gathered", gathered=scheme.gathered, scheme=entry.scheme, points=points
        )
    freed_g = 0
    for segment in _leave_pool(ctx, entry.scheme, scheme, points * scheme.num):
        if isinstance(segment, Refusal):
            return segment
        if refusal := holdings.give(ctx.state, entry.account, segment.batch, [segment.span]):
            return refusal
        holdings.restatus(ctx.state, segment.batch, segment.span.count, "pooled", "free")
        freed_g += segment.span.count * _unit_g(ctx, segment.batch)
    covering = points_for(freed_g, scheme.num, scheme.den)
    if covering != points:
        return refuse(
            "points_not_whole_serials", points=points, scheme=entry.scheme, nearest=covering
        )
    if refusal := _check_commit(entry.commit, points):
        return refusal
    left = ctx.state.must(f"scheme/{entry.scheme}", v.Scheme)
    ctx.state.put(
        f"scheme/{entry.scheme}", structs.replace(left, gathered=scheme.gathered - points)
    )
    return None


def redemption(ctx: Context, entry: Redemption) -> Refusal | None:
    """People spent points: gather them, or burn them and retire what they cover."""
    scheme = ctx.state.get(f"scheme/{entry.scheme}", v.Scheme)
    if scheme is None:
        return refuse("unknown_scheme", scheme=entry.scheme)
    if not ctx.signed_by(scheme.operator):
        return refuse("party_missing", party=scheme.operator)
    if refusal := ctx.need_role("redemption", "platform"):
        return refusal
    if refusal := _check_commit(entry.commit, entry.points):
        return refusal
    if refusal := _spend_lots(ctx, entry):
        return refusal
    in_hands = scheme.in_hands - entry.points
    key = f"scheme/{entry.scheme}"
    if scheme.used == "to_credits":
        gathered = scheme.gathered + entry.points
        ctx.state.put(key, structs.replace(scheme, in_hands=in_hands, gathered=gathered))
        return None
    ctx.state.put(key, structs.replace(scheme, in_hands=in_hands))
    return _retire_used(ctx, entry, scheme)


def _retire_used(ctx: Context, entry: Redemption, scheme: v.Scheme) -> Refusal | None:
    """Retire, as voluntary, the whole serials that burned points cover by now; the rest waits."""
    waiting = scheme.waiting + entry.points * scheme.num
    retired: list[tuple[str, Span]] = []
    retired_g = 0
    for segment in _leave_pool(ctx, entry.scheme, scheme, waiting):
        if isinstance(segment, Refusal):
            return segment
        holdings.end(
            ctx.state, segment.batch, segment.span, "retired", f"scheme:{entry.scheme}", ctx.index
        )
        holdings.restatus(ctx.state, segment.batch, segment.span.count, "pooled", "retired")
        retired_g += segment.span.count * _unit_g(ctx, segment.batch)
        retired.append((segment.batch, segment.span))
    if retired:
        write_retirement(ctx, retired, retired_g, "voluntary", UNSET, UNSET, UNSET)
    left = ctx.state.must(f"scheme/{entry.scheme}", v.Scheme)
    ctx.state.put(
        f"scheme/{entry.scheme}", structs.replace(left, waiting=waiting - retired_g * scheme.den)
    )
    return None


def _spend_lots(ctx: Context, entry: Redemption) -> Refusal | None:
    """Take points from the unexpired lots, by earliest expiry and then conversion."""
    low = f"lot/{entry.scheme}/{v.number(ctx.time_ms)}"
    high = f"lot/{entry.scheme}0"  # "0" follows "/" in byte order
    wanted, seen = entry.points, 0
    for touched, (key, lot) in enumerate(ctx.state.scan(low, high, v.Lot)):
        if touched == LOTS_TOUCHED_MAX:
            return refuse("too_many_lots", limit=LOTS_TOUCHED_MAX)
        seen += lot.in_hands
        if lot.in_hands <= wanted:
            ctx.state.delete(key)
            wanted -= lot.in_hands
        else:
            ctx.state.put(key, v.Lot(in_hands=lot.in_hands - wanted))
            wanted = 0
        if wanted == 0:
            return None
    return refuse("points_not_in_hands", in_hands=seen, scheme=entry.scheme, points=entry.points)


def _leave_pool(
    ctx: Context, name: str, scheme: v.Scheme, covered: int
) -> Iterator[v.Pooled | Refusal]:
    """Take whole serials out of the pool, in its order, as long as `covered` (grams × den) lasts.

    Writes the pool's queue and the scheme's sums; the caller says what becomes of the serials.
    """
    at, pool_g = scheme.pool_next, scheme.pool_g
    touched = 0
    while at < scheme.pool_end:
        key = f"pool/{name}/{v.number(at)}"
        segment = ctx.state.must(key, v.Pooled)
        unit = _unit_g(ctx, segment.batch)
        whole = min(segment.span.count, covered // (unit * scheme.den))
        if whole == 0:
            break
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
    current = ctx.state.must(f"scheme/{name}", v.Scheme)
    ctx.state.put(f"scheme/{name}", structs.replace(current, pool_next=at, pool_g=pool_g))


def _unit_g(ctx: Context, batch: str) -> int:
    return ctx.state.must(f"batch/{batch}", v.Batch).unit_g


def _check_commit(commit: Commit | UnsetType, points: int) -> Refusal | None:
    if commit is not UNSET and commit.total != points:
        return refuse("commit_total", total=commit.total, points=points)
    return None


__all__ = ["LOTS_TOUCHED_MAX", "conversion", "points_scheme", "redemption"]
