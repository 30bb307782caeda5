"""Views of accounts, balances, batches and serials.

Quantities are whole grams (`_g`) or numbers of serials; serials are inclusive pairs.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import UNSET, Struct, UnsetType, field, structs

from registry.chain.errors import Broken
from registry.ledger import serials
from registry.ledger import values as v
from registry.ports import Snapshot
from registry.service.reading import (
    SCAN_ROWS,
    Absent,
    find_many,
    get,
    page_after,
    rows,
    scan,
)

BALANCES_PAGE_MAX = 1_000
BATCHES_PAGE_MAX = 200
BLOCKS_PAGE_MAX = 200
STATUSES = ("free", "reserved", "pooled", "buffer", "retired", "cancelled")
"""Every status that a serial can have; per batch they add up to its count (law 5)."""

SerialPair = tuple[int, int]
"""First and last serial, inclusive."""


class AccountView(Struct, frozen=True, kw_only=True):
    """An account and its rules. `index`: the entry that opened it."""

    account: str
    type: str
    accept: str
    need: int
    index: int
    size: int
    owner: str | UnsetType = UNSET
    listed: tuple[str, ...] = ()
    freezes: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the freezes on the whole account, the first in line first."""
    receivers: tuple[tuple[str, int], ...] | UnsetType = UNSET
    """Where alone its credits may go, and from which record time (ms) on."""
    per_transfer_g: int | UnsetType = UNSET
    per_day_g: int | UnsetType = UNSET
    changes: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the entries that changed its rules."""
    remarks: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the notices about it."""


class BoundLine(Struct, frozen=True, kw_only=True):
    """Serials that are held and may not freely move: by the indexes of what binds them."""

    first: int
    last: int
    freezes: tuple[int, ...] = ()
    pledge: int | UnsetType = UNSET
    reservation: int | UnsetType = UNSET


class BalanceLine(Struct, frozen=True, kw_only=True):
    """What an account holds of one batch. `free`, `retired`, `frozen`, …: numbers of serials.

    Bound serials (frozen, pledged, reserved) are not among the free; one may be bound twice over.
    `batch_freezes`: the whole batch is frozen.
    """

    batch: str
    program: str
    vintage: int
    class_: str = field(name="class")
    unit_g: int
    free: int
    free_g: int
    retired: int
    retired_g: int
    serials: tuple[SerialPair, ...]
    frozen: int
    pledged: int
    reserved: int
    bound_g: int
    bound: tuple[BoundLine, ...]
    taken_over: bool
    project: str | UnsetType = UNSET
    batch_freezes: tuple[int, ...] | UnsetType = UNSET


class BalanceTotal(Struct, frozen=True, kw_only=True):
    """Over all batches of an account. `bound_g`: frozen, pledged or reserved."""

    free_g: int
    bound_g: int
    retired_g: int


class BalanceList(Struct, frozen=True, kw_only=True):
    """What an account holds, batch by batch in order of their names.

    `total` stands where this page is the whole list, `next` where it is not.
    """

    account: str
    size: int
    balances: tuple[BalanceLine, ...]
    seal: int | UnsetType = UNSET
    """As of a sealed size: the index of the seal that proves it."""
    total: BalanceTotal | UnsetType = UNSET
    next: str | UnsetType = UNSET


class StatusCounts(Struct, frozen=True, kw_only=True):
    """Serials, or grams, by status."""

    free: int
    reserved: int
    pooled: int
    buffer: int
    retired: int
    cancelled: int


