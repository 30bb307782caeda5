"""Signed notes: a text with signature lines below it.

Source: C2SP signed-note. Refuses to know: what the text says, and who is trusted.

    This is an example message.
                                                     <- the last blank line divides
    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1T...    <- em dash, name, base64(key id || body)

Rules
- UTF-8, no control character below U+0020 but LF; the text ends in LF, and so does each line
- divided at the *last* blank line; 1 to 64 lines, each exactly "— <name> <base64>"
- a name is 1 to 255 bytes without white space and "+"
- key id = SHA-256(name || LF || type || public key)[:4]
- a line of a known key (name and id) must be good or the note is not; other lines are ignored
- base64 and hex in their one form only, so that parse and format are inverse, byte for byte

    note = parse_note(data)
    verified = open_note(note, [TextVerifier(parse_vkey("example.com/foo+530d903a+AekyeRrm..."))])
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Protocol

import msgspec

from registry.chain import ed25519
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.strict import format_base64, parse_base64, parse_hex

TYPE_ED25519 = 0x01
TYPE_COSIGNATURE = 0x04
TYPE_MLDSA44 = 0x06
TYPE_OWN = 0xFF

KEY_ID_BYTES = 4
NAME_BYTES_MAX = 255
"""So that a name fits behind a length of one byte in the 0x06 message."""

_PUBLIC_KEY_BYTES = {TYPE_ED25519: 32, TYPE_COSIGNATURE: 32, TYPE_MLDSA44: 1312}
_OWN_KEY_BYTES_MAX = 1024

_DASH = "— ".encode()
_CONTROLS = bytes(set(range(0x20)) - {0x0A})
# White space of any script: a name must not look like two words.
_is_name = re.compile(r"[^\s+\x00-\x1f]+").fullmatch


class Limits(msgspec.Struct, frozen=True):
    """What a note may cost before anything of it is believed."""

    bytes_max: int = 65_535
    lines_max: int = 64
    line_body_bytes_max: int = 4_096


LIMITS = Limits()


class Signature(msgspec.Struct, frozen=True, gc=False):
    """One signature line: who says it signed, by which key, and the bytes that prove it."""

    name: str
    key_id: bytes
    body: bytes


class Note(msgspec.Struct, frozen=True):
    """A text, with its last LF, and the lines below it in their order."""

    text: bytes
    signatures: tuple[Signature, ...]


class VerifierKey(msgspec.Struct, frozen=True):
    """A public key with the name it signs under; make it with `verifier_key` or `parse_vkey`."""

    name: str
    type: int
    public_key: bytes
    key_id: bytes


class Verified(msgspec.Struct, frozen=True):
    """A line that was found good, its key, and the time it states (0 where it states none)."""

    key: VerifierKey
    signature: Signature
    time_s: int


class Verifier(Protocol):
    """Judges the lines of one key."""

    @property
    def key(self) -> VerifierKey:
        """The key whose lines it judges."""
        ...

    def verify(self, text: bytes, body: bytes) -> int:
        """Return the seconds since 1970 that the line states, or 0; NotTrusted if it is bad."""
        ...


class TextVerifier(msgspec.Struct, frozen=True):
    """Judges 0x01 lines: plain Ed25519 over the text."""

    key: VerifierKey

    def __post_init__(self) -> None:
        if self.key.type != TYPE_ED25519:
            raise Malformed(f"the key of {self.key.name} is not of type 0x01")

    def verify(self, text: bytes, body: bytes) -> int:
        """Return 0 if `body` is this key's signature of `text`; NotTrusted otherwise."""
        ed25519.verify(self.key.public_key, body, text)
        return 0


def parse_note(data: bytes, limits: Limits = LIMITS) -> Note:
    """Return the note that `data` is, byte for byte; Malformed if it is none or over a limit."""
    if len(data) > limits.bytes_max:
        raise Malformed(f"a note of more than {limits.bytes_max} bytes")
    _check_characters(data)
    divide = data.rfind(b"\n\n")
    if divide < 0:
        raise Malformed("a note without a blank line above its signatures")
    if not data.endswith(b"\n") or divide + 2 == len(data):
        raise Malformed("a note whose last line is not a signature line ending in a line feed")
    lines = data[divide + 2 : -1].split(b"\n")
    if len(lines) > limits.lines_max:
        raise Malformed(f"a note with more than {limits.lines_max} signature lines")
    body_bytes_max = limits.line_body_bytes_max
    return Note(data[: divide + 1], tuple([_parse_line(line, body_bytes_max) for line in lines]))


