"""Refusal notes: the operator's signed word that an entry arrived and was refused (DESIGN §3).

Source: docs/spec/formats.md, "Refusal note". Refuses to know: whether the refusal was right, and
which keys are the operator's.

    tanbu.refusal/v1
    cn-gd.example/log/5f0c91ae
    {"number":503,"size":42,"text_sha256":"9f86d0…","time_ms":1763700000000}

    — operator.cn-gd 618408b1…

Rules
- a signed note whose text is exactly these three lines: header, the log's origin, canonical JSON
- `text_sha256`: SHA-256 of the text that the entry's signers signed, three lines with their LF;
  `number`: of the refusal; `size`: how many records the log had when it was judged, so the index
  that the entry would have got; `time_ms`: the record time that it would have got
- exactly one signature line, 0x01, named by the party of the key; it signs the text
- the header differs from that of entries: neither can be passed off as the other

    note = sign_refusal(origin, RefusalText(number=503, ...), key)
    signed = parse_refusal(note)
    open_refusal(signed, [vkey])              # NotTrusted, or the vkey by which the line is good
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from registry.chain import canonical
from registry.chain.checkpoint import check_origin
from registry.chain.ed25519 import SIGNATURE_BYTES
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.note import (
    Limits,
    Note,
    TextVerifier,
    VerifierKey,
    format_note,
    open_note,
    parse_note,
)
from registry.chain.strict import MAX_INT
from registry.ledger.entries.common import Int, PartyName, Sha256
from registry.ledger.signing import SigningKey

HEADER = b"tanbu.refusal/v1\n"
NOTE_BYTES_MAX = 2_000
_LIMITS = Limits(bytes_max=NOTE_BYTES_MAX, lines_max=1, line_body_bytes_max=SIGNATURE_BYTES)


class RefusalText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a refusal note states about one entry."""

    number: Annotated[int, Meta(ge=1, le=MAX_INT)]
    size: Int
    text_sha256: Sha256
    time_ms: Int


class SignedRefusal(Struct, frozen=True):
    """A refusal note taken apart; `note` is what `open_refusal` judges."""

    origin: str
    said: RefusalText
    note: Note

    @property
    def signer(self) -> str:
        """`<party>+<8 hex>` of the key that the line names."""
        (line,) = self.note.signatures
        return f"{line.name}+{line.key_id.hex()}"


_decode = msgspec.json.Decoder(RefusalText).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def text_sha256(note: bytes) -> str:
    """What a refusal note names an entry by; precondition: `note` is a signed note."""
    return sha256(note[: note.rindex(b"\n\n") + 1]).hexdigest()


def sign_refusal(origin: str, said: RefusalText, key: SigningKey) -> bytes:
    """The note of a refusal; Malformed if it has no such form. Some 50 µs."""
    text = HEADER + check_origin(origin).encode() + b"\n" + _encode(said) + b"\n"
    return format_note(Note(text, (key.line(text),)))


def parse_refusal(data: bytes) -> SignedRefusal:
    """What a refusal note says; Malformed unless it is one, byte for byte. Judges no signature."""
    if not data.startswith(HEADER):
        raise Malformed("the first line is not tanbu.refusal/v1", where="line 1")
    note = parse_note(data, _LIMITS)
    lines = note.text[len(HEADER) :].split(b"\n")
    if len(lines) != 3 or lines[2]:
        raise Malformed("a refusal note's text has exactly three lines")
    canonical.parse_json(lines[1])
    try:
        said = _decode(lines[1])
        msgspec.convert(note.signatures[0].name, PartyName)
        if len(note.signatures[0].body) != SIGNATURE_BYTES:
            raise Malformed("the signature line is not of an Ed25519 key", where="signature")
    except msgspec.MsgspecError as error:
        raise Malformed(f"not a refusal: {error}", where="line 3") from error
    return SignedRefusal(check_origin(lines[0].decode()), said, note)


def open_refusal(signed: SignedRefusal, keys: Iterable[VerifierKey]) -> VerifierKey:
    """The key of `keys` by which the line is good; NotTrusted if there is none."""
    known = [key for key in keys if f"{key.name}+{key.key_id.hex()}" == signed.signer]
    if not known:
        raise NotTrusted(f"the line is of {signed.signer}, whose key is not trusted here")
    (verified,) = open_note(signed.note, [TextVerifier(key) for key in known])
    return verified.key
