"""Both verifiers over files bent at random: in their bytes, their JSON, and entries signed anew."""

from __future__ import annotations

import json
import random
from base64 import b64decode, b64encode
from collections import Counter
from typing import Any

import pytest

from registry.chain import tlog
from registry.chain.errors import TanbuError
from registry.chain.note import Note, Signature, format_note, parse_note, sign_line
from registry.ledger.signing import SigningKey
from registry.verify.evidence import format_evidence
from tests.answers import BANK, Answers
from tests.books import PARTIES, account_key, party_key
from tests.verify.logs import MemoryLog, sample_log, standing_of
from tests.verify.twin import GOOD, Outcome, verdict

HEADER = b"tanbu.entry/v1\n"


@pytest.fixture(scope="module")
def log() -> MemoryLog:
    return sample_log()


@pytest.fixture(scope="module")
def small(log: MemoryLog) -> bytes:
    """The file about the rulebook: two records."""
    return log.evidence(1)


def test_bytes_bent_at_random(log: MemoryLog, small: bytes) -> None:
    dice = random.Random(2)
    seen: Counter[Outcome] = Counter()
    for _ in range(400):
        at = dice.randrange(len(small))
        byte = bytes([dice.choice((small[at] ^ (1 << dice.randrange(8)), dice.randrange(256)))])
        seen[verdict(small[:at] + byte + small[at + 1 :], log.trust())] += 1
    assert {Outcome(2, 1), Outcome(1, 3), Outcome(1, 4)} <= seen.keys()


