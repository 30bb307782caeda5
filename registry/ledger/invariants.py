"""What must hold of the state map after every entry, whatever the rules were (DESIGN laws 2, 5).

Tests check these after each entry, an audit at its end over the whole map. They read the map alone,
in order and with bounded memory: what two families of keys must agree about is compared by sums
over hashes of what each says (equal sums: the same set; a rule that is wrong by accident, which is
what is looked for here, does not hit an equal sum of 256 bits).

Refuses to know: entries, rules, how the state came to be.

    conservation     per batch: the serials of all statuses add up to its count
    tiling           the blocks of a batch cover 1…count, disjoint, and add up to its statuses
    balances         an account's free spans are its free blocks; what it retired is what it counts
    quantity         a retirement's grams are its serials' grams; its serials are a batch's
    terminal         a retirement's serials are still retired, by it; no others are retired
    holds            freezes, pledges and reservations name the serials that they bind
    buffers          a project's buffer is what its buffer blocks weigh; no debt is below zero
    claims           no claim is held by two projects for the same date; each is in its project
    points           no point without credits: lots, sums, and the pool's queue are its blocks
    orders           an order's fulfilment is the sum of its retirements, each of which names it
    obligations      what was retired is the sum of the retirements and within the cap
    events           what was retired for an event is the sum of its retirements
    log_keys         the log's keys are its own, of two changes never both at once
    totals           grams by status over all batches are those over all blocks

    for broken in violations(state): print(broken)
"""

from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import groupby, pairwise
from typing import NamedTuple, TypeVar

from msgspec import UNSET

from registry.chain.note import parse_vkey
from registry.ledger import values as v
from registry.ledger.rules.authority import LOGKEY_OVERLAP_MS_MIN
from registry.ledger.segments import Bonds, Segment, segments_of
from registry.ledger.state import StateReader, decode_value

STATUSES = ("free", "reserved", "pooled", "buffer", "retired", "cancelled")
"""The statuses of a serial, as `Batch` counts them; together they are all that was issued."""
HELD = ("free", "reserved")
"""Statuses of serials that an account holds."""
PAGE_ROWS = 512
_SUM_MASK = (1 << 256) - 1

V = TypeVar("V", bound=v.Value)


class Violation(NamedTuple):
    """A place in the state map, and what does not hold there."""

    invariant: str
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.key}: {self.what} ({self.invariant})"


Found = Iterator[tuple[str, str]]
"""Pairs of key and what does not hold."""
Blocks = Iterator[tuple[int, v.Block]]
"""The blocks of a batch, each with its first serial."""


def each(state: StateReader, family: str, kind: type[V]) -> Iterator[tuple[str, V]]:
    """The pairs of a family in byte order of the keys."""
    low, high = f"{family}/", f"{family}0"  # "0" follows "/" in byte order
    while page := state.scan(low, high, PAGE_ROWS):
        for key, data in page:
            value = decode_value(key, data)
            if isinstance(value, kind):
                yield key, value
        low = page[-1][0] + "\x00"


class Fingerprint:
    """A sum over hashes: the same whatever the order; two families agree if their sums do."""

    __slots__ = ("_sum",)

    def __init__(self) -> None:
        self._sum = 0

    def add(self, what: str, times: int = 1) -> None:
        self._sum += int.from_bytes(sha256(what.encode()).digest()) * times & _SUM_MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fingerprint) and not (self._sum - other._sum) & _SUM_MASK

    __hash__ = None  # type: ignore[assignment]  # mutable, and Python's way to say unhashable


# ---------------------------------------------------------------- batches, blocks, balances


def conservation(state: StateReader) -> Found:
    """Law 5, per batch, in every prefix of the log."""
    for key, batch in each(state, "batch", v.Batch):
        parts = {status: getattr(batch, status) for status in STATUSES}
        if min(parts.values()) < 0 or sum(parts.values()) != batch.count:
            yield key, f"{parts} do not add up to {batch.count} serials"


