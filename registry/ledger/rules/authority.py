"""Rules of genesis, rulebook, party, key, account, logkey: who may do what, and by which keys."""

import re
from collections.abc import Iterable

from msgspec import UNSET, UnsetType, structs

from registry.chain.checkpoint import check_origin
from registry.chain.errors import Malformed
from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44, VerifierKey, parse_vkey
from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.dates import DAY_MS
from registry.ledger.entries import Account, Genesis, Key, LogKey, Party, Rulebook
from registry.ledger.entries.authority import EnrolledKey, LogKeys
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.rulebook import check_values, integer
from registry.ledger.state import State

OPEN_ROLES = frozenset({"owner", "platform", "obligated", "organiser"})
"""Roles that the operator alone may give; all others need the authority's signature too."""
RULESETS = frozenset({1})
LOGKEY_OVERLAP_MS_MIN = 30 * DAY_MS
"""So long at least the log's old keys sign beside the new ones: time for people to learn those."""
LOGKEY_OVERLAP_MS_MAX = 366 * DAY_MS
"""And so long at most: meanwhile nothing can replace the new ones."""


def genesis(state: State, entry: Genesis, origin: str, index: int, time_ms: int) -> Refusal | None:
    """Open the log: enrol operator and authority, whose own new keys count here and only here."""
    if entry.ruleset not in RULESETS:
        return refuse("ruleset_unknown", ruleset=entry.ruleset)
    if refusal := check_new_origin(origin):
        return refusal
    if refusal := _register_log_keys(state, entry.log_keys, origin):
        return refusal
    founders = {entry.operator.party: "operator", entry.authority.party: "authority"}
    if len(founders) != 2:
        return refuse("listed_twice", what=entry.operator.party)
    for enrolled in entry.keys:
        holder = enrolled.key.partition("+")[0]
        if holder not in founders:
            return refuse("unknown_party", party=holder)
        if refusal := enrol_key(state, holder, enrolled, index, time_ms):
            return refusal
    for founder, role in ((entry.operator, "operator"), (entry.authority, "authority")):
        if not any(s.startswith(f"{founder.party}+") for s in entry.signers):
            return refuse("party_missing", party=founder.party)
        state.put(
            f"party/{founder.party}", v.Party(title=founder.title, roles=(role,), index=index)
        )
    state.put(
        v.LOG,
        v.Log(
            origin=origin,
            region=entry.region,
            offset_min=entry.offset_min,
            ruleset=entry.ruleset,
            operator=entry.operator.party,
            authority=entry.authority.party,
            ed25519=entry.log_keys.ed25519,
            mldsa44=entry.log_keys.mldsa44,
            opened_ms=time_ms,
        ),
    )
    return None


def rulebook(ctx: Context, entry: Rulebook) -> Refusal | None:
    """Put a version of the region's policy data in force, never retroactively."""
    if refusal := ctx.need_role("rulebook", "authority", "operator"):
        return refusal
    if entry.ruleset is not UNSET and entry.ruleset not in RULESETS:
        return refuse("ruleset_unknown", ruleset=entry.ruleset)
    last_version, last_from_ms = ctx.log.rulebooks[-1] if ctx.log.rulebooks else (0, 0)
    if entry.version != last_version + 1:
        return refuse("rulebook_version", version=entry.version, next=last_version + 1)
    if entry.effective_from_ms < max(ctx.time_ms, last_from_ms):
        return refuse("rulebook_retroactive", time_ms=ctx.time_ms, version=last_version)
    if refusal := check_values(entry.values):
        return refusal
    ctx.state.put(
        f"rulebook/{v.number(entry.version)}",
        v.Rulebook(effective_from_ms=entry.effective_from_ms, index=ctx.index, values=entry.values),
    )
    rulebooks = (*ctx.log.rulebooks, (entry.version, entry.effective_from_ms))
    rulesets = ctx.log.rulesets
    if entry.ruleset is not UNSET:
        rulesets = (*(rulesets or ()), (entry.ruleset, entry.effective_from_ms))
    ctx.state.put(v.LOG, structs.replace(ctx.log, rulebooks=rulebooks, rulesets=rulesets))
    return None


