"""Auditing a whole log: every signature, the tree, the checkpoint, the rules, the totals.

Source: DESIGN of Tanbu, §1 (laws), §8 (`tanbu audit`), §12 (traps).
Refuses to know: where the log lies, on how many cores, how progress is shown.

One process reads and judges by the rules, in the order of the log; a crew checks form, hashes and
signatures of each bundle, with the keys that the rules have found to be in force. State and ids are
kept in a scratch, so memory does not grow with the log.

Steps
1. Checkpoint: signed by every key that the log itself has put in force at that size, which descend
   from one that trust names; without trust, from its own genesis, and said.
2. Records: each is of the form, in its place, not earlier than the one before.
3. Signatures: each is good, by a key in force at its index.
4. Rules: each entry is accepted by the ruleset in force; no id twice until its not_after.
5. Tree: each leaf hash is that of its tile, each tile that of the tile above, the root that of the
   checkpoint.
6. Genesis: signed by a key of the authority that trust names.
7. State: each seal is of the state that there was; what must hold of it in the end holds
   (`ledger.invariants`); its root and totals.
8. Database, of a data directory: each stored record, leaf hash, id, checkpoint and state value, and
   the head, are those of the log.

The first fault in the order of the log ends the audit: NotTrusted, with the place. Where a tile is
missing, or a ruleset is not known, it says Unavailable, unless there is a fault before that.

    report = audit(source, memory=scratch, crew=crew, trust=trust)
"""

from collections.abc import Callable, Sequence

from registry.chain.errors import Malformed, NotTrusted, TanbuError, Unavailable
from registry.chain.tiles import TILE_WIDTH, format_bundle
from registry.chain.tlog import Frontier
from registry.ledger import values as v
from registry.ledger.codec import parse_entry, parse_record
from registry.ledger.entries import Genesis
from registry.ledger.invariants import violations
from registry.ledger.replay import id_in_use
from registry.ledger.sealing import SealWatch, sealed_sizes
from registry.ledger.state import decode_value
from registry.ports import Head, TileSource
from registry.verify.ahead import SealAhead
from registry.verify.auditwords import Audited, describe_audit
from registry.verify.bundle import BundleResult, BundleTask, Fault, used_ids
from registry.verify.comparing import BookCheck, first_difference, rooted
from registry.verify.judging import Judge
from registry.verify.keyring import check_genesis
from registry.verify.loghead import check_anchored, check_signed, learned_keys
from registry.verify.means import Crew, Memory, StoredBook
from registry.verify.reading import CHECKPOINT, Bundle, LogReader
from registry.verify.report import Report
from registry.verify.treecheck import TreeCheck
from registry.verify.trust import Trust, TrustedKey

Progress = Callable[[int, int], None]
"""(records checked, records in all)."""


