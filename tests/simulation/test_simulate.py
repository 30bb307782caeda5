"""The simulator: what it does twice it does the same way, and planted bugs do not escape it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from registry.chain.errors import Broken
from registry.ledger import rulesets
from registry.ledger import values as v
from registry.ledger.codec import Parsed
from registry.ledger.entries import Retirement, Transfer
from registry.ledger.refusals import Refusal
from registry.ledger.state import State
from registry.ports import Admitted, Committed, Head, NewRecord
from registry.writer import commit
from registry.writer.commit import Writer
from registry.writer.stage import Outcome, Staged, stage
from tests.house.tree import REPO
from tools import simulate
from tools.simulation.auditor import Failure
from tools.simulation.entries import check
from tools.simulation.faults import KINDS, ODDS, faults_of
from tools.simulation.machine import MemoryLog, MemoryTiles
from tools.simulation.run import Config, Result, Run
from tools.simulation.shrink import shrink

ENTRIES = 500
SEEDS = range(1, 13)
RUNS = 12
"""How often a failing run may be tried again to make it smaller."""

Changes = Sequence[tuple[str, bytes | None]]


@pytest.fixture(scope="module")
def played() -> dict[int, Result]:
    """Two seeds, played without a bug."""
    return {seed: Run(Config(seed, 2_000)).play() for seed in (1, 2)}


def test_the_product_holds(played: dict[int, Result]) -> None:
    for result in played.values():
        assert result.entries >= 2_000
        assert result.size > 400
        assert result.starts > 5
        assert result.published > 2
        assert result.replayed > 20
        assert result.malformed > 0


def test_every_kind_of_fault_happens(played: dict[int, Result]) -> None:
    steps = max(result.steps for result in played.values())
    assert {kind for n in range(20 * steps) for kind in faults_of(1, n, frozenset())} == set(ODDS)
    seen = set[str]().union(*(result.faults for result in played.values()))
    assert len(seen) > len(KINDS) // 2


def test_another_seed_is_another_log(played: dict[int, Result]) -> None:
    assert played[1].root != played[2].root


def test_the_same_seed_is_the_same_log_in_every_process(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--seed", "5", "--entries", "700", "--json"]
    assert simulate.main(arguments) == 0
    here = json.loads(capsys.readouterr().out)
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "tools.simulate", *arguments],
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(REPO)},
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        there = json.loads(done.stdout)
        for time in ("cpu_s", "entries_per_cpu_s"):
            there[time] = here[time]
        assert there == here


def test_fewer_faults_leave_the_others_as_they_were() -> None:
    every = faults_of(3, 0, frozenset())
    steps = [faults_of(3, step, frozenset()) for step in range(300)]
    without = [faults_of(3, step, frozenset({"crash"})) for step in range(300)]
    assert steps[0] == every
    assert any("crash" in step for step in steps)
    assert without == [{k: n for k, n in step.items() if k != "crash"} for step in steps]


# ---------------------------------------------------------------- planted bugs


class Forgetful(MemoryLog):
    """Says that it has committed, and has not: once in a while."""

    def commit(self, old: Head, new: Head, records: Sequence[NewRecord], changes: Changes) -> None:
        if new.size > 60 and new.size % 40 == 7:
            return
        super().commit(old, new, records, changes)


class Unsynced(MemoryLog):
    """What was committed last is gone after a new start."""

    def open_epoch(self) -> Head:
        head = super().open_epoch()
        if head.size > 90:
            self.records_.pop()
        return head


class Torn(MemoryLog):
    """A commit that fails half-way leaves a half: the state without the records' last change."""

    def commit(self, old: Head, new: Head, records: Sequence[NewRecord], changes: Changes) -> None:
        super().commit(old, new, records, changes[:-1] if new.size > 200 else changes)


