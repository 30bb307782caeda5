"""Entries and records as bytes: strict both ways (DESIGN §2, Entry and Record).

An entry is a signed note whose text is exactly three lines: `tanbu.entry/v1`, the origin, and the
entry as canonical JSON. A record, the leaf of the log, is `<index> <unix ms>` LF and that note byte
for byte. One value has one text: what is signed is what is stored and hashed.

Refuses to know: whether the entry is allowed, and whether its signatures are good.

    parsed = parse_entry(note)          # Malformed, or what the bytes say
    record = format_record(7, 1763700000000, parsed.note)
"""

from functools import lru_cache
from hashlib import sha256
from itertools import pairwise

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from registry.chain import canonical
from registry.chain.errors import Malformed
from registry.chain.note import Limits, Note, parse_note
from registry.chain.strict import check_text, parse_decimal
from registry.ledger.entries import Common, Entry, Transfer
from registry.ledger.entries.moving import Item

HEADER = b"tanbu.entry/v1\n"
_HEADER_BYTES = len(HEADER)
RECORD_BYTES_MAX = 65_535
RECORD_HEAD_BYTES_MAX = 40
"""`<index> <unix ms>` LF, both of at most 19 digits."""
ENTRY_BYTES_MAX = RECORD_BYTES_MAX - RECORD_HEAD_BYTES_MAX
SIGNATURE_LINES_MAX = 16
_LIMITS = Limits(bytes_max=ENTRY_BYTES_MAX, lines_max=SIGNATURE_LINES_MAX)

_decode = msgspec.json.Decoder(Entry).decode
_encode = msgspec.json.Encoder(order="sorted").encode


class Parsed(Struct, frozen=True, gc=False):
    """An entry with the bytes that it came in.

    `signatures` stand in the order of `entry.signers`.
    """

    origin: str
    entry: Entry
    note: bytes
    text: bytes
    signatures: tuple[bytes, ...]


class Record(Struct, frozen=True, gc=False):
    """A leaf of the log."""

    index: int
    time_ms: int
    note: bytes


def format_text(origin: str, entry: Common) -> bytes:
    """The three lines that an entry's signers sign; Malformed if a string may not stand in them."""
    line = _encode(entry)
    _check_texts(line)
    return HEADER + origin.encode() + b"\n" + line + b"\n"


def parse_text(text: bytes) -> tuple[str, Entry]:
    """The origin and the entry of a note's text; Malformed if it is not three such lines."""
    if not text.startswith(HEADER):
        raise Malformed("the first line is not tanbu.entry/v1", where="line 1")
    lines = text[len(HEADER) :].split(b"\n")
    if len(lines) != 3 or lines[2]:
        raise Malformed("an entry's text has exactly three lines", where="entry")
    return lines[0].decode(), decode_entry(lines[1])


def decode_entry(line: bytes) -> Entry:
    """The entry whose canonical JSON is exactly `line`; Malformed, with the place, otherwise."""
    try:
        entry: Entry = _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        canonical.parse_json(line)  # its reason comes first where the JSON itself is at fault
        raise Malformed(f"not an entry: {error}", where="line 3") from error
    if _encode(entry) != line:
        canonical.parse_json(line)
        raise Malformed("the entry is not in canonical form", where="line 3")
    _check_texts(line)
    return entry


def parse_entry(note: bytes) -> Parsed:
    """What a submitted note says; Malformed unless it has one signature line per signer, in order.

    Whether the signatures are good is for `apply` to decide, by the keys in force.
    """
    opened = parse_note(note, _LIMITS)
    origin, entry = parse_text(opened.text)
    check_signers(entry, opened)
    return Parsed(
        origin=origin,
        entry=entry,
        note=note,
        text=opened.text,
        signatures=tuple([line.body for line in opened.signatures]),
    )


class _KnownItem(Item, frozen=True, kw_only=True):
    """An item whose words are known to be of the form."""

    batch: str
    quantity_g: int | UnsetType = UNSET
    first: int | UnsetType = UNSET
    last: int | UnsetType = UNSET


