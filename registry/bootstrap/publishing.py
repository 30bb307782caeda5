"""The publisher of a data directory, put together: at the start, by the publisher, at an opening.

Apart from the start's other checks, so that the publisher's process does not load their libraries.
"""

from registry.bootstrap.data import DataDirectory, SystemClock
from registry.signers.logkeys import FileSigner
from registry.store.publication import SqlPublicationStore
from registry.store.tiles import DirectoryTiles
from registry.writer.publish import Publisher


def check_keys(store: SqlPublicationStore, signer: FileSigner) -> None:
    """Raise unless the private keys are at hand by which the next checkpoint is signed."""
    head = store.head()
    published = store.published()
    behind = published is None or published.size < head.size
    # What is committed is signed as of its own time, what comes next as of now at the earliest.
    time_ms = head.time_ms if behind else max(head.time_ms, SystemClock().now_ms())
    signer.check(store.log_keys(), head.size, time_ms)


def make_publisher(
    store: SqlPublicationStore, data: DataDirectory, signer: FileSigner
) -> Publisher:
    """A publisher over the tiles and keys of a data directory."""
    return Publisher(store, DirectoryTiles(data.tiles), signer, SystemClock().now_ms)