class BlockLine(Struct, frozen=True, kw_only=True):
    """A run of serials with one holder and status. `by`: the entry that ended them.

    `holder`: an account, or `scheme:` and the points scheme in whose pool they are.
    """

    first: int
    last: int
    status: str
    holder: str | UnsetType = UNSET
    by: int | UnsetType = UNSET
    freezes: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the freezes on these serials, the first in line first."""
    pledge: int | UnsetType = UNSET
    """Index of the pledge that binds them."""


class BatchLine(Struct, frozen=True, kw_only=True):
    """A batch and its serials by status. `index`: the entry that made it.

    `taken_over`: from an opening, that is from another book, and not proved.
    """

    batch: str
    program: str
    vintage: int
    class_: str = field(name="class")
    unit_g: int
    count: int
    serials: StatusCounts
    grams: StatusCounts
    taken_over: bool
    index: int
    project: str | UnsetType = UNSET
    freezes: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the freezes on the whole batch, the first in line first."""
    remarks: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the notices about it."""


class BatchList(Struct, frozen=True, kw_only=True):
    """Batches in order of their names."""

    size: int
    batches: tuple[BatchLine, ...]
    next: str | UnsetType = UNSET


class BatchView(Struct, frozen=True, kw_only=True):
    """A batch with its blocks from a serial on; `next_serial` where there are more."""

    batch: BatchLine
    blocks: tuple[BlockLine, ...]
    size: int
    next_serial: int | UnsetType = UNSET


class SerialView(Struct, frozen=True, kw_only=True):
    """One serial: the block that it is in, and its batch."""

    batch: BatchLine
    serial: int
    block: BlockLine
    size: int


@dataclass(frozen=True, slots=True)
class _Place:
    """A block's first serial and its value."""

    first: int
    block: v.Block

    def line(self) -> BlockLine:
        block = self.block
        return BlockLine(
            first=self.first,
            last=block.last,
            status=block.status,
            holder=block.holder,
            by=block.by,
            freezes=block.freezes,
            pledge=block.pledge,
        )


def account(snapshot: Snapshot, account_id: str) -> AccountView:
    """An account; Absent if it is not open."""
    found = get(snapshot, f"account/{account_id}", v.Account, f"account {account_id[:40]}")
    return AccountView(
        account=account_id,
        type=found.type,
        accept=found.accept,
        need=found.need,
        index=found.index,
        owner=found.owner,
        listed=found.listed,
        freezes=found.freezes,
        receivers=found.receivers,
        per_transfer_g=found.per_transfer_g,
        per_day_g=found.per_day_g,
        changes=found.changes,
        remarks=found.remarks,
        size=snapshot.head.size,
    )


def balances(
    snapshot: Snapshot, account_id: str, *, after: str = "", limit: int = BALANCES_PAGE_MAX
) -> BalanceList:
    """What an account holds, from behind the batch `after` on; Absent if it is not open."""
    get(snapshot, f"account/{account_id}", v.Account, f"account {account_id[:40]}")
    prefix = f"balance/{account_id}/"
    found = list(scan(snapshot, prefix, v.Balance, after=page_after(after), limit=limit + 1))
    more = len(found) > limit
    found = found[:limit]
    batches = find_many(snapshot, [f"batch/{name}" for name, _ in found], v.Batch)
    lines = []
    for name, balance in found:
        batch = batches.get(f"batch/{name}")
        if batch is None:
            raise Broken("a balance of a batch that is not there", where=f"{prefix}{name}")
        lines.append(_balance_line(name, batch, balance))
    total: BalanceTotal | UnsetType = UNSET
    if not after and not more:
        total = BalanceTotal(
            free_g=sum(line.free_g for line in lines),
            bound_g=sum(line.bound_g for line in lines),
            retired_g=sum(line.retired_g for line in lines),
        )
    return BalanceList(
        account=account_id,
        size=snapshot.head.size,
        balances=tuple(lines),
        total=total,
        next=found[-1][0] if more else UNSET,
    )


def batch(
    snapshot: Snapshot, name: str, *, from_serial: int = 1, limit: int = BLOCKS_PAGE_MAX
) -> BatchView:
    """A batch and its blocks from the one that holds `from_serial` on; Absent if not there."""
    found = get(snapshot, f"batch/{name}", v.Batch, f"batch {name[:60]}")
    if not 1 <= from_serial <= found.count:
        raise Absent(f"the batch has the serials 1 to {found.count}", where="from_serial")
    start = _block_of(snapshot, name, from_serial).first
    places = _blocks(snapshot, name, start, found.count + 1, limit + 1)
    return BatchView(
        batch=batch_line(name, found),
        blocks=tuple(place.line() for place in places[:limit]),
        size=snapshot.head.size,
        next_serial=places[limit].first if len(places) > limit else UNSET,
    )


