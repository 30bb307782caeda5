"""The file of a seal's leaves: what is cut from it, and that no damage to it is believed."""

from __future__ import annotations

import json
import random
from base64 import b64decode
from pathlib import Path
from typing import Any

import msgspec
import pytest

from registry.chain.errors import Broken, NotTrusted, TanbuError, Unavailable
from registry.chain.tlog import Frontier, LeafHashes, Node, leaf_hash, root_hash
from registry.ledger.sealing import commit_to
from registry.ledger.state import state_root
from registry.store.sealfile import SealDirectory, SealFile, write_seal_file
from registry.verify.stateproof import (
    ProvedLeaf,
    check_state_proof,
    prove_key,
    prove_prefix,
)
from tests.ledger.world import World

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
ORIGIN = "sample.invalid/log/0badc0de"


def items_of(count: int) -> list[tuple[str, bytes]]:
    return [(f"order/{n * 3:05}", b'{"n":%d}' % n) for n in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 64, 65, 100])
def test_what_is_written_is_read_with_every_node_of_its_tree(tmp_path: Path, count: int) -> None:
    items = items_of(count)
    made = write_seal_file(tmp_path / "seals" / "a.seal", ORIGIN, 9, items)
    assert (made.root, made.count) == state_root(items)
    hashes = LeafHashes(leaf_hash(f"{k}\n".encode() + v) for k, v in items)
    with SealFile(tmp_path / "seals" / "a.seal") as sealed:
        assert (sealed.origin, sealed.size, sealed.count) == (ORIGIN, 9, count)
        assert sealed.check() == made
        assert list(sealed.items()) == items
        assert [sealed.leaf(n) for n in range(count)] == items
        for level in range(7):
            nodes = [Node(level, n) for n in range(count >> level)]
            assert sealed.read_hashes(nodes) == hashes.read_hashes(nodes)
        assert root_hash(count, sealed) == made.root
        assert [sealed.place(key) for key, _ in items] == list(range(count))
        assert sealed.place("z") == count
        assert sealed.get_many([key for key, _ in items] + ["order/00001", "a"]) == dict(items)
        assert sealed.scan("", "~", 1_000) == items
        assert sealed.scan("order/00004", "order/00012", 9) == items[2:4]
        assert sealed.scan("", "~", 3) == items[:3]


def test_it_is_written_once_and_only_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.seal"
    with pytest.raises(Broken, match="not sorted"):
        write_seal_file(path, ORIGIN, 9, [*items_of(3), ("a", b"{}")])
    assert list(tmp_path.iterdir()) == []
    write_seal_file(path, ORIGIN, 9, items_of(3))
    assert path.stat().st_mode & 0o777 == 0o444
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(Unavailable), SealDirectory(tmp_path).open(9):
        raise AssertionError


def test_a_file_that_is_cut_short_anywhere_is_never_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.seal"
    write_seal_file(path, ORIGIN, 9, items_of(20))
    data = path.read_bytes()
    short = tmp_path / "short.seal"
    for length in (0, 5, 30, 60, len(data) // 2, len(data) - 48, len(data) - 1):
        short.write_bytes(data[:length])
        with pytest.raises(Broken, match="damaged"), SealFile(short) as sealed:
            sealed.check()
    short.write_bytes(data + b"\x00")
    with pytest.raises(Broken, match="damaged"):
        SealFile(short)


def test_a_bit_that_flips_is_found_by_whoever_reads_it(tmp_path: Path) -> None:
    """Each answer is the right one, or there is none."""
    path, bent = tmp_path / "a.seal", tmp_path / "bent.seal"
    items = items_of(20)
    made = write_seal_file(path, ORIGIN, 9, items)
    data = path.read_bytes()
    thrown = random.Random(7)
    found = 0
    for _ in range(300):
        at, bit = thrown.randrange(len(data)), 1 << thrown.randrange(8)
        bent.write_bytes(data[:at] + bytes((data[at] ^ bit,)) + data[at + 1 :])
        try:
            with SealFile(bent) as sealed:
                if (sealed.root, sealed.count, sealed.size) != (made.root, made.count, 9):
                    found += 1  # not that of the seal in the log: it is not used
                    continue
                whole = True
                try:
                    sealed.check()
                except TanbuError:
                    whole = False
                assert not whole or at < 50, at
                answered = sealed.get_many([key for key, _ in items])
                assert answered == dict(items) or not whole
                assert set(answered.items()) <= set(items)
        except Broken:
            found += 1
    assert found > 100


def test_a_real_state_comes_back_from_its_leaves(tmp_path: Path) -> None:
    values = sorted(World().base.values.items())
    made = write_seal_file(tmp_path / "a.seal", ORIGIN, 30, iter(values))
    assert made == commit_to(values, 30)
    assert made.totals.free_g > 0
    frontier = Frontier()
    for key, value in values:
        frontier.append(leaf_hash(key.encode() + b"\n" + value))
    assert frontier.root() == made.root


VECTOR = json.loads((VECTORS / "chain" / "seal.json").read_text(encoding="utf-8"))


def test_the_file_is_the_one_that_was_put_together_by_hand(tmp_path: Path) -> None:
    items = [(item["key"], item["value"].encode()) for item in VECTOR["items"]]
    made = write_seal_file(tmp_path / "a.seal", VECTOR["origin"], VECTOR["size"], items)
    assert (tmp_path / "a.seal").read_bytes() == b64decode(VECTOR["file"])
    assert (made.root.hex(), made.count) == (VECTOR["root"], VECTOR["count"])


@pytest.mark.parametrize("case", VECTOR["proofs"], ids=lambda case: case["why"])
def test_proofs_that_were_put_together_by_hand(tmp_path: Path, case: dict[str, Any]) -> None:
    leaves = msgspec.convert(case["leaves"], tuple[ProvedLeaf, ...])
    asked = {name: case[name] for name in ("key", "prefix") if name in case}
    told = {"root": bytes.fromhex(VECTOR["root"]), "count": VECTOR["count"], **asked}
    if not case["good"]:
        with pytest.raises(NotTrusted):
            check_state_proof(leaves, **told)
        return
    assert len(check_state_proof(leaves, **told)) == case["values"]
    (tmp_path / "a.seal").write_bytes(b64decode(VECTOR["file"]))
    with SealFile(tmp_path / "a.seal") as sealed:
        made = prove_key(sealed, case["key"]) if "key" in case else None
        assert (made or prove_prefix(sealed, case["prefix"])) == leaves
