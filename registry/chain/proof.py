"""Proof files: that a record is in a log, to be checked offline with the log's keys alone.

Source: C2SP tlog-proof. Refuses to know: what the record or the extra data means, which
cosignatures are enough.

    c2sp.org/tlog-proof@v1
    extra YWJj                                          <- optional, believed by nobody
    index 73894
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=        <- inclusion proof, from the leaf up
                                                        <- the first blank line divides
    example.com/fancylog                                <- the checkpoint, byte for byte
    ...

Rules
- each line is in its one form; at most 63 hashes of 32 bytes
- a checker takes the index from its caller and the size from the signed checkpoint, never from
  the file's other lines: that the file states another index is an error by itself

    check_proof(parse_proof(data), index=73894, leaf_hash=leaf_hash(record), keys=log_keys)
"""

import msgspec

from registry.chain import tlog
from registry.chain.checkpoint import Checkpoint, LogKeys, open_checkpoint
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.note import LIMITS
from registry.chain.strict import MAX_INT64, format_base64, parse_base64, parse_decimal

HEADER = b"c2sp.org/tlog-proof@v1"
EXTRA_BYTES_MAX = 65_535

# Header, extra in base64, index, hashes of 44 characters, all with LF; then the checkpoint.
_HEAD_BYTES_MAX = 64 + EXTRA_BYTES_MAX * 4 // 3 + 45 * tlog.LEVELS_MAX
_BYTES_MAX = _HEAD_BYTES_MAX + LIMITS.bytes_max


class Proof(msgspec.Struct, frozen=True):
    """What a proof file holds; `checkpoint` is the bytes of a signed note, not yet opened."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def parse_proof(data: bytes) -> Proof:
    """Return what the file holds; Malformed if it is not exactly of the form."""
    if len(data) > _BYTES_MAX:
        raise Malformed(f"a proof file of more than {_BYTES_MAX} bytes")
    head, divider, checkpoint = data.partition(b"\n\n")
    if not divider or not checkpoint:
        raise Malformed("a proof file without a blank line and a checkpoint below it")
    lines = head.split(b"\n")
    if lines.pop(0) != HEADER:
        raise Malformed("a proof file of another kind or version", where="line 1")
    extra = None
    if lines and lines[0].startswith(b"extra "):
        extra = parse_base64(lines.pop(0).removeprefix(b"extra "))
    if not lines or not lines[0].startswith(b"index "):
        raise Malformed("a proof file without an index")
    index = parse_decimal(lines.pop(0).removeprefix(b"index "))
    if len(lines) > tlog.LEVELS_MAX:
        raise Malformed(f"a proof of more than {tlog.LEVELS_MAX} hashes")
    return _checked(Proof(index, tuple(map(parse_base64, lines)), checkpoint, extra))


def format_proof(proof: Proof) -> bytes:
    """Return the proof file; Malformed if `proof` has none."""
    _checked(proof)
    lines = [HEADER]
    if proof.extra is not None:
        lines.append(b"extra " + format_base64(proof.extra).encode())
    lines.append(b"index %d" % proof.index)
    lines += (format_base64(value).encode() for value in proof.hashes)
    return b"\n".join(lines) + b"\n\n" + proof.checkpoint


def _checked(proof: Proof) -> Proof:
    if not 0 <= proof.index <= MAX_INT64 or len(proof.hashes) > tlog.LEVELS_MAX:
        raise Malformed("an index or a number of hashes that no tree has")
    if any(len(value) != tlog.HASH_BYTES for value in proof.hashes):
        raise Malformed("a hash that has not 32 bytes")
    if proof.extra is not None and not 0 < len(proof.extra) <= EXTRA_BYTES_MAX:
        raise Malformed(f"extra data of 0 or more than {EXTRA_BYTES_MAX} bytes")
    if not 0 < len(proof.checkpoint) <= LIMITS.bytes_max:
        raise Malformed(f"a checkpoint of 0 or more than {LIMITS.bytes_max} bytes")
    return proof


def check_proof(proof: Proof, *, index: int, leaf_hash: bytes, keys: LogKeys) -> Checkpoint:
    """Return the head under which leaf `index` of the log with `keys` is `leaf_hash`.

    NotTrusted if the checkpoint's signatures, the index or the inclusion proof are not good.
    """
    head = open_checkpoint(proof.checkpoint, keys)
    if proof.index != index:
        raise NotTrusted(f"a proof of leaf {proof.index} instead of {index}")
    if index >= head.size:
        raise NotTrusted(f"a checkpoint of size {head.size}, which does not hold leaf {index}")
    tlog.check_inclusion(proof.hashes, index, leaf_hash, head.size, head.root)
    return head
