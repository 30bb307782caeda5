"""The evidence file: a record, those it stands on, and their proofs to one checkpoint.

Source: DESIGN of Tanbu, "Evidence file"; docs/spec/evidence.md has every byte of an example.
Refuses to know: who is trusted, whether a proof or a signature is good.

    {"checkpoint":"<base64>","cosigners":[],"format":"tanbu.evidence/v1",
     "records":[{"proof":["<base64>",…],"record":"<base64>"},…],"seals":[],"subject":27,"tokens":[]}

Rules
- one line of canonical JSON without a line feed; ASCII; exactly these fields, and `policy` if it
  is there: a field that is not known here is Malformed
- `checkpoint`: a signed note. First the lines named by the origin, those of 64 bytes (Ed25519)
  before those of 2,428 (ML-DSA-44), each kind ascending by key id; then the lines of `cosigners`
- `cosigners`: `<name>+<8 hex>` of every other key whose line is there, ascending: a line that is
  not listed, and a listed one that is missing, is Malformed
- `records`: ascending by the index in the record's own head; `proof`: from the leaf up
- `subject`: the index of the record that the file is about
- `seals`, `tokens`: for later state and RFC 3161 tokens; if not empty, a version that does not know
  them has "could not check"
- `policy`: base64 of a text that is shown and never used
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from registry.chain.checkpoint import Checkpoint, parse_checkpoint
from registry.chain.errors import Malformed, Unavailable
from registry.chain.note import Limits, Note, Signature, format_note, parse_note
from registry.chain.strict import format_base64, parse_base64
from registry.chain.tlog import HASH_BYTES, LEVELS_MAX
from registry.ledger.codec import Record, parse_record

FORM = "tanbu.evidence/v1"
EVIDENCE_BYTES_MAX = 33_554_432
"""32 MiB; a retirement's file is some 30 kB."""
RECORDS_MAX = 4_096
COSIGNERS_MAX = 60
POLICY_BYTES_MAX = 65_535
_CHECKPOINT_LIMITS = Limits(bytes_max=262_144, lines_max=64)

Base64 = Annotated[str, Meta(max_length=400_000)]


