"""A dry run: what the rules would say of entries now. Nothing is written.

The verdict is that of the rules in force on the newest committed state, entry after entry; until
the entries are submitted others may come first, so it is no promise.
"""

from collections.abc import Sequence

from msgspec import Struct

from registry.chain.errors import Broken, Malformed
from registry.ledger.apply import touches, verify_here
from registry.ledger.codec import Parsed, id_key, parse_entry, parse_record
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.replay import judge
from registry.ledger.state import State
from registry.ports import Refused, Snapshot


class Acceptable(Struct, frozen=True):
    """The entry would be accepted; `index` if it is in the log already."""

    index: int | None


Verdict = Acceptable | Refused | Malformed


def check(snapshot: Snapshot, notes: Sequence[bytes], now_ms: int) -> list[Verdict]:
    """One verdict per note, each as if those before it that are acceptable had been committed."""
    state = State(snapshot.state)
    size = snapshot.head.size
    time_ms = max(now_ms, snapshot.head.time_ms)
    seen: dict[bytes, bytes] = {}
    verdicts: list[Verdict] = []
    for note in notes:
        try:
            parsed = parse_entry(note)
        except Malformed as error:
            verdicts.append(error)
            continue
        found = _find(snapshot, parsed, seen)
        if found is None:
            state.prefetch(touches(parsed))
            found = judge(state, parsed, size, time_ms, verify_here)
        if isinstance(found, Refusal):
            verdicts.append(Refused(found.name, found.fields, size, time_ms))
        elif found is None:
            verdicts.append(Acceptable(None))
            seen[id_key(parsed.entry)] = parsed.text
            size += 1
        else:
            verdicts.append(found)
    return verdicts


def _find(
    snapshot: Snapshot, parsed: Parsed, seen: dict[bytes, bytes]
) -> Acceptable | Refusal | None:
    """The verdict on an entry whose id is in the log already, or earlier in this dry run."""
    key = id_key(parsed.entry)
    signer = parsed.entry.signers[0]
    index = snapshot.index_of_id(key)
    if index is None:
        if key not in seen or seen[key] == parsed.text:
            return Acceptable(None) if key in seen else None
        return refuse("id_reused", id=parsed.entry.id, signer=signer, index=snapshot.head.size)
    record = snapshot.record(index)
    if record is None:
        raise Broken("a record whose id is known is not there", where=f"index {index}")
    if parse_record(record).note.startswith(parsed.text + b"\n"):
        return Acceptable(index)
    return refuse("id_reused", id=parsed.entry.id, signer=signer, index=index)
