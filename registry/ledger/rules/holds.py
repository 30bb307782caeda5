"""Rules of reservation, settlement, release, pledge and unpledge: bound without being moved."""

from collections.abc import Callable, Iterable

from msgspec import UNSET, structs

from registry.ledger import segments
from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.entries import Pledge, Release, Reservation, Settlement, Unpledge
from registry.ledger.entries.common import SpanItem
from registry.ledger.entries.moving import Item
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.rules import holdings, moving
from registry.ledger.segments import Bonds
from registry.ledger.serials import Span

Spans = tuple[tuple[str, int, int], ...]


def reservation(ctx: Context, entry: Reservation) -> Refusal | None:
    """Set free serials aside for a receiver, under the same consent as a transfer."""
    if entry.from_ == entry.to:
        return refuse("same_account")
    sender = ctx.state.get(f"account/{entry.from_}", v.Account)
    receiver = ctx.state.get(f"account/{entry.to}", v.Account)
    if sender is None or receiver is None:
        return refuse("unknown_account", account=entry.to if sender else entry.from_)
    if refusal := moving.consent(ctx, entry.from_, sender, "transfer", entry.mandate):
        return refusal
    if refusal := moving.may_send(ctx, entry.from_, sender, entry.to):
        return refusal
    if entry.expires_ms <= ctx.time_ms:
        return refuse("reservation_expired", reservation=ctx.index, expires_ms=entry.expires_ms)
    if refusal := moving.record_trade(ctx, entry.reason, entry.trade, "reservation"):
        return refusal
    reserved: list[tuple[str, int, int]] = []
    quantity_g = 0
    for item in entry.items:
        chosen = holdings.choose(ctx, entry.from_, item)
        if isinstance(chosen, Refusal):
            return chosen
        for span in chosen.spans:
            bind = bonds_are(Bonds(reservation=ctx.index))
            if refusal := segments.rebind(ctx.state, entry.from_, item.batch, span, bind):
                return refusal
            reserved.append((item.batch, span.first, span.last))
            holdings.restatus(ctx.state, item.batch, span.count, "free", "reserved")
        quantity_g += chosen.quantity_g
    ctx.state.put(
        f"reservation/{v.number(ctx.index)}",
        v.Reservation(
            sender=entry.from_,
            receiver=entry.to,
            items=tuple(reserved),
            expires_ms=entry.expires_ms,
            venue=UNSET if entry.trade is UNSET else entry.trade.venue,
        ),
    )
    if refusal := moving.use_limits(ctx, entry.from_, sender, quantity_g):
        return refusal
    return moving.use_mandate(ctx, entry.mandate, quantity_g)


def settlement(ctx: Context, entry: Settlement) -> Refusal | None:
    """Move reserved serials to the receiver; what is not named is free again, in the same entry."""
    found = _open_reservation(ctx, entry.reservation)
    if isinstance(found, Refusal):
        return found
    if ctx.time_ms >= found.expires_ms:
        return refuse(
            "reservation_expired", reservation=entry.reservation, expires_ms=found.expires_ms
        )
    sender = ctx.state.must(f"account/{found.sender}", v.Account)
    if sender.freezes is not UNSET:
        return refuse("account_frozen", account=found.sender, freeze=sender.freezes[0])
    if refusal := _may_settle(ctx, found):
        return refusal
    receiver = ctx.state.must(f"account/{found.receiver}", v.Account)
    if refusal := moving.receiver_accepts(ctx, found.sender, found.receiver, receiver):
        return refusal
    settled = found.items if entry.items is UNSET else _part_of(ctx, found.items, entry.items)
    if isinstance(settled, Refusal):
        return settled
    if refusal := _unbind(ctx, found, frozen_too=False):
        return refusal
    for batch, first, last in settled:
        chosen = holdings.choose_exact(ctx.state, found.sender, batch, first, last)
        if isinstance(chosen, Refusal):
            return chosen
        holdings.take(ctx.state, found.sender, batch, chosen)
        if refusal := holdings.give(ctx.state, found.receiver, batch, chosen.spans):
            return refusal
    ctx.state.delete(f"reservation/{v.number(entry.reservation)}")
    return None


