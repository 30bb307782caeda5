"""One run: steps of clients, faults, commits and publications, watched by the auditor.

A step: time passes; whoever is down is started again; clients send what they have; the real commit
loop serves them over a socket; the auditor looks; now and then the publisher publishes. Nothing
sleeps, nothing runs beside anything else, and nothing but the seed decides.
"""

import os
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from registry.chain import ed25519
from registry.chain.checkpoint import LogKeys
from registry.chain.errors import Broken, TanbuError
from registry.ledger.logkeys import Pair
from registry.ledger.refusals import Refusal
from registry.ports import Admitted
from registry.writer.commit import CLOCK_BACK_MS_MAX, CLOCK_JUMP_MS_MAX, Writer
from registry.writer.frames import FrameReader, decode_answer, encode_request
from registry.writer.loop import Commit, CommitLoop
from registry.writer.publish import Publisher
from registry.writer.stage import Outcome
from tests.ledger.world import ORIGIN, START_MS, World, found
from tests.model.dice import Move, founding
from tools.simulation.auditor import Auditor, Failure
from tools.simulation.clients import NUMBERS_PER_STEP, Chance, Clients
from tools.simulation.entries import Draft, check, compose, receive
from tools.simulation.faults import Crash, Faults, Trap, faults_of, throw
from tools.simulation.machine import MemoryLog, MemoryTiles, OneKey, SimulatedClock, SimulatedSigner

PUBLISH_EVERY = 16
SEALED_FROM = 500
"""The size at which the state is sealed first; then whenever the log has grown by a half."""
SIGNING_SEED = b"L" * 32
DAY_MS = 86_400_000
KEYS_TRIED = 10
"""How often the end is signed anew: a key at hand may have run out."""
SENT_AT_ONCE = 150
REQUEST_ENTRIES = 25
SOCKET_BYTES = 1 << 20
NO_FAULTS: Faults = {}
FOUNDING = Move("founding", (), {})


@dataclass(frozen=True, slots=True)
class Config:
    """What decides a run; `skipped` steps bring nothing and nothing goes wrong in them."""

    seed: int
    entries: int
    masked: frozenset[str] = frozenset()
    skipped: frozenset[int] = frozenset()


@dataclass(slots=True)
class Result:
    """What came of a run."""

    entries: int = 0
    steps: int = 0
    size: int = 0
    root: str = ""
    state_root: str = ""
    state_count: int = 0
    starts: int = 0
    published: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    replayed: int = 0
    malformed: int = 0


class _Founding(World):
    """The founding story of the tests' world, written down."""

    def __init__(self) -> None:
        super().__init__(founded=False)
        self.told: list[tuple[int, Draft]] = []
        found(self)

    def put(self, note_bytes: bytes) -> str:
        self.told.append((self.time_ms, receive(self.serial, FOUNDING, note_bytes)))
        self.index += 1
        self.time_ms += 1_000
        return ""


@cache
def _story() -> tuple[tuple[int, Draft], ...]:
    """When each founding entry comes, and its text, truly signed."""
    return tuple(_Founding().told)


