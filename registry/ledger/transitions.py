"""What must hold of every step of a log: the state before an entry, the entry, the state after it.

`registry.ledger.invariants` looks at one state; here stands what only a step can show: who acted,
and what may never be undone. Tests and simulations check each step of a history. Nothing of the
rules is asked: roles, consent and purposes are read off the state map anew.

    order        index, time and id: the next index, no earlier time, not_after kept, no id twice
    authority    every signature is by a key in force at the entry, or by one that it enrols
    quorum       the roles that the kind wants have signed; two organisations where two are wanted
    consent      nothing leaves an account, and nothing comes in, but by whoever may say so
    terminal     what is retired or cancelled stays so, to the serial
    purpose      what is retired is of a class (and vintage) that may serve the purpose
    freezes      what is frozen stays where it is, save by execution or because it was wrong
    append_only  what was said stays said: remarks, changes and facts are only ever added to
    debt         what stays good though it was wrong is drawn from elsewhere, or owed

    watch = Watch()
    broken = watch.broken_by(Step(before, after, changed, entry, index, time_ms))
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from msgspec import UNSET

from registry.ledger import values as v
from registry.ledger.apply import NOT_AFTER_MS_MAX
from registry.ledger.entries import (
    Account,
    Cancellation,
    Common,
    Correction,
    End,
    Event,
    Execution,
    Freeze,
    Genesis,
    Issuance,
    Key,
    Methodology,
    Notice,
    Obligation,
    Opening,
    Order,
    Party,
    Pledge,
    PointsScheme,
    Redemption,
    Reservation,
    Retirement,
    Rulebook,
    Seal,
    Settlement,
    Transfer,
    Unfreeze,
)
from registry.ledger.entries.authority import RuleValue
from registry.ledger.invariants import HELD, Found, Violation, value_at
from registry.ledger.rulebook import allows, integer, text
from registry.ledger.state import StateReader

V = TypeVar("V", bound=v.Value)

OPERATOR, AUTHORITY, CENTRE, EXCHANGE = "operator", "authority", "centre", "exchange"
QUORUMS: dict[type[Common], tuple[tuple[str, ...], ...]] = {
    Rulebook: ((OPERATOR, AUTHORITY),),
    Party: ((OPERATOR,),),
    Methodology: ((CENTRE, AUTHORITY),),
    Opening: ((OPERATOR, AUTHORITY),),
    Seal: ((OPERATOR,),),
    End: ((OPERATOR, AUTHORITY),),
    Correction: ((OPERATOR, AUTHORITY),),
    Notice: ((OPERATOR,), (AUTHORITY,)),
    Obligation: ((AUTHORITY,),),
    PointsScheme: (("points_operator", AUTHORITY),),
    Redemption: (("points_operator", "platform"),),
    Event: (("organiser",),),
    Pledge: (("pledgee",),),
}
"""Roles that must have signed, all of one of the alternatives."""
BY_COURT = {
    "signed": (("court",), (AUTHORITY,)),
    "recorded": ((EXCHANGE, AUTHORITY),),
    "lapsed": ((),),
}
ORGANISATIONS_MIN = 2
OPEN_ROLES = {"owner", "platform", "obligated", "organiser"}
FOR_GOOD = ("retired", "cancelled")
WRITTEN_ONCE = ("rulebook/", "issuance/", "pubkey/", "trade/", "takeover/")


@dataclass(frozen=True, slots=True)
class Step:
    """One accepted entry; `changed`: the keys whose values it changed, made or removed."""

    before: StateReader
    after: StateReader
    changed: Sequence[str]
    entry: Common
    index: int
    time_ms: int
    last_index: int = -1
    last_ms: int = 0
    id_known: bool = False

    def was(self, key: str, kind: type[V]) -> V | None:
        """The value before the entry."""
        return value_at(self.before, key, kind)

    def now(self, key: str, kind: type[V]) -> V | None:
        """The value after the entry."""
        return value_at(self.after, key, kind)

    def of(self, family: str) -> Iterator[str]:
        """The changed keys of a family."""
        return (key for key in self.changed if key.startswith(f"{family}/"))

    def holders(self) -> list[str]:
        """Who signed by a key that was there before the entry; in genesis, all."""
        known = isinstance(self.entry, Genesis)
        return [s[:-9] for s in self.entry.signers if known or self.was(f"key/{s}", v.Key)]

    def parties(self) -> dict[str, tuple[str, ...]]:
        """The parties among them, with their roles."""
        found = {name: self.was(f"party/{name}", v.Party) for name in self.holders()}
        return {name: party.roles for name, party in found.items() if party}

    def rules(self) -> dict[str, RuleValue]:
        """The values of the rulebook in force."""
        log = self.was(v.LOG, v.Log)
        books = log.rulebooks if log else ()
        begun = [version for version, from_ms in books if from_ms <= self.time_ms]
        return self.rulebook(begun[-1]) if begun else {}

    def rulebook(self, version: int) -> dict[str, RuleValue]:
        """The values of a version of the rulebook."""
        book = self.was(f"rulebook/{v.number(version)}", v.Rulebook)
        return book.values if book else {}


def order(step: Step) -> Found:
    """The next index, no earlier time, a not_after that is kept, an id used once."""
    entry, key = step.entry, f"entry {step.index}"
    if step.index != step.last_index + 1 or step.time_ms < step.last_ms:
        yield key, f"it follows {step.last_index} at {step.last_ms} ms with {step.time_ms} ms"
    if not step.time_ms <= entry.not_after <= step.time_ms + NOT_AFTER_MS_MAX:
        yield key, f"its not_after is {entry.not_after}"
    if step.id_known:
        yield key, f"its first signer has used the id {entry.id}"


def authority(step: Step) -> Found:
    """Keys count as of the entry's index, and those that it enrols have signed it."""
    enrolled = {"+".join(text.split("+", 2)[:2]) for text in _enrolled(step.entry)}
    for signer in step.entry.signers:
        key = step.was(f"key/{signer}", v.Key)
        if key is None:
            if signer not in enrolled:
                yield f"key/{signer}", "a signature by a key that is not enrolled"
        elif (
            key.revoked is not UNSET
            or step.time_ms < key.from_ms
            or (key.until_ms is not UNSET and key.until_ms <= step.time_ms)
        ):
            yield f"key/{signer}", "a signature by a key that is not in force"
    for signer in sorted(enrolled - set(step.entry.signers)):
        yield f"key/{signer}", "enrolled without its own signature"