def release(ctx: Context, entry: Release) -> Refusal | None:
    """Free what was reserved: by who may settle, or after its expiry by anyone enrolled."""
    found = _open_reservation(ctx, entry.reservation)
    if isinstance(found, Refusal):
        return found
    if ctx.time_ms < found.expires_ms and (refusal := _may_settle(ctx, found)):
        return refusal
    if refusal := _unbind(ctx, found, frozen_too=True):
        return refusal
    ctx.state.delete(f"reservation/{v.number(entry.reservation)}")
    return None


def pledge(ctx: Context, entry: Pledge) -> Refusal | None:
    """Give free serials as security to a pledgee; both sign."""
    account = ctx.state.get(f"account/{entry.account}", v.Account)
    if account is None:
        return refuse("unknown_account", account=entry.account)
    if refusal := moving.consent(ctx, entry.account, account, "pledge", UNSET):
        return refusal
    if not ctx.signed_by(entry.pledgee):
        return refuse("party_missing", party=entry.pledgee)
    if entry.pledgee not in ctx.parties_with("pledgee"):
        return refuse("role_missing", kind="pledge", role="pledgee")
    for item in entry.items:
        chosen = holdings.choose_exact(ctx.state, entry.account, item.batch, item.first, item.last)
        if isinstance(chosen, Refusal):
            return chosen
        bind, span = bonds_are(Bonds(pledge=ctx.index)), chosen.spans[0]
        if refusal := segments.rebind(ctx.state, entry.account, item.batch, span, bind):
            return refusal
    ctx.state.put(
        f"pledge/{v.number(ctx.index)}",
        v.Pledge(account=entry.account, pledgee=entry.pledgee, items=_plain(entry.items)),
    )
    return None


def unpledge(ctx: Context, entry: Unpledge) -> Refusal | None:
    """The pledgee gives serials free, all or those named; frozen ones stay frozen."""
    key = f"pledge/{v.number(entry.pledge)}"
    found = ctx.state.get(key, v.Pledge)
    if found is None:
        return refuse("unknown_pledge", pledge=entry.pledge)
    if not ctx.signed_by(found.pledgee):
        return refuse("party_missing", party=found.pledgee)
    freed = found.items if entry.items is UNSET else _plain(entry.items)
    for batch, first, last in freed:
        pieces = segments.held(ctx.state, found.account, batch, Span(first, last))
        if isinstance(pieces, Refusal):
            return pieces
        if any(p.bonds.pledge != entry.pledge for p in pieces):
            return refuse("not_pledged", pledge=entry.pledge, first=first, last=last, batch=batch)
        refusal = segments.rebind(
            ctx.state, found.account, batch, Span(first, last), lambda b: b._replace(pledge=UNSET)
        )
        if refusal:
            return refusal
    shrink(ctx, key, v.Pledge, freed)
    return None


def shrink(ctx: Context, key: str, kind: type[v.Pledge] | type[v.Reservation], gone: Spans) -> None:
    """Take serials out of what a pledge or reservation names; it ends when nothing is left."""
    found = ctx.state.must(key, kind)
    left = subtract(found.items, gone)
    if left:
        ctx.state.put(key, structs.replace(found, items=left))
    else:
        ctx.state.delete(key)


def bonds_are(bonds: Bonds) -> Callable[[Bonds], Bonds]:
    """For serials that are free: what binds them from now on."""
    return lambda _: bonds