def party(ctx: Context, entry: Party) -> Refusal | None:
    """Enrol an organisation; a role beyond the open ones needs the authority."""
    if refusal := ctx.need_role("party", "operator"):
        return refusal
    if set(entry.roles) - OPEN_ROLES and (refusal := ctx.need_role("party", "authority")):
        return refusal
    if len(set(entry.roles)) != len(entry.roles):
        return refuse("listed_twice", what="role")
    if ctx.state.get(f"party/{entry.party}", v.Party):
        return refuse("party_exists", party=entry.party)
    if refusal := enrol_keys(ctx, entry.party, entry.keys):
        return refusal
    ctx.state.put(
        f"party/{entry.party}", v.Party(title=entry.title, roles=entry.roles, index=ctx.index)
    )
    return None


def account(ctx: Context, entry: Account) -> Refusal | None:
    """Open an account of an institution, or of a person who is never named; or change its rules."""
    known = ctx.state.get(f"account/{entry.account}", v.Account)
    refusal = _open(ctx, entry) if known is None else _change(ctx, entry, known)
    if refusal:
        return refusal
    for listed in (entry.listed or (), entry.receivers or ()):
        if len(set(listed)) != len(listed):
            return refuse("listed_twice", what="account")
    receivers = _receivers(ctx, entry, known)
    if isinstance(receivers, Refusal):
        return receivers
    limits = entry.limits
    rules = v.Account(
        type=entry.type,
        accept=entry.accept,
        need=entry.need,
        index=ctx.index,
        owner=entry.owner,
        listed=entry.listed or (),
        receivers=receivers,
        per_transfer_g=UNSET if limits is UNSET else limits.per_transfer_g,
        per_day_g=UNSET if limits is UNSET else limits.per_day_g,
    )
    if known is not None:
        changes = ctx.changed(f"account/{entry.account}", known)
        if isinstance(changes, Refusal):
            return changes
        rules = structs.replace(
            rules,
            index=known.index,
            changes=changes,
            freezes=known.freezes,
            remarks=known.remarks,
            day=known.day,
            day_g=known.day_g,
        )
    ctx.state.put(f"account/{entry.account}", rules)
    if entry.owner is not UNSET and entry.need > 1:
        owner = ctx.state.must(f"party/{entry.owner}", v.Party)
        ctx.state.put(f"party/{entry.owner}", structs.replace(owner, need=entry.need))
    return None


def _open(ctx: Context, entry: Account) -> Refusal | None:
    if refusal := ctx.need_role("account", "operator"):
        return refusal
    if entry.type == "institution":
        if entry.owner is UNSET or entry.keys is not UNSET:
            return refuse("account_form", type=entry.type, wanted="owner")
        if not ctx.state.get(f"party/{entry.owner}", v.Party):
            return refuse("unknown_party", party=entry.owner)
        if not ctx.signed_by(entry.owner):
            return refuse("party_missing", party=entry.owner)
        return None
    if entry.keys is UNSET or entry.owner is not UNSET:
        return refuse("account_form", type=entry.type, wanted="keys")
    if len(entry.keys) < entry.need:
        return refuse("too_few_keys", need=entry.need, keys=len(entry.keys))
    return enrol_keys(ctx, entry.account, entry.keys)


def _change(ctx: Context, entry: Account, known: v.Account) -> Refusal | None:
    """Two representatives where two are needed; keys come and go by entries of kind key."""
    if (entry.type, entry.owner) != (known.type, known.owner) or entry.keys is not UNSET:
        return refuse("account_exists", account=entry.account)
    return ctx.need_owner(entry.account, known)


def _receivers(
    ctx: Context, entry: Account, known: v.Account | None
) -> tuple[tuple[str, int], ...] | UnsetType | Refusal:
    """From when on each receiver is usable: at once in a new account, else after the delay.

    A list that is left out stays: else it could be lifted at once, and the delay with it.
    """
    if entry.receivers is UNSET:
        return UNSET if known is None else known.receivers
    if known is None:
        return tuple((receiver, ctx.time_ms) for receiver in entry.receivers)
    if (rules := ctx.rules()) is None:
        return refuse("no_rulebook")
    usable = dict(known.receivers or ())
    ready_ms = ctx.time_ms + integer(rules, "receiver_delay_ms")
    return tuple((receiver, usable.get(receiver, ready_ms)) for receiver in entry.receivers)


