"""Tiles in a directory, which any web server can serve: a whole log, and nothing else (TileStore).

    DATA/tiles/checkpoint
    DATA/tiles/tile/0/x001/234    DATA/tiles/tile/0/x001/235.p/7    DATA/tiles/tile/entries/…

Refuses to know: what the tiles say, and which are due.

Rules
- a file is written beside its place, forced to the disk, and renamed; then its directory is forced:
  at each instant there is the old file or the new one, whole
- a path is read or written only if it is the one path of a tile or bundle, or `checkpoint`
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from registry.chain.errors import Broken, Unavailable
from registry.chain.tiles import TILE_WIDTH, parse_path

CHECKPOINT = "checkpoint"
_NEW = ".new"


class DirectoryTiles:
    """See the module; the directory is made with the first file."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint; Unavailable if there is none."""
        return self._read(CHECKPOINT)

    def read(self, path: str) -> bytes:
        """The tile or bundle at exactly this path; Unavailable if it is not there."""
        parse_path(path)
        return self._read(path)

    def write(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Put files in place, durably; Broken if the disk does not take them."""
        places: list[Path] = []
        try:
            for path, data in files:
                place = self._place(path)
                place.parent.mkdir(parents=True, exist_ok=True)
                _write_forced(_beside(place), data)
                places.append(place)
            for place in places:
                _beside(place).replace(place)
            _force_directories(self._root, places)
        except OSError as error:
            raise Broken(
                f"tiles cannot be written: {error.strerror or error}",
                where=str(self._root),
                todo="free space or mend the disk, then start again; nothing acknowledged is lost",
            ) from error

    def partials(self, path: str) -> Sequence[str]:
        """The paths of the partial tiles beside a full tile's path."""
        address = parse_path(path)
        try:
            names = [found.name for found in (self._root / f"{path}.p").iterdir()]
        except FileNotFoundError:
            return ()
        widths = [int(name) for name in names if name.isascii() and name.isdigit()]
        return [address._replace(width=w).path for w in widths if 0 < w < TILE_WIDTH]

    def delete(self, paths: Sequence[str]) -> None:
        """Drop files; those that are not there are not."""
        for path in paths:
            self._place(path).unlink(missing_ok=True)
            parent = self._place(path).parent
            if parent.suffix == ".p" and parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()

    def _place(self, path: str) -> Path:
        if path != CHECKPOINT:
            parse_path(path)
        return self._root / path

    def _read(self, path: str) -> bytes:
        try:
            return (self._root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Unavailable(f"there is no {path}", where=str(self._root)) from error
        except OSError as error:
            raise Unavailable(
                f"{path} cannot be read: {error.strerror}", where=str(self._root)
            ) from error


def _beside(place: Path) -> Path:
    """Where a file is written first; always the same name, so that a crash leaves one at most."""
    return place.with_name(place.name + _NEW)


def _write_forced(place: Path, data: bytes) -> None:
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _force_directories(root: Path, places: Iterable[Path]) -> None:
    """Force every directory between the root and the files: a new one is a name in its parent."""
    wanted = {root.parent, root}
    for place in places:
        parent = place.parent
        while parent not in wanted:
            wanted.add(parent)
            parent = parent.parent
    for directory in sorted(wanted, reverse=True):
        sync_directory(directory)


def sync_directory(path: Path) -> None:
    """Force the names in a directory to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
