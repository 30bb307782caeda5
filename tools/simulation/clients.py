"""The clients of a simulated log: what they send, what they still wait for, what they remember.

New entries are moves of the dice (`tests.model.dice`), with the weights of a registry's day. The
dice see the state as it is before a round, so that entries of one round get in each other's way.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
from msgspec import to_builtins

from registry.ledger.refusals import Refusal
from registry.ledger.sealing import Commitment
from registry.writer.stage import Outcome
from tests.ledger.world import ANNA, ORIGIN, PARTIES
from tests.model.dice import THROWS, Dice, Move, draw, tell, vkey
from tools.simulation.entries import Draft, compose, mangle
from tools.simulation.faults import Faults
from tools.simulation.machine import MemoryLog, SimulatedClock

WEIGHTS = {
    "transfer": 60,
    "retirement": 20,
    "reservation": 14,
    "settlement": 8,
    "issuance": 12,
    "conversion": 12,
    "redemption": 6,
    "release": 3,
    "pledge": 6,
    "unpledge": 6,
    "freeze": 6,
    "unfreeze": 6,
    "order": 5,
    "execution": 4,
    "cancellation": 4,
    "order_change": 3,
    "swap": 3,
    "expiry": 3,
    "genesis": 0.2,
    "rulebook": 0.3,
    "points_scheme": 0.3,
    "methodology": 0.5,
    "party": 0.5,
    "seal": 0,
    "end": 0,
}
"""How often each kind is sent; a kind that does not stand here, once.