def _with_blocks(state: StateReader) -> Iterator[tuple[str, v.Batch | None, Blocks]]:
    """Each batch with its blocks, (first, block), in order; no batch where only blocks are."""
    blocks = groupby(each(state, "block", v.Block), key=lambda pair: pair[0].split("/")[1])
    name, run = next(blocks, ("~", iter(())))  # "~" follows every name
    for key, batch in each(state, "batch", v.Batch):
        wanted = key.partition("/")[2]
        while name < wanted:
            yield name, None, ((int(k.rpartition("/")[2]), block) for k, block in run)
            name, run = next(blocks, ("~", iter(())))
        if name == wanted:
            yield name, batch, ((int(k.rpartition("/")[2]), block) for k, block in run)
            name, run = next(blocks, ("~", iter(())))
        else:
            yield wanted, batch, iter(())
    while name != "~":
        yield name, None, ((int(k.rpartition("/")[2]), block) for k, block in run)
        name, run = next(blocks, ("~", iter(())))


def tiling(state: StateReader) -> Found:
    """The blocks of a batch stand one after the other from 1 to its count."""
    for name, batch, blocks in _with_blocks(state):
        key = f"batch/{name}"
        if batch is None:
            yield key, "blocks without a batch"
            continue
        following, counts = 1, Counter[str]()
        for first, block in blocks:
            if first != following or block.last < first:
                yield (
                    v.block_key(name, first),
                    f"{first} to {block.last} comes where {following} should begin",
                )
            following = block.last + 1
            counts[block.status] += block.last - first + 1
        if following != batch.count + 1:
            yield key, f"the blocks end at {following - 1}, the batch at {batch.count}"
        for status in STATUSES:
            if counts.pop(status, 0) != getattr(batch, status):
                yield key, f"the {status} blocks are not the {status} serials of the batch"
        if counts:
            yield key, f"blocks of unknown status: {sorted(counts)}"


def balances(state: StateReader) -> Found:
    """What a holder has, seen from the account and from the batch, is the same."""
    spans, blocks = Fingerprint(), Fingerprint()
    retired_there, retired_here = Fingerprint(), Fingerprint()
    for key, balance in each(state, "balance", v.Balance):
        _, account, batch = key.split("/")
        for held in segments_of(balance):
            spans.add(f"{account}/{batch}/{held.first}/{held.last}/{held.bonds}")
        if balance.retired:
            retired_here.add(f"{account}/{batch}", balance.retired)
        if any(b.first <= a.last + 1 for a, b in pairwise(balance.free)):
            yield key, "free spans that overlap, touch or are out of order"
        if not balance.free and not balance.bound and balance.retired <= 0:
            yield key, "an empty balance is kept"
    for key, block in each(state, "block", v.Block):
        _, batch, first = key.split("/")
        if block.status in HELD:
            blocks.add(f"{block.holder}/{batch}/{int(first)}/{block.last}/{_bonds(block)}")
        elif block.status == "retired" and block.holder is not UNSET and _is_account(block.holder):
            retired_there.add(f"{block.holder}/{batch}", block.last - int(first) + 1)
    if spans != blocks:
        yield from _misfits(state)
    if retired_there != retired_here:
        yield "balance", "retired counts of accounts are not their retired blocks"


def _misfits(state: StateReader) -> Found:
    """Where free spans and free blocks differ; one question for each, so only when they do."""
    yield "balance", "free spans of accounts are not their free blocks"
    for key, balance in each(state, "balance", v.Balance):
        _, account, batch = key.split("/")
        for first, last, bonds in segments_of(balance):
            block = value_at(state, v.block_key(batch, first), v.Block)
            if (
                block is None
                or block.status not in HELD
                or (block.last, block.holder, _bonds(block)) != (last, account, bonds)
            ):
                yield key, f"no such block of this account from {first} to {last}"
    for key, block in each(state, "block", v.Block):
        if block.status in HELD:
            batch, first = key.split("/")[1], int(key.rpartition("/")[2])
            held = (
                value_at(state, v.balance_key(str(block.holder), batch), v.Balance) or v.Balance()
            )
            if Segment(first, block.last, _bonds(block)) not in segments_of(held):
                yield key, f"no free span of {block.holder} from {first} to {block.last}"


def _bonds(block: v.Block) -> Bonds:
    """What a block says binds its serials."""
    reservation = block.by if block.status == "reserved" else UNSET
    return Bonds(block.freezes or (), block.pledge, reservation)


