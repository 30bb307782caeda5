"""The only place that decides whether an entry comes into the log, and what it then changes.

`apply` is a function of the state, the entry, its index and its record time (law 4); nothing else.
It tries, in this order:

1. the log is open and has not ended, and this entry is for it
2. not_after: not before the record time, at most 30 days after it
3. every signer's key is enrolled and in force at the record time; the entry enrols others
4. every signature verifies
5. what the entry enrols has signed it too (proof of possession)
6. no memo where a personal account is touched
7. the rule of its kind

How signatures are checked is the caller's choice of function, not of verdict: the writer brings
what an API process has already checked, an audit hands the work to other processes, tests check on
the spot. Ids are not here: the store keeps them for ever, a replay until their not_after.

    refusal = apply(state, parsed, index=7, time_ms=1763700000000, verify=verify_here)
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain
from typing import assert_never

from msgspec import UNSET

from registry.chain import ed25519
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.note import parse_vkey
from registry.ledger import values as v
from registry.ledger.codec import Parsed
from registry.ledger.context import Context
from registry.ledger.dates import DAY_MS
from registry.ledger.entries import (
    Account,
    Cancellation,
    Common,
    Conversion,
    Correction,
    End,
    Entry,
    Event,
    Execution,
    Expiry,
    Freeze,
    Genesis,
    Issuance,
    Key,
    LogKey,
    Mandate,
    Methodology,
    Notice,
    Obligation,
    Opening,
    Order,
    OrderChange,
    Party,
    Pledge,
    PointsScheme,
    Project,
    Redemption,
    Release,
    Reservation,
    Retirement,
    Rulebook,
    Seal,
    Settlement,
    Swap,
    Transfer,
    Unfreeze,
    Unpledge,
)
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.rules import (
    authority,
    court,
    holds,
    mending,
    moving,
    points,
    sealing,
    supply,
    use,
)
from registry.ledger.state import State

NOT_AFTER_MS_MAX = 30 * DAY_MS
"""How far after the record time an entry's not_after may lie."""

ENROLLING = (Genesis, Party, Account, Key)
"""Kinds that may put a key in force."""

SignatureCheck = Callable[[bytes, bytes, bytes], None]
"""(public key, signature, text): returns if the signature is good, raises NotTrusted if not."""


def verify_here(public_key: bytes, signature: bytes, text: bytes) -> None:
    """The plain way to check a signature: at once, strictly (DESIGN §2)."""
    ed25519.verify(public_key, signature, text)


def apply(
    state: State, parsed: Parsed, *, index: int, time_ms: int, verify: SignatureCheck
) -> Refusal | None:
    """Judge one entry; if it is accepted its changes are in `state`, if not nothing has changed."""
    refusal = _judge(state, parsed, index, time_ms, verify)
    if refusal is None:
        state.accept()
    else:
        state.discard()
    return refusal


def _judge(
    state: State, parsed: Parsed, index: int, time_ms: int, verify: SignatureCheck
) -> Refusal | None:
    entry = parsed.entry
    log = state.get(v.LOG, v.Log)
    if log is None:
        if not isinstance(entry, Genesis):
            return refuse("log_not_open")
    elif isinstance(entry, Genesis):
        return refuse("log_already_open")
    elif parsed.origin != log.origin:
        return refuse("wrong_origin", entry_origin=parsed.origin[:200], origin=log.origin)
    elif log.ended is not UNSET:
        return refuse("log_ended", index=log.ended)
    if entry.not_after < time_ms:
        return refuse("expired", not_after=entry.not_after, time_ms=time_ms)
    if entry.not_after > time_ms + NOT_AFTER_MS_MAX:
        return refuse("not_after_too_far", not_after=entry.not_after, time_ms=time_ms)
    holders = _check_signatures(state, parsed, time_ms, verify)
    if isinstance(holders, Refusal):
        return holders
    if isinstance(entry, Genesis):
        return authority.genesis(state, entry, parsed.origin, index, time_ms)
    if entry.memo is not UNSET and (refusal := _check_memo(state, entry)):
        return refusal
    if log is None:
        return refuse("log_not_open")
    return _apply_kind(Context(state, log, index, time_ms, holders), entry)