def _enrolled(entry: Common) -> list[str]:
    match entry:
        case Genesis() | Party():
            return [enrolled.key for enrolled in entry.keys]
        case Account():
            return [enrolled.key for enrolled in entry.keys or ()]
        case Key() if entry.action in ("add", "recover"):
            return [entry.key]
    return []


def quorum(step: Step) -> Found:
    """The roles that a kind wants have signed, each by a party that had it before the entry."""
    entry, key = step.entry, f"entry {step.index}"
    parties = step.parties()
    roles = {role for held in parties.values() for role in held}
    if not any(roles.issuperset(wanted) for wanted in _wanted(step)):
        yield key, f"the roles {sorted(roles)} are too few for it"
    if isinstance(entry, Genesis):
        if not {entry.operator.party, entry.authority.party} <= set(step.holders()):
            yield key, "a founder has not signed"
    elif isinstance(entry, Issuance | Cancellation):
        name = entry.project if entry.project is not UNSET else ""
        project = step.now(f"project/{name}", v.Project) if name else None
        if isinstance(entry, Issuance) and entry.new_project is not UNSET:
            project = step.now(f"project/{entry.new_project.project}", v.Project)
        owner = project.fields.owner if project else ""
        if len(set(parties) - {owner}) < ORGANISATIONS_MIN:
            yield key, "fewer than two organisations that are not the owner"


def _wanted(step: Step) -> tuple[tuple[str, ...], ...]:
    match entry := step.entry:
        case Freeze() | Unfreeze() | Execution() | Order():
            return BY_COURT[entry.origin]
        case Key() if entry.action in ("recover", "complete"):
            return ((OPERATOR, AUTHORITY),)
        case Party() if set(entry.roles) - OPEN_ROLES:
            return ((OPERATOR, AUTHORITY),)
        case Account() if step.was(f"account/{entry.account}", v.Account) is None:
            return ((OPERATOR,),)
    return QUORUMS.get(type(entry), ((),))


def consent(step: Step) -> Found:
    """An account gives by its owner (or who acts for him), and takes as its rule says."""
    for key in step.of("balance"):
        account = key.split("/")[1]
        was, now = (_held(find(key, v.Balance)) for find in (step.was, step.now))
        if (now[0] < was[0] or now[1] < was[1]) and not _may_give(step, account):
            yield key, "credits have left without the owner's word"
        if now[1] > was[1] and not _may_take(step, account):
            yield key, "credits have come in that the account does not accept"


