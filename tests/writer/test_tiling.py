"""Growing tiles: at every size the files are those of the whole tree, however it grew."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from registry.chain.errors import Broken, Unavailable
from registry.chain.tiles import (
    TileAddress,
    TileHashReader,
    format_bundle,
    new_bundles,
    parse_bundle,
    tiles_for,
)
from registry.chain.tlog import LeafHashes, Node, leaf_hash, root_hash
from registry.writer.tiling import Tiling, all_paths, edge_paths


def record_of(index: int) -> bytes:
    return b"record %d" % index


def hashed(first: int, stop: int) -> Iterator[tuple[bytes, bytes]]:
    for index in range(first, stop):
        yield record_of(index), leaf_hash(record_of(index))


def files_of(size: int) -> dict[str, bytes]:
    """All tiles and bundles of the tree of `size`, made from the whole tree at once."""
    tree = LeafHashes([leaf for _, leaf in hashed(0, size)])
    files = {}
    for address in tiles_for(size):
        first = address.index * 256
        nodes = [Node(8 * address.level, first + n) for n in range(address.width)]
        files[address.path] = b"".join(tree.read_hashes(nodes))
    for bundle in new_bundles(0, size):
        first = bundle.index * 256
        files[bundle.path] = format_bundle(record_of(first + n) for n in range(bundle.width))
    return files


def grow(tiling: Tiling, files: dict[str, bytes], size: int) -> None:
    for record, stored in hashed(tiling.size, size):
        files.update(tiling.append(record, stored))


SIZES = (1, 2, 3, 255, 256, 257, 511, 512, 513, 700)


@pytest.mark.parametrize("size", [*SIZES, 65_535, 65_536, 65_537, 65_793])
def test_the_files_are_those_of_the_whole_tree(size: int) -> None:
    files: dict[str, bytes] = {}
    tiling = Tiling()
    grow(tiling, files, size)
    files.update(tiling.partials())
    assert files == files_of(size)
    reader = TileHashReader(size, lambda *address: files[TileAddress(*address).path])
    assert tiling.root() == root_hash(size, reader)


def test_resuming_anywhere_gives_the_same_files() -> None:
    chance = random.Random(7)
    for _ in range(12):
        files: dict[str, bytes] = {}
        tiling = Tiling()
        for size in sorted(chance.sample(range(1, 1_600), 5)):
            grow(tiling, files, size)
            files.update(tiling.partials())
            whole = files_of(size)
            assert {path: files[path] for path in whole} == whole
            tiling = Tiling.resume(size, tiling.root(), files.__getitem__, hashed)
            assert tiling.size == size


def test_resuming_at_a_third_level() -> None:
    size = 65_536 + 300
    files = files_of(size)
    tiling = Tiling()
    grow(tiling, {}, size)
    resumed = Tiling.resume(size, tiling.root(), files.__getitem__, hashed)
    assert resumed.partials() == tiling.partials()
    grow(resumed, files, size + 500)
    files.update(resumed.partials())
    whole = files_of(size + 500)
    assert {path: files[path] for path in whole} == whole


def test_an_altered_tile_is_noticed_when_resuming() -> None:
    """Of the tiles that resuming reads: the right edge."""
    size = 256 * 3 + 17
    files = files_of(size)
    tiling = Tiling()
    grow(tiling, {}, size)
    root = tiling.root()
    read: list[str] = []

    def read_tile(path: str) -> bytes:
        read.append(path)
        return files[path]

    Tiling.resume(size, root, read_tile, hashed)
    assert set(read) >= {"tile/0/003.p/17", "tile/1/000.p/3"}
    for path in set(read):
        for data in (b"", files[path][:-1], files[path] + b"x", flipped(files[path])):
            changed = {**files, path: data}
            with pytest.raises(Broken, match=r"damaged|do not make its root"):
                Tiling.resume(size, root, changed.__getitem__, hashed)


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def test_a_missing_tile_is_said() -> None:
    def gone(path: str) -> bytes:
        raise Unavailable(f"there is no {path}")

    with pytest.raises(Unavailable, match="there is no tile/0"):
        Tiling.resume(3, bytes(32), gone, hashed)


def test_an_altered_record_is_noticed() -> None:
    files = files_of(5)
    tiling = Tiling()
    grow(tiling, {}, 5)

    def altered(first: int, stop: int) -> Iterator[tuple[bytes, bytes]]:
        for index, (record, stored) in enumerate(hashed(first, stop), first):
            yield (flipped(record) if index == 3 else record), stored

    def replaced(first: int, stop: int) -> Iterator[tuple[bytes, bytes]]:
        for index, (record, _) in enumerate(hashed(first, stop), first):
            other = flipped(record) if index == 3 else record
            yield other, leaf_hash(other)

    with pytest.raises(Broken, match="not those that were committed"):
        Tiling.resume(5, tiling.root(), files.__getitem__, altered)
    with pytest.raises(Broken, match="not the one of the stored tile"):
        Tiling.resume(5, tiling.root(), files.__getitem__, replaced)
    with pytest.raises(Broken, match="record 5"):
        tiling.append(b"a", leaf_hash(b"b"))


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_536, 65_537])
def test_partial_tiles_stand_beside_edge_paths(size: int) -> None:
    tiling = Tiling()
    grow(tiling, {}, size)
    beside = {path.partition(".p/")[0] for path, _ in tiling.partials()}
    assert beside <= set(edge_paths(size))
    assert beside <= set(all_paths(0, size))


def test_bundles_hold_the_records() -> None:
    files = files_of(300)
    assert parse_bundle(files["tile/entries/000"], 256)[255] == record_of(255)
    assert parse_bundle(files["tile/entries/001.p/44"], 44)[43] == record_of(299)
