"""Dice thrown at the real rules and at the naive ones at once; they must say the same.

Each move is signed and judged by both. Where both accept, every fact of the two books is compared;
where both refuse, the names are, and nothing may have changed.
"""

from __future__ import annotations

import json
from collections import Counter
from random import Random

from registry.chain.note import Note, format_note, parse_note
from tests.ledger.world import ORIGIN, World, key_of
from tests.model.dice import Dice, Move, draw, founding, tell
from tests.model.naive import Model
from tests.model.naive.facts import facts
from tests.model.real import Real

SERIALS = 240
"""Of the founding issuance: few, because the model keeps a value for each."""


def note_of(world: World, move: Move) -> bytes:
    """The signed note of a move, at the world's time; one line is of other bytes where forged."""
    keys = [key_of(*who) for who in move.by]
    fields = {"not_after": world.time_ms + move.life_ms} | move.fields
    made = world.note(move.kind, *keys, log_=move.origin or ORIGIN, **fields)
    if move.forged is None:
        return made
    forger, whole = key_of(*move.forged), parse_note(made)
    bad = forger.line(whole.text + b"x")
    own = [bad if line.key_id == bad.key_id else line for line in whole.signatures]
    return format_note(Note(whole.text, tuple(own)))


class Watched(World):
    """A world whose every entry the model judges too; `outcomes`: kind and refusal ("": none)."""

    def __init__(self, count: int) -> None:
        self.model = Model()
        self.real = Real()
        self.forged = ""
        self.outcomes: Counter[tuple[str, str]] = Counter()
        super().__init__(count=count)

    def put(self, note_bytes: bytes) -> str:
        text = parse_note(note_bytes).text
        wanted = self.model.judge(text, time_ms=self.time_ms, forged=self.forged)
        refused = super().put(note_bytes)
        said = text.decode().splitlines()[2]
        assert refused == wanted, f"rules: {refused!r}, model: {wanted!r}, at {self.index}: {said}"
        self.outcomes[json.loads(said)["kind"], refused] += 1
        return refused

    def compare(self) -> None:
        """Every fact of the two books is the same."""
        naive, real = facts(self.model.book), self.real.facts(self.base)
        assert self.model.book.size == self.index
        for family, wanted in naive.items():
            found = real[family]
            differing = [k for k in {*wanted, *found} if wanted.get(k) != found.get(k)]
            shown = [(k, wanted.get(k), found.get(k)) for k in differing[:2]]
            assert not differing, f"{family}: (name, model, rules) {shown}"


class Play:
    """A watched world and its dice."""

    def __init__(self, chance: Random) -> None:
        self.world = Watched(SERIALS)
        self.dice = Dice(chance, self.world)
        for move in founding(self.dice):
            refused = self.make(move)
            assert refused == "", f"{move.kind}: {refused}"

    def make(self, move: Move) -> str:
        """Submit a move: "" if accepted, else the refusal's name."""
        self.world.time_ms += move.wait_ms
        self.world.forged = key_of(*move.forged).signer if move.forged else ""
        refused = self.world.put(note_of(self.world, move))
        tell(self.dice, move, refused)
        if not refused:
            self.world.compare()
        return refused

    def end(self) -> None:
        """End the log, whatever it takes, and see that nothing follows."""
        while self.throw("end") != "":
            pass
        assert self.throw("transfer") in ("log_ended", "wrong_origin")

    def throw(self, kind: str = "") -> str:
        """Make a random move."""
        return self.make(draw(self.dice, kind))
