from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.exceptions import BadSignatureError

from registry.chain import ed25519
from registry.chain.errors import Broken, Malformed, NotTrusted
from tests.chain import reference

SEED = sha256(b"tanbu test").digest()


def accepts(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        ed25519.verify(public_key, signature, message)
    except NotTrusted:
        return False
    return True


def test_the_914_verdicts(others: Any) -> None:
    """Each is that of an implementation of the rules by hand; 43 are accepted."""
    cases = others("cctv-ed25519/ed25519vectors.json")
    assert len(cases) == 914
    accepted = []
    for case in cases:
        arguments = (
            bytes.fromhex(case["key"]),
            bytes.fromhex(case["sig"]),
            case["msg"].encode(),
        )
        verdict = accepts(*arguments)
        assert verdict is reference.verify(*arguments), case["number"]
        flags = set(case["flags"] or ())
        forbidden = {"low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R"}
        assert verdict is not bool(flags & {*forbidden, "low_order_residue"}), case["number"]
        if verdict:
            accepted.append(case["number"])
    assert len(accepted) == 43


def test_our_own_edge_cases(vectors: Any) -> None:
    own = vectors("ed25519.json")
    for case in own["cases"]:
        key, signature = bytes.fromhex(case["key"]), bytes.fromhex(case["signature"])
        assert accepts(key, signature, own["message"].encode()) is case["accepted"], case["name"]


def test_the_self_check_holds_the_edge_cases(vectors: Any) -> None:
    ed25519.self_check()
    own = vectors("ed25519.json")
    assert [
        {"name": name, "accepted": accepted, "key": key, "signature": r + s}
        for name, accepted, key, r, s in ed25519._CASES
    ] == own["cases"]
    assert own["message"].encode() == ed25519._CASE_MESSAGE


def test_the_self_check_notices_a_laxer_and_a_stricter_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ed25519, "crypto_sign_open", lambda signed, key: b"")
    with pytest.raises(Broken):
        ed25519.self_check()

    def refuse(signed: bytes, key: bytes) -> bytes:
        raise BadSignatureError

    monkeypatch.setattr(ed25519, "crypto_sign_open", refuse)
    with pytest.raises(Broken):
        ed25519.self_check()


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
@settings(max_examples=30)
def test_sign_and_verify_agree_with_the_reference(seed: bytes, message: bytes) -> None:
    key = ed25519.public_key(seed)
    signature = ed25519.sign(seed, message)
    assert key == (reference.secret_scalar(seed) * reference.B).encode()
    ed25519.verify(key, signature, message)
    assert reference.verify(key, signature, message)
    ed25519.check_public_key(key)


def test_every_bit_of_key_signature_and_message_matters() -> None:
    key, message = ed25519.public_key(SEED), b"message"
    signature = ed25519.sign(SEED, message)
    whole = key + signature + message
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NotTrusted):
            ed25519.verify(bytes(changed[:32]), bytes(changed[32:96]), bytes(changed[96:]))


def test_lengths_are_checked_before_the_library_reads() -> None:
    key, signature = ed25519.public_key(SEED), ed25519.sign(SEED, b"")
    for bad_key, bad_signature in (
        (key[:31], signature), (key + b"\0", signature), (b"", signature),
        (key, signature[:63]), (key, signature + b"\0"), (key, b""),
    ):  # fmt: skip
        with pytest.raises(Malformed):
            ed25519.verify(bad_key, bad_signature, b"")
    with pytest.raises(Malformed):
        ed25519.sign(SEED[:31], b"")
    with pytest.raises(Malformed):
        ed25519.public_key(SEED + b"\0")


def test_public_keys_that_can_never_verify_are_refused(vectors: Any) -> None:
    for key in vectors("ed25519.json")["bad_public_keys"].values():
        with pytest.raises(Malformed):
            ed25519.check_public_key(bytes.fromhex(key))
    with pytest.raises(Malformed):
        ed25519.check_public_key(bytes(31))


def test_public_key_check_agrees_with_the_reference() -> None:
    good = 0
    for number in range(400):
        key = sha256(b"%d" % number).digest()
        expected = reference.decode_strict(key) is not None
        good += expected
        try:
            ed25519.check_public_key(key)
            assert expected
        except Malformed:
            assert not expected
    assert 150 < good < 250


def test_all_low_order_encodings_are_refused() -> None:
    torsion = reference.Point.decode(
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
    )
    assert torsion is not None
    encodings = {(k * torsion).encode() for k in range(8)}
    assert len(encodings) == 8
    for encoding in encodings:
        with pytest.raises(Malformed, match="low order"):
            ed25519.check_public_key(encoding)
