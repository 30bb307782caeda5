"""The leaves of a seal as one immutable file, from which proofs are cut (docs/spec/seals.md).

Source: docs/spec/seals.md, 3. Standard library only: it is written and read beside the database,
by processes of their own.

Refuses to know: who signed the seal. A reader compares with the root of the seal, which stands in
the log: what it gives is checked up to that root, so an altered file is Broken, never believed.

Rules
- written once, in order of the keys, in bounded memory; under its name only when it is complete
  and on the disk
- read piece by piece (pread), so that a file of any length costs no memory

    made = write_seal_file(path, origin, size, items)
    with SealFile(path) as sealed: sealed.get_many(["order/X"])
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from struct import Struct as Layout
from types import TracebackType
from typing import IO

from registry.chain.errors import Broken, TanbuError, Unavailable
from registry.chain.tlog import (
    HASH_BYTES,
    Frontier,
    Node,
    check_inclusion,
    leaf_hash,
    prove_inclusion,
)
from registry.ledger.sealing import Commitment, StateTree, commit_to

MAGIC = "tanbu.seal/v1"
LEAF_BYTES_MAX = 64_000_000
"""Longest leaf that is read: a balance of many pieces."""
HEADER_BYTES_MAX = 300
BUFFER_BYTES = 1 << 20
_LENGTH = Layout(">I")
_OFFSET = Layout(">Q")
_FOOTER = Layout(">32sQQ")
Progress = Callable[[int], None]


def write_seal_file(
    path: Path,
    origin: str,
    size: int,
    items: Iterable[tuple[str, bytes]],
    progress: Progress | None = None,
) -> Commitment:
    """Write the leaves of the state after `size` entries; what a seal of them says.

    Raises Broken if there is no room, or the items are not in order of their keys.
    """
    tree = StateTree()
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(exist_ok=True)
        with (
            part.open("wb", buffering=BUFFER_BYTES) as file,
            tempfile.TemporaryFile(dir=path.parent, buffering=BUFFER_BYTES) as offsets,
        ):
            at = file.write(f"{MAGIC}\n{origin}\n{size}\n".encode())
            for key, value in items:
                completed = tree.add(key, value)
                leaf = b"%b\n%b" % (key.encode(), value)
                offsets.write(_OFFSET.pack(at))
                at += file.write(b"%b%b%b" % (_LENGTH.pack(len(leaf)), leaf, b"".join(completed)))
                if progress is not None and not offsets.tell() % (1 << 19):
                    progress(offsets.tell() // _OFFSET.size)
            made = tree.commitment(size)
            _finish(file, offsets, _FOOTER.pack(made.root, made.count, at))
        part.chmod(0o444)
        part.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Broken(
            f"the seal's leaves cannot be written: {error.strerror}",
            where=str(path),
            todo="make room and run the command again",
        ) from error
    except TanbuError:
        part.unlink(missing_ok=True)
        raise
    return made


def _finish(file: IO[bytes], offsets: IO[bytes], footer: bytes) -> None:
    offsets.seek(0)
    while chunk := offsets.read(BUFFER_BYTES):
        file.write(chunk)
    file.write(footer)
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class SealFile:
    """A file of leaves (SealedMap of `registry.verify`, StateReader of `registry.ledger`)."""

    def __init__(self, path: Path) -> None:
        """Unavailable if there is none; Broken if it is cut short or is no such file."""
        self._path = path
        try:
            self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(
                f"the leaves of the seal cannot be read: {error.strerror}", where=str(path)
            ) from error
        try:
            self._read_frame()
        except TanbuError:
            self.close()
            raise

    def _read_frame(self) -> None:
        length = os.fstat(self._handle).st_size
        head = self._pread(0, min(length, HEADER_BYTES_MAX)).split(b"\n", 3)
        if len(head) != 4 or head[0] != MAGIC.encode() or not head[2].isdigit():
            raise self._broken("it is no file of a seal's leaves")
        self.origin = head[1].decode("ascii", "replace")
        self.size = int(head[2])
        self._start = sum(len(line) + 1 for line in head[:3])
        if length < self._start + _FOOTER.size:
            raise self._broken("it is cut short")
        self.root, self.count, self._offsets = _FOOTER.unpack(
            self._pread(length - _FOOTER.size, _FOOTER.size)
        )
        if self._offsets + self.count * _OFFSET.size + _FOOTER.size != length:
            raise self._broken("it is cut short")

    def close(self) -> None:
        """Give the file back."""
        os.close(self._handle)

    def __enter__(self) -> "SealFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ------------------------------------------------------------ leaves and hashes

    def leaf(self, index: int) -> tuple[str, bytes]:
        """The key and value of a leaf, as they stand there."""
        at = self._offset(index)
        (length,) = _LENGTH.unpack(self._pread(at, _LENGTH.size))
        if length > LEAF_BYTES_MAX:
            raise self._broken(f"leaf {index} is too long")
        key, _, value = self._pread(at + _LENGTH.size, length).partition(b"\n")
        return key.decode("ascii", "replace"), value

    def place(self, key: str) -> int:
        """How many leaves have a smaller key. O(log n) reads."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            if self.leaf(middle)[0] < key:
                low = middle + 1
            else:
                high = middle
        return low

    def read_hashes(self, nodes: Sequence[Node]) -> Sequence[bytes]:
        """See `HashReader`: a node's hash stands behind the leaf that completes it."""
        found = []
        for level, index in nodes:
            at = self._offset(((index + 1) << level) - 1)
            (length,) = _LENGTH.unpack(self._pread(at, _LENGTH.size))
            place = at + _LENGTH.size + length + level * HASH_BYTES
            found.append(self._pread(place, HASH_BYTES))
        return found

    def items(self) -> Iterator[tuple[str, bytes]]:
        """All leaves, as they stand there, read in one run."""
        frontier = Frontier()
        with self._path.open("rb", buffering=BUFFER_BYTES) as file:
            file.seek(self._start)
            for index in range(self.count):
                (length,) = _LENGTH.unpack(self._whole(file, _LENGTH.size))
                if length > LEAF_BYTES_MAX:
                    raise self._broken(f"leaf {index} is too long")
                leaf = self._whole(file, length)
                completed = b"".join(frontier.append(leaf_hash(leaf)))
                if self._whole(file, len(completed)) != completed:
                    raise self._broken(f"leaf {index} does not have the hashes beside it")
                key, _, value = leaf.partition(b"\n")
                yield key.decode("ascii", "replace"), value
            if file.tell() != self._offsets or frontier.root() != self.root:
                raise self._broken("the leaves do not make its root")

    def check(self) -> Commitment:
        """Read all of it; what a seal of its leaves says. Broken where it is not whole."""
        made = commit_to(self.items(), self.size)
        at = self._start
        for index in range(self.count):
            if self._offset(index) != at:
                raise self._broken(f"leaf {index} does not stand where it should")
            (length,) = _LENGTH.unpack(self._pread(at, _LENGTH.size))
            ones = (index ^ (index + 1)).bit_length()
            at += _LENGTH.size + length + ones * HASH_BYTES
        return made

    # ------------------------------------------------------------ a state to be read

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The values of those keys that exist, checked up to the root."""
        found = {}
        for key in keys:
            at = self._checked_place(key)
            if at < self.count and (leaf := self.leaf(at))[0] == key:
                found[key] = leaf[1]
        return found

    def scan(self, low: str, high: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Up to `limit` pairs with low ≤ key < high, in byte order, checked up to the root."""
        rows: list[tuple[str, bytes]] = []
        index = self._checked_place(low)
        while index < self.count and len(rows) < limit:
            leaf = self._checked(index)
            if leaf[0] >= high:
                break
            rows.append(leaf)
            index += 1
        return rows

    def _checked_place(self, key: str) -> int:
        at = self.place(key)
        before = at == 0 or self._checked(at - 1)[0] < key
        if not before or not (at == self.count or self._checked(at)[0] >= key):
            raise self._broken("its keys are not in order")
        return at

    def _checked(self, index: int) -> tuple[str, bytes]:
        """A leaf that is under the root; Broken if it is not."""
        key, value = self.leaf(index)
        hashed = leaf_hash(b"%b\n%b" % (key.encode(), value))
        try:
            proof = prove_inclusion(index, self.count, self)
            check_inclusion(proof, index, hashed, self.count, self.root)
        except TanbuError as error:
            raise self._broken(f"leaf {index} is not under its root") from error
        return key, value

    def _offset(self, index: int) -> int:
        at: int
        (at,) = _OFFSET.unpack(self._pread(self._offsets + index * _OFFSET.size, _OFFSET.size))
        return at

    def _pread(self, at: int, length: int) -> bytes:
        try:
            data = os.pread(self._handle, length, at)
        except (OSError, OverflowError) as error:
            raise self._broken("it cannot be read") from error
        if len(data) != length:
            raise self._broken("it is cut short")
        return data

    def _whole(self, file: IO[bytes], length: int) -> bytes:
        data = file.read(length)
        if len(data) != length:
            raise self._broken("it is cut short")
        return data

    def _broken(self, what: str) -> Broken:
        return Broken(
            f"the leaves of the seal are damaged: {what}",
            where=str(self._path),
            todo="delete the file; tanbu seal makes the next one",
        )


class SealDirectory:
    """The files of leaves of a data directory (port SealStore)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, size: int) -> Path:
        """Where the leaves of the state of a size are kept."""
        return self._root / f"{size:016}.seal"

    @contextmanager
    def open(self, size: int) -> Iterator[SealFile]:
        """The leaves of a size; Unavailable if they are not kept."""
        with SealFile(self.path(size)) as sealed:
            yield sealed


__all__ = ["SealDirectory", "SealFile", "write_seal_file"]
