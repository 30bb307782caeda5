"""A published log by URL: its checkpoint and its tiles, whoever serves them.

Source: C2SP tlog-tiles. Nothing that is read is believed: the reader checks hashes and signatures.
"""

import tempfile
from pathlib import Path

from registry.chain.errors import Broken
from registry.chain.note import LIMITS
from registry.chain.tiles import RECORD_BYTES_MAX, TILE_WIDTH, BundleAddress, parse_path
from registry.chain.tlog import HASH_BYTES
from registry.net.client import LogClient
from registry.ports import TileSource


class HttpTileSource:
    """A TileSource over HTTP; `client` stays the caller's to close."""

    def __init__(self, client: LogClient) -> None:
        self._client = client

    def checkpoint(self) -> bytes:
        """See `TileSource`."""
        return self._client.get_bytes("/checkpoint", bytes_max=LIMITS.bytes_max)

    def read(self, path: str) -> bytes:
        """See `TileSource`; Malformed if the path is none of a tile or bundle."""
        address = parse_path(path)
        bytes_max = address.width * HASH_BYTES
        if isinstance(address, BundleAddress):
            bytes_max = TILE_WIDTH * (RECORD_BYTES_MAX + 2)
        return self._client.get_bytes(f"/{path}", bytes_max=bytes_max)


class TwiceRead:
    """A TileSource from far away that an audit reads twice: once ahead, once in order.

    A bundle that is read the first time is kept in a temporary file, and given from there, and
    dropped, the second time. What is never read again is dropped at the end.
    """

    def __init__(self, source: TileSource, directory: Path | None = None) -> None:
        self._source = source
        self._directory = tempfile.TemporaryDirectory(prefix="tanbu-", dir=directory)
        self._kept: dict[str, Path] = {}
        self._count = 0

    def checkpoint(self) -> bytes:
        """See `TileSource`."""
        return self._source.checkpoint()

    def read(self, path: str) -> bytes:
        """See `TileSource`; Broken if there is no room for what is kept."""
        if not isinstance(parse_path(path), BundleAddress):
            return self._source.read(path)
        try:
            if kept := self._kept.pop(path, None):
                data = kept.read_bytes()
                kept.unlink()
                return data
            data = self._source.read(path)
            self._count += 1
            place = Path(self._directory.name, str(self._count))
            place.write_bytes(data)
        except OSError as error:
            raise Broken(
                f"what was read ahead cannot be kept: {error.strerror}",
                todo="free space where temporary files are kept (TMPDIR), then start again",
            ) from error
        self._kept[path] = place
        return data

    def close(self) -> None:
        """Drop everything."""
        self._directory.cleanup()
