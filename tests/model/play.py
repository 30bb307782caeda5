"""Dice thrown at a world in memory: each move signed, submitted, and told back to the dice."""

from __future__ import annotations

from collections import Counter
from random import Random

from registry.chain.note import Note, format_note, parse_note
from tests.ledger.world import ORIGIN, World, key_of
from tests.model.dice import Dice, Move, draw, founding, tell

SERIALS = 240
"""Of the founding issuance: few, because the model keeps an object for each."""


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


class Play:
    """A world, its dice, and what came of the throws by kind and refusal ("" where accepted)."""

    def __init__(self, chance: Random) -> None:
        self.world = World(count=SERIALS)
        self.dice = Dice(chance, self.world)
        self.outcomes: Counter[tuple[str, str]] = Counter()
        for move in founding(self.dice):
            refused = self.make(move)
            assert refused == "", f"{move.kind}: {refused}"

    def make(self, move: Move) -> str:
        """Submit a move: "" if accepted, else the refusal's name."""
        self.world.time_ms += move.wait_ms
        refused = self.judge(move)
        self.outcomes[move.kind, refused] += 1
        tell(self.dice, move, refused)
        return refused

    def judge(self, move: Move) -> str:
        return self.world.put(note_of(self.world, move))

    def throw(self, kind: str = "") -> str:
        return self.make(draw(self.dice, kind))