def audit(
    source: TileSource,
    *,
    memory: Memory,
    crew: Crew,
    trust: Trust | None = None,
    book: StoredBook | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check the whole log that `source` holds, and the database `book` that was made from it.

    Raises NotTrusted at the first fault, Unavailable where something could not be checked. A log
    that grows meanwhile is followed to where it was when its last bundle was read.
    """
    return _Audit(source, memory, crew, trust, book, progress).run()


class _Bundle:
    """A bundle under way: where it is from, and what has stopped its judging."""

    __slots__ = ("error", "first", "origin", "records")

    def __init__(self, first: int, records: Sequence[bytes], origin: Bundle | None) -> None:
        self.first = first
        self.records = records
        self.origin = origin
        self.error: tuple[int, TanbuError] | None = None


class _Audit:
    """One run; see the module."""

    def __init__(
        self,
        source: TileSource,
        memory: Memory,
        crew: Crew,
        trust: Trust | None,
        book: StoredBook | None,
        progress: Progress | None,
    ) -> None:
        self._memory = memory
        self._crew = crew
        self._trust = trust
        self._book = book
        self._progress = progress
        self._log = LogReader(source, trust)
        self._seals = SealWatch()
        self._ahead: SealAhead | None = SealAhead(source, self._seals)
        self._judge = Judge(memory.state, self._seals)
        self._tree = TreeCheck(self._log.tile)
        self._check: BookCheck | None = None
        self._authority = ""
        self._under_way: dict[int, _Bundle] = {}
        self._results: dict[int, BundleResult] = {}
        self._signatures = 0
        self._root = b""
        self._learned: tuple[str, ...] = ()
        self._log_keys: tuple[TrustedKey, ...] = ()

    def run(self) -> Report:
        try:
            self._read_log()
            self._check_root()
            if self._check is not None and self._book is not None:
                with self._book.still() as head:
                    self._read_rest(head)
                    return self._finish(head)
            return self._finish(None)
        except TanbuError:
            # What is still under way may hold an earlier fault, and that one counts.
            self._settle(self._crew.drain())
            raise

    # ------------------------------------------------------------ reading

    def _read_log(self) -> None:
        """Every bundle and tile of the newest checkpoint; of a newer one, if it grows meanwhile."""
        done = 0
        while True:
            while done < self._log.head.size // TILE_WIDTH:
                self._take(self._log.full_bundle(done))
                done += 1
            try:
                tail, above = self._log.tail()
            except Unavailable:
                if not self._log.renew():
                    raise
                continue
            break
        if tail is not None:
            self._take(tail)
        self._settle(self._crew.drain())
        for tile, data in above.items():
            self._tree.check_partial(tile, data)

    def _take(self, bundle: Bundle) -> None:
        """Judge a bundle of tiles and hand it over, with what the database holds in its place."""
        if bundle.first == 0:
            self._begin(bundle)
        self._look_ahead(bundle.first)
        records: Sequence[bytes] = bundle.records
        under_way = _Bundle(bundle.first, records, bundle)
        data, stored = bundle.data, b""
        if self._check is not None:
            records, stored = self._check.rows(bundle.first, bundle.first + len(records))
            under_way.records = records
            data = format_bundle(records)
            if data != bundle.data:
                at = bundle.first + first_difference(records, bundle.records)
                under_way.error = (
                    at,
                    NotTrusted(
                        f"the database and {bundle.bundle_path} hold different bytes",
                        where=f"record {at}",
                    ),
                )
        self._hand_over(under_way, records, data, bundle.tile, stored)

    def _look_ahead(self, first: int) -> None:
        """Find the seals of sizes within the bundle that begins at `first`."""
        while self._ahead is not None:
            try:
                self._ahead.look(first, self._log.head.size)
                return
            except (Unavailable, NotTrusted) as error:
                # It is a fault where the bundle is judged; a tail may have grown.
                if isinstance(error, NotTrusted) or not self._log.renew():
                    self._ahead = None

    def _look_beyond(self) -> None:
        """Find the seals among the records that the database has beyond the checkpoint."""
        if self._book is not None:
            first = self._log.head.size
            while rows := self._book.records(first, first + TILE_WIDTH):
                self._seals.expect(sealed_sizes(record for record, _ in rows))
                first += len(rows)

    def _begin(self, bundle: Bundle) -> None:
        """What the genesis says that is needed from the start: log keys, authority."""
        where = "record 0"
        try:
            parsed = parse_entry(parse_record(bundle.records[0]).note)
        except Malformed as error:
            raise NotTrusted(f"not a record: {error.message}", where=where) from error
        genesis = parsed.entry
        if not isinstance(genesis, Genesis):
            raise NotTrusted("the first record is no genesis", where=where)
        origin = self._log.head.origin
        if parsed.origin != origin:
            raise NotTrusted(f"the checkpoint is of {origin}, not of {parsed.origin}", where=where)
        if self._trust is not None:
            log_trust = self._trust.of(origin)
            self._authority = check_genesis(genesis, log_trust.authority_keys)
        if self._book is not None:
            self._check = BookCheck(self._book)
            self._look_beyond()

    def _read_rest(self, head: Head) -> None:
        """The records that the database has beyond the newest checkpoint."""
        check = self._check
        while check is not None and self._tree.size < head.size:
            first = self._tree.size
            stop = min(head.size, (first // TILE_WIDTH + 1) * TILE_WIDTH)
            records, stored = check.rows(first, stop)
            self._seals.expect(sealed_sizes(records))
            under_way = _Bundle(first, records, None)
            self._hand_over(under_way, records, format_bundle(records), b"", stored)
            self._settle(self._crew.drain())

    # ------------------------------------------------------------ judging and checking

    def _hand_over(
        self,
        under_way: _Bundle,
        records: Sequence[bytes],
        data: bytes,
        tile: bytes,
        stored: bytes,
    ) -> None:
        judged = self._judge.bundle(records)
        if judged.error is not None:
            at = under_way.first + judged.count
            if under_way.error is None or at < under_way.error[0]:
                under_way.error = (at, judged.error)
        self._under_way[under_way.first] = under_way
        task = BundleTask(
            first=under_way.first,
            count=len(records),
            data=data,
            judged=judged.count,
            keys=judged.keys,
            tile=tile,
            stored=stored,
        )
        self._settle(self._crew.submit(task))
        if under_way.error is not None:
            # Nothing after it can be judged; what was before it is settled first.
            self._settle(self._crew.drain())
            raise under_way.error[1]

    def _settle(self, results: Sequence[BundleResult]) -> None:
        """Take results in the order of the log; raises the first fault."""
        for result in results:
            self._results[result.first] = result
        while (result_next := self._results.pop(self._tree.size, None)) is not None:
            bundle = self._under_way.pop(result_next.first)
            self._settle_one(bundle, result_next)
            if self._progress is not None:
                self._progress(self._tree.size, max(self._tree.size, self._log.head.size))

    def _settle_one(self, bundle: _Bundle, result: BundleResult) -> None:
        clash = self._memory.ids.take(used_ids(result))
        found: list[tuple[int, int, TanbuError]] = []
        if clash is not None:
            found.append((clash[0][1], 0, id_in_use(clash)))
        if result.fault is not None:
            found.append((result.fault.index, 1, _fault_error(result.fault, bundle)))
        if bundle.error is not None:
            found.append((bundle.error[0], 2, bundle.error[1]))
        if found:
            raise min(found, key=_precedence)[2]
        if self._check is not None:
            self._check.heads(self._tree, result, bundle.records, self._judge.keys)
        self._tree.add(result.hashes, result.root)
        self._signatures += result.signatures

    # ------------------------------------------------------------ at the end

    def _check_root(self) -> None:
        head = self._log.head
        if self._tree.size == 0:
            raise Unavailable("the log has no records: there is nothing to check")
        if (self._tree.size, self._tree.root()) != (head.size, head.root):
            raise NotTrusted(
                f"the checkpoint of size {head.size} has another root than its records",
                where="checkpoint",
            )
        self._root = head.root
        keys = self._judge.keys
        # What was judged last is the newest record below this checkpoint.
        check_signed(self._log.note, keys, head.size, self._judge.time_ms, CHECKPOINT)
        if keys is None:
            return
        known: tuple[TrustedKey, ...] = ()
        if self._trust is not None:
            log_trust = self._trust.of(head.origin)
            known = log_trust.log_keys
            self._learned = check_anchored(self._log.note, keys, head.size, log_trust, CHECKPOINT)
        self._log_keys = learned_keys(keys, known)

    def _finish(self, head: Head | None) -> Report:
        self._judge.store()
        state = self._memory.state
        for violation in violations(state):
            raise NotTrusted(str(violation), where=f"state {violation.key}")
        if self._check is not None and head is not None:
            self._check.finish(head, self._tree, self._judge.time_ms)
            self._check.ids(self._memory.ids.items())
            self._check_published()
        frontier = Frontier()
        items = rooted(state.items(), frontier)
        if self._check is not None:
            self._check.state(items)
        else:
            for _ in items:
                pass
        log = decode_value(v.LOG, state.get_many((v.LOG,))[v.LOG])
        return describe_audit(
            Audited(
                log=log if isinstance(log, v.Log) else None,
                size=self._log.head.size,
                root=self._root,
                records=self._tree.size,
                first_ms=self._judge.first_ms,
                last_ms=self._judge.time_ms,
                kinds=self._judge.entries_by_kind(),
                signatures=self._signatures,
                authority=self._authority,
                state_root=frontier.root(),
                state_count=frontier.size,
                stored=self._check is not None,
                checkpoints=0 if self._check is None else self._check.checkpoints,
                log_keys=self._log_keys,
                learned=self._learned,
                seals=self._seals.checked,
                seals_unchecked=self._judge.seals_unchecked,
            ),
            state,
        )

    def _check_published(self) -> None:
        """The checkpoint beside the tiles is one that the database has kept."""
        size = self._log.head.size
        kept = () if self._book is None else self._book.checkpoints(size - 1, 1)
        if not kept or kept[0] != (size, self._log.note):
            raise NotTrusted("the database has not kept this checkpoint", where="checkpoint")


def _precedence(found: tuple[int, int, TanbuError]) -> tuple[bool, int, int]:
    """A fault before what could not be checked, an earlier record before a later one."""
    index, rank, error = found
    return isinstance(error, Unavailable), index, rank


def _fault_error(fault: Fault, bundle: _Bundle) -> NotTrusted:
    """What a worker has found, in words, with the place."""
    where, origin = f"record {fault.index}", bundle.origin
    if fault.kind == "hash" and origin is not None:
        place = fault.index - origin.first
        return NotTrusted(
            f"the record is not the one whose hash stands in {origin.tile_path} at {place}",
            where=f"{where} ({origin.bundle_path})",
        )
    if fault.kind == "stored":
        return NotTrusted("the leaf hash stored beside the record is not its own", where=where)
    if origin is not None:
        where = f"{where} ({origin.bundle_path})"
    what = "not of the form" if fault.kind == "form" else "not signed as it must be"
    return NotTrusted(f"{what}: {fault.message}", where=where)


__all__ = ["Progress", "audit"]
