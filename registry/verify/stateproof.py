"""Proofs of the state that a seal commits to: of a value, of its absence, of all under a prefix.

Source: RFC 6962 section 2.1; docs/spec/seals.md. Every proof is a run of leaves that stand one
after the other in the sealed map, each with its plain inclusion proof; so a proof says what is
there, and that nothing else is.

Refuses to know: who trusts the seal. Root and count come from the caller, never from the proof.

Rules
- a value: exactly its own leaf
- absence of a key: the two leaves between which it would stand; at an edge of the map the one
- completeness under a prefix: all its leaves, the one before and the one behind them (none at an
  edge)

    proof = prove_key(sealed, "order/X")
    values = check_state_proof(proof, root=root, count=count, key="order/X")   # () if absent
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from msgspec import Struct

from registry.chain.errors import Malformed, NotTrusted
from registry.chain.strict import parse_hex
from registry.chain.tlog import (
    HASH_BYTES,
    HashReader,
    check_inclusion,
    leaf_hash,
    prove_inclusion,
)

KEY_CHARS_MAX = 400
"""Longest key or prefix that is asked for."""
PREFIX_VALUES_MAX = 1_000
"""Most values that one proof of completeness holds."""
_is_key = re.compile(r"[A-Za-z0-9/_.:+-]+").fullmatch

Item = tuple[str, bytes]


class ProvedLeaf(Struct, frozen=True, kw_only=True):
    """A leaf of the sealed map: its place, key and value (canonical JSON), and its proof, in hex

    from the leaf up.
    """

    index: int
    key: str
    value: str
    hashes: tuple[str, ...]


class SealedMap(HashReader, Protocol):
    """The leaves of a seal, in order of their keys."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def leaf(self, index: int) -> Item:
        """The key and value of a leaf."""
        ...

    def place(self, key: str) -> int:
        """How many leaves have a smaller key."""
        ...


def prove_key(sealed: SealedMap, key: str) -> tuple[ProvedLeaf, ...]:
    """The proof of a key's value, or that it has none; Malformed if it is no key."""
    check_key(key, "key")
    at = sealed.place(key)
    if at < sealed.count and sealed.leaf(at)[0] == key:
        return (_proved(sealed, at),)
    return tuple(_proved(sealed, n) for n in (at - 1, at) if 0 <= n < sealed.count)


def prove_prefix(sealed: SealedMap, prefix: str) -> tuple[ProvedLeaf, ...]:
    """The proof of all values under a prefix; Malformed if there are too many for one proof."""
    check_key(prefix, "prefix")
    first, stop = sealed.place(prefix), sealed.place(prefix + "~")
    if stop - first > PREFIX_VALUES_MAX:
        raise Malformed(
            f"{stop - first} values stand under it, more than {PREFIX_VALUES_MAX}",
            where="prefix",
            todo="ask for a longer one",
        )
    low, high = max(0, first - 1), min(stop, sealed.count - 1)
    return tuple(_proved(sealed, n) for n in range(low, high + 1))


def _proved(sealed: SealedMap, index: int) -> ProvedLeaf:
    key, value = sealed.leaf(index)
    hashes = tuple(h.hex() for h in prove_inclusion(index, sealed.count, sealed))
    return ProvedLeaf(index=index, key=key, value=value.decode(), hashes=hashes)


def check_key(key: str, where: str) -> None:
    """Malformed unless it is of the characters of keys, and not longer than any."""
    if len(key) > KEY_CHARS_MAX or not _is_key(key):
        raise Malformed("this is no key of the state map", where=where)


def check_state_proof(
    leaves: Sequence[ProvedLeaf], *, root: bytes, count: int, key: str = "", prefix: str = ""
) -> tuple[Item, ...]:
    """The values that are proved: of `key`, or all under `prefix`; none where there are none.

    NotTrusted if it proves neither a value nor absence, or not that all are there.
    """
    for leaf, after in pairwise(leaves):
        if after.index != leaf.index + 1 or after.key <= leaf.key:
            raise NotTrusted("leaves that do not stand one after the other", where=after.key)
    for leaf in leaves:
        _check_leaf(leaf, root, count)
    if key:
        low, found = key, [leaf for leaf in leaves if leaf.key == key]
    else:
        low, found = prefix, [leaf for leaf in leaves if leaf.key.startswith(prefix)]
    values = tuple((leaf.key, leaf.value.encode()) for leaf in found)
    if key and found:
        if len(leaves) != 1:
            raise NotTrusted("more leaves than the one that was asked for", where=key)
        return values
    _check_edges(leaves, found, low, count)
    return values


def _check_leaf(leaf: ProvedLeaf, root: bytes, count: int) -> None:
    """NotTrusted unless the leaf stands in the sealed tree where it says."""
    try:
        check_key(leaf.key, "leaves")
        hashes = [parse_hex(text, HASH_BYTES) for text in leaf.hashes]
        hashed = leaf_hash(f"{leaf.key}\n{leaf.value}".encode())
        check_inclusion(hashes, leaf.index, hashed, count, root)
    except Malformed as error:
        raise NotTrusted(f"not a proved leaf: {error.message}", where=leaf.key[:80]) from error
    except NotTrusted as error:
        raise NotTrusted(error.message, where=leaf.key) from error


def _check_edges(
    leaves: Sequence[ProvedLeaf], found: Sequence[ProvedLeaf], low: str, count: int
) -> None:
    """NotTrusted unless nothing that was asked for can stand before or behind what was found."""
    before = sum(1 for leaf in leaves if leaf.key < low)
    behind = len(leaves) - before - len(found)
    opens = not before and (leaves[0].index == 0 if leaves else count == 0)
    closes = not behind and (leaves[-1].index == count - 1 if leaves else count == 0)
    if not (before == 1 or opens) or not (behind == 1 or closes):
        raise NotTrusted("it is not shown that there is nothing else", where=low)
