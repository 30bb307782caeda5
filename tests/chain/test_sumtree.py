from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.chain.errors import Malformed, NotTrusted
from registry.chain.sumtree import (
    AMOUNT_MAX,
    SumLeaf,
    SumNode,
    SumRoot,
    SumTree,
    check_receipt,
    join,
    leaf_node,
    sum_root,
)
from tests.chain.reference import split

LEAVES = [
    SumLeaf(sha256(b"salt %d" % i).digest(), 7 * i * i, sha256(b"act %d" % i).digest())
    for i in range(70)
]


def slow_node(leaves: list[SumLeaf]) -> tuple[bytes, int]:
    """The definition, recursively."""
    if len(leaves) == 1:
        ((salt, amount, act),) = leaves
        return sha256(b"\x00" + salt + amount.to_bytes(8, "big") + act).digest(), amount
    middle = split(len(leaves))
    left, sum_left = slow_node(leaves[:middle])
    right, sum_right = slow_node(leaves[middle:])
    data = b"\x01" + left + sum_left.to_bytes(8, "big") + right + sum_right.to_bytes(8, "big")
    return sha256(data).digest(), sum_left + sum_right


def test_our_vectors(vectors: Any) -> None:
    own = vectors("sumtree.json")
    leaves = [
        SumLeaf(bytes.fromhex(leaf["salt"]), leaf["amount"], bytes.fromhex(leaf["act_sha256"]))
        for leaf in own["leaves"]
    ]
    for case in own["roots"]:
        expected = SumRoot(bytes.fromhex(case["root"]), case["count"], case["total"])
        assert sum_root(leaves[: case["count"]]) == expected


def test_every_receipt_of_every_tree_up_to_70() -> None:
    for count in range(1, 71):
        leaves = LEAVES[:count]
        root, total = slow_node(leaves)
        commitment = SumRoot(root, count, total)
        tree = SumTree(leaves)
        assert tree.root == sum_root(iter(leaves)) == commitment
        for index, leaf in enumerate(leaves):
            check_receipt(leaf, index, tree.prove(index), commitment)


def test_no_changed_receipt_is_accepted() -> None:
    for count in (1, 2, 3, 5, 8, 13):
        tree = SumTree(LEAVES[:count])
        for index in range(count):
            path = tree.prove(index)
            leaf = LEAVES[index]
            bad_paths: list[tuple[SumNode, ...]] = [path[:-1], (*path, SumNode(bytes(32), 0))]
            for at, node in enumerate(path):
                others = [SumNode(node.hash, other) for other in (node.sum + 1, node.sum ^ 1, 0)]
                for byte in range(32):
                    changed = bytearray(node.hash)
                    changed[byte] ^= 1
                    others.append(SumNode(bytes(changed), node.sum))
                bad_paths += [(*path[:at], other, *path[at + 1 :]) for other in others]
            for bad in bad_paths:
                if bad != path:
                    with pytest.raises(NotTrusted):
                        check_receipt(leaf, index, bad, tree.root)
            for changed_leaf in (
                leaf._replace(amount=leaf.amount + 1),
                leaf._replace(salt=bytes(32)),
                leaf._replace(act_sha256=bytes(32)),
            ):
                with pytest.raises(NotTrusted):
                    check_receipt(changed_leaf, index, path, tree.root)
            for root in (
                tree.root._replace(total=tree.root.total + 1),
                tree.root._replace(root=bytes(32)),
            ):
                with pytest.raises(NotTrusted):
                    check_receipt(leaf, index, path, root)


def test_a_leaf_stands_at_one_place() -> None:
    tree = SumTree([LEAVES[3]] * 8)  # all alike: only the place tells them apart
    other = SumTree(LEAVES[:8])
    for index in range(8):
        check_receipt(LEAVES[3], index, tree.prove(index), tree.root)
        if index != 3:
            with pytest.raises(NotTrusted):
                check_receipt(LEAVES[3], index, other.prove(3), other.root)
    for index in (-1, 8):
        with pytest.raises(Malformed):
            check_receipt(LEAVES[3], index, tree.prove(0), tree.root)
        with pytest.raises(Malformed):
            tree.prove(index)


