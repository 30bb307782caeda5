"""Proofs against published checkpoints, and the tiles that they are made from.

Source: DESIGN §2 (Tiles), RFC 9162 §2.1; O(log n) from tiles, whatever the size of the log.

Rules
- nothing above the newest published size is proved or given out
- a partial tile is a beginning of what is stored, so any published width is cut on request
- the store may drop a partial tile for a fuller one at any time: then the newest checkpoint is
  read again, and the fuller one is cut

Refuses to know: who trusts the checkpoint.
"""

import threading
import time
from dataclasses import dataclass

from msgspec import UNSET, Struct, UnsetType, field

from registry.chain.checkpoint import Checkpoint, parse_checkpoint
from registry.chain.errors import Malformed, Unavailable
from registry.chain.note import parse_note
from registry.chain.proof import Proof, format_proof
from registry.chain.tiles import (
    RECORD_BYTES_MAX,
    TILE_WIDTH,
    BundleAddress,
    TileAddress,
    TileHashReader,
    parse_path,
    tile_width_at,
)
from registry.chain.tlog import (
    EMPTY_ROOT,
    HASH_BYTES,
    Node,
    prove_consistency,
    prove_inclusion,
    root_hash,
)
from registry.ports import Published, ReadStore, TileSource
from registry.service.reading import Absent
from registry.verify.build import build_evidence

TILES_KEPT_MAX = 512
"""Tiles of hashes kept per process, up to 17 kB each."""
FRESH_MS = 100
"""How long a process goes on with the newest checkpoint that it has read."""
EVIDENCE_AT_ONCE_MAX = 2
"""Evidence files made at a time: each holds a snapshot, and may ask for a second one."""
_ATTEMPTS = 3


class Inclusion(Struct, frozen=True, kw_only=True):
    """That a record is leaf `index` of the tree of `size`; hashes in hex, from the leaf up.

    `checkpoint`: the signed note of that size, where it is the newest one.
    """

    index: int
    leaf_hash: str
    size: int
    root: str
    hashes: tuple[str, ...]
    checkpoint: str | UnsetType = UNSET


class Consistency(Struct, frozen=True, kw_only=True):
    """That the tree of `to` begins with the tree of `from`; hashes in hex."""

    from_: int = field(name="from")
    from_root: str
    to: int
    to_root: str
    hashes: tuple[str, ...]
    checkpoint: str | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class _Newest:
    """A published checkpoint as read at a moment of the monotonic clock, in seconds."""

    published: Published
    head: Checkpoint
    read_s: float


