from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain.checkpoint import LogKeys, open_checkpoint
from registry.chain.errors import Malformed
from registry.chain.note import parse_vkey
from registry.chain.tiles import (
    TILE_WIDTH,
    BundleAddress,
    TileAddress,
    TileHashReader,
    bundle_path,
    format_bundle,
    new_bundles,
    new_tiles,
    parse_bundle,
    parse_path,
    parse_tile,
    tile_path,
    tile_width_at,
    tiles_for,
)
from registry.chain.tlog import (
    Frontier,
    Node,
    check_consistency,
    check_inclusion,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root_hash,
)

LARGEST = 2**63 - 1
SIZE_MAX = 65_538
SIZES = [0, 1, 2, 254, 255, 256, 257, 511, 512, 513, 65_534, 65_535, 65_536, 65_537, 65_538]


class Log:
    """A log in memory as the writer sees it: every node that an append completes, and the roots."""

    def __init__(self, size: int) -> None:
        self.levels: dict[int, list[bytes]] = {}
        self.roots = {}
        frontier = Frontier()
        self.roots[0] = frontier.root()
        for index in range(size):
            completed = frontier.append(leaf_hash(b"leaf %d" % index))
            for level, value in enumerate(completed):
                if level % 8 == 0:
                    self.levels.setdefault(level // 8, []).append(value)
            if index + 1 in SIZES or index < 600:
                self.roots[index + 1] = frontier.root()

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        start = index * TILE_WIDTH
        return b"".join(self.levels[level][start : start + width])


@cache
def log() -> Log:
    return Log(SIZE_MAX)


# ---------------------------------------------------------------- vectors


def test_every_file_of_another_log_is_rebuilt_byte_for_byte(others: Any) -> None:
    """All 16 sizes: checkpoints open, tiles and bundles are what their writer made."""
    shared = others("tiles/tessera_testlog.json")
    key = parse_vkey(shared["vkey"])
    keys = LogKeys(key.name, key.public_key, None)
    records = [leaf.encode() for leaf in shared["leaves"]]
    hashes = [leaf_hash(record) for record in records]
    made: dict[str, bytes] = {}
    assert len(shared["checkpoints"]) == 16
    for size in range(16):
        head = open_checkpoint(shared["checkpoints"][str(size)].encode(), keys)
        assert head.size == size
        for tile in tiles_for(size):
            assert (tile.level, tile.index) == (0, 0)
            made[tile.path] = b"".join(hashes[: tile.width])
        for bundle in new_bundles(0, size):
            made[bundle.path] = format_bundle(records[: bundle.width])
            assert parse_bundle(made[bundle.path], size) == tuple(records[:size])

        def read(level: int, index: int, width: int) -> bytes:
            return bytes.fromhex(shared["resources_hex"][tile_path(level, index, width)])

        reader = TileHashReader(size, read)
        assert root_hash(size, reader) == head.root
        for index in range(size):
            proof = prove_inclusion(index, size, reader)
            check_inclusion(proof, index, hashes[index], size, head.root)
    assert {path: data.hex() for path, data in made.items()} == shared["resources_hex"]


def test_paths_and_geometry_of_others(others: Any) -> None:
    shared = others("tiles/tile_paths.json")
    for case in shared["entries_path_for_index"]:
        index = case["seq"] // TILE_WIDTH
        width = tile_width_at(0, index, case["log_size"])
        assert bundle_path(index, width) == case["path"]
        assert parse_path(case["path"]) == BundleAddress(index, width)
    for case in shared["tile_path"]:
        address = TileAddress(case["level"], case["index"], case["partial"] or TILE_WIDTH)
        assert address.path == case["path"]
        assert parse_path(case["path"]) == address
    for case in shared["tree_geometry"]:
        tiles = list(tiles_for(case["size"]))
        for level in range(3):
            full = [t for t in tiles if t.level == level and t.width == TILE_WIDTH]
            partial = [t.width for t in tiles if t.level == level and t.width < TILE_WIDTH]
            assert len(full) == case.get(f"level{level}_full", 0)
            assert partial == [w for w in [case.get(f"level{level}_partial")] if w]


def test_our_vectors(vectors: Any) -> None:
    own = vectors("tiles.json")
    size = own["size"]
    made = {}
    for tile in tiles_for(size):
        made[tile.path] = log().read_tile(*tile)
    for bundle in new_bundles(0, size):
        start = bundle.index * TILE_WIDTH
        made[bundle.path] = format_bundle(
            b"leaf %d" % i for i in range(start, start + bundle.width)
        )
    assert {path: sha256(data).hexdigest() for path, data in made.items()} == own["files_sha256"]
    assert root_hash(size, TileHashReader(size, log().read_tile)).hex() == own["root"]
    for path in own["bad_paths"]:
        with pytest.raises(Malformed):
            pytest.fail(f"accepted: {path} {parse_path(path)}")


# ---------------------------------------------------------------- sizes around 256 and 65,536


@pytest.mark.parametrize("size", SIZES)
def test_roots_and_proofs_from_tiles(size: int) -> None:
    asked = []

    def read(level: int, index: int, width: int) -> bytes:
        asked.append((level, index, width))
        assert width == tile_width_at(level, index, size)
        return log().read_tile(level, index, width)

    reader = TileHashReader(size, read)
    root = root_hash(size, reader)
    assert root == log().roots[size]
    for index in {0, 1, 255, 256, 257, size // 2, 65_535, 65_536, size - 2, size - 1}:
        if 0 <= index < size:
            proof = prove_inclusion(index, size, reader)
            check_inclusion(proof, index, leaf_hash(b"leaf %d" % index), size, root)
    for old in SIZES:
        if old <= size:
            proof = prove_consistency(old, size, reader)
            check_consistency(proof, old, log().roots[old], size, root)
    assert len(asked) == len(set(asked)) <= 40  # kept, and few: nothing grows with the log


@pytest.mark.parametrize("size", SIZES)
def test_a_truncated_or_lengthened_tile_is_malformed(size: int) -> None:
    for cut in (-32, -1, 1, 32):

        def read(level: int, index: int, width: int, cut: int = cut) -> bytes:
            data = log().read_tile(level, index, width)
            return data[:cut] if cut < 0 else data + bytes(cut)

        if size:
            with pytest.raises(Malformed, match="instead of"):
                root_hash(size, TileHashReader(size, read))


def test_a_partial_tile_at_the_path_of_a_full_one_is_refused() -> None:
    def read(level: int, index: int, width: int) -> bytes:
        return log().read_tile(level, index, min(width, 255))

    assert root_hash(255, TileHashReader(255, read)) == log().roots[255]
    for size in (256, 257):
        with pytest.raises(Malformed):
            prove_inclusion(3, size, TileHashReader(size, read))


def test_a_reader_serves_other_sizes_from_the_same_tiles() -> None:
    asked = []

    def read(level: int, index: int, width: int) -> bytes:
        asked.append((level, index, width))
        return log().read_tile(level, index, width)

    reader = TileHashReader(513, read)
    for size in (513, 512, 257, 256, 513):
        other = reader.at(size)
        assert other.size == size
        assert root_hash(size, other) == log().roots[size]
        check_inclusion(
            prove_inclusion(7, size, other), 7, leaf_hash(b"leaf 7"), size, log().roots[size]
        )
    assert len(asked) == len(set(asked))


def test_kept_tiles_are_bounded() -> None:
    asked = []

    def read(level: int, index: int, width: int) -> bytes:
        asked.append(index)
        return log().read_tile(level, index, width)

    reader = TileHashReader(65_536, read, tiles_max=2)
    for index in (0, 1, 2, 0, 2):
        reader.read_hashes([Node(0, index * 256)])
    assert asked == [0, 1, 2, 0]


def test_nodes_beyond_the_tree_are_refused() -> None:
    reader = TileHashReader(257, log().read_tile)
    assert reader.read_hashes([Node(0, 256), Node(8, 0)])
    for node in (Node(0, 257), Node(1, 128), Node(8, 1), Node(9, 0)):
        with pytest.raises(Malformed, match="not in a tree"):
            reader.read_hashes([node])


def test_what_the_tile_reader_raises_goes_through() -> None:
    def read(level: int, index: int, width: int) -> bytes:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        root_hash(3, TileHashReader(3, read))


# ---------------------------------------------------------------- which tiles


def widths(size: int) -> dict[tuple[int, int], int]:
    """By the definition: per level, whole nodes of that height, cut into tiles."""
    found = {}
    level = 0
    while size >> (8 * level):
        hashes = size >> (8 * level)
        for index in range((hashes + 255) // 256):
            found[level, index] = min(256, hashes - 256 * index)
        level += 1
    return found


@pytest.mark.parametrize("size", [*range(20), *SIZES[3:], 70_000])
def test_tiles_of_a_size(size: int) -> None:
    tiles = list(tiles_for(size))
    assert {(t.level, t.index): t.width for t in tiles} == widths(size)
    assert len(tiles) == len(widths(size))
    for (level, index), width in widths(size).items():
        assert tile_width_at(level, index, size) == width
        assert tile_width_at(level, index + 1, size) in (0, widths(size).get((level, index + 1)))


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_new_tiles_are_those_whose_width_changed(first: int, second: int) -> None:
    old, new = sorted((first, second))
    before, after = widths(old), widths(new)
    expected = {key: width for key, width in after.items() if before.get(key) != width}
    assert {(t.level, t.index): t.width for t in new_tiles(old, new)} == expected
    bundles = {bundle.index: bundle.width for bundle in new_bundles(old, new)}
    assert bundles == {index: width for (level, index), width in expected.items() if level == 0}


def test_growing_by_one_touches_few_tiles_however_large_the_log() -> None:
    for old in (2**40 - 1, 2**40, LARGEST - 1):
        assert len(list(new_tiles(old, old + 1))) <= 9
    with pytest.raises(Malformed):
        list(new_tiles(2, 1))


# ---------------------------------------------------------------- paths


@given(st.integers(0, 63), st.integers(0, LARGEST), st.integers(1, 256))
def test_parse_inverts_format(level: int, index: int, width: int) -> None:
    assert parse_path(tile_path(level, index, width)) == TileAddress(level, index, width)
    assert parse_path(bundle_path(index, width)) == BundleAddress(index, width)


@given(st.text(alphabet="tile/entrs0129x.p", max_size=20))
def test_an_accepted_path_is_the_one_path(text: str) -> None:
    for path in (text, f"tile/0/{text}", f"tile/entries/{text}"):
        try:
            address = parse_path(path)
        except Malformed:
            continue
        assert address.path == path


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**63, 1), (0, 0, 0), (0, 0, 257), (0, 0, -1)],
)
def test_addresses_that_do_not_exist(level: int, index: int, width: int) -> None:
    with pytest.raises(Malformed):
        tile_path(level, index, width)
    if level == 0:
        with pytest.raises(Malformed):
            bundle_path(index, width)


