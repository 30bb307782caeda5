"""A published log in a directory, for an audit: its checkpoint and its tiles (port TileSource).

Needs no database and no library beyond the standard one. Refuses to know: whether anything that is
read is true.

Rules
- only the paths of tiles and bundles, and `checkpoint`, are read, and nothing outside the directory
- a file is read up to the length that its kind can have, so that an endless one costs no memory
- a directory that holds `tiles/` (a data directory) is read there
"""

import os
from pathlib import Path

from registry.chain.errors import NotTrusted, Unavailable
from registry.chain.note import LIMITS
from registry.chain.tiles import RECORD_BYTES_MAX, BundleAddress, parse_path
from registry.chain.tlog import HASH_BYTES

CHECKPOINT = "checkpoint"
TILES = "tiles"


class TileDirectory:
    """See the module."""

    def __init__(self, root: Path) -> None:
        """Unavailable if there is no such directory with a log in it."""
        self.root = root / TILES if (root / TILES).is_dir() else root
        if not self.root.is_dir():
            raise Unavailable("there is no such directory", where=str(root))

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint; Unavailable if there is none."""
        return self._read(CHECKPOINT, LIMITS.bytes_max)

    def read(self, path: str) -> bytes:
        """The tile or bundle at exactly this path; Unavailable if it is not there.

        NotTrusted if it is longer than any such file.
        """
        address = parse_path(path)
        bytes_max = address.width * HASH_BYTES
        if isinstance(address, BundleAddress):
            bytes_max = address.width * (RECORD_BYTES_MAX + 2)
        return self._read(path, bytes_max)

    def _read(self, path: str, bytes_max: int) -> bytes:
        try:
            with (self.root / path).open("rb") as file:
                # Asked for what is there, else room for the longest one would be made each time.
                length = os.fstat(file.fileno()).st_size
                data = file.read(min(length, bytes_max) + 1)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Unavailable("it is not there", where=path) from error
        except OSError as error:
            raise Unavailable(f"it cannot be read: {error.strerror}", where=path) from error
        if len(data) > bytes_max:
            raise NotTrusted(f"a file of more than {bytes_max} bytes", where=path)
        return data
