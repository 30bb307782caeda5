"""The part of fsck that checks what was published: tiles, bundles, and every signed checkpoint."""

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, func, select

from registry.chain.checkpoint import open_checkpoint, parse_checkpoint
from registry.chain.errors import TanbuError, Unavailable
from registry.chain.note import parse_note
from registry.chain.stamp import imprint, read_token
from registry.ledger.codec import parse_record
from registry.ledger.logkeys import KeyHistory
from registry.ports import Published, TileSource
from registry.store import schema, sqlite
from registry.store.stamps import read_stamps, stamped_note
from registry.writer.tiling import File, Tiling

Report = Callable[[str, str], None]
"""(where, what is wrong)."""

CHECKPOINT_ROWS = 100


class PublishedCheck:
    """Takes the records in order; compares files and checkpoints as their sizes are reached."""

    def __init__(self, connection: Connection, tiles: TileSource, report: Report) -> None:
        self._connection = connection
        self._tiles = tiles
        self._report = report
        self._tiling = Tiling()
        self._checkpoints = self._read_checkpoints()
        self._next = next(self._checkpoints, None)
        self.size = self._last_size()

    @property
    def root(self) -> bytes:
        """The root over the records taken."""
        return self._tiling.root()

    def take(self, record: bytes, leaf_hash: bytes, keys: KeyHistory | None) -> None:
        """The next record, with the hash that is stored beside it.

        `keys`: the log's, up to this record at least; None where the genesis cannot be read:
        signatures are then not checked.
        """
        files = self._tiling.add(record, leaf_hash)
        if self._tiling.size <= self.size:
            self._compare(files)
        if self._tiling.size == self.size:
            self._compare(self._tiling.partials())
        while self._next is not None and self._next.size <= self._tiling.size:
            self._check(self._next, record, keys)
            self._next = next(self._checkpoints, None)

    def finish(self) -> None:
        """Checkpoints beyond the log, and the file `checkpoint`."""
        if self._next is not None:
            size = self._tiling.size
            self._report(
                f"checkpoint {self._next.size}", f"it is signed, but the log has {size} records"
            )
        self._check_stamps()
        if not self.size:
            return
        try:
            note = self._tiles.checkpoint()
            head = parse_checkpoint(parse_note(note).text)
        except TanbuError as error:
            self._report("tiles/checkpoint", error.message)
            return
        table = schema.checkpoint.c
        with sqlite.guarded("read checkpoints"):
            stored = self._connection.execute(
                select(table.note).where(table.size == head.size)
            ).scalar()
        if stored != note:
            self._report("tiles/checkpoint", "it is not the checkpoint that the database holds")

    def _compare(self, files: list[File]) -> None:
        for path, wanted in files:
            try:
                found = self._tiles.read(path)
            except Unavailable as error:
                self._report(f"tiles/{path}", error.message)
                continue
            if found != wanted:
                at = next(
                    (n for n, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b),
                    min(len(found), len(wanted)),
                )
                self._report(f"tiles/{path}", f"it differs from the records at byte {at}")

    def _check(self, published: Published, record: bytes, keys: KeyHistory | None) -> None:
        """`record`: the newest below it."""
        where = f"checkpoint {published.size}"
        if keys is None:
            return
        try:
            due = keys.due(published.size, parse_record(record).time_ms)
            head = open_checkpoint(published.note, *due)
        except TanbuError as error:
            self._report(where, error.message)
            return
        if head.size != published.size:
            self._report(where, f"its note is of size {head.size}")
        elif published.size == self._tiling.size and head.root != self._tiling.root():
            self._report(where, "its root is not that of the records")

    def _check_stamps(self) -> None:
        """Each is of a checkpoint that is there; whether its authority signed it needs trust."""
        for stamped in read_stamps(self._connection):
            where = f"stamp {stamped.size} {stamped.authority}"
            note = stamped_note(self._connection, stamped.size)
            if note is None:
                self._report(where, "there is no checkpoint of this size")
                continue
            try:
                stamp = read_token(stamped.token)
                if stamp.imprint != imprint(parse_note(note).text):
                    self._report(where, "it is of another checkpoint")
                elif stamp.time_ms != stamped.time_ms:
                    self._report(where, "its time is another than the one stored beside it")
            except TanbuError as error:
                self._report(where, error.message)

    def _read_checkpoints(self) -> Iterator[Published]:
        table, last = schema.checkpoint.c, -1
        while True:
            wanted = (
                select(table.size, table.note, table.time_ms)
                .where(table.size > last)
                .order_by(table.size)
                .limit(CHECKPOINT_ROWS)
            )
            with sqlite.guarded("read checkpoints"):
                rows = self._connection.execute(wanted).all()
            if not rows:
                return
            for row in rows:
                yield Published(*row)
            last = rows[-1][0]

    def _last_size(self) -> int:
        with sqlite.guarded("read checkpoints"):
            found = self._connection.execute(select(func.max(schema.checkpoint.c.size))).scalar()
        return int(found or 0)
