"""Seals: what commits to the state map, and how whoever replays a log checks it (DESIGN §4).

Source: RFC 6962 section 2.1 over the map in byte order of its keys, leaf = key LF value.
Refuses to know: where state is kept, how a seal's leaves are kept.

A seal stands behind what it seals, up to 100,000 entries. So a replay is told beforehand which
sizes are sealed (`sealed_size` of the records to come), commits to its own state when it passes
them, and compares when it meets the seal.

    watch = SealWatch(sealed_sizes(records))
    for step in replay(records, state, seals=watch): ...
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from msgspec import Struct

from registry.chain.errors import Broken, Malformed, NotTrusted, Unavailable
from registry.chain.tlog import Frontier, leaf_hash
from registry.ledger import values as v
from registry.ledger.codec import decode_known
from registry.ledger.entries import Common, End, Seal, Sealing, Totals
from registry.ledger.state import decode_value

STATUSES = ("free", "reserved", "pooled", "buffer", "retired", "cancelled")
# The kind stands where its field stands: in a string, its quotes would have a backslash.
SEAL_MARK = b'"kind":"seal"'
"""Stands in every record of a seal, and in no other."""
_END_MARK = b'"kind":"end"'
_BATCH = "batch/"


class Commitment(Struct, frozen=True):
    """What a seal says of the state after `size` entries."""

    size: int
    root: bytes
    count: int
    totals: Totals


class StateTree:
    """The tree over a state map, grown in order of the keys, with the grams of its batches."""

    __slots__ = ("_frontier", "_grams", "_last")

    def __init__(self) -> None:
        self._frontier = Frontier()
        self._grams = dict.fromkeys(STATUSES, 0)
        self._last = ""

    def add(self, key: str, value: bytes) -> list[bytes]:
        """Take the next value; the hashes of the nodes that it completes, from level 0 up.

        Broken if the keys are not strictly ascending.
        """
        if key <= self._last:
            raise Broken("the state map is not sorted by key", where=key)
        self._last = key
        if key.startswith(_BATCH):
            self._count(key, value)
        return self._frontier.append(leaf_hash(b"%b\n%b" % (key.encode(), value)))

    def commitment(self, size: int) -> Commitment:
        """What a seal of this map says; `size`: of how many entries the map is."""
        totals = Totals(**{f"{status}_g": grams for status, grams in self._grams.items()})
        return Commitment(size, self._frontier.root(), self._frontier.size, totals)

    def _count(self, key: str, value: bytes) -> None:
        batch = decode_value(key, value)
        if isinstance(batch, v.Batch):
            for status in STATUSES:
                self._grams[status] += getattr(batch, status) * batch.unit_g


def commit_to(items: Iterable[tuple[str, bytes]], size: int) -> Commitment:
    """The commitment to a whole state map, in byte order of the keys. Memory O(log n)."""
    tree = StateTree()
    for key, value in items:
        tree.add(key, value)
    return tree.commitment(size)


def commitment_of(entry: Sealing) -> Commitment:
    """What a seal (or an end) commits to."""
    return Commitment(entry.size, bytes.fromhex(entry.root), entry.count, entry.totals)


def sealed_size(record: bytes) -> int | None:
    """The size that a record seals; None if it is no seal, or not even a record."""
    if SEAL_MARK not in record and _END_MARK not in record:
        return None
    lines = record.split(b"\n", 4)
    try:
        entry: Common | None = decode_known(lines[3]) if len(lines) == 5 else None
    except (Malformed, RecursionError):
        return None  # whoever judges the record says what is wrong with it
    return entry.size if isinstance(entry, Seal | End) else None


def sealed_sizes(records: Iterable[bytes]) -> Iterator[int]:
    """The sizes that records seal, in their order."""
    for record in records:
        if (size := sealed_size(record)) is not None:
            yield size


class SealWatch:
    """Commits to a replay's own state at the sizes that will be sealed, and compares.

    `since`: the sealed state that a replay begins with; seals of smaller sizes were checked before.
    `due`: the next size at which `take` wants the state; -1 while there is none.
    """

    __slots__ = ("_begun", "_kept", "_passed", "_wanted", "checked", "due")

    def __init__(self, sizes: Iterable[int] = (), *, since: Commitment | None = None) -> None:
        self._wanted: list[int] = []
        self._kept: dict[int, Commitment] = {}
        self._begun = self._passed = -1
        self.due = -1
        self.checked = 0
        if since is not None:
            self._begun = self._passed = since.size
            self._kept[since.size] = since
        self.expect(sizes)

    def expect(self, sizes: Iterable[int]) -> None:
        """Say which sizes will be sealed; those that have been passed are not kept."""
        for size in sizes:
            if size > self._passed and size not in self._wanted:
                heappush(self._wanted, size)
        self.due = self._wanted[0] if self._wanted else -1

    def take(self, size: int, items: Iterable[tuple[str, bytes]]) -> None:
        """The state is that of `size` entries, which is due."""
        while self._wanted and self._wanted[0] <= size:
            heappop(self._wanted)
        self._passed = size
        self._kept[size] = commit_to(items, size)
        self.due = self._wanted[0] if self._wanted else -1

    def check(self, entry: Sealing, index: int) -> None:
        """NotTrusted if a seal that the rules accept is not of the state that there was.

        Unavailable if that state was not kept: the replay did not know that it would be sealed.
        """
        if entry.size < self._begun:
            return
        found, said = self._kept.pop(entry.size, None), commitment_of(entry)
        where = f"record {index}"
        if found is None:
            raise Unavailable(
                f"the state of size {entry.size}, which this seals, was not kept", where=where
            )
        if said != found:
            raise NotTrusted(_difference(said, found), where=where)
        self.checked += 1


def _difference(said: Commitment, found: Commitment) -> str:
    if said.root != found.root:
        told = f"root {said.root.hex()}, the log makes {found.root.hex()}"
    elif said.count != found.count:
        told = f"{said.count} values, the log makes {found.count}"
    else:
        told = f"{said.totals}, the log makes {found.totals}"
    return f"a wrong seal of the state of size {said.size}: {told}"
