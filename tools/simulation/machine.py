"""The machine that the log runs on: its clocks, the writer's database, the tile store.

All in memory, all atomic as the ports promise it, all with a trap before and behind each operation.
Memory survives a crash: what an operation has written is durable, what it has not is not there.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from registry.chain.checkpoint import Checkpoint, LogKeys, format_checkpoint
from registry.chain.errors import Broken, Unavailable
from registry.chain.note import Note, format_note, sign_line
from registry.chain.tlog import Frontier
from registry.ledger.logkeys import KeyHistory, Pair
from registry.ports import Head, NewRecord, Published
from tools.simulation.faults import Trap

_SCANNED = "lot/"
"""The family that rules read by range."""

Journal = list[tuple[str, bytes | None, bytes | None]]
"""Key, what stood there, what stands there now."""


def _copy(head: Head) -> Head:
    """A head whose frontier nobody else appends to."""
    return replace(head, frontier=head.frontier.copy())


class SimulatedClock:
    """Both clocks of a machine; they stand until they are moved (port Clock)."""

    def __init__(self, now_ms: int) -> None:
        self.wall_ms = now_ms
        self.steady_ms = 1_000

    def now_ms(self) -> int:
        """Unix time in milliseconds, as the machine has it."""
        return self.wall_ms

    def monotonic_ms(self) -> int:
        """Milliseconds since the machine was started."""
        return self.steady_ms

    def tick(self, ms: int) -> None:
        """Time goes by."""
        self.wall_ms += ms
        self.steady_ms += ms


class SortedMap:
    """A state map as of now, sorted once (port StateReader)."""

    def __init__(self, values: Mapping[str, bytes]) -> None:
        self._values = values
        self.keys = sorted(values)

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The values of those keys that exist."""
        return {key: self._values[key] for key in keys if key in self._values}

    def scan(self, low: str, high: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Up to `limit` pairs with low ≤ key < high, in byte order of the keys."""
        at = bisect_left(self.keys, low)
        found = self.keys[at : min(bisect_left(self.keys, high), at + limit)]
        return [(key, self._values[key]) for key in found]


class StateTable:
    """A state map that changes, of which rules scan one family (port StateReader)."""

    def __init__(self, trap: Trap) -> None:
        self.values: dict[str, bytes] = {}
        self._scanned: list[str] = []
        self._trap = trap

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The values of those keys that exist."""
        if not self._trap.quiet:
            self._trap.before("read state")
        values = self.values
        return {key: values[key] for key in keys if key in values}

    def scan(self, low: str, high: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Up to `limit` pairs with low ≤ key < high, in byte order of the keys."""
        if not low.startswith(_SCANNED):
            raise Broken(f"rules scan {low}, which this table has no order for")
        if not self._trap.quiet:
            self._trap.before("read state")
        at = bisect_left(self._scanned, low)
        found = self._scanned[at : min(bisect_left(self._scanned, high), at + limit)]
        return [(key, self.values[key]) for key in found]

    def put(self, changes: Sequence[tuple[str, bytes | None]], journal: Journal | None) -> None:
        """Take over changes, and write down what they replaced."""
        values = self.values
        for key, data in changes:
            old = values.get(key)
            if journal is not None:
                journal.append((key, old, data))
            if data is None:
                values.pop(key, None)
            else:
                values[key] = data
            if (old is None) != (data is None) and key.startswith(_SCANNED):
                if data is None:
                    self._scanned.remove(key)
                else:
                    insort(self._scanned, key)


class MemoryLog:
    """The database of a log: what the writer and the publisher see of it (ports LogStore and

    PublicationStore)."""

    def __init__(self, trap: Trap) -> None:
        self.trap = trap
        self.records_: list[bytes] = []
        self.leaf_hashes: list[bytes] = []
        self.ids: dict[bytes, int] = {}
        self.table = StateTable(trap)
        self.checkpoints: list[Published] = []
        self.history = KeyHistory("", ())
        self.journal: Journal = []
        self._head = Head(0, Frontier().root(), 0, 0, Frontier())

    def head(self) -> Head:
        """The committed head."""
        return _copy(self._head)

    def open_epoch(self) -> Head:
        """Raise the epoch."""
        self.trap.before("open an epoch")
        self._head = replace(self._head, epoch=self._head.epoch + 1)
        self.trap.after("open an epoch")
        return _copy(self._head)

    def state(self) -> StateTable:
        """The committed state map."""
        return self.table

    def find_ids(self, id_keys: Sequence[bytes]) -> Mapping[bytes, int]:
        """The index of each id that is in the log."""
        self.trap.before("find ids")
        ids = self.ids
        return {key: ids[key] for key in id_keys if key in ids}

    def records(self, first: int, stop: int) -> Iterator[bytes]:
        """The records first ≤ index < stop, in order."""
        self.trap.before("read records")
        yield from self.records_[first:stop]

    def commit(
        self,
        old: Head,
        new: Head,
        records: Sequence[NewRecord],
        changes: Sequence[tuple[str, bytes | None]],
    ) -> None:
        """All or nothing, if the head is still `old`."""
        self.trap.before("commit")
        self._swap(old, new, records, changes)
        self.trap.after("commit")

    def _swap(
        self,
        old: Head,
        new: Head,
        records: Sequence[NewRecord],
        changes: Sequence[tuple[str, bytes | None]],
    ) -> None:
        head = self._head
        if (old.size, old.root, old.time_ms, old.epoch) != (
            *(head.size, head.root, head.time_ms),
            head.epoch,
        ):
            raise Broken("the committed head is not the one this writer left: only one writer")
        if any(record.id_key in self.ids for record in records):
            raise Broken("could not commit: an id is there already")
        for at, record in enumerate(records, len(self.records_)):
            if record.index != at:
                raise Broken("could not commit: an index is there already, or one is left out")
            self.records_.append(record.record)
            self.leaf_hashes.append(record.leaf_hash)
            self.ids[record.id_key] = at
        self.table.put(changes, self.journal)
        self._head = _copy(new)

    def log_keys(self) -> KeyHistory:
        """The one key that signs, whatever is thrown."""
        return self.history

    def hashed_records(self, first: int, stop: int) -> Iterator[tuple[bytes, bytes]]:
        """The records first ≤ index < stop in order, each with the leaf hash stored beside it."""
        self.trap.before("read records")
        yield from zip(self.records_[first:stop], self.leaf_hashes[first:stop], strict=True)

    def published(self) -> Published | None:
        """The newest signed checkpoint that is stored."""
        return self.checkpoints[-1] if self.checkpoints else None

    def published_before(self, size: int) -> Published | None:
        """The newest stored checkpoint that is smaller than `size`."""
        return next((p for p in reversed(self.checkpoints) if p.size < size), None)

    def store_checkpoint(self, published: Published) -> None:
        """Keep a signed checkpoint."""
        self.trap.before("store a checkpoint")
        self.checkpoints.append(published)
        self.trap.after("store a checkpoint")


class MemoryTiles:
    """The tile store: files, each replaced as a whole or not at all (port TileStore)."""

    def __init__(self, trap: Trap) -> None:
        self.files: dict[str, bytes] = {}
        self._trap = trap
        self._partials: dict[str, list[str]] = {}

    def checkpoint(self) -> bytes:
        """The newest published checkpoint."""
        return self.read("checkpoint")

    def read(self, path: str) -> bytes:
        """A tile or bundle."""
        data = self.files.get(path)
        if data is None:
            raise Unavailable("no such tile", where=path)
        return data

    def write(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Put files in place; a fault leaves the first of them."""
        self._trap.cut(files, self._put)

    def _put(self, path: str, data: bytes) -> None:
        full, found, _ = path.partition(".p/")
        if found and path not in self.files:
            self._partials.setdefault(full, []).append(path)
        self.files[path] = data

    def partials(self, path: str) -> Sequence[str]:
        """The paths of the partial tiles beside a full tile's path."""
        return list(self._partials.get(path, ()))

    def delete(self, paths: Sequence[str]) -> None:
        """Drop partial tiles."""
        for path in paths:
            if self.files.pop(path, None) is not None:
                full = path.partition(".p/")[0]
                self._partials[full].remove(path)


class OneKey(KeyHistory, frozen=True):
    """The log's keys as the simulator has them: Ed25519 alone, for an ML-DSA-44 line is slow."""

    key: LogKeys

    def due(self, size: int, time_ms: int) -> tuple[LogKeys, ...]:
        """The one key, at every size."""
        del size, time_ms
        return (self.key,)

    def follow(self, index: int, record: bytes) -> KeyHistory:
        """The same key: nobody has those that a thrown logkey names."""
        del index, record
        return self


class SimulatedSigner:
    """Signs checkpoints, with the Ed25519 line alone (port Signer)."""

    def __init__(self, keys: LogKeys, seed: bytes, seen: Callable[[int, bytes], None]) -> None:
        self._keys = keys
        self._seed = seed
        self._seen = seen

    def sign_checkpoint(self, size: int, root: bytes, pairs: Sequence[Pair]) -> bytes:
        """A signed note of the checkpoint; whatever was signed may have left."""
        del pairs
        self._seen(size, root)
        text = format_checkpoint(Checkpoint(self._keys.origin, size, root))
        return format_note(Note(text, (sign_line(self._keys.origin, self._seed, text),)))
