"""Tiles and bundles: how the hashes and records of a log stand in files.

Source: C2SP tlog-tiles (height 8). Refuses to know: where the files are, what a record means.

Rules
- a tile of level L holds up to 256 hashes of nodes of tree level 8L; its n-th is node (8L, 256n)
  and the next ones; a bundle holds the records below a tile of level 0
- paths: tile/<L>/<N>[.p/<W>] and tile/entries/<N>[.p/<W>], N in groups of three digits, all but
  the last with an x (1234067 -> x001/x234/067), W = 1 ... 255 for a partial one
- a tree of a given size fixes the width of each of its tiles; data of another length is Malformed:
  a truncated tile at a full tile's path is never read as a full one
- a bundle is, per record, its length as u16 big-endian and the record; nothing before or after
- the hashes in a tile are as true as their source: proofs made from them must be checked

    tile_path(0, 1234067, 256)      -> "tile/0/x001/x234/067"
    reader = TileHashReader(size, read_tile)
    prove_inclusion(index, size, reader)
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple, Protocol

from registry.chain.errors import Malformed
from registry.chain.strict import MAX_INT64
from registry.chain.tlog import HASH_BYTES, Node

TILE_HEIGHT = 8
TILE_WIDTH = 256
TILE_LEVEL_MAX = 63
RECORD_BYTES_MAX = 65_535

_PATH_CHARACTERS_MAX = 64
_match_path = re.compile(
    r"tile/(?P<level>[0-9]{1,2}|entries)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?"
).fullmatch


class TileAddress(NamedTuple):
    """A tile of hashes; `index` is that of the tile in its level, a full one has width 256."""

    level: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    width: int

    @property
    def path(self) -> str:
        """Where it stands."""
        return tile_path(self.level, self.index, self.width)


class BundleAddress(NamedTuple):
    """A bundle of records; a full one has width 256."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    width: int

    @property
    def path(self) -> str:
        """Where it stands."""
        return bundle_path(self.index, self.width)


class TileReader(Protocol):
    """Where tiles are kept."""

    def __call__(self, level: int, index: int, width: int) -> bytes:
        """Return the bytes of a tile."""
        ...


# ---------------------------------------------------------------- paths


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return where the tile stands; 0 <= level <= 63, 1 <= width <= 256, else Malformed."""
    if not 0 <= level <= TILE_LEVEL_MAX:
        raise Malformed(f"not a tile level: {level}")
    return f"tile/{level}/{_format_place(index, width)}"


def bundle_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return where the bundle stands; 1 <= width <= 256, else Malformed."""
    return f"tile/entries/{_format_place(index, width)}"


def _format_place(index: int, width: int) -> str:
    if not 0 <= index <= MAX_INT64 or not 1 <= width <= TILE_WIDTH:
        raise Malformed(f"no tile has the index {index} and the width {width}")
    path = f"{index % 1000:03}"
    while index := index // 1000:
        path = f"x{index % 1000:03}/{path}"
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def parse_path(path: str) -> TileAddress | BundleAddress:
    """Return what stands at `path`; Malformed unless it is the one path of a tile or bundle."""
    match = _match_path(path) if len(path) <= _PATH_CHARACTERS_MAX else None
    if match:
        level, place, width_text = match.group("level", "index", "width")
        index = int(place.replace("/", "").replace("x", ""))
        width = int(width_text) if width_text else TILE_WIDTH
        if index <= MAX_INT64 and 1 <= width <= TILE_WIDTH:
            address: TileAddress | BundleAddress
            if level == "entries":
                address = BundleAddress(index, width)
            elif int(level) <= TILE_LEVEL_MAX:
                address = TileAddress(int(level), index, width)
            else:
                raise Malformed(f"not a tile level: {level}")
            # Again as text: refuses leading zeroes, empty leading groups and .p/256.
            if address.path == path:
                return address
    raise Malformed(f"not the path of a tile or bundle: {path[:_PATH_CHARACTERS_MAX]!a}")


# ---------------------------------------------------------------- which tiles


def tile_width_at(level: int, index: int, size: int) -> int:
    """Return how many hashes (for level 0: records) the tile has in a tree of `size`: 0 ... 256."""
    hashes = size >> (TILE_HEIGHT * level)
    return max(0, min(TILE_WIDTH, hashes - index * TILE_WIDTH))


def tiles_for(size: int) -> Iterator[TileAddress]:
    """Yield every tile of a tree of `size`, from level 0 up."""
    return new_tiles(0, size)


