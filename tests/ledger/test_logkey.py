"""The log's own keys: which change of them is refused, and which pairs sign which checkpoint."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from registry.chain.note import TYPE_ED25519, format_vkey, parse_vkey, verifier_key
from registry.ledger.codec import parse_entry
from registry.ledger.entries import Genesis, LogKey
from registry.ledger.logkeys import KeyHistory, read_history
from registry.ledger.signing import SigningKey
from tests.ledger.world import BATCH, DAY_MS, ORIGIN, START_MS, World, key_of, log_keys

BOTH = ("operator.gd", "authority.gd")
OTHER = "test.invalid/log/ffffffff"


def fields(number: int = 2, days: int = 30, **changed: Any) -> dict[str, Any]:
    """New keys; the old ones go on for so many days after the founded region's last entry."""
    return log_keys(number) | {"until_ms": World().time_ms + days * DAY_MS} | changed


def swapped(one: dict[str, str]) -> dict[str, str]:
    return {"ed25519": one["mldsa44"], "mldsa44": one["ed25519"]}


def renamed(vkey: str, name: str) -> str:
    """The same raw key under another name."""
    return format_vkey(verifier_key(name, TYPE_ED25519, parse_vkey(vkey).public_key))


OPERATORS = renamed(key_of("operator.gd").vkey, ORIGIN)

# (who signs, fields, the refusal); where two things are wrong, the one that is tried first
TABLE = [
    (BOTH, fields(), ""),
    (BOTH, fields(days=366), ""),
    (("operator.gd",), fields(), "role_missing"),
    (("authority.gd",), fields(), "role_missing"),
    (("operator.gd", "centre.gd"), fields(days=1), "role_missing"),
    (BOTH, fields(until_ms=0), "logkey_overlap"),
    (BOTH, fields(until_ms=World().time_ms + 30 * DAY_MS - 1), "logkey_overlap"),
    (BOTH, fields(until_ms=World().time_ms + 366 * DAY_MS + 1), "logkey_overlap"),
    (BOTH, fields(1, days=1), "logkey_overlap"),
    (BOTH, fields(1), "key_taken"),
    (BOTH, fields(2, ed25519=log_keys(1)["ed25519"]), "key_taken"),
    (BOTH, fields(2, mldsa44=log_keys(1)["mldsa44"]), "key_taken"),
    (BOTH, fields(ed25519=OPERATORS), "key_taken"),
    (BOTH, fields() | swapped(log_keys(2)), "bad_key"),
    (BOTH, fields() | log_keys(2, OTHER), "bad_key"),
    (BOTH, fields(ed25519="not a key at all"), "bad_key"),
    (BOTH, fields(mldsa44=key_of("operator.gd", 7).vkey), "bad_key"),
]


@pytest.mark.parametrize(("by", "entry", "expected"), TABLE)
def test_what_a_change_needs(by: tuple[str, ...], entry: dict[str, Any], expected: str) -> None:
    assert World().submit("logkey", *by, **entry) == expected


def test_one_change_after_the_other() -> None:
    world = World()
    until_ms = world.time_ms + 30 * DAY_MS
    world.accept("logkey", *BOTH, **fields(2, until_ms=until_ms))
    world.time_ms = until_ms - 1
    soon = until_ms + 40 * DAY_MS
    assert world.submit("logkey", *BOTH, **fields(3, until_ms=soon)) == "logkey_running"
    # An overlap that is too short is said only when the change before is over.
    assert world.submit("logkey", *BOTH, **fields(3, until_ms=0)) == "logkey_running"
    world.time_ms = until_ms
    for had_its_turn in (1, 2):
        again = fields(had_its_turn, until_ms=soon)
        assert world.submit("logkey", *BOTH, **again) == "key_taken"
    world.accept("logkey", *BOTH, **fields(3, until_ms=soon))


def test_a_log_key_serves_no_party() -> None:
    world = World()
    world.accept("logkey", *BOTH, **fields(2))
    seed = sha256(b"log 2").digest()
    thief = SigningKey("owner.farm", seed)
    assert thief.vkey == renamed(log_keys(2)["ed25519"], "owner.farm")
    add = {"holder": "owner.farm", "action": "add", "key": thief.vkey}
    assert world.submit("key", "owner.farm", thief, **add) == "key_taken"


def history() -> tuple[World, KeyHistory, int, int]:
    """Two changes; the indexes of their entries."""
    world = World()
    world.accept("logkey", *BOTH, **fields(2, until_ms=world.time_ms + 30 * DAY_MS))
    first = world.index - 1
    for _ in range(2):
        world.accept("notice", "operator.gd", about=f"batch/{BATCH}", code="said")
    world.time_ms = START_MS + 60 * DAY_MS
    world.accept("logkey", *BOTH, **fields(3, until_ms=world.time_ms + 31 * DAY_MS))
    world.base.store(world.state)
    return world, read_history(world.base), first, world.index - 1


def numbers(found: KeyHistory, size: int, time_ms: int) -> list[int]:
    known = {log_keys(n)["ed25519"]: n for n in (1, 2, 3)}
    return [known[pair.ed25519] for pair in found.pairs_due(size, time_ms)]


def test_which_pairs_sign_which_checkpoint() -> None:
    _, found, first, second = history()
    until_ms = found.pairs[0].until_ms
    assert isinstance(until_ms, int)
    assert numbers(found, 1, START_MS) == [1]
    assert numbers(found, first, START_MS) == [1]  # the entry itself is not below this size
    assert numbers(found, first + 1, START_MS) == [2, 1]
    assert numbers(found, first + 2, until_ms - 1) == [2, 1]
    assert numbers(found, first + 2, until_ms) == [2]
    assert numbers(found, second, until_ms) == [2]
    late = START_MS + 60 * DAY_MS
    assert numbers(found, second + 1, late) == [3, 2]
    assert numbers(found, second + 9, late + 32 * DAY_MS) == [3]


def test_the_history_is_the_same_by_entries_and_by_state() -> None:
    world, found, _, _ = history()
    built: KeyHistory | None = None
    for index, note in enumerate(world.notes):
        entry = parse_entry(note).entry
        if isinstance(entry, Genesis):
            built = KeyHistory.of(entry)
        elif isinstance(entry, LogKey) and built is not None:
            built = built.after(index, entry)
    assert built == found
