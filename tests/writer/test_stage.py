"""Rounds of entries: receipts, repeats, record times, whose signature check counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from registry.chain.errors import Broken
from registry.chain.tlog import leaf_hash
from registry.ledger.apply import apply, public_key_of, verify_here
from registry.ledger.codec import parse_entry, parse_record
from registry.ledger.refusals import Refusal
from registry.ledger.state import MemoryState, State
from registry.ledger.subjects import subjects_of
from registry.ports import Committed, Refused
from registry.store.database import open_for_reading
from registry.store.reads import SqlReadStore
from registry.writer.commit import CLOCK_BACK_MS_MAX, CLOCK_JUMP_MS_MAX, Writer
from tests.books import DAY_MS, ORIGIN, T0, TONNE, Book, party_key
from tests.logs import Clock, admitted, make_log, take, writing


class Bench:
    """An opened log with the founding book, its writer and its clock."""

    def __init__(self, directory: Path) -> None:
        self.book = Book()
        self.clock = Clock()
        self.data = make_log(directory, self.book, self.clock)
        self.context = writing(self.data, self.clock)
        self.writer: Writer = self.context.__enter__()
        take(self.writer, self.book.founding()[1:])

    def commit(self, *notes: bytes) -> list[Committed | Refusal]:
        return self.writer.commit([admitted(note) for note in notes])

    def one(self, note: bytes) -> Committed:
        (outcome,) = self.commit(note)
        assert isinstance(outcome, Committed), outcome
        return outcome

    def refused(self, note: bytes) -> Refusal:
        (outcome,) = self.commit(note)
        assert isinstance(outcome, Refusal), outcome
        return outcome

    def records(self) -> list[bytes]:
        reader = SqlReadStore(open_for_reading(self.data.database))
        with reader.snapshot() as snapshot:
            found = list(snapshot.records(0, snapshot.head.size))
        reader.close()
        return found

    def reopen(self) -> None:
        self.context.__exit__(None, None, None)
        self.context = writing(self.data, self.clock)
        self.writer = self.context.__enter__()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "data")
    yield bench
    bench.context.__exit__(None, None, None)


def test_a_receipt_says_what_the_record_is(bench: Bench) -> None:
    note = bench.book.transfer("farm", "mill")
    size = bench.writer.head.size
    receipt = bench.one(note)
    record = bench.records()[receipt.index]
    assert receipt == Committed(size, bench.clock.wall_ms, leaf_hash(record), replayed=False)
    assert record == b"%d %d\n%b" % (size, bench.clock.wall_ms, note)
    assert bench.writer.head.size == size + 1


def test_a_round_is_one_commit_with_one_time(bench: Bench) -> None:
    notes = [bench.book.transfer("farm", "mill") for _ in range(5)]
    bench.clock.tick(7)
    receipts = bench.commit(*notes)
    records = [parse_record(record) for record in bench.records()[-5:]]
    assert [record.note for record in records] == notes
    assert {record.time_ms for record in records} == {bench.clock.wall_ms}
    assert [r.index for r in receipts if isinstance(r, Committed)] == [r.index for r in records]


def test_entries_see_what_those_before_them_did(bench: Bench) -> None:
    """Two entries at once that spend the same credits: the first gets them."""
    one = bench.book.transfer("farm", "mill", serials=(5, 9))
    other = bench.book.transfer("farm", "host", serials=(9, 12))
    on = bench.book.transfer("mill", "host", serials=(6, 9))
    first, second, third = bench.commit(one, other, on)
    assert isinstance(first, Committed)
    assert isinstance(second, Refusal)
    assert second.name == "serials_not_free"
    assert isinstance(third, Committed)


def test_refused_entries_leave_nothing(bench: Bench) -> None:
    before = (bench.writer.head, bench.records())
    too_much = bench.book.transfer("farm", "mill", quantity_g=100_000 * TONNE)
    assert [bench.refused(too_much).name for _ in range(2)] == ["insufficient"] * 2
    assert (bench.writer.head, bench.records()) == before


def test_the_same_text_again_answers_the_first_receipt(bench: Bench) -> None:
    note = bench.book.transfer("farm", "mill")
    first = bench.one(note)
    bench.clock.tick()
    again = bench.one(note)
    assert again == Committed(first.index, first.time_ms, first.leaf_hash, replayed=True)
    bench.reopen()
    assert bench.one(note) == again
    assert len(bench.records()) == first.index + 1


def test_the_same_text_twice_in_a_round(bench: Bench) -> None:
    note = bench.book.transfer("farm", "mill")
    other = bench.book.transfer("farm", "mill")
    first, second, third = bench.commit(note, other, note)
    assert isinstance(first, Committed)
    assert isinstance(second, Committed)
    assert second.index == first.index + 1
    assert third == Committed(first.index, first.time_ms, first.leaf_hash, replayed=True)


def test_a_repeat_is_answered_after_it_has_expired(bench: Bench) -> None:
    note = bench.book.transfer("farm", "mill")
    first = bench.one(note)
    bench.clock.tick(40 * DAY_MS)
    assert bench.one(note).index == first.index
    late = bench.book.transfer("farm", "mill")
    assert bench.refused(late).name == "expired"


def test_a_repeat_with_other_signature_bytes_is_the_same_text(bench: Bench) -> None:
    """What is signed decides; whoever repeats it gets the receipt of what is in the log."""
    note = bench.book.transfer("farm", "mill")
    first = bench.one(note)
    entry = admitted(note)
    (again,) = bench.writer.commit([msgspec.structs.replace(entry, signatures=(bytes(64),))])
    assert again == Committed(first.index, first.time_ms, first.leaf_hash, replayed=True)


@pytest.mark.parametrize("together", [True, False])
def test_an_id_with_another_text_is_refused(bench: Bench, *, together: bool) -> None:
    same_id = bench.book.next_id()
    one = bench.book.transfer("farm", "mill", id=same_id)
    other = bench.book.transfer("farm", "host", id=same_id)
    if together:
        first, second = bench.commit(one, other)
    else:
        first, second = bench.one(one), bench.refused(other)
    assert isinstance(first, Committed)
    fields = {"id": same_id, "signer": party_key("farm").signer, "index": first.index}
    assert second == Refused("id_reused", fields, size=first.index + 1, time_ms=first.time_ms)


def test_an_id_is_its_first_signers(bench: Bench) -> None:
    same_id = bench.book.next_id()
    bench.one(bench.book.transfer("farm", "mill", id=same_id))
    bench.one(bench.book.transfer("mill", "farm", id=same_id))


def test_an_id_that_was_refused_may_be_used(bench: Bench) -> None:
    same_id = bench.book.next_id()
    too_much = bench.book.transfer("farm", "mill", id=same_id, quantity_g=100_000 * TONNE)
    bench.refused(too_much)
    bench.one(bench.book.transfer("farm", "mill", id=same_id))


def test_a_signature_is_verified_where_nobody_has(bench: Bench) -> None:
    note = bench.book.transfer("farm", "mill")
    forged = note[:-10] + bytes(reversed(note[-10:-1])) + b"\n"
    parsed = parse_entry(note)
    entry = admitted(note)
    bad = msgspec.structs.replace(entry, note=forged, signatures=(bytes(64),))
    (outcome,) = bench.writer.commit([bad])
    assert isinstance(outcome, Refusal)
    assert outcome.name == "bad_signature"
    assert parsed.text == note[: entry.text_end]


def test_a_check_by_the_key_in_force_is_not_repeated(bench: Bench) -> None:
    """The API process says that it has verified: here it lies, and is believed."""
    entry = admitted(bench.book.transfer("farm", "mill"))
    key = party_key("farm").vkey
    verified = msgspec.structs.replace(entry, signatures=(bytes(64),), keys=(public_key_of(key),))
    (outcome,) = bench.writer.commit([verified])
    assert isinstance(outcome, Committed)


def test_a_check_by_another_key_counts_for_nothing(bench: Bench) -> None:
    entry = admitted(bench.book.transfer("farm", "mill"))
    other = public_key_of(party_key("mill").vkey)
    for signature, name in ((bytes(64), "bad_signature"), (entry.signatures[0], None)):
        claimed = msgspec.structs.replace(entry, signatures=(signature,), keys=(other,))
        (outcome,) = bench.writer.commit([claimed])
        assert (outcome.name if isinstance(outcome, Refusal) else None) == name


def test_a_key_revoked_in_the_same_round_counts_no_more(bench: Bench) -> None:
    """What an API process verified by a key is judged by the keys in force at the entry's index."""
    key = public_key_of(party_key("farm").vkey)
    before = admitted(bench.book.transfer("farm", "mill"))
    after = admitted(bench.book.transfer("farm", "mill"))
    round_ = [
        admitted(bench.book.add_key("farm", 1)),
        msgspec.structs.replace(before, keys=(key,)),
        admitted(bench.book.revoke_key("farm", 0, by=1)),
        msgspec.structs.replace(after, keys=(key,)),
    ]
    *good, last = bench.writer.commit(round_)
    assert all(isinstance(outcome, Committed) for outcome in good)
    assert isinstance(last, Refusal)
    assert last.name == "key_not_in_force"


