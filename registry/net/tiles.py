"""A published log by URL: its checkpoint and its tiles, whoever serves them.

Source: C2SP tlog-tiles. Nothing that is read is believed: the reader checks hashes and signatures.
"""

from registry.chain.note import LIMITS
from registry.chain.tiles import RECORD_BYTES_MAX, TILE_WIDTH, BundleAddress, parse_path
from registry.chain.tlog import HASH_BYTES
from registry.net.client import LogClient


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
