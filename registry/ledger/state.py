"""The state map while entries are applied: a base that is read, a cache, and what has changed.

`State` is the only thing that rules read and write. One entry's writes are a draft until `accept`;
a refused entry's draft is thrown away, so nothing refused changes any state. Accepted changes stay
here until the owner of the base has stored them (`changes`, then `stored`).

Refuses to know: where the base keeps its bytes, and what the rules are.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import chain, islice
from typing import Protocol, TypeVar

import msgspec

from registry.chain.errors import Broken
from registry.chain.tlog import Frontier, leaf_hash
from registry.ledger.values import FAMILIES, Balance, Value

V = TypeVar("V", bound=Value)

CACHE_VALUES_MAX = 60_000
"""Most decoded values kept between commits (about 0.5 KB each)."""
CACHE_SPANS_MAX = 300_000
"""Most free spans in the balances among them (about 0.1 KB each): holdings may be cut to pieces."""
_WEIGH_EVERY = 10_000
"""How many changes may come before the spans are counted again."""
SCAN_ROWS_MAX = 512
ITEMS_ROWS = 1_000
"""Rows of one question where all are read."""
AFTER_KEYS = "~"
"""Follows every character that a key may have."""
BEFORE_CHARACTERS = "!"
"""Precedes every character that a key may have: key + this is the next place after a key."""

_encode = msgspec.json.Encoder(order="sorted").encode
_DECODERS = {kind: msgspec.json.Decoder(kind) for kind in FAMILIES.values()}
_SCANNED = "lot/"
"""The family that rules read by range: its changed keys are kept apart."""
_UNREAD = "block/"
"""The family that rules write and never read: it would fill the cache for nothing."""


class StateReader(Protocol):
    """The stored state map, as of some size of the log."""

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The values of those keys that exist."""

    def scan(self, low: str, high: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Up to `limit` pairs with low ≤ key < high, in byte order of the keys."""


def encode_value(value: Value) -> bytes:
    """A state value as canonical JSON."""
    return _encode(value)


def decode_value(key: str, data: bytes) -> Value:
    """The typed value that is stored under `key`; Broken if the bytes are not such a value."""
    try:
        kind = FAMILIES[key.partition("/")[0]]
        return _DECODERS[kind].decode(data)
    except (KeyError, msgspec.MsgspecError) as error:
        raise Broken(
            f"a stored state value cannot be read: {error}",
            where=key,
            todo="rebuild the state from the log: tanbu rebuild",
        ) from error


class State:
    """A base, a cache of decoded values, accepted changes, and the draft of one entry."""

    __slots__ = ("_base", "_cache", "_changed", "_coming", "_draft", "_scanned", "_unweighed")

    def __init__(self, base: StateReader) -> None:
        self._base = base
        self._cache: dict[str, Value | None] = {}
        self._changed: dict[str, Value | None] = {}
        self._draft: dict[str, Value | None] = {}
        self._scanned: set[str] = set()
        self._coming: Iterable[str] = ()
        self._unweighed = 0

    def get(self, key: str, kind: type[V]) -> V | None:
        """The value under `key` as the entry being applied sees it, or None."""
        value: Value | None
        if key in self._draft:
            value = self._draft[key]
        elif key in self._cache:
            value = self._cache[key]
        else:
            value = self._load(key)
        if value is None or isinstance(value, kind):
            return value
        raise Broken(f"state value of {type(value).__name__}, not {kind.__name__}", where=key)

    def must(self, key: str, kind: type[V]) -> V:
        """The value under a key that the rules have already found; Broken if it is not there."""
        value = self.get(key, kind)
        if value is None:
            raise Broken("a state value that the rules rely on is missing", where=key)
        return value

    def put(self, key: str, value: Value) -> None:
        self._draft[key] = value

    def delete(self, key: str) -> None:
        self._draft[key] = None

    def scan(self, low: str, high: str, kind: type[V]) -> Iterator[tuple[str, V]]:
        """Pairs with low ≤ key < high in byte order; only of families made for it (`lot`).

        The base is asked page by page, as far as the caller goes on.
        """
        while True:
            rows = self._base.scan(low, high, SCAN_ROWS_MAX)
            last = len(rows) < SCAN_ROWS_MAX
            stop = high if last else rows[-1][0] + "\x00"  # what follows the last key of the page
            found: dict[str, Value] = {key: decode_value(key, data) for key, data in rows}
            for key in (*self._scanned, *self._draft):
                if low <= key < stop:
                    found.pop(key, None)
                    if (value := self.get(key, kind)) is not None:
                        found[key] = value
            for key in sorted(found):
                if isinstance(known := found[key], kind):
                    yield key, known
            if last:
                return
            low = stop

    def prefetch(self, keys: Iterable[str]) -> None:
        """Read values that coming entries will touch, in one question to the base."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._cache]
        if wanted:
            found = self._base.get_many(wanted)
            for key in wanted:
                data = found.get(key)
                self._cache[key] = None if data is None else decode_value(key, data)

    def expect(self, keys: Iterable[str]) -> None:
        """Say what coming entries will touch: it is prefetched with the first value that is not

        here yet. Where all are here, which is usual, not even `keys` are looked at.
        """
        self._coming = keys

    def accept(self) -> None:
        """Keep the draft: the entry was accepted."""
        draft, cache = self._draft, self._cache
        for key, value in draft.items():
            if not key.startswith(_UNREAD):
                cache[key] = value
                if key.startswith(_SCANNED):
                    self._scanned.add(key)
            elif key in cache:  # some rule did read it
                cache[key] = value
        self._changed.update(draft)
        self._draft = {}

    def discard(self) -> None:
        """Forget the draft: the entry was refused."""
        if self._draft:
            self._draft = {}

    def changes(self) -> list[tuple[str, bytes | None]]:
        """All accepted changes since `stored`, as key and canonical JSON (None: delete)."""
        return [
            (key, None if value is None else _encode(value)) for key, value in self._changed.items()
        ]

    def items(self) -> Iterator[tuple[str, bytes]]:
        """The whole map, stored and changed, in byte order of the keys.

        It may not change meanwhile. Memory: what has changed since `stored`.
        """
        changed = self._changed
        if not changed:
            return state_items(self._base)
        kept = (pair for pair in state_items(self._base) if pair[0] not in changed)
        new = sorted(changed)
        values = ((key, value) for key in new if (value := changed[key]) is not None)
        return merge(kept, ((key, _encode(value)) for key, value in values))

    def stored(self) -> None:
        """The base now holds all changes."""
        self._unweighed += len(self._changed)
        self._changed = {}
        self._scanned = set()
        if len(self._cache) > CACHE_VALUES_MAX:
            self._forget(len(self._cache) // 2)
        if self._unweighed > _WEIGH_EVERY:
            self._unweighed = 0
            balances = [value for value in self._cache.values() if isinstance(value, Balance)]
            if sum([len(balance.free) for balance in balances]) > CACHE_SPANS_MAX:
                self._forget(len(self._cache) // 2)

    def _forget(self, count: int) -> None:
        """Drop the oldest values from the cache: what is in use comes back with one read."""
        for key in list(islice(self._cache, count)):
            del self._cache[key]

    def _load(self, key: str) -> Value | None:
        if key in self._changed:
            return self._changed[key]
        coming, self._coming = self._coming, ()
        self.prefetch(chain((key,), coming))
        return self._cache[key]


def state_items(
    reader: StateReader, low: str = "", high: str = AFTER_KEYS
) -> Iterator[tuple[str, bytes]]:
    """All pairs with low ≤ key < high, in byte order, read by and by: the whole map by default."""
    while True:
        found = reader.scan(low, high, ITEMS_ROWS)
        yield from found
        if len(found) < ITEMS_ROWS:
            return
        low = found[-1][0] + BEFORE_CHARACTERS


class ChangedState:
    """A stored map and changes of it, as one (StateReader)."""

    def __init__(self, base: StateReader, changes: Mapping[str, bytes | None]) -> None:
        self._base = base
        self._changes = changes
        self._changed = sorted(changes)

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """See `StateReader`."""
        found = dict(self._base.get_many([key for key in keys if key not in self._changes]))
        for key in keys:
            if (value := self._changes.get(key)) is not None:
                found[key] = value
        return found

    def scan(self, low: str, high: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """See `StateReader`."""
        kept = (p for p in state_items(self._base, low, high) if p[0] not in self._changes)
        new = self._changed[bisect_left(self._changed, low) : bisect_left(self._changed, high)]
        values = ((key, value) for key in new if (value := self._changes[key]) is not None)
        return list(islice(merge(kept, values), limit))


class MemoryState:
    """A base in memory, for tests, dry runs and small replays."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        return {key: self.values[key] for key in keys if key in self.values}

    def scan(self, low: str, high: str, limit: int) -> Sequence[tuple[str, bytes]]:
        return [(k, self.values[k]) for k in sorted(self.values) if low <= k < high][:limit]

    def store(self, state: State) -> None:
        """Take over what has changed in `state`."""
        for key, data in state.changes():
            if data is None:
                self.values.pop(key, None)
            else:
                self.values[key] = data
        state.stored()


def state_root(items: Iterable[tuple[str, bytes]]) -> tuple[bytes, int]:
    """The RFC 6962 root over a state map sorted by key, and its count; leaf = key LF value.

    Raises Broken if the keys are not strictly ascending. Memory O(log n).
    """
    frontier = Frontier()
    last = ""
    for key, value in items:
        if key <= last:
            raise Broken("the state map is not sorted by key", where=key)
        last = key
        frontier.append(leaf_hash(key.encode() + b"\n" + value))
    return frontier.root(), frontier.size