def _check_signatures(
    state: State, parsed: Parsed, time_ms: int, verify: SignatureCheck
) -> tuple[str, ...] | Refusal:
    """Who signed by a key that counts; a key enrolled by this very entry counts for nothing."""
    holders: list[str] = []
    enrolled: dict[str, str] | None = None
    for signer, signature in zip(parsed.entry.signers, parsed.signatures, strict=True):
        key = state.get(f"key/{signer}", v.Key)
        if key is not None:
            if not in_force(key, time_ms):
                return refuse("key_not_in_force", signer=signer)
            text = key.key
            holders.append(signer[:-9])
        else:
            if enrolled is None:
                enrolled = _enrolled_by(parsed.entry)
            if signer not in enrolled:
                return refuse("unknown_signer", signer=signer)
            text = enrolled.pop(signer)
        try:
            verify(public_key_of(text), signature, parsed.text)
        except Malformed as error:
            return refuse("bad_key", key=text[:40], holder=signer[:-9], why=error.message)
        except NotTrusted:
            return refuse("bad_signature", signer=signer)
    if enrolled is None and isinstance(parsed.entry, ENROLLING):
        enrolled = _enrolled_by(parsed.entry)
    for signer in enrolled or ():
        if signer not in parsed.entry.signers:
            return refuse("possession_not_proved", key=signer)
    return tuple(holders)


def in_force(key: v.Key, time_ms: int) -> bool:
    """True if the key counts for an entry recorded at `time_ms`."""
    if key.revoked is not UNSET or time_ms < key.from_ms:
        return False
    return key.until_ms is UNSET or time_ms < key.until_ms


@lru_cache(maxsize=16_384)
def public_key_of(vkey: str) -> bytes:
    """The raw public key of a verifier key; Malformed if the text is not one."""
    return parse_vkey(vkey).public_key


def _enrolled_by(entry: Common) -> dict[str, str]:
    """`<name>+<8 hex>` and text of each key that an entry enrols."""
    match entry:
        case Genesis() | Party():
            texts = [enrolled.key for enrolled in entry.keys]
        case Account() if entry.keys is not UNSET:
            texts = [enrolled.key for enrolled in entry.keys]
        case Key() if entry.action in ("add", "recover"):
            texts = [entry.key]
        case _:
            return {}
    return {"+".join(text.split("+", 2)[:2]): text for text in texts}


def accounts_of(entry: Common) -> Iterable[str]:
    """The accounts that an entry touches, for the memo rule and for lists of entries."""
    match entry:
        case Account() | Retirement() | Conversion() | Pledge():
            yield entry.account
        case Expiry() if entry.account is not UNSET:
            yield entry.account
        case Cancellation():
            held = (*(entry.items or ()), *(entry.cover_items or ()))
            yield from dict.fromkeys(i.account for i in held if i.account is not UNSET)
        case Execution():
            yield entry.account
            if entry.to is not UNSET:
                yield entry.to
        case Freeze() if entry.account is not UNSET:
            yield entry.account
        case Transfer() | Reservation():
            yield entry.from_
            yield entry.to
        case Mandate():
            yield from entry.accounts
        case Issuance():
            yield from dict.fromkeys(batch.account for batch in entry.batches)
        case Opening():
            yield from dict.fromkeys(p.account for p in entry.parts if p.account is not UNSET)
        case Key() if "." not in entry.holder:  # a party's name has a dot
            yield entry.holder
        case _:
            return


def batches_of(entry: Common) -> Iterable[str]:
    """The batches that an entry names."""
    match entry:
        case Transfer() | Retirement() | Reservation() | Pledge() | Execution():
            yield from dict.fromkeys(item.batch for item in entry.items)
        case Freeze() | Unpledge() | Settlement() if entry.items is not UNSET:
            yield from dict.fromkeys(item.batch for item in entry.items)
        case Cancellation():
            held = ((entry.items or ()), (entry.buffer_items or ()), (entry.cover_items or ()))
            yield from dict.fromkeys(item.batch for items in held for item in items)
        case Freeze() if entry.batch is not UNSET:
            yield entry.batch
        case Conversion() if entry.items is not UNSET:
            yield from dict.fromkeys(item.batch for item in entry.items)
        case Issuance():
            yield from (batch.batch for batch in entry.batches)
            if entry.buffer is not UNSET:
                yield from (batch.batch for batch in entry.buffer)
        case Opening():
            yield entry.batch
        case _:
            return


