"""Staging: what a round of entries makes of the log, before anything is written (DESIGN §7).

A fold without clock and disk of its own: the caller brings both. Refuses to know: sockets, SQL.

Rules, for each entry in order
- an id that its first signer has used for the same text answers the first receipt, for ever; for
  another text it is refused; this comes before all else, so that a receipt does not expire
- a signature is good if the API process found it good by the very key that the rules resolve at
  this index; by another key, or none, it is verified here
- its record time is the round's: the later of the clock and the last record
- accepted entries are hashed and appended to a copy of the frontier; refused ones leave nothing

    staged = stage(before, state, entries, now_ms, log)
    store.commit(before, staged.head, staged.records, staged.changes)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registry.chain.errors import Broken, Malformed
from registry.chain.tlog import leaf_hash
from registry.ledger.apply import touches, verify_here
from registry.ledger.codec import Parsed, decode_trusted, format_record, id_key, parse_record
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.replay import judge
from registry.ledger.state import State
from registry.ledger.subjects import subjects_of
from registry.ports import Admitted, Committed, Head, LogStore, NewRecord, Refused

Outcome = Committed | Refused


@dataclass(frozen=True, slots=True)
class Staged:
    """A round that is ready to be written; without `records` there is nothing to write."""

    head: Head
    records: list[NewRecord]
    changes: list[tuple[str, bytes | None]]
    outcomes: list[Outcome]


_Known = tuple[bytes, Committed]
"""An entry in the log: the text, and the receipt that was given for it."""


def stage(
    before: Head, state: State, entries: Sequence[Admitted], now_ms: int, log: LogStore
) -> Staged:
    """Judge a round of entries; accepted ones have changed `state`.

    Raises Broken if an entry is not of the form that API processes let through.
    """
    parsed = [_decode(entry) for entry in entries]
    ids = [id_key(p.entry) for p in parsed]
    known = _find_known(ids, log)
    state.expect(_touched(parsed))
    time_ms = max(before.time_ms, now_ms)
    frontier = before.frontier.copy()
    index = before.size
    records: list[NewRecord] = []
    outcomes: list[Outcome] = []
    check = _Check()
    for entry, p, key in zip(entries, parsed, ids, strict=True):
        if (earlier := known.get(key)) is not None:
            outcomes.append(_answer_again(p, earlier, index, time_ms))
            continue
        check.entry = entry
        refusal = judge(state, p, index, time_ms, check)
        if refusal is not None:
            outcomes.append(_refused(refusal, index, time_ms))
            continue
        record = format_record(index, time_ms, p.note)
        hashed = leaf_hash(record)
        frontier.append(hashed)
        records.append(NewRecord(index, record, hashed, key, subjects_of(p.entry)))
        receipt = Committed(index, time_ms, hashed, replayed=False)
        outcomes.append(receipt)
        known[key] = (p.text, receipt)
        index += 1
    state.expect(())
    if not records:
        return Staged(before, records, [], outcomes)
    head = Head(index, frontier.root(), time_ms, before.epoch, frontier)
    return Staged(head, records, state.changes(), outcomes)


def _decode(entry: Admitted) -> Parsed:
    try:
        return decode_trusted(entry.note, entry.text_end, entry.signatures)
    except Malformed as error:
        raise Broken(f"an API process let through what is no entry: {error}") from error


def _touched(parsed: Iterable[Parsed]) -> Iterable[str]:
    for p in parsed:
        yield from touches(p)


def _find_known(ids: Sequence[bytes], log: LogStore) -> dict[bytes, _Known]:
    """What the log holds under these ids."""
    known: dict[bytes, _Known] = {}
    for key, index in log.find_ids(ids).items():
        (record,) = log.records(index, index + 1)
        read = parse_record(record)
        text = read.note[: read.note.rindex(b"\n\n") + 1]
        receipt = Committed(index, read.time_ms, leaf_hash(record), replayed=True)
        known[key] = (text, receipt)
    return known


def _refused(refusal: Refusal, size: int, time_ms: int) -> Refused:
    return Refused(refusal.name, refusal.fields, size, time_ms)


def _answer_again(parsed: Parsed, earlier: _Known, size: int, time_ms: int) -> Outcome:
    """The first receipt if it was for this text; a refusal if it was for another."""
    text, receipt = earlier
    if parsed.text != text:
        entry = parsed.entry
        signer = entry.signers[0]
        reused = refuse("id_reused", id=entry.id, signer=signer, index=receipt.index)
        return _refused(reused, size, time_ms)
    return Committed(receipt.index, receipt.time_ms, receipt.leaf_hash, replayed=True)


class _Check:
    """The signature check of `entry`: what was found good elsewhere is not verified again."""

    __slots__ = ("entry",)

    entry: Admitted

    def __call__(self, public_key: bytes, signature: bytes, text: bytes) -> None:
        entry = self.entry
        if public_key in entry.keys:
            for good, key in zip(entry.signatures, entry.keys, strict=True):
                if good == signature and key == public_key:
                    return
        verify_here(public_key, signature, text)
