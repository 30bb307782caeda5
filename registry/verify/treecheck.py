"""Comparing a log's tree with what is published of it: hash tiles above level 0, and the root.

Fed with the leaf hashes of bundle after bundle, it keeps one tile per level and a frontier: nothing
grows with the log. (Level 0 is compared with each bundle, see `bundle`.)

Refuses to know: records, signatures.
"""

from collections.abc import Callable

from registry.chain.errors import Malformed, NotTrusted
from registry.chain.tiles import TILE_HEIGHT, TILE_WIDTH, TileAddress, parse_tile, tile_path
from registry.chain.tlog import HASH_BYTES, Frontier, node_hash

ReadTile = Callable[[TileAddress], bytes]
"""Returns the bytes of a tile; what it raises goes through."""


class TreeCheck:
    """The tree so far: `size` leaves."""

    def __init__(self, read: ReadTile | None) -> None:
        """`read`: where tiles above level 0 are; None where there are none to compare with."""
        self._read = read
        self._frontier = Frontier()
        self._levels: list[list[bytes]] = []
        self._index: list[int] = []

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._frontier.size

    def add(self, hashes: bytes, root: bytes) -> None:
        """Take in leaf hashes; `root`: that over 256 of them which fill a tile, else empty.

        Raises NotTrusted, naming the tile, where a full tile above is not the one that it must be.
        """
        if root and self.size % TILE_WIDTH == 0:
            full = self.size // TILE_WIDTH
            grown = Frontier(full, self._frontier.hashes)
            grown.append(root)
            self._frontier = Frontier(self.size + TILE_WIDTH, grown.hashes)
            self._add_above(root, 0)
            return
        for at in range(0, len(hashes), HASH_BYTES):
            self._frontier.append(hashes[at : at + HASH_BYTES])

    def root_after(self, hashes: bytes, count: int) -> bytes:
        """The root if the first `count` of these leaf hashes were added."""
        frontier = self._frontier.copy()
        for at in range(0, count * HASH_BYTES, HASH_BYTES):
            frontier.append(hashes[at : at + HASH_BYTES])
        return frontier.root()

    def root(self) -> bytes:
        """The root of all leaves so far."""
        return self._frontier.root()

    def encoded(self) -> bytes:
        """The frontier, as the database keeps it."""
        return self._frontier.encode()

    def check_partial(self, tile: TileAddress, data: bytes) -> None:
        """NotTrusted unless a partial tile above level 0 holds the hashes that it must."""
        held = self._levels[tile.level - 1] if tile.level <= len(self._levels) else []
        self._compare(tile, data, held)

    def _add_above(self, value: bytes, level: int) -> None:
        """Add the hash of a full tile of `level` to the tile above; go on where that is full."""
        while True:
            if level == len(self._levels):
                self._levels.append([])
                self._index.append(0)
            held = self._levels[level]
            held.append(value)
            if len(held) < TILE_WIDTH:
                return
            if self._read is not None:
                tile = TileAddress(level + 1, self._index[level], TILE_WIDTH)
                self._compare(tile, self._read(tile), held)
            for _ in range(TILE_HEIGHT):
                held = [node_hash(held[n], held[n + 1]) for n in range(0, len(held), 2)]
            value = held[0]
            self._levels[level] = []
            self._index[level] += 1
            level += 1

    def _compare(self, tile: TileAddress, data: bytes, held: list[bytes]) -> None:
        where = tile_path(*tile)
        try:
            found = parse_tile(data, tile.width)
        except Malformed as error:
            raise NotTrusted(error.message, where=where) from error
        for place, (one, other) in enumerate(zip(found, held, strict=False)):
            if one != other:
                raise NotTrusted(
                    f"hash {place} of the tile is not that of the tile below it", where=where
                )
        if len(found) != len(held):
            raise NotTrusted("the tile is not the one of this tree", where=where)
