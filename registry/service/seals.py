"""What is proved from seals, and the book as of an earlier size.

Source: DESIGN §4; docs/spec/seals.md. A proof is given from the newest seal that is under a signed
checkpoint and whose leaves are kept, or from the seal of the size that is asked for.

Refuses to know: who trusts the seal; and whether it is right, which a replay tells.

As of a size that is sealed, what is answered comes from that seal's leaves. As of another one, the
entries since the seal before it are replayed by the rules, up to `REPLAYED_MAX` of them.
"""

import re
import threading
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice

from msgspec import UNSET, Struct, UnsetType

from registry.chain.errors import Broken, Malformed, NotTrusted, TanbuError, Unavailable
from registry.chain.tlog import EMPTY_ROOT
from registry.ledger.codec import parse_entry, parse_record
from registry.ledger.dates import DAY_MS, MINUTE_MS, day_of
from registry.ledger.entries import End, Seal, Sealing
from registry.ledger.replay import MemoryIds, replay
from registry.ledger.sealing import SealWatch, commitment_of
from registry.ledger.state import ChangedState, MemoryState, State, StateReader
from registry.ports import Head, Overloaded, ReadStore, SealedState, SealStore, Snapshot
from registry.service.reading import Absent, log
from registry.verify.stateproof import (
    ProvedLeaf,
    check_state_proof,
    prove_key,
    prove_prefix,
)

REPLAYED_MAX = 2_000
"""Most entries that are replayed for one question as of a size that is not sealed."""
REPLAYS_AT_ONCE_MAX = 1
SEALS_MAX = 100_000
"""Most seals of one log that are looked for."""
SEALS_TRIED_MAX = 8
"""How many seals are tried for leaves that are still kept."""
_is_size = re.compile(r"[0-9]{1,16}").fullmatch
_is_ms = re.compile(r"([0-9]{1,16})ms").fullmatch
_is_date = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch


class SealView(Struct, frozen=True, kw_only=True):
    """A seal in the log: at `index`, of the state of `size`."""

    index: int
    size: int
    root: str
    count: int


class StateProof(Struct, frozen=True, kw_only=True):
    """That the sealed state has a value, or none, under `key`; or which it has under `prefix`.

    The seal at index `seal` of the log says `size`, `root` and `count`. `leaves` stand one after
    the other in the sealed map; `values`: how many of them are what was asked for.
    """

    origin: str
    seal: int
    size: int
    root: str
    count: int
    values: int
    leaves: tuple[ProvedLeaf, ...]
    key: str | UnsetType = UNSET
    prefix: str | UnsetType = UNSET


class Past:
    """A snapshot of an earlier size (port Snapshot), which no checkpoint is shown with.

    `seal`: index of the seal that this state is proved by, if one does.
    """

    def __init__(
        self, head: Head, state: StateReader, snapshot: Snapshot, seal: int | None
    ) -> None:
        self.head = head
        self.state = state
        self.snapshot = snapshot
        self.seal = seal

    def record(self, index: int) -> bytes | None:
        return self.snapshot.record(index) if index < self.head.size else None

    def index_of_leaf(self, leaf_hash: bytes) -> int | None:
        return self.snapshot.index_of_leaf(leaf_hash)

    def index_of_id(self, id_key: bytes) -> int | None:
        return self.snapshot.index_of_id(id_key)

    def mentions(self, subject: str, *, before: int, limit: int) -> tuple[int, ...]:
        before = min(before, self.head.size)
        return tuple(self.snapshot.mentions(subject, before=before, limit=limit))

    def published(self) -> None:
        return None

    def stamps(self) -> tuple[()]:
        return ()


def last_seal(snapshot: Snapshot) -> SealView | None:
    """The last seal in the log."""
    opened = log(snapshot)
    if opened is None or opened.seal is UNSET:
        return None
    return _view(opened.seal, _seal_at(snapshot, opened.seal))


def _view(index: int, entry: Sealing) -> SealView:
    return SealView(index=index, size=entry.size, root=entry.root, count=entry.count)


def _seal_at(snapshot: Snapshot, index: int) -> Sealing:
    record = snapshot.record(index)
    entry = parse_entry(parse_record(record).note).entry if record else None
    if not isinstance(entry, Seal | End):
        raise Broken("an entry that is listed as a seal is none", where=f"record {index}")
    return entry