def totals(state: StateReader) -> Found:
    """Two ways of adding up the whole book come to the same."""
    in_blocks = Counter[str]()
    for _, batch, blocks in _with_blocks(state):
        for first, block in blocks:
            in_blocks[block.status] += (block.last - first + 1) * (batch.unit_g if batch else 0)
    for status, grams in grams_by_status(state).items():
        if in_blocks[status] != grams:
            yield "batch", f"{grams} g {status} in all batches, {in_blocks[status]} g in all blocks"


def grams_by_status(state: StateReader) -> dict[str, int]:
    """Grams over all batches, by status."""
    grams = dict.fromkeys(STATUSES, 0)
    for _, batch in each(state, "batch", v.Batch):
        for status in STATUSES:
            grams[status] += getattr(batch, status) * batch.unit_g
    return grams


# ---------------------------------------------------------------- final use


def quantity(state: StateReader) -> Found:
    """A range of serials weighs its length times the unit."""
    for key, retirement in each(state, "retirement", v.Retirement):
        grams = 0
        for name, first, last in retirement.items:
            batch = value_at(state, f"batch/{name}", v.Batch)
            if batch is None or not 1 <= first <= last <= batch.count:
                yield key, f"there are no serials {first} to {last} of {name}"
            else:
                grams += (last - first + 1) * batch.unit_g
        if grams != retirement.quantity_g:
            yield key, f"{retirement.quantity_g} g stand there, its serials weigh {grams} g"


def terminal(state: StateReader) -> Found:
    """Retired units never become anything else, and none is retired but by a retirement."""
    ended, retired = Fingerprint(), Fingerprint()
    for key, retirement in each(state, "retirement", v.Retirement):
        for batch, first, last in retirement.items:
            ended.add(f"{batch}/{first}/{last}/{retirement.index}")
            block = value_at(state, v.block_key(batch, first), v.Block)
            wanted = (last, "retired", retirement.index)
            if block is None or (block.last, block.status, block.by) != wanted:
                yield key, f"the serials {first} to {last} of {batch} are not retired by it"
    for name, made_by, blocks in _with_blocks(state):
        # An opening takes retired serials over without a retirement.
        opened = made_by.index if made_by and made_by.taken_over else None
        for first, block in blocks:
            if block.status == "retired" and block.by != opened:
                retired.add(f"{name}/{first}/{block.last}/{block.by}")
    if ended != retired:
        yield "retirement", "retired blocks are not the serials of retirements"


def orders(state: StateReader) -> Found:
    """Fulfilled is what its retirements retired; too much by less than one serial."""
    for key, order in each(state, "order", v.Order):
        name = key.partition("/")[2]
        yield from _served(state, key, name, "remediation", order.retirements, order.fulfilled_g)
        if order.by_obligor_g and sum(order.by_obligor_g) != order.fulfilled_g:
            yield key, "the obligors' parts do not add up to what is fulfilled"
        units = [
            batch.unit_g
            for certificate in order.retirements
            if (found := value_at(state, f"retirement/{certificate}", v.Retirement))
            for item in found.items
            if (batch := value_at(state, f"batch/{item[0]}", v.Batch))
        ]
        slack_g = max(units, default=0) * max(1, len(order.by_obligor_g))
        if order.fulfilled_g and order.fulfilled_g - order.quantity_g >= slack_g:
            yield key, f"{order.quantity_g} g were ordered, {order.fulfilled_g} g are retired"


def obligations(state: StateReader) -> Found:
    """No more than the cap counts towards an obligation."""
    for key, owed in each(state, "obligation", v.Obligation):
        name = key.partition("/")[2]
        yield from _served(state, key, name, "offset", owed.retirements, owed.retired_g)
        if owed.retired_g > owed.cap_g or owed.cap_g > owed.amount_g:
            yield key, f"{owed.retired_g} g are retired of {owed.cap_g} g allowed"


def events(state: StateReader) -> Found:
    """What was retired for an event."""
    for key, event in each(state, "event", v.Event):
        name = key.partition("/")[2]
        yield from _served(state, key, name, "event", event.retirements, event.retired_g)


def _served(
    state: StateReader, key: str, name: str, purpose: str, certificates: tuple[str, ...], grams: int
) -> Found:
    """Each retirement listed is there once, for this and nothing else, and they add up."""
    if len(set(certificates)) != len(certificates):
        yield key, "a retirement is listed twice"
    sum_g = 0
    for certificate in certificates:
        found = value_at(state, f"retirement/{certificate}", v.Retirement)
        if found is None or (found.ref, found.purpose) != (name, purpose):
            yield key, f"the retirement {certificate} is not for this"
        else:
            sum_g += found.quantity_g - (found.voluntary_g or 0)
    if sum_g != grams:
        yield key, f"{grams} g stand there, its retirements make {sum_g} g"