def test_sums_may_reach_but_not_pass_64_bits() -> None:
    half = LEAVES[0]._replace(amount=2**63)
    rest = LEAVES[1]._replace(amount=2**63 - 1)
    assert sum_root([half, rest]).total == AMOUNT_MAX
    for leaves in ([half, half], [half, rest, LEAVES[2]._replace(amount=1)]):
        with pytest.raises(Malformed, match="outside"):
            sum_root(leaves)
        with pytest.raises(Malformed, match="outside"):
            SumTree(leaves)
    with pytest.raises(Malformed):
        leaf_node(LEAVES[0]._replace(amount=AMOUNT_MAX + 1))
    with pytest.raises(Malformed):
        leaf_node(LEAVES[0]._replace(amount=-1))


def test_a_receipt_cannot_wrap_around() -> None:
    """With wrapping sums, a sibling of 2^64 - 1 would make one's own part larger than the whole."""
    leaf = LEAVES[0]._replace(amount=10)
    sibling = SumNode(bytes(32), AMOUNT_MAX)
    data = b"\x01" + leaf_node(leaf).hash + (10).to_bytes(8, "big") + sibling.hash + b"\xff" * 8
    forged = SumRoot(sha256(data).digest(), 2, 9)
    with pytest.raises(Malformed):
        check_receipt(leaf, 0, (sibling,), forged)


def test_fields_of_wrong_length() -> None:
    for leaf in (
        LEAVES[0]._replace(salt=bytes(31)), LEAVES[0]._replace(salt=b""),
        LEAVES[0]._replace(act_sha256=bytes(33)),
    ):  # fmt: skip
        with pytest.raises(Malformed):
            sum_root([leaf])
    with pytest.raises(Malformed):
        join(SumNode(bytes(31), 0), SumNode(bytes(32), 0))
    with pytest.raises(Malformed):
        check_receipt(LEAVES[0], 0, (SumNode(b"", 0),), SumRoot(bytes(32), 2, 0))


def test_a_leaf_whose_salt_was_deleted_stands_as_its_node() -> None:
    leaves: list[SumLeaf | SumNode] = [*LEAVES[:7]]
    leaves[2] = leaf_node(LEAVES[2])
    tree = SumTree(leaves)
    assert tree.root == sum_root(leaves) == sum_root(LEAVES[:7])
    check_receipt(LEAVES[3], 3, tree.prove(3), tree.root)
    for bad in (SumNode(bytes(31), 1), SumNode(bytes(32), -1), SumNode(bytes(32), 2**64)):
        with pytest.raises(Malformed):
            sum_root([LEAVES[0], bad])


def test_there_is_no_empty_tree() -> None:
    with pytest.raises(Malformed):
        sum_root([])
    with pytest.raises(Malformed):
        SumTree([])
    with pytest.raises(Malformed):
        check_receipt(LEAVES[0], 0, (), SumRoot(bytes(32), 0, 0))


@given(
    st.lists(
        st.builds(
            SumLeaf,
            st.binary(min_size=32, max_size=32),
            st.integers(0, 2**56),
            st.binary(min_size=32, max_size=32),
        ),
        min_size=1,
        max_size=40,
    )
)
@settings(max_examples=40)
def test_any_tree(leaves: list[SumLeaf]) -> None:
    tree = SumTree(leaves)
    assert (
        tree.root
        == sum_root(leaves)
        == (slow_node(leaves)[0], len(leaves), sum(leaf.amount for leaf in leaves))
    )
    for index, leaf in enumerate(leaves):
        check_receipt(leaf, index, tree.prove(index), tree.root)
