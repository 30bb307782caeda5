"""Rules of freeze, unfreeze, execution and order_change: what courts and authorities may do."""

from msgspec import UNSET, structs

from registry.ledger import segments
from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.entries import Execution, Freeze, OrderChange, Unfreeze
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.rules import holdings, holds
from registry.ledger.rules.use import write_retirement
from registry.ledger.serials import Span

FREEZES_MAX = 64
"""Most freezes in line on one account, batch or run of serials."""


def freeze(ctx: Context, entry: Freeze) -> Refusal | None:
    """Stop an account, a batch, or serials of an account; what is frozen already waits in line."""
    if refusal := by_court(ctx, "freeze", entry.origin):
        return refusal
    if (entry.account is UNSET) == (entry.batch is UNSET) or (
        entry.items is not UNSET and entry.account is UNSET
    ):
        return refuse("fields_exclude", fields="account (with or without items), batch")
    account, batch = entry.account, entry.batch
    if account is not UNSET:
        found = ctx.state.get(f"account/{account}", v.Account)
        if found is None:
            return refuse("unknown_account", account=account)
        refusal = (
            _freeze_account(ctx, account, found)
            if entry.items is UNSET
            else _freeze_items(ctx, account, entry)
        )
    elif batch is not UNSET:
        refusal = _freeze_batch(ctx, batch)
    if refusal:
        return refusal
    ctx.state.put(
        f"freeze/{v.number(ctx.index)}",
        v.Freeze(
            issuer=entry.issuer,
            number=entry.number,
            origin=entry.origin,
            by=ctx.courts() if entry.origin == "signed" else (),
            account=account,
            batch=batch,
            items=UNSET
            if entry.items is UNSET
            else tuple((i.batch, i.first, i.last) for i in entry.items),
            until_ms=entry.until_ms,
        ),
    )
    return None


def _freeze_account(ctx: Context, name: str, account: v.Account) -> Refusal | None:
    freezes = () if account.freezes is UNSET else account.freezes
    if len(freezes) >= FREEZES_MAX:
        return refuse("too_many_freezes", limit=FREEZES_MAX)
    ctx.state.put(f"account/{name}", structs.replace(account, freezes=(*freezes, ctx.index)))
    return None


def _freeze_batch(ctx: Context, name: str) -> Refusal | None:
    batch = ctx.state.get(f"batch/{name}", v.Batch)
    if batch is None:
        return refuse("unknown_batch", batch=name)
    freezes = () if batch.freezes is UNSET else batch.freezes
    if len(freezes) >= FREEZES_MAX:
        return refuse("too_many_freezes", limit=FREEZES_MAX)
    ctx.state.put(f"batch/{name}", structs.replace(batch, freezes=(*freezes, ctx.index)))
    return None


def _freeze_items(ctx: Context, account: str, entry: Freeze) -> Refusal | None:
    for item in () if entry.items is UNSET else entry.items:
        span = Span(item.first, item.last)
        pieces = segments.held(ctx.state, account, item.batch, span)
        if isinstance(pieces, Refusal):
            return pieces
        if any(len(p.bonds.freezes) >= FREEZES_MAX for p in pieces):
            return refuse("too_many_freezes", limit=FREEZES_MAX)
        if any(ctx.index in p.bonds.freezes for p in pieces):
            return refuse("listed_twice", what=f"{item.batch} {item.first}")
        refusal = segments.rebind(
            ctx.state,
            account,
            item.batch,
            span,
            lambda b: b._replace(freezes=(*b.freezes, ctx.index)),
        )
        if refusal:
            return refusal
    return None


def unfreeze(ctx: Context, entry: Unfreeze) -> Refusal | None:
    """Lift a freeze; the next in line is then the first. A lapsed one is lifted by anyone."""
    found = ctx.state.get(f"freeze/{v.number(entry.freeze)}", v.Freeze)
    if found is None:
        return refuse("unknown_freeze", freeze=entry.freeze)
    if entry.origin == "lapsed":
        if found.until_ms is UNSET or ctx.time_ms < found.until_ms:
            until_ms = 0 if found.until_ms is UNSET else found.until_ms
            return refuse("freeze_not_lapsed", freeze=entry.freeze, until_ms=until_ms)
    else:
        if entry.instrument_sha256 is UNSET:
            return refuse("fields_exclude", fields="instrument_sha256")
        if refusal := by_court(ctx, "unfreeze", entry.origin, found.by):
            return refusal
    return _lift(ctx, entry.freeze, found)


