"""The judging side of an audit: entries by the rules, one after the other, as fast as may be.

What needs no state is left to the crew: here a record is only cut into its lines and its entry
decoded, and `apply` says by which keys its signatures must be good. The crew then holds the same
bytes to their one form, so that both have read the same entry, or the audit fails.

Refuses to know: where records come from, whether their signatures are good.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from registry.chain.errors import Broken, Malformed, NotTrusted, TanbuError, Unavailable
from registry.ledger.apply import SignatureCheck, touches
from registry.ledger.codec import Parsed, decode_known
from registry.ledger.entries import KINDS, Common, End, Genesis, LogKey, Seal
from registry.ledger.logkeys import KeyHistory
from registry.ledger.replay import judge, read_record, refused
from registry.ledger.sealing import SealWatch
from registry.ledger.state import State, StateReader
from registry.ports import StateScratch

STORE_EVERY = 8_192
"""Records between two writings of what has changed to the scratch."""
PREFETCH_FROM = 64
"""Single questions to the scratch in one bundle from which on the next is prefetched."""


_Timed = tuple[int, Parsed]


class Judged:
    """How far a bundle was judged: the keys of its signatures, and what stopped it."""

    __slots__ = ("count", "error", "keys")

    def __init__(self, count: int, keys: bytes, error: TanbuError | None) -> None:
        self.count = count
        self.keys = keys
        self.error = error


class Judge:
    """The state of the log as far as it is judged. `seals`: told which sizes will be sealed."""

    def __init__(self, scratch: StateScratch, seals: SealWatch) -> None:
        self._seals = seals
        self._scratch = scratch
        self._base = _Counting(scratch)
        self._state = State(self._base)
        self._origin = (b"", "")
        self._stored_at = 0
        self.size = 0
        self.time_ms = 0
        self.first_ms = 0
        self.seals_unchecked = 0
        self._kinds: Counter[type[Common]] = Counter()
        self.keys: KeyHistory | None = None
        """The log's own keys, by the entries judged so far."""

    def bundle(self, records: Sequence[bytes]) -> Judged:
        """Judge the next records; after an error nothing more may be judged."""
        keys: list[bytes] = []

        def take(public_key: bytes, _signature: bytes, _text: bytes) -> None:
            keys.append(public_key)

        error: TanbuError | None
        entries, error = self._read_all(records)
        if self._base.asked > PREFETCH_FROM:
            self._state.prefetch(key for _, parsed in entries for key in touches(parsed))
        self._base.asked = 0
        first, keys_good = self.size, 0
        try:
            for part in self._parts(entries):
                for time_ms, parsed in part:
                    self._judge_one(parsed, time_ms, take)
                    keys_good = len(keys)
        except Unavailable as unknown:
            error = Unavailable(unknown.message, where=f"record {self.size}", todo=unknown.todo)
        except TanbuError as bad:
            error = bad
        if self.size - self._stored_at >= STORE_EVERY:
            self.store()
        return Judged(self.size - first, b"".join(keys[:keys_good]), error)

    def _parts(self, entries: list[_Timed]) -> Iterator[list[_Timed]]:
        """The entries, cut where a size that will be sealed is reached; it is then committed to."""
        if entries and isinstance(entries[-1][1].entry, End):
            self._seals.expect((self.size + len(entries) - 1,))
        while entries:
            if self.size == self._seals.due:
                self.store()
                self._seals.take(self.size, self._scratch.items())
            count = self._seals.due - self.size
            yield entries[:count] if count > 0 else entries
            entries = entries[count:] if count > 0 else []

    def _judge_one(self, parsed: Parsed, time_ms: int, take: SignatureCheck) -> None:
        """Judge the next entry; NotTrusted if the rules refuse it, Unavailable if unknown."""
        refusal = judge(self._state, parsed, self.size, time_ms, take)
        if refusal is not None:
            raise refused(refusal, self.size)
        if isinstance(parsed.entry, Seal | End):
            self._check_seal(parsed.entry)
        self._kinds[type(parsed.entry)] += 1
        if isinstance(parsed.entry, LogKey | Genesis):
            self._note_keys(parsed.entry)
        self.size += 1

    def _note_keys(self, entry: Common) -> None:
        match entry:
            case Genesis():
                self.keys = KeyHistory.of(entry)
            case LogKey() if self.keys is not None:
                self.keys = self.keys.after(self.size, entry)
            case _:
                pass

    def _check_seal(self, entry: Common) -> None:
        """Compare a seal with the state that was passed; count it if that was not kept."""
        if isinstance(entry, Seal | End):
            try:
                self._seals.check(entry, self.size)
            except Unavailable:
                self.seals_unchecked += 1

    def store(self) -> None:
        """Write what has changed to the scratch."""
        self._scratch.store(self._state.changes())
        self._state.stored()
        self._stored_at = self.size

    def entries_by_kind(self) -> dict[str, int]:
        """How many entries of each kind were judged."""
        counts: Counter[str] = Counter()
        for kind, count in self._kinds.items():
            counts[str(kind.__struct_config__.tag)] += count
        return {name: counts[name] for name in KINDS if counts[name]}

    def _read_all(self, records: Sequence[bytes]) -> tuple[list[_Timed], NotTrusted | None]:
        """Times and entries up to the first record that is not of the form, and that error."""
        entries: list[_Timed] = []
        try:
            for index, record in enumerate(records, self.size):
                entries.append(self._read(record, index))
        except NotTrusted as error:
            return entries, error
        return entries, None

    def _read(self, record: bytes, index: int) -> tuple[int, Parsed]:
        try:
            head, _, origin, line, _ = record.split(b"\n", 4)
            time_ms = int(head[head.index(b" ") + 1 :])
            if head != b"%d %d" % (index, time_ms) or time_ms < self.time_ms:
                raise Malformed("it stands elsewhere in order or time")
            entry = decode_known(line)
            if origin != self._origin[0]:
                self._origin = (origin, origin.decode())
        except (Malformed, ValueError, RecursionError) as error:
            # The strict way says what is wrong.
            read_record(record, index, self.time_ms)
            raise Broken("a good record was not read", where=f"record {index}") from error
        if not self.time_ms:
            self.first_ms = time_ms
        self.time_ms = time_ms
        signatures = (b"",) * len(entry.signers)
        return time_ms, Parsed(self._origin[1], entry, b"", b"", signatures)


class _Counting:
    """The scratch, with a count of single questions."""

    __slots__ = ("_base", "asked")

    def __init__(self, base: StateReader) -> None:
        self._base = base
        self.asked = 0

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        self.asked += 1
        return self._base.get_many(keys)

    def scan(self, low: str, high: str, limit: int) -> Sequence[tuple[str, bytes]]:
        return self._base.scan(low, high, limit)
