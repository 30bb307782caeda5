"""The Merkle sum tree: a commitment to many people's amounts, without their names.

Source: DESIGN of Tanbu, "Points and people"; the shape is that of RFC 6962 section 2.1.
Refuses to know: who the people are, what an act is, what the amounts count.

Rules
- leaf = H(0x00 || salt32 || u64 amount || SHA-256(act)); its sum is the amount
- node = H(0x01 || l || u64 sum_l || r || u64 sum_r); its sum is sum_l + sum_r
- a tree of n > 1 leaves divides at the largest power of two below n; there is no empty tree
- every sum is below 2^64, at every node: an overflow would let a part be larger than the whole
- a receipt is good only for a root, count and total that its checker has from elsewhere (the log);
  it proves that this amount is within the total, once, at this place
- a leaf whose salt is deleted cannot be guessed, and the other receipts stay good

    tree = SumTree([SumLeaf(salt, 1500, sha256(act).digest()), ...])
    check_receipt(leaf, index, tree.prove(index), tree.root)
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from registry.chain.errors import Malformed, NotTrusted
from registry.chain.tlog import HASH_BYTES, sibling_sides

AMOUNT_MAX = 2**64 - 1
SALT_BYTES = 32


class SumLeaf(NamedTuple):
    """One act: a random salt of 32 bytes, the amount, and the SHA-256 of what was done."""

    salt: bytes
    amount: int
    act_sha256: bytes


class SumNode(NamedTuple):
    """A subtree seen from above: its hash and the sum of its amounts."""

    hash: bytes
    sum: int


class SumRoot(NamedTuple):
    """A commitment: the root's hash, how many leaves, and the sum of all amounts."""

    root: bytes
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody needs here
    total: int


def leaf_node(leaf: SumLeaf) -> SumNode:
    """Return the node of a leaf; Malformed if a field has the wrong length or range."""
    if len(leaf.salt) != SALT_BYTES or len(leaf.act_sha256) != HASH_BYTES:
        raise Malformed("a leaf whose salt or act hash has not 32 bytes")
    data = b"\x00" + leaf.salt + _u64(leaf.amount) + leaf.act_sha256
    return SumNode(sha256(data).digest(), leaf.amount)


def join(left: SumNode, right: SumNode) -> SumNode:
    """Return the node above two; Malformed if a sum is not below 2^64 or a hash not of 32 bytes."""
    if len(left.hash) != HASH_BYTES or len(right.hash) != HASH_BYTES:
        raise Malformed("a hash that has not 32 bytes")
    total = left.sum + right.sum
    data = b"\x01" + left.hash + _u64(left.sum) + right.hash + _u64(right.sum)
    _u64(total)
    return SumNode(sha256(data).digest(), total)


def _as_node(leaf: SumLeaf | SumNode) -> SumNode:
    """Return a leaf's node, also where only the node is left of it."""
    if isinstance(leaf, SumLeaf):
        return leaf_node(leaf)
    if len(leaf.hash) != HASH_BYTES:
        raise Malformed("a hash that has not 32 bytes")
    _u64(leaf.sum)
    return leaf


def _u64(amount: int) -> bytes:
    if not 0 <= amount <= AMOUNT_MAX:
        raise Malformed(f"an amount or sum outside 0 to {AMOUNT_MAX}")
    return amount.to_bytes(8, "big")


class SumTree:
    """A whole tree in memory, to give every person a receipt. At least one leaf, else Malformed."""

    def __init__(self, leaves: Iterable[SumLeaf | SumNode]) -> None:
        level = [_as_node(leaf) for leaf in leaves]
        if not level:
            raise Malformed("a sum tree without leaves")
        self._levels = [level]
        while len(level) > 1:
            # The last node of an odd level has no sibling and goes up as it is.
            whole = len(level) // 2 * 2
            level = [
                *(join(level[at], level[at + 1]) for at in range(0, whole, 2)),
                *level[whole:],
            ]
            self._levels.append(level)

    @property
    def root(self) -> SumRoot:
        """The commitment to all leaves."""
        (top,) = self._levels[-1]
        return SumRoot(top.hash, len(self._levels[0]), top.sum)

    def prove(self, index: int) -> tuple[SumNode, ...]:
        """Return the siblings on the way from leaf `index` to the root; 0 <= index < count."""
        if not 0 <= index < len(self._levels[0]):
            raise Malformed(f"there is no leaf {index} in this sum tree")
        path = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                path.append(level[index ^ 1])
            index >>= 1
        return tuple(path)


def sum_root(leaves: Iterable[SumLeaf | SumNode]) -> SumRoot:
    """Return the commitment to `leaves` (at least one), holding only O(log n) nodes at a time.

    A leaf whose salt was deleted is given as its node.
    """
    stack: list[SumNode] = []
    count = 0
    for leaf in leaves:
        node = _as_node(leaf)
        for _ in range((count ^ (count + 1)).bit_length() - 1):  # the trailing ones of count
            node = join(stack.pop(), node)
        stack.append(node)
        count += 1
    if not stack:
        raise Malformed("a sum tree without leaves")
    top = stack.pop()
    while stack:
        top = join(stack.pop(), top)
    return SumRoot(top.hash, count, top.sum)


def check_receipt(leaf: SumLeaf, index: int, path: Sequence[SumNode], commitment: SumRoot) -> None:
    """Return if `leaf` is leaf `index` under `commitment`; NotTrusted otherwise.

    Malformed if index >= count, a hash has not 32 bytes or a sum is not below 2^64.
    """
    sides = sibling_sides(index, commitment.count)
    if len(path) != len(sides):
        raise NotTrusted(f"a receipt of {len(path)} steps instead of {len(sides)}")
    node = leaf_node(leaf)
    for is_left, sibling in zip(sides, path, strict=True):
        node = join(sibling, node) if is_left else join(node, sibling)
    if node != (commitment.root, commitment.total):
        raise NotTrusted("the receipt does not lead to the committed root and total")