# ---------------------------------------------------------------- holds, buffers


def holds(state: StateReader) -> Found:
    """What binds serials, seen from the entry that binds and from the blocks, is the same."""
    named, bound = Fingerprint(), Fingerprint()
    for key, items in _named_items(state):
        for batch, first, last in items:
            named.add(f"{key}/{batch}", last - first + 1)
    for key, block in each(state, "block", v.Block):
        _, batch, start = key.split("/")
        bonds, count = _bonds(block), block.last - int(start) + 1
        for at in bonds.freezes:
            bound.add(f"freeze/{v.number(at)}/{batch}", count)
        for family, by in (("pledge", bonds.pledge), ("reservation", bonds.reservation)):
            if by is not UNSET:
                bound.add(f"{family}/{v.number(by)}/{batch}", count)
    if named != bound:
        yield "block", "what freezes, pledges and reservations name is not what blocks bear"
    lines, freezes = Fingerprint(), Fingerprint()
    for key, batch_value in each(state, "batch", v.Batch):
        for at in batch_value.freezes or ():
            lines.add(f"{v.number(at)}/{key}")
    for key, account in each(state, "account", v.Account):
        for at in account.freezes or ():
            lines.add(f"{v.number(at)}/{key}")
    for key, freeze in each(state, "freeze", v.Freeze):
        if freeze.items is UNSET:
            whole = f"account/{freeze.account}" if freeze.account else f"batch/{freeze.batch}"
            freezes.add(f"{key.partition('/')[2]}/{whole}")
    if lines != freezes:
        yield "freeze", "accounts and batches are frozen by other freezes than stand"


def _named_items(state: StateReader) -> Iterator[tuple[str, tuple[tuple[str, int, int], ...]]]:
    for key, freeze in each(state, "freeze", v.Freeze):
        yield key, freeze.items or ()
    for key, pledge in each(state, "pledge", v.Pledge):
        yield key, pledge.items
    for key, reservation in each(state, "reservation", v.Reservation):
        yield key, reservation.items


def buffers(state: StateReader) -> Found:
    """What a project's buffer holds is what its batches have in buffer."""
    noted, there = Fingerprint(), Fingerprint()
    for key, project in each(state, "project", v.Project):
        noted.add(key, project.buffer_g)
        if project.debt_g < 0 or project.remainder_g < 0:
            yield key, f"a debt of {project.debt_g} g, a remainder of {project.remainder_g} g"
    for _, batch in each(state, "batch", v.Batch):
        if batch.project:
            there.add(f"project/{batch.project}", batch.buffer * batch.unit_g)
    if noted != there:
        yield "project", "buffers of projects are not the buffer serials of their batches"


# ---------------------------------------------------------------- claims, points


def claims(state: StateReader) -> Found:
    """One reduction, one project: equal claims never overlap in time."""
    for key, claim in each(state, "claim", v.Claim):
        held = sorted(claim.held, key=lambda holder: holder[1])
        for (one, _, last), (other, first, _) in pairwise(held):
            if first <= last:
                yield key, f"{one} and {other} both hold this claim on {first}"
        for name, first, last in held:
            project = value_at(state, f"project/{name}", v.Project)
            hashes = {v.digest(text) for text in project.fields.claims} if project else set()
            if not project or not _held_for(project, first, last) or key[6:] not in hashes:
                yield key, f"the project {name} does not have this claim for these dates"
    for key, project in each(state, "project", v.Project):
        name = key.partition("/")[2]
        for text in project.fields.claims if project.fields.status != "closed" else ():
            found = value_at(state, f"claim/{v.digest(text)}", v.Claim)
            if found is None or name not in {holder[0] for holder in found.held}:
                yield key, "a claim of this project is not held"


def _held_for(project: v.Project, first: str, last: str) -> bool:
    """A project claims all its crediting period; once closed, no more than a part of it."""
    fields = project.fields
    end = last if fields.status == "closed" else fields.crediting_to
    return (first, last) == (fields.crediting_from, end) and last <= fields.crediting_to


