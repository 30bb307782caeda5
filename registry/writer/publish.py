"""The publish loop's steps: committed records become tiles and a signed checkpoint (DESIGN §7).

Refuses to know: SQL, files, private keys, when to run.

Rules
- only a committed head is signed, only if it extends the last signed one, and only after its
  records have been read again, hashed again, and have made its root
- it is signed by every pair of keys that is due by the log itself (see `ledger.logkeys`)
- first the tiles, then the signed note into the database, then `checkpoint`: whoever sees a
  checkpoint finds every tile below it, and no signature leaves that we do not keep
- each step may be the last before a crash: `open` finds where it stopped and does the rest
- `checkpoint` is replaced only by a larger one; older partial tiles go after that
- at start the tile store is asked how far the log was published: a database behind it, or not
  consistent with it, is a restored old copy, and does not continue
"""

from collections.abc import Callable

from registry.chain.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from registry.chain.errors import Broken, Malformed, TanbuError, Unavailable
from registry.chain.note import parse_note
from registry.chain.tlog import Frontier
from registry.ledger.codec import parse_record
from registry.ledger.logkeys import KeyHistory
from registry.ports import Head, PublicationStore, Published, Signer, TileStore
from registry.writer.tiling import File, Tiling, all_paths, edge_paths, stored_frontier

FILES_AT_ONCE = 64
"""How many full tiles and bundles wait in memory for one write: about 10 MB."""
CHECKPOINT = "checkpoint"