def key(ctx: Context, entry: Key) -> Refusal | None:
    """Add, revoke or recover a key. A recovery is two entries with the rulebook's delay between."""
    if not _holder_exists(ctx.state, entry.holder):
        return refuse("unknown_party", party=entry.holder)
    match entry.action:
        case "add":
            if refusal := _need_representatives(ctx, entry.holder):
                return refusal
            enrolled = EnrolledKey(key=entry.key, until_ms=entry.until_ms)
            return enrol_keys(ctx, entry.holder, (enrolled,))
        case "revoke":
            return _revoke(ctx, entry)
        case "recover":
            return _recover(ctx, entry)
        case "complete":
            return _complete(ctx, entry)


def _need_representatives(ctx: Context, holder: str) -> Refusal | None:
    """Where two must sign, one alone may not enrol a second key for himself."""
    account = ctx.state.get(f"account/{holder}", v.Account)
    party = ctx.state.get(f"party/{holder}", v.Party)
    need = account.need if account else (party and party.need) or 1
    signed = ctx.holders.count(holder)
    if not signed:
        return refuse("party_missing", party=holder)
    if signed < need:
        return refuse("owner_missing", account=holder, signed=signed, need=need)
    return None


def _revoke(ctx: Context, entry: Key) -> Refusal | None:
    if not ctx.signed_by(entry.holder):
        return refuse("party_missing", party=entry.holder)
    pending = ctx.state.get(f"recovery/{entry.holder}", v.Recovery)
    if pending and pending.key == entry.key:
        ctx.state.delete(f"recovery/{entry.holder}")
        return None
    signer = _signer_name(entry.key)
    held = ctx.state.get(f"key/{signer}", v.Key)
    if not held or held.key != entry.key or not signer.startswith(f"{entry.holder}+"):
        return refuse("key_unknown", holder=entry.holder, key=signer)
    if held.revoked is not UNSET:
        return refuse("key_already_revoked", key=signer, index=held.revoked)
    ctx.state.put(f"key/{signer}", structs.replace(held, revoked=ctx.index))
    return None


def _recover(ctx: Context, entry: Key) -> Refusal | None:
    if refusal := ctx.need_role("key", "operator", "authority"):
        return refusal
    if pending := ctx.state.get(f"recovery/{entry.holder}", v.Recovery):
        return refuse("recovery_pending", holder=entry.holder, index=pending.index)
    parsed = parse_party_key(entry.key, entry.holder)
    if isinstance(parsed, Refusal):
        return parsed
    if (rules := ctx.rules()) is None:
        return refuse("no_rulebook")
    ready_ms = ctx.time_ms + integer(rules, "key_recovery_delay_ms")
    ctx.state.put(
        f"recovery/{entry.holder}", v.Recovery(key=entry.key, index=ctx.index, ready_ms=ready_ms)
    )
    return None


def _complete(ctx: Context, entry: Key) -> Refusal | None:
    if refusal := ctx.need_role("key", "operator", "authority"):
        return refusal
    pending = ctx.state.get(f"recovery/{entry.holder}", v.Recovery)
    if not pending or pending.key != entry.key:
        return refuse("no_recovery", holder=entry.holder, key=_signer_name(entry.key))
    if ctx.time_ms < pending.ready_ms:
        return refuse("recovery_too_early", holder=entry.holder, ready_ms=pending.ready_ms)
    ctx.state.delete(f"recovery/{entry.holder}")
    return enrol_keys(ctx, entry.holder, (EnrolledKey(key=entry.key, until_ms=entry.until_ms),))


def logkey(ctx: Context, entry: LogKey) -> Refusal | None:
    """Put new log keys in force from the next size on; at most two pairs sign at any time.

    The log keys do not sign this entry: the first checkpoint over it bears the lines of all four.
    """
    if refusal := ctx.need_role("logkey", "operator", "authority"):
        return refusal
    rotations = ctx.log.rotations or ()
    if rotations and ctx.time_ms < rotations[-1][1]:
        return refuse("logkey_running", index=rotations[-1][0], until_ms=rotations[-1][1])
    least_ms = ctx.time_ms + LOGKEY_OVERLAP_MS_MIN
    most_ms = ctx.time_ms + LOGKEY_OVERLAP_MS_MAX
    if not least_ms <= entry.until_ms <= most_ms:
        return refuse("logkey_overlap", until_ms=entry.until_ms, least_ms=least_ms, most_ms=most_ms)
    keys = LogKeys(ed25519=entry.ed25519, mldsa44=entry.mldsa44)
    if refusal := _register_log_keys(ctx.state, keys, ctx.log.origin):
        return refusal
    ctx.state.put(
        f"logkey/{v.number(ctx.index)}", v.LogKey(ed25519=keys.ed25519, mldsa44=keys.mldsa44)
    )
    rotations = (*rotations, (ctx.index, entry.until_ms))
    ctx.state.put(v.LOG, structs.replace(ctx.log, rotations=rotations))
    return None


