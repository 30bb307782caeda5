"""Which of the log's own keys sign which of its checkpoints (entry kind logkey).

Source: DESIGN of Tanbu, §3. Refuses to know: private keys, and whether a line is good.

Rules
- the pair of genesis signs from size 1 on; that of a logkey entry at index i from size i + 1 on:
  the first checkpoint that covers the entry is the first that the new keys sign
- a pair that a later entry replaces goes on signing every checkpoint whose newest record is of a
  time before that entry's until_ms; so at most two pairs sign at once
- all pairs that are due must sign: a checkpoint that lacks one of their lines is not the log's
- it is a function of the log alone: size and time are those of the checkpoint's newest record

    history = read_history(state)
    history.due(size, time_ms)      -> (LogKeys(…), LogKeys(…)), the newest first
"""

from msgspec import UNSET, Struct, UnsetType, structs

from registry.chain.checkpoint import LogKeys
from registry.chain.errors import Broken, Unavailable
from registry.chain.note import parse_vkey
from registry.ledger import values as v
from registry.ledger.codec import parse_entry, parse_record
from registry.ledger.entries import Genesis, LogKey
from registry.ledger.state import StateReader, decode_value

MARK = b'"kind":"logkey"'
"""Stands in every record of such an entry: quotes within a text of JSON are escaped."""


class Pair(Struct, frozen=True, kw_only=True):
    """Two keys, the sizes from which they sign, and until when (record time, ms)."""

    ed25519: str
    mldsa44: str
    from_size: int
    until_ms: int | UnsetType = UNSET

    def signs(self, size: int, time_ms: int) -> bool:
        """True if the pair is due below a checkpoint of `size`, its newest record of `time_ms`."""
        return self.from_size <= size and (self.until_ms is UNSET or time_ms < self.until_ms)

    def keys(self) -> LogKeys:
        """The raw keys, under the log's name."""
        ed25519 = parse_vkey(self.ed25519)
        return LogKeys(ed25519.name, ed25519.public_key, parse_vkey(self.mldsa44).public_key)


class KeyHistory(Struct, frozen=True):
    """Every pair of a log's keys, in the order of the log."""

    origin: str
    pairs: tuple[Pair, ...]

    @staticmethod
    def of(genesis: Genesis) -> "KeyHistory":
        """What a log begins with."""
        keys = genesis.log_keys
        first = Pair(ed25519=keys.ed25519, mldsa44=keys.mldsa44, from_size=1)
        return KeyHistory(keys.ed25519.partition("+")[0], (first,))

    def after(self, index: int, entry: LogKey) -> "KeyHistory":
        """The history with the entry at `index`, later than all before, which is not judged."""
        return self.followed(index, entry.ed25519, entry.mldsa44, entry.until_ms)

    def follow(self, index: int, record: bytes) -> "KeyHistory":
        """The history with a committed record, if that is such an entry and not known yet."""
        if MARK not in record or index < self.pairs[-1].from_size:
            return self
        entry = parse_entry(parse_record(record).note).entry
        return self.after(index, entry) if isinstance(entry, LogKey) else self

    def followed(self, index: int, ed25519: str, mldsa44: str, until_ms: int) -> "KeyHistory":
        """The history with a pair from the size over record `index` on."""
        *before, last = self.pairs
        new = Pair(ed25519=ed25519, mldsa44=mldsa44, from_size=index + 1)
        return KeyHistory(self.origin, (*before, structs.replace(last, until_ms=until_ms), new))

    def pairs_due(self, size: int, time_ms: int) -> tuple[Pair, ...]:
        """The pairs that sign at a size, the newest first; size ≥ 1."""
        return tuple(pair for pair in reversed(self.pairs) if pair.signs(size, time_ms))

    def due(self, size: int, time_ms: int) -> tuple[LogKeys, ...]:
        """The same as raw keys."""
        return tuple(pair.keys() for pair in self.pairs_due(size, time_ms))


def read_log(state: StateReader) -> v.Log:
    """What the log says of itself; Unavailable if it has no genesis yet."""
    found = state.get_many((v.LOG,)).get(v.LOG)
    if found is None:
        raise Unavailable("the log has no genesis yet", todo="open it with: tanbu init --genesis")
    log = decode_value(v.LOG, found)
    if not isinstance(log, v.Log):
        raise Broken("the state's value for the log is another", where=v.LOG)
    return log


def read_history(state: StateReader) -> KeyHistory:
    """The keys that a state names; raises as `read_log` does, Broken if a value is missing."""
    log = read_log(state)
    first = Pair(ed25519=log.ed25519, mldsa44=log.mldsa44, from_size=1)
    history = KeyHistory(log.origin, (first,))
    rotations = log.rotations or ()
    names = [f"logkey/{v.number(index)}" for index, _ in rotations]
    found = state.get_many(names) if names else {}
    for name, (index, until_ms) in zip(names, rotations, strict=True):
        held = decode_value(name, found[name]) if name in found else None
        if not isinstance(held, v.LogKey):
            raise Broken("the state lacks keys of the log", where=name)
        history = history.followed(index, held.ed25519, held.mldsa44, until_ms)
    return history