def points(state: StateReader) -> Found:
    """Points × their worth never exceed the credits behind them, and those are set aside."""
    for key, scheme in each(state, "scheme", v.Scheme):
        name = key.partition("/")[2]
        in_lots = sum(lot.in_hands for _, lot in each(state, f"lot/{name}", v.Lot))
        if in_lots != scheme.in_hands:
            yield key, f"{scheme.in_hands} points are in hands, the lots make {in_lots}"
        amounts = (scheme.in_hands, scheme.gathered, scheme.waiting, scheme.pool_g)
        owed = (scheme.in_hands + scheme.gathered) * scheme.num + scheme.waiting
        owed += scheme.due or 0
        backing = scheme.pool_g * scheme.den + (scheme.unbacked or 0) * scheme.num
        if min(amounts) < 0 or owed > backing:
            yield key, f"{owed} are owed, {backing} stand behind them"
        yield from _queue(state, key, name, scheme)
    queued, pooled = Fingerprint(), Fingerprint()
    for key, segment in each(state, "pool", v.Pooled):
        name, span = key.split("/")[1], segment.span
        queued.add(f"{segment.batch}/{span.first}/{span.last}/scheme:{name}/{segment.conversion}")
    for key, block in each(state, "block", v.Block):
        if block.status == "pooled":
            batch, first = key.split("/")[1], int(key.rpartition("/")[2])
            pooled.add(f"{batch}/{first}/{block.last}/{block.holder}/{block.by}")
    if queued != pooled:
        yield "pool", "the pools' queues are not the pooled blocks"


def _queue(state: StateReader, key: str, name: str, scheme: v.Scheme) -> Found:
    """A pool's queue runs without gaps from pool_next to pool_end and weighs pool_g."""
    following, grams = scheme.pool_next, 0
    for pool_key, segment in each(state, f"pool/{name}", v.Pooled):
        if int(pool_key.rpartition("/")[2]) != following:
            yield pool_key, f"number {following} of the queue is missing"
        following += 1
        batch = value_at(state, f"batch/{segment.batch}", v.Batch)
        grams += segment.span.count * (batch.unit_g if batch else 0)
    if following != scheme.pool_end or grams != scheme.pool_g:
        yield key, f"the queue ends at {following} and weighs {grams} g"


def log_keys(state: StateReader) -> Found:
    """Each change of the log's keys is there, with keys that serve nobody else, and after the

    keys before the last had ceased to sign: at most two pairs sign at once.
    """
    log = value_at(state, v.LOG, v.Log)
    rotations = (log.rotations or ()) if log else ()
    there = dict(each(state, "logkey", v.LogKey))
    if set(there) != {f"logkey/{v.number(index)}" for index, _ in rotations}:
        yield v.LOG, f"it counts {len(rotations)} changes of its keys, there are {len(there)}"
    for key, value in there.items():
        for text in (value.ed25519, value.mldsa44):
            raw = parse_vkey(text).public_key.hex()
            taken = value_at(state, f"pubkey/{v.digest(raw)}", v.PublicKey)
            if log is None or taken is None or taken.holder != log.origin:
                yield key, "a key of the log is not held by the log"
    for (index, until_ms), (following, following_ms) in pairwise(rotations):
        if not index < following or following_ms < until_ms + LOGKEY_OVERLAP_MS_MIN:
            yield v.LOG, f"its keys changed at {following} before those of {index} were alone"


def _is_account(holder: str) -> bool:
    return holder.startswith("a-") and "." not in holder


def value_at(state: StateReader, key: str, kind: type[V]) -> V | None:
    """The value under a key of a state, if it is of that kind."""
    data = state.get_many((key,)).get(key)
    value = None if data is None else decode_value(key, data)
    return value if isinstance(value, kind) else None


INVARIANTS: dict[str, Callable[[StateReader], Found]] = {
    check.__name__: check
    for check in (
        conservation,
        tiling,
        balances,
        quantity,
        terminal,
        holds,
        buffers,
        claims,
        points,
        orders,
        obligations,
        events,
        log_keys,
        totals,
    )
}


def violations(state: StateReader) -> Iterator[Violation]:
    """Every place where an invariant does not hold; nothing where all do."""
    for name, check in INVARIANTS.items():
        for key, what in check(state):
            yield Violation(name, key, what)
