"""Checkpoints: the signed heads of a log.

Source: C2SP tlog-checkpoint. Refuses to know: which head is the newest, which keys are trusted.

    cn-gd.example/log/5f0c91ae
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

Rules
- exactly three lines, each ending in LF: origin, size in decimal, root in base64; no extension
  lines, which witnesses do not judge and some refuse
- an origin is [a-z0-9.-]+(/[a-z0-9.-]+)*, at most 200 bytes
- the log signs with Ed25519 (0x01) and ML-DSA-44 (0x06); both lines bear the origin as name; while
  it changes its keys, by two such pairs
- lines of unknown keys are ignored; a bad line of a known key spoils the note
- the empty tree has the empty tree's root

    data = sign_checkpoint(Checkpoint(origin, size, root), ed25519_seed, mldsa44_seed, time_s)
    open_checkpoint(data, LogKeys(origin, ed25519_key, mldsa44_key))    -> Checkpoint
"""

import re
from collections.abc import Callable

import msgspec

from registry.chain import cosignature
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.note import (
    LIMITS,
    TYPE_COSIGNATURE,
    TYPE_ED25519,
    TYPE_MLDSA44,
    Limits,
    Note,
    Signature,
    TextVerifier,
    Verifier,
    VerifierKey,
    format_note,
    open_note,
    parse_note,
    sign_line,
    verifier_key,
)
from registry.chain.strict import MAX_INT64, format_base64, parse_base64, parse_decimal
from registry.chain.tlog import EMPTY_ROOT, HASH_BYTES

ORIGIN_BYTES_MAX = 200

_is_origin = re.compile(r"[a-z0-9.-]+(/[a-z0-9.-]+)*").fullmatch


class Checkpoint(msgspec.Struct, frozen=True):
    """A tree head: which log, how many leaves, which root."""

    origin: str
    size: int
    root: bytes


class LogKeys(msgspec.Struct, frozen=True):
    """The public keys of a log, raw; without an ML-DSA-44 key its line is not looked for."""

    origin: str
    ed25519: bytes
    mldsa44: bytes | None

    def verifiers(self) -> tuple[Verifier, ...]:
        """Return one verifier per key, all under the origin as name."""
        keys = [verifier_key(self.origin, TYPE_ED25519, self.ed25519)]
        if self.mldsa44 is not None:
            keys.append(verifier_key(self.origin, TYPE_MLDSA44, self.mldsa44))
        return tuple(verifier(key) for key in keys)


class _CosignatureVerifier(msgspec.Struct, frozen=True):
    """Judges 0x04 lines."""

    key: VerifierKey

    def verify(self, text: bytes, body: bytes) -> int:
        return cosignature.verify_ed25519(self.key, body, text)


class _HeadVerifier(msgspec.Struct, frozen=True):
    """Judges 0x06 lines, which sign the head and not the text."""

    key: VerifierKey

    def verify(self, text: bytes, body: bytes) -> int:
        head = parse_checkpoint(text)
        return cosignature.verify_mldsa44(self.key, body, head.origin, head.size, head.root)


_VERIFIERS: dict[int, Callable[[VerifierKey], Verifier]] = {
    TYPE_ED25519: TextVerifier,
    TYPE_COSIGNATURE: _CosignatureVerifier,
    TYPE_MLDSA44: _HeadVerifier,
}


def verifier(key: VerifierKey) -> Verifier:
    """Return what judges this key's lines below a checkpoint; Malformed for another type."""
    kind = _VERIFIERS.get(key.type)
    if kind is None:
        raise Malformed(f"a key of type {key.type:#04x} does not sign checkpoints")
    return kind(key)


def check_origin(origin: str) -> str:
    """Return `origin` if a log may have it; Malformed otherwise."""
    if len(origin) > ORIGIN_BYTES_MAX or not _is_origin(origin):
        raise Malformed(f"not the origin of a log: {origin[:60]!a}")
    return origin


def parse_checkpoint(text: bytes, *, lenient: bool = False) -> Checkpoint:
    """Return the head that the text of a checkpoint states; Malformed otherwise.

    `lenient` takes any origin and extension lines, as logs of other makers have them; these are
    then no part of the result.
    """
    lines = text.split(b"\n")
    if len(lines) < 4 or lines.pop() or not all(lines) or (len(lines) > 3 and not lenient):
        raise Malformed("a checkpoint is three lines, each ending in a line feed")
    try:
        origin = lines[0].decode()
    except UnicodeDecodeError as error:
        raise Malformed("an origin that is not UTF-8", where="line 1") from error
    head = Checkpoint(origin, parse_decimal(lines[1]), parse_base64(lines[2]))
    _check_head(head, lenient=lenient)
    return head


def format_checkpoint(head: Checkpoint) -> bytes:
    """Return the text of a checkpoint; Malformed if `head` has none."""
    _check_head(head, lenient=False)
    return f"{head.origin}\n{head.size}\n{format_base64(head.root)}\n".encode()


def _check_head(head: Checkpoint, *, lenient: bool) -> None:
    if not lenient:
        check_origin(head.origin)
    if not 0 <= head.size <= MAX_INT64:
        raise Malformed(f"not a tree size: {head.size}", where="line 2")
    if len(head.root) != HASH_BYTES:
        raise Malformed("a root that has not 32 bytes", where="line 3")
    if head.size == 0 and head.root != EMPTY_ROOT:
        raise Malformed("an empty tree with a root of its own", where="line 3")


def sign_checkpoint(
    head: Checkpoint,
    ed25519_seed: bytes,
    mldsa44_seed: bytes,
    time_s: int,
    *former: tuple[bytes, bytes],
) -> bytes:
    """Return the note of `head` with the log's 0x01 and 0x06 lines, by private seeds of 32 bytes.

    `former`: the seeds of pairs that are being replaced and still sign too. Only a committed head
    may be signed, and the result must be kept before it leaves: this is the caller's to see to.
    """
    text = format_checkpoint(head)
    lines: list[Signature] = []
    for ed25519, mldsa44 in ((ed25519_seed, mldsa44_seed), *former):
        lines.append(sign_line(head.origin, ed25519, text))
        lines.append(
            cosignature.cosign_mldsa44(
                head.origin, mldsa44, head.origin, head.size, head.root, time_s
            )
        )
    return format_note(Note(text, tuple(lines)))


def open_checkpoint(data: bytes, *pairs: LogKeys, limits: Limits = LIMITS) -> Checkpoint:
    """Return the head that the log signed; NotTrusted unless each key of `pairs` has a good line.

    The origin must be that of the keys: another log's head is not this log's, whoever signed it.
    """
    note = parse_note(data, limits)
    head = parse_checkpoint(note.text)
    for pair in pairs:
        if head.origin != pair.origin:
            raise NotTrusted(f"a checkpoint of {head.origin} instead of {pair.origin}")
    verifiers = [judge for pair in pairs for judge in pair.verifiers()]
    good = {line.key for line in open_note(note, verifiers)}
    for judge in verifiers:
        if judge.key not in good:
            kind = "Ed25519" if judge.key.type == TYPE_ED25519 else "ML-DSA-44"
            raise NotTrusted(
                f"a checkpoint without the log's {kind} line by"
                f" {judge.key.name}+{judge.key.key_id.hex()}"
            )
    return head
