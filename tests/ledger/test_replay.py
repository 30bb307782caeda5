"""Replay: what a log must be like to be read to its end, and what stops it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from registry.chain.errors import NotTrusted, Unavailable
from registry.ledger import entries as e
from registry.ledger.codec import format_record, parse_record
from registry.ledger.replay import MemoryIds, replay
from registry.ledger.rules.authority import RULESETS as KNOWN_TO_RULES
from registry.ledger.rulesets import RULESETS, ruleset
from registry.ledger.state import MemoryState, State, state_root
from tests.books import DAY_MS, RULES, T0, Book, Source, hex_of, party_key


def as_records(notes: list[bytes], time_ms: int = T0) -> list[bytes]:
    return [format_record(n, time_ms, note) for n, note in enumerate(notes)]


def run(records: list[bytes]) -> MemoryState:
    base = MemoryState()
    state = State(base)
    for step in replay(records, state):
        assert step.time_ms >= T0
        base.store(state)
    return base


def test_the_same_records_make_the_same_state_however_it_is_stored() -> None:
    book = Book()
    records = as_records(book.founding() + book.walk())
    every = run(records)
    once = MemoryState()
    state = State(once)
    assert [s.index for s in replay(records, state)] == list(range(len(records)))
    once.store(state)
    assert every.values == once.values
    root, count = state_root(sorted(once.values.items()))
    assert (len(root), count) == (32, len(once.values))


def test_a_replay_goes_on_from_a_stored_state() -> None:
    book = Book()
    records = as_records(book.founding() + book.walk())
    base = MemoryState()
    state = State(base)
    list(replay(records[:25], state))
    base.store(state)
    list(replay(records[25:], State(base), size=25, time_ms=T0))
    again = State(base)
    list(replay(records[25:], again, size=25, time_ms=T0))
    base.store(again)
    assert base.values == run(records).values


def flip(record: bytes, at: int) -> bytes:
    return record[:at] + bytes([record[at] ^ 1]) + record[at + 1 :]


def with_index_0(record: bytes) -> list[bytes]:
    return as_records([parse_record(record).note])


def with_time(records: list[bytes], at: int, time_ms: int) -> list[bytes]:
    return [*records[:at], format_record(at, time_ms, parse_record(records[at]).note)]


def repeated(records: list[bytes]) -> list[bytes]:
    return [*records, format_record(len(records), T0, parse_record(records[20]).note)]


def out_of_turn(_: list[bytes]) -> list[bytes]:
    """A key is revoked by another one that is enrolled only in the next entry."""
    book = Book()
    notes = [book.genesis(), book.rulebook(), book.enrol("mill")]
    added = book.add_key("mill", 1)
    return as_records([*notes, book.revoke_key("mill", 0, by=1), added])


BAD: list[tuple[str, Callable[[list[bytes]], list[bytes]], int, str]] = [
    ("a gap", lambda r: r[:5] + r[6:], 5, "says that it is 6"),
    ("a repeat", lambda r: [*r[:6], *r[5:]], 6, "says that it is 5"),
    ("nothing", lambda r: [*r[:5], b"", *r[6:]], 5, "not a record"),
    ("no head", lambda r: [*r[:5], parse_record(r[5]).note], 5, "not a record"),
    ("a byte after it", lambda r: [*r[:5], r[5] + b"\n"], 5, "not a record"),
    ("another form of the index", lambda r: [*r[:5], b"0" + r[5]], 5, "not a record"),
    ("time goes back", lambda r: with_time(r, 9, T0 - 1), 9, "the time goes back"),
    ("recorded too late", lambda r: with_time(r, 9, T0 + 2 * DAY_MS), 9, "104 expired"),
    ("a signature bent", lambda r: [*r[:9], flip(r[9], len(r[9]) - 20)], 9, "203 bad_signature"),
    ("an entry again", repeated, 38, "same id at index 20"),
    ("out of turn", out_of_turn, 3, "201 unknown_signer"),
    ("no genesis", lambda r: with_index_0(r[1]), 0, "101 log_not_open"),
]


@pytest.mark.parametrize(("make", "at", "words"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_what_stops_a_replay(
    make: Callable[[list[bytes]], list[bytes]], at: int, words: str
) -> None:
    book = Book()
    records = as_records(book.founding() + book.walk())
    with pytest.raises(NotTrusted) as caught:
        run(make(records))
    assert caught.value.where == f"record {at}"
    assert words in str(caught.value)


def test_a_refused_entry_names_the_refusal() -> None:
    book = Book()
    notes = [*book.founding(), book.transfer("mill", "farm")]
    with pytest.raises(NotTrusted, match=r"503 insufficient") as caught:
        run(as_records(notes))
    assert caught.value.where == f"record {len(notes) - 1}"


@pytest.mark.parametrize("number", [2, 99])
def test_an_unknown_ruleset_is_could_not_check(number: int) -> None:
    book = Book()
    with pytest.raises(Unavailable, match=f"ruleset {number}") as caught:
        run(as_records([book.genesis(ruleset=number)]))
    assert caught.value.where == "record 0"


def test_a_rulebook_that_brings_an_unknown_ruleset_is_could_not_check() -> None:
    book = Book()
    brings = book.note(
        e.Rulebook,
        party_key("operator"),
        party_key("authority"),
        version=1,
        effective_from_ms=T0,
        values=RULES,
        source=Source(title="Sample rules", sha256=hex_of("sample rules")),
        ruleset=2,
    )
    with pytest.raises(Unavailable, match="ruleset 2") as caught:
        run(as_records([book.genesis(), brings]))
    assert caught.value.where == "record 1"


def test_rulesets_are_those_that_the_rules_accept() -> None:
    assert set(RULESETS) == KNOWN_TO_RULES
    with pytest.raises(Unavailable):
        ruleset(0)


def test_signatures_may_be_checked_elsewhere() -> None:
    book = Book()
    records = as_records(book.founding())
    taken: list[tuple[bytes, bytes, bytes]] = []

    def take_away(key: bytes, signature: bytes, text: bytes) -> None:
        taken.append((key, signature, text))

    steps = list(replay(records, State(MemoryState()), verify=take_away))
    assert len(taken) == sum(len(step.parsed.signatures) for step in steps)
    assert {len(key) for key, _, _ in taken} == {32}


def test_ids_count_until_their_not_after_and_no_longer() -> None:
    ids = MemoryIds()
    assert ids.take([(b"a", 0, 100, 200), (b"b", 1, 100, 150)]) is None
    assert ids.take([(b"a", 2, 200, 300)]) == ((b"a", 2, 200, 300), 0)
    assert ids.take([(b"b", 3, 151, 300)]) is None
    assert ids.take([(b"c", 4, 151, 300), (b"c", 5, 151, 300)]) == (
        (b"c", 5, 151, 300),
        4,
    )


def test_ids_that_have_run_out_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.ledger.replay.FORGET_EVERY", 10)
    ids = MemoryIds()
    for number in range(1_000):
        key = number.to_bytes(4, "big")
        assert ids.take([(key, number, number, number + 5)]) is None
    assert len(ids._held) < 100
