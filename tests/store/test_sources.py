"""A directory of tiles as an audit reads it: only what is a log's, and never more than fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.store.sources import TileDirectory


def put(root: Path, path: str, data: bytes) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)


def test_tiles_and_checkpoint_are_read(tmp_path: Path) -> None:
    put(tmp_path, "checkpoint", b"c")
    put(tmp_path, "tile/0/x001/234", b"t")
    source = TileDirectory(tmp_path)
    assert source.checkpoint() == b"c"
    assert source.read("tile/0/x001/234") == b"t"
    with pytest.raises(Unavailable) as caught:
        source.read("tile/0/x001/235")
    assert caught.value.where == "tile/0/x001/235"


def test_a_data_directory_is_read_at_its_tiles(tmp_path: Path) -> None:
    put(tmp_path, "tiles/checkpoint", b"c")
    assert TileDirectory(tmp_path).checkpoint() == b"c"


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "tile/0/1", "keys/x", "", "tile/0"])
def test_other_paths_are_malformed(tmp_path: Path, path: str) -> None:
    put(tmp_path, "tile/0/1", b"x")
    with pytest.raises(Malformed):
        TileDirectory(tmp_path).read(path)


def test_what_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        TileDirectory(tmp_path / "none")
    with pytest.raises(Unavailable):
        TileDirectory(tmp_path).checkpoint()
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(Unavailable):
        TileDirectory(tmp_path).checkpoint()


def test_a_file_longer_than_its_kind_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, "tile/0/000.p/2", b"x" * 65)
    with pytest.raises(NotTrusted, match="more than 64 bytes"):
        TileDirectory(tmp_path).read("tile/0/000.p/2")
    with (tmp_path / "checkpoint").open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(NotTrusted, match="more than 65535 bytes"):
        TileDirectory(tmp_path).checkpoint()


def test_an_endless_file_ends(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").symlink_to("/dev/zero")
    source = TileDirectory(tmp_path)
    assert len(source.checkpoint()) <= 65_535