def test_cut_doubled_and_joined(log: MemoryLog, small: bytes) -> None:
    for length in range(0, len(small), 97):
        for bent in (small[:length], small[length:], small[:length] + small[length // 2 :]):
            if bent != small:
                assert verdict(bent, log.trust()) != GOOD
    for more in (b"\n", b" ", b"\x00", b"{}", small):
        assert verdict(small + more, log.trust()) == Outcome(2, 1)
    assert verdict(small + b" " * 33_554_432, log.trust()) == Outcome(2, 1)


def written(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("find", "put", "outcome"),
    [
        ('"seals":[]', '"seals":[1]', Outcome(3, 1)),
        ('"seals":[]', '"seals":[{"a":[1.5,-0,1e999,null]}]', Outcome(3, 1)),
        ('"tokens":[]', '"tokens":["x"],"tokens":["x"]', Outcome(3, 1)),
        ('"tokens":[]', '"tokens":[' + "7" * 5_000 + "]", Outcome(3, 1)),
        ('"seals":[]', '"seals":[NaN]', Outcome(2, 1)),
        ('"seals":[]', '"seals":[01]', Outcome(2, 1)),
        ('"seals":[]', '"seals":["\t"]', Outcome(2, 1)),
        ('"seals":[]', '"seals":[' + "[" * 50_000 + "]" * 50_000 + "]", Outcome(2, 1)),
        ('"seals":[]', '"seals":[],"seals":[]', Outcome(2, 1)),
        ('"seals":[]', '"seals":{}', Outcome(2, 1)),
        ('"seals":[]', '"seals":[1],"signed":1', Outcome(2, 1)),
        ('"seals":[],', "", Outcome(2, 1)),
        ('"subject":1', '"subject":1.0', Outcome(2, 1)),
        ('"subject":1', '"subject":true', Outcome(2, 1)),
        ('"subject":1', '"subject":"1"', Outcome(2, 1)),
        ('"subject":1', '"subject":2', Outcome(2, 1)),
        ('"subject":1', '"subject":0', Outcome(1, 6)),
        ('"records"', '"policy":"AAAA","records"', GOOD),
        ('"records"', '"policy":"AB==","records"', Outcome(2, 1)),
        ('"cosigners":[]', '"cosigners":["x+00000000"]', Outcome(2, 1)),
        ("evidence/v1", "evidence/v2", Outcome(2, 1)),
        ('{"checkpoint"', '{ "checkpoint"', Outcome(2, 1)),
        ('"subject"', '"\\u0073ubject"', Outcome(2, 1)),
    ],
)
def test_json_otherwise(
    log: MemoryLog, small: bytes, find: str, put: str, outcome: Outcome
) -> None:
    bent = small.decode().replace(find, put, 1)
    assert bent.encode() != small
    assert verdict(bent.encode(), log.trust()) == outcome


def test_lines_of_the_checkpoint(log: MemoryLog, small: bytes) -> None:
    """Bodies of other lengths, other orders, strangers: the kind of failure is the same."""
    value = json.loads(small)
    note = parse_note(b64decode(value["checkpoint"]))
    one, two = note.signatures
    cut = Signature(one.name, one.key_id, one.body[:40])
    long = Signature(two.name, two.key_id, two.body + b"x")
    late = Signature(two.name, two.key_id, b"\xff" + two.body[1:])
    stranger = Signature(one.name, b"abcd", one.body)
    guest = Signature("guest.invalid", b"abcd", one.body)
    seen = set()
    for lines in (
        (one,), (two,), (two, one), (one, one, two), (cut, two), (one, long), (one, late),
        (stranger, one, two), (one, stranger, two), (one, two, stranger), (one, two, guest),
        (guest,), (cut, stranger, two),
    ):  # fmt: skip
        for cosigners in ([], ["guest.invalid+61626364"]):
            data = b64encode(format_note(Note(note.text, lines))).decode()
            bent = written({**value, "checkpoint": data, "cosigners": cosigners})
            seen.add(verdict(bent, log.trust()))
    assert seen == {GOOD, Outcome(2, 1), Outcome(1, 3), Outcome(2, 3)}


# ---------------------------------------------------------------- entries signed anew

POOL: tuple[object, ...] = (
    0, 1, 2, 7, 2**53 - 1, 2**53, -1, 1.5, True, False, None, "", "x", "é", "signed", "recorded",
    "lapsed", "authority", "farm.test", [], {}, ["x"], "retirement/R-1", "project/FARM",
)  # fmt: skip


def key_ring(notes: list[bytes]) -> dict[str, SigningKey]:
    """The private keys of those who sign in the books of the tests."""
    keys = [party_key(name, n) for name in PARTIES for n in range(3)]
    keys += [BANK]
    keys += [account_key(name, n) for name in ("ann", "bob") for n in range(3)]
    ring = {"+".join(key.vkey.split("+")[:2]): key for key in keys}
    signers = {s for note in notes for s in entry_in(note)["signers"]}
    assert len(signers & ring.keys()) > len(signers) // 2
    return ring


def entry_in(note: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(note.split(b"\n", 3)[2])
    return value


def places(value: object, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every (container, key) within a value."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            found.append((value, key))
            places(value[key], found)
    return found


def values_by_name(notes: list[bytes]) -> dict[Any, list[Any]]:
    """What stands anywhere in the entries under each name: of the right form, at least."""
    found: dict[Any, list[Any]] = {}
    for note in notes:
        for container, key in places(entry_in(note), []):
            found.setdefault(key, []).append(container[key])
    return found


def bend(
    dice: random.Random, entry: dict[str, Any], known: dict[Any, list[Any]], signers: list[str]
) -> None:
    """Change one thing of an entry: out of its form, or, more often, within it."""
    container, key = dice.choice(places(entry, []))
    match dice.randrange(12):
        case 0:
            del container[key]
        case 1 if isinstance(container, dict):
            name = dice.choice(("zzz", "items", "until_ms", "account", "mandate"))
            container[name] = container[key]
        case 2:
            container[key] = dice.choice(POOL)
        case 3 | 4:
            entry["signers"].remove(dice.choice(entry["signers"]))
        case 5 | 6:
            entry["signers"] = sorted({*entry["signers"][1:], dice.choice(signers)})
        case 7 if isinstance(container[key], int):
            container[key] += dice.choice((-1, 1, 5, 1_000))
        case _:
            container[key] = dice.choice(known[key])


def signed(origin: str, entry: dict[str, Any], ring: dict[str, SigningKey]) -> bytes | None:
    text = HEADER + origin.encode() + b"\n" + written(entry) + b"\n"
    signers = entry.get("signers")
    if not isinstance(signers, list) or not signers:
        return None
    if any(not isinstance(s, str) or s not in ring for s in signers):
        return None
    lines = tuple(sign_line(ring[s].holder, ring[s].seed, text) for s in signers)
    return format_note(Note(text, lines))


@pytest.fixture(scope="module")
def told() -> Answers:
    return Answers()


@pytest.mark.parametrize("start", range(4))
def test_entries_bent_and_signed_anew(told: Answers, start: int) -> None:
    """Under right hashes and signatures: what is left to find is entries, standing and powers."""
    dice = random.Random(start)
    ring, known = key_ring(told.notes), values_by_name(told.notes)
    whole = MemoryLog(told.book, told.notes, check=False, times=told.times)
    trust = whole.trust()
    seen: Counter[Outcome] = Counter()
    for _ in range(60):
        subject = dice.randrange(whole.size)
        before = standing_of(whole, subject)
        at = dice.choice((subject, subject, dice.choice(before)))
        entry = entry_in(told.notes[at])
        bend(dice, entry, known, sorted(ring))
        note = signed(told.book.origin, entry, ring)
        if note is None:
            continue
        notes = [*told.notes[:at], note, *told.notes[at + 1 :]]
        log = MemoryLog(told.book, notes, check=False, times=told.times)
        try:
            indexes = standing_of(log, subject)
        except (TanbuError, IndexError):
            indexes = before
        pairs = [(log.records[n], tlog.prove_inclusion(n, log.size, log.hashes)) for n in indexes]
        seen[verdict(format_evidence(subject, log.note, pairs), trust)] += 1
    wanted = {GOOD, Outcome(1, 5), Outcome(1, 6), Outcome(1, 9)}
    assert wanted <= seen.keys(), seen
