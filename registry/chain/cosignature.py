"""Timestamped signatures of tree heads: what a witness, a replayer and the operator's 0x06 sign.

Source: C2SP tlog-cosignature. Refuses to know: who is a witness, how many are enough, what time
it is.

Rules
- the body of a line is the time (u64, seconds since 1970, at most 2^63 - 1) || signature
- 0x04, Ed25519, over `cosignature/v1` LF `time <decimal>` LF and the checkpoint's text; it says
  that this is the largest head the cosigner has seen
- 0x06, ML-DSA-44, over "subtree/v1\\n\\0" || u8 length, cosigner name || u64 time || u8 length,
  origin || u64 0 || u64 size || root; a time of 0 makes no statement about being the largest
- all integers big-endian

    line = cosign_ed25519("witness.example/w1", seed, text, time_s=1679315147)
"""

from registry.chain import ed25519, mldsa
from registry.chain.errors import Malformed
from registry.chain.note import (
    TYPE_COSIGNATURE,
    TYPE_MLDSA44,
    Signature,
    VerifierKey,
    check_name,
    verifier_key,
)
from registry.chain.strict import MAX_INT64
from registry.chain.tlog import HASH_BYTES

_LABEL = b"subtree/v1\n\x00"
_TIME_BYTES = 8


def message_ed25519(text: bytes, time_s: int) -> bytes:
    """Return what a 0x04 line signs: `text` is the whole text of the checkpoint."""
    _check_time(time_s)
    return b"cosignature/v1\ntime %d\n" % time_s + text


def message_mldsa44(name: str, time_s: int, origin: str, size: int, root: bytes) -> bytes:
    """Return what a 0x06 line of the cosigner `name` signs about a whole tree."""
    _check_time(time_s)
    if not 0 <= size <= MAX_INT64 or len(root) != HASH_BYTES:
        raise Malformed("not a tree head: its size or the length of its root is out of range")
    return b"".join(
        (
            _LABEL,
            _with_length(check_name(name)),
            time_s.to_bytes(_TIME_BYTES, "big"),
            _with_length(origin),
            bytes(8),  # the first leaf
            size.to_bytes(8, "big"),
            root,
        )
    )


def _with_length(text: str) -> bytes:
    data = text.encode()
    if not 0 < len(data) < 256:
        raise Malformed("a name or origin of 0 or more than 255 bytes")
    return bytes([len(data)]) + data


def _check_time(time_s: int) -> None:
    if not 0 <= time_s <= MAX_INT64:
        raise Malformed(f"not a time in seconds since 1970: {time_s}")


def format_body(time_s: int, signature: bytes) -> bytes:
    """Return the body of a timestamped line."""
    _check_time(time_s)
    return time_s.to_bytes(_TIME_BYTES, "big") + signature


def parse_body(body: bytes, signature_bytes: int) -> tuple[int, bytes]:
    """Return time and signature of a timestamped line; Malformed by length or range."""
    if len(body) != _TIME_BYTES + signature_bytes:
        raise Malformed(f"a timestamped signature of {len(body)} bytes")
    time_s = int.from_bytes(body[:_TIME_BYTES], "big")
    _check_time(time_s)
    return time_s, body[_TIME_BYTES:]


def cosign_ed25519(name: str, seed: bytes, text: bytes, time_s: int) -> Signature:
    """Return the 0x04 line by the Ed25519 key of a 32-byte private `seed` over a checkpoint."""
    key = verifier_key(name, TYPE_COSIGNATURE, ed25519.public_key(seed))
    signature = ed25519.sign(seed, message_ed25519(text, time_s))
    return Signature(name, key.key_id, format_body(time_s, signature))


def cosign_mldsa44(
    name: str, seed: bytes, origin: str, size: int, root: bytes, time_s: int
) -> Signature:
    """Return the 0x06 line by the ML-DSA-44 key of a 32-byte private `seed` over a tree head."""
    key = verifier_key(name, TYPE_MLDSA44, mldsa.public_key(seed))
    signature = mldsa.sign(seed, message_mldsa44(name, time_s, origin, size, root))
    return Signature(name, key.key_id, format_body(time_s, signature))


def verify_ed25519(key: VerifierKey, body: bytes, text: bytes) -> int:
    """Return the time that the 0x04 line with `body` states; NotTrusted if it is bad."""
    time_s, signature = parse_body(body, ed25519.SIGNATURE_BYTES)
    ed25519.verify(key.public_key, signature, message_ed25519(text, time_s))
    return time_s


def verify_mldsa44(key: VerifierKey, body: bytes, origin: str, size: int, root: bytes) -> int:
    """Return the time that the 0x06 line with `body` states; NotTrusted if it is bad."""
    time_s, signature = parse_body(body, mldsa.SIGNATURE_BYTES)
    message = message_mldsa44(key.name, time_s, origin, size, root)
    mldsa.verify(key.public_key, signature, message)
    return time_s