class Amnesiac(MemoryLog):
    """Does not find ids, and takes them twice."""

    def find_ids(self, id_keys: Sequence[bytes]) -> dict[bytes, int]:
        return {}

    def commit(self, old: Head, new: Head, records: Sequence[NewRecord], changes: Changes) -> None:
        for record in records:
            self.ids.pop(record.id_key, None)
        super().commit(old, new, records, changes)


class Hasty(Writer):
    """Answers although the commit has failed, and goes on."""

    def commit(self, entries: Sequence[Admitted]) -> list[Outcome]:
        before = self._head
        try:
            return super().commit(entries)
        except Broken:
            self._stopped, self._head = False, before
            staged = stage(before, self._state, (), self._clock.now_ms(), self._store)
            return staged.outcomes or [Committed(before.size, 0, b"", replayed=False)]


class Blind(Writer):
    """Never looks at its clock twice."""

    def _now_ms(self) -> int:
        return self._clock.now_ms()


class Boastful(Writer):
    """Takes every repeat for new."""

    def commit(self, entries: Sequence[Admitted]) -> list[Outcome]:
        return [
            msgspec.structs.replace(o, replayed=False) if isinstance(o, Committed) else o
            for o in super().commit(entries)
        ]


class Sieve(MemoryTiles):
    """Spoils a byte of some bundles."""

    def _put(self, path: str, data: bytes) -> None:
        if "entries" in path and path.endswith(("1", "4", "7")):
            data = data[:-1] + b"!"
        super()._put(path, data)


Judge = Callable[..., Refusal | None]


def wrong_after(kind: type, spoil: Callable[[State, Any], None]) -> Judge:
    """The rules, and a mistake after some accepted entries of a kind."""
    true = rulesets.RULESETS[1]

    def judge(state: State, parsed: Parsed, **given: Any) -> Refusal | None:
        refusal = true(state, parsed, **given)
        if refusal is None and isinstance(parsed.entry, kind) and given["index"] > 100:
            spoil(state, parsed.entry)
            state.accept()
        return refusal

    return judge


def one_more_retired(state: State, entry: Retirement) -> None:
    key = f"batch/{entry.items[0].batch}"
    batch = state.must(key, v.Batch)
    state.put(key, msgspec.structs.replace(batch, retired=batch.retired + 1))


def one_too_many(state: State, entry: Transfer) -> None:
    key = v.balance_key(entry.to, entry.items[0].batch)
    balance = state.get(key, v.Balance)
    if balance is not None:
        state.put(key, msgspec.structs.replace(balance, retired=balance.retired + 1))


def unlike(kind: type) -> Judge:
    """Rules that look at who asks: a replay counts otherwise than the writer."""
    wrong, true = wrong_after(kind, one_too_many), rulesets.RULESETS[1]

    def judge(state: State, parsed: Parsed, **given: Any) -> Refusal | None:
        return (wrong if given["verify"] is check else true)(state, parsed, **given)

    return judge


def out_of_time(before: Head, state: State, *rest: Any) -> Staged:
    """Staging that forgets the last record's time."""
    return stage(replace(before, time_ms=0), state, *rest)


def on(
    *,
    log: type[MemoryLog] = MemoryLog,
    writer: type[Writer] = Writer,
    tiles: type[MemoryTiles] = MemoryTiles,
) -> type[Run]:
    """Runs on a log, a writer or tiles with a bug."""

    class Planted(Run):
        def make_log(self) -> MemoryLog:
            return log(self.trap)

        def make_tiles(self) -> MemoryTiles:
            return tiles(self.trap)

        def make_writer(self) -> Writer:
            return writer(self.log, self.clock)

    return Planted


def ruled_by(judge: Judge) -> Callable[[pytest.MonkeyPatch], type[Run]]:
    """Runs by rules with a bug."""

    def plant(patch: pytest.MonkeyPatch) -> type[Run]:
        patch.setitem(rulesets.RULESETS, 1, judge)
        return Run

    return plant


