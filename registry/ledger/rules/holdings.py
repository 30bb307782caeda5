"""Moving serials between holders and statuses: the one place that writes blocks and balances.

Blocks tile a batch: every serial is in exactly one. A holder's free blocks are the spans of its
balance, so that best fit and exact serials need no search through the batch.
"""

from typing import NamedTuple

from msgspec import UNSET, structs

from registry.chain.errors import Broken
from registry.ledger import serials
from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.entries.moving import Item
from registry.ledger.quantities import fits
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.serials import FREE_SPANS_MAX, SPANS_TOUCHED_MAX, Span, Spans
from registry.ledger.state import State


class Chosen(NamedTuple):
    """Serials that an item means, with what was read to find them."""

    batch: v.Batch
    balance: v.Balance
    spans: list[Span]

    @property
    def quantity_g(self) -> int:
        """What the serials weigh, in grams."""
        return serials.count(self.spans) * self.batch.unit_g


def choose(ctx: Context, account: str, item: Item) -> Chosen | Refusal:
    """The free serials of `account` that an item means: those named, or the best fit."""
    first, last, quantity_g = item.first, item.last, item.quantity_g
    if quantity_g is UNSET:
        if first is UNSET or last is UNSET:
            return refuse("serials_form", batch=item.batch)
        return choose_exact(ctx.state, account, item.batch, first, last)
    if first is not UNSET or last is not UNSET:
        return refuse("serials_form", batch=item.batch)
    batch = ctx.state.get(f"batch/{item.batch}", v.Batch)
    if batch is None:
        return refuse("unknown_batch", batch=item.batch)
    if batch.freezes is not UNSET:
        return refuse("batch_frozen", batch=item.batch, freeze=batch.freezes[0])
    wanted, odd_g = divmod(quantity_g, batch.unit_g)
    if odd_g:
        return refuse(
            "not_whole_serials", quantity_g=quantity_g, unit_g=batch.unit_g, batch=item.batch
        )
    balance = ctx.state.get(v.balance_key(account, item.batch), v.Balance) or v.Balance()
    if span := serials.shortest_fit(balance.free, wanted):
        return Chosen(batch, balance, [span])
    held = serials.count(balance.free)
    if held < wanted:
        return refuse("insufficient", account=account, free=held, batch=item.batch, wanted=wanted)
    spans = serials.best_fit(balance.free, wanted)
    if spans is None:
        return refuse("too_fragmented", limit=SPANS_TOUCHED_MAX, batch=item.batch)
    return Chosen(batch, balance, spans)


def choose_exact(
    state: State, account: str, batch_id: str, first: int, last: int
) -> Chosen | Refusal:
    """The serials `first`…`last` as one span, if `account` holds them free."""
    batch = state.get(f"batch/{batch_id}", v.Batch)
    if batch is None:
        return refuse("unknown_batch", batch=batch_id)
    if batch.freezes is not UNSET:
        return refuse("batch_frozen", batch=batch_id, freeze=batch.freezes[0])
    if first > last:
        return refuse("serials_form", batch=batch_id)
    span = Span(first, last)
    balance = state.get(v.balance_key(account, batch_id), v.Balance)
    if balance is None or serials.containing(balance.free, span) is None:
        return _not_free(account, batch_id, span, balance or v.Balance())
    return Chosen(batch, balance, [span])


def _not_free(account: str, batch: str, span: Span, balance: v.Balance) -> Refusal:
    """Say what keeps serials from being free: a freeze first, for it dominates."""
    for bound in balance.bound or ():
        if bound.freezes and bound.first <= span.last and span.first <= bound.last:
            return refuse(
                "serials_frozen",
                first=bound.first,
                last=bound.last,
                batch=batch,
                freeze=bound.freezes[0],
            )
    return refuse(
        "serials_not_free", account=account, first=span.first, last=span.last, batch=batch
    )


def take(state: State, account: str, batch: str, chosen: Chosen) -> None:
    """Take free serials out of an account; the caller writes their new blocks with `give` or `end`.

    Precondition: nothing was written to the account's balance of the batch since `choose`.
    """
    free = chosen.balance.free
    for span in chosen.spans:
        at = serials.containing(free, span)
        if at is None:
            raise Broken("serials to be taken are not free", where=f"{account} {span.first}")
        state.delete(v.block_key(batch, free[at].first))
        free, below, above = serials.remove(free, at, span)
        for left in (below, above):
            if left is not None:
                _put_free(state, account, batch, left)
    _put_balance(state, v.balance_key(account, batch), chosen.balance, free)


def give(state: State, account: str, batch: str, spans: list[Span]) -> Refusal | None:
    """Put serials, taken from elsewhere, into an account as free."""
    key = v.balance_key(account, batch)
    balance = state.get(key, v.Balance) or v.Balance()
    free = balance.free
    for span in spans:
        free, joined, swallowed = serials.insert(free, span)
        if swallowed is not None:
            state.delete(v.block_key(batch, swallowed.first))
        _put_free(state, account, batch, joined)
    if len(free) > FREE_SPANS_MAX:
        return refuse("holding_too_fragmented", account=account, limit=FREE_SPANS_MAX, batch=batch)
    _put_balance(state, key, balance, free)
    return None


def end(state: State, batch: str, span: Span, status: str, holder: str | None, by: int) -> None:
    """Write the block of serials that now have a status other than free; blocks of different

    entries are not joined, so that a serial tells which entry ended it.
    """
    state.put(
        v.block_key(batch, span.first),
        v.Block(last=span.last, status=status, holder=UNSET if holder is None else holder, by=by),
    )


def note_retired(state: State, account: str, batch: str, count: int) -> None:
    """Count serials that an account has retired."""
    key = v.balance_key(account, batch)
    balance = state.get(key, v.Balance) or v.Balance()
    state.put(
        key, v.Balance(free=balance.free, retired=balance.retired + count, bound=balance.bound)
    )


def restatus(state: State, batch_id: str, count: int, source: str, target: str) -> None:
    """Move `count` serials between two statuses of a batch's totals."""
    key = f"batch/{batch_id}"
    batch = state.must(key, v.Batch)
    state.put(
        key,
        structs.replace(
            batch,
            **{source: getattr(batch, source) - count, target: getattr(batch, target) + count},
        ),
    )


def too_large(amount: int) -> Refusal | None:
    """Refuse sums and products above 2^53-1."""
    return None if fits(amount) else refuse("amount_too_large")


def _put_free(state: State, account: str, batch: str, span: Span) -> None:
    state.put(
        v.block_key(batch, span.first), v.Block(last=span.last, status="free", holder=account)
    )


def _put_balance(state: State, key: str, before: v.Balance, free: Spans) -> None:
    if free or before.retired or before.bound is not UNSET:
        state.put(key, v.Balance(free=free, retired=before.retired, bound=before.bound))
    else:
        state.delete(key)