class ProvedRecord(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A record and the way from its leaf to the root."""

    record: Base64
    proof: Annotated[tuple[Annotated[str, Meta(max_length=44)], ...], Meta(max_length=LEVELS_MAX)]


class EvidenceFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields of the file, as they stand there."""

    format: str
    subject: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    checkpoint: Base64
    cosigners: Annotated[tuple[str, ...], Meta(max_length=COSIGNERS_MAX)]
    records: Annotated[tuple[ProvedRecord, ...], Meta(min_length=1, max_length=RECORDS_MAX)]
    seals: tuple[msgspec.Raw, ...]
    tokens: tuple[msgspec.Raw, ...]
    policy: Base64 | UnsetType = UNSET


class Proved(Struct, frozen=True):
    """A record with its bytes and its inclusion proof, not yet checked."""

    read: Record
    data: bytes
    proof: tuple[bytes, ...]


class Evidence(Struct, frozen=True):
    """What a file holds, in bytes; the form is right, nothing else is known."""

    subject: int
    head: Checkpoint
    text: bytes
    log_lines: tuple[Signature, ...]
    cosigner_lines: tuple[Signature, ...]
    records: tuple[Proved, ...]
    policy: bytes | None

    @property
    def note(self) -> Note:
        """The checkpoint as a note."""
        return Note(self.text, self.log_lines + self.cosigner_lines)


_decode = msgspec.json.Decoder(EvidenceFile).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def parse_evidence(data: bytes) -> Evidence:
    """What the file holds; Malformed unless it is exactly of the form.

    Unavailable if it holds seals or tokens, which this version does not know.
    """
    if len(data) > EVIDENCE_BYTES_MAX:
        raise Malformed(f"an evidence file of more than {EVIDENCE_BYTES_MAX} bytes")
    if not data.isascii() or b"\\" in data or b"\x7f" in data:
        raise Malformed("an evidence file with a character that none has")
    try:
        file = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not an evidence file: {error}") from error
    if file.format != FORM:
        raise Malformed(f"an evidence file of another form than {FORM}", where="format")
    if file.seals or file.tokens:
        raise Unavailable(
            "the file holds seals or time stamps, which this version cannot check",
            todo="use a version of tanbu that knows them",
        )
    if _encode(file) != data:
        raise Malformed("the file is not in canonical form")
    return _opened(file)


def _opened(file: EvidenceFile) -> Evidence:
    note = parse_note(_bytes(file.checkpoint, "checkpoint"), _CHECKPOINT_LIMITS)
    head = parse_checkpoint(note.text)
    log_lines, cosigner_lines = divide_lines(note.signatures, head.origin)
    if (*log_lines, *cosigner_lines) != note.signatures:
        raise Malformed("the checkpoint's lines are not in their order", where="checkpoint")
    if tuple(map(key_of, cosigner_lines)) != file.cosigners:
        raise Malformed(
            "cosigners are not exactly the keys whose lines the checkpoint carries",
            where="cosigners",
        )
    records = tuple(_proved(held, n) for n, held in enumerate(file.records))
    if any(a.read.index >= b.read.index for a, b in pairwise(records)):
        raise Malformed("the records are not in ascending order", where="records")
    if file.subject not in {held.read.index for held in records}:
        raise Malformed("the record that the file is about is missing", where="subject")
    policy = None if file.policy is UNSET else _bytes(file.policy, "policy")
    return Evidence(file.subject, head, note.text, log_lines, cosigner_lines, records, policy)


def _proved(held: ProvedRecord, number: int) -> Proved:
    where = f"records, number {number}"
    data = _bytes(held.record, where)
    try:
        read = parse_record(data)
    except Malformed as error:
        raise Malformed(error.message, where=where) from error
    proof = tuple(_bytes(text, where) for text in held.proof)
    if any(len(value) != HASH_BYTES for value in proof):
        raise Malformed("a hash that has not 32 bytes", where=where)
    return Proved(read, data, proof)


def _bytes(text: str, where: str) -> bytes:
    try:
        return parse_base64(text)
    except Malformed as error:
        raise Malformed(error.message, where=where) from error


def key_of(line: Signature) -> str:
    """`<name>+<8 hex>` of the key that a line says it is by."""
    return f"{line.name}+{line.key_id.hex()}"


def divide_lines(
    lines: Iterable[Signature], origin: str
) -> tuple[tuple[Signature, ...], tuple[Signature, ...]]:
    """A checkpoint's lines in the file's order: those named by the origin, and the cosigners'.

    Malformed if two lines are of one key.
    """
    ordered = sorted(lines, key=lambda line: (len(line.body), line.key_id))
    ours = tuple(line for line in ordered if line.name == origin)
    others = tuple(sorted((line for line in ordered if line.name != origin), key=key_of))
    names = [key_of(line) for line in ours + others]
    if len(set(names)) != len(names):
        raise Malformed("the checkpoint carries two lines of one key", where="checkpoint")
    return ours, others


def _may_stand(name: str) -> bool:
    """True if a cosigner's name can be listed; the line of another one is left out."""
    return name.isascii() and "\\" not in name and name.isprintable()


def format_evidence(
    subject: int, checkpoint: bytes, records: Sequence[tuple[bytes, Sequence[bytes]]]
) -> bytes:
    """The evidence file about `subject`: a signed checkpoint, and (record, proof) pairs.

    Malformed if they do not make such a file; whether they are true is not asked here.
    """
    note = parse_note(checkpoint, _CHECKPOINT_LIMITS)
    lines = [line for line in note.signatures if _may_stand(line.name)]
    ours, others = divide_lines(lines, parse_checkpoint(note.text).origin)
    ordered = sorted(records, key=lambda pair: parse_record(pair[0]).index)
    file = EvidenceFile(
        format=FORM,
        subject=subject,
        checkpoint=format_base64(format_note(Note(note.text, ours + others))),
        cosigners=tuple(key_of(line) for line in others),
        records=tuple(
            ProvedRecord(record=format_base64(record), proof=tuple(map(format_base64, proof)))
            for record, proof in ordered
        ),
        seals=(),
        tokens=(),
    )
    data = _encode(file)
    parse_evidence(data)
    return data
