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
    for name, good, key, r, s in _CASES:
        try:
            verify(bytes.fromhex(key), bytes.fromhex(r + s), _CASE_MESSAGE)
            accepted = True
        except NotTrusted:
            accepted = False
        if accepted is not good:
            raise Broken(
                f"this machine's Ed25519 library decides the case '{name}' otherwise than we do",
                todo="install the version of PyNaCl that the lock file names",
            )


_CASE_MESSAGE = b"tanbu ed25519 self-check"
_PLAIN = "ddf57644a5d490c5350ff29a49c6629d10217ad1d37e104e6ec1ce2cd9026267"
_NEUTRAL = "0100000000000000000000000000000000000000000000000000000000000000"
_NEUTRAL_OTHERWISE = "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
_MIXED = "0ab53dff8249b3710cfc2fd37ab00bf744fc6dac55f036c55c1c36afe12162b2"
# Name, accepted?, public key, R, S: made and explained by tools/make_vectors.py.
_CASES = (
    ("a plain signature", True, _PLAIN,
        "06da315df3450123b0190efd340cc4030ccb56c4dc556fe92b7928626c5191a0",
        "304fdbc67d9a577ab118d7c42b38fd86c3be7f963c95af2b5e5339aab8f4e70d"),
    ("a signature of another message", False, _PLAIN,
        "0aa828a274d0d40530cd0a5ddf2279df6516d3ad0770ed05dce07175cd8d74b7",
        "0ce5ebb0d0be76acad15f0ab438709290f472d3fd8e747ab15f815b157bc0e03"),
    ("S not below L", False, _PLAIN,
        "06da315df3450123b0190efd340cc4030ccb56c4dc556fe92b7928626c5191a0",
        "1d23d12398fd69d287b5ce670a32dc9bc3be7f963c95af2b5e5339aab8f4e71d"),
    ("A the neutral point", False, _NEUTRAL,
        "edc876d6831fd2105d0b4389ca2e283166469289146e2ce06faefe98b22548df",
        "0500000000000000000000000000000000000000000000000000000000000000"),
    ("A the neutral point, not canonical", False, _NEUTRAL_OTHERWISE,
        "edc876d6831fd2105d0b4389ca2e283166469289146e2ce06faefe98b22548df",
        "0500000000000000000000000000000000000000000000000000000000000000"),
    ("R the neutral point", False, _PLAIN,
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0158b2193e0d86f7d42a2e7296e1d1eb690d35d4c901bdbaf496c873406e0d03"),
    ("R the neutral point, not canonical", False, _PLAIN,
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "cb416550e263f15fee97275e8c2a45e20398b04d68ef93caff5fc4c11fc64c09"),
    ("A of mixed order, no residue", True, _MIXED,
        "d4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712",
        "6536578ed25eed3ade01d17b764b47d9bbbd6c69a6f9ba33944337fc0355de03"),
    ("A and R of mixed order, no residue", True, _MIXED,
        "1491738486552bee5a6883f96b13e65ea9505c373be1f1f8045d8ba261a445fd",
        "6dee7c36bedc0ffb2e9989f8b9231a17c8de457dacdcc084ef05497a52849e0f"),
    ("A of mixed order, residue left", False, _MIXED,
        "5866666666666666666666666666666666666666666666666666666666666666",
        "c122c7cfc428d6eecb72c5a7579c5a781332accdd1c02f3bec169a4ee25ed209"),
)  # fmt: skip
