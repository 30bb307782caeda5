"""What a row of the journal holds, and how it is read together with the tables (adr 0016).

Without SQLAlchemy, so that an audit reads it too. Refuses to know: which database it is.

    recent = Recent()
    recent.take(parse_changes(first, data))
    list(recent.merge(stored_pairs, recent.between("lot/", "lot0")))
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from registry.chain.errors import Broken

ID_KEY_BYTES = 24
"""Of each id in a row."""
_BULK = ("balance/", "block/")
"""Families that are most of what changes, and that no rule reads by range."""

Change = tuple[str, bytes | None]
_encode = msgspec.msgpack.Encoder().encode
_decode_changes = msgspec.msgpack.Decoder(list[Change]).decode


class Recent:
    """State values that the table does not have yet (None: the key is gone)."""

    __slots__ = ("_ordered", "_rest", "values")

    def __init__(self) -> None:
        self.values: dict[str, bytes | None] = {}
        self._rest: set[str] = set()
        """Those of the keys that are of other families than `_BULK`."""
        self._ordered: list[str] = []

    def take(self, changes: Iterable[Change]) -> None:
        """Newer values."""
        values, rest = self.values, self._rest
        for key, value in changes:
            values[key] = value
            if not key.startswith(_BULK):
                rest.add(key)

    def copy(self) -> "Recent":
        """Another one, to take newer values while this one stays as it is."""
        other = Recent()
        other.values, other._rest = self.values.copy(), self._rest.copy()
        return other

    def between(self, low: str, high: str | None, limit: int | None = None) -> Sequence[str]:
        """The keys with low ≤ key, and < high if that is given, in order.

        With `limit` no more than those among which that many are not gone.
        """
        if high is not None and not any(low < f"{f[:-1]}0" and f < high for f in _BULK):
            keys: Sequence[str] = sorted([key for key in self._rest if low <= key < high])
            at, stop = 0, len(keys)
        else:
            keys = self._in_order()
            at, stop = bisect_left(keys, low), len(keys)
            if high is not None:
                stop = bisect_left(keys, high)
        if limit is not None:
            live = (n for n in range(at, stop) if self.values[keys[n]] is not None)
            stop = next(islice(live, limit, None), stop)
        return keys[at:stop]

    def _in_order(self) -> list[str]:
        if len(self._ordered) != len(self.values):  # a key that has come stays, gone or not
            self._ordered = sorted(self.values)
        return self._ordered

    def merge(
        self, stored: Iterable[tuple[str, bytes]], keys: Sequence[str]
    ) -> Iterator[tuple[str, bytes]]:
        """Stored pairs in order, with the values under these keys in place of the stored ones."""
        coming = iter((*keys, None))
        new = next(coming)
        for key, value in stored:
            while new is not None and new < key:
                yield from self._pair(new)
                new = next(coming)
            if new == key:
                yield from self._pair(key)
                new = next(coming)
            else:
                yield key, value
        while new is not None:
            yield from self._pair(new)
            new = next(coming)

    def _pair(self, key: str) -> tuple[tuple[str, bytes], ...]:
        value = self.values[key]
        return () if value is None else ((key, value),)


def format_changes(changes: Sequence[Change]) -> bytes:
    """What a round changes in the state, as it stands in its row."""
    return _encode(changes)


def parse_changes(first: object, data: object) -> list[Change]:
    """What the row that begins at `first` says of the state; Broken if it is damaged."""
    try:
        return _decode_changes(data)  # type: ignore[arg-type]  # a hand may have put anything there
    except (TypeError, msgspec.MsgspecError) as error:
        raise damaged(first, str(error)) from error


def split_ids(data: bytes) -> list[bytes]:
    """The ids of a row, one for each of its records."""
    return [data[at : at + ID_KEY_BYTES] for at in range(0, len(data), ID_KEY_BYTES)]


def damaged(first: object, why: str) -> Broken:
    """What to say of a row that cannot be read."""
    return Broken(
        f"a row of the journal is damaged: {why}",
        where=f"journal {first}",
        todo="rebuild the database from the log: tanbu rebuild",
    )
