"""A whole log in memory for the tests of the verifier: records, tiles, checkpoint, state, trust."""

from __future__ import annotations

from collections.abc import Sequence

from registry.chain import tiles, tlog
from registry.chain.checkpoint import Checkpoint
from registry.chain.errors import Unavailable
from registry.chain.tlog import LeafHashes, leaf_hash
from registry.ledger.codec import format_record, parse_entry, parse_record
from registry.ledger.entries import Common
from registry.ledger.logkeys import read_history
from registry.ledger.replay import replay
from registry.ledger.sealing import SealWatch, sealed_sizes
from registry.ledger.state import MemoryState, State
from registry.ports import Published
from registry.verify import standing
from registry.verify.build import build_evidence
from registry.verify.trust import LogTrust, Trust, new_trust
from tests.books import ORIGIN, T0, Book, party_key
from tests.logpairs import due, log_pair, sign

TIME_S = T0 // 1_000


class MemoryLog:
    """A published log: what an evidence file is built from, and what an audit reads."""

    def __init__(
        self,
        book: Book,
        notes: Sequence[bytes],
        *,
        check: bool = True,
        times: Sequence[int] | None = None,
    ) -> None:
        self.book = book
        self.records = [
            format_record(n, times[n] if times else T0, note) for n, note in enumerate(notes)
        ]
        self.state = MemoryState()
        if check:
            state = State(self.state)
            watch = SealWatch(sealed_sizes(self.records))
            for _ in replay(self.records, state, seals=watch):
                self.state.store(state)
        self.hashes = LeafHashes(leaf_hash(record) for record in self.records)
        self.size = len(self.records)
        self.note = self.sign(self.size)

    def root(self, size: int) -> bytes:
        return tlog.root_hash(size, self.hashes)

    def sign(self, size: int, origin: str | None = None, root: bytes | None = None) -> bytes:
        """By every pair that is due; where nothing is replayed, by that of genesis."""
        head = Checkpoint(origin or self.book.origin, size, root or self.root(size))
        pairs = (log_pair(self.book, 1),)
        if self.state.values and size:
            newest = parse_record(self.records[min(size, self.size) - 1])
            pairs = due(self.book, read_history(self.state), size, newest.time_ms)
        return sign(head, TIME_S, *pairs)

    def record(self, index: int) -> bytes | None:
        return self.records[index] if index < len(self.records) else None

    def published(self) -> Published | None:
        return Published(self.size, self.note, T0)

    def proof(self, index: int) -> Sequence[bytes]:
        return tlog.prove_inclusion(index, self.size, self.hashes)

    def evidence(self, index: int) -> bytes:
        return build_evidence(index, self, self.hashes)

    def trust(self) -> Trust:
        return Trust((log_trust(self.book),))

    def files(self) -> dict[str, bytes]:
        """The tiles, bundles and checkpoint, by path."""
        found = {"checkpoint": self.note}
        for tile in tiles.tiles_for(self.size):
            first = tile.index * tiles.TILE_WIDTH
            nodes = [
                tlog.Node(tile.level * tiles.TILE_HEIGHT, first + n) for n in range(tile.width)
            ]
            found[tile.path] = b"".join(self.hashes.read_hashes(nodes))
        for bundle in tiles.new_bundles(0, self.size):
            first = bundle.index * tiles.TILE_WIDTH
            found[bundle.path] = tiles.format_bundle(self.records[first : first + bundle.width])
        return found


def standing_of(log: MemoryLog, subject: int) -> list[int]:
    """The indexes of what a record stands on, as far as the log has it, whatever it is worth."""
    parsed = [parse_record(record) for record in log.records]
    made: dict[str, list[int]] = {}
    for index, record in enumerate(parsed):
        for name in standing.makes(entry_of(record.note), index):
            made.setdefault(name, []).append(index)

    def find(reference: str, index: int) -> tuple[int, ...]:
        if reference == standing.IN_FORCE:
            books = (n for n in range(index) if b'"kind":"rulebook"' in log.records[n])
            return (max(books, default=0),)
        makers = made.get(reference, [0])
        if reference.startswith("event/"):
            makers = makers[-1:]
        elif not reference.startswith(("changes/", "account/", "project/", "methodology/")):
            makers = makers[:1]
        return standing.led_to(reference, makers, index, subject)

    return list(standing.closure(subject, lambda n: entry_of(parsed[n].note), find))


def entry_of(note: bytes) -> Common:
    return parse_entry(note).entry


class FileTiles:
    """A TileSource over files in memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def checkpoint(self) -> bytes:
        return self.read("checkpoint")

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise Unavailable("it is not there", where=path)
        return self.files[path]


def log_trust(book: Book) -> LogTrust:
    return new_trust(book.origin, book.log_vkeys(), (party_key("authority").vkey,))


def sample_log() -> MemoryLog:
    """The founding and the walk of the book of the tests."""
    book = Book()
    return MemoryLog(book, book.founding() + book.walk())


def index_of_kind(log: MemoryLog, kind: str, number: int = 0) -> int:
    """Where the (number + 1)-th entry of a kind stands."""
    wanted = f'"kind":"{kind}"'.encode()
    return [n for n, record in enumerate(log.records) if wanted in record][number]


__all__ = [
    "ORIGIN",
    "FileTiles",
    "MemoryLog",
    "entry_of",
    "index_of_kind",
    "log_trust",
    "sample_log",
    "standing_of",
]
