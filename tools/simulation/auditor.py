"""Whoever watches: what was answered, what is in the log, and whether they fit.

It believes neither the writer nor its store: it keeps the clients' answers and the heads that it
saw, replays the log by itself, and compares.

    check           what does not hold when it fails
    -----           --------------------------------
    lost            what was acknowledged stands in the log, as it was acknowledged, for ever
    doubled         an id is in the log once, by one text
    invented        what is in the log was submitted
    answer          the same text gets the same receipt, another text under its id none; what is in
                    the log is not refused
    order           heads only grow, roots are those of the records, indexes follow each other
    time            record times never go back, nor run ahead of a clock by more than a minute
    stopped         the writer stops when it has cause to, and then alone
    conservation    after every round, per batch: statuses add up, in the batch and in its blocks
    replay          the stored state is, byte for byte, what a replay of the log makes
    invariants      `registry.ledger.invariants`
    published       what is signed was committed; what is published can be read back whole
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from registry.chain.checkpoint import LogKeys, open_checkpoint
from registry.chain.errors import NotTrusted, TanbuError
from registry.chain.tiles import TILE_WIDTH, bundle_path, parse_bundle
from registry.chain.tlog import EMPTY_ROOT, Frontier, leaf_hash
from registry.ledger import values as v
from registry.ledger.apply import SignatureCheck
from registry.ledger.codec import format_record
from registry.ledger.invariants import STATUSES, violations
from registry.ledger.refusals import Refusal
from registry.ledger.replay import MemoryIds, replay
from registry.ledger.sealing import Commitment, SealWatch, commit_to
from registry.ledger.state import MemoryState, State, decode_value, state_root
from registry.ports import Committed
from registry.writer.commit import CLOCK_BACK_MS_MAX
from tools.simulation.entries import Draft, key_of_note
from tools.simulation.machine import MemoryLog, MemoryTiles, SimulatedClock, SortedMap

REPLAY_EVERY = 2_000
"""How many records there are between two comparisons of the whole state."""
REPLAY_STARTS_EVERY = 250
"""How many there are before a start is reason enough for it."""
INVARIANTS_FROM = 1_000
"""The size at which all invariants are checked first; then whenever it has doubled."""


class Failure(Exception):
    """Something that must hold does not: which check, what, and in which step."""

    def __init__(self, check: str, what: str) -> None:
        super().__init__(f"{check}: {what}")
        self.check = check
        self.what = what


@dataclass(slots=True)
class Auditor:
    """Watches one log."""

    log: MemoryLog
    tiles: MemoryTiles
    clock: SimulatedClock
    keys: LogKeys
    verify: SignatureCheck
    sent: dict[bytes, list[Draft]] = field(default_factory=dict)
    """By id and first signer: what was sent and is not known to be refused."""
    logged: dict[bytes, int] = field(default_factory=dict)
    """By id and first signer: where in the log it is."""
    hashes: list[bytes] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=lambda: {0: EMPTY_ROOT})
    """The root of every head that was committed, by size."""
    on_logged: Callable[[Draft, int], None] = lambda *_: None
    _frontier: Frontier = field(default_factory=Frontier)
    _time_ms: int = 0
    _base: MemoryState = field(default_factory=MemoryState)
    _state: State = field(init=False)
    _ids: MemoryIds = field(default_factory=MemoryIds)
    _seals: SealWatch = field(default_factory=SealWatch)
    _replayed: int = 0
    _replayed_ms: int = 0
    _invariants_at: int = INVARIANTS_FROM
    _by_status: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _published: int = 0

    def __post_init__(self) -> None:
        self._state = State(self._base)

    @property
    def size(self) -> int:
        """How many records it has seen."""
        return self._frontier.size

    @property
    def root(self) -> bytes:
        """The root over them."""
        return self._frontier.root()

    # ------------------------------------------------------------ answers

    def send(self, draft: Draft) -> None:
        """A client sends this."""
        known = self.sent.setdefault(draft.key, [])
        if draft not in known:
            known.append(draft)

    def answer(self, draft: Draft, outcome: Committed | Refusal, size_before: int) -> None:
        """A client got this answer; `size_before`: of the log when the round began."""
        index = self.logged.get(draft.key)
        stored = b"" if index is None else self.log.records_[index]
        there = index is not None and stored.endswith(b"\n" + draft.note)
        if isinstance(outcome, Refusal):
            if there and (draft.receipt is not None or (index or 0) < size_before):
                raise Failure("answer", f"refused as {outcome.name}, and is in the log: {draft}")
            if index is None and outcome.name == "id_reused":
                raise Failure("answer", f"nothing in the log has the id of {draft}")
            self._answered(draft)
            return
        if index is None or not there:
            raise Failure("lost", f"acknowledged, and not in the log: {draft}, {outcome}")
        receipt = (index, outcome.time_ms, leaf_hash(stored))
        if (outcome.index, stored, outcome.leaf_hash) != (
            *(index, format_record(index, outcome.time_ms, draft.note)),
            receipt[2],
        ):
            raise Failure("answer", f"the receipt is not of record {index}: {outcome}")
        if draft.receipt not in (None, receipt):
            raise Failure("answer", f"two receipts for one text: {draft.receipt}, {receipt}")
        if not outcome.replayed and (draft.receipt is not None or index < size_before):
            raise Failure("doubled", f"acknowledged as new a second time: {draft}")
        draft.receipt = receipt
        self._answered(draft)

    def _answered(self, draft: Draft) -> None:
        known = self.sent.get(draft.key, [])
        if draft in known:
            known.remove(draft)
            if not known:
                del self.sent[draft.key]

    # ------------------------------------------------------------ the log

    def look(self) -> None:
        """Read what the log has grown by, and judge it, round by round."""
        head = self.log.head()
        size = self._frontier.size
        if head.size < size or len(self.log.records_) != head.size:
            raise Failure("order", f"a head of {head.size} after one of {size}")
        now_ms = self.clock.wall_ms
        for index in range(size, head.size):
            self._record(index, self.log.records_[index], now_ms)
        if head.root != self._frontier.root():
            raise Failure("order", f"the head of size {head.size} has not the root of its records")
        if head.time_ms < self._time_ms:
            raise Failure("time", f"the head's time {head.time_ms} is before its last record's")
        self.roots[head.size] = head.root
        self._conserve()

    def _record(self, index: int, record: bytes, now_ms: int) -> None:
        head, _, note = record.partition(b"\n")
        stands, _, time = head.partition(b" ")
        if int(stands) != index:
            raise Failure("order", f"record {index} says that it is {stands.decode()}")
        time_ms = int(time)
        if time_ms < self._time_ms:
            raise Failure("time", f"record {index} is of {time_ms}, after one of {self._time_ms}")
        if time_ms > max(now_ms, self._time_ms) or time_ms - now_ms > CLOCK_BACK_MS_MAX:
            raise Failure("time", f"record {index} is of {time_ms}, the clock says {now_ms}")
        self._time_ms = time_ms
        name = key_of_note(note)
        if name in self.logged:
            raise Failure("doubled", f"records {self.logged[name]} and {index} have one id")
        draft = next((d for d in self.sent.get(name, ()) if d.note == note), None)
        if draft is None:
            raise Failure("invented", f"record {index} holds what nobody submitted")
        del self.sent[name]
        self.logged[name] = index
        hashed = leaf_hash(record)
        self.hashes.append(hashed)
        self._frontier.append(hashed)
        self.on_logged(draft, index)

    def _conserve(self) -> None:
        """Law 5 after a round, from what the round has changed."""
        batches: dict[str, bytes | None] = {}
        for key, old, new in self.log.journal:
            if key.startswith("block/"):
                _, batch, first = key.split("/")
                batches.setdefault(batch, b"")
                for data, sign in ((old, -1), (new, 1)):
                    if data is not None:
                        block = decode_value(key, data)
                        if isinstance(block, v.Block):
                            count = block.last - int(first) + 1
                            self._by_status[batch][block.status] += sign * count
            elif key.startswith("batch/"):
                batches[key[6:]] = new
        self.log.journal.clear()
        for name in batches:
            batch_data = self.log.table.values.get(f"batch/{name}")
            batch_value = batch_data and decode_value(f"batch/{name}", batch_data)
            if not isinstance(batch_value, v.Batch):
                raise Failure("conservation", f"blocks of a batch that is not there: {name}")
            counts = {status: getattr(batch_value, status) for status in STATUSES}
            in_blocks = {status: n for status, n in self._by_status[name].items() if n}
            if sum(counts.values()) != batch_value.count or min(counts.values()) < 0:
                raise Failure("conservation", f"{name}: {counts} are not {batch_value.count}")
            if in_blocks != {status: n for status, n in counts.items() if n}:
                raise Failure("conservation", f"{name}: {counts}, its blocks {in_blocks}")

    # ------------------------------------------------------------ the state

    def started(self) -> None:
        """A writer has opened the log: it begins from the state that a replay makes."""
        if self.size - self._replayed >= REPLAY_STARTS_EVERY:
            self.replay()

    def check(self, *, whole: bool = False) -> None:
        """Compare the state with a replay's, if it is time for it; `whole`: in any case."""
        if whole or self.size - self._replayed >= REPLAY_EVERY:
            self.replay()
        if self.size >= self._invariants_at or whole:
            self._invariants_at = max(self._invariants_at, 2 * self.size)
            for found in violations(SortedMap(self.log.table.values)):
                raise Failure("invariants", str(found))

    def replay(self) -> None:
        """Replay what has been added; then both states are the same bytes."""
        records = self.log.records_[self._replayed :]
        try:
            for step in replay(
                records,
                self._state,
                ids=self._ids,
                verify=self.verify,
                seals=self._seals,
                size=self._replayed,
                time_ms=self._replayed_ms,
            ):
                self._replayed_ms = step.time_ms
        except TanbuError as error:
            raise Failure("replay", str(error)) from error
        self._replayed += len(records)
        self._base.store(self._state)
        if self._base.values != self.log.table.values:
            raise Failure("replay", _difference(self._base.values, self.log.table.values))

    def commitment(self) -> Commitment:
        """What a seal of the present state says; the replay will look for that seal."""
        self.replay()
        self._seals.expect([self.size])
        items = sorted(self._base.values.items())
        self._seals.take(self.size, items)
        return commit_to(items, self.size)

    def finish(self) -> tuple[bytes, int]:
        """Everything again, at the end; the state's root and its count."""
        self.look()
        self.check(whole=True)
        if [leaf_hash(record) for record in self.log.records_] != self.hashes:
            raise Failure("lost", "records have changed since they were committed")
        self._read_tiles()
        return state_root(sorted(self.log.table.values.items()))

    # ------------------------------------------------------------ the publisher

    def signed(self, size: int, root: bytes) -> None:
        """The log's key has signed this."""
        if self.roots.get(size) != root:
            raise Failure("published", f"a checkpoint of size {size} was signed, never committed")

    def look_at_tiles(self) -> None:
        """The published checkpoint is signed, grows, and is of a committed head."""
        if (note := self.tiles.files.get("checkpoint")) is None:
            if self._published:
                raise Failure("published", "the checkpoint is gone")
            return
        try:
            head = open_checkpoint(note, self.keys)
        except NotTrusted as error:
            raise Failure("published", str(error)) from error
        if head.size < self._published:
            raise Failure("published", f"size {head.size} after {self._published}")
        if self.roots.get(head.size) != head.root:
            raise Failure("published", f"size {head.size} has another root than was committed")
        self._published = head.size

    def _read_tiles(self) -> None:
        """The published bundles hold every record below the published size."""
        self.look_at_tiles()
        size = self._published
        for number in range(-(-size // TILE_WIDTH)):
            first = number * TILE_WIDTH
            width = min(TILE_WIDTH, size - first)
            data = self.tiles.files.get(bundle_path(number, width))
            if data is None:
                raise Failure("published", f"bundle {number} of size {size} is not there")
            if list(parse_bundle(data, width)) != self.log.records_[first : first + width]:
                raise Failure("published", f"bundle {number} does not hold the log's records")


def _difference(replayed: dict[str, bytes], stored: dict[str, bytes]) -> str:
    keys = sorted(replayed.keys() | stored.keys())
    wrong = [key for key in keys if replayed.get(key) != stored.get(key)]
    there, made = stored.get(wrong[0]), replayed.get(wrong[0])
    return f"{len(wrong)} values differ; {wrong[0]}: stored {there!r}, replayed {made!r}"