class Prover:
    """Cuts proofs and tiles; one per process, may be used by several threads."""

    def __init__(self, reader: ReadStore, tiles: TileSource) -> None:
        self._reader = reader
        self._tiles = tiles
        self._newest: _Newest | None = None
        self._evidence = threading.BoundedSemaphore(EVIDENCE_AT_ONCE_MAX)
        self._hashes = TileHashReader(0, self._read_hash_tile, tiles_max=TILES_KEPT_MAX)

    def inclusion(
        self, *, index: int | None = None, leaf_hash: bytes | None = None, size: int | None = None
    ) -> Inclusion:
        """The proof of a record by its index or leaf hash, in the newest tree or one of `size`."""
        if (index is None) == (leaf_hash is None):
            raise Malformed("exactly one of index and leaf_hash is wanted", where="query")
        if index is None:
            index = self._index_of(leaf_hash or b"")
        newest, at = self._tree(size, index)
        hashes = self._hashes.at(at)
        return Inclusion(
            index=index,
            leaf_hash=hashes.read_hashes([Node(0, index)])[0].hex(),
            size=at,
            root=self._root(newest, at).hex(),
            hashes=tuple([h.hex() for h in prove_inclusion(index, at, hashes)]),
            checkpoint=newest.published.note.decode() if at == newest.head.size else UNSET,
        )

    def proof_file(self, index: int) -> bytes:
        """The proof of a record in the newest tree as a tlog-proof file."""
        newest, at = self._tree(None, index)
        hashes = prove_inclusion(index, at, self._hashes.at(at))
        return format_proof(Proof(index, hashes, newest.published.note))

    def consistency(self, old: int, new: int | None) -> Consistency:
        """The proof that the tree of `new` (the newest one, if None) extends that of `old`."""
        newest, at = self._tree(new)
        if old > at:
            raise Malformed(f"a tree of size {at} does not extend one of size {old}", where="from")
        return Consistency(
            from_=old,
            from_root=self._root(newest, old).hex(),
            to=at,
            to_root=self._root(newest, at).hex(),
            hashes=tuple([h.hex() for h in prove_consistency(old, at, self._hashes.at(at))]),
            checkpoint=newest.published.note.decode() if at == newest.head.size else UNSET,
        )

    def evidence(self, index: int) -> bytes:
        """The evidence file about a record, under the newest checkpoint; see `verify.build`."""
        with self._evidence, self._reader.snapshot() as snapshot:
            if index >= snapshot.head.size:
                raise Absent(f"there is no entry {index}: the log has {snapshot.head.size} entries")
            published = snapshot.published()
            size = published.size if published else 0
            return build_evidence(index, snapshot, self._hashes.at(size))

    def checkpoint(self) -> bytes:
        """The newest published checkpoint, as it was signed."""
        return self._read_newest(again=True).published.note

    def tile(self, path: str) -> tuple[bytes, bool]:
        """The tile or bundle at a path, and whether it is a full one; Absent or Malformed."""
        address = parse_path(path)
        return self._cut(address), address.width == TILE_WIDTH

    def _tree(self, size: int | None, index: int | None = None) -> tuple[_Newest, int]:
        """The newest checkpoint, and the size that is asked for (by default its own).

        Absent if that is not published, or does not reach the record `index`.
        """
        newest = self._read_newest()
        if max(size or 0, -1 if index is None else index + 1) > newest.head.size:
            newest = self._read_newest(again=True)
        at = newest.head.size if size is None else size
        if at > newest.head.size:
            raise Absent(f"the newest published checkpoint has size {newest.head.size}")
        if index is not None and index >= at:
            raise Absent(f"no record {index} is in the published tree of size {at}")
        return newest, at

    def _root(self, newest: _Newest, size: int) -> bytes:
        if size == newest.head.size:
            return newest.head.root
        return root_hash(size, self._hashes.at(size)) if size else EMPTY_ROOT

    def _index_of(self, leaf_hash: bytes) -> int:
        with self._reader.snapshot() as snapshot:
            index = snapshot.index_of_leaf(leaf_hash)
        if index is None:
            raise Absent("no record has this leaf hash", where="leaf_hash")
        return index

    def _read_newest(self, *, again: bool = False) -> _Newest:
        newest, now_s = self._newest, time.monotonic()
        if newest is not None and not again and now_s - newest.read_s < FRESH_MS / 1000:
            return newest
        with self._reader.snapshot() as snapshot:
            published = snapshot.published()
        if published is None:
            raise Absent("nothing has been published yet", todo="wait for the first checkpoint")
        if newest is not None and newest.published.size == published.size:
            head = newest.head
        else:
            head = parse_checkpoint(parse_note(published.note).text)
        self._newest = _Newest(published, head, now_s)
        return self._newest

    def _read_hash_tile(self, level: int, index: int, width: int) -> bytes:
        return self._cut(TileAddress(level, index, width))

    def _cut(self, address: TileAddress | BundleAddress) -> bytes:
        """The tile from the store, cut to its width if a fuller one is there."""
        level = address.level if isinstance(address, TileAddress) else 0
        for attempt in range(_ATTEMPTS):
            # A checkpoint of a moment ago will do, as long as its tiles are there.
            newest = self._newest if attempt == 0 else None
            newest = newest or self._read_newest(again=True)
            stored = tile_width_at(level, address.index, newest.head.size)
            if stored < address.width:
                continue
            try:
                data = self._tiles.read(address._replace(width=stored).path)
            except Unavailable:
                continue
            if stored == address.width:
                return data
            if isinstance(address, TileAddress):
                return data[: address.width * HASH_BYTES]
            return _first_records(data, address.width)
        raise Absent("no tile of this place and width is published", where=address.path)


def _first_records(bundle: bytes, count: int) -> bytes:
    """The first `count` records of a bundle, each with its length."""
    at = 0
    for _ in range(count):
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
    if at > len(bundle) or at > count * (RECORD_BYTES_MAX + 2):
        raise Unavailable("a bundle in the tile store is cut short", todo="run: tanbu fsck")
    return bundle[:at]
