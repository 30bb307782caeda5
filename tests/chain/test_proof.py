from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain import ed25519, mldsa
from registry.chain.checkpoint import Checkpoint, LogKeys, sign_checkpoint
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.note import Note, format_note, parse_note, parse_vkey
from registry.chain.proof import Proof, check_proof, format_proof, parse_proof
from registry.chain.strict import parse_base64
from registry.chain.tlog import LeafHashes, leaf_hash, prove_inclusion, root_hash

ORIGIN = "cn-gd.example/log/5f0c91ae"
ED_SEED, PQ_SEED = sha256(b"ed").digest(), sha256(b"pq").digest()
KEYS = LogKeys(ORIGIN, ed25519.public_key(ED_SEED), mldsa.public_key(PQ_SEED))
LEAVES = [leaf_hash(b"leaf %d" % i) for i in range(13)]
TREE = LeafHashes(LEAVES)
HEAD = Checkpoint(ORIGIN, 13, root_hash(13, TREE))
SIGNED = sign_checkpoint(HEAD, ED_SEED, PQ_SEED, 1_763_700_000)


def test_files_of_others(others: Any) -> None:
    shared = others("tlog-proof/tlog_proof.json")
    for case in shared["marshal"]:
        extra = case["extra_b64"]
        proof = Proof(
            case["index"],
            tuple(parse_base64(value) for value in case["hashes"]),
            case["checkpoint"].encode(),
            None if extra is None else parse_base64(extra),
        )
        assert format_proof(proof) == case["text"].encode()
        assert parse_proof(case["text"].encode()) == proof
    assert len(shared["unmarshal_errors"]) == 8
    for case in shared["unmarshal_errors"]:
        with pytest.raises(Malformed):
            pytest.fail(f"{case['why']}: {parse_proof(case['text'].encode())}")


def test_our_vectors(vectors: Any) -> None:
    own = vectors("proof.json")
    key = parse_vkey(own["vkey"])
    keys = LogKeys(key.name, key.public_key, None)
    record = leaf_hash(bytes.fromhex(own["record"]))
    for name in ("good", "good_with_extra"):
        data = own[name].encode()
        proof = parse_proof(data)
        assert format_proof(proof) == data
        head = check_proof(proof, index=own["index"], leaf_hash=record, keys=keys)
        assert head.size == 13
    assert parse_proof(own["good_with_extra"].encode()).extra == b"extra"
    for name, text in own["malformed"].items():
        with pytest.raises(Malformed):
            pytest.fail(f"accepted: {name} {parse_proof(text.encode())}")
    for text in own["not_trusted"].values():
        proof = parse_proof(text.encode())
        with pytest.raises(NotTrusted):
            check_proof(proof, index=own["index"], leaf_hash=record, keys=keys)


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(min_size=1, max_size=50),
    st.none() | st.binary(min_size=1, max_size=50),
)
def test_parse_inverts_format(
    index: int, hashes: list[bytes], checkpoint: bytes, extra: bytes | None
) -> None:
    proof = Proof(index, tuple(hashes), checkpoint, extra)
    assert parse_proof(format_proof(proof)) == proof


def test_every_leaf_is_proved_offline() -> None:
    for index in range(13):
        proof = Proof(index, prove_inclusion(index, 13, TREE), SIGNED)
        again = parse_proof(format_proof(proof))
        assert check_proof(again, index=index, leaf_hash=LEAVES[index], keys=KEYS) == HEAD


def test_index_size_and_leaf_are_not_taken_from_the_file() -> None:
    proof = Proof(5, prove_inclusion(5, 13, TREE), SIGNED)
    with pytest.raises(NotTrusted, match="leaf 5 instead of 6"):
        check_proof(proof, index=6, leaf_hash=LEAVES[6], keys=KEYS)
    with pytest.raises(NotTrusted):
        check_proof(proof, index=5, leaf_hash=LEAVES[6], keys=KEYS)
    beyond = Proof(13, proof.hashes, SIGNED)
    with pytest.raises(NotTrusted, match="does not hold"):
        check_proof(beyond, index=13, leaf_hash=LEAVES[5], keys=KEYS)


def test_the_checkpoint_must_be_signed_by_the_log() -> None:
    note = parse_note(SIGNED)
    unsigned = format_note(Note(note.text, note.signatures[:1]))
    proof = Proof(5, prove_inclusion(5, 13, TREE), unsigned)
    with pytest.raises(NotTrusted, match="ML-DSA"):
        check_proof(proof, index=5, leaf_hash=LEAVES[5], keys=KEYS)
    with pytest.raises(Malformed):
        check_proof(Proof(5, proof.hashes, b"x\n"), index=5, leaf_hash=LEAVES[5], keys=KEYS)


def test_any_single_byte_of_the_file_matters() -> None:
    data = format_proof(Proof(5, prove_inclusion(5, 13, TREE), SIGNED))
    end_of_ed25519_line = data.index(b"\n", data.index("— ".encode())) + 1
    for at in range(end_of_ed25519_line):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises((Malformed, NotTrusted)):
            check_proof(parse_proof(bytes(changed)), index=5, leaf_hash=LEAVES[5], keys=KEYS)


@pytest.mark.parametrize(
    "proof",
    [
        Proof(-1, (), b"c"), Proof(2**63, (), b"c"), Proof(0, (b"short",), b"c"),
        Proof(0, (bytes(32),) * 64, b"c"), Proof(0, (), b""), Proof(0, (), b"c" * 65_536),
        Proof(0, (), b"c", b"e" * 65_536), Proof(0, (), b"c", b""),
    ],
)  # fmt: skip
def test_proofs_without_a_file_are_refused(proof: Proof) -> None:
    with pytest.raises(Malformed):
        format_proof(proof)


def test_the_largest_file_reads() -> None:
    proof = Proof(2**63 - 1, (bytes(32),) * 63, b"c" * 65_535, b"e" * 65_535)
    assert parse_proof(format_proof(proof)) == proof


def test_a_huge_file_is_refused_before_it_is_read() -> None:
    with pytest.raises(Malformed, match="more than"):
        parse_proof(b"c2sp.org/tlog-proof@v1\n" + bytes(300_000))
