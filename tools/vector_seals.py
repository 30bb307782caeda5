"""Vectors of sealed states: the map, its root, its file of leaves, proofs that hold and do not.

Written from docs/spec/seals.md by hand; nothing of the product is used. Trees come from the slow
implementation that `tools.make_vectors`
hands over.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any, Protocol


class Tree(Protocol):
    """The slow implementation of RFC 6962."""

    def mth(self, start: int, end: int) -> bytes: ...
    def path(self, index: int, size: int) -> tuple[bytes, ...]: ...


MakeTree = Callable[[list[bytes]], Tree]
"""From leaf hashes."""


ITEMS = [
    ("balance/a-x/B-1", '{"free":[[1,9]]}'),
    ("balance/a-x/B-2", '{"free":[[3,3]],"retired":2}'),
    ("balance/a-y/B-1", '{"retired":1}'),
    ("log", '{"origin":"sample.invalid/log/0badc0de"}'),
    ("order/X-1", '{"issuer":"样例 SAMPLE","quantity_g":30000000}'),
    ("order/X-10", '{"quantity_g":1}'),
    ("order/X-2", '{"quantity_g":2}'),
]
ORIGIN = "sample.invalid/log/0badc0de"
SIZE = 42
Leaf = dict[str, Any]


def sealed_states(make_tree: MakeTree, leaf_hash: Callable[[bytes], bytes]) -> dict[str, Any]:
    """The content of the file."""
    leaves = [f"{key}\n{value}".encode() for key, value in ITEMS]
    tree = make_tree([leaf_hash(leaf) for leaf in leaves])
    return {
        "origin": ORIGIN,
        "size": SIZE,
        "items": [{"key": key, "value": value} for key, value in ITEMS],
        "root": tree.mth(0, len(leaves)).hex(),
        "count": len(leaves),
        "file": b64encode(_file(tree, leaves)).decode(),
        "proofs": _proofs(tree),
    }


def _file(tree: Tree, leaves: list[bytes]) -> bytes:
    data = f"tanbu.seal/v1\n{ORIGIN}\n{SIZE}\n".encode()
    places = []
    for index, leaf in enumerate(leaves):
        places.append(len(data))
        data += len(leaf).to_bytes(4, "big") + leaf
        width = 1
        while (index + 1) % width == 0:
            data += tree.mth(index + 1 - width, index + 1)
            width *= 2
    where = len(data)
    data += b"".join(place.to_bytes(8, "big") for place in places)
    count = len(leaves)
    return data + tree.mth(0, count) + count.to_bytes(8, "big") + where.to_bytes(8, "big")


def _proofs(tree: Tree) -> list[dict[str, Any]]:
    def leaf(index: int) -> Leaf:
        key, value = ITEMS[index]
        hashes = [h.hex() for h in tree.path(index, len(ITEMS))]
        return {"index": index, "key": key, "value": value, "hashes": hashes}

    def case(why: str, asked: dict[str, str], shown: list[Leaf], values: int | None) -> Leaf:
        """`values`: how many are proved; none where the proof is false."""
        told: Leaf = {"why": why, **asked, "leaves": shown, "good": values is not None}
        return told | ({} if values is None else {"values": values})

    order, value = [leaf(n) for n in range(3, 7)], leaf(4)
    absent = [leaf(5), leaf(6)]
    moved = [leaf(4) | {"index": 5}]
    under = {"prefix": "order/"}
    first = {"prefix": "balance/a-x/"}
    missing = {"key": "order/X-11"}
    there = {"key": "order/X-1"}
    return [
        case("a value", there, [value], 1),
        case("absent between two", missing, absent, 0),
        case("absent before all", {"key": "a"}, [leaf(0)], 0),
        case("absent behind all", {"key": "z"}, [leaf(6)], 0),
        case("all under a prefix at the end", under, order, 3),
        case("all under one at the beginning", first, [leaf(n) for n in range(3)], 2),
        case("none under a prefix", {"prefix": "event/"}, [leaf(2), leaf(3)], 0),
        case("everything", {"prefix": "balance/"}, [leaf(n) for n in range(4)], 3),
        case("another value", there, [value | {"value": '{"quantity_g":1}'}], None),
        case("another index", there, moved, None),
        case("a hash too few", there, [value | {"hashes": value["hashes"][1:]}], None),
        case("another key's leaf", {"key": "order/X-2"}, [value], None),
        case("one neighbour only", missing, absent[:1], None),
        case("the wrong neighbours", missing, [leaf(3), leaf(4)], None),
        case("neighbours with a key between", {"key": "order/X-10"}, [leaf(4), leaf(6)], None),
        case("a key dropped", under, [order[0], order[1], order[3]], None),
        case("the last key dropped", under, order[:3], None),
        case("no neighbour before", under, order[1:], None),
        case("nothing", under, [], None),
    ]  # fmt: skip
