"""The sample is played over HTTP against a registry in memory: once, again, after a stop."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from registry.chain.errors import Broken
from registry.ledger.codec import parse_entry
from registry.ledger.signing import sign_entry
from registry.net.client import LogClient
from registry.net.wire import Receipt
from registry.sample.cast import Cast
from registry.sample.journal import ATTEMPTS_MAX, Journal
from registry.sample.play import Play
from registry.sample.script import Scene, Step
from registry.sample.story import GENESIS, STEPS
from tests.cli.conftest import serving
from tests.fakes import FakeRegistry, SteppingClock


class RealClock(SteppingClock):
    """The time of day, plus what a test adds."""

    def __init__(self) -> None:
        super().__init__(0)

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ms


class Theatre:
    """A registry with the sample's genesis in it, and the journal of its play."""

    def __init__(self, directory: Path) -> None:
        self.journal = Journal(directory)
        self.cast = self.journal.cast(time.time_ns() // 1_000_000)
        self.registry = FakeRegistry(self.cast.origin, RealClock())
        scene = Scene(self.cast, "genesis", 0, self.registry.clock(), {}, lambda _a, _b: ())
        keys = [self.cast.key(name) for name in GENESIS.keys]
        self.registry.take([sign_entry(self.cast.origin, GENESIS.entry(scene), keys)])
        self.told: list[tuple[str, Receipt]] = []
        self.stop_after = len(STEPS)

    def tell(self, number: int, step: Step, receipt: Receipt) -> None:
        self.told.append((step.name, receipt))
        if number == self.stop_after:
            raise KeyboardInterrupt

    def play(self, url: str) -> None:
        with LogClient(url) as log:
            Play(self.cast, log, self.journal).run(self.tell)


@pytest.fixture
def theatre(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path / "sample")


def test_a_second_play_adds_nothing(theatre: Theatre) -> None:
    with serving(theatre.registry) as url:
        theatre.stop_after = -1
        theatre.play(url)
        assert len(theatre.registry.records) == len(STEPS) + 1
        assert [name for name, _ in theatre.told] == [step.name for step in STEPS]
        assert not any(receipt.replayed for _, receipt in theatre.told)
        first, theatre.told = theatre.told, []
        theatre.play(url)
    assert all(receipt.replayed for _, receipt in theatre.told)
    assert [r.index for _, r in theatre.told] == [r.index for _, r in first]
    assert len(theatre.registry.records) == len(STEPS) + 1


@pytest.mark.parametrize("stop_after", [len(STEPS) - 8])
def test_an_interrupted_play_goes_on(theatre: Theatre, stop_after: int) -> None:
    with serving(theatre.registry) as url:
        theatre.stop_after = stop_after
        with pytest.raises(KeyboardInterrupt):
            theatre.play(url)
        assert len(theatre.registry.records) == stop_after + 1
        theatre.stop_after = -1
        theatre.play(url)
    assert len(theatre.registry.records) == len(STEPS) + 1


def test_a_note_that_was_kept_but_not_sent_is_sent_as_it_is(theatre: Theatre) -> None:
    with serving(theatre.registry) as url:
        theatre.stop_after = 5
        with pytest.raises(KeyboardInterrupt):
            theatre.play(url)
        step = STEPS[5]
        scene = Scene(theatre.cast, step.name, 0, theatre.registry.clock(), {}, lambda _a, _b: ())
        keys = [theatre.cast.key(name) for name in step.keys]
        note = sign_entry(theatre.cast.origin, step.entry(scene), keys)
        theatre.journal.keep(step.name, 0, note)
        theatre.stop_after = 6
        with pytest.raises(KeyboardInterrupt):
            theatre.play(url)
    assert theatre.registry.records[6].endswith(note)


def test_a_note_that_has_expired_is_made_anew(theatre: Theatre) -> None:
    with serving(theatre.registry) as url:
        theatre.stop_after = 3
        with pytest.raises(KeyboardInterrupt):
            theatre.play(url)
        step = STEPS[3]
        early = theatre.registry.clock() - 25 * 86_400_000
        scene = Scene(theatre.cast, step.name, 0, early, {}, lambda _a, _b: ())
        keys = [theatre.cast.key(name) for name in step.keys]
        old = sign_entry(theatre.cast.origin, step.entry(scene), keys)
        theatre.journal.keep(step.name, 0, old)
        theatre.stop_after = 4
        with pytest.raises(KeyboardInterrupt):
            theatre.play(url)
    attempt, note = theatre.journal.latest(step.name) or (0, b"")
    assert attempt == 1
    assert theatre.registry.records[4].endswith(note)
    assert parse_entry(note).entry.id != parse_entry(old).entry.id


def test_what_the_rules_refuse_stops_the_play(theatre: Theatre) -> None:
    wrong = STEPS[1]._replace(keys=("operator",))
    with serving(theatre.registry) as url, LogClient(url) as log:
        play = Play(theatre.cast, log, theatre.journal)
        with pytest.raises(Broken, match="party-centre did not come into the log"):
            play.run(theatre.tell, (wrong,))


def test_the_journal_is_private_and_keeps_its_cast(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    cast = journal.cast(1_795_000_000_000)
    assert Journal(tmp_path / "j").cast(1) == cast == Cast(cast.seed, 1_795_000_000_000)
    assert stat.S_IMODE((tmp_path / "j" / "start.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "j").stat().st_mode) == 0o700
    for attempt in range(ATTEMPTS_MAX):
        journal.keep("a", attempt, b"note %d" % attempt)
    assert journal.latest("a") == (ATTEMPTS_MAX - 1, b"note %d" % (ATTEMPTS_MAX - 1))
    with pytest.raises(Broken, match="was tried 5 times"):
        journal.keep("a", ATTEMPTS_MAX, b"")
    (tmp_path / "j" / "start.json").write_text("{}")
    with pytest.raises(Broken, match="cannot be read"):
        journal.cast(1)
