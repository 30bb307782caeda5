from __future__ import annotations

from hashlib import sha256

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from registry.chain import mldsa
from registry.chain.errors import Malformed, NotTrusted, Unavailable

SEED = sha256(b"tanbu test").digest()


def test_sign_and_verify() -> None:
    key = mldsa.public_key(SEED)
    assert len(key) == mldsa.PUBLIC_KEY_BYTES
    for message in (b"", b"message"):
        one, two = mldsa.sign(SEED, message), mldsa.sign(SEED, message)
        assert one != two
        for signature in (one, two):
            assert len(signature) == mldsa.SIGNATURE_BYTES
            mldsa.verify(key, signature, message)


def test_changes_are_not_trusted() -> None:
    key, signature = mldsa.public_key(SEED), mldsa.sign(SEED, b"message")
    with pytest.raises(NotTrusted):
        mldsa.verify(key, signature, b"messagf")
    with pytest.raises(NotTrusted):
        mldsa.verify(mldsa.public_key(bytes(32)), signature, b"message")
    for at in range(0, mldsa.SIGNATURE_BYTES, 97):
        changed = bytearray(signature)
        changed[at] ^= 1
        with pytest.raises(NotTrusted):
            mldsa.verify(key, bytes(changed), b"message")


def test_lengths() -> None:
    key, signature = mldsa.public_key(SEED), mldsa.sign(SEED, b"")
    for bad_key, bad_signature in ((key[1:], signature), (key, signature[1:]), (key, b"")):
        with pytest.raises(Malformed):
            mldsa.verify(bad_key, bad_signature, b"")
    with pytest.raises(Malformed):
        mldsa.sign(SEED + b"\0", b"")


def test_a_library_without_it_is_unavailable_and_not_untrusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Lacking:
        @staticmethod
        def from_public_bytes(data: bytes) -> None:
            raise UnsupportedAlgorithm("no")

        @staticmethod
        def from_seed_bytes(data: bytes) -> None:
            raise UnsupportedAlgorithm("no")

    key, signature = mldsa.public_key(SEED), mldsa.sign(SEED, b"")
    monkeypatch.setattr(mldsa, "MLDSA44PublicKey", Lacking)
    monkeypatch.setattr(mldsa, "MLDSA44PrivateKey", Lacking)
    with pytest.raises(Unavailable):
        mldsa.verify(key, signature, b"")
    with pytest.raises(Unavailable):
        mldsa.sign(SEED, b"")