def test_what_is_no_entry_stops_the_writer(bench: Bench) -> None:
    entry = admitted(bench.book.transfer("farm", "mill"))
    broken = msgspec.structs.replace(entry, text_end=entry.text_end - 9)
    with pytest.raises(Broken, match="API process"):
        bench.writer.commit([broken])


def test_entries_are_found_by_what_they_are_about(bench: Bench) -> None:
    notes = bench.book.walk()
    take(bench.writer, notes)
    reader = SqlReadStore(open_for_reading(bench.data.database))
    with reader.snapshot() as snapshot:
        entries = [parse_entry(parse_record(r).note).entry for r in bench.records()]
        for index, entry in enumerate(entries):
            for subject in subjects_of(entry):
                assert index in snapshot.mentions(subject, before=10**6, limit=10**6)
        transfers = [i for i, e in enumerate(entries) if "kind/transfer" in subjects_of(e)]
        assert snapshot.mentions("kind/transfer", before=10**6, limit=99) == transfers[::-1]
    reader.close()


def test_the_state_in_the_store_is_that_of_a_plain_replay(bench: Bench) -> None:
    for note in bench.book.walk():
        bench.one(note)
    base = MemoryState()
    state = State(base)
    from_log = bench.writer._state._base.scan("", "\x7f", 10**6)  # what the store holds now
    for index, record in enumerate(bench.records()):
        read = parse_record(record)
        judge_plainly(state, read.note, index, read.time_ms)
    base.store(state)
    assert dict(from_log) == base.values
    assert len(base.values) > 50


