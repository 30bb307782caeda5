"""Comparing a database with the log that it is made from: nothing in it is believed.

Refuses to know: which database it is, and what values mean.

Every record, the leaf hash beside it, every id, every signed checkpoint, the head, and every value
of the state map must be what the replay of the log has come to; the first that is not is
NotTrusted, with its place.
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TypeVar

from registry.chain.errors import NotTrusted
from registry.chain.tlog import Frontier, leaf_hash
from registry.ledger.codec import parse_record
from registry.ledger.logkeys import KeyHistory
from registry.ports import Head
from registry.verify.bundle import BundleResult
from registry.verify.loghead import check_signed
from registry.verify.means import StoredBook
from registry.verify.treecheck import TreeCheck

CHECKPOINTS_AT_ONCE = 256


class BookCheck:
    """A database beside a replay."""

    def __init__(self, book: StoredBook) -> None:
        self._book = book
        self._waiting: list[tuple[int, bytes]] = []
        self._checked_to = -1
        self.checkpoints = 0
        self.last_note = b""

    def rows(self, first: int, stop: int) -> tuple[Sequence[bytes], bytes]:
        """The stored records and their stored leaf hashes; NotTrusted if not all are there."""
        rows = self._book.records(first, stop)
        if len(rows) != stop - first:
            raise NotTrusted(
                f"of the records {first} to {stop - 1} the database has {len(rows)}",
                where=f"record {first}",
            )
        records, hashes = zip(*rows, strict=True)
        return records, b"".join(hashes)

    def heads(
        self,
        tree: TreeCheck,
        result: BundleResult,
        records: Sequence[bytes],
        keys: KeyHistory | None,
    ) -> None:
        """The signed checkpoints of sizes within a bundle about to be added have its roots.

        `keys`: the log's, as far as these records go at least.
        """
        stop = tree.size + len(records)
        while (following := self._following()) and following[0] <= stop:
            size, note = following
            where = f"stored checkpoint of size {size}"
            newest = parse_record(records[size - tree.size - 1])
            head = check_signed(note, keys, size, newest.time_ms, where)
            root = tree.root_after(result.hashes, size - tree.size)
            if head.size != size or head.root != root:
                raise NotTrusted("it is not of the tree of that size", where=where)
            self.checkpoints += 1
            self.last_note = note
            self._checked_to = size
            self._waiting.pop(0)

    def _following(self) -> tuple[int, bytes] | None:
        """The next stored checkpoint; asked anew where none was there, for the log may grow."""
        if not self._waiting:
            self._waiting = list(self._book.checkpoints(self._checked_to, CHECKPOINTS_AT_ONCE))
        return self._waiting[0] if self._waiting else None

    def finish(self, head: Head, tree: TreeCheck, time_ms: int) -> None:
        """The head is that of the whole tree; nothing is stored beyond it."""
        if (head.size, head.root) != (tree.size, tree.root()):
            raise NotTrusted(
                f"the stored head is of size {head.size} and another root", where="head"
            )
        if head.time_ms != time_ms or head.frontier.encode() != tree.encoded():
            raise NotTrusted("the stored head has another time or frontier", where="head")
        if self._book.records(head.size, head.size + 1):
            raise NotTrusted("a record is stored beyond the head", where=f"record {head.size}")
        if beyond := self._following():
            raise NotTrusted(
                f"it is larger than the log of {head.size} records",
                where=f"stored checkpoint of size {beyond[0]}",
            )

    def ids(self, items: Iterator[tuple[bytes, int]]) -> None:
        """The stored ids are `items`, pair for pair."""
        mine, theirs = _first_misfit(items, self._book.id_items())
        if mine is None and theirs is None:
            return
        pairs = [pair for pair in (mine, theirs) if pair is not None]
        raise NotTrusted(
            "the ids of entries in the database are not those of the log",
            where=f"record {min(pairs)[1]}",
        )

    def state(self, items: Iterator[tuple[str, bytes]]) -> None:
        """The stored state map is `items`, pair for pair."""
        mine, theirs = _first_misfit(items, self._book.state_items())
        if mine is None and theirs is None:
            return
        if mine is not None and theirs is not None and mine[0] == theirs[0]:
            key, what = mine[0], "the stored value is not the one that the log makes"
        elif mine is None or (theirs is not None and theirs[0] < mine[0]):
            key = theirs[0] if theirs else ""
            what = "a value is stored that the log does not make"
        else:
            key, what = mine[0], "the value that the log makes is not stored"
        raise NotTrusted(
            what, where=f"state {key}", todo="tanbu rebuild makes the state anew from the log"
        )


K = TypeVar("K", str, bytes)
T = TypeVar("T")


def _first_misfit(
    mine: Iterator[tuple[K, T]], theirs: Iterator[tuple[K, T]]
) -> tuple[tuple[K, T] | None, tuple[K, T] | None]:
    """The first pairs, of two runs in order, that are not equal; (None, None) if all are."""
    for one, other in zip_longest(mine, theirs):
        if one != other:
            return one, other
    return None, None


def rooted(items: Iterator[tuple[str, bytes]], frontier: Frontier) -> Iterator[tuple[str, bytes]]:
    """The items of a state map as they come, each added to the tree over them."""
    for key, value in items:
        frontier.append(leaf_hash(key.encode() + b"\n" + value))
        yield key, value


def first_difference(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """The first place at which two runs of records differ."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
