"""Growing the tiles of a log, record by record (C2SP tlog-tiles).

Refuses to know: where tiles go, who signs. It keeps what the next tile needs and no more: the
frontier, the open tile of each level, the records of the open bundle.

    tiling = Tiling.resume(size, root, tiles.read, store.hashed_records)
    for record, stored in store.hashed_records(tiling.size, head.size):
        full += tiling.append(record, stored)
    partial = tiling.partials()
"""

from collections.abc import Callable, Iterable, Iterator

from registry.chain import tlog
from registry.chain.errors import Broken, Malformed
from registry.chain.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    TileHashReader,
    bundle_path,
    format_bundle,
    new_bundles,
    new_tiles,
    parse_tile,
    tile_path,
    tile_width_at,
)
from registry.chain.tlog import Frontier, nodes_for_root

File = tuple[str, bytes]
ReadTile = Callable[[str], bytes]
ReadRecords = Callable[[int, int], Iterable[tuple[bytes, bytes]]]


class Tiling:
    """The open tiles at the right edge of a log; grows by `append`."""

    def __init__(self) -> None:
        self._frontier = Frontier()
        self._levels: list[list[bytes]] = [[]]
        self._records: list[bytes] = []

    @classmethod
    def resume(
        cls, size: int, root: bytes, read_tile: ReadTile, read_records: ReadRecords
    ) -> "Tiling":
        """The tiling of a log of `size` and `root` whose tiles are stored.

        Broken if the stored tiles do not make that root, or the records do not make those tiles.
        """
        tiling = cls()
        if size == 0:
            return tiling
        tiling._frontier = stored_frontier(size, root, read_tile)
        tiling._levels = _open_tiles(size, read_tile)
        start = size - size % TILE_WIDTH
        for at, (record, stored) in enumerate(read_records(start, size)):
            _check_hash(record, stored, start + at)
            if stored != tiling._levels[0][at]:
                raise Broken("a record is not the one of the stored tile", where=str(start + at))
            tiling._records.append(record)
        return tiling

    @property
    def size(self) -> int:
        """How many records are in it."""
        return self._frontier.size

    def root(self) -> bytes:
        """The root over them."""
        return self._frontier.root()

    def append(self, record: bytes, stored_hash: bytes) -> list[File]:
        """Add the next record, hashed anew; the files that it fills, bundle first.

        Broken if its hash is not the one that was stored when it was committed.
        """
        _check_hash(record, stored_hash, self._frontier.size)
        return self.add(record, stored_hash)

    def add(self, record: bytes, leaf_hash: bytes) -> list[File]:
        """As `append`, where the caller vouches for the hash."""
        index = self._frontier.size
        self._records.append(record)
        completed = self._frontier.append(leaf_hash)
        files: list[File] = []
        for level, hashed in enumerate(completed[::TILE_HEIGHT]):
            if level == len(self._levels):
                self._levels.append([])
            tile = self._levels[level]
            tile.append(hashed)
            if len(tile) == TILE_WIDTH:
                place = index >> (TILE_HEIGHT * (level + 1))
                if level == 0:
                    files.append((bundle_path(place), format_bundle(self._records)))
                    self._records = []
                files.append((tile_path(level, place), b"".join(tile)))
                self._levels[level] = []
        return files

    def partials(self) -> list[File]:
        """The partial tiles and the partial bundle at the present size."""
        files: list[File] = []
        size = self._frontier.size
        if self._records:
            width = len(self._records)
            files.append((bundle_path(size // TILE_WIDTH, width), format_bundle(self._records)))
        for level, tile in enumerate(self._levels):
            if tile:
                place = size >> (TILE_HEIGHT * (level + 1))
                files.append((tile_path(level, place, len(tile)), b"".join(tile)))
        return files


def stored_frontier(size: int, root: bytes, read_tile: ReadTile) -> Frontier:
    """The frontier of a log of `size` from its stored tiles; Broken if they do not make `root`."""
    reader = TileHashReader(size, lambda *address: read_tile(tile_path(*address)))
    try:
        frontier = Frontier(size, reader.read_hashes(nodes_for_root(size)))
    except Malformed as error:
        raise Broken(f"a stored tile is damaged: {error}", todo="look with: tanbu fsck") from error
    if frontier.root() != root:
        raise Broken(
            f"the stored tiles of size {size} do not make its root", todo="look with: tanbu fsck"
        )
    return frontier


def edge_paths(size: int) -> list[str]:
    """The full paths beside which a log of `size` may have partial tiles."""
    paths = [bundle_path(size // TILE_WIDTH)]
    level = 0
    while size >> (TILE_HEIGHT * level):
        paths.append(tile_path(level, size >> (TILE_HEIGHT * (level + 1))))
        level += 1
    return paths


def all_paths(old_size: int, size: int) -> Iterator[str]:
    """The full paths of all tiles and bundles that have grown between two sizes."""
    for bundle in new_bundles(old_size, size):
        yield bundle_path(bundle.index)
    for tile in new_tiles(old_size, size):
        yield tile_path(tile.level, tile.index)


def _open_tiles(size: int, read_tile: ReadTile) -> list[list[bytes]]:
    levels: list[list[bytes]] = []
    while (level := len(levels)) == 0 or size >> (TILE_HEIGHT * level):
        place = size >> (TILE_HEIGHT * (level + 1))
        width = tile_width_at(level, place, size)
        data = read_tile(tile_path(level, place, width)) if width else b""
        try:
            levels.append(parse_tile(data, width) if width else [])
        except Malformed as error:
            raise Broken(f"a stored tile is damaged: {error}") from error
    return levels


def _check_hash(record: bytes, stored: bytes, index: int) -> None:
    if tlog.leaf_hash(record) != stored:
        raise Broken(
            "the bytes of a record are not those that were committed",
            where=f"record {index}",
            todo="nothing more is signed; look with: tanbu fsck",
        )