def _held(balance: v.Balance | None) -> tuple[int, int]:
    """(free serials, all serials) of a balance."""
    if balance is None:
        return 0, 0
    free = sum(span.count for span in balance.free)
    return free, free + sum(b.last - b.first + 1 for b in balance.bound or ())


def _may_give(step: Step, name: str) -> bool:
    entry = step.entry
    if isinstance(entry, Execution | Freeze | Settlement):
        return True  # by a court; or as the reservation said, to which the owner agreed
    if isinstance(entry, Cancellation):
        if name == text(step.rules(), "reserve_account"):
            return True
        wrong = {i.account for i in entry.items or () if entry.reason != "conversion_out"}
        if name in wrong - {i.account for i in entry.cover_items or ()}:
            return True
    mandate = getattr(entry, "mandate", UNSET)
    if mandate is not UNSET:
        given = step.was(f"mandate/{v.number(mandate)}", v.Mandate)
        kind = "transfer" if isinstance(entry, Reservation) else entry.__struct_config__.tag
        return given is not None and (
            name in given.accounts
            and kind in given.kinds
            and step.time_ms < given.until_ms
            and given.agent in step.holders()
        )
    return _owner_signed(step, name)


def _may_take(step: Step, name: str) -> bool:
    entry = step.entry
    if isinstance(entry, Settlement):
        found = step.was(f"reservation/{v.number(entry.reservation)}", v.Reservation)
        sender = found.sender if found else ""
    elif isinstance(entry, Transfer):
        sender = entry.from_
    else:
        return True  # issued, opened, executed, or out of a pool: no act of another holder
    account = step.was(f"account/{name}", v.Account)
    if account is None:
        return False
    listed = account.accept == "listed" and sender in account.listed
    return account.accept == "any" or listed or _owner_signed(step, name)


def _owner_signed(step: Step, name: str) -> bool:
    account, holders = step.was(f"account/{name}", v.Account), step.holders()
    if account is None:
        return False
    mine = {name} if account.owner is UNSET else {name, account.owner}
    return sum(holder in mine for holder in holders) >= account.need


def terminal(step: Step) -> Found:
    """What is retired or cancelled stays so; what newly is, is so by this entry."""
    for key in step.of("block"):
        was, now = step.was(key, v.Block), step.now(key, v.Block)
        if was and was.status in FOR_GOOD:
            yield key, f"{was.status} serials have changed"
        elif now and now.status in FOR_GOOD and now.by != step.index:
            yield key, f"{now.status} by the entry {now.by}"


def purpose(step: Step) -> Found:
    """Classes and vintages serve what the rulebook, and an order, let them serve."""
    entry = step.entry
    if not isinstance(entry, Retirement):
        return
    rules, allowed = step.rules(), None
    if entry.purpose == "offset":
        owed = step.was(f"obligation/{entry.ref}", v.Obligation)
        rules = step.rulebook(owed.rulebook_version) if owed else {}
    elif entry.purpose == "remediation":
        found = step.was(f"order/{entry.ref}", v.Order)
        allowed = found.allowed if found and found.allowed is not UNSET else None
        if found is None or found.state is not UNSET or step.time_ms < found.effective_ms:
            yield f"order/{entry.ref}", "served by a retirement though it does not stand"
    for item in entry.items:
        batch = step.was(f"batch/{item.batch}", v.Batch)
        key = f"batch/{item.batch}"
        if batch is None or not allows(rules, f"{entry.purpose}_classes", batch.class_):
            yield key, f"its class may not be retired for {entry.purpose}"
            continue
        if entry.purpose == "offset" and batch.vintage < integer(rules, "offset_vintage_first"):
            yield key, "its vintage may not be retired for an offset"
        for field, value in (
            ("classes", batch.class_),
            ("programs", batch.program),
            ("vintages", batch.vintage),
        ):
            only = UNSET if allowed is None else getattr(allowed, field)
            if only is not UNSET and value not in only:
                yield key, f"the order does not allow {value}"


def freezes(step: Step) -> Found:
    """Frozen serials keep holder and status, whether they, their account or batch are frozen."""
    entry = step.entry
    if isinstance(entry, Execution):
        return
    if isinstance(entry, Cancellation) and entry.reason != "conversion_out":
        return  # what was wrong is wrong, whoever has frozen it
    keys = list(step.of("block"))
    for key in keys:
        was = step.was(key, v.Block)
        if was is None or not _frozen(step, key, was):
            continue
        _, batch, first = key.split("/")
        for other in keys:
            now = step.now(other, v.Block) if other.startswith(f"block/{batch}/") else None
            start = int(other.rpartition("/")[2])
            if now is None or now.last < int(first) or was.last < start:
                continue
            same = now.status == was.status or (now.status in HELD and was.status in HELD)
            if now.holder != was.holder or not same:
                yield key, f"frozen serials became {now.status}, of {now.holder}"