def staged_by(stage: Callable[..., Staged]) -> Callable[[pytest.MonkeyPatch], type[Run]]:
    """Runs whose writer stages with a bug."""

    def plant(patch: pytest.MonkeyPatch) -> type[Run]:
        patch.setattr(commit, "stage", stage)
        return Run

    return plant


def leaking(patch: pytest.MonkeyPatch) -> type[Run]:
    """Refused entries leave their draft behind."""
    patch.setattr(State, "discard", lambda _: None)
    return Run


BUGS: dict[str, tuple[Callable[[pytest.MonkeyPatch], type[Run]], set[str]]] = {
    "a commit that is reported and not done": (lambda _: on(log=Forgetful), {"lost"}),
    "a commit that is gone after a start": (lambda _: on(log=Unsynced), {"order"}),
    "a commit of which a half is there": (lambda _: on(log=Torn), {"replay", "conservation"}),
    "an id that is taken twice": (lambda _: on(log=Amnesiac), {"doubled", "answer"}),
    "an answer before the commit": (lambda _: on(writer=Hasty), {"lost", "stopped"}),
    "a repeat taken for new": (lambda _: on(writer=Boastful), {"doubled"}),
    "a clock that nobody looks at": (lambda _: on(writer=Blind), {"stopped", "time"}),
    "record times that go back": (staged_by(out_of_time), {"time"}),
    "tiles that are not the records": (lambda _: on(tiles=Sieve), {"published", "stopped"}),
    "a batch counted wrongly": (
        ruled_by(wrong_after(Retirement, one_more_retired)),
        {"conservation"},
    ),
    "a balance counted wrongly": (ruled_by(wrong_after(Transfer, one_too_many)), {"invariants"}),
    "rules that look at the world": (
        ruled_by(unlike(Transfer)),
        {"replay"},
    ),
    "a refused entry that changes the state": (leaking, {"replay", "conservation", "stopped"}),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught_and_made_small(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, checks = BUGS[bug]
    planted = plant(monkeypatch)

    def fails(config: Config) -> tuple[Failure, int, int] | None:
        return simulate.failure_of(config, planted)

    config, found = next(
        (config, found)
        for config in (Config(seed, ENTRIES) for seed in SEEDS)
        if (found := fails(config))
    )
    failed = found[0].check
    assert failed in checks, found[0]
    small = shrink(config, failed, fails, RUNS)
    assert small.seed == config.seed
    assert small.entries <= max(1, found[1])
    assert small.masked, "some kind of fault has nothing to do with it"
    again = fails(small)
    assert again is not None
    assert again[0].check == failed


# ---------------------------------------------------------------- the command


def test_a_failure_prints_the_command_that_shows_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(rulesets.RULESETS, 1, wrong_after(Retirement, one_more_retired))
    assert simulate.main(["--seed", "1", "--entries", "1000"]) == 1
    told = capsys.readouterr()
    assert "seed 1 fails in step" in told.err
    what, again = told.out.splitlines()
    assert what.startswith("conservation: ")
    assert again.startswith("python -m tools.simulate --seed 1 --entries ")
    arguments = shlex.split(again)[3:]
    assert int(arguments[3]) < 1_000
    assert simulate.main([*arguments, "--no-shrink", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["what"] == what.partition(": ")[2]


def test_steps_are_written_as_they_are_read() -> None:
    steps = frozenset({0, 3, 4, 5, 9, 11, 12})
    assert simulate.format_steps(steps) == "0,3-5,9,11-12"
    assert simulate.parse_steps("0,3-5,9,11-12") == steps
    assert simulate.parse_steps("") == frozenset()
    assert simulate.format_steps([]) == ""


@pytest.mark.parametrize("arguments", [["--without", "rain"], ["--skip", "3-x"]])
def test_a_misspelt_option_is_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        simulate.main(arguments)
    assert left.value.code == 2
    assert "error:" in capsys.readouterr().err
