"""What the shell must supply to the parts that decide: a few verbs each (HOUSE, floors).

Refuses to know: which database, which disk, which clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from registry.chain.errors import Unavailable
from registry.chain.tlog import Frontier, Node
from registry.ledger.logkeys import KeyHistory, Pair
from registry.ledger.refusals import Refusal
from registry.ledger.state import StateReader


class Clock(Protocol):
    """Time: the wall clock for record times, the monotonic one to notice that it jumps."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds of a clock that never goes back."""
        ...


class Signer(Protocol):
    """Holds the log's keys and signs checkpoints, nothing else."""

    def sign_checkpoint(self, size: int, root: bytes, pairs: Sequence[Pair]) -> bytes:
        """A signed note of the checkpoint with the Ed25519 and the ML-DSA-44 line of each pair;

        Unavailable if one of the private keys is not at hand.
        """
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """The newest committed state of the log; `root` is the RFC 6962 root over `size` records.

    `time_ms` is the last record's time (0 in an empty log), `epoch` counts the writers that have
    opened the log: a writer that another one has followed cannot commit any more.
    """

    size: int
    root: bytes
    time_ms: int
    epoch: int
    frontier: Frontier


class NewRecord(Struct, frozen=True, gc=False):
    """One accepted entry on its way to the disk. `id_key`: see `id_key`; `subjects`: what lists of
    entries find it by (see `ledger.subjects`)."""

    index: int
    record: bytes
    leaf_hash: bytes
    id_key: bytes
    subjects: tuple[str, ...]


class LogStore(Protocol):
    """The writer's durable memory. Every verb raises Broken on a disk or database at fault."""

    def head(self) -> Head:
        """The committed head."""
        ...

    def open_epoch(self) -> Head:
        """Become the one writer: raise the epoch, durably; the head with the new epoch."""
        ...

    def state(self) -> StateReader:
        """The committed state map."""
        ...

    def find_ids(self, id_keys: Sequence[bytes]) -> Mapping[bytes, int]:
        """The index of each id that is in the log."""
        ...

    def records(self, first: int, stop: int) -> Iterator[bytes]:
        """The records first ≤ index < stop, in order."""
        ...

    def commit(
        self,
        old: Head,
        new: Head,
        records: Sequence[NewRecord],
        changes: Sequence[tuple[str, bytes | None]],
    ) -> None:
        """Make all of it durable in one transaction, if the head is still `old`.

        Raises Broken if the head is another one (size, root, time or epoch), or if the outcome is
        not known: then stop, reopen and look; never try again blindly.
        """
        ...


@dataclass(frozen=True, slots=True)
class Published:
    """The newest published checkpoint."""

    size: int
    note: bytes
    time_ms: int


class PublicationStore(Protocol):
    """The publisher's side of the database. Every verb raises Broken on a disk at fault."""

    def head(self) -> Head:
        """The committed head."""
        ...

    def log_keys(self) -> KeyHistory:
        """The log's keys by the committed state; later ones are read off the records."""
        ...

    def hashed_records(self, first: int, stop: int) -> Iterator[tuple[bytes, bytes]]:
        """The records first ≤ index < stop in order, each with the leaf hash stored beside it."""
        ...

    def published(self) -> Published | None:
        """The newest signed checkpoint that is stored."""
        ...

    def published_before(self, size: int) -> Published | None:
        """The newest stored checkpoint that is smaller than `size`."""
        ...

    def store_checkpoint(self, published: Published) -> None:
        """Keep a signed checkpoint, durably, before anybody gets to see it."""
        ...


@dataclass(frozen=True, slots=True)
class Stamped:
    """An authority's RFC 3161 token over the checkpoint of `size`; `time_ms` as the token says."""

    size: int
    authority: str
    token: bytes
    time_ms: int


class StampStore(Protocol):
    """Where time stamps are kept. Every verb raises Broken on a disk at fault."""

    def published(self) -> Published | None:
        """The newest signed checkpoint that is stored."""
        ...

    def newest_stamp(self, authority: str) -> Stamped | None:
        """The stamp of the largest checkpoint that this authority has stamped."""
        ...

    def keep_stamp(self, stamped: Stamped) -> None:
        """Keep a checked stamp, durably; there is none yet of this size and authority."""
        ...