def batches(snapshot: Snapshot, *, after: str = "", limit: int = BATCHES_PAGE_MAX) -> BatchList:
    """Batches from behind the name `after` on."""
    found = list(scan(snapshot, "batch/", v.Batch, after=page_after(after), limit=limit + 1))
    return BatchList(
        size=snapshot.head.size,
        batches=tuple(batch_line(name, value) for name, value in found[:limit]),
        next=found[limit - 1][0] if len(found) > limit else UNSET,
    )


def serial(snapshot: Snapshot, name: str, number: int) -> SerialView:
    """What has become of one serial; Absent if the batch has none of this number."""
    found = get(snapshot, f"batch/{name}", v.Batch, f"batch {name[:60]}")
    if not 1 <= number <= found.count:
        raise Absent(f"the batch has the serials 1 to {found.count}", where="serial")
    return SerialView(
        batch=batch_line(name, found),
        serial=number,
        block=_block_of(snapshot, name, number).line(),
        size=snapshot.head.size,
    )


def batch_line(name: str, batch: v.Batch) -> BatchLine:
    """A batch by its state value."""
    return BatchLine(
        batch=name,
        program=batch.program,
        vintage=batch.vintage,
        class_=batch.class_,
        unit_g=batch.unit_g,
        count=batch.count,
        serials=_counts(batch, 1),
        grams=_counts(batch, batch.unit_g),
        taken_over=batch.taken_over,
        index=batch.index,
        project=batch.project or UNSET,
        freezes=batch.freezes,
        remarks=batch.remarks,
    )


def _counts(batch: v.Batch, unit: int) -> StatusCounts:
    return StatusCounts(**{status: getattr(batch, status) * unit for status in STATUSES})


def _balance_line(name: str, batch: v.Batch, balance: v.Balance) -> BalanceLine:
    free = serials.count(balance.free)
    bound = tuple(BoundLine(**structs.asdict(span)) for span in balance.bound or ())
    return BalanceLine(
        batch=name,
        program=batch.program,
        vintage=batch.vintage,
        class_=batch.class_,
        unit_g=batch.unit_g,
        free=free,
        free_g=free * batch.unit_g,
        retired=balance.retired,
        retired_g=balance.retired * batch.unit_g,
        serials=tuple((span.first, span.last) for span in balance.free),
        frozen=_count(line for line in bound if line.freezes),
        pledged=_count(line for line in bound if line.pledge is not UNSET),
        reserved=_count(line for line in bound if line.reservation is not UNSET),
        bound_g=_count(bound) * batch.unit_g,
        bound=bound,
        batch_freezes=batch.freezes,
        taken_over=batch.taken_over,
        project=batch.project or UNSET,
    )


def _count(lines: Iterable[BoundLine]) -> int:
    return sum(line.last - line.first + 1 for line in lines)


def _blocks(snapshot: Snapshot, name: str, start: int, stop: int, limit: int) -> list[_Place]:
    """Up to `limit` blocks of a batch whose first serial is in start ≤ first < stop."""
    found = rows(snapshot, v.block_key(name, start), v.block_key(name, stop), v.Block, limit)
    return [_Place(int(key[-16:]), block) for key, block in found]


def _block_of(snapshot: Snapshot, name: str, number: int) -> _Place:
    """The block that holds a serial of the batch, O(log n) questions.

    Blocks tile a batch, and the store answers in ascending order only: look further and further
    down for a first serial, then halve what lies between.
    """
    low, high, step = number, number + 1, 1
    while not (found := _blocks(snapshot, name, low, high, SCAN_ROWS)):
        if low <= 1:
            raise Broken("serials that are in no block", where=v.block_key(name, number))
        low, high, step = max(1, low - step), low, step * 2
    while len(found) == SCAN_ROWS:
        middle = (found[-1].first + 1 + high) // 2
        above = _blocks(snapshot, name, middle, high, SCAN_ROWS)
        if above:
            found = above
        elif middle > found[-1].first + 1:
            high = middle
        else:
            break
    place = found[-1]
    if place.block.last < number:
        raise Broken("serials that are in no block", where=v.block_key(name, number))
    return place
