"""Entries as clients send them: moves of the dice, made into notes that cost little.

A signature here is a stamp: bytes that follow from the public key alone, and that the simulator's
own check knows. So the time goes into rules and commits and not into curves. Everything else of a
note is as it should be: the writer is told which keys were found good, as an API process does; a
forged line it verifies itself, strictly, and finds bad.

    draft = compose(number, move, origin, now_ms)
    draft.admitted      what an API process hands over; None: malformed, the writer never sees it
"""

from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha512
from random import Random

import msgspec

from registry.chain import ed25519
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.note import parse_vkey
from registry.ledger.codec import HEADER, decode_entry, parse_entry
from registry.ports import Admitted
from tests.model.dice import Move, Who, vkey

ID_HEAD = "01935b00-0000-7000-8000-"
_encode = msgspec.json.Encoder(order="sorted").encode
_FORGED = bytes(64)
_NO_KEY = bytes(32)


@dataclass(slots=True, eq=False)
class Draft:
    """A text that a client sends, perhaps more than once, and what it knows about it."""

    number: int
    move: Move
    note: bytes
    key: bytes
    """What it is known by: see `key_of_note`."""
    admitted: Admitted | None
    receipt: tuple[int, int, bytes] | None = None
    """The first receipt that it was given: index, time (ms), leaf hash."""

    def __str__(self) -> str:
        return f"{self.move.kind} with the id {ID_HEAD}{self.number:012x}"


@dataclass(frozen=True, slots=True)
class _Stamp:
    """How a key signs here."""

    signer: str
    public_key: bytes
    body: bytes
    line: bytes
    forged: bytes


def _signer(pair: tuple[_Stamp, Who]) -> str:
    return pair[0].signer


def key_of_note(note: bytes) -> bytes:
    """Id and first signer of an entry: what may stand in a log once."""
    at = note.index(b'"id":"') + 6
    signer = note.index(b'"signers":["') + 12
    return note[at : at + 36] + note[signer : note.index(b'"', signer)]


def stamp_of(public_key: bytes) -> bytes:
    """What stands for a key's signature over any text."""
    return sha512(b"simulated" + public_key).digest()


@lru_cache(maxsize=65_536)
def _known(public_key: bytes) -> bytes:
    return stamp_of(public_key)


def check(public_key: bytes, signature: bytes, text: bytes) -> None:
    """The signature check of a replay: a stamp, or else a true signature."""
    if signature != _known(public_key):
        if signature == _FORGED:
            raise NotTrusted("a forged signature")
        ed25519.verify(public_key, signature, text)


@lru_cache(maxsize=65_536)
def _stamp(who: Who) -> _Stamp:
    key = parse_vkey(vkey(who))
    body = stamp_of(key.public_key)
    lines = [
        f"\u2014 {key.name} {b64encode(key.key_id + signature).decode()}\n".encode()
        for signature in (body, _FORGED)
    ]
    return _Stamp(f"{key.name}+{key.key_id.hex()}", key.public_key, body, *lines)


def compose(number: int, move: Move, origin: str, now_ms: int) -> Draft:
    """The draft of a move, with `number` as its id."""
    signed = sorted([(_stamp(who), who) for who in move.by], key=_signer)
    plain = {
        "kind": move.kind,
        "id": f"{ID_HEAD}{number:012x}",
        "not_after": now_ms + move.life_ms,
        "signers": [stamp.signer for stamp, _ in signed],
    }
    for name, value in move.fields.items():
        if value is not None:
            plain[name.rstrip("_")] = value
    forged = move.forged
    lines = [stamp.forged if who == forged else stamp.line for stamp, who in signed]
    line = _encode(plain)
    text = HEADER + (move.origin or origin).encode() + b"\n" + line + b"\n"
    note = text + b"\n" + b"".join(lines)
    keys = tuple([_NO_KEY if who == forged else stamp.public_key for stamp, who in signed])
    bodies = tuple([_FORGED if who == forged else stamp.body for stamp, who in signed])
    try:
        decode_entry(line)
    except Malformed:
        return Draft(number, move, note, b"", None)
    return Draft(number, move, note, key_of_note(note), Admitted(note, len(text), bodies, keys))


def receive(number: int, move: Move, note: bytes) -> Draft:
    """A note as an API process takes it in that has verified nothing."""
    try:
        parsed = parse_entry(note)
    except Malformed:
        return Draft(number, move, note, b"", None)
    admitted = Admitted(note, len(parsed.text), parsed.signatures, ())
    return Draft(number, move, note, key_of_note(note), admitted)


def mangle(draft: Draft, chance: Random) -> Draft:
    """The same with one byte changed: mostly no entry any more, or badly signed."""
    at = chance.randrange(len(draft.note))
    changed = bytes([draft.note[at] ^ (1 + chance.randrange(255))])
    return receive(draft.number, draft.move, draft.note[:at] + changed + draft.note[at + 1 :])
