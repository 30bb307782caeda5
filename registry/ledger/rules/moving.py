"""Rules of mandate and transfer."""

from msgspec import UNSET, UnsetType, structs

from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.dates import civil_day
from registry.ledger.entries import Mandate, Transfer
from registry.ledger.entries.moving import Trade
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.rules import holdings


def mandate(ctx: Context, entry: Mandate) -> Refusal | None:
    """Let an agent act on accounts of one owner, who signs; end the mandate that it replaces."""
    if not ctx.state.get(f"party/{entry.agent}", v.Party):
        return refuse("unknown_party", party=entry.agent)
    if len(set(entry.accounts)) != len(entry.accounts):
        return refuse("listed_twice", what="account")
    earlier = () if entry.replaces is UNSET else end_mandate(ctx, entry.replaces)
    if isinstance(earlier, Refusal):
        return earlier
    if entry.until_ms <= ctx.time_ms and entry.replaces is UNSET:
        return refuse("mandate_ended", mandate=ctx.index, until_ms=entry.until_ms)
    owner = ""
    for account_id in dict.fromkeys((*entry.accounts, *earlier)):
        account = ctx.state.get(f"account/{account_id}", v.Account)
        if account is None:
            return refuse("unknown_account", account=account_id)
        account_owner = account_id if account.owner is UNSET else account.owner
        if owner and account_owner != owner:
            return refuse("accounts_of_several_owners", account=account_id)
        owner = account_owner
        if refusal := ctx.need_owner(account_id, account):
            return refusal
    limits = entry.limits
    ctx.state.put(
        f"mandate/{v.number(ctx.index)}",
        v.Mandate(
            owner=owner,
            agent=entry.agent,
            accounts=entry.accounts,
            kinds=entry.kinds,
            until_ms=entry.until_ms,
            per_entry_g=UNSET if limits is UNSET else limits.per_entry_g,
            total_g=UNSET if limits is UNSET else limits.total_g,
        ),
    )
    return None


def end_mandate(ctx: Context, mandate_index: int) -> tuple[str, ...] | Refusal:
    """End a mandate as of now; its accounts, all of whose consent that takes."""
    given = standing(ctx, mandate_index)
    if isinstance(given, Refusal):
        return given
    ctx.state.put(
        f"mandate/{v.number(mandate_index)}", structs.replace(given, until_ms=ctx.time_ms)
    )
    return given.accounts


def standing(ctx: Context, mandate_index: int) -> v.Mandate | Refusal:
    """The mandate of that index, if it has not ended."""
    given = ctx.state.get(f"mandate/{v.number(mandate_index)}", v.Mandate)
    if given is None:
        return refuse("unknown_mandate", mandate=mandate_index)
    if given.until_ms <= ctx.time_ms:
        return refuse("mandate_ended", mandate=mandate_index, until_ms=given.until_ms)
    return given


def transfer(ctx: Context, entry: Transfer) -> Refusal | None:
    """Move free serials from one account to another."""
    state = ctx.state
    if entry.from_ == entry.to:
        return refuse("same_account")
    sender = state.get(f"account/{entry.from_}", v.Account)
    receiver = state.get(f"account/{entry.to}", v.Account)
    if sender is None or receiver is None:
        return refuse("unknown_account", account=entry.to if sender else entry.from_)
    if refusal := consent(ctx, entry.from_, sender, "transfer", entry.mandate):
        return refusal
    if refusal := receiver_accepts(ctx, entry.from_, entry.to, receiver):
        return refusal
    if refusal := record_trade(ctx, entry.reason, entry.trade, "transfer"):
        return refusal
    if refusal := may_send(ctx, entry.from_, sender, entry.to):
        return refusal
    moved_g = 0
    for item in entry.items:
        chosen = holdings.choose(ctx, entry.from_, item)
        if isinstance(chosen, Refusal):
            return chosen
        holdings.take(state, entry.from_, item.batch, chosen)
        if refusal := holdings.give(state, entry.to, item.batch, chosen.spans):
            return refusal
        moved_g += chosen.quantity_g
    if refusal := use_limits(ctx, entry.from_, sender, moved_g):
        return refusal
    return use_mandate(ctx, entry.mandate, moved_g)


