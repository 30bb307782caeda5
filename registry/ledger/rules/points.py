"""Rules of points_scheme, conversion, redemption, swap and expiry: no unbacked point (§6)."""

from msgspec import UNSET, UnsetType, structs

from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.dates import DAY_MS
from registry.ledger.entries import Conversion, Expiry, PointsScheme, Redemption, Swap
from registry.ledger.entries.authority import RuleValue
from registry.ledger.entries.common import Commit
from registry.ledger.quantities import points_for, points_of
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.rulebook import allows, integer
from registry.ledger.rules import holdings, moving, pool
from registry.ledger.serials import Span


def points_scheme(ctx: Context, entry: PointsScheme) -> Refusal | None:
    """Found a scheme; its operator and an authority sign. Old points make its first lot."""
    if refusal := ctx.need_role("points_scheme", "points_operator", "authority"):
        return refusal
    if not ctx.signed_by(entry.operator):
        return refuse("party_missing", party=entry.operator)
    if entry.operator not in ctx.parties_with("points_operator"):
        return refuse("role_missing", kind="points_scheme", role="points_operator")
    key = pool.scheme_key(entry.scheme)
    if ctx.state.get(key, v.Scheme):
        return refuse("scheme_exists", scheme=entry.scheme)
    if refusal := _check_terms(entry, ctx.rules() or {}):
        return refusal
    unbacked = entry.unbacked_at_start or 0
    if refusal := holdings.too_large(unbacked * entry.num):
        return refusal
    if unbacked:
        expiry_ms = ctx.time_ms + entry.validity_days * DAY_MS
        lot = pool.lot_key(entry.scheme, expiry_ms, ctx.index)
        ctx.state.put(lot, v.Lot(in_hands=unbacked))
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
            in_hands=unbacked,
            unbacked=entry.unbacked_at_start,
        ),
    )
    return None


def _check_terms(entry: PointsScheme, rules: dict[str, RuleValue]) -> Refusal | None:
    """How long a point may live and what it must be worth, where the rulebook says so."""
    days_max = integer(rules, "points_validity_days_max")
    if days_max and entry.validity_days > days_max:
        return refuse("validity_too_long", limit=days_max, days=entry.validity_days)
    num, den = (integer(rules, f"points_ratio_{part}") for part in ("num", "den"))
    if not num:
        return None
    for product in (entry.num * den, entry.den * num):
        if refusal := holdings.too_large(product):
            return refusal
    if entry.num * den != entry.den * num:
        return refuse("points_ratio", num=num, den=den, scheme=entry.scheme)
    return None


def conversion(ctx: Context, entry: Conversion) -> Refusal | None:
    """Credits into points, or gathered points back into credits, or credits behind old points."""
    scheme = ctx.state.get(pool.scheme_key(entry.scheme), v.Scheme)
    if scheme is None:
        return refuse("unknown_scheme", scheme=entry.scheme)
    account = ctx.state.get(f"account/{entry.account}", v.Account)
    if account is None:
        return refuse("unknown_account", account=entry.account)
    if not ctx.signed_by(scheme.operator):
        return refuse("party_missing", party=scheme.operator)
    if (entry.items is UNSET) == (entry.points is UNSET) or (
        (entry.direction == "to_credits") == (entry.points is UNSET)
    ):
        return refuse("fields_exclude", fields="items (to_points, cover), points (to_credits)")
    if entry.direction == "to_credits":
        if account.owner is UNSET or account.owner != scheme.operator:
            return refuse("account_not_operators", account=entry.account)
        return _to_credits(ctx, entry, scheme)
    return _into_pool(ctx, entry, scheme, account)


def _into_pool(
    ctx: Context, entry: Conversion, scheme: v.Scheme, account: v.Account
) -> Refusal | None:
    """Move credits into the pool; make a lot of points, or cover old ones; less than one stays."""
    if (rules := ctx.rules()) is None:
        return refuse("no_rulebook")
    if refusal := moving.consent(ctx, entry.account, account, "conversion", entry.mandate):
        return refusal
    pooled_g = 0
    spans: list[tuple[str, Span]] = []
    for item in entry.items or ():
        chosen = holdings.choose(ctx, entry.account, item)
        if isinstance(chosen, Refusal):
            return chosen
        class_name = chosen.batch.class_
        if class_name not in scheme.classes or not allows(rules, "points_classes", class_name):
            return refuse("class_not_in_scheme", class_name=class_name, scheme=entry.scheme)
        holdings.take(ctx.state, entry.account, item.batch, chosen)
        for span in chosen.spans:
            spans.append((item.batch, span))
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
    scheme = pool.enter(ctx, entry.scheme, scheme, spans, pooled_g)
    if entry.direction == "cover":
        unbacked = scheme.unbacked or 0
        if points > unbacked:
            return refuse(
                "covers_too_many_points", points=points, unbacked=unbacked, scheme=entry.scheme
            )
        scheme = structs.replace(scheme, unbacked=unbacked - points)
    else:
        expiry_ms = ctx.time_ms + scheme.validity_days * DAY_MS
        ctx.state.put(pool.lot_key(entry.scheme, expiry_ms, ctx.index), v.Lot(in_hands=points))
        scheme = structs.replace(scheme, in_hands=in_hands)
    ctx.state.put(pool.scheme_key(entry.scheme), scheme)
    return moving.use_mandate(ctx, entry.mandate, pooled_g)


