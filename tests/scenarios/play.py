"""Plays a scenario: every entry signed, judged by the real rules, and held to what the file says.

After each entry that is accepted all invariants must hold; one that is refused must have changed
nothing. At the end the records are replayed from the start, and audited as a stranger would, and
what the file wants proved is proved offline.

    played = play(scenario, "guangdong.ledger")
    played.state_root
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from registry.chain import tiles, tlog
from registry.chain.checkpoint import Checkpoint, sign_checkpoint
from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.chain.tlog import LeafHashes, leaf_hash
from registry.ledger.apply import apply, verify_here
from registry.ledger.codec import format_record, parse_entry, parse_record
from registry.ledger.dates import DAY_MS
from registry.ledger.entries import KINDS
from registry.ledger.invariants import violations
from registry.ledger.logkeys import read_history
from registry.ledger.people import format_opening, format_receipt
from registry.ledger.replay import replay
from registry.ledger.sealing import SealWatch, sealed_sizes
from registry.ledger.signing import SigningKey, sign_entry
from registry.ledger.state import MemoryState, State, state_root
from registry.ledger.transitions import Watch
from registry.ports import Published
from registry.store.scratch import Scratch
from registry.verify.audit import audit
from registry.verify.build import build_evidence
from registry.verify.loghead import learned_keys
from registry.verify.means import HereCrew
from registry.verify.receipt import verify_receipt
from registry.verify.report import Report
from registry.verify.trust import Trust, new_trust
from tests.ledger.world import step_of
from tests.scenarios.build import build, thing_of
from tests.scenarios.cast import Cast
from tests.scenarios.checks import differences
from tests.scenarios.reading import wrong
from tests.scenarios.said import Check, Proof, Said, Scenario
from tests.scenarios.scene import Scene
from tests.verify.twin import verify

MORNING = "09:00"
"""When the first entry of a day is recorded, if the file does not say it."""
APART_MS = 1_000
"""How far apart entries are for which no time is said."""


FOUNDERS = ("operator", "authority")
"""Who stands in the genesis, each with a first key."""


class Surprise(AssertionError):
    """Something is not as the file says; the text begins with the place."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """An entry as it was submitted; `refused` is empty if it came into the log."""

    said: Said
    note: bytes
    time_ms: int
    refused: str


@dataclass(slots=True)
class Played:
    """A scenario that went as its file says."""

    scenario: Scenario
    cast: Cast
    submitted: list[Submitted] = field(default_factory=list)
    records: list[bytes] = field(default_factory=list)
    state: MemoryState = field(default_factory=MemoryState)
    labels: dict[str, int] = field(default_factory=dict)
    proved: list[Report] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        """The kinds of the accepted entries, each once."""
        return list(dict.fromkeys(s.said.kind for s in self.submitted if not s.refused))

    @property
    def refusals(self) -> list[str]:
        """The reasons of refused entries, each once."""
        return list(dict.fromkeys(s.refused for s in self.submitted if s.refused))

    @property
    def state_root(self) -> str:
        return state_root(sorted(self.state.values.items()))[0].hex()

    @property
    def trust(self) -> Trust:
        """Trust as one has it who believes the genesis: the log's keys, the authority's."""
        authority = self.scenario.entries[0].clauses["authority"][0]
        keys = (self.cast.key(authority).vkey,)
        return Trust((new_trust(self.cast.origin, self.cast.log_vkeys(), keys),))

    @property
    def newest_trust(self) -> Trust:
        """The same with what an audit has taught since: the keys that replaced those of genesis."""
        (old,) = self.trust.logs
        keys = learned_keys(read_history(self.state), old.log_keys)
        return Trust((msgspec.structs.replace(old, log_keys=keys),))


def play(scenario: Scenario, where: str) -> Played:
    """Play a whole file; Surprise where it does not go as the file says."""
    player = _Player(scenario, where)
    for step in scenario.steps:
        if isinstance(step, Check):
            player.check(step)
        else:
            player.submit(step)
    played = player.played
    _replay(played, where)
    log = PublishedLog(played)
    played.proved.append(log.audit())
    for proof in scenario.proofs:
        try:
            played.proved.append(log.prove(proof, player.scene, where))
        except (NotTrusted, Unavailable) as error:
            raise Surprise(f"{where}:{proof.line}: not proved: {error}") from error
    return played


class _Player:
    """A log in memory that grows entry by entry."""

    def __init__(self, scenario: Scenario, where: str) -> None:
        cast = Cast(scenario.name, scenario.region, scenario.persons)
        self.played = Played(scenario, cast)
        self.scene = Scene(where, cast, self.played.state, labels=self.played.labels)
        self._state = State(self.played.state)
        self._watch = Watch()
        self._traded: list[tuple[Said, dict[str, Any]]] = []
        self._date = ""

    def submit(self, said: Said) -> None:
        """Build, sign and apply an entry, and compare the outcome."""
        self.scene.time_ms = self._time(said)
        if said.kind == "genesis":
            self.scene.offset_min = said.clauses.get("offset", self.scene.offset_min)
            self.scene.time_ms = self._time(said)
        fields = build(said, self.scene)
        note = self._sign(said, fields)
        refused = self._apply(said, note)
        if refused != said.refused:
            what = f"refused: {refused}" if refused else "accepted"
            raise Surprise(f"{self.scene.where}:{said.line}: {what}, the file says otherwise")
        self.played.submitted.append(Submitted(said, note, self.scene.time_ms, refused))
        if not refused:
            self._accepted(said, note, fields)

    def check(self, check: Check) -> None:
        """Compare the state with what the file says of it."""
        if wrongs := differences(check, self.scene, self._traded):
            raise Surprise(f"{self.scene.where}:{check.line}: {'; '.join(wrongs)}")

    def _time(self, said: Said) -> int:
        try:
            time_ms = self.scene.ms(said.when, MORNING)
        except ValueError as error:
            raise wrong(self.scene.where, said.line, str(error)) from error
        last_ms = self.scene.time_ms
        if time_ms <= last_ms and said.when.date == self._date and not said.when.time:
            time_ms = last_ms + APART_MS
        if time_ms < last_ms:
            raise wrong(self.scene.where, said.line, "the time goes back")
        self._date = said.when.date
        return time_ms

    def _sign(self, said: Said, fields: dict[str, Any]) -> bytes:
        """The note; the keys that an entry enrols sign it too, without being named."""
        keys = {self.scene.cast.key(name) for name in said.by} | set(self._enrolled(said))
        ordered = sorted(keys, key=lambda key: key.signer)
        number, time_ms = len(self.played.submitted), self.scene.time_ms
        plain = {
            "kind": said.kind,
            "id": self.scene.cast.entry_id(number, time_ms),
            "not_after": time_ms + DAY_MS,
            "signers": [key.signer for key in ordered],
        } | fields
        try:
            entry = msgspec.convert(plain, KINDS[said.kind])
            return sign_entry(self.scene.cast.origin, entry, ordered)
        except (msgspec.ValidationError, Malformed) as error:
            raise wrong(self.scene.where, said.line, f"not such an entry: {error}") from error

    def _enrolled(self, said: Said) -> list[SigningKey]:
        cast, c = self.scene.cast, said.clauses
        if said.kind == "party":
            return [cast.key(f"{c[''][0]}/{n}") for n in range(1, c.get("keys", 1) + 1)]
        if said.kind == "account" and "person" in c:
            return [cast.key(f"{c['']}/{n}") for n in range(1, c.get("keys", 1) + 1)]
        if said.kind == "key" and c[""][0] in ("add", "recover"):
            return [cast.key(c[""][1])]
        return []

    def _apply(self, said: Said, note: bytes) -> str:
        """The name of the refusal, or "" if the entry is accepted."""
        base, index = self.played.state, len(self.played.records)
        before = dict(base.values)
        parsed = parse_entry(note)
        time_ms = self.scene.time_ms
        refusal = apply(self._state, parsed, index=index, time_ms=time_ms, verify=verify_here)
        base.store(self._state)
        place = f"{self.scene.where}:{said.line}"
        if refusal is None:
            step = step_of(before, base, parsed.entry, index, time_ms)
            if broken := [str(b) for b in (*violations(base), *self._watch.broken_by(step))]:
                raise Surprise(f"{place}: an invariant does not hold: {'; '.join(broken[:3])}")
            return ""
        if base.values != before:
            raise Surprise(f"{place}: refused as {refusal.name}, but the state has changed")
        if said.refused != refusal.name:
            self._signers_are_known(said)
            raise Surprise(f"{place}: refused: {refusal.name} ({self._named(refusal.message())})")
        return refusal.name

    def _signers_are_known(self, said: Said) -> None:
        """Malformed if `by` names somebody, or a key, that no entry above has brought in."""
        cast, entries = self.scene.cast, self.played.scenario.entries
        keys = {(key.holder, key.vkey) for key in self._enrolled(said)}
        keys |= {(k.holder, k.vkey) for k in (cast.key(entries[0].clauses[r][0]) for r in FOUNDERS)}
        for above in self.played.submitted:
            if not above.refused:
                keys |= {(key.holder, key.vkey) for key in self._enrolled(above.said)}
        for reference in said.by:
            name = reference.partition("/")[0]
            count = sum(holder == cast.holder(name) for holder, _ in keys)
            what, todo = f"no party {name} above", "by names parties and personal accounts"
            if count:
                what = f"{reference}: {name} has {count} key" + ("s" if count > 1 else "")
                todo = "give it more with: keys N"
            if (cast.holder(name), cast.key(reference).vkey) not in keys:
                raise wrong(self.scene.where, said.line, what, todo)

    def _named(self, message: str) -> str:
        """A message with the names of the file in place of account ids."""
        accounts = {s.clauses[""] for s in self.played.scenario.entries if s.kind == "account"}
        for name in accounts:
            message = message.replace(self.scene.cast.account(name), name)
        return message

    def _accepted(self, said: Said, note: bytes, fields: dict[str, Any]) -> None:
        index = len(self.played.records)
        self.scene.size = index + 1
        self.played.records.append(format_record(index, self.scene.time_ms, note))
        if said.label:
            if said.label in self.played.labels:
                raise wrong(self.scene.where, said.line, f"a second entry is called [{said.label}]")
            self.played.labels[said.label] = index
        if thing := thing_of(said.kind, said, fields):
            self.scene.before[thing] = fields
        if "new_project" in fields:
            new = fields["new_project"]
            self.scene.before["project", new["project"]] = new
        if said.kind == "transfer":
            self._traded.append((said, fields))


def _replay(played: Played, where: str) -> None:
    """From the records alone comes the same state."""
    base = MemoryState()
    state = State(base)
    watch = SealWatch(sealed_sizes(played.records))
    for _ in replay(played.records, state, seals=watch):
        base.store(state)
    if base.values != played.state.values:
        raise Surprise(f"{where}: the replayed state is another")


class PublishedLog:
    """The log as it is published: what an evidence file is built from, and what an audit reads."""

    def __init__(self, played: Played) -> None:
        self._played = played
        self.state = played.state
        self.size = len(played.records)
        self.hashes = LeafHashes(leaf_hash(record) for record in played.records)
        head = Checkpoint(played.cast.origin, self.size, tlog.root_hash(self.size, self.hashes))
        self.time_ms = played.submitted[-1].time_ms
        self.note = self._signed(head)

    def _signed(self, head: Checkpoint) -> bytes:
        """The checkpoint with the lines of every pair of log keys that is due."""
        cast, history = self._played.cast, read_history(self.state)
        number_of = {cast.log_vkeys(n): n for n in range(1, len(history.pairs) + 1)}
        time_ms = parse_record(self._played.records[-1]).time_ms
        due = history.pairs_due(self.size, time_ms)
        seeds = [cast.log_seeds(number_of[pair.ed25519, pair.mldsa44]) for pair in due]
        return sign_checkpoint(head, *seeds[0], self.time_ms // 1_000, *seeds[1:])

    def record(self, index: int) -> bytes | None:
        return self._played.records[index] if index < self.size else None

    def published(self) -> Published | None:
        return Published(self.size, self.note, self.time_ms)

    def checkpoint(self) -> bytes:
        return self.note

    def read(self, path: str) -> bytes:
        """A tile or bundle of the whole log."""
        where = tiles.parse_path(path)
        first = where.index * tiles.TILE_WIDTH
        if isinstance(where, tiles.BundleAddress):
            return tiles.format_bundle(self._played.records[first : first + where.width])
        level = where.level * tiles.TILE_HEIGHT
        nodes = [tlog.Node(level, first + n) for n in range(where.width)]
        if not nodes:
            raise Unavailable("it is not there", where=path)
        return b"".join(self.hashes.read_hashes(nodes))

    def audit(self) -> Report:
        """Audit the published log with nothing but trust."""
        with Scratch() as scratch:
            report = audit(self, memory=scratch, crew=HereCrew(), trust=self._played.trust)
        if report.facts["state_root"] != self._played.state_root:
            raise Surprise(f"{self._played.scenario.name}: the audit finds another state")
        return report

    def prove(self, proof: Proof, scene: Scene, where: str) -> Report:
        """The report of a stranger who has the evidence file (and a receipt, an opening)."""
        try:
            index = scene.entry(proof.of)
        except ValueError as error:
            raise wrong(where, proof.line, str(error)) from error
        evidence = build_evidence(index, self, self.hashes)
        trust = self._played.newest_trust
        if proof.receipt:
            said = next(s.said for s in self._played.submitted if s.said.label == proof.of.name)
            crowd, unit = scene.crowds[said.line]
            return verify_receipt(format_receipt(crowd.receipt(unit)), evidence, trust)
        opening = None
        if proof.opened_by:
            opening = format_opening(*scene.cast.opening(proof.opened_by))
        return verify(evidence, trust, opening=opening)
