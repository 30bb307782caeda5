"""Law 4: a log carries the number of its rules, and what old rules have accepted stays accepted.

Ruleset 9999 is a toy that exists in these tests alone. It refuses internal transfers, which ruleset
1 accepts, and accepts a retirement by anyone, which ruleset 1 refuses. A rulebook brings it in.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.upkeep import fsck, rebuild
from registry.chain.errors import NotTrusted, Unavailable
from registry.ledger.apply import apply
from registry.ledger.codec import format_record, parse_record
from registry.ledger.entries import Retirement, SpanItem, Transfer
from registry.ledger.entries.use import Beneficiary
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.replay import replay
from registry.ledger.rules import authority, moving
from registry.ledger.rulesets import RULESETS
from registry.ledger.state import MemoryState, State, state_root
from registry.store.database import open_for_reading
from registry.store.log import SqlLogStore
from registry.store.scratch import Scratch
from registry.store.sources import TileDirectory
from registry.verify.audit import audit
from registry.verify.means import HereCrew
from registry.verify.trust import Trust
from tests.books import BATCH, DAY_MS, T0, Book, account_id, party_key, party_name
from tests.logs import Clock, admitted, make_log, publishing, take, writing
from tests.verify.logs import log_trust

TOY = 9999
BEGINS_MS = T0 + DAY_MS


def toy(state: State, parsed: Any, **around: Any) -> Refusal | None:
    if isinstance(parsed.entry, Transfer) and parsed.entry.reason == "internal":
        return refuse("trade_field")
    if not isinstance(parsed.entry, Retirement):
        return apply(state, parsed, **around)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(moving, "consent", lambda *_: None)
        return apply(state, parsed, **around)


@pytest.fixture
def with_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULESETS, TOY, toy)
    monkeypatch.setattr(authority, "RULESETS", frozenset({1, TOY}))


def internal(book: Book) -> bytes:
    return book.transfer("farm", "mill")


def by_nobodys_leave(book: Book, serial: int) -> bytes:
    return book.note(
        Retirement,
        party_key("mill"),
        account=account_id("farm"),
        items=(SpanItem(batch=BATCH, first=serial, last=serial),),
        purpose="voluntary",
        beneficiary=Beneficiary(party=party_name("farm")),
    )


def written(data: DataDirectory, book: Book) -> list[bytes]:
    """A log that the writer led over the change of rulesets; its records."""
    clock = Clock()
    with writing(data, clock) as writer:
        take(writer, [*book.founding()[1:], internal(book)])
        take(writer, [book.rulebook(2, effective_from_ms=BEGINS_MS, ruleset=TOY)])
        clock.tick(DAY_MS - 1)
        book.now_ms = clock.wall_ms
        take(writer, [internal(book)])  # the rulebook is there and has not begun
        outcomes = writer.commit([admitted(by_nobodys_leave(book, 30_000))])
        assert [o.name for o in outcomes if isinstance(o, Refusal)] == ["owner_missing"]
        clock.tick(1)
        book.now_ms = clock.wall_ms
        outcomes = writer.commit([admitted(internal(book))])
        assert [o.name for o in outcomes if isinstance(o, Refusal)] == ["trade_field"]
        take(writer, [book.trade("farm", "mill", "1"), by_nobodys_leave(book, 30_001)])
    with publishing(data, clock) as publisher:
        publisher.step()
    engine = open_for_reading(data.database)
    with closing(SqlLogStore(engine)) as store:
        records = list(store.records(0, store.head().size))
    engine.dispose()
    return records


def played(records: list[bytes]) -> dict[str, bytes]:
    base = MemoryState()
    state = State(base)
    for _ in replay(records, state):
        base.store(state)
    return base.values


def audited(data: DataDirectory, book: Book) -> Any:
    with Scratch() as memory:
        return audit(
            TileDirectory(data.tiles),
            memory=memory,
            crew=HereCrew(),
            trust=Trust((log_trust(book),)),
        )


def test_old_entries_keep_their_verdict(with_toy: None, tmp_path: Path) -> None:
    book = Book()
    data = make_log(tmp_path / "data", book)
    records = written(data, book)
    root, count = state_root(sorted(played(records).items()))
    report = audited(data, book)
    assert report.facts["rulesets"] == [1, TOY]
    assert (report.facts["state_root"], report.facts["state_count"]) == (root.hex(), count)
    assert fsck(data).faults == ()
    made = rebuild(data)
    assert (made.state_root, made.differing) == (root, ())
    data.database.unlink()
    assert rebuild(data, from_tiles=True).state_root == root


def test_the_new_rules_judge_from_their_effect_on_and_the_old_ones_until_then(
    with_toy: None, tmp_path: Path
) -> None:
    book = Book()
    records = written(make_log(tmp_path / "data", book), book)
    size = len(records)
    for time_ms, note, why in (
        (BEGINS_MS, internal(book), "trade_field"),
        (BEGINS_MS - 1, by_nobodys_leave(book, 30_002), "owner_missing"),
    ):
        earlier = [r for r in records if parse_record(r).time_ms <= time_ms]
        forged = format_record(len(earlier), time_ms, note)
        with pytest.raises(NotTrusted, match=why) as caught:
            played([*earlier, forged])
        assert caught.value.where == f"record {len(earlier)}"
    assert len(played(records)) > size


def test_whoever_lacks_a_ruleset_could_not_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    book = Book()
    data = make_log(tmp_path / "data", book)
    with monkeypatch.context() as patched:
        patched.setitem(RULESETS, TOY, toy)
        patched.setattr(authority, "RULESETS", frozenset({1, TOY}))
        records = written(data, book)
    brought = next(n for n, r in enumerate(records) if b'"ruleset":9999' in r)
    for check in (lambda: played(records), lambda: audited(data, book), lambda: fsck(data)):
        with pytest.raises(Unavailable, match=f"ruleset {TOY}") as caught:
            check()
        assert caught.value.where == f"record {brought}"
    with pytest.raises(Unavailable, match=f"ruleset {TOY}"):
        rebuild(data)


def test_the_writer_refuses_rules_that_it_does_not_have(tmp_path: Path) -> None:
    book = Book()
    data = make_log(tmp_path / "data", book)
    with writing(data) as writer:
        (outcome,) = writer.commit([admitted(book.rulebook(ruleset=TOY))])
        assert isinstance(outcome, Refusal)
        assert outcome.name == "ruleset_unknown"
        take(writer, book.founding()[1:])