class NoSeals:
    """Where no leaves are kept (port SealStore)."""

    def open(self, size: int) -> AbstractContextManager[SealedState]:
        """Unavailable."""
        raise Unavailable("no leaves of seals are kept here", where=f"size {size}")


class Sealed:
    """The seals of one log; one per process, may be used by several threads."""

    def __init__(self, reader: ReadStore, store: SealStore) -> None:
        self._reader = reader
        self._store = store
        self._replaying = threading.Semaphore(REPLAYS_AT_ONCE_MAX)

    def prove(self, *, key: str = "", prefix: str = "", size: int | None = None) -> StateProof:
        """The proof of a key's value or absence, or of all values under a prefix.

        Absent if there is no such seal under a checkpoint, Unavailable if its leaves are not kept.
        """
        if bool(key) == bool(prefix):
            raise Malformed("either key or prefix", where="query")
        with self._reader.snapshot() as snapshot:
            opened = log(snapshot)
            published = snapshot.published()
            stop = published.size if published else 0
            seals = _seals(snapshot, stop, stop if size is None else size)
            found = list(islice(seals, SEALS_TRIED_MAX if size is None else 1))
            if size is not None and found and found[0].size != size:
                found = []
        if not found or opened is None:
            raise Absent(
                "no published seal is of that size" if size else "nothing has been sealed yet",
                where="size",
                todo="sealed sizes: GET /v1/entries?kind=seal",
            )
        with self._open_newest(found) as (seal, sealed):
            leaves = prove_key(sealed, key) if key else prove_prefix(sealed, prefix)
        try:
            root = bytes.fromhex(seal.root)
            values = check_state_proof(leaves, root=root, count=seal.count, key=key, prefix=prefix)
        except NotTrusted as error:
            raise Broken(
                f"the leaves kept for the seal are damaged: {error.message}", where=error.where
            ) from error
        return StateProof(
            origin=opened.origin,
            seal=seal.index,
            size=seal.size,
            root=seal.root,
            count=seal.count,
            values=len(values),
            leaves=leaves,
            key=key or UNSET,
            prefix=prefix or UNSET,
        )

    @contextmanager
    def _open_newest(self, seals: list[SealView]) -> Iterator[tuple[SealView, SealedState]]:
        """The first of the seals whose leaves are kept; Unavailable if none are."""
        missing: Unavailable | None = None
        for seal in seals:
            try:
                opened = self._store.open(seal.size)
                sealed = opened.__enter__()
            except Unavailable as error:
                missing = missing or error
                continue
            try:
                _check_same(seal, sealed)
                yield seal, sealed
            finally:
                opened.__exit__(None, None, None)
            return
        raise Unavailable(
            "the leaves of that seal are not kept here",
            where=f"size {seals[0].size}",
            todo="ask for another size, or have the log sealed again: tanbu seal",
        ) from missing

    @contextmanager
    def as_of(self, moment: str) -> Iterator[Past]:
        """The book as of a size, or of a time; see `size_at`."""
        with self._reader.snapshot() as snapshot:
            size = size_at(snapshot, moment)
            seals = _seals(snapshot, snapshot.head.size, size)
            with self._base(list(islice(seals, SEALS_TRIED_MAX)), size) as (seal, base):
                first = seal.size if seal else 0
                head = _head(snapshot, size)
                if seal is not None and first == size:
                    yield Past(head, base, snapshot, seal.index)
                    return
                if not self._replaying.acquire(blocking=False):
                    raise Overloaded("another question about the past is being answered")
                try:
                    state = _replayed(snapshot, base, first, size, seal)
                    yield Past(head, state, snapshot, None)
                finally:
                    self._replaying.release()

    @contextmanager
    def _base(
        self, seals: list[SealView], size: int
    ) -> Iterator[tuple[SealView | None, StateReader]]:
        """The state that a replay to `size` begins with; Unavailable if it is too far away."""
        near = [seal for seal in seals if size - seal.size <= REPLAYED_MAX]
        if near:
            with self._open_newest(near) as (seal, sealed):
                yield seal, sealed
        elif size <= REPLAYED_MAX:
            yield None, MemoryState()
        else:
            before = seals[0].size if seals else 0
            raise Unavailable(
                f"{size - before} entries lie between this size and the sealed one before it,"
                f" {before}; up to {REPLAYED_MAX} are replayed",
                where="as_of",
                todo="ask as of a sealed size: GET /v1/entries?kind=seal",
            )


