"""The Merkle tree of a log: roots, inclusion and consistency proofs, in O(log n).

Source: RFC 6962 section 2.1, RFC 9162 section 2.1 (SHA-256).
Refuses to know: what a leaf is, where hashes are kept, who signed a root.

Words: `size` is a number of leaves, `index` counts from 0. A node (level, index) is the complete
subtree over leaves index << level up to, not including, (index + 1) << level; level 0 is leaf
hashes. Incomplete subtrees are never read or kept: they are put together from complete ones.

Rules
- leaf = H(0x00 || record), node = H(0x01 || left || right), empty tree = H()
- a tree of n > 1 leaves divides at k, the largest power of two below n
- each algorithm has two halves: *which* nodes (pure arithmetic), and the use of their hashes; so a
  caller can fetch all nodes at once, and a reader is one method
- a checker takes index, sizes and roots from its caller, never from the proof; a proof has exactly
  the length that they demand; it returns only if the proof is good

    frontier = Frontier()
    for record in records:
        frontier.append(leaf_hash(record))
    frontier.root()
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple, Protocol

from registry.chain.errors import Broken, Malformed, NotTrusted
from registry.chain.strict import MAX_INT64

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
LEVELS_MAX = 63
"""Of a tree of the largest size, 2^63 - 1."""


def leaf_hash(record: bytes) -> bytes:
    """Return the hash of a leaf that holds `record`."""
    return sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two nodes."""
    return sha256(b"\x01" + left + right).digest()


class Node(NamedTuple):
    """A complete subtree: 2^level leaves from index * 2^level."""

    level: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here


class HashReader(Protocol):
    """Where hashes of complete subtrees are kept."""

    def read_hashes(self, nodes: Sequence[Node]) -> Sequence[bytes]:
        """Return the hash of each of `nodes`, in their order."""
        ...


# ---------------------------------------------------------------- which nodes


def _nodes_for_range(start: int, end: int) -> list[Node]:
    """Return the complete subtrees that make up leaves start ... end - 1, from the left.

    `start` is a multiple of the smallest power of two not below the length, as for every part into
    which a tree divides. One node per set bit of the length.
    """
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def nodes_for_root(size: int) -> list[Node]:
    """Return the complete subtrees that make up a tree of `size`, from the left."""
    _check_size(size)
    return _nodes_for_range(0, size)


def nodes_for_inclusion(index: int, size: int) -> list[Node]:
    """Return the nodes whose hashes make the proof of leaf `index` in a tree of `size`."""
    return _nodes(_inclusion_ranges(index, size))


def nodes_for_consistency(old: int, new: int) -> list[Node]:
    """Return the nodes whose hashes make the proof that a tree of `new` extends one of `old`."""
    return _nodes(_consistency_ranges(old, new))


def _nodes(ranges: list[tuple[int, int]]) -> list[Node]:
    return [node for start, end in ranges for node in _nodes_for_range(start, end)]


def _inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Return the siblings on the way from leaf `index` to the root, as ranges of leaves."""
    _check_index(index, size)
    ranges = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    ranges.reverse()
    return ranges


def _consistency_ranges(old: int, new: int) -> list[tuple[int, int]]:
    """Return what RFC 9162's PROOF(old, D[new]) lists, as ranges of leaves."""
    _check_sizes(old, new)
    if old == 0:  # the RFC leaves this out; every tree extends the empty one, and nothing proves it
        return []
    ranges = []
    start, end = 0, new
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:  # else the old tree is itself a node of the new one, and its root is known
        ranges.append((start, end))
    ranges.reverse()
    return ranges


def _split(length: int) -> int:
    """Return the largest power of two below `length` (> 1)."""
    return 1 << ((length - 1).bit_length() - 1)


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_INT64:
        raise Malformed(f"not a tree size: {size}")


def _check_sizes(old: int, new: int) -> None:
    _check_size(new)
    if not 0 <= old <= new:
        raise Malformed(f"a tree of size {new} does not extend one of size {old}")


def _check_index(index: int, size: int) -> None:
    _check_size(size)
    if not 0 <= index < size:
        raise Malformed(f"there is no leaf {index} in a tree of size {size}")


# ---------------------------------------------------------------- use of their hashes


def root_hash(size: int, reader: HashReader) -> bytes:
    """Return the root of the tree of `size`."""
    nodes = nodes_for_root(size)
    return _fold(_read(reader, nodes)) if nodes else EMPTY_ROOT


