"""Replay: reading a log from the start by its rules, which makes the state (DESIGN law 1).

A fold over records without I/O. Refuses to know: where records come from, where state is kept,
whether the tree and its checkpoint are good (that is `registry.verify.audit`).

Each record is held to this, in this order:

1. its form: head, note, entry, one signature line per signer, all in their one canonical form
2. its index follows that of the record before, its time is not earlier
3. its first signer has not used its id in an entry whose not_after has not passed yet
4. the ruleset in force is one that this version has; else Unavailable, "could not check"
5. the rules of that ruleset accept it, signatures included
6. a seal is of the state that the replay itself had at that size

The first record that fails ends the replay: what the state would be after it, nobody can say.

    state = State(base)
    for step in replay(records, state):
        if step.index % 1000 == 999:
            base.store(state.changes())
            state.stored()

How signatures are checked is the caller's choice: at once (the default), or elsewhere, by a
function that takes the (public key, signature, text) away; then step 5 is good only if those are.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from msgspec import Struct

from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.ledger.apply import SignatureCheck, verify_here
from registry.ledger.codec import Parsed, id_key, parse_entry, parse_record
from registry.ledger.entries import End, Seal
from registry.ledger.refusals import Refusal
from registry.ledger.rulesets import number_in_force, ruleset
from registry.ledger.sealing import SealWatch
from registry.ledger.state import State

FORGET_EVERY = 65_536
"""How many ids `MemoryIds` takes in before it looks for those that have run out."""


UsedId = tuple[bytes, int, int, int]
"""An entry's id: key (see `id_key`), the entry's index and time (ms), until when it counts (ms)."""


class IdMemory(Protocol):
    """Remembers ids until their not_after; a log may have more of them than fit in memory."""

    def take(self, ids: list[UsedId]) -> tuple[UsedId, int] | None:
        """Remember `ids`, which are in the order of the log; the first that was in use, if any,

        with the index of the entry that holds it. Nothing is promised after one was found.
        """
        ...


class MemoryIds:
    """Ids in memory, for small replays."""

    def __init__(self) -> None:
        self._held: dict[bytes, tuple[int, int]] = {}
        self._forget_at = FORGET_EVERY

    def take(self, ids: list[UsedId]) -> tuple[UsedId, int] | None:
        """See `IdMemory`."""
        now_ms = 0
        for key, index, now_ms, not_after_ms in ids:
            held = self._held.get(key)
            if held is not None and held[0] >= now_ms:
                return (key, index, now_ms, not_after_ms), held[1]
            self._held[key] = (not_after_ms, index)
        if len(self._held) > self._forget_at:
            self._held = {k: held for k, held in self._held.items() if held[0] >= now_ms}
            self._forget_at = len(self._held) + FORGET_EVERY
        return None


class Replayed(Struct, frozen=True, gc=False):
    """A record that the rules have accepted; the state now is that after it."""

    index: int
    time_ms: int
    parsed: Parsed


def replay(
    records: Iterable[bytes],
    state: State,
    *,
    ids: IdMemory | None = None,
    verify: SignatureCheck = verify_here,
    seals: SealWatch | None = None,
    size: int = 0,
    time_ms: int = 0,
) -> Iterator[Replayed]:
    """Judge records one after the other; each that is accepted has changed `state` when it comes.

    `seals` must know which sizes are sealed; without it a seal is Unavailable, "could not check".
    `size` and `time_ms` say where `state` stands: how many records it holds, the last one's time.
    Raises NotTrusted at the first record that does not hold, Unavailable where the ruleset is not
    known; `where` names the record.
    """
    memory = MemoryIds() if ids is None else ids
    watch = SealWatch() if seals is None else seals
    for index, record in enumerate(records, size):
        where = f"record {index}"
        if index == watch.due:
            watch.take(index, state.items())
        time_ms, parsed = read_record(record, index, time_ms)
        entry = parsed.entry
        used = (id_key(entry), index, time_ms, entry.not_after)
        if clash := memory.take([used]):
            raise id_in_use(clash)
        try:
            refusal = judge(state, parsed, index, time_ms, verify)
            if refusal is not None:
                raise refused(refusal, index)
        except Unavailable as error:
            raise Unavailable(error.message, where=where, todo=error.todo) from error
        if isinstance(entry, Seal | End):
            watch.check(entry, index)
        yield Replayed(index, time_ms, parsed)


def read_record(record: bytes, index: int, time_ms: int) -> tuple[int, Parsed]:
    """Time and entry of the record that must stand at `index`, not earlier than `time_ms`.

    NotTrusted if it is not of the form, or stands elsewhere in order or time.
    """
    where = f"record {index}"
    try:
        read = parse_record(record)
        parsed = parse_entry(read.note)
    except Malformed as error:
        raise NotTrusted(f"not a record: {error}", where=where) from error
    if read.index != index:
        raise NotTrusted(f"the record at index {index} says that it is {read.index}", where=where)
    if read.time_ms < time_ms:
        raise NotTrusted(f"the time goes back, from {time_ms} ms to {read.time_ms} ms", where=where)
    return read.time_ms, parsed


def judge(
    state: State, parsed: Parsed, index: int, time_ms: int, verify: SignatureCheck
) -> Refusal | None:
    """Judge one entry by the ruleset in force; Unavailable if this version does not have it."""
    apply = ruleset(number_in_force(state, parsed.entry, time_ms))
    return apply(state, parsed, index=index, time_ms=time_ms, verify=verify)


def refused(refusal: Refusal, index: int) -> NotTrusted:
    """What to raise for an entry that stands in a log although the rules refuse it.

    Unavailable where it brings in a ruleset that only a later version has.
    """
    if refusal.name == "ruleset_unknown":
        number = refusal.fields["ruleset"]
        ruleset(number if isinstance(number, int) else 0)
    return NotTrusted(
        f"the rules refuse this entry: {refusal.message()} ({refusal.number} {refusal.name})",
        where=f"record {index}",
    )


def id_in_use(clash: tuple[UsedId, int]) -> NotTrusted:
    """What to raise for an entry whose id its signer uses already."""
    (_, index, _, _), earlier = clash
    return NotTrusted(
        f"its first signer used the same id at index {earlier}", where=f"record {index}"
    )