def _lift(ctx: Context, index: int, found: v.Freeze) -> Refusal | None:
    if found.batch is not UNSET:
        key = f"batch/{found.batch}"
        batch = ctx.state.must(key, v.Batch)
        left = tuple(i for i in (batch.freezes or ()) if i != index)
        ctx.state.put(key, structs.replace(batch, freezes=left or UNSET))
    elif found.items is not UNSET and found.account is not UNSET:
        for batch_name, first, last in found.items:
            refusal = segments.rebind(
                ctx.state,
                found.account,
                batch_name,
                Span(first, last),
                lambda b: b._replace(freezes=tuple(i for i in b.freezes if i != index)),
            )
            if refusal:
                return refusal
    elif found.account is not UNSET:
        key = f"account/{found.account}"
        account = ctx.state.must(key, v.Account)
        left = tuple(i for i in (account.freezes or ()) if i != index)
        ctx.state.put(key, structs.replace(account, freezes=left or UNSET))
    ctx.state.delete(f"freeze/{v.number(index)}")
    return None


def execution(ctx: Context, entry: Execution) -> Refusal | None:
    """Move or retire serials under the freeze that is first in line on them."""
    found = ctx.state.get(f"freeze/{v.number(entry.freeze)}", v.Freeze)
    if found is None:
        return refuse("unknown_freeze", freeze=entry.freeze)
    if refusal := by_court(ctx, "execution", entry.origin, found.by):
        return refusal
    if (entry.to is UNSET) == (entry.retire is not True):
        return refuse("fields_exclude", fields="to, retire")
    if ctx.state.get(f"account/{entry.account}", v.Account) is None:
        return refuse("unknown_account", account=entry.account)
    if entry.to is not UNSET and ctx.state.get(f"account/{entry.to}", v.Account) is None:
        return refuse("unknown_account", account=entry.to)
    if entry.to == entry.account:
        return refuse("same_account")
    done: list[tuple[str, Span]] = []
    quantity_g = 0
    for item in entry.items:
        span = Span(item.first, item.last)
        pieces = segments.held(ctx.state, entry.account, item.batch, span)
        if isinstance(pieces, Refusal):
            return pieces
        if refusal := _first_in_line(ctx, entry, item.batch, pieces):
            return refusal
        forget(ctx, item.batch, pieces)
        if refusal := segments.detach(ctx.state, entry.account, item.batch, span):
            return refusal
        quantity_g += span.count * ctx.state.must(f"batch/{item.batch}", v.Batch).unit_g
        done.append((item.batch, span))
        if entry.to is not UNSET:
            if refusal := holdings.give(ctx.state, entry.to, item.batch, [span]):
                return refusal
        else:
            holdings.end(ctx.state, item.batch, span, "retired", entry.account, ctx.index)
            holdings.note_retired(ctx.state, entry.account, item.batch, span.count)
            holdings.restatus(ctx.state, item.batch, span.count, "free", "retired")
    if refusal := holdings.too_large(quantity_g):
        return refusal
    if entry.to is UNSET:
        write_retirement(ctx, done, quantity_g, "voluntary", entry.account, UNSET, UNSET)
    return None


def _first_in_line(
    ctx: Context, entry: Execution, batch: str, pieces: list[segments.Segment]
) -> Refusal | None:
    """The freeze covers these serials and no earlier one does."""
    account = ctx.state.must(f"account/{entry.account}", v.Account)
    whole = ctx.state.must(f"batch/{batch}", v.Batch)
    for piece in pieces:
        line = sorted((*piece.bonds.freezes, *(account.freezes or ()), *(whole.freezes or ())))
        if entry.freeze not in line:
            return refuse(
                "not_frozen", freeze=entry.freeze, first=piece.first, last=piece.last, batch=batch
            )
        if line[0] != entry.freeze:
            return refuse("waits_in_line", freeze=entry.freeze, first_in_line=line[0])
    return None


