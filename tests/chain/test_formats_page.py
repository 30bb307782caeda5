"""The examples of docs/spec/formats.md are what the code makes of them."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from registry.chain.canonical import format_json, parse_json
from registry.chain.checkpoint import LogKeys, parse_checkpoint
from registry.chain.cosignature import message_ed25519, message_mldsa44
from registry.chain.note import TextVerifier, format_note, open_note, parse_note, parse_vkey
from registry.chain.proof import check_proof, parse_proof
from registry.chain.sumtree import SumLeaf, SumNode, SumTree, leaf_node
from registry.chain.tiles import new_tiles, parse_bundle
from registry.chain.tlog import (
    LeafHashes,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root_hash,
)
from registry.ledger.reconciliation_note import (
    open_reconciliation,
    parse_reconciliation,
    sign_reconciliation,
)
from registry.ledger.refusal_note import open_refusal, parse_refusal
from registry.ledger.signing import SigningKey

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "spec" / "formats.md"
_fenced = re.compile(r"^```text (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXAMPLES: dict[str, str] = dict(_fenced.findall(PAGE.read_text(encoding="utf-8")))


def rows(name: str) -> dict[str, str]:
    """The lines of an example as name and value."""
    return dict(re.split(" {2,}", line) for line in EXAMPLES[name].splitlines())


def test_every_example_is_looked_at() -> None:
    assert set(EXAMPLES) == {
        "json", "note", "vkey", "checkpoint", "message-04", "message-06", "tree", "bundle",
        "proof", "sumtree", "refusal", "refusal-vkey", "refusal-entry",
        "reconciliation", "reconciliation-vkey",
    }  # fmt: skip


def test_json() -> None:
    data = EXAMPLES["json"].removesuffix("\n").encode()
    assert format_json(parse_json(data)) == data


def test_note_and_key() -> None:
    data = EXAMPLES["note"].encode()
    note = parse_note(data)
    key = parse_vkey(EXAMPLES["vkey"].strip())
    assert format_note(note) == data
    (verified,) = open_note(note, [TextVerifier(key)])
    page = PAGE.read_text(encoding="utf-8")
    body = verified.signature.body.hex()
    assert f"key id `{key.key_id.hex()}`" in page
    assert f"`{body[:8]}…{body[-4:]}`" in page


def test_checkpoint_and_messages() -> None:
    text = EXAMPLES["checkpoint"].encode()
    head = parse_checkpoint(text)
    time_s = 1763700000
    assert message_ed25519(text, time_s) == EXAMPLES["message-04"].encode()
    parts = EXAMPLES["message-06"].split()
    message = message_mldsa44(head.origin, time_s, head.origin, head.size, head.root)
    assert message == bytes.fromhex("".join(parts))
    assert message[-32:] == head.root


def test_tree() -> None:
    leaves = [leaf_hash(record) for record in (b"a", b"b", b"c")]
    reader = LeafHashes(leaves)
    shown = {name: bytes.fromhex(value) for name, value in rows("tree").items()}
    assert [shown[f"leaf {i}"] for i in range(3)] == leaves
    assert shown["root 2"] == root_hash(2, reader)
    assert shown["root 3"] == root_hash(3, reader)
    assert prove_inclusion(1, 3, reader) == (leaves[0], leaves[2])
    assert prove_consistency(1, 3, reader) == (leaves[1], leaves[2])
    assert prove_consistency(2, 3, reader) == (leaves[2],)


def test_bundle_and_geometry() -> None:
    data = bytes.fromhex(EXAMPLES["bundle"].strip())
    assert parse_bundle(data, 3) == (b"a", b"", b"abc")
    widths = [(tile.level, tile.width) for tile in new_tiles(0, 70_000)]
    assert widths == [(0, 256)] * 273 + [(0, 112), (1, 256), (1, 17), (2, 1)]


def test_proof_file(vectors: Any) -> None:
    proof = parse_proof(EXAMPLES["proof"].encode())
    key = parse_vkey(vectors("proof.json")["vkey"])
    keys = LogKeys(key.name, key.public_key, None)
    assert check_proof(proof, index=5, leaf_hash=leaf_hash(b"leaf 5"), keys=keys).size == 13


def test_refusal_note(vectors: Any) -> None:
    good = vectors("refusal.json")["good"]
    shown = (EXAMPLES["refusal"], EXAMPLES["refusal-vkey"].strip(), EXAMPLES["refusal-entry"])
    assert shown == (good["note"], good["vkey"], good["entry_text"])
    signed = parse_refusal(shown[0].encode())
    assert open_refusal(signed, [parse_vkey(shown[1])]).name == "operator.cn-gd"
    assert signed.said.text_sha256 == sha256(shown[2].encode()).hexdigest()


def test_reconciliation_report() -> None:
    note, vkey = EXAMPLES["reconciliation"].encode(), EXAMPLES["reconciliation-vkey"].strip()
    signed = parse_reconciliation(note)
    assert open_reconciliation(signed, [parse_vkey(vkey)]).name == "exchange.cn-gd"
    key = SigningKey("exchange.cn-gd", bytes([7]) * 32)
    assert (key.vkey, sign_reconciliation(signed.origin, signed.said, key)) == (vkey, note)


def test_sum_tree() -> None:
    leaves = [
        SumLeaf(bytes([number]) * 32, amount, sha256(act).digest())
        for number, amount, act in ((1, 1500, b"bus ride"), (2, 250, b"cup kept"), (3, 0, b"empty"))
    ]
    nodes = [leaf_node(leaf) for leaf in leaves]
    tree = SumTree(leaves)
    shown = rows("sumtree")
    assert [shown[f"leaf {i}"] for i in range(3)] == [node.hash.hex() for node in nodes]
    assert shown["root"] == tree.root.root.hex()
    assert int(shown["total"]) == tree.root.total
    assert tree.prove(1) == (SumNode(nodes[0].hash, 1500), SumNode(nodes[2].hash, 0))