def prove_inclusion(index: int, size: int, reader: HashReader) -> tuple[bytes, ...]:
    """Return the proof that leaf `index` is in the tree of `size`, from the leaf up."""
    return _prove(_inclusion_ranges(index, size), reader)


def prove_consistency(old: int, new: int, reader: HashReader) -> tuple[bytes, ...]:
    """Return the proof that the tree of `new` leaves begins with the tree of `old` leaves."""
    return _prove(_consistency_ranges(old, new), reader)


def _prove(ranges: list[tuple[int, int]], reader: HashReader) -> tuple[bytes, ...]:
    """Return one hash per range, having read all nodes at once."""
    parts = [_nodes_for_range(start, end) for start, end in ranges]
    hashes = _read(reader, [node for nodes in parts for node in nodes])
    proof = []
    at = 0
    for nodes in parts:
        proof.append(_fold(hashes[at : at + len(nodes)]))
        at += len(nodes)
    return tuple(proof)


def _read(reader: HashReader, nodes: list[Node]) -> Sequence[bytes]:
    hashes = reader.read_hashes(nodes)
    if len(hashes) != len(nodes) or any(len(value) != HASH_BYTES for value in hashes):
        raise Broken("a reader of tree hashes returned too many, too few or no hashes")
    return hashes


def _fold(hashes: Sequence[bytes]) -> bytes:
    """Return the hash over adjoining subtrees, larger ones to the left: join from the right."""
    result = hashes[-1]
    for value in reversed(hashes[:-1]):
        result = node_hash(value, result)
    return result


# ---------------------------------------------------------------- checking


def sibling_sides(index: int, size: int) -> list[bool]:
    """Return, from leaf `index` up to the root, whether the sibling stands to the left.

    Its length is that of the one right inclusion proof. 0 <= index < size, else Malformed.
    """
    _check_index(index, size)
    # Below `inner` the ways to this leaf and to the last one differ, and each level has a sibling.
    # Above they are one, and a level has a sibling only where the way is a right child.
    inner = (index ^ (size - 1)).bit_length()
    sides = [bool(index >> level & 1) for level in range(inner)]
    return sides + [True] * (index >> inner).bit_count()


def root_from_inclusion(proof: Sequence[bytes], index: int, leaf_hash: bytes, size: int) -> bytes:
    """Return the root to which `proof` leads from the leaf; NotTrusted if its length is wrong.

    0 <= index < size. Who uses the result must compare it with a root it trusts.
    """
    _check_hashes((leaf_hash, *proof))
    sides = sibling_sides(index, size)
    if len(proof) != len(sides):
        raise NotTrusted(f"an inclusion proof of {len(proof)} hashes instead of {len(sides)}")
    result = leaf_hash
    for is_left, sibling in zip(sides, proof, strict=True):
        result = node_hash(sibling, result) if is_left else node_hash(result, sibling)
    return result


def check_inclusion(
    proof: Sequence[bytes], index: int, leaf_hash: bytes, size: int, root: bytes
) -> None:
    """Return if leaf `index` of the tree with this size and root is `leaf_hash`; else NotTrusted.

    Malformed if index >= size or a hash has not 32 bytes.
    """
    _check_hashes((root,))
    if root_from_inclusion(proof, index, leaf_hash, size) != root:
        raise NotTrusted(f"the inclusion proof of leaf {index} does not lead to the root")


def check_consistency(
    proof: Sequence[bytes], old: int, old_root: bytes, new: int, new_root: bytes
) -> None:
    """Return if the tree of `new` begins with the tree of `old`; NotTrusted otherwise.

    Malformed if old > new or a hash has not 32 bytes. With old = 0 or old = new the proof is empty.
    """
    _check_sizes(old, new)
    _check_hashes((old_root, new_root, *proof))
    if old == 0 or old == new:
        if proof:
            raise NotTrusted("a consistency proof where there is nothing to prove")
        if old_root != (EMPTY_ROOT if old == 0 else new_root):
            raise NotTrusted(f"the root of size {old} is not the one that it must be")
        if new == 0 and new_root != EMPTY_ROOT:
            raise NotTrusted("the root of the empty tree is not the one that it must be")
        return
    if old & (old - 1) == 0:  # the old tree is a node of the new one: its root is left out
        proof = (old_root, *proof)
    if _climb(proof, old - 1, new - 1) != (old_root, new_root):
        raise NotTrusted(f"the consistency proof of {old} to {new} leads elsewhere")


