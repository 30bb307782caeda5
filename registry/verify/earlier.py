"""The state of a smaller size of a log that an audit has found good.

Refuses to know: the rules, where the log lies, where the state is kept.

Rules
- all records are read again, and must lead to the root that was audited: a source that answers
  otherwise the second time is NotTrusted
- what the audit has checked, signatures and seals, is not checked again

    head = state_at(source, memory.state, size=1000, audited=(report.size, report.root))
"""

from collections.abc import Iterator

from registry.chain.errors import Malformed, NotTrusted
from registry.chain.tiles import TILE_WIDTH, BundleAddress, parse_bundle
from registry.chain.tlog import Frontier, leaf_hash
from registry.ledger.entries import End, Seal
from registry.ledger.replay import replay
from registry.ledger.sealing import SealWatch
from registry.ledger.state import State
from registry.ports import StateScratch, TileSource

STORE_EVERY = 4_096
"""Records after which changes go from memory into the scratch."""


def state_at(
    source: TileSource, scratch: StateScratch, *, size: int, audited: tuple[int, str]
) -> bytes:
    """Make the state of the first `size` records in an empty `scratch`; the root of that size.

    Precondition: 1 ≤ size ≤ the audited size. O(audited size).
    """
    whole, root = audited
    tree = Frontier()
    state = State(scratch)
    records = _records(source, whole, tree)
    first = (next(records) for _ in range(size))
    for step in replay(first, state, verify=_checked, seals=_CheckedSeals()):
        if step.index % STORE_EVERY == STORE_EVERY - 1:
            scratch.store(state.changes())
            state.stored()
    scratch.store(state.changes())
    state.stored()
    found = tree.root()
    for _ in records:
        pass
    if tree.root().hex() != root:
        raise NotTrusted("the source holds other records than when it was audited")
    return found


def _records(source: TileSource, size: int, tree: Frontier) -> Iterator[bytes]:
    """The records of a log, each added to `tree` before it is given out."""
    for first in range(0, size, TILE_WIDTH):
        address = BundleAddress(first // TILE_WIDTH, min(TILE_WIDTH, size - first))
        try:
            records = parse_bundle(source.read(address.path), address.width)
        except Malformed as error:
            raise NotTrusted(error.message, where=address.path) from error
        for record in records:
            tree.append(leaf_hash(record))
            yield record


def _checked(public_key: bytes, signature: bytes, text: bytes) -> None:
    """Take a signature for good: the audit has checked it."""


class _CheckedSeals(SealWatch):
    """Takes seals for good: the audit has checked them."""

    __slots__ = ()

    def check(self, entry: Seal | End, index: int) -> None:
        """See `SealWatch`."""