class _KnownTransfer(Transfer, frozen=True, kw_only=True, tag="transfer"):
    """A transfer whose words are known to be of the form: half of decoding is matching patterns."""

    id: str
    not_after: int
    signers: tuple[str, ...]
    from_: str = field(name="from")
    to: str
    items: tuple[_KnownItem, ...]


_decode_known = msgspec.json.Decoder(_KnownTransfer).decode
_KIND_TRANSFER = b'"kind":"transfer"'


def decode_trusted(note: bytes, text_end: int, signatures: tuple[bytes, ...]) -> Parsed:
    """`parse_entry` of a note that it has already accepted elsewhere, without checking it again.

    `text_end` is the length of the text, `signatures` are the lines' bodies. What is no entry at
    all is still Malformed.
    """
    text = note[:text_end]
    line = text.index(b"\n", _HEADER_BYTES) + 1
    entry = decode_known(text[line:-1])
    return Parsed(text[_HEADER_BYTES : line - 1].decode(), entry, note, text, signatures)


def decode_known(line: bytes) -> Entry:
    """The entry of a line that is held to its one form elsewhere, and here only in part.

    What is no entry at all is Malformed.
    """
    # The kind stands where its field stands: in a string, its quotes would have a backslash.
    decode = _decode_known if _KIND_TRANSFER in line else _decode
    try:
        entry: Entry = decode(line)
    except msgspec.MsgspecError as error:
        raise Malformed(f"not an entry: {error}", where="line 3") from error
    return entry


def check_signers(entry: Common, note: Note) -> None:
    """Malformed unless the note's lines are those of `signers`, each once, in their order."""
    signers = entry.signers
    if len(signers) > 1 and any(a >= b for a, b in pairwise(signers)):
        raise Malformed("signers are not sorted or one is listed twice", where="signers")
    lines = tuple([f"{line.name}+{line.key_id.hex()}" for line in note.signatures])
    if lines != signers:
        missing = sorted(set(signers) - set(lines))
        extra = sorted(set(lines) - set(signers))
        what = f"missing: {', '.join(missing)}" if missing else f"extra: {', '.join(extra)}"
        if not missing and not extra:
            what = "double or out of order"
        raise Malformed(
            f"the signature lines are not exactly those of signers, in their order ({what})",
            where="signatures",
            todo="add missing signatures with: tanbu entry sign",
        )


def format_record(index: int, time_ms: int, note: bytes) -> bytes:
    """The leaf of an entry; precondition: `note` is one that `parse_entry` has accepted."""
    return b"%d %d\n%b" % (index, time_ms, note)


def parse_record(record: bytes) -> Record:
    """The index, the time and the note of a leaf; Malformed if it does not have that form."""
    if len(record) > RECORD_BYTES_MAX:
        raise Malformed(f"a record of more than {RECORD_BYTES_MAX} bytes")
    end = record.find(b"\n", 0, RECORD_HEAD_BYTES_MAX)
    head = record[:end].split(b" ") if end > 0 else []
    if len(head) != 2:
        raise Malformed("a record does not begin with its index and time")
    return Record(parse_decimal(head[0]), parse_decimal(head[1]), record[end + 1 :])


def id_key(entry: Common) -> bytes:
    """What an entry's id is known by: 16 bytes of the UUID (so that keys ascend with time), then

    the first 8 bytes of SHA-256 of the first signer, for whom the id is unique.
    """
    return bytes.fromhex(entry.id.replace("-", "")) + _signer_tag(entry.signers[0])


@lru_cache(maxsize=16_384)
def _signer_tag(signer: str) -> bytes:
    return sha256(signer.encode()).digest()[:8]


def _check_texts(line: bytes) -> None:
    """Malformed if a string holds what may not be signed; nearly every entry is plain ASCII.

    JSON forbids raw control characters in strings, so without a backslash and DEL an ASCII line
    holds none.
    """
    if line.isascii() and b"\\" not in line and b"\x7f" not in line:
        return
    stack: list[object] = [msgspec.json.decode(line)]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            check_text(item)
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