class StampClient(Protocol):
    """A line to a time-stamping authority."""

    def ask(self, request: bytes) -> bytes:
        """What it answers to a request (both DER); Unavailable if it does not, or not in time."""
        ...


class TileSource(Protocol):
    """Where a log is read from: a directory of tiles, a URL, or a database."""

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint; Unavailable if there is none."""
        ...

    def read(self, path: str) -> bytes:
        """The tile or bundle at a path such as `tile/0/x001/234` or `tile/entries/000.p/5`;

        Unavailable if it is not there.
        """
        ...


class TileStore(TileSource, Protocol):
    """Where the publisher puts tiles. Every verb raises Broken on a disk at fault."""

    def write(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Put tiles, bundles or `checkpoint` in place, each replaced as a whole or not at all.

        All of them are durable when this returns.
        """
        ...

    def partials(self, path: str) -> Sequence[str]:
        """The paths of the partial tiles that are kept beside a full tile's path."""
        ...

    def delete(self, paths: Sequence[str]) -> None:
        """Drop partial tiles that fuller ones have replaced; those that are not there are not."""
        ...


class SealedState(StateReader, Protocol):
    """The leaves of a seal, in order of their keys; what it reads is checked up to `root`."""

    size: int
    root: bytes
    count: int

    def leaf(self, index: int) -> tuple[str, bytes]:
        """The key and value of a leaf, as they stand there."""
        ...

    def place(self, key: str) -> int:
        """How many leaves have a smaller key."""
        ...

    def read_hashes(self, nodes: Sequence[Node]) -> Sequence[bytes]:
        """The hashes of complete subtrees over the leaves."""
        ...


class SealStore(Protocol):
    """Where the leaves of seals are kept."""

    def open(self, size: int) -> AbstractContextManager[SealedState]:
        """The leaves of the state of a size; Unavailable if they are not kept."""
        ...


class StateScratch(StateReader, Protocol):
    """A state map that an audit keeps outside its memory."""

    def store(self, changes: Sequence[tuple[str, bytes | None]]) -> None:
        """Take over changes of the state."""
        ...

    def items(self) -> Iterator[tuple[str, bytes]]:
        """The whole map in byte order of the keys."""
        ...


class Admitted(Struct, frozen=True, array_like=True):
    """An entry that an API process has parsed and whose signatures it has checked.

    `text_end`: length of the note's text; `signatures`: bodies in the order of `signers`;
    `keys`: the raw public keys by which each was found good (empty: not checked yet).
    """

    note: bytes
    text_end: int
    signatures: tuple[bytes, ...]
    keys: tuple[bytes, ...]


class Committed(Struct, frozen=True, array_like=True, gc=False):
    """The entry is in the log, durably. `replayed`: it already was; this is the first receipt."""

    index: int
    time_ms: int
    leaf_hash: bytes
    replayed: bool


class Refused(Refusal, frozen=True):
    """The entry was refused: by a log of `size` records, as one of the record time `time_ms`."""

    size: int
    time_ms: int


class Overloaded(Unavailable):
    """Too much is waiting for the writer already: nothing was taken in, try again in a moment."""


class WriterClient(Protocol):
    """An API process's line to the writer."""

    async def submit(self, entries: Sequence[Admitted]) -> Sequence[Committed | Refused]:
        """One outcome per entry, in order; no entries: is the writer there?

        Raises Overloaded, or Unavailable if the writer is gone: whether the entries were committed
        is then not known, and the same texts may be submitted again.
        """
        ...


class Snapshot(Protocol):
    """The committed log and state as of one size; what it answers does not change."""

    head: Head
    state: StateReader

    def record(self, index: int) -> bytes | None:
        """The record at an index."""
        ...

    def index_of_leaf(self, leaf_hash: bytes) -> int | None:
        """The index of the record with this leaf hash."""
        ...

    def index_of_id(self, id_key: bytes) -> int | None:
        """The index of the entry with this id."""
        ...

    def mentions(self, subject: str, *, before: int, limit: int) -> Sequence[int]:
        """Indexes below `before` of the entries about a subject, newest first."""
        ...

    def published(self) -> Published | None:
        """The newest published checkpoint."""
        ...

    def stamps(self) -> Sequence[Stamped]:
        """The newest stamp of each authority, by name."""
        ...


class ReadStore(Protocol):
    """Reads for pages and proofs, beside the writer."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """A consistent view, to be left soon: it keeps old pages of the database alive."""
        ...