# ---------------------------------------------------------------- bundles


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_bundles_round_trip(records: list[bytes]) -> None:
    assert parse_bundle(format_bundle(records), len(records)) == tuple(records)


def test_the_longest_record_fits_and_no_longer_one() -> None:
    longest = b"x" * 65_535
    assert parse_bundle(format_bundle([longest, b""]), 2) == (longest, b"")
    with pytest.raises(Malformed):
        format_bundle([longest + b"x"])
    for count in (0, 257):
        with pytest.raises(Malformed):
            format_bundle([b"x"] * count)
        with pytest.raises(Malformed):
            parse_bundle(b"", count)


def test_a_bundle_has_exactly_its_records() -> None:
    records = [b"one", b"", b"three"]
    data = format_bundle(records)
    for count in (1, 2, 4):
        with pytest.raises(Malformed):
            parse_bundle(data, count)
    for length in range(len(data)):
        with pytest.raises(Malformed):
            parse_bundle(data[:length], 3)
    with pytest.raises(Malformed):
        parse_bundle(data + b"\0", 3)


def test_a_tile_is_exactly_its_width() -> None:
    assert parse_tile(bytes(64), 2) == [bytes(32), bytes(32)]
    for length in (0, 32, 63, 65, 96):
        with pytest.raises(Malformed):
            parse_tile(bytes(length), 2)