def _to_credits(ctx: Context, entry: Conversion, scheme: v.Scheme) -> Refusal | None:
    """Burn gathered points and free the whole serials that they cover, in the pool's order."""
    points = entry.points or 0
    if scheme.used != "to_credits":
        return refuse("scheme_retires", scheme=entry.scheme)
    if points > scheme.gathered:
        return refuse(
            "points_not_gathered", gathered=scheme.gathered, scheme=entry.scheme, points=points
        )
    freed_g = pool.give_covered(ctx, entry.scheme, scheme, points * scheme.num, entry.account)
    if isinstance(freed_g, Refusal):
        return freed_g
    covering = points_for(freed_g, scheme.num, scheme.den)
    if covering != points:
        return refuse(
            "points_not_whole_serials", points=points, scheme=entry.scheme, nearest=covering
        )
    if refusal := _check_commit(entry.commit, points):
        return refusal
    key = pool.scheme_key(entry.scheme)
    left = ctx.state.must(key, v.Scheme)
    ctx.state.put(key, structs.replace(left, gathered=scheme.gathered - points))
    return None


def redemption(ctx: Context, entry: Redemption) -> Refusal | None:
    """People spent points: gather them, or burn them and retire what they cover."""
    key = pool.scheme_key(entry.scheme)
    scheme = ctx.state.get(key, v.Scheme)
    if scheme is None:
        return refuse("unknown_scheme", scheme=entry.scheme)
    if not ctx.signed_by(scheme.operator):
        return refuse("party_missing", party=scheme.operator)
    if refusal := ctx.need_role("redemption", "platform"):
        return refusal
    if refusal := _check_commit(entry.commit, entry.points):
        return refusal
    earliest_ms = pool.spend_lots(ctx, entry.scheme, entry.points)
    if isinstance(earliest_ms, Refusal):
        return earliest_ms
    in_hands = scheme.in_hands - entry.points
    if scheme.used == "to_credits":
        gathered = scheme.gathered + entry.points
        ctx.state.put(key, structs.replace(scheme, in_hands=in_hands, gathered=gathered))
        return None
    ctx.state.put(key, structs.replace(scheme, in_hands=in_hands))
    waiting = scheme.waiting + entry.points * scheme.num
    return pool.retire_covered(ctx, entry.scheme, scheme, waiting)