def may_send(ctx: Context, name: str, account: v.Account, receiver: str) -> Refusal | None:
    """Where an account lists receivers, its credits go to no others, and not before the delay."""
    if account.receivers is UNSET:
        return None
    usable = dict(account.receivers)
    if receiver not in usable:
        return refuse("receiver_not_listed", account=name, receiver=receiver)
    if ctx.time_ms < usable[receiver]:
        return refuse("receiver_too_new", receiver=receiver, ready_ms=usable[receiver])
    return None


def _over(name: str, which: str, limit_g: int, wanted_g: int) -> Refusal:
    """`which` limit it is, by its name in the entry."""
    return refuse("account_limit", account=name, which=which, limit_g=limit_g, wanted_g=wanted_g)


def use_limits(ctx: Context, name: str, account: v.Account, moved_g: int) -> Refusal | None:
    """Count what leaves an account against its limits per transfer and per civil day."""
    if account.per_transfer_g is not UNSET and moved_g > account.per_transfer_g:
        return _over(name, "per_transfer_g", account.per_transfer_g, moved_g)
    if account.per_day_g is UNSET:
        return None
    today = civil_day(ctx.time_ms, ctx.log.offset_min)
    day_g = moved_g + (account.day_g or 0 if account.day == today else 0)
    if day_g > account.per_day_g:
        return _over(name, "per_day_g", account.per_day_g, day_g)
    ctx.state.put(f"account/{name}", structs.replace(account, day=today, day_g=day_g))
    return None


def consent(
    ctx: Context, account_id: str, account: v.Account, kind: str, mandate_index: int | UnsetType
) -> Refusal | None:
    """Refuse unless the account is not frozen and its owner signed, or an agent for the owner."""
    if account.freezes is not UNSET:
        return refuse("account_frozen", account=account_id, freeze=account.freezes[0])
    if mandate_index is UNSET:
        return ctx.need_owner(account_id, account)
    given = standing(ctx, mandate_index)
    if isinstance(given, Refusal):
        return given
    if account_id not in given.accounts:
        return refuse("mandate_scope", mandate=mandate_index, what=account_id)
    if kind not in given.kinds:
        return refuse("mandate_scope", mandate=mandate_index, what=kind)
    if not ctx.signed_by(given.agent):
        return refuse("party_missing", party=given.agent)
    return None


def use_mandate(ctx: Context, mandate_index: int | UnsetType, moved_g: int) -> Refusal | None:
    """Count what was moved under a mandate against its limits."""
    if refusal := holdings.too_large(moved_g):
        return refusal
    if mandate_index is UNSET:
        return None
    key = f"mandate/{v.number(mandate_index)}"
    given = ctx.state.must(key, v.Mandate)
    used_g = given.used_g + moved_g
    for limit_g, wanted_g in ((given.per_entry_g, moved_g), (given.total_g, used_g)):
        if limit_g is not UNSET and wanted_g > limit_g:
            return refuse(
                "mandate_limit", mandate=mandate_index, limit_g=limit_g, wanted_g=wanted_g
            )
    if refusal := holdings.too_large(used_g):
        return refusal
    ctx.state.put(key, structs.replace(given, used_g=used_g))
    return None


def receiver_accepts(
    ctx: Context, sender: str, receiver_id: str, receiver: v.Account
) -> Refusal | None:
    """Refuse unless the receiving account's rule, or its own signature, lets the credits in."""
    if receiver.accept == "any":
        return None
    if receiver.accept == "listed" and sender in receiver.listed:
        return None
    if ctx.need_owner(receiver_id, receiver) is not None:
        return refuse("receiver_missing", account=receiver_id)
    return None


def record_trade(ctx: Context, reason: str, trade: Trade | UnsetType, kind: str) -> Refusal | None:
    """Note a venue's trade id, once; the venue signs what it says it has traded."""
    if (trade is UNSET) != (reason != "trade"):
        return refuse("trade_field")
    if trade is UNSET:
        return None
    venue = trade.venue
    if venue != "otc":
        if not ctx.signed_by(venue):
            return refuse("party_missing", party=venue)
        if venue not in ctx.parties_with("exchange"):
            return refuse("role_missing", kind=kind, role="exchange")
    key = f"trade/{venue}/{v.digest(trade.trade_id)}"
    if known := ctx.state.get(key, v.Trade):
        return refuse("trade_exists", venue=venue, index=known.index)
    ctx.state.put(key, v.Trade(index=ctx.index))
    return None