Seals and the end come from the run itself: rules take the operator's word for a root, so that a
wrong one would rightly be found by the replay."""
ROUNDS = (1, 2, 5, 15, 30, 60)
"""How many new entries a round may bring."""
WAITING_MAX = 150
"""Above so many texts without an answer, clients send no new ones."""
REMEMBERED = 64
"""How many of the texts sent last may be sent again."""
NUMBERS_PER_STEP = 4_096
MANGLED_IN = 200
"""One entry in so many arrives with a byte changed on its way."""
DRAWS_MAX = 20


class Chance(Random):
    """Python's generator, with the shorter way to a small number."""

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        """A number below `start`, or from `start` to below `stop`."""
        if stop is None:
            return int(self.random() * start)
        return start + step * int(self.random() * ((stop - start + step - 1) // step))

    def randint(self, a: int, b: int) -> int:
        """A number from `a` to `b`."""
        return a + int(self.random() * (b - a + 1))


class StateBook:
    """What the dice look at: the stored state (see `tests.model.dice.Book`)."""

    def __init__(self, log: MemoryLog, clock: SimulatedClock) -> None:
        self._values = log.table.values
        self._clock = clock
        self.index = 0

    @property
    def time_ms(self) -> int:
        """What the clock says."""
        return self._clock.wall_ms

    def value(self, key: str) -> Any:  # noqa: ANN401  plain data of any shape
        """The value under a key as plain data, or None."""
        data = self._values.get(key)
        return None if data is None else msgspec.json.decode(data)


class Clients:
    """All who submit to one log."""

    def __init__(self, log: MemoryLog, clock: SimulatedClock) -> None:
        self.book = StateBook(log, clock)
        self.dice = Dice(Chance(0), self.book)
        self.waiting: list[Draft] = []
        """Texts that have no answer yet."""
        self.malformed = 0
        self._clock = clock
        self._recent: list[Draft] = []
        self._later: Move | None = None
        self._kinds = list(THROWS)
        self._weights = [WEIGHTS.get(kind, 1) for kind in self._kinds]

    def drafts(
        self, step: int, chance: Chance, faults: Faults, room: int
    ) -> tuple[list[Draft], int]:
        """What is sent in this step, again or anew; and how many of `room` entries are new."""
        self.dice.chance = chance
        drafts = self.take_waiting() if chance.random() < 0.7 else []
        count = 0 if len(self.waiting) > WAITING_MAX else min(chance.choice(ROUNDS), room)
        number = (step + 1) * NUMBERS_PER_STEP
        new = 0
        for move in self._moves(count):
            draft = compose(number + new, move, ORIGIN, self._clock.wall_ms)
            new += 1
            if chance.randrange(MANGLED_IN) == 0:
                draft = mangle(draft, chance)
            if draft.admitted is None:
                self.malformed += 1
            else:
                drafts.append(draft)
                self._remember(draft)
        if "duplicates" in faults:
            again = chance.sample(self._recent, min(8, len(self._recent)))
            drafts += again + again[:2]
            new += len(again) + len(again[:2])
        if "id-reuse" in faults and self._recent:
            old = chance.choice(self._recent)
            other = self._move() if faults["id-reuse"] % 3 == 0 else old.move
            draft = compose(old.number, other, ORIGIN, self._clock.wall_ms)
            drafts += [draft] if draft.admitted else []
            new += 1
        chance.shuffle(drafts)
        return drafts, new

    def seal(self, number: int, sealed: Commitment, *, last: bool = False) -> Draft:
        """The operator's seal of a state; `last`: the log's end, by operator and authority."""
        fields: dict[str, Any] = {
            "size": sealed.size,
            "root": sealed.root.hex(),
            "count": sealed.count,
            "totals": to_builtins(sealed.totals),
        }
        if last:
            by = self.dice.by("operator.gd", "authority.gd")
            move = Move("end", by, fields | {"reason": "the simulation is over"})
        else:
            move = Move("seal", self.dice.by("operator.gd"), fields)
        return compose(number, move, ORIGIN, self._clock.wall_ms)

    def take_waiting(self) -> list[Draft]:
        """What has no answer yet, to be sent again."""
        waiting, self.waiting = self.waiting, []
        return waiting

    def wait(self, drafts: Sequence[Draft]) -> None:
        """These have no answer yet."""
        self.waiting = list(dict.fromkeys((*self.waiting, *drafts)))

    def tell(self, draft: Draft, index: int) -> None:
        """This is in the log."""
        self.book.index = index + 1
        tell(self.dice, draft.move, "")

    def hear(self, outcome: Outcome) -> None:
        """An answer: whoever signs by a key that has run out does not do so again."""
        if isinstance(outcome, Refusal) and outcome.name == "key_not_in_force":
            holder, _, _ = str(outcome.fields["signer"]).rpartition("+")
            known = self.dice.keys.get(holder, [])
            good = [n for n in known if self._lasts((holder, n))]
            if good:
                self.dice.keys[holder] = good

    # ------------------------------------------------------------ moves

    def _moves(self, count: int) -> list[Move]:
        """New moves; one before which time must pass ends the round and begins the next."""
        moves: list[Move] = []
        if count and self._later:
            self._clock.tick(self._later.wait_ms)
            moves.append(self._later)
            self._later = None
        keyed: set[str] = set()
        while len(moves) < count:
            move = self._move()
            if move.kind == "key":
                if move.fields["holder"] in keyed:
                    continue
                keyed.add(move.fields["holder"])
            if move.wait_ms:
                self._later = move
                break
            moves.append(move)
        return moves

    def _move(self) -> Move:
        for _ in range(DRAWS_MAX):
            (kind,) = self.dice.chance.choices(self._kinds, self._weights)
            move = draw(self.dice, kind)
            if kind != "key" or self._leaves_a_key(move):
                return move
        return draw(self.dice, "transfer")

    def _leaves_a_key(self, move: Move) -> bool:
        """False if it would end one of the founding holders: a log must live for long here."""
        fields = move.fields
        holder = fields["holder"]
        if holder not in PARTIES and holder != ANNA:
            return True
        if fields["action"] == "complete":
            return fields["until_ms"] is None
        if fields["action"] != "revoke":
            return True
        rest = [n for n in self.dice.keys[holder] if vkey((holder, n)) != fields["key"]]
        return any(self._lasts((holder, n)) for n in rest)

    def _lasts(self, who: tuple[str, int]) -> bool:
        """True if a key is in force, without an end."""
        value = self.book.value("key/" + "+".join(vkey(who).split("+", 2)[:2]))
        return value is not None and "until_ms" not in value and "revoked" not in value

    def _remember(self, draft: Draft) -> None:
        self._recent.append(draft)
        if len(self._recent) > 2 * REMEMBERED:
            del self._recent[:REMEMBERED]
