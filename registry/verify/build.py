"""Building an evidence file from a log at hand: which records, their proofs, one checkpoint.

Refuses to know: where log and hashes are kept. It uses the state map as a guide to where things
stand; nothing of that guide goes into the file, and who reads it believes none of it.

Rules
- the checkpoint is the newest published one; what is not yet under it cannot be shown (Unavailable)
- the records are those of `standing.closure`
- each proof is checked before it leaves: a file that does not verify is Broken here, not there

    data = build_evidence(27, snapshot, hashes)
"""

from typing import Protocol

from registry.chain import tlog
from registry.chain.checkpoint import parse_checkpoint
from registry.chain.errors import Broken, Malformed, NotTrusted, Unavailable
from registry.chain.note import parse_note
from registry.chain.tlog import HashReader
from registry.ledger import values as v
from registry.ledger.codec import parse_entry, parse_record
from registry.ledger.entries import Common
from registry.ledger.state import StateReader, decode_value
from registry.ports import Published
from registry.verify.evidence import EVIDENCE_BYTES_MAX, format_evidence
from registry.verify.standing import BY_INDEX, IN_FORCE, closure, led_to

_MADE = (
    v.Key
    | v.Party
    | v.Account
    | v.Rulebook
    | v.Methodology
    | v.Project
    | v.Batch
    | v.Scheme
    | v.Order
    | v.Event
    | v.Obligation
)
"""Values that say at which index they were made."""


class EvidenceSource(Protocol):
    """A log at hand; `registry.ports.Snapshot` is one."""

    @property
    def state(self) -> StateReader:
        """The state map, as of some size not below the published one."""
        ...

    def record(self, index: int) -> bytes | None:
        """The record at an index."""
        ...

    def published(self) -> Published | None:
        """The newest published checkpoint."""
        ...


def build_evidence(subject: int, source: EvidenceSource, hashes: HashReader) -> bytes:
    """The evidence file about the record at `subject` ≥ 0, under the newest published checkpoint.

    `hashes` reads the tree at the published size. Unavailable if there is no such record yet or
    something that it stands on is not published yet (ask again); Malformed if the file would be
    too large; Broken if the log does not hold together.
    """
    published = source.published()
    if published is None:
        raise Unavailable("no checkpoint is published yet", todo="ask again in a moment")
    guide = _Guide(source, subject, published.size)
    indexes = closure(subject, guide.entry_at, guide.find)
    head = parse_checkpoint(parse_note(published.note).text)
    pairs = []
    for index in indexes:
        record = guide.record(index)
        proof = tlog.prove_inclusion(index, head.size, hashes)
        try:
            tlog.check_inclusion(proof, index, tlog.leaf_hash(record), head.size, head.root)
        except NotTrusted as error:
            raise Broken(
                "a record is not the one under the published checkpoint",
                where=f"record {index}",
                todo="check the data directory: tanbu fsck",
            ) from error
        pairs.append((record, proof))
    return format_evidence(subject, published.note, pairs)


def find_certificate(certificate: str, state: StateReader) -> int:
    """The index of the retirement with this certificate number; Unavailable if there is none."""
    data = state.get_many((f"retirement/{certificate}",)).get(f"retirement/{certificate}")
    value = None if data is None else decode_value(f"retirement/{certificate}", data)
    if not isinstance(value, v.Retirement):
        raise Unavailable(
            f"there is no certificate {certificate[:80]!a}",
            todo="its form is <REGION>-R-<8 hex of the origin>-<index>",
        )
    return value.index


class _Guide:
    """Records by index and makers by reference, each read once."""

    def __init__(self, source: EvidenceSource, subject: int, size: int) -> None:
        self._source = source
        self._subject = subject
        self._size = size
        self._records: dict[int, bytes] = {}
        self._entries: dict[int, tuple[int, Common]] = {}
        self._bytes = 0

    def record(self, index: int) -> bytes:
        if index not in self._records:
            if not 0 <= index < self._size:
                raise Unavailable(
                    f"the newest checkpoint covers {self._size} records, not the one at {index}",
                    todo="ask again in a moment" if index >= self._size else "",
                )
            record = self._source.record(index)
            if record is None:
                raise Broken("a published record is missing", where=f"record {index}")
            self._bytes += len(record)
            if self._bytes * 4 > EVIDENCE_BYTES_MAX * 3:  # as base64
                raise Malformed(
                    f"the evidence file would have more than {EVIDENCE_BYTES_MAX} bytes",
                    where=f"record {index}",
                )
            self._records[index] = record
        return self._records[index]

    def entry_at(self, index: int) -> Common:
        return self._read(index)[1]

    def _read(self, index: int) -> tuple[int, Common]:
        if index not in self._entries:
            record = self.record(index)
            try:
                read = parse_record(record)
                self._entries[index] = (read.time_ms, parse_entry(read.note).entry)
            except Malformed as error:
                raise Broken(error.message, where=f"record {index}") from error
        return self._entries[index]

    def find(self, reference: str, index: int) -> tuple[int, ...]:
        """Where what the entry at `index` refers to was made, and changed."""
        if reference == IN_FORCE:
            reference = self._rulebook_at(index)
        family, _, name = reference.partition("/")
        if family in BY_INDEX:
            return (int(name),)
        value = self._get(f"order/{name}" if family == "changes" else reference)
        if not isinstance(value, _MADE):
            raise Broken("a state value that does not say where it was made", where=reference)
        made: tuple[int, ...] = (value.index,)
        if isinstance(value, v.Changed) and family != "order":
            changes = tuple(i for i in value.changes or () if i < self._size)
            made = changes if family == "changes" else (*made, *changes)
        return led_to(reference, made, index, self._subject)

    def _rulebook_at(self, index: int) -> str:
        time_ms, _ = self._read(index)
        log = self._get(v.LOG)
        for version, effective_from_ms in reversed(log.rulebooks if isinstance(log, v.Log) else ()):
            key = f"rulebook/{v.number(version)}"
            if effective_from_ms <= time_ms:
                book = self._get(key)
                if isinstance(book, v.Rulebook) and book.index < index:
                    return key
        raise Broken("no rulebook was in force", where=f"record {index}")

    def _get(self, key: str) -> v.Value:
        data = self._source.state.get_many((key,)).get(key)
        if data is None:
            raise Broken("what an accepted entry refers to is not in the state", where=key)
        return decode_value(key, data)
