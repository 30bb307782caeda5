"""Proofs of a sealed state: what they prove, and many ways of forging one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from registry.chain.errors import Malformed, NotTrusted
from registry.chain.tlog import LeafHashes, Node, leaf_hash, root_hash
from registry.verify.stateproof import (
    PREFIX_VALUES_MAX,
    ProvedLeaf,
    check_state_proof,
    prove_key,
    prove_prefix,
)

ITEMS = [
    *((f"balance/a/{n}", b"1") for n in range(3)),
    *((f"order/X-{n}", b'{"q":%d}' % n) for n in range(5)),
    ("order/Y", b"{}"),
    *((f"trade/{n}", b"2") for n in range(4)),
]


class Leaves:
    """Sealed leaves in memory."""

    def __init__(self, items: Sequence[tuple[str, bytes]] = ITEMS) -> None:
        self.items = sorted(items)
        self.count = len(self.items)
        hashes = [leaf_hash(f"{k}\n".encode() + v) for k, v in self.items]
        self._hashes = LeafHashes(hashes)
        self.root = root_hash(self.count, self._hashes)

    def leaf(self, index: int) -> tuple[str, bytes]:
        return self.items[index]

    def place(self, key: str) -> int:
        return sum(1 for name, _ in self.items if name < key)

    def read_hashes(self, nodes: Sequence[Node]) -> Sequence[bytes]:
        return self._hashes.read_hashes(nodes)


SEALED = Leaves()


def check(leaves: Sequence[ProvedLeaf], **asked: str) -> tuple[tuple[str, bytes], ...]:
    return check_state_proof(leaves, root=SEALED.root, count=SEALED.count, **asked)


def test_every_value_and_no_other_is_proved() -> None:
    for key, value in ITEMS:
        assert check(prove_key(SEALED, key), key=key) == ((key, value),)


@pytest.mark.parametrize("key", ["a", "balance/a/", "order/X-11", "order/Z", "zz", "order/X"])
def test_what_is_not_there_is_proved_by_its_neighbours(key: str) -> None:
    proof = prove_key(SEALED, key)
    assert check(proof, key=key) == ()
    assert len(proof) == (1 if key in ("a", "balance/a/", "zz") else 2)


@pytest.mark.parametrize(
    ("prefix", "count"),
    [("order/", 6), ("order/X-", 5), ("o", 6), ("balance/", 3), ("trade/", 4), ("none/", 0)],
)
def test_all_under_a_prefix_are_proved(prefix: str, count: int) -> None:
    proof = prove_prefix(SEALED, prefix)
    found = check(proof, prefix=prefix)
    assert [key for key, _ in found] == [k for k, _ in SEALED.items if k.startswith(prefix)]
    assert len(found) == count


def test_small_maps_have_their_proofs_too() -> None:
    for count in range(1, 9):
        sealed = Leaves(ITEMS[:count])
        told: dict[str, Any] = {"root": sealed.root, "count": count}
        for key, value in sealed.items:
            assert check_state_proof(prove_key(sealed, key), key=key, **told) == ((key, value),)
        for key in ("a", "n", "z"):
            assert check_state_proof(prove_key(sealed, key), key=key, **told) == ()
        everything = check_state_proof(prove_prefix(sealed, "b"), prefix="b", **told)
        assert len(everything) == min(3, count)


PREFIX = prove_prefix(SEALED, "order/")
ABSENT = prove_key(SEALED, "order/X-11")
VALUE = prove_key(SEALED, "order/X-1")
ODD = ProvedLeaf(index=5, key="order/X-2", value="{}", hashes=VALUE[0].hashes)
FORGED: dict[str, tuple[Sequence[ProvedLeaf], dict[str, str]]] = {
    "another value": ((replace(VALUE[0], value='{"q":9}'),), {"key": "order/X-1"}),
    "another key's leaf": (VALUE, {"key": "order/X-2"}),
    "another index": ((replace(VALUE[0], index=5),), {"key": "order/X-1"}),
    "a hash less": ((replace(VALUE[0], hashes=VALUE[0].hashes[:-1]),), {"key": "order/X-1"}),
    "a hash more": (
        (replace(VALUE[0], hashes=(*VALUE[0].hashes, VALUE[0].hashes[0])),),
        {"key": "order/X-1"},
    ),
    "a bent hash": (
        (replace(VALUE[0], hashes=("00" * 32, *VALUE[0].hashes[1:])),),
        {"key": "order/X-1"},
    ),
    "hex in capitals": (
        (replace(VALUE[0], hashes=tuple(h.upper() for h in VALUE[0].hashes)),),
        {"key": "order/X-1"},
    ),
    "an index beyond": ((replace(VALUE[0], index=13),), {"key": "order/X-1"}),
    "a value with a leaf more": (prove_prefix(SEALED, "order/X-1"), {"key": "order/X-1"}),
    "nothing": ((), {"key": "order/X-11"}),
    "one neighbour": (ABSENT[:1], {"key": "order/X-11"}),
    "the other neighbour": (ABSENT[1:], {"key": "order/X-11"}),
    "wrong neighbours": (prove_key(SEALED, "order/X-31"), {"key": "order/X-11"}),
    "neighbours of a key that is there": (
        (*prove_key(SEALED, "order/X-0"), *prove_key(SEALED, "order/X-2")),
        {"key": "order/X-1"},
    ),
    "a neighbour forged": (
        (replace(ABSENT[0], key="order/X-10"), ABSENT[1]),
        {"key": "order/X-11"},
    ),
    "nothing under a prefix": ((), {"prefix": "order/"}),
    "a key dropped": ((*PREFIX[:3], *PREFIX[4:]), {"prefix": "order/"}),
    "the first dropped": ((PREFIX[0], *PREFIX[2:]), {"prefix": "order/"}),
    "the last dropped": ((*PREFIX[:-2], PREFIX[-1]), {"prefix": "order/"}),
    "no neighbour before": (PREFIX[1:], {"prefix": "order/"}),
    "no neighbour behind": (PREFIX[:-1], {"prefix": "order/"}),
    "cut at both ends": (PREFIX[2:-2], {"prefix": "order/"}),
    "another order": ((PREFIX[1], PREFIX[0], *PREFIX[2:]), {"prefix": "order/"}),
    "a leaf twice": ((*PREFIX[:2], *PREFIX[1:]), {"prefix": "order/"}),
    "two before": (prove_key(SEALED, "balance/a/1") + PREFIX, {"prefix": "order/"}),
    "a key of other characters": ((replace(VALUE[0], key="order/X 1"),), {"key": "order/X-1"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_proof_proves_nothing(name: str) -> None:
    leaves, asked = FORGED[name]
    with pytest.raises(NotTrusted):
        check(leaves, **asked)


@pytest.mark.parametrize(("key", "prefix"), [("order/X-1", ""), ("n", ""), ("", "order/")])
def test_another_root_or_count_is_not_proved(key: str, prefix: str) -> None:
    leaves = prove_key(SEALED, key) if key else prove_prefix(SEALED, prefix)
    for root, count in ((bytes(32), SEALED.count), (SEALED.root, SEALED.count + 9)):
        with pytest.raises(NotTrusted):
            check_state_proof(leaves, root=root, count=count, key=key, prefix=prefix)
    short = (SEALED.root, 2)
    with pytest.raises(NotTrusted):
        check_state_proof(leaves, root=short[0], count=short[1], key=key, prefix=prefix)


def test_a_count_that_is_one_too_small_hides_no_last_key() -> None:
    """Who could lie about the count could hide what stands last: the seal says it."""
    last = prove_key(SEALED, "trade/2")
    with pytest.raises(NotTrusted):
        check_state_proof(last, root=SEALED.root, count=SEALED.count - 1, key="trade/3")


def test_what_is_asked_for_must_be_a_key_and_not_too_much() -> None:
    for text in ("", "a b", "a" * 401, "é", "a\n"):
        with pytest.raises(Malformed):
            prove_key(SEALED, text)
    many = Leaves([(f"k/{n:05}", b"1") for n in range(PREFIX_VALUES_MAX + 1)])
    with pytest.raises(Malformed, match="more than"):
        prove_prefix(many, "k/")
    assert len(prove_prefix(many, "k/00")) == PREFIX_VALUES_MAX + 1
