"""Making a seal: beside the service, in a process of its own, never in the writer's.

The state is read from one snapshot of the database, and its leaves are kept as a file. Before
anybody signs, the same is made a second time from the log alone: from the leaves of the last seal
in the log, which is checked to be right, the records since are replayed by the rules. A damaged
database, or a rule that a hand went around, cannot come under a seal that way; a wrong seal would
end every replay of the log for ever.

Refuses to know: who signs.

    made = make_seal(data)          # a Commitment; the leaves are in DATA/seals
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from registry.bootstrap.data import DataDirectory
from registry.chain.errors import Broken, NotTrusted, TanbuError, Unavailable
from registry.chain.tlog import leaf_hash
from registry.ledger.codec import parse_entry, parse_record
from registry.ledger.entries import Seal
from registry.ledger.logkeys import read_log
from registry.ledger.replay import UsedId, replay
from registry.ledger.sealing import Commitment, SealWatch, commit_to, commitment_of, sealed_sizes
from registry.ledger.state import State, state_items
from registry.ledger.values import Log
from registry.store.compared import FileBook
from registry.store.database import open_for_reading
from registry.store.reads import SqlReadStore, SqlSnapshot
from registry.store.scratch import Scratch
from registry.store.sealfile import SealDirectory, SealFile, write_seal_file

STORE_EVERY = 8_192
"""Records between two writings of what has changed to the scratch."""
RECORDS_AT_ONCE = 1_000

Progress = Callable[[int, int], None]
"""(records replayed, records in all)."""


@dataclass(frozen=True, slots=True)
class Made:
    """A seal to be signed: for which log, what it says, where its leaves are."""

    log: Log
    commitment: Commitment
    path: Path


def make_seal(data: DataDirectory, progress: Progress | None = None) -> Made:
    """Write the leaves of the newest committed state, and make sure that they are the log's.

    Unavailable if there is no log, or nothing new to seal; NotTrusted if the state of the database
    is not the one that the log makes, and then no leaves are kept.
    """
    with _reading(data) as store:
        with store.snapshot() as snapshot:
            log, size = read_log(snapshot.state), snapshot.head.size
            if isinstance(log.ended, int):
                raise Unavailable(f"the log was ended at index {log.ended}", where=log.origin)
            if isinstance(log.sealed_size, int) and size <= log.sealed_size:
                raise Unavailable("nothing has come since the last seal", where=log.origin)
            path = SealDirectory(data.seals).path(size)
            made = write_seal_file(path, log.origin, size, state_items(snapshot.state))
            last = _last_seal(snapshot, log)
        try:
            _check(data, last, made, progress)
            with SealFile(path) as written:
                if written.check() != made:
                    raise Broken("the file of the leaves is not what was written", where=str(path))
        except TanbuError:
            path.unlink(missing_ok=True)
            raise
    return Made(log, made, path)


def _check(
    data: DataDirectory, last: Commitment | None, made: Commitment, progress: Progress | None
) -> None:
    """NotTrusted unless the records, replayed since the last seal, make the same state."""
    with Scratch() as scratch, closing(FileBook(data.database)) as book:
        if last is not None and not _load(SealDirectory(data.seals).path(last.size), last, scratch):
            last = None
        first = 0 if last is None else last.size
        state = State(scratch.state)
        steps = replay(
            _records(book, first, made.size),
            state,
            ids=_NoIds(),
            verify=_checked_before,
            seals=SealWatch(sealed_sizes(_records(book, first, made.size)), since=last),
            size=first,
        )
        for step in steps:
            if (step.index + 1) % STORE_EVERY == 0:
                scratch.state.store(state.changes())
                state.stored()
                if progress is not None:
                    progress(step.index + 1, made.size)
        scratch.state.store(state.changes())
        found = commit_to(scratch.state.items(), made.size)
    if found != made:
        raise NotTrusted(
            f"the database has another state than the log makes: root {made.root.hex()} instead of"
            f" {found.root.hex()}",
            where=f"size {made.size}",
            todo="nothing was sealed; stop the service and run: tanbu rebuild",
        )


def _load(path: Path, last: Commitment, scratch: Scratch) -> bool:
    """Fill the scratch with the leaves of the last seal; False if they are not kept any more."""
    if not path.exists():
        return False
    with SealFile(path) as leaves:
        if (leaves.size, leaves.root, leaves.count) != (last.size, last.root, last.count):
            raise Broken(
                "the leaves kept for the last seal are not its own",
                where=str(path),
                todo="delete the file; the log is then replayed from its beginning",
            )
        items = leaves.items()
        while batch := list(islice(items, STORE_EVERY)):
            scratch.state.store(batch)
    return True


def _records(book: FileBook, first: int, stop: int) -> Iterator[bytes]:
    """Records, in questions of their own: no snapshot is kept open meanwhile."""
    while first < stop:
        rows = book.records(first, min(first + RECORDS_AT_ONCE, stop))
        if not rows:
            raise Broken("a record is missing", where=f"record {first}", todo="run: tanbu fsck")
        for record, hashed in rows:
            if leaf_hash(record) != hashed:
                raise Broken(
                    "a record does not have the leaf hash beside it",
                    where=f"record {first}",
                    todo="run: tanbu fsck",
                )
            yield record
            first += 1


def _last_seal(snapshot: SqlSnapshot, log: Log) -> Commitment | None:
    """What the last seal in the log says."""
    if not isinstance(log.seal, int):
        return None
    record = snapshot.record(log.seal)
    entry = parse_entry(parse_record(record).note).entry if record else None
    if not isinstance(entry, Seal):
        raise Broken("the state names a seal that is none", where=f"record {log.seal}")
    return commitment_of(entry)


class _NoIds:
    """The table of ids takes each id once, for ever (IdMemory)."""

    def take(self, ids: list[UsedId]) -> tuple[UsedId, int] | None:
        del ids
        return None


def _checked_before(public_key: bytes, signature: bytes, text: bytes) -> None:
    """Signatures were verified when the entries came; here the rules alone are asked again."""
    del public_key, signature, text


@contextmanager
def _reading(data: DataDirectory) -> Iterator[SqlReadStore]:
    if not data.database.exists():
        raise Unavailable(
            "there is no log", where=str(data.database), todo="open one: tanbu init --help"
        )
    with closing(SqlReadStore(open_for_reading(data.database))) as store:
        yield store
