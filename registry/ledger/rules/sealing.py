"""Rules of seal and end: what can be judged without the state itself (DESIGN §4).

Whether the root is the right one is for whoever replays the log: `registry.ledger.sealing`.
"""

from msgspec import UNSET, structs

from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.entries import End, Seal
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.rules.authority import check_new_origin

SEAL_ENTRIES_BACK_MAX = 100_000
"""How many entries a seal may lie behind what it seals: so far a replay must be able to look."""


def sealing(ctx: Context, entry: Seal | End) -> Refusal | None:
    """Take a seal, or the one that ends the log."""
    return seal(ctx, entry) if isinstance(entry, Seal) else end(ctx, entry)


def seal(ctx: Context, entry: Seal) -> Refusal | None:
    """Take a seal for an earlier size, larger than the last one that was sealed."""
    if refusal := ctx.need_role("seal", "operator"):
        return refusal
    if entry.size > ctx.index:
        return refuse("seal_ahead", size=entry.size, index=ctx.index)
    if refusal := _check_last(ctx, entry.size):
        return refusal
    if ctx.index - entry.size > SEAL_ENTRIES_BACK_MAX:
        return refuse("seal_too_old", size=entry.size, index=ctx.index, limit=SEAL_ENTRIES_BACK_MAX)
    ctx.state.put(v.LOG, structs.replace(ctx.log, seal=ctx.index, sealed_size=entry.size))
    return None


def end(ctx: Context, entry: End) -> Refusal | None:
    """Seal the state that there is and let nothing follow."""
    if refusal := ctx.need_role("end", "operator", "authority"):
        return refusal
    if entry.successor is not UNSET:
        if entry.successor == ctx.log.origin:
            return refuse("bad_origin", origin=entry.successor, why="a log cannot follow itself")
        if refusal := check_new_origin(entry.successor):
            return refusal
    if entry.size != ctx.index:
        return refuse("end_size", size=entry.size, index=ctx.index)
    ended = structs.replace(ctx.log, seal=ctx.index, sealed_size=entry.size, ended=ctx.index)
    ctx.state.put(v.LOG, ended)
    return None


def _check_last(ctx: Context, size: int) -> Refusal | None:
    last = ctx.log.sealed_size
    if last is not UNSET and size <= last:
        return refuse("seal_not_later", size=size, last=last)
    return None