def touches(parsed: Parsed) -> list[str]:
    """State keys that judging this entry will read: a hint for prefetching, never a verdict."""
    entry = parsed.entry
    keys = [f"key/{signer}" for signer in entry.signers]
    if isinstance(entry, Transfer):
        keys += (f"account/{entry.from_}", f"account/{entry.to}")
        for item in entry.items:
            batch = item.batch
            keys += (
                f"batch/{batch}",
                v.balance_key(entry.from_, batch),
                v.balance_key(entry.to, batch),
            )
        if entry.trade is not UNSET:
            keys.append(f"trade/{entry.trade.venue}/{v.digest(entry.trade.trade_id)}")
        return keys
    accounts = tuple(accounts_of(entry))
    keys += (f"account/{account}" for account in accounts)
    for batch in batches_of(entry):
        keys.append(f"batch/{batch}")
        keys += (v.balance_key(account, batch) for account in accounts)
    return keys


def _check_memo(state: State, entry: Common) -> Refusal | None:
    if isinstance(entry, Account) and entry.type == "personal":
        return refuse("memo_with_personal_account", account=entry.account)
    for account_id in chain(accounts_of(entry), _behind(state, entry)):
        account = state.get(f"account/{account_id}", v.Account)
        if account is not None and account.type == "personal":
            return refuse("memo_with_personal_account", account=account_id)
    return None


def _behind(state: State, entry: Common) -> Iterable[str]:
    """The accounts that an entry touches without naming them: by what it ends, by who signs it."""
    for signer in entry.signers:
        if "." not in signer[:-9]:  # a party's name has a dot
            yield signer[:-9]
    match entry:
        case Settlement() | Release():
            key = f"reservation/{v.number(entry.reservation)}"
            if (reserved := state.get(key, v.Reservation)) is not None:
                yield from (reserved.sender, reserved.receiver)
        case Unpledge():
            if (pledged := state.get(f"pledge/{v.number(entry.pledge)}", v.Pledge)) is not None:
                yield pledged.account
        case Unfreeze():
            frozen = state.get(f"freeze/{v.number(entry.freeze)}", v.Freeze)
            if frozen is not None and frozen.account is not UNSET:
                yield frozen.account
        case Correction() | Notice():
            subject = entry.subject if isinstance(entry, Correction) else entry.about
            yield subject.removeprefix("account/")
        case _:
            return


def _apply_kind(ctx: Context, entry: Entry) -> Refusal | None:
    match entry:
        case Transfer():
            return moving.transfer(ctx, entry)
        case Retirement():
            return use.retirement(ctx, entry)
        case Conversion():
            return points.conversion(ctx, entry)
        case Redemption():
            return points.redemption(ctx, entry)
        case Issuance():
            return supply.issuance(ctx, entry)
        case Opening():
            return supply.opening(ctx, entry)
        case Account() | Party() | Key() | LogKey() | Rulebook():
            return _apply_authority(ctx, entry)
        case Methodology():
            return supply.methodology(ctx, entry)
        case Project():
            return supply.project(ctx, entry)
        case Mandate():
            return moving.mandate(ctx, entry)
        case PointsScheme():
            return points.points_scheme(ctx, entry)
        case Order():
            return use.order(ctx, entry)
        case Event():
            return use.event(ctx, entry)
        case Obligation():
            return use.obligation(ctx, entry)
        case Reservation():
            return holds.reservation(ctx, entry)
        case Settlement():
            return holds.settlement(ctx, entry)
        case Release():
            return holds.release(ctx, entry)
        case Pledge():
            return holds.pledge(ctx, entry)
        case Unpledge():
            return holds.unpledge(ctx, entry)
        case Freeze():
            return court.freeze(ctx, entry)
        case Unfreeze():
            return court.unfreeze(ctx, entry)
        case Execution():
            return court.execution(ctx, entry)
        case OrderChange():
            return court.order_change(ctx, entry)
        case Cancellation():
            return mending.cancellation(ctx, entry)
        case Correction():
            return mending.correction(ctx, entry)
        case Notice():
            return mending.notice(ctx, entry)
        case Swap():
            return points.swap(ctx, entry)
        case Expiry():
            return points.expiry(ctx, entry)
        case Seal() | End():
            return sealing.sealing(ctx, entry)
        case Genesis():
            return refuse("log_already_open")
        case _:
            assert_never(entry)


def _apply_authority(
    ctx: Context, entry: Account | Party | Key | LogKey | Rulebook
) -> Refusal | None:
    match entry:
        case Account():
            return authority.account(ctx, entry)
        case Party():
            return authority.party(ctx, entry)
        case Key():
            return authority.key(ctx, entry)
        case LogKey():
            return authority.logkey(ctx, entry)
        case Rulebook():
            return authority.rulebook(ctx, entry)
        case _:
            assert_never(entry)
