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

from registry.chain.errors import Malformed
from registry.chain.note import Note, VerifierKey
from registry.chain.strict import MAX_INT
from registry.ledger.entries.common import Int, Sha256
from registry.ledger.signing import SigningKey
from registry.ledger.statement_note import open_statement, parse_statement, sign_statement

HEADER = b"tanbu.refusal/v1\n"
NOTE_BYTES_MAX = 2_000


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
    return sign_statement(HEADER, origin, _encode(said), key)


def parse_refusal(data: bytes) -> SignedRefusal:
    """What a refusal note says; Malformed unless it is one, byte for byte. Judges no signature."""
    found = parse_statement(data, HEADER, bytes_max=NOTE_BYTES_MAX)
    try:
        said = _decode(found.body)
    except msgspec.MsgspecError as error:
        raise Malformed(f"not a refusal: {error}", where="line 3") from error
    return SignedRefusal(found.origin, said, found.note)


def open_refusal(signed: SignedRefusal, keys: Iterable[VerifierKey]) -> VerifierKey:
    """The key of `keys` by which the line is good; NotTrusted if there is none."""
    return open_statement(signed.note, signed.signer, keys)
