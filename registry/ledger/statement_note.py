"""Signed statements that are no entries: a header, the log's origin, one line of canonical JSON.

Source: docs/spec/formats.md, "Refusal note" and "Reconciliation report". Refuses to know: what is
stated, and whose keys count.

Rules
- a signed note of exactly three lines of text; the header tells kinds apart, and from entries
- exactly one signature line, 0x01, named by the party of the key; it signs the text

    note = sign_statement(b"tanbu.refusal/v1\\n", origin, body, key)
    parse_statement(note, b"tanbu.refusal/v1\\n", bytes_max=2_000).body
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

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
from registry.ledger.entries.common import PartyName
from registry.ledger.signing import SigningKey


class Statement(Struct, frozen=True):
    """A statement taken apart: `body` is its third line, canonical JSON without the LF."""

    origin: str
    body: bytes
    note: Note

    @property
    def signer(self) -> str:
        """`<party>+<8 hex>` of the key that the line names."""
        (line,) = self.note.signatures
        return f"{line.name}+{line.key_id.hex()}"


def sign_statement(header: bytes, origin: str, body: bytes, key: SigningKey) -> bytes:
    """The note of a statement; Malformed if the origin has no such form."""
    text = header + check_origin(origin).encode() + b"\n" + body + b"\n"
    return format_note(Note(text, (key.line(text),)))


def parse_statement(data: bytes, header: bytes, *, bytes_max: int) -> Statement:
    """The statement that `data` is, byte for byte; Malformed if none. Judges no signature."""
    word = header.decode().rstrip("\n")
    if not data.startswith(header):
        raise Malformed(f"the first line is not {word}", where="line 1")
    limits = Limits(bytes_max=bytes_max, lines_max=1, line_body_bytes_max=SIGNATURE_BYTES)
    note = parse_note(data, limits)
    lines = note.text[len(header) :].split(b"\n")
    if len(lines) != 3 or lines[2]:
        raise Malformed(f"the text of a {word} has exactly three lines")
    canonical.parse_json(lines[1])
    try:
        msgspec.convert(note.signatures[0].name, PartyName)
    except msgspec.ValidationError as error:
        raise Malformed(f"not signed by a party: {error}", where="signature") from error
    if len(note.signatures[0].body) != SIGNATURE_BYTES:
        raise Malformed("the signature line is not of an Ed25519 key", where="signature")
    return Statement(check_origin(lines[0].decode()), lines[1], note)


def open_statement(note: Note, signer: str, keys: Iterable[VerifierKey]) -> VerifierKey:
    """The key of `keys` by which the line is good; NotTrusted if there is none."""
    known = [key for key in keys if f"{key.name}+{key.key_id.hex()}" == signer]
    if not known:
        raise NotTrusted(f"the line is of {signer}, whose key is not trusted here")
    (verified,) = open_note(note, [TextVerifier(key) for key in known])
    return verified.key