def _check_characters(data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise Malformed("a note that is not UTF-8", where=f"byte {error.start}") from error
    if len(data.translate(None, _CONTROLS)) != len(data):
        raise Malformed("a note with a control character")


def _parse_line(line: bytes, body_bytes_max: int) -> Signature:
    name, _, encoded = line[len(_DASH) :].partition(b" ")
    if not line.startswith(_DASH) or not encoded:
        raise Malformed(f"not a signature line: {line[:40]!a}")
    data = parse_base64(encoded)
    if not KEY_ID_BYTES < len(data) <= KEY_ID_BYTES + body_bytes_max:
        raise Malformed(f"a signature of 0 or more than {body_bytes_max} bytes")
    return Signature(check_name(name.decode()), data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def check_name(name: str) -> str:
    """Return `name` if it may stand in a signature line; Malformed otherwise."""
    if not _is_name(name) or len(name.encode(errors="surrogatepass")) > NAME_BYTES_MAX:
        raise Malformed(f"not a key name: {name[:40]!a}")
    return name


def format_note(note: Note) -> bytes:
    """Return the bytes of `note`; Malformed if it has no line or its text is not a note's text."""
    if not note.text.endswith(b"\n") or not note.signatures:
        raise Malformed("a note needs a text that ends in a line feed, and a signature")
    data = note.text + b"\n" + b"".join(format_line(line) for line in note.signatures)
    _check_characters(data)
    return data


def format_line(signature: Signature) -> bytes:
    """Return one signature line with its LF."""
    encoded = format_base64(signature.key_id + signature.body)
    return f"— {check_name(signature.name)} {encoded}\n".encode()


def key_id(name: str, type: int, public_key: bytes) -> bytes:
    """Return the 4 bytes that name a key in a line: no security in them, only a hint."""
    return sha256(name.encode() + b"\n" + bytes([type]) + public_key).digest()[:KEY_ID_BYTES]


def verifier_key(name: str, type: int, public_key: bytes) -> VerifierKey:
    """Return the key with its id; Malformed if the type is unknown or the key not of its form."""
    length = _PUBLIC_KEY_BYTES.get(type)
    if type == TYPE_OWN:
        right = 0 < len(public_key) <= _OWN_KEY_BYTES_MAX
    else:
        right = len(public_key) == length
    if not right:
        raise Malformed(f"a key of unknown type {type:#04x} or wrong length {len(public_key)}")
    if length == ed25519.PUBLIC_KEY_BYTES:
        ed25519.check_public_key(public_key)
    return VerifierKey(check_name(name), type, public_key, key_id(name, type, public_key))


def parse_vkey(text: str) -> VerifierKey:
    """Return the key written as `<name>+<8 hex>+<base64(type || key)>`; Malformed otherwise."""
    parts = text.split("+", 2)  # base64 may itself hold "+"
    if len(parts) != 3:
        raise Malformed(f"not a verifier key: {text[:60]!a}")
    name, id_hex, encoded = parts
    data = parse_base64(encoded)
    if not data:
        raise Malformed("a verifier key without a key")
    key = verifier_key(name, data[0], data[1:])
    if parse_hex(id_hex, KEY_ID_BYTES) != key.key_id:
        raise Malformed(f"the verifier key of {name} does not have the id that it states")
    return key


def format_vkey(key: VerifierKey) -> str:
    """Return `key` as `<name>+<8 hex>+<base64(type || key)>`."""
    return f"{key.name}+{key.key_id.hex()}+{format_base64(bytes([key.type]) + key.public_key)}"


def sign_line(name: str, seed: bytes, text: bytes) -> Signature:
    """Return the 0x01 line by the Ed25519 key of a 32-byte private `seed` over `text`."""
    key = verifier_key(name, TYPE_ED25519, ed25519.public_key(seed))
    return Signature(name, key.key_id, ed25519.sign(seed, text))


def open_note(note: Note, verifiers: Iterable[Verifier]) -> tuple[Verified, ...]:
    """Return one good line per key of `verifiers`, in the note's order: the latest, if they differ.

    NotTrusted if a line of a known key is bad, even beside a good one, or if no line is of a
    known key; Malformed if two verifiers share name and key id.
    """
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.key.name, verifier.key.key_id), verifier) is not verifier:
            raise Malformed(f"two keys of the name {verifier.key.name} have the same id")
    verified: dict[tuple[str, bytes], Verified] = {}
    for line in note.signatures:
        who = (line.name, line.key_id)
        if who not in known:
            continue
        time_s = known[who].verify(note.text, line.body)
        if who not in verified or time_s > verified[who].time_s:
            verified[who] = Verified(known[who].key, line, time_s)
    if not verified:
        raise NotTrusted("no signature line is of a key that is trusted here")
    return tuple(verified.values())