class Run:
    """A simulated log and all that happens to it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.result = Result()
        self.trap = Trap()
        self.clock = SimulatedClock(START_MS)
        self.log = self.make_log()
        self.tiles = self.make_tiles()
        self.keys = LogKeys(ORIGIN, ed25519.public_key(SIGNING_SEED), None)
        first = Pair(ed25519="", mldsa44="", from_size=1)
        self.log.history = OneKey(ORIGIN, (first,), self.keys)
        self.auditor = Auditor(self.log, self.tiles, self.clock, self.keys, check)
        self.signer = SimulatedSigner(self.keys, SIGNING_SEED, self.auditor.signed)
        self.writer: Writer | None = None
        self.publisher: Publisher | None = None
        self.clients = Clients(self.log, self.clock)
        self.step_number = -1
        self._seen_ms = (0, 0)
        self._seal_at = SEALED_FROM
        self._dying = False
        self._fenced = False
        self._stop_read, self._stop_write = os.pipe()
        self.auditor.on_logged = self._tell

    # ------------------------------------------------------------ what tests put in place of it

    def make_log(self) -> MemoryLog:
        """The database."""
        return MemoryLog(self.trap)

    def make_tiles(self) -> MemoryTiles:
        """The tile store."""
        return MemoryTiles(self.trap)

    def make_writer(self) -> Writer:
        """A writer that opens the log."""
        return Writer(self.log, self.clock)

    # ------------------------------------------------------------ the whole

    def play(self) -> Result:
        """Everything up to as many entries as wanted, and the end; raises Failure."""
        try:
            self._found()
            step = 0
            while self.result.entries < self.config.entries:
                if step not in self.config.skipped:
                    self._step(step)
                step += 1
            self.step_number = step
            self.result.steps = step
            self._end(step)
        finally:
            os.close(self._stop_read)
            os.close(self._stop_write)
        return self.result

    def _found(self) -> None:
        self._start()
        for time_ms, draft in _story():
            self.clock.tick(time_ms - self.clock.wall_ms)
            self.found(replace(draft))
        self.clock.tick(60_000)
        for number, move in enumerate(founding(self.clients.dice), len(_story()) + 1):
            self.found(compose(number, move, ORIGIN, self.clock.wall_ms))
            self.clock.tick(1_000)
        self.result.accepted.clear()

    def found(self, draft: Draft) -> None:
        """Commit one entry that must be accepted, without faults."""
        self._send([draft])
        if draft.receipt is None:
            raise Failure("founding", f"not accepted: {draft}")

    def _step(self, step: int) -> None:
        self.step_number = step
        seed = self.config.seed
        faults = faults_of(seed, step, self.config.masked)
        self.trap.arm(step, faults)
        self.result.faults.update(faults.keys())
        self._pass_time(step, faults)
        chance = Chance(f"{seed}/{step}")
        try:
            if self.writer is None:
                if chance.random() < 0.6:
                    self._mend_clock()
                self._start()
            room = self.config.entries - self.result.entries
            drafts, new = self.clients.drafts(step, chance, faults, room)
            self.result.entries += new
            if self.auditor.size >= self._seal_at:
                self._seal_at = self.auditor.size * 3 // 2
                number = (step + 2) * NUMBERS_PER_STEP - 1
                drafts.append(self.clients.seal(number, self.auditor.commitment()))
            if self.writer is not None and drafts:
                if "second-writer" in faults:
                    self._second_writer(drafts)
                else:
                    self._send(drafts, faults)
            else:
                self.clients.wait(drafts)
            if chance.randrange(PUBLISH_EVERY) == 0:
                self._publish()
        except Crash:
            self._die()
        self.auditor.look_at_tiles()
        self.auditor.check()

    def _end(self, step: int) -> None:
        """All faults over: whoever waits gets an answer, all is published, all is checked."""
        self.trap.arm(step + 1_000, {})
        while self.clients.waiting or self.writer is None:
            self.clock.tick(1_000)
            if self.writer is None:
                self._mend_clock()
                self._start()
            self._send(self.clients.take_waiting())
        self._publish()
        self._end_log((step + 2) * NUMBERS_PER_STEP)
        self._publish()
        root, count = self.auditor.finish()
        result = self.result
        result.state_root, result.state_count = root.hex(), count
        result.malformed = self.clients.malformed
        result.size, result.root = self.auditor.size, self.auditor.root.hex()

    def _end_log(self, number: int) -> None:
        """The last entry; after it none is accepted."""
        for again in range(KEYS_TRIED):
            draft = self.clients.seal(number + again, self.auditor.commitment(), last=True)
            self._send([draft])
            if draft.receipt is not None:
                break
        else:
            raise Failure("end", "the log could not be ended")
        late = self.clients.seal(number + KEYS_TRIED, self.auditor.commitment())
        self._send([late])
        if late.receipt is not None:
            raise Failure("end", "an entry came into a log that had ended")

    def _tell(self, draft: Draft, index: int) -> None:
        """The clients hear what is in the log."""
        self.result.accepted[draft.move.kind] += 1
        if draft.move is not FOUNDING:
            try:
                self.clients.tell(draft, index)
            except (KeyError, TypeError):
                self.auditor.replay()  # says what is missing in the state
                raise

    # ------------------------------------------------------------ sending

    def _send(self, drafts: Sequence[Draft], faults: Faults = NO_FAULTS) -> None:
        """One run of the commit loop with these entries; the answers that arrive are judged."""
        late = drafts[SENT_AT_ONCE:]
        drafts = drafts[:SENT_AT_ONCE]
        for draft in drafts:
            self.auditor.send(draft)
        before = self.auditor.size
        answers: list[Outcome] = []
        try:
            answers = self._serve(drafts, faults)
        finally:
            self.auditor.look()
            for draft, outcome in zip(drafts, answers, strict=False):
                self.auditor.answer(draft, outcome, before)
                self._count(outcome)
                self.clients.hear(outcome)
            self.clients.wait((*drafts[len(answers) :], *late))
            self.clients.book.index = self.auditor.size
        if self._dying:
            raise Crash

    def _count(self, outcome: Outcome) -> None:
        if isinstance(outcome, Refusal):
            self.result.refused[outcome.name] += 1
        elif outcome.replayed:
            self.result.replayed += 1

    def _serve(self, drafts: Sequence[Draft], faults: Faults) -> list[Outcome]:
        """The real commit loop over a socket; the answers that the client reads."""
        client, server = socket.socketpair()
        client.settimeout(0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        try:
            for number, at in enumerate(range(0, len(drafts), REQUEST_ENTRIES)):
                entries = [d.admitted for d in drafts[at : at + REQUEST_ENTRIES] if d.admitted]
                client.sendall(encode_request(number, entries))
            if "hang-up" in faults:
                client.close()
            commit = self._committing(len(drafts))
            self._run_loop(CommitLoop(commit, [server.detach()], [self._stop_read]))
            if "hang-up" in faults or "lost-answers" in faults:
                return []
            return self._read_answers(client, faults.get("crash", 0))
        finally:
            client.close()

    def _committing(self, wanted: int) -> Commit:
        """The writer's commit, which asks the loop to stop once `wanted` entries were served."""
        writer, served = self.writer, 0

        def commit(entries: Sequence[Admitted]) -> list[Outcome]:
            nonlocal served
            if writer is None:
                raise Failure("simulator", "no writer runs")
            outcomes = writer.commit(entries)
            served += len(entries)
            if served == wanted:
                os.write(self._stop_write, b"x")
            return outcomes

        return commit

    def _run_loop(self, loop: CommitLoop) -> None:
        """Let the loop run; afterwards it has stopped with cause, or had none to stop."""
        before, clock = self.log.head(), self.clock
        ahead_ms = (clock.wall_ms - self._seen_ms[0]) - (clock.steady_ms - self._seen_ms[1])
        behind_ms = before.time_ms - clock.wall_ms
        cause = behind_ms > CLOCK_BACK_MS_MAX or ahead_ms > CLOCK_JUMP_MS_MAX or self._fenced
        self.trap.fired = ""
        try:
            loop.run()
        except TanbuError as error:
            self._die()
            if not (cause or self.trap.fired) or not isinstance(error, Broken):
                raise Failure("stopped", f"the writer stopped without cause: {error}") from error
            return
        os.read(self._stop_read, 1)
        if self.log.head().size != before.size and (cause or self.trap.fired):
            why = self.trap.fired or f"clock ahead by {ahead_ms} ms, behind by {behind_ms} ms"
            raise Failure("stopped", f"the writer went on in spite of: {why}")
        self._seen_ms = (clock.wall_ms, clock.steady_ms)
        # A crash that has not come by now comes between two answers.
        self._dying = self.trap.kind == "crash"

    def _read_answers(self, client: socket.socket, number: int) -> list[Outcome]:
        data = bytearray()
        try:
            while piece := client.recv(1 << 20):
                data += piece
        except BlockingIOError:
            return _outcomes(data)
        if self._dying:
            del data[number % (len(data) + 1) :]
        return _outcomes(data)

    # ------------------------------------------------------------ starts, stops, the clock

    def _die(self) -> None:
        """The processes are gone; what they had in memory is too."""
        self.writer, self.publisher, self._dying = None, None, False

    def _start(self) -> None:
        """Open the log; afterwards a writer runs, or had cause not to."""
        behind_ms = self.log.head().time_ms - self.clock.wall_ms
        self.trap.fired = ""
        try:
            self.writer = self.make_writer()
        except Broken as error:
            if not (behind_ms > CLOCK_BACK_MS_MAX or self.trap.fired):
                raise Failure("stopped", f"the log does not open: {error}") from error
            return
        if behind_ms > CLOCK_BACK_MS_MAX:
            raise Failure("stopped", f"a writer has opened {behind_ms} ms behind the log")
        self._seen_ms = (self.clock.wall_ms, self.clock.steady_ms)
        self.result.starts += 1
        self.auditor.started()

    def _second_writer(self, drafts: Sequence[Draft]) -> None:
        """Another writer opens the log; this one may commit nothing any more."""
        first = self.writer
        self._start()
        second, self.writer = self.writer, first
        if second is first:
            self._send(drafts)
            return
        self._fenced = True
        try:
            self._send(drafts)
        finally:
            self._fenced = False
        self.writer = second

    def _mend_clock(self) -> None:
        """Somebody sets the clock right: time has gone by since the last record."""
        self.clock.wall_ms = max(self.clock.wall_ms, self.log.head().time_ms + 1)

    def _pass_time(self, step: int, faults: Faults) -> None:
        clock = self.clock
        clock.tick(0 if "clock-still" in faults else throw(self.config.seed, step, "time") % 4_000)
        if "sleep" in faults:
            clock.tick(1 + faults["sleep"] % (2 * DAY_MS))
        if "clock-back" in faults:
            number = faults["clock-back"]
            clock.wall_ms -= (number // 2) % (DAY_MS if number % 2 else CLOCK_BACK_MS_MAX // 2)
        if "clock-jump" in faults:
            clock.wall_ms += CLOCK_JUMP_MS_MAX // 2 + faults["clock-jump"] % DAY_MS

    # ------------------------------------------------------------ publishing

    def _publish(self) -> None:
        """Open the publisher if none runs, and publish what has been committed."""
        self.trap.fired = ""
        try:
            if self.publisher is None:
                publisher = Publisher(self.log, self.tiles, self.signer, self.clock.now_ms)
                publisher.open(alone=not self.log.checkpoints)
                self.publisher = publisher
            if self.publisher.step() is not None:
                self.result.published += 1
        except Broken as error:
            self.publisher = None
            if not self.trap.fired:
                raise Failure("stopped", f"the publisher stopped without cause: {error}") from error


def _outcomes(data: bytes | bytearray) -> list[Outcome]:
    """The outcomes in whatever frames came whole."""
    found: list[Outcome] = []
    for payload in FrameReader().feed(bytes(data)):
        found += decode_answer(payload).outcomes
    return found
