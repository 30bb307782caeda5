"""A whole registry in memory, judged by the real rules: ReadStore, WriterClient and TileSource.

For tests of what talks (HTTP, pages, clients); it forgets everything, and one process uses it.

    registry = FakeRegistry()
    registry.take(Book().founding())
    registry.publish()
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from registry.chain import ed25519
from registry.chain.checkpoint import Checkpoint, sign_checkpoint
from registry.chain.errors import Unavailable
from registry.chain.tiles import bundle_path, format_bundle, new_tiles
from registry.chain.tlog import Frontier, LeafHashes, Node, leaf_hash
from registry.ledger.apply import apply, verify_here
from registry.ledger.codec import Parsed, format_record, id_key, parse_entry, parse_record
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.state import MemoryState, State, StateReader
from registry.ledger.subjects import subjects_of
from registry.ports import Admitted, Committed, Head, Published, Refused, Stamped
from tests.books import ORIGIN, T0, Book


class SteppingClock:
    """Stands still until it is told otherwise."""

    def __init__(self, now_ms: int = T0) -> None:
        self.ms = now_ms

    def __call__(self) -> int:
        return self.ms


@dataclass(frozen=True)
class FakeSnapshot:
    """The whole registry as it is: tests read while nobody writes."""

    head: Head
    state: StateReader
    registry: FakeRegistry = field(repr=False)

    def record(self, index: int) -> bytes | None:
        return self.registry.records[index] if 0 <= index < self.head.size else None

    def index_of_leaf(self, leaf: bytes) -> int | None:
        return self.registry.leaves.index(leaf) if leaf in self.registry.leaves else None

    def index_of_id(self, key: bytes) -> int | None:
        return self.registry.ids.get(key)

    def mentions(self, subject: str, *, before: int, limit: int) -> Sequence[int]:
        found = [i for i in self.registry.subjects.get(subject, ()) if i < before]
        return found[::-1][:limit]

    def published(self) -> Published | None:
        return self.registry.newest

    def stamps(self) -> Sequence[Stamped]:
        return self.registry.stamps


class FakeRegistry:
    """The writer, the store and the tiles of one log."""

    def __init__(self, origin: str = ORIGIN, clock: SteppingClock | None = None) -> None:
        self.book = Book(origin)
        self.clock = clock or SteppingClock()
        self.base = MemoryState()
        self.records: list[bytes] = []
        self.leaves: list[bytes] = []
        self.ids: dict[bytes, int] = {}
        self.subjects: dict[str, list[int]] = {}
        self.frontier = Frontier()
        self.newest: Published | None = None
        self.stamps: list[Stamped] = []
        self.tiles: dict[str, bytes] = {}
        self.gone = False
        self.asked: list[tuple[Admitted, ...]] = []
        self.lock = threading.RLock()

    # ------------------------------------------------------------ ReadStore

    @contextmanager
    def snapshot(self) -> Iterator[FakeSnapshot]:
        with self.lock:
            time_ms = parse_record(self.records[-1]).time_ms if self.records else 0
            head = Head(len(self.records), self.frontier.root(), time_ms, 1, self.frontier.copy())
            yield FakeSnapshot(head, self.base, self)

    # ------------------------------------------------------------ WriterClient

    async def submit(self, entries: Sequence[Admitted]) -> Sequence[Committed | Refused]:
        if self.gone:
            raise Unavailable("the writer is gone; whether the entry was committed is not known")
        self.asked.append(tuple(entries))
        with self.lock:
            return [self._take(entry) for entry in entries]

    def _take(self, admitted: Admitted) -> Committed | Refused:
        parsed = parse_entry(admitted.note)
        text = admitted.note[: admitted.text_end]
        if text != parsed.text or admitted.signatures != parsed.signatures:
            raise AssertionError("admitted fields do not fit the note")
        for key, signature in zip(admitted.keys, admitted.signatures, strict=False):
            ed25519.verify(key, signature, text)
        return self.judge(parsed)

    def judge(self, parsed: Parsed) -> Committed | Refused:
        """Commit one entry, or say why not."""
        key = id_key(parsed.entry)
        index = self.ids.get(key)
        if index is not None:
            old = parse_record(self.records[index])
            if not old.note.startswith(parsed.text + b"\n"):
                signer = parsed.entry.signers[0]
                refusal = refuse("id_reused", id=parsed.entry.id, signer=signer, index=index)
                return self._refused(refusal)
            return Committed(index, old.time_ms, self.leaves[index], replayed=True)
        index, time_ms = len(self.records), self.clock()
        state = State(self.base)
        refusal = apply(state, parsed, index=index, time_ms=time_ms, verify=verify_here)
        if refusal is not None:
            return self._refused(refusal)
        self.base.store(state)
        record = format_record(index, time_ms, parsed.note)
        self.records.append(record)
        self.leaves.append(leaf_hash(record))
        self.frontier.append(self.leaves[-1])
        self.ids[key] = index
        for subject in subjects_of(parsed.entry):
            self.subjects.setdefault(subject, []).append(index)
        return Committed(index, time_ms, self.leaves[-1], replayed=False)

    def _refused(self, refusal: Refusal) -> Refused:
        return Refused(refusal.name, refusal.fields, len(self.records), self.clock())

    def take(self, notes: Sequence[bytes]) -> None:
        """Commit notes that must all be good."""
        for note in notes:
            outcome = self.judge(parse_entry(note))
            if isinstance(outcome, Refused):
                raise AssertionError(f"refused: {outcome.message()}")

    # ------------------------------------------------------------ publisher, TileSource

    def publish(self) -> None:
        """Sign a checkpoint of all there is, and write its tiles; older partial ones go."""
        old, size = (self.newest.size if self.newest else 0), len(self.records)
        hashes = LeafHashes(self.leaves)
        for tile in new_tiles(old, size):
            self._drop(tile.path.partition(".p/")[0])
            nodes = [Node(8 * tile.level, 256 * tile.index + at) for at in range(tile.width)]
            self.tiles[tile.path] = b"".join(hashes.read_hashes(nodes))
            if tile.level == 0:
                first = 256 * tile.index
                self._drop(bundle_path(tile.index))
                self.tiles[bundle_path(tile.index, tile.width)] = format_bundle(
                    self.records[first : first + tile.width]
                )
        head = Checkpoint(self.book.origin, size, self.frontier.root())
        note = sign_checkpoint(
            head, self.book.ed25519_seed, self.book.mldsa44_seed, self.clock() // 1000
        )
        self.newest = Published(size, note, self.clock())

    def _drop(self, path: str) -> None:
        for name in [n for n in self.tiles if n == path or n.startswith(f"{path}.p/")]:
            del self.tiles[name]

    def checkpoint(self) -> bytes:
        if self.newest is None:
            raise Unavailable("nothing has been published")
        return self.newest.note

    def read(self, path: str) -> bytes:
        if path not in self.tiles:
            raise Unavailable("no such tile", where=path)
        return self.tiles[path]