class Publisher:
    """Publishes one log; `open` comes first, then `step` again and again."""

    def __init__(
        self,
        store: PublicationStore,
        tiles: TileStore,
        signer: Signer,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._tiles = tiles
        self._signer = signer
        self._now_ms = now_ms
        self._tiling = Tiling()
        self._keys = KeyHistory("", ())
        self._signed: Published | None = None
        self._last_time_ms = 0
        self._tidied_from: int | None = None

    def open(self, *, alone: bool = False) -> None:
        """Check the database against what was published, and finish what was begun.

        `alone`: go on although the tile store is empty or cannot be read; it is then filled anew.
        Raises Broken if the log must not continue.
        """
        self._keys = self._store.log_keys()
        self._signed = signed = self._last_signed()
        head = self._store.head()
        self._tiling = self._resume(head, alone=alone)
        # The last process may have gone before it dropped the partial tiles of the checkpoint
        # before the newest, or have written some of a size that was never signed.
        earlier = self._store.published_before(self._tiling.size)
        self._tidied_from = earlier.size if earlier else 0
        if signed is not None and signed.size > self._tiling.size:
            root = self._opened(signed.note, "the last signed checkpoint").root
            self._grow(signed.size, root, "the last signed checkpoint")
            self._put_checkpoint(signed)
        self._drop_partials(self._tiling.size)
        self._tidied_from = self._tiling.size
        self._last_time_ms = head.time_ms

    @property
    def published(self) -> Published | None:
        """The newest published checkpoint."""
        return self._signed

    def step(self) -> Published | None:
        """Publish the newest committed head, if the log has grown."""
        head = self._store.head()
        signed_size = self._signed.size if self._signed else 0
        if head.size < signed_size or head.time_ms < self._last_time_ms:
            raise Broken(
                f"the committed head went back: size {head.size} after {signed_size}, time "
                f"{head.time_ms} after {self._last_time_ms}",
                todo="nothing more is signed; look with: tanbu fsck",
            )
        if head.size == signed_size:
            if head.root != self._tiling.root():
                raise Broken("the committed head has another root than the one that was signed")
            return None
        old_size = self._tiling.size
        self._grow(head.size, head.root, "the committed head")
        pairs = self._keys.pairs_due(head.size, head.time_ms)
        note = self._signer.sign_checkpoint(head.size, head.root, pairs)
        # What the signer gave is opened as any stranger would, before it is kept.
        self._opened(note, "the new checkpoint")
        time_ms = max(self._now_ms(), self._signed.time_ms if self._signed else 0)
        published = Published(head.size, note, time_ms)
        self._store.store_checkpoint(published)
        self._put_checkpoint(published)
        self._drop_partials(old_size)
        self._tidied_from = None
        self._last_time_ms = head.time_ms
        return published

    def _last_signed(self) -> Published | None:
        signed = self._store.published()
        if signed is not None:
            head = self._opened(signed.note, "the last signed checkpoint")
            if head.size != signed.size:
                raise Broken("a stored checkpoint is not of the size that it is stored under")
        return signed

    def _resume(self, head: Head, *, alone: bool) -> Tiling:
        """The tiling as of the tile store's checkpoint, which the database must extend."""
        try:
            note = self._tiles.checkpoint()
        except Unavailable as error:
            if self._signed is not None and not alone:
                raise Broken(
                    f"this log was published up to size {self._signed.size}, but its tile store "
                    f"has no checkpoint: {error.message}",
                    where=error.where,
                    todo="bring the tiles back; if they are lost: tanbu serve --alone",
                ) from error
            return Tiling()
        published = self._opened(note, "the checkpoint in the tile store")
        if published.size > head.size:
            raise Broken(
                f"the database has {head.size} records, but {published.size} were published: it "
                "is a restored old copy",
                todo="bring back the newest database, or open a new log that continues this one",
            )
        try:
            frontier = stored_frontier(published.size, published.root, self._tiles.read)
            self._check_extends(frontier, head)
            tiling = Tiling.resume(
                published.size, published.root, self._tiles.read, self._store.hashed_records
            )
        except Unavailable as error:
            raise Broken(
                f"the tile store has a checkpoint of size {published.size}, but not all its tiles: "
                f"{error.message}",
                where=error.where,
                todo="bring the tiles back",
            ) from error
        if self._signed is None or self._signed.size < published.size:
            self._signed = Published(published.size, note, self._now_ms())
            self._store.store_checkpoint(self._signed)
        return tiling

    def _check_extends(self, frontier: Frontier, head: Head) -> None:
        """Broken unless the database's head grows out of what was published."""
        size = frontier.size
        for _, stored in self._store.hashed_records(size, head.size):
            frontier.append(stored)
        if frontier.root() != head.root:
            raise Broken(
                f"the database does not extend what was published at size {size}: it is another "
                "copy of this log, or damaged",
                todo="bring back the right database; look with: tanbu fsck",
            )

    def _grow(self, size: int, root: bytes, what: str) -> None:
        """Extend the tiles to `size` and write them; Broken if that does not make `root`."""
        waiting: list[File] = []
        for record, stored in self._store.hashed_records(self._tiling.size, size):
            waiting += self._tiling.append(record, stored)
            self._keys = self._keys.follow(self._tiling.size - 1, record)
            if len(waiting) >= FILES_AT_ONCE:
                self._tiles.write(waiting)
                waiting = []
        if self._tiling.root() != root:
            raise Broken(
                f"the records up to size {size} do not make the root of {what}",
                todo="nothing more is signed; look with: tanbu fsck",
            )
        self._tiles.write([*waiting, *self._tiling.partials()])

    def _put_checkpoint(self, published: Published) -> None:
        self._tiles.write([(CHECKPOINT, published.note)])
        self._signed = published

    def _drop_partials(self, old_size: int) -> None:
        """Drop the partial tiles that are not those of the present size."""
        size = self._tiling.size
        kept = {path for path, _ in self._tiling.partials()}
        paths = [*edge_paths(old_size), *edge_paths(size)]
        if self._tidied_from is not None:
            paths += [*edge_paths(self._tidied_from), *all_paths(self._tidied_from, size)]
        for path in dict.fromkeys(paths):
            self._tiles.delete([found for found in self._tiles.partials(path) if found not in kept])

    def _opened(self, note: bytes, what: str) -> Checkpoint:
        try:
            # Of a copy that is behind what was published, the newest keys known must do.
            size = min(parse_checkpoint(parse_note(note).text).size, self._store.head().size)
            due = self._keys.due(size, self._record_time_ms(size))
            return open_checkpoint(note, *due)
        except Broken:
            raise
        except TanbuError as error:
            raise Broken(
                f"{what} is not signed by this log: {error}",
                todo="see that database, tiles and keys are of one log",
            ) from error

    def _record_time_ms(self, size: int) -> int:
        """The time of the newest record below a size ≥ 1."""
        for record, _ in self._store.hashed_records(size - 1, size):
            return parse_record(record).time_ms
        raise Malformed(f"a checkpoint of size {size}, which no log signs")