def new_tiles(old_size: int, new_size: int) -> Iterator[TileAddress]:
    """Yield the tiles that a tree has at `new_size` and had not at `old_size` <= `new_size`.

    From level 0 up, from the left; a partial one that grew comes at its new width.
    """
    if not 0 <= old_size <= new_size:
        raise Malformed(f"a tree of size {new_size} does not extend one of size {old_size}")
    level = 0
    while hashes := new_size >> (TILE_HEIGHT * level):
        had = old_size >> (TILE_HEIGHT * level)
        if hashes > had:
            for index in range(had // TILE_WIDTH, -(-hashes // TILE_WIDTH)):
                yield TileAddress(level, index, tile_width_at(level, index, new_size))
        level += 1


def new_bundles(old_size: int, new_size: int) -> Iterator[BundleAddress]:
    """Yield the bundles that a log has at `new_size` and had not at `old_size` <= `new_size`."""
    for tile in new_tiles(old_size, new_size):
        if tile.level > 0:
            return
        yield BundleAddress(tile.index, tile.width)


# ---------------------------------------------------------------- bytes


def format_bundle(records: Iterable[bytes]) -> bytes:
    """Return the bundle of 1 to 256 records; Malformed if one is longer than 65,535 bytes."""
    parts: list[bytes] = []
    for record in records:
        if len(record) > RECORD_BYTES_MAX:
            raise Malformed(f"a record of more than {RECORD_BYTES_MAX} bytes")
        parts += (len(record).to_bytes(2, "big"), record)
    if not 1 <= len(parts) // 2 <= TILE_WIDTH:
        raise Malformed(f"a bundle of {len(parts) // 2} records")
    return b"".join(parts)


def parse_bundle(data: bytes, count: int) -> tuple[bytes, ...]:
    """Return the records of a bundle of exactly `count` (1 ... 256); Malformed otherwise."""
    if not 1 <= count <= TILE_WIDTH:
        raise Malformed(f"a bundle of {count} records")
    records: list[bytes] = []
    at = 0
    for _ in range(count):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise Malformed(f"a bundle that ends within record {len(records)} of {count}")
        records.append(data[start:at])
    if at != len(data):
        raise Malformed(f"a bundle with {len(data) - at} bytes after its {count} records")
    return tuple(records)


def parse_tile(data: bytes, width: int) -> list[bytes]:
    """Return the hashes of a tile of exactly `width`; Malformed by length."""
    _check_tile(data, width)
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def _check_tile(data: bytes, width: int) -> bytes:
    if len(data) != width * HASH_BYTES:
        raise Malformed(f"a tile of {len(data)} bytes instead of {width * HASH_BYTES}")
    return data


# ---------------------------------------------------------------- reading hashes


class _Tile:
    """The hashes of one tile and, once asked for, of the complete subtrees above them within it.

    Each level is kept as one run of bytes: half the memory of a list, and quicker to hash.
    """

    __slots__ = ("_levels",)

    def __init__(self, data: bytes) -> None:
        self._levels = [data]

    def hash_at(self, height: int, offset: int) -> bytes:
        """Return the hash of a complete subtree `height` levels above the tile's own.

        One proof needs nearly every node of a tile, and the next proof the same ones: hence whole
        levels are made, 255 hashes for a full tile.
        """
        # Put in place at the end, so that two threads at once make the same levels.
        levels = self._levels
        while len(levels) <= height:
            below = levels[-1]
            pairs = range(0, len(below) - 2 * HASH_BYTES + 1, 2 * HASH_BYTES)
            made = [sha256(b"\x01" + below[at : at + 2 * HASH_BYTES]).digest() for at in pairs]
            levels = [*levels, b"".join(made)]
        self._levels = levels
        return levels[height][offset * HASH_BYTES : (offset + 1) * HASH_BYTES]


class TileHashReader:
    """Reads the hashes of a tree of a given size from its tiles, and keeps the last used ones.

    `read_tile` is asked for exactly the widths that a tree of this size has; what it raises goes
    through. Memory: about 17 kB for each of `tiles_max` tiles.
    """

    def __init__(self, size: int, read_tile: TileReader, *, tiles_max: int = 256) -> None:
        self._size = size

        def load(level: int, index: int, width: int) -> _Tile:
            return _Tile(_check_tile(read_tile(level, index, width), width))

        self._load = lru_cache(maxsize=tiles_max)(load)

    @property
    def size(self) -> int:
        """The size of the tree that is read."""
        return self._size

    def at(self, size: int) -> "TileHashReader":
        """Return a reader of the same log at another size, sharing the kept tiles."""
        other = object.__new__(TileHashReader)
        other._size = size
        other._load = self._load
        return other

    def read_hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """Return the hash of each of `nodes`; Malformed if one is not complete in the tree."""
        return [self._read_hash(level, index) for level, index in nodes]

    def _read_hash(self, level: int, index: int) -> bytes:
        if (index + 1) << level > self._size:
            raise Malformed(f"node ({level}, {index}) is not in a tree of size {self._size}")
        tile_level, height = divmod(level, TILE_HEIGHT)
        tile_index, offset = divmod(index << height, TILE_WIDTH)
        width = tile_width_at(tile_level, tile_index, self._size)
        return self._load(tile_level, tile_index, width).hash_at(height, offset >> height)
