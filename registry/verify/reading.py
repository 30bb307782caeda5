"""Reading a published log: its checkpoint, bundles and hash tiles, with nothing believed.

Refuses to know: where the source is, what records mean.

A tile or bundle of another length than the tree's size demands is NotTrusted, naming its path: a
truncated tile at a full tile's place is a fault. One that is not there is Unavailable.
"""

from typing import NamedTuple

from registry.chain.checkpoint import Checkpoint, parse_checkpoint, verifier
from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.chain.note import Verifier, parse_note, parse_vkey
from registry.chain.tiles import (
    TILE_LEVEL_MAX,
    TILE_WIDTH,
    BundleAddress,
    TileAddress,
    parse_bundle,
    parse_tile,
    tile_width_at,
)
from registry.ledger.codec import Parsed, parse_entry, parse_record
from registry.ledger.entries import Genesis
from registry.ports import TileSource
from registry.verify.loghead import check_trusted
from registry.verify.trust import Trust

CHECKPOINT = "checkpoint"


class Bundle(NamedTuple):
    """A run of records from one bundle, and the leaf hashes that the tile above them holds."""

    first: int
    data: bytes
    records: tuple[bytes, ...]
    tile: bytes
    bundle_path: str
    tile_path: str


class LogReader:
    """A log by its tiles, up to the size of the checkpoint that was opened last."""

    def __init__(self, source: TileSource, trust: Trust | None) -> None:
        self._source = source
        self._trust = trust
        self.note = source.checkpoint()
        self.head = self._open(self.note)

    def renew(self) -> bool:
        """Open the newest checkpoint; True if it is larger than the one before."""
        note = self._source.checkpoint()
        head = self._open(note)
        grown = head.size > self.head.size
        if grown:
            self.note, self.head = note, head
        return grown

    def full_bundle(self, index: int) -> Bundle:
        """The bundle `index`, which the tree fills."""
        return self._bundle(index, TILE_WIDTH)

    def tail(self) -> tuple[Bundle | None, dict[TileAddress, bytes]]:
        """The last bundle, if it is a partial one, and the partial tiles above level 0."""
        size = self.head.size
        width = size % TILE_WIDTH
        bundle = self._bundle(size // TILE_WIDTH, width) if width else None
        above: dict[TileAddress, bytes] = {}
        for level in range(1, TILE_LEVEL_MAX + 1):
            index = (size >> (8 * level)) // TILE_WIDTH
            width = tile_width_at(level, index, size)
            if width:
                tile = TileAddress(level, index, width)
                above[tile] = self.tile(tile)
            if size >> (8 * level) == 0:
                break
        return bundle, above

    def tile(self, tile: TileAddress) -> bytes:
        """The bytes of a tile of hashes."""
        data = self._source.read(tile.path)
        try:
            parse_tile(data, tile.width)
        except Malformed as error:
            raise NotTrusted(error.message, where=tile.path) from error
        return data

    def _bundle(self, index: int, width: int) -> Bundle:
        address = BundleAddress(index, width)
        data = self._source.read(address.path)
        try:
            records = parse_bundle(data, width)
        except Malformed as error:
            raise NotTrusted(error.message, where=address.path) from error
        tile = TileAddress(0, index, width)
        return Bundle(
            first=index * TILE_WIDTH,
            data=data,
            records=records,
            tile=self.tile(tile),
            bundle_path=address.path,
            tile_path=tile.path,
        )

    # ------------------------------------------------------------ checkpoint

    def _open(self, data: bytes) -> Checkpoint:
        """The head of a checkpoint, by trusted keys or else by those of the genesis.

        Where only other keys under the log's name have signed it, the log may have put them in
        force: that is found out when it has been replayed.
        """
        try:
            note = parse_note(data)
            head = parse_checkpoint(note.text)
        except Malformed as error:
            raise NotTrusted(f"not a checkpoint: {error.message}", where=CHECKPOINT) from error
        verifiers = self._verifiers(head)
        try:
            check_trusted(note, head.origin, verifiers)
        except Unavailable:
            return head  # judged by `loghead.check_signed` at the end
        except (Malformed, NotTrusted) as error:
            raise NotTrusted(
                f"the checkpoint is not good: {error.message}", where=CHECKPOINT
            ) from error
        return head

    def _verifiers(self, head: Checkpoint) -> tuple[Verifier, ...]:
        if self._trust is not None:
            try:
                return self._trust.of(head.origin).counting(head.size)
            except Unavailable:
                if self._genesis(head).origin != head.origin:
                    raise NotTrusted(
                        f"the checkpoint says {head.origin}, the records are of another log",
                        where=CHECKPOINT,
                    ) from None
                raise
        parsed = self._genesis(head)
        if not isinstance(parsed.entry, Genesis):
            raise NotTrusted("the first record is no genesis", where="record 0")
        keys = parsed.entry.log_keys
        return genesis_verifiers(keys.ed25519, keys.mldsa44, head.origin)

    def _genesis(self, head: Checkpoint) -> Parsed:
        """The entry at index 0, from whatever bundle is there: the size may be a false one."""
        if head.size == 0:
            raise Unavailable("the log has no records: there is nothing to check")
        stated = min(head.size, TILE_WIDTH)
        missing: Unavailable | None = None
        for width in (stated, *range(TILE_WIDTH, 0, -1)):
            address = BundleAddress(0, width)
            try:
                records = parse_bundle(self._source.read(address.path), width)
                return parse_entry(parse_record(records[0]).note)
            except Unavailable as error:
                missing = missing or error
            except Malformed as error:
                raise NotTrusted(f"no genesis: {error.message}", where=address.path) from error
        raise missing or Unavailable("there are no records")


def genesis_verifiers(ed25519: str, mldsa44: str, origin: str) -> tuple[Verifier, ...]:
    """Judges by the log keys that a genesis names; NotTrusted if they are not such keys."""
    try:
        keys = [parse_vkey(text) for text in (ed25519, mldsa44)]
        verifiers = tuple(verifier(key) for key in keys)
    except Malformed as error:
        raise NotTrusted(f"the genesis has no log keys: {error.message}", where="record 0") from (
            error
        )
    if any(key.name != origin for key in keys):
        raise NotTrusted("the genesis is of another log", where="record 0")
    return verifiers
