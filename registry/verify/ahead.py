"""Looking ahead for seals: one stands up to 100,000 entries behind the state that it seals.

So an audit looks through the bundles to come, before it judges them, and knows which sizes are
sealed when it passes them; it keeps no undo records. A bundle without a seal is only searched for
a short word. An end seals the state that it stands behind: the judge needs no warning. What is at
fault in a bundle is said by whoever judges it.

Refuses to know: where bundles lie. Whoever reads from far away keeps what was read once.
"""

from registry.chain.errors import Malformed
from registry.chain.tiles import TILE_WIDTH, bundle_path, parse_bundle
from registry.ledger.rules.sealing import SEAL_ENTRIES_BACK_MAX
from registry.ledger.sealing import SEAL_MARK, SealWatch, sealed_sizes
from registry.ports import TileSource


class SealAhead:
    """Tells a watch which sizes are sealed, a little before they are passed."""

    def __init__(self, source: TileSource, watch: SealWatch) -> None:
        self._source = source
        self._watch = watch
        self._looked = 0

    def look(self, size: int, log_size: int) -> None:
        """Look as far as a seal may stand of a size within the bundle that begins at `size`.

        Raises what reading a bundle raises; the next look goes on there.
        """
        stop = min(log_size, size + TILE_WIDTH + SEAL_ENTRIES_BACK_MAX)
        while self._looked < stop:
            index = self._looked // TILE_WIDTH
            width = min(TILE_WIDTH, log_size - index * TILE_WIDTH)
            self._search(self._source.read(bundle_path(index, width)), width)
            self._looked = index * TILE_WIDTH + width

    def _search(self, data: bytes, width: int) -> None:
        if SEAL_MARK in data:
            try:
                records = parse_bundle(data, width)
            except Malformed:
                return
            self._watch.expect(sealed_sizes(records))
