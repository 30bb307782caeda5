"""Moving serials between holders and statuses: the one place that writes blocks and balances.

Blocks tile a batch: every serial is in exactly one. A holder's free blocks are the spans of its
balance, so that best fit and exact serials need no search through the batch.
"""

from msgspec import UNSET, structs

from registry.chain.errors import Broken
from registry.ledger import serials
from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.entries.moving import Item
from registry.ledger.quantities import fits
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.serials import FREE_SPANS_MAX, SPANS_TOUCHED_MAX, Span
from registry.ledger.state import State


def choose(ctx: Context, account: str, item: Item) -> list[Span] | Refusal:
    """The free serials of `account` that an item means: those named, or the best fit."""
    batch = ctx.state.get(f"batch/{item.batch}", v.Batch)
    if batch is None:
        return refuse("unknown_batch", batch=item.batch)
    exact = item.first is not UNSET and item.last is not UNSET
    if exact == (item.quantity_g is not UNSET) or (item.first is UNSET) != (item.last is UNSET):
        return refuse("serials_form", batch=item.batch)
    if item.first is not UNSET and item.last is not UNSET:
        return choose_exact(ctx.state, account, item.batch, item.first, item.last)
    quantity_g = 0 if item.quantity_g is UNSET else item.quantity_g
    wanted, odd_g = divmod(quantity_g, batch.unit_g)
    if odd_g:
        return refuse(
            "not_whole_serials", quantity_g=quantity_g, unit_g=batch.unit_g, batch=item.batch
        )
    balance = ctx.state.get(v.balance_key(account, item.batch), v.Balance)
    free = balance.free if balance else ()
    held = serials.count(free)
    if held < wanted:
        return refuse("insufficient", account=account, free=held, batch=item.batch, wanted=wanted)
    spans = serials.best_fit(free, wanted)
    if spans is None:
        return refuse("too_fragmented", limit=SPANS_TOUCHED_MAX, batch=item.batch)
    return spans


def choose_exact(
    state: State, account: str, batch: str, first: int, last: int
) -> list[Span] | Refusal:
    """The serials `first`…`last` as one span, if `account` holds them free."""
    if first > last:
        return refuse("serials_form", batch=batch)
    span = Span(first, last)
    balance = state.get(v.balance_key(account, batch), v.Balance)
    if balance is None or serials.containing(balance.free, span) is None:
        return refuse("serials_not_free", account=account, first=first, last=last, batch=batch)
    return [span]


def take(state: State, account: str, batch: str, spans: list[Span]) -> None:
    """Take free serials out of an account; the caller writes their new blocks with `give` or `end`.

    Precondition: the account holds every span free, as `choose` has found.
    """
    key = v.balance_key(account, batch)
    balance = state.must(key, v.Balance)
    free = balance.free
    for span in spans:
        at = serials.containing(free, span)
        if at is None:
            raise Broken("serials to be taken are not free", where=f"{key} {span.first}")
        state.delete(v.block_key(batch, free[at].first))
        free, below, above = serials.remove(free, at, span)
        for left in (below, above):
            if left is not None:
                _put_free(state, account, batch, left)
    _put_balance(state, key, structs.replace(balance, free=free))


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
    _put_balance(state, key, structs.replace(balance, free=free))
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
    _put_balance(state, key, structs.replace(balance, retired=balance.retired + count))


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


def grams(state: State, batch_id: str, spans: list[Span]) -> int:
    """What serials of a known batch weigh, in grams."""
    return serials.count(spans) * state.must(f"batch/{batch_id}", v.Batch).unit_g


def too_large(amount: int) -> Refusal | None:
    """Refuse sums and products above 2^53-1."""
    return None if fits(amount) else refuse("amount_too_large")


def _put_free(state: State, account: str, batch: str, span: Span) -> None:
    state.put(
        v.block_key(batch, span.first), v.Block(last=span.last, status="free", holder=account)
    )


def _put_balance(state: State, key: str, balance: v.Balance) -> None:
    if balance.free or balance.retired:
        state.put(key, balance)
    else:
        state.delete(key)
