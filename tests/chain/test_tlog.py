"""The tree against a slow recursive implementation of the RFC, against others, and by hand."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from merkletools import MerkleTools
from pymerkle import InmemoryTree

from registry.chain.errors import Broken, Malformed, NotTrusted
from registry.chain.tlog import (
    EMPTY_ROOT,
    Frontier,
    LeafHashes,
    Node,
    check_consistency,
    check_inclusion,
    leaf_hash,
    node_hash,
    nodes_for_consistency,
    nodes_for_inclusion,
    nodes_for_root,
    prove_consistency,
    prove_inclusion,
    root_from_inclusion,
    root_hash,
    sibling_sides,
)
from tests.chain.reference import SlowTree

SIZE = 256
LEAVES = [leaf_hash(b"leaf %d" % i) for i in range(SIZE + 1)]
SLOW = SlowTree(LEAVES)
FAST = LeafHashes(LEAVES)
ROOTS = [SLOW.root(size) for size in range(SIZE + 2)]
LARGEST = 2**63 - 1


class EqualLeaves:
    """A tree of any size whose leaves are all the same."""

    def __init__(self) -> None:
        self.by_level = [leaf_hash(b"same")]
        for _ in range(63):
            self.by_level.append(node_hash(self.by_level[-1], self.by_level[-1]))
        self.calls = 0

    def read_hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        self.calls += 1
        return [self.by_level[level] for level, _ in nodes]


# ---------------------------------------------------------------- the slow implementation


def test_every_root_up_to_257() -> None:
    for size, expected in enumerate(ROOTS):
        assert root_hash(size, FAST) == expected


def test_every_inclusion_proof_of_every_tree_up_to_256() -> None:
    for size in range(1, SIZE + 1):
        for index in range(size):
            proof = prove_inclusion(index, size, FAST)
            assert proof == SLOW.path(index, size)
            check_inclusion(proof, index, LEAVES[index], size, ROOTS[size])


def test_every_consistency_proof_of_every_tree_up_to_256() -> None:
    for new in range(SIZE + 1):
        for old in range(new + 1):
            proof = prove_consistency(old, new, FAST)
            assert proof == (SLOW.proof(old, new) if old else ())
            check_consistency(proof, old, ROOTS[old], new, ROOTS[new])


# ---------------------------------------------------------------- vectors


def test_hashes_of_others(others: Any) -> None:
    constants = others("rfc6962/constants.json")
    leaves = [leaf_hash(bytes.fromhex(data)) for data in constants["leaf_inputs_hex"]]
    reader = LeafHashes(leaves)
    for level, row in enumerate(constants["node_hashes_by_level"]):
        nodes = [Node(level, index) for index in range(len(row))]
        assert [value.hex() for value in reader.read_hashes(nodes)] == row
    for size, root in enumerate(constants["root_hashes_by_size"]):
        assert root_hash(size, reader).hex() == root
    record = constants["sumdb"]['record_hash("hello world")_b64']
    assert sha256(b"\x00hello world").digest() == leaf_hash(b"hello world")
    assert record == "TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0="


def test_all_subtrees_up_to_130_of_others(others: Any) -> None:
    """Hashes and inclusion proofs of all ranges into which trees divide, as one digest each."""
    expected = others("rfc6962/constants.json")["accumulated_subtree_vectors"]
    leaves = [leaf_hash(bytes([i])) for i in range(130)]
    hashes, proofs = sha256(), sha256()
    for end in range(131):
        for start in range(end + 1):
            length = end - start
            if length > 1 and start % (1 << (length - 1).bit_length()):
                continue
            reader = LeafHashes(leaves[start:end])
            hashes.update(f"[{start}, {end}) {root_hash(length, reader).hex()}\n".encode())
            for index in range(length):
                proof = prove_inclusion(index, length, reader)
                line = " ".join(
                    [f"{start + index} [{start}, {end})", *(value.hex() for value in proof)]
                )
                proofs.update(f"{line}\n".encode())
    (hash_key,) = [key for key in expected if key.startswith("subtree_hash")]
    (proof_key,) = [key for key in expected if key.startswith("subtree_inclusion")]
    assert hashes.hexdigest() == expected[hash_key]
    assert proofs.hexdigest() == expected[proof_key]


def test_our_vectors(vectors: Any) -> None:
    own = vectors("tree.json")
    roots = {int(size): bytes.fromhex(root) for size, root in own["roots"].items()}
    for size, root in roots.items():
        assert root_hash(size, FAST) == root
    for case in own["inclusion"]:
        proof = tuple(map(bytes.fromhex, case["proof"]))
        index, size = case["index"], case["size"]
        assert prove_inclusion(index, size, FAST) == proof
        check_inclusion(proof, index, LEAVES[index], size, ROOTS[size])
    for case in own["consistency"]:
        proof = tuple(map(bytes.fromhex, case["proof"]))
        old, new = case["old"], case["new"]
        assert prove_consistency(old, new, FAST) == proof
        check_consistency(proof, old, ROOTS[old], new, ROOTS[new])


# ---------------------------------------------------------------- second opinions


def test_merkletools_builds_the_same_roots_and_paths() -> None:
    """With the prefix of RFC 6962 given through its hash function; it lifts a lone node."""
    tools = MerkleTools()
    tools.hash_function = lambda data: sha256(b"\x01" + data)
    for size in range(1, 131):
        tools.add_leaf(LEAVES[size - 1].hex())
        tools.make_tree()
        assert tools.get_merkle_root() == ROOTS[size].hex()
        for index in range(0, size, 1 if size < 40 else 7):
            path = tools.get_proof(index)
            assert tuple(
                bytes.fromhex(value) for step in path for value in step.values()
            ) == prove_inclusion(index, size, FAST)
            sides = ["left" in step for step in path]
            assert sides == sibling_sides(index, size)
            assert tools.validate_proof(path, LEAVES[index].hex(), ROOTS[size].hex())


def test_pymerkle_builds_the_same_roots_and_paths() -> None:
    tree = InmemoryTree(algorithm="sha256")
    for size in range(1, 65):
        tree.append_entry(b"leaf %d" % (size - 1))
        assert tree.get_root(size) == ROOTS[size]
        for index in range(0, size, 1 if size < 24 else 5):
            path = tree.prove_inclusion(index + 1, size).serialize()["path"]
            # Its path begins with the leaf itself.
            assert path[0] == LEAVES[index].hex()
            assert [bytes.fromhex(value) for value in path[1:]] == list(
                prove_inclusion(index, size, FAST)
            )


# ---------------------------------------------------------------- nothing else is accepted


def changes(proof: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    """Every proof that differs in one byte or in one step."""
    found: list[tuple[bytes, ...]] = []
    for at, value in enumerate(proof):
        for byte in range(32):
            changed = bytearray(value)
            changed[byte] ^= 0x80
            found.append((*proof[:at], bytes(changed), *proof[at + 1 :]))
        found.append(proof[:at] + proof[at + 1 :])
        found.append((*proof[:at], value, *proof[at:]))
        found.append((*proof[:at], bytes(32), *proof[at:]))
        for other in range(at):
            swapped = list(proof)
            swapped[at], swapped[other] = swapped[other], swapped[at]
            found.append(tuple(swapped))
    found.append((*proof, bytes(32)))
    found.append((*proof, EMPTY_ROOT))
    found.append(proof[::-1])
    return [other for other in found if other != proof]


def test_no_changed_inclusion_proof_is_accepted() -> None:
    for size in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 16, 17, 255, 256, 257):
        for index in {0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)):
            for proof in changes(prove_inclusion(index, size, FAST)):
                with pytest.raises(NotTrusted):
                    check_inclusion(proof, index, LEAVES[index], size, ROOTS[size])


def test_no_changed_consistency_proof_is_accepted() -> None:
    sizes = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 16, 17, 128, 200, 255, 256, 257)
    for new in sizes:
        for old in sizes[: sizes.index(new) + 1]:
            for proof in changes(prove_consistency(old, new, FAST)):
                with pytest.raises(NotTrusted):
                    check_consistency(proof, old, ROOTS[old], new, ROOTS[new])


def test_an_inclusion_proof_is_of_its_leaf_index_and_root() -> None:
    for size in range(1, 40):
        for index in range(size):
            proof = prove_inclusion(index, size, FAST)
            for other in range(size):
                if other != index:
                    with pytest.raises(NotTrusted):
                        check_inclusion(proof, other, LEAVES[index], size, ROOTS[size])
                    with pytest.raises(NotTrusted):
                        check_inclusion(proof, index, LEAVES[other], size, ROOTS[size])
            with pytest.raises(NotTrusted):
                check_inclusion(proof, index, LEAVES[index], size, ROOTS[size + 1])


def test_a_consistency_proof_is_of_its_roots() -> None:
    for new in range(1, 40):
        for old in range(1, new + 1):
            proof = prove_consistency(old, new, FAST)
            with pytest.raises(NotTrusted):
                check_consistency(proof, old, ROOTS[old - 1], new, ROOTS[new])
            with pytest.raises(NotTrusted):
                check_consistency(proof, old, ROOTS[old], new, ROOTS[new + 1])
            with pytest.raises(NotTrusted):
                check_consistency(proof, old, LEAVES[0] if old > 1 else b"\1" * 32, new, ROOTS[new])


def test_a_forked_log_is_not_consistent() -> None:
    other = LeafHashes([*LEAVES[:5], leaf_hash(b"rewritten"), *LEAVES[6:]])
    for old in range(6, 20):
        proof = prove_consistency(old, 20, other)
        with pytest.raises(NotTrusted):
            check_consistency(proof, old, ROOTS[old], 20, root_hash(20, other))


def test_a_node_is_no_leaf() -> None:
    """The two prefixes keep an inner node from passing for a record, and a shorter tree."""
    inner = node_hash(LEAVES[0], LEAVES[1])
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != inner
    with pytest.raises(NotTrusted):
        check_inclusion((node_hash(LEAVES[2], LEAVES[3]),), 0, inner, 4, ROOTS[4])


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (6, 5), (0, 0), (0, -1), (0, 2**63)])
def test_no_such_leaf(index: int, size: int) -> None:
    with pytest.raises(Malformed):
        check_inclusion((), index, LEAVES[0], size, LEAVES[0])
    with pytest.raises(Malformed):
        nodes_for_inclusion(index, size)
    with pytest.raises(Malformed):
        prove_inclusion(index, size, FAST)


@pytest.mark.parametrize(("old", "new"), [(-1, 5), (6, 5), (1, 0), (0, -1), (1, 2**63)])
def test_no_such_sizes(old: int, new: int) -> None:
    with pytest.raises(Malformed):
        check_consistency((), old, EMPTY_ROOT, new, EMPTY_ROOT)
    with pytest.raises(Malformed):
        nodes_for_consistency(old, new)


def test_hashes_of_another_length_are_malformed() -> None:
    proof = prove_inclusion(2, 5, FAST)
    for bad in (b"", bytes(31), bytes(33)):
        with pytest.raises(Malformed):
            check_inclusion((bad, *proof[1:]), 2, LEAVES[2], 5, ROOTS[5])
        with pytest.raises(Malformed):
            check_inclusion(proof, 2, bad, 5, ROOTS[5])
        with pytest.raises(Malformed):
            check_inclusion(proof, 2, LEAVES[2], 5, bad)
        with pytest.raises(Malformed):
            check_consistency((bad,), 2, ROOTS[2], 3, ROOTS[3])
        with pytest.raises(Malformed):
            check_consistency((LEAVES[2],), 2, bad, 3, ROOTS[3])


def test_the_empty_tree() -> None:
    assert root_hash(0, FAST) == EMPTY_ROOT == sha256(b"").digest()
    check_consistency((), 0, EMPTY_ROOT, 0, EMPTY_ROOT)
    check_consistency((), 0, EMPTY_ROOT, 9, ROOTS[9])
    for old_root, new, new_root in ((ROOTS[1], 9, ROOTS[9]), (ROOTS[1], 0, ROOTS[1])):
        with pytest.raises(NotTrusted):
            check_consistency((), 0, old_root, new, new_root)
    with pytest.raises(NotTrusted):
        check_consistency((), 0, EMPTY_ROOT, 0, ROOTS[1])
    with pytest.raises(NotTrusted):
        check_consistency((), 5, ROOTS[5], 5, ROOTS[6])


# ---------------------------------------------------------------- large trees, in O(log n)


@pytest.mark.parametrize(
    "size", [2**32 - 1, 2**32, 2**32 + 1, 2**53, 2**62 + 1, 3**39, LARGEST - 1, LARGEST]
)
def test_large_trees(size: int) -> None:
    reader = EqualLeaves()
    root = root_hash(size, reader)
    for index in (0, 1, size // 3, size // 2, size - 2, size - 1):
        nodes = nodes_for_inclusion(index, size)
        assert len(nodes) <= 2 * 63
        proof = prove_inclusion(index, size, reader)
        check_inclusion(proof, index, reader.by_level[0], size, root)
    for old in (1, 2, size // 3, size // 2, 2**31, size - 1, size):
        assert len(nodes_for_consistency(old, size)) <= 2 * 63
        proof = prove_consistency(old, size, reader)
        check_consistency(proof, old, root_hash(old, reader), size, root)
    assert reader.calls == 1 + 6 + 2 * 7  # each answer by one question to the reader


@given(st.integers(1, LARGEST), st.data())
def test_any_tree(size: int, draw: st.DataObject) -> None:
    reader = EqualLeaves()
    root = root_hash(size, reader)
    index = draw.draw(st.integers(0, size - 1))
    proof = prove_inclusion(index, size, reader)
    assert len(proof) == len(sibling_sides(index, size))
    assert root_from_inclusion(proof, index, reader.by_level[0], size) == root
    old = draw.draw(st.integers(1, size))
    consistency = prove_consistency(old, size, reader)
    check_consistency(consistency, old, root_hash(old, reader), size, root)
    if consistency:
        with pytest.raises(NotTrusted):
            check_consistency(consistency[:-1], old, root_hash(old, reader), size, root)


@given(st.integers(0, LARGEST))
def test_nodes_for_root_are_one_per_set_bit_and_adjoin(size: int) -> None:
    nodes = nodes_for_root(size)
    assert len(nodes) == size.bit_count()
    end = 0
    for level, index in nodes:
        assert index << level == end
        end += 1 << level
    assert end == size


# ---------------------------------------------------------------- readers


class Faulty:
    def __init__(self, answer: list[bytes]) -> None:
        self.answer = answer

    def read_hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        return self.answer


@pytest.mark.parametrize("answer", [[], [LEAVES[0]] * 2, [LEAVES[0]] * 5, [LEAVES[0][:31]] * 3])
def test_a_reader_that_returns_something_else_is_broken(answer: list[bytes]) -> None:
    with pytest.raises(Broken):
        root_hash(7, Faulty(answer))
    with pytest.raises(Broken):
        prove_inclusion(0, 7, Faulty(answer))
    with pytest.raises(Broken):
        prove_consistency(6, 7, Faulty(answer))


def test_leaf_hashes_have_no_other_nodes() -> None:
    reader = LeafHashes(LEAVES[:3])
    assert reader.size == 3
    for node in (Node(0, 3), Node(1, 1), Node(2, 0)):
        with pytest.raises(Malformed):
            reader.read_hashes([node])


def test_nothing_is_asked_where_nothing_is_needed() -> None:
    assert prove_inclusion(0, 1, Faulty([])) == ()
    assert prove_consistency(0, 7, Faulty([])) == ()
    assert prove_consistency(7, 7, Faulty([])) == ()
    assert nodes_for_root(0) == []


# ---------------------------------------------------------------- frontier


def test_frontier_grows_with_the_tree_and_tells_what_it_completes() -> None:
    frontier = Frontier()
    for index in range(SIZE + 1):
        completed = frontier.append(LEAVES[index])
        nodes = [Node(level, index >> level) for level in range(len(completed))]
        assert completed == FAST.read_hashes(nodes)
        assert (index + 1) % (1 << len(completed)) != 0  # and no more than these are complete
        assert frontier.size == index + 1
        assert frontier.root() == ROOTS[index + 1]
        assert frontier.hashes == tuple(FAST.read_hashes(nodes_for_root(index + 1)))
        again = Frontier.decode(frontier.encode())
        assert again == frontier
        assert Frontier(frontier.size, frontier.hashes) == frontier
    assert Frontier().root() == EMPTY_ROOT
    assert Frontier.decode(bytes(8)) == Frontier() == Frontier.decode(Frontier().encode())


def test_copies_grow_on_their_own() -> None:
    frontier = Frontier()
    frontier.append(LEAVES[0])
    copy = frontier.copy()
    copy.append(LEAVES[1])
    assert (frontier.size, frontier.root()) == (1, ROOTS[1])
    assert (copy.size, copy.root()) == (2, ROOTS[2])
    assert frontier != copy
    assert frontier != "frontier"


def test_encodings_that_do_not_fit_are_malformed() -> None:
    good = Frontier(7, FAST.read_hashes(nodes_for_root(7))).encode()
    assert len(good) == 8 + 3 * 32
    for bad in (
        b"", good[:7], good[:-1], good + b"\0", good[:-32], good + bytes(32),
        (2**63).to_bytes(8, "big") + bytes(32), (8).to_bytes(8, "big") + good[8:],
    ):  # fmt: skip
        with pytest.raises(Malformed):
            Frontier.decode(bad)
    for size, hashes in ((-1, ()), (1, ()), (1, (b"short",)), (0, (LEAVES[0],))):
        with pytest.raises(Malformed):
            Frontier(size, hashes)


def test_the_largest_frontier_still_has_a_root() -> None:
    reader = EqualLeaves()
    frontier = Frontier(LARGEST, reader.read_hashes(nodes_for_root(LARGEST)))
    assert frontier.root() == root_hash(LARGEST, reader)
