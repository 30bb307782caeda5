"""Logs in directories of their own, for tests of what remembers, writes and publishes.

data = make_log(tmp_path, book)                 # keys, database, genesis, published
with writing(data, clock) as writer:
    take(writer, book.founding()[1:])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.opening import open_log
from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44
from registry.ledger.codec import parse_entry
from registry.ledger.refusals import Refusal
from registry.ports import Admitted, Committed
from registry.signers.keyfile import PrivateKey, write_key_file
from registry.signers.logkeys import ED25519_FILE, MLDSA44_FILE, FileSigner
from registry.store.database import open_for_writing
from registry.store.log import SqlLogStore
from registry.store.publication import SqlPublicationStore
from registry.store.tiles import DirectoryTiles
from registry.writer.commit import Writer
from registry.writer.publish import Publisher
from tests.books import T0, Book


class Clock:
    """Both clocks of a machine, which stand until they are moved."""

    def __init__(self, now_ms: int = T0) -> None:
        self.wall_ms = now_ms
        self.steady_ms = 1_000

    def now_ms(self) -> int:
        return self.wall_ms

    def monotonic_ms(self) -> int:
        return self.steady_ms

    def tick(self, ms: int = 1_000) -> None:
        """Time goes by, as it should."""
        self.wall_ms += ms
        self.steady_ms += ms


def admitted(note: bytes) -> Admitted:
    """A note as an API process hands it over when it has verified nothing."""
    parsed = parse_entry(note)
    return Admitted(note, len(parsed.text), parsed.signatures, ())


def write_log_keys(data: DataDirectory, book: Book) -> None:
    """The book's own log keys as key files."""
    for name, kind, seed in (
        (ED25519_FILE, TYPE_ED25519, book.ed25519_seed),
        (MLDSA44_FILE, TYPE_MLDSA44, book.mldsa44_seed),
    ):
        write_key_file(data.keys / name, PrivateKey(book.origin, kind, seed))


def make_log(root: Path, book: Book, clock: Clock | None = None) -> DataDirectory:
    """A data directory whose log has its genesis, published at size 1."""
    data = DataDirectory(root)
    root.mkdir(exist_ok=True)
    write_log_keys(data, book)
    open_log(data, book.genesis(), clock or Clock())
    return data


@contextmanager
def writing(
    data: DataDirectory, clock: Clock | None = None, *, fold: bool = True
) -> Iterator[Writer]:
    """The one writer of a data directory; without `fold` it ends as if it were killed."""
    engine = open_for_writing(data.database)
    with closing(SqlLogStore(engine)) as store:
        yield Writer(store, clock or Clock())
        if fold:
            store.fold()
    engine.dispose()


@contextmanager
def publishing(
    data: DataDirectory, clock: Clock | None = None, *, alone: bool = False
) -> Iterator[Publisher]:
    """An opened publisher of a data directory."""
    engine = open_for_writing(data.database)
    with closing(SqlPublicationStore(engine)) as store:
        now_ms = (clock or Clock()).now_ms
        signer = FileSigner(data.keys, now_ms)
        publisher = Publisher(store, DirectoryTiles(data.tiles), signer, now_ms)
        publisher.open(alone=alone)
        yield publisher
    engine.dispose()


def take(writer: Writer, notes: Sequence[bytes]) -> list[Committed]:
    """Commit notes in one round; all must be accepted."""
    receipts = []
    for note, outcome in zip(notes, writer.commit([admitted(n) for n in notes]), strict=True):
        if isinstance(outcome, Refusal):
            raise AssertionError(f"{outcome.message()}: {note.decode()}")
        receipts.append(outcome)
    return receipts


def make_book(root: Path, book: Book, notes: Sequence[bytes] = ()) -> DataDirectory:
    """A published log with the founding book and, after it, `notes`."""
    data = make_log(root, book)
    with writing(data) as writer:
        # The founding book's own genesis is another entry than the one that opened this log.
        take(writer, [*book.founding()[1:], *notes])
    with publishing(data) as publisher:
        publisher.step()
    return data