def _climb(path: Sequence[bytes], old: int, new: int) -> tuple[bytes, bytes]:
    """Return the old and the new root to which `path` leads; NotTrusted if its length is wrong.

    RFC 9162 section 2.1.4.2, steps 4 to 7; `old` < `new` are the numbers of the last leaves.
    """
    if not path:
        raise NotTrusted("a consistency proof that is too short")
    while old & 1:
        old >>= 1
        new >>= 1
    old_result = new_result = path[0]
    for value in path[1:]:
        if new == 0:
            raise NotTrusted("a consistency proof that is too long")
        if old & 1 or old == new:
            old_result = node_hash(value, old_result)
            new_result = node_hash(value, new_result)
            while old and not old & 1:
                old >>= 1
                new >>= 1
        else:
            new_result = node_hash(new_result, value)
        old >>= 1
        new >>= 1
    if new:
        raise NotTrusted("a consistency proof that is too short")
    return old_result, new_result


def _check_hashes(hashes: Iterable[bytes]) -> None:
    for value in hashes:
        if len(value) != HASH_BYTES:
            raise Malformed("a hash that has not 32 bytes")


# ---------------------------------------------------------------- growing


class Frontier:
    """The right edge of a growing tree: its size and the hashes of its complete subtrees.

    At most 63 hashes whatever the size; enough to append and to know the root, not to prove.
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Take up a tree of `size`, whose `nodes_for_root` have `hashes`; Malformed on misfit."""
        _check_size(size)
        _check_hashes(hashes)
        if len(hashes) != size.bit_count():
            raise Malformed(f"{len(hashes)} hashes do not make a tree of size {size}")
        self._size = size
        self._hashes = list(hashes)

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The hashes of `nodes_for_root(size)`."""
        return tuple(self._hashes)

    def append(self, leaf_hash: bytes) -> list[bytes]:
        """Add a leaf and return the hashes of the nodes that it completes, from level 0 up.

        The k-th is that of Node(k, index >> k), with `index` that of the new leaf. Two hashes of
        32 bytes are joined once per leaf on the average. The caller vouches for the length.
        """
        completed = [leaf_hash]
        hashes = self._hashes
        size = self._size
        self._size = size + 1
        while size & 1:
            leaf_hash = sha256(b"\x01" + hashes.pop() + leaf_hash).digest()
            completed.append(leaf_hash)
            size >>= 1
        hashes.append(leaf_hash)
        return completed

    def root(self) -> bytes:
        """Return the root of the tree."""
        return _fold(self._hashes) if self._hashes else EMPTY_ROOT

    def copy(self) -> "Frontier":
        """Return another frontier of the same tree, which grows on its own."""
        return Frontier(self._size, self._hashes)

    def encode(self) -> bytes:
        """Return size as 8 bytes, big-endian, and the hashes."""
        return self._size.to_bytes(8, "big") + b"".join(self._hashes)

    @classmethod
    def decode(cls, data: bytes) -> "Frontier":
        """Return the frontier whose encoding is exactly `data`; Malformed otherwise."""
        if len(data) < 8 or (len(data) - 8) % HASH_BYTES:
            raise Malformed("not an encoded frontier")
        hashes = [data[at : at + HASH_BYTES] for at in range(8, len(data), HASH_BYTES)]
        return cls(int.from_bytes(data[:8], "big"), hashes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frontier):
            return NotImplemented
        return self._size == other._size and self._hashes == other._hashes

    __hash__ = None  # type: ignore[assignment]  # mutable, and Python's way to say unhashable


class LeafHashes:
    """A HashReader over leaf hashes in memory, for small trees; each node is hashed once."""

    def __init__(self, leaf_hashes: Iterable[bytes]) -> None:
        level = list(leaf_hashes)
        _check_hashes(level)
        self._levels = [level]
        while len(level) > 1:
            level = [node_hash(*level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
            self._levels.append(level)

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0])

    def read_hashes(self, nodes: Sequence[Node]) -> Sequence[bytes]:
        """Return the hash of each of `nodes`; Malformed if one is not complete in the tree."""
        try:
            return [self._levels[level][index] for level, index in nodes]
        except IndexError as error:
            raise Malformed(f"a node that is not in a tree of size {self.size}") from error
