"""Checking a stored log from the ground up: every byte that means something, and where it is wrong.

The records are read once, in order; all else is made again from them and compared: leaf hashes, the
tree and the head, ids and lists, bundles and tiles, every signed checkpoint, the state map by the
rules. SQLite's own check comes first. It reads and changes nothing.

It finds what a disk or a hand has altered. Whether parties signed what the records say is the
audit's to check (`registry.verify.audit`): here the records need only be those of the log's tree.

Refuses to know: where a data directory is, and who holds it.

    for fault in check_store(engine, tiles).faults:
        print(fault.where, fault.what)
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, Engine

from registry.chain.errors import Broken, TanbuError, Unavailable
from registry.chain.tlog import leaf_hash
from registry.ledger.apply import verify_here
from registry.ledger.codec import Parsed, id_key
from registry.ledger.entries import End, LogKey, Seal
from registry.ledger.logkeys import KeyHistory, read_history
from registry.ledger.replay import judge, read_record, refused
from registry.ledger.sealing import SealWatch, sealed_sizes
from registry.ledger.state import MemoryState, State, decode_value, encode_value
from registry.ledger.subjects import subjects_of
from registry.ports import Head, NewRecord, TileSource
from registry.store import sqlite
from registry.store.database import origin_of
from registry.store.fsck_lists import ListCheck
from registry.store.fsck_published import PublishedCheck
from registry.store.log import last_index, read_head, read_records
from registry.store.rebuild import Progress, differing_keys, state_items
from registry.store.scratch import Scratch
from registry.store.statements import statements_for
from registry.store.tail import Tail, read_tail

FAULTS_MAX = 100
"""How many faults are told; a disk that has more needs no longer list."""
AT_ONCE = 256
REPLAY_AT_ONCE = 1_024


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where."""

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found; without faults the log and all that is made from it are whole."""

    size: int
    published_size: int
    faults: tuple[Fault, ...]


class _Enough(Exception):
    """So many faults that more would tell nothing."""


def check_store(
    engine: Engine, tiles: TileSource, *, replay: bool = True, progress: Progress | None = None
) -> Checked:
    """Check a database and the tiles published from it, while nobody writes.

    `replay`: compare the state map with what the rules make of the records; without it the values
    are only held to their form. Raises Unavailable if all is well as far as it could be read, and
    the log goes on by a ruleset that this version lacks.
    """
    with engine.connect() as connection, Scratch() as scratch:
        check = _Check(engine, connection, scratch)
        try:
            check.attempt("database", check.integrity)
            check.attempt("head", check.read_head)
            check.attempt("records", lambda: check.walk(tiles, replay=replay, progress=progress))
            check.attempt("state", lambda: check.compare_state(replay=replay))
        except _Enough:
            check.faults.append(Fault("", f"more than {FAULTS_MAX} faults; the rest is not told"))
    if check.unknown is not None and not check.faults:
        raise check.unknown
    return Checked(check.size, check.published_size, tuple(check.faults))


class _Check:
    """One run."""

    def __init__(self, engine: Engine, connection: Connection, scratch: Scratch) -> None:
        self._engine = engine
        self._connection = connection
        self._scratch = scratch
        self._head: Head | None = None
        self._state: State | None = None
        self._keys: KeyHistory | None = None
        self._time_ms = 0
        self._seals = SealWatch()
        self.faults: list[Fault] = []
        self.unknown: Unavailable | None = None
        self.size = 0
        self.published_size = 0

    def report(self, where: str, what: str) -> None:
        """Note a fault."""
        if len(self.faults) >= FAULTS_MAX:
            raise _Enough
        self.faults.append(Fault(where, what))

    def attempt(self, where: str, step: Callable[[], None]) -> None:
        """Do a step; what it raises is a fault, and the next step goes on."""
        try:
            step()
        except TanbuError as error:
            self.report(error.where or where, error.message)

    def integrity(self) -> None:
        """What SQLite itself says of its file."""
        for line in sqlite.check_integrity(self._connection):
            self.report("database", line)

    def read_head(self) -> None:
        """The head, whole in itself."""
        self._head = read_head(self._connection)

    def walk(self, tiles: TileSource, *, replay: bool, progress: Progress | None) -> None:
        """Read the records, and check all that hangs on them."""
        total = self._count()
        rows = read_records(self._connection, 0, total)
        first = list(islice(rows, 1))
        self._keys = self._keys_of_genesis(first[0][0]) if first else None
        self._state = State(self._scratch.state) if replay and self._keys else None
        if self._state is not None:
            self._seals.expect(sealed_sizes(r for r, _ in read_records(self._connection, 0, total)))
        tail = self._read_tail()
        lists = ListCheck(self._connection, statements_for(self._engine), tail, self.report)
        published = PublishedCheck(self._connection, tiles, self.report)
        self.published_size = published.size
        chunk = first
        while chunk:
            made = [self._take(record, stored) for record, stored in chunk]
            lists.take(made)
            for new in made:
                published.take(new.record, new.leaf_hash, self._keys)
            if progress is not None:
                progress(self.size, total)
            chunk = list(islice(rows, AT_ONCE))
        lists.finish()
        published.finish()
        self._check_head(published.root)

    def _read_tail(self) -> Tail:
        """The journal; an empty one where it is damaged, so that what it lacks is told too."""
        size = 0 if self._head is None else self._head.size
        try:
            return read_tail(self._connection, size)
        except Broken as error:
            self.report(error.where or "journal", error.message)
            return Tail(size)

    def _count(self) -> int:
        """How many records are to be read: as many as the head says."""
        there = last_index(self._connection) + 1
        if self._head is None:
            return there
        if there != self._head.size:
            self.report("head", f"it is of {self._head.size} records, the last one is {there - 1}")
        return min(there, self._head.size)

    def _keys_of_genesis(self, record: bytes) -> KeyHistory | None:
        """The log's keys by its first record, which must be signed as it says."""
        base = MemoryState()
        state = State(base)
        try:
            time_ms, parsed = read_record(record, 0, 0)
            refusal = judge(state, parsed, 0, time_ms, verify_here)
        except TanbuError as error:
            self.report("record 0", f"the genesis cannot be read: {error.message}")
            return None
        if refusal is not None:
            self.report("record 0", f"the genesis is not good: {refusal.message()}")
            return None
        if origin_of(self._connection) != parsed.origin:
            self.report("meta", f"the database is not that of {parsed.origin}")
        base.store(state)
        return read_history(base)

    def _take(self, record: bytes, stored: bytes) -> NewRecord:
        """One record: its hash, its form, its place, what the rules make of it."""
        index = self.size
        self.size += 1
        where = f"record {index}"
        if leaf_hash(record) != stored:
            self.report(where, "its bytes do not have the leaf hash that is stored beside it")
        try:
            self._time_ms, parsed = read_record(record, index, self._time_ms)
            if self._state is not None:
                self._replay(self._state, parsed, index)
            if self._keys is not None and isinstance(parsed.entry, LogKey):
                self._keys = self._keys.after(index, parsed.entry)
        except Unavailable as error:  # a ruleset that this version lacks is no fault of the log
            self.unknown = Unavailable(error.message, where=where, todo=error.todo)
            self._state = None
        except TanbuError as error:
            self.report(error.where or where, error.message)
            self._state = None  # what follows cannot be judged without it
            return NewRecord(index, record, stored, b"", ())
        return NewRecord(index, record, stored, id_key(parsed.entry), subjects_of(parsed.entry))

    def _replay(self, state: State, parsed: Parsed, index: int) -> None:
        if index == self._seals.due:
            self._seals.take(index, state.items())
        refusal = judge(state, parsed, index, self._time_ms, _signatures_are_the_audits)
        if refusal is not None:
            raise refused(refusal, index)
        if isinstance(parsed.entry, Seal | End):
            self._seals.check(parsed.entry, index)
        if index % REPLAY_AT_ONCE == 0:
            self._scratch.state.store(state.changes())
            state.stored()

    def _check_head(self, root: bytes) -> None:
        head = self._head
        if head is None:
            return
        if head.root != root:
            self.report("head", f"the {self.size} records do not make its root")
        if head.time_ms != self._time_ms:
            self.report("head", f"its time is {head.time_ms}, the last record's {self._time_ms}")

    def compare_state(self, *, replay: bool) -> None:
        """The stored state map: by the rules, or by the form of its values alone."""
        for key, data in state_items(self._engine):
            try:
                if encode_value(decode_value(key, data)) != data:
                    self.report(f"state {key}", "the value is not in its canonical form")
            except Broken as error:
                self.report(f"state {key}", error.message)
        if self._state is None:
            if replay and self.unknown is None:
                self.report("state", "it could not be compared: the log cannot be replayed")
            return
        self._scratch.state.store(self._state.changes())
        self._state.stored()
        for key in differing_keys(state_items(self._engine), self._scratch.state.items()):
            self.report(f"state {key}", "it is not what the rules make of the log")


def _signatures_are_the_audits(public_key: bytes, signature: bytes, text: bytes) -> None:
    """A signature check that believes: the tree holds the record, and the audit verifies it."""
    del public_key, signature, text