def _frozen(step: Step, key: str, block: v.Block) -> bool:
    batch = step.was(f"batch/{key.split('/')[1]}", v.Batch)
    account = step.was(f"account/{block.holder}", v.Account)
    found = (block.freezes, batch and batch.freezes, account and account.freezes)
    return block.status not in FOR_GOOD and any(found)


def append_only(step: Step) -> Found:
    """Remarks and changes grow at their end; what is written once is not written again."""
    for key in step.changed:
        was, now = step.was(key, v.Value), step.now(key, v.Value)
        if was is None:
            continue
        if key.startswith(WRITTEN_ONCE):
            yield key, "written once, and changed"
        if not isinstance(was, v.Remarked):
            continue
        if not isinstance(now, v.Remarked):
            yield key, "gone"
            continue
        for field in ("remarks", "changes"):
            old, new = (getattr(value, field, UNSET) or () for value in (was, now))
            if new[: len(old)] != old or new[len(old) :] not in ((), (step.index,)):
                yield key, f"its {field} were {old} and are {new}"
        if _facts(was) != _facts(now):
            yield key, "what was retired, when and for whom is another"
    entry = step.entry
    subject = entry.subject if isinstance(entry, Correction) else None
    subject = entry.about if isinstance(entry, Notice) else subject
    if subject is not None and list(step.changed) != [subject]:
        yield subject, f"a remark has changed {sorted(step.changed)}"


def _facts(value: v.Value) -> tuple[object, ...]:
    """What never changes of a retirement; nothing of other values."""
    if not isinstance(value, v.Retirement):
        return ()
    mutable = ("remarks", "voluntary_g")
    return tuple(getattr(value, f) for f in value.__struct_fields__ if f not in mutable)


def debt(step: Step) -> Found:
    """Debts change by cancellations alone: by what is answered for, less what is drawn for it."""
    entry = step.entry
    drawn_g = answered_g = 0
    if isinstance(entry, Cancellation):
        for item in (*(entry.buffer_items or ()), *(entry.cover_items or ())):
            drawn_g += (item.last - item.first + 1) * _unit_g(step, item.batch)
        for key in step.of("answered"):
            was, now = (find(key, v.Answered) for find in (step.was, step.now))
            more = sum(s.count for s in now.spans) if now else 0
            more -= sum(s.count for s in was.spans) if was else 0
            answered_g += more * _unit_g(step, key.partition("/")[2])
    for key in step.of("project"):
        was_p, now_p = step.was(key, v.Project), step.now(key, v.Project)
        was_g, now_g = (p.debt_g if p else 0 for p in (was_p, now_p))
        if now_g - was_g != answered_g - drawn_g:
            yield key, f"{was_g} g were owed and {now_g} g are, {answered_g} less {drawn_g} is due"
        if now_g > was_g and now_p and now_p.buffer_g:
            yield key, "a new debt while there is a buffer"
        if isinstance(entry, Issuance) and was_g:
            yield key, "issued for though it owes"


def _unit_g(step: Step, name: str) -> int:
    batch = step.was(f"batch/{name}", v.Batch)
    return batch.unit_g if batch else 0


TRANSITIONS: dict[str, Callable[[Step], Found]] = {
    check.__name__: check
    for check in (
        order,
        authority,
        quorum,
        consent,
        terminal,
        purpose,
        freezes,
        append_only,
        debt,
    )
}


def broken_by(step: Step) -> Iterator[Violation]:
    """Everything that does not hold of a step; nothing where all does."""
    for name, check in TRANSITIONS.items():
        for key, what in check(step):
            yield Violation(name, key, what)


class Watch:
    """Follows a log from its start, entry by entry."""

    def __init__(self) -> None:
        self._last = (-1, 0)
        self._ids: set[tuple[str, str]] = set()

    def broken_by(self, step: Step) -> list[Violation]:
        """Take in the next accepted entry; what does not hold of it."""
        used = (step.entry.signers[0], step.entry.id)
        known = used in self._ids
        self._ids.add(used)
        last_index, last_ms = self._last
        self._last = (step.index, step.time_ms)
        placed = replace(step, last_index=last_index, last_ms=last_ms, id_known=known)
        return list(broken_by(placed))