def enrol_keys(ctx: Context, holder: str, keys: Iterable[EnrolledKey]) -> Refusal | None:
    """Put keys of a holder in force from this entry on, or refuse."""
    for enrolled in keys:
        if refusal := enrol_key(ctx.state, holder, enrolled, ctx.index, ctx.time_ms):
            return refusal
    return None


def enrol_key(
    state: State, holder: str, enrolled: EnrolledKey, index: int, time_ms: int
) -> Refusal | None:
    """Put one key in force; a raw public key serves one purpose and one holder, ever."""
    parsed = parse_party_key(enrolled.key, holder)
    if isinstance(parsed, Refusal):
        return parsed
    signer = f"{holder}+{parsed.key_id.hex()}"
    if refusal := _take(state, parsed, holder, signer):
        return refusal
    if state.get(f"key/{signer}", v.Key):
        return refuse("key_taken", key=signer, holder=holder)
    from_ms = time_ms if enrolled.from_ms is UNSET else enrolled.from_ms
    if enrolled.until_ms is not UNSET and enrolled.until_ms <= from_ms:
        return refuse("key_dates", key=signer)
    state.put(
        f"key/{signer}",
        v.Key(key=enrolled.key, from_ms=from_ms, until_ms=enrolled.until_ms, index=index),
    )
    return None


def parse_party_key(text: str, holder: str) -> VerifierKey | Refusal:
    """The Ed25519 key that `text` writes for `holder`, or the refusal of it."""
    try:
        parsed = parse_vkey(text)
    except Malformed as error:
        return refuse("bad_key", key=text[:40], holder=holder, why=error.message)
    if parsed.type != TYPE_ED25519:
        return refuse("bad_key", key=text[:40], holder=holder, why="its type is not 0x01")
    if parsed.name != holder:
        return refuse("bad_key", key=text[:40], holder=holder, why="it bears another name")
    return parsed


def check_new_origin(origin: str) -> Refusal | None:
    """An origin ends in 8 random hex digits, so that a log made anew is another log."""
    try:
        check_origin(origin)
    except Malformed as error:
        return refuse("bad_origin", origin=origin[:200], why=error.message)
    if not re.fullmatch(r".*/[0-9a-f]{8}", origin):
        return refuse("bad_origin", origin=origin, why="it does not end in 8 hex digits")
    return None


def _register_log_keys(state: State, keys: LogKeys, origin: str) -> Refusal | None:
    """Both keys bear the log's name and serve nobody yet."""
    for text, kind in ((keys.ed25519, TYPE_ED25519), (keys.mldsa44, TYPE_MLDSA44)):
        if refusal := _register_log_key(state, text, origin, kind):
            return refusal
    return None


def _register_log_key(state: State, text: str, origin: str, kind: int) -> Refusal | None:
    try:
        parsed = parse_vkey(text)
    except Malformed as error:
        return refuse("bad_key", key=text[:40], holder=origin, why=error.message)
    if parsed.type != kind or parsed.name != origin:
        return refuse("bad_key", key=text[:40], holder=origin, why="wrong type or name")
    return _take(state, parsed, origin, origin)


def _take(state: State, parsed: VerifierKey, holder: str, shown: str) -> Refusal | None:
    """Note who holds a raw public key, or refuse because somebody already does."""
    place = f"pubkey/{v.digest(parsed.public_key.hex())}"
    if taken := state.get(place, v.PublicKey):
        return refuse("key_taken", key=shown, holder=taken.holder)
    state.put(place, v.PublicKey(holder=holder))
    return None


def _holder_exists(state: State, holder: str) -> bool:
    if state.get(f"party/{holder}", v.Party):
        return True
    return state.get(f"account/{holder}", v.Account) is not None


def _signer_name(vkey: str) -> str:
    """`<name>+<8 hex>` of a verifier key."""
    return "+".join(vkey.split("+", 2)[:2])
