"""Reading typed values from a snapshot: what all views share.

Refuses to know: what a view is for.
"""

from collections.abc import Iterator
from typing import TypeVar

from registry.chain.errors import Broken, Malformed, Unavailable
from registry.ledger import values as v
from registry.ledger.state import decode_value
from registry.ports import Snapshot

V = TypeVar("V", bound=v.Value)

SCAN_ROWS = 512
"""Rows of one question to the store; a scan asks again while it is read."""
KEY_CHARS_MAX = 400
"""Longest state key that is looked up: an id from outside is cut off before the store sees it."""


class Absent(Unavailable):
    """What was asked for is not in the log."""


def find(snapshot: Snapshot, key: str, kind: type[V]) -> V | None:
    """The value under a state key, or None."""
    if len(key) > KEY_CHARS_MAX or not key.isascii():
        return None
    data = snapshot.state.get_many((key,)).get(key)
    return None if data is None else _typed(key, data, kind)


def find_many(snapshot: Snapshot, keys: list[str], kind: type[V]) -> dict[str, V]:
    """The values of those keys that exist, in one question."""
    found = snapshot.state.get_many(keys)
    return {key: _typed(key, data, kind) for key, data in found.items()}


def get(snapshot: Snapshot, key: str, kind: type[V], what: str) -> V:
    """The value under a state key; Absent, with `what` it is, if there is none."""
    value = find(snapshot, key, kind)
    if value is None:
        raise Absent(f"there is no {what}", where=key[:KEY_CHARS_MAX])
    return value


def log(snapshot: Snapshot) -> v.Log | None:
    """What genesis has fixed; None while the log is empty."""
    return find(snapshot, v.LOG, v.Log)


def scan(
    snapshot: Snapshot, prefix: str, kind: type[V], *, after: str = "", limit: int | None = None
) -> Iterator[tuple[str, V]]:
    """(rest of the key, value) of each key below `prefix` (which ends in / or +), in byte order,

    behind the rest `after`, at most `limit`.
    """
    low = f"{prefix}{after}!" if after else prefix
    # "!" precedes every character of a key: nothing but `after` itself is left out.
    high = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    left = limit
    while left is None or left > 0:
        rows = SCAN_ROWS if left is None else min(SCAN_ROWS, left)
        found = snapshot.state.scan(low, high, rows)
        for key, data in found:
            yield key[len(prefix) :], _typed(key, data, kind)
        if len(found) < rows:
            return
        low = found[-1][0] + "!"
        if left is not None:
            left -= rows


def rows(snapshot: Snapshot, low: str, high: str, kind: type[V], limit: int) -> list[tuple[str, V]]:
    """Up to `limit` pairs with low ≤ key < high, in byte order of the keys."""
    found = snapshot.state.scan(low, high, limit)
    return [(key, _typed(key, data, kind)) for key, data in found]


def page_after(after: str) -> str:
    """A place in a list as it came from outside; Malformed if no key could look like that."""
    if len(after) > KEY_CHARS_MAX or not after.isascii() or not after.isprintable():
        raise Malformed("this is not a place in the list", where="after", todo="leave `after` out")
    return after


def _typed(key: str, data: bytes, kind: type[V]) -> V:
    value = decode_value(key, data)
    if not isinstance(value, kind):
        raise Broken(f"state value of {type(value).__name__}, not {kind.__name__}", where=key)
    return value
