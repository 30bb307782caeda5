"""A directory of tiles: each file whole or not there, and nothing outside of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from registry.chain.errors import Broken, Malformed, Unavailable
from registry.store import tiles as module
from registry.store.tiles import DirectoryTiles


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "tiles"


@pytest.fixture
def tiles(root: Path) -> DirectoryTiles:
    root.parent.mkdir()
    return DirectoryTiles(root)


def test_files_come_back(tiles: DirectoryTiles, root: Path) -> None:
    files = [
        ("tile/0/x001/234", b"full"),
        ("tile/0/x001/235.p/7", b"part"),
        ("tile/entries/000.p/1", b"bundle"),
        ("checkpoint", b"note"),
    ]
    tiles.write(files)
    assert [tiles.read(path) for path, _ in files[:3]] == [data for _, data in files[:3]]
    assert tiles.checkpoint() == b"note"
    assert sorted(
        p.relative_to(root).as_posix() for p in root.glob("**/*") if p.is_file()
    ) == sorted(path for path, _ in files)
    tiles.write([("checkpoint", b"another note")])
    assert tiles.checkpoint() == b"another note"


def test_what_is_not_there_is_unavailable(tiles: DirectoryTiles, root: Path) -> None:
    for path in ("tile/0/000", "tile/0/000.p/3", "tile/entries/000"):
        with pytest.raises(Unavailable, match="there is no tile"):
            tiles.read(path)
    with pytest.raises(Unavailable, match="there is no checkpoint"):
        tiles.checkpoint()
    assert not root.exists()
    tiles.write([("tile/0/000", b"x")])
    with pytest.raises(Unavailable):  # a file stands where a directory would be
        DirectoryTiles(root / "tile" / "0" / "000").checkpoint()


@pytest.mark.parametrize(
    "path", ["../keys/a", "tile/../../a", "/etc/passwd", "tile/0/0", "tile/0/000.p/256", "", "keys"]
)
def test_other_paths_are_malformed(tiles: DirectoryTiles, path: str) -> None:
    with pytest.raises(Malformed):
        tiles.read(path)
    with pytest.raises(Malformed):
        tiles.write([(path, b"x")])
    with pytest.raises(Malformed):
        tiles.delete([path])


def test_partial_tiles_are_listed_and_dropped(tiles: DirectoryTiles, root: Path) -> None:
    assert tiles.partials("tile/0/001") == ()
    tiles.write([(f"tile/0/001.p/{width}", b"x") for width in (3, 7, 255)])
    (root / "tile/0/001.p/9.new").write_bytes(b"left by a crash")
    assert sorted(tiles.partials("tile/0/001")) == [
        f"tile/0/001.p/{width}" for width in (255, 3, 7)
    ]
    tiles.delete(["tile/0/001.p/3", "tile/0/001.p/4", "tile/0/001.p/255"])
    assert tiles.partials("tile/0/001") == ["tile/0/001.p/7"]
    (root / "tile/0/001.p/9.new").unlink()
    tiles.delete(["tile/0/001.p/7"])
    assert not (root / "tile/0/001.p").exists()
    tiles.delete(["tile/0/001.p/7"])


def test_everything_is_forced_to_the_disk_before_it_has_its_name(
    tiles: DirectoryTiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str]] = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(handle: int) -> None:
        seen.append(("fsync", str(Path(f"/proc/self/fd/{handle}").readlink())))
        fsync(handle)

    def note_replace(source: Path, target: Path) -> Path:
        seen.append(("rename", str(target)))
        return replace(source, target)

    monkeypatch.setattr(module.os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    tiles.write([("tile/0/000", b"a"), ("tile/entries/000", b"b")])
    named = [str(root / "tile/0/000"), str(root / "tile/entries/000")]
    assert seen[:2] == [("fsync", f"{path}.new") for path in named]
    assert seen[2:4] == [("rename", path) for path in named]
    forced = [path for what, path in seen[4:] if what == "fsync"]
    assert set(forced) == {
        str(p) for p in (root.parent, root, root / "tile", root / "tile/0", root / "tile/entries")
    }


def test_a_disk_that_refuses_is_broken(
    tiles: DirectoryTiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiles.write([("checkpoint", b"old")])

    def full(handle: int, data: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "write", full)
    with pytest.raises(Broken, match="No space left on device") as caught:
        tiles.write([("checkpoint", b"new")])
    assert "free space" in caught.value.todo
    assert tiles.checkpoint() == b"old"