def swap(ctx: Context, entry: Swap) -> Refusal | None:
    """Points of one scheme become points of another, with the credits behind them."""
    names = (entry.scheme, entry.to_scheme)
    if entry.scheme == entry.to_scheme:
        return refuse("listed_twice", what=entry.scheme)
    for name in names:
        found = ctx.state.get(pool.scheme_key(name), v.Scheme)
        if found is None:
            return refuse("unknown_scheme", scheme=name)
        if not ctx.signed_by(found.operator):
            return refuse("party_missing", party=found.operator)
    source, target = (ctx.state.must(pool.scheme_key(name), v.Scheme) for name in names)
    burned, made = entry.points * source.num, entry.to_points * target.num
    for amount in (
        burned * target.den,
        made * source.den,
        (target.in_hands + entry.to_points) * target.num,
    ):
        if refusal := holdings.too_large(amount):
            return refusal
    if burned * target.den != made * source.den:
        return refuse("swap_unequal", points=entry.points, to_points=entry.to_points)
    if refusal := _check_commit(entry.commit, entry.to_points):
        return refusal
    expiry_ms = pool.spend_lots(ctx, entry.scheme, entry.points)
    if isinstance(expiry_ms, Refusal):
        return expiry_ms
    moved: list[tuple[str, Span]] = []
    moved_g = 0
    for segment in pool.leave(ctx, entry.scheme, source, burned):
        if isinstance(segment, Refusal):
            return segment
        class_name = ctx.state.must(f"batch/{segment.batch}", v.Batch).class_
        if class_name not in target.classes:
            return refuse("class_not_in_scheme", class_name=class_name, scheme=entry.to_scheme)
        moved.append((segment.batch, segment.span))
        moved_g += segment.span.count * pool.unit_g(ctx, segment.batch)
    if moved_g * source.den != burned:
        covering = points_for(moved_g, source.num, source.den)
        return refuse(
            "points_not_whole_serials", points=entry.points, scheme=entry.scheme, nearest=covering
        )
    left = ctx.state.must(pool.scheme_key(entry.scheme), v.Scheme)
    in_hands = source.in_hands - entry.points
    ctx.state.put(pool.scheme_key(entry.scheme), structs.replace(left, in_hands=in_hands))
    target = pool.enter(ctx, entry.to_scheme, target, moved, moved_g)
    in_hands = target.in_hands + entry.to_points
    ctx.state.put(pool.scheme_key(entry.to_scheme), structs.replace(target, in_hands=in_hands))
    expiry_ms = min(expiry_ms, ctx.time_ms + target.validity_days * DAY_MS)
    lot = pool.lot_key(entry.to_scheme, expiry_ms, ctx.index)
    ctx.state.put(lot, v.Lot(in_hands=entry.to_points))
    return None


def expiry(ctx: Context, entry: Expiry) -> Refusal | None:
    """Take points of a lot past its validity; what backed them is retired, or the authority's."""
    key = pool.scheme_key(entry.scheme)
    scheme = ctx.state.get(key, v.Scheme)
    if scheme is None:
        return refuse("unknown_scheme", scheme=entry.scheme)
    if not ctx.signed_by(scheme.operator):
        return refuse("party_missing", party=scheme.operator)
    found = _expired_lot(ctx, entry)
    if isinstance(found, Refusal):
        return found
    lot_key, lot = found
    if lot.in_hands < entry.points:
        return refuse(
            "points_not_in_hands", in_hands=lot.in_hands, scheme=entry.scheme, points=entry.points
        )
    pool.take_from_lot(ctx, lot_key, lot, entry.points)
    # Old points that nothing backs yet fall away with their debt.
    unbacked = min(scheme.unbacked or 0, entry.points) if entry.lot == scheme.index else 0
    left = structs.replace(scheme, in_hands=scheme.in_hands - entry.points)
    if unbacked:
        left = structs.replace(left, unbacked=(scheme.unbacked or 0) - unbacked)
    ctx.state.put(key, left)
    owed = (entry.points - unbacked) * scheme.num
    if scheme.expired == "retire":
        return pool.retire_covered(ctx, entry.scheme, scheme, scheme.waiting + owed)
    return _to_authority(ctx, entry, scheme, (scheme.due or 0) + owed)


def _to_authority(ctx: Context, entry: Expiry, scheme: v.Scheme, due: int) -> Refusal | None:
    """Whole serials go to the authority's account; the rest is due with the next expiry."""
    account = None
    if entry.account is not UNSET:
        account = ctx.state.get(f"account/{entry.account}", v.Account)
    if account is None or account.owner != ctx.log.authority or entry.account is UNSET:
        return refuse("account_not_authoritys", scheme=entry.scheme)
    freed_g = pool.give_covered(ctx, entry.scheme, scheme, due, entry.account)
    if isinstance(freed_g, Refusal):
        return freed_g
    key = pool.scheme_key(entry.scheme)
    left = ctx.state.must(key, v.Scheme)
    ctx.state.put(key, structs.replace(left, due=due - freed_g * scheme.den))
    return None


def _expired_lot(ctx: Context, entry: Expiry) -> tuple[str, v.Lot] | Refusal:
    """The lot that a conversion (or swap, or the scheme itself) made, if its validity is over."""
    low, high = f"lot/{entry.scheme}/", f"lot/{entry.scheme}/{v.number(ctx.time_ms)}"
    ending = f"/{v.number(entry.lot)}"
    for key, lot in ctx.state.scan(low, high, v.Lot):
        if key.endswith(ending):
            return key, lot
    return refuse("lot_not_expired", lot=entry.lot, scheme=entry.scheme)


def _check_commit(commit: Commit | UnsetType, points: int) -> Refusal | None:
    if commit is not UNSET and commit.total != points:
        return refuse("commit_total", total=commit.total, points=points)
    return None