def subtract(spans: Spans, gone: Spans) -> Spans:
    """The serials of `spans` that are not in `gone`."""
    left = list(spans)
    for batch, first, last in gone:
        kept: list[tuple[str, int, int]] = []
        for b, low, high in left:
            if b != batch or high < first or last < low:
                kept.append((b, low, high))
                continue
            if low < first:
                kept.append((b, low, first - 1))
            if last < high:
                kept.append((b, last + 1, high))
        left = kept
    return tuple(left)


def _plain(items: Iterable[SpanItem]) -> Spans:
    return tuple((item.batch, item.first, item.last) for item in items)


def _open_reservation(ctx: Context, index: int) -> v.Reservation | Refusal:
    found = ctx.state.get(f"reservation/{v.number(index)}", v.Reservation)
    return found or refuse("unknown_reservation", reservation=index)


def _may_settle(ctx: Context, found: v.Reservation) -> Refusal | None:
    """The venue settles its trades; where there is none (or over the counter), the owner."""
    if found.venue is not UNSET and found.venue != "otc":
        return None if ctx.signed_by(found.venue) else refuse("party_missing", party=found.venue)
    return ctx.need_owner(found.sender, ctx.state.must(f"account/{found.sender}", v.Account))


def _part_of(ctx: Context, reserved: Spans, items: Iterable[Item]) -> Spans | Refusal:
    """Which reserved serials the items mean: those named, or so many from the low end."""
    left, settled = reserved, []
    for item in items:
        batch = ctx.state.get(f"batch/{item.batch}", v.Batch)
        if batch is None:
            return refuse("unknown_batch", batch=item.batch)
        if item.first is not UNSET and item.last is not UNSET and item.quantity_g is UNSET:
            wanted = [(item.batch, item.first, item.last)]
        elif item.quantity_g is not UNSET and item.first is UNSET and item.last is UNSET:
            count, odd_g = divmod(item.quantity_g, batch.unit_g)
            if odd_g:
                return refuse(
                    "not_whole_serials",
                    quantity_g=item.quantity_g,
                    unit_g=batch.unit_g,
                    batch=item.batch,
                )
            wanted = _low_end(left, item.batch, count)
        else:
            return refuse("serials_form", batch=item.batch)
        for span in wanted:
            smaller = subtract(left, (span,))
            if _count(left) - _count(smaller) != span[2] - span[1] + 1 or span[1] > span[2]:
                return refuse("not_reserved", first=span[1], last=span[2], batch=span[0])
            left = smaller
        settled += wanted
    return tuple(settled)


def _low_end(spans: Spans, batch: str, count: int) -> list[tuple[str, int, int]]:
    """So many serials of a batch, lowest first; one too many is asked of the last span if short."""
    taken = []
    for b, first, last in sorted(spans):
        if b == batch and count > 0:
            stop = min(last, first + count - 1)
            taken.append((b, first, stop))
            count -= stop - first + 1
    if count > 0:
        end = taken[-1][2] + 1 if taken else 1
        taken.append((batch, end, end + count - 1))
    return taken


def _count(spans: Spans) -> int:
    return sum(last - first + 1 for _, first, last in spans)


def _unbind(ctx: Context, found: v.Reservation, *, frozen_too: bool) -> Refusal | None:
    """Free all that was reserved. Frozen serials stay frozen, and stop a settlement."""
    for batch, first, last in found.items:
        span = Span(first, last)
        pieces = segments.held(ctx.state, found.sender, batch, span)
        if isinstance(pieces, Refusal):
            return pieces
        frozen = next((p for p in pieces if p.bonds.freezes), None)
        if frozen is not None and not frozen_too:
            return refuse(
                "serials_frozen",
                first=frozen.first,
                last=frozen.last,
                batch=batch,
                freeze=frozen.bonds.freezes[0],
            )
        if refusal := segments.rebind(ctx.state, found.sender, batch, span, _without_reservation):
            return refusal
        holdings.restatus(ctx.state, batch, span.count, "reserved", "free")
    return None


def _without_reservation(bonds: Bonds) -> Bonds:
    return bonds._replace(reservation=UNSET)