def _seals(snapshot: Snapshot, stop: int, size: int) -> Iterator[SealView]:
    """The seals below the index `stop` of sizes up to `size`, the last one first."""
    found = [*snapshot.mentions("kind/seal", before=stop, limit=SEALS_MAX)]
    found += snapshot.mentions("kind/end", before=stop, limit=1)
    found.sort()  # and so are the sizes
    count = bisect_right(found, size, key=lambda index: _seal_at(snapshot, index).size)
    for index in reversed(found[:count]):
        yield _view(index, _seal_at(snapshot, index))


def _check_same(seal: SealView, sealed: SealedState) -> None:
    kept = (sealed.size, sealed.root.hex(), sealed.count)
    if kept != (seal.size, seal.root, seal.count):
        raise Broken(
            "the leaves kept for the seal have another root than the log says",
            where=f"size {seal.size}",
            todo="delete the file in DATA/seals; tanbu seal makes the next one",
        )


def _replayed(
    snapshot: Snapshot, base: StateReader, first: int, size: int, seal: SealView | None
) -> StateReader:
    """The state after the entries first … size - 1."""
    state = State(base)
    since = None if seal is None else commitment_of(_seal_at(snapshot, seal.index))
    records = [snapshot.record(index) or b"" for index in range(first, size)]
    try:
        for _ in replay(
            records,
            state,
            ids=MemoryIds(),
            verify=_checked_before,
            seals=_Unasked(since=since),
            size=first,
        ):
            continue
    except TanbuError as error:
        raise Broken(f"the log cannot be replayed: {error.message}", where=error.where) from error
    return ChangedState(base, dict(state.changes()))


class _Unasked(SealWatch):
    """Seals on the way are not compared: that is for an audit."""

    def check(self, entry: Sealing, index: int) -> None:
        del entry, index


def _checked_before(public_key: bytes, signature: bytes, text: bytes) -> None:
    """Signatures were verified when the entries came."""
    del public_key, signature, text


def size_at(snapshot: Snapshot, moment: str) -> int:
    """The size of the log that `moment` says: 42, 1767225600000ms, or 2026-01-31 (its end).

    Malformed if it is none, Absent if the log was not open then or is not yet so far.
    """
    if _is_size(moment):
        size = int(moment)
        if size > snapshot.head.size:
            raise Absent(f"the log has {snapshot.head.size} entries", where="as_of")
    else:
        size = _entries_until(snapshot, _ms_of(snapshot, moment))
    if size == 0:
        raise Absent("the log had no entries then", where="as_of")
    return size


def _ms_of(snapshot: Snapshot, moment: str) -> int:
    """The last millisecond that a moment includes."""
    if found := _is_ms(moment):
        return int(found[1])
    day = day_of(moment) if _is_date(moment) else None
    opened = log(snapshot)
    if day is None or opened is None:
        raise Malformed(
            "this is neither a size nor a time",
            where="as_of",
            todo="write 42, 1767225600000ms or 2026-01-31 (the end of that day)",
        )
    return (day + 1) * DAY_MS - opened.offset_min * MINUTE_MS - 1


def _entries_until(snapshot: Snapshot, last_ms: int) -> int:
    """How many entries have a record time up to `last_ms`. O(log n) records."""
    low, high = 0, snapshot.head.size
    while low < high:
        middle = (low + high) // 2
        if _time_of(snapshot, middle) <= last_ms:
            low = middle + 1
        else:
            high = middle
    return low


def _time_of(snapshot: Snapshot, index: int) -> int:
    record = snapshot.record(index)
    if record is None:
        raise Broken("a record is missing", where=f"record {index}", todo="run: tanbu fsck")
    return parse_record(record).time_ms


def _head(snapshot: Snapshot, size: int) -> Head:
    """A head of that size; its root is not asked for."""
    head = snapshot.head
    return Head(size, EMPTY_ROOT, _time_of(snapshot, size - 1), head.epoch, head.frontier)


__all__ = [
    "NoSeals",
    "Past",
    "ProvedLeaf",
    "SealView",
    "Sealed",
    "StateProof",
    "last_seal",
    "size_at",
]
