"""ML-DSA-44: the signature that a quantum computer does not forge, beside Ed25519.

Source: FIPS 204, with an empty context. Refuses to know: what is signed, where keys are kept.

Rules
- public key 1,312 bytes, signature 2,420 bytes, private key as its 32-byte seed; a new key is 32
  random bytes, which the caller draws
- signing is hedged: two signatures of one message differ, and both are good

    verify(public_key(seed), sign(seed, b"hello"), b"hello")
"""

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from registry.chain.errors import Malformed, NotTrusted, Unavailable

PUBLIC_KEY_BYTES = 1_312
SIGNATURE_BYTES = 2_420
SEED_BYTES = 32


def verify(public_key: bytes, signature: bytes, message: bytes) -> None:
    """Return if `signature` is good; else NotTrusted (Malformed for lengths)."""
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        raise Malformed("an ML-DSA-44 key has 1,312 bytes and its signature 2,420")
    try:
        MLDSA44PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature as error:
        raise NotTrusted("the ML-DSA-44 signature is not good") from error
    except UnsupportedAlgorithm as error:
        raise _unavailable() from error


def public_key(seed: bytes) -> bytes:
    """Return the public key of a 32-byte private seed."""
    return _private_key(seed).public_key().public_bytes_raw()


def sign(seed: bytes, message: bytes) -> bytes:
    """Return a signature of `message` by the key of a 32-byte private seed."""
    return _private_key(seed).sign(message)


def _private_key(seed: bytes) -> MLDSA44PrivateKey:
    if len(seed) != SEED_BYTES:
        raise Malformed("an ML-DSA-44 private seed has 32 bytes")
    try:
        return MLDSA44PrivateKey.from_seed_bytes(seed)
    except UnsupportedAlgorithm as error:
        raise _unavailable() from error


def _unavailable() -> Unavailable:
    return Unavailable(
        "this machine's cryptography library has no ML-DSA-44",
        todo="install the wheel of cryptography that the lock file names",
    )