def forget(ctx: Context, batch: str, pieces: list[segments.Segment]) -> None:
    """Serials that are taken by force leave the freezes, pledge and reservation that name them."""
    for piece in pieces:
        gone = ((batch, piece.first, piece.last),)
        for index in piece.bonds.freezes:
            frozen = ctx.state.must(f"freeze/{v.number(index)}", v.Freeze)
            left = holds.subtract(frozen.items or (), gone)
            ctx.state.put(f"freeze/{v.number(index)}", structs.replace(frozen, items=left))
        if piece.bonds.pledge is not UNSET:
            holds.shrink(ctx, f"pledge/{v.number(piece.bonds.pledge)}", v.Pledge, gone)
        if piece.bonds.reservation is not UNSET:
            key = f"reservation/{v.number(piece.bonds.reservation)}"
            holds.shrink(ctx, key, v.Reservation, gone)
            count = piece.last - piece.first + 1
            holdings.restatus(ctx.state, batch, count, "reserved", "free")


def order_change(ctx: Context, entry: OrderChange) -> Refusal | None:
    """Reduce, raise, annul, close, suspend or resume an order; nothing retired comes back."""
    key = f"order/{entry.order}"
    found = ctx.state.get(key, v.Order)
    if found is None:
        return refuse("unknown_order", order=entry.order)
    if refusal := by_court(ctx, "order_change", found.origin, found.by):
        return refusal
    state = "" if found.state is UNSET else found.state
    if state in ("annulled", "closed"):
        return refuse("order_ended", order=entry.order, state=state)
    wants_quantity = entry.effect in ("reduce", "raise")
    if wants_quantity == (entry.quantity_g is UNSET):
        return refuse("fields_exclude", fields="quantity_g (with reduce or raise)")
    if wants_quantity and found.by_obligor_g:
        return refuse("order_has_shares", order=entry.order)
    quantity_g = found.quantity_g if entry.quantity_g is UNSET else entry.quantity_g
    smaller, larger = quantity_g < found.quantity_g, quantity_g > found.quantity_g
    if (entry.effect == "reduce" and not smaller) or (entry.effect == "raise" and not larger):
        return refuse("order_quantity", order=entry.order, quantity_g=found.quantity_g)
    if entry.effect == "annul":
        quantity_g = 0
    ended = {"annul": "annulled", "close": "closed", "suspend": "suspended"}
    changes = ctx.changed(key, found)
    if isinstance(changes, Refusal):
        return changes
    # Its last serial may go beyond what was ordered: that is a surplus once the order gets smaller.
    surplus_g = max(0, found.fulfilled_g - quantity_g) if quantity_g < found.quantity_g else 0
    _make_voluntary(ctx, found, surplus_g)
    ctx.state.put(
        key,
        structs.replace(
            found,
            quantity_g=quantity_g,
            fulfilled_g=found.fulfilled_g - surplus_g,
            by_obligor_g=(0,) * len(found.by_obligor_g)
            if entry.effect == "annul"
            else found.by_obligor_g,
            state=ended.get(entry.effect, UNSET if entry.effect == "resume" else found.state),
            changes=changes,
        ),
    )
    return None


def _make_voluntary(ctx: Context, order: v.Order, surplus_g: int) -> None:
    """The surplus of a smaller order is relabelled, the latest retirements first."""
    for certificate in reversed(order.retirements):
        if surplus_g <= 0:
            return
        key = f"retirement/{certificate}"
        retired = ctx.state.must(key, v.Retirement)
        already_g = 0 if retired.voluntary_g is UNSET else retired.voluntary_g
        part_g = min(retired.quantity_g - already_g, surplus_g)
        if part_g:
            ctx.state.put(key, structs.replace(retired, voluntary_g=already_g + part_g))
        surplus_g -= part_g


def by_court(ctx: Context, kind: str, origin: str, by: tuple[str, ...] = ()) -> Refusal | None:
    """Signed by a court or an authority; or recorded by exchange and authority.

    What changes an instrument that was signed (`by`) is signed by the same hand, or by another
    court together with an authority: a court of appeal, say. Paper does not undo a signature.
    """
    if origin == "recorded":
        if refusal := ctx.need_role(kind, "exchange", "authority"):
            return refusal
    elif not ctx.courts():
        return refuse("role_missing", kind=kind, role="court")
    if not by or set(by) & set(ctx.holders):
        return None
    return ctx.need_role(kind, "court", "authority") and refuse("other_court", party=by[0])
