"""Comparing a database with the log that it is made from: nothing in it is believed.

Refuses to know: which database it is, and what values mean.

Every record, the leaf hash beside it, every id, every signed checkpoint, the head, and every value
of the state map must be what the replay of the log has come to; the first that is not is
NotTrusted, with its place.
"""

from collections.abc import Iterator, Sequence

from registry.chain.errors import NotTrusted
from registry.chain.note import Verifier
from registry.chain.tlog import Frontier, leaf_hash
from registry.ports import Head
from registry.verify.bundle import BundleResult, used_ids
from registry.verify.means import StoredBook
from registry.verify.reading import check_head
from registry.verify.treecheck import TreeCheck

CHECKPOINTS_AT_ONCE = 256


class BookCheck:
    """A database beside a replay."""

    def __init__(self, book: StoredBook, verifiers: tuple[Verifier, ...]) -> None:
        self._book = book
        self._verifiers = verifiers
        self._waiting: list[tuple[int, bytes]] = []
        self._checked_to = -1
        self.checkpoints = 0
        self.last_note = b""

    def rows(self, first: int, stop: int) -> tuple[list[bytes], bytes]:
        """The stored records and their stored leaf hashes; NotTrusted if not all are there."""
        rows = self._book.records(first, stop)
        if len(rows) != stop - first:
            raise NotTrusted(
                f"of the records {first} to {stop - 1} the database has {len(rows)}",
                where=f"record {first}",
            )
        return [record for record, _ in rows], b"".join(stored for _, stored in rows)

    def ids(self, result: BundleResult) -> None:
        """The ids of a bundle are stored with its indexes."""
        wanted = {key: index for key, index, _, _ in used_ids(result)}
        found = self._book.find_ids(list(wanted))
        for key, index in wanted.items():
            if found.get(key) != index:
                raise NotTrusted(
                    f"its id is stored with the index {found.get(key)}", where=f"record {index}"
                )

    def heads(self, tree: TreeCheck, result: BundleResult, count: int) -> None:
        """The signed checkpoints of sizes within a bundle about to be added have its roots."""
        stop = tree.size + count
        while (following := self._following()) and following[0] <= stop:
            size, note = following
            where = f"stored checkpoint of size {size}"
            head = check_head(note, self._verifiers, where)
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
        if (count := self._book.id_count()) != head.size:
            raise NotTrusted(f"{count} ids are stored for {head.size} records", where="ids")
        if beyond := self._following():
            raise NotTrusted(
                f"it is larger than the log of {head.size} records",
                where=f"stored checkpoint of size {beyond[0]}",
            )

    def state(self, items: Iterator[tuple[str, bytes]]) -> None:
        """The stored state map is `items`, pair for pair."""
        stored = iter(self._book.state_items())
        end = ("", b"")
        while True:
            mine, theirs = next(items, end), next(stored, end)
            if mine == theirs:
                if mine is end:
                    return
                continue
            raise _state_differs(mine, theirs)


def _state_differs(mine: tuple[str, bytes], theirs: tuple[str, bytes]) -> NotTrusted:
    if mine[0] == theirs[0]:
        what = "the stored value is not the one that the log makes"
    elif theirs[0] and (theirs[0] < mine[0] or not mine[0]):
        return NotTrusted(
            "a value is stored that the log does not make",
            where=f"state {theirs[0]}",
            todo="tanbu rebuild makes the state anew from the log",
        )
    else:
        what = "the value that the log makes is not stored"
    return NotTrusted(
        what, where=f"state {mine[0]}", todo="tanbu rebuild makes the state anew from the log"
    )


def rooted(items: Iterator[tuple[str, bytes]], frontier: Frontier) -> Iterator[tuple[str, bytes]]:
    """The items of a state map as they come, each added to the tree over them."""
    for key, value in items:
        frontier.append(leaf_hash(key.encode() + b"\n" + value))
        yield key, value


def first_difference(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """The first place at which two runs of records differ."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