def judge_plainly(state: State, note: bytes, index: int, time_ms: int) -> None:
    refusal = apply(state, parse_entry(note), index=index, time_ms=time_ms, verify=verify_here)
    assert refusal is None, refusal


# ---------------------------------------------------------------- the clock


def test_record_times_never_go_back(bench: Bench) -> None:
    bench.clock.tick(1_000)
    first = bench.one(bench.book.transfer("farm", "mill"))
    bench.clock.wall_ms -= CLOCK_BACK_MS_MAX
    second = bench.one(bench.book.transfer("farm", "mill"))
    assert second.time_ms == first.time_ms


def test_a_clock_far_behind_stops_the_writer(bench: Bench) -> None:
    bench.clock.tick(1_000)
    bench.one(bench.book.transfer("farm", "mill"))
    size = bench.writer.head.size
    bench.clock.wall_ms -= CLOCK_BACK_MS_MAX + 1
    note = bench.book.transfer("farm", "mill")
    with pytest.raises(Broken, match="60 s behind the last record"):
        bench.commit(note)
    with pytest.raises(Broken, match="behind the last record"):
        bench.reopen()
    bench.clock.wall_ms += 1
    bench.context = writing(bench.data, bench.clock)
    bench.writer = bench.context.__enter__()
    assert bench.one(note).index == size


def test_a_clock_that_jumps_ahead_stops_the_writer(bench: Bench) -> None:
    bench.clock.tick(10 * DAY_MS)  # both clocks: time has gone by
    note = bench.book.transfer("farm", "mill", not_after=bench.clock.wall_ms + DAY_MS)
    bench.one(note)
    bench.clock.wall_ms += CLOCK_JUMP_MS_MAX  # a leap that is small enough
    bench.commit(bench.book.transfer("farm", "mill"))
    size = bench.writer.head.size
    bench.clock.wall_ms += CLOCK_JUMP_MS_MAX + 1_000
    with pytest.raises(Broken, match="jumped ahead by 61 s"):
        bench.commit(bench.book.transfer("farm", "mill"))
    assert len(bench.records()) == size


def test_the_book_is_of_this_log(bench: Bench) -> None:
    foreign = Book("sample.invalid/log/deadbeef")
    assert bench.refused(foreign.transfer("farm", "mill")).name == "wrong_origin"
    assert bench.book.origin == ORIGIN
    assert bench.book.now_ms == T0
