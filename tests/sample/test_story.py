"""The sample's story passes the rules, entry by entry, and comes to the figures that it tells."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from registry.ledger import people
from registry.ledger import values as v
from registry.ledger.apply import apply, verify_here
from registry.ledger.codec import format_text, parse_entry
from registry.ledger.dates import DAY_MS
from registry.ledger.entries import kind_of
from registry.ledger.serials import Span, count
from registry.ledger.signing import sign_entry
from registry.ledger.state import MemoryState, State
from registry.sample import crowd, plot
from registry.sample.cast import DEFENDANT, PLAYERS, Cast, party
from registry.sample.script import Scene, Step
from registry.sample.story import GENESIS, RETIREMENTS, STEPS

STARTED_MS = 1_795_000_000_000
TONNE = plot.TONNE
CAST = Cast(bytes(range(32)), STARTED_MS)


class Stage:
    """Plays steps on a state in memory; a step takes three seconds."""

    def __init__(self, cast: Cast = CAST) -> None:
        self.cast = cast
        self.base = MemoryState()
        self.state = State(self.base)
        self.indexes: dict[str, int] = {}
        self.now_ms = cast.started_ms
        self.notes: list[bytes] = []

    def free(self, account: str, batch: str) -> Sequence[Span]:
        held = self.state.get(v.balance_key(account, batch), v.Balance)
        return held.free if held else ()

    def play(self, step: Step) -> None:
        scene = Scene(self.cast, step.name, 0, self.now_ms, self.indexes, self.free)
        keys = [self.cast.key(name) for name in step.keys]
        note = sign_entry(self.cast.origin, step.entry(scene), keys)
        index = len(self.notes)
        refusal = apply(
            self.state, parse_entry(note), index=index, time_ms=self.now_ms, verify=verify_here
        )
        assert refusal is None, f"{step.name}: {refusal and refusal.message()}"
        self.base.store(self.state)
        self.indexes[step.name] = index
        self.notes.append(note)
        self.now_ms += 3_000


@pytest.fixture(scope="module")
def played() -> Stage:
    stage = Stage()
    for step in (GENESIS, *STEPS):
        stage.play(step)
    return stage


def test_every_step_passes_and_tells_of_every_kind_but_opening(played: Stage) -> None:
    kinds = {kind_of(parse_entry(note).entry) for note in played.notes}
    assert kinds == {
        "genesis", "rulebook", "party", "key", "account",
        "methodology", "project", "issuance",
        "mandate", "transfer",
        "points_scheme", "conversion", "redemption",
        "order", "event", "obligation", "retirement",
    }  # fmt: skip
    assert len({step.name for step in STEPS}) == len(STEPS)
    assert set(RETIREMENTS) <= {step.name for step in STEPS}


def test_the_forest_batch_ends_as_the_story_says(played: Stage) -> None:
    batch = played.state.must(f"batch/{plot.forest_batch(CAST)}", v.Batch)
    retired = plot.ORDER_T + plot.EVENT_T + plot.OFFSET_T + plot.DONATION_T
    pooled = crowd.CAMPAIGN_COINS * crowd.COIN_G // TONNE - plot.TURNED_BACK_T
    assert (batch.count, batch.unit_g) == (41_559, TONNE)
    assert (batch.retired, batch.pooled) == (retired, pooled) == (31_956, 6)
    assert batch.free == 41_559 - retired - pooled
    held = {
        name: count(played.free(CAST.account(name), plot.forest_batch(CAST)))
        for name in (*(n for n, p in PLAYERS.items() if p.account), DEFENDANT)
    }
    assert held == {
        "xinfengjiang": 0,
        "firm": 25_000 + 4_029 - 20_000 - 50,
        "platform": 0,
        "mall": 500 - 10 + 4,
        "organiser": 12_000 - 11_876,
        "trust": 0,
        DEFENDANT: 0,
    }
    assert sum(held.values()) == batch.free


def test_all_41_559_tonnes_are_sold_at_23_99(played: Stage) -> None:
    sold_g = 0
    for note in played.notes:
        entry = parse_entry(note).entry
        if kind_of(entry) == "transfer" and entry.reason == "trade":
            assert entry.trade.price_fen_per_t == 2_399
            assert entry.trade.venue == party("exchange")
            sold_g += sum(item.quantity_g for item in entry.items)
    assert sold_g == 41_559 * TONNE


def test_order_event_and_obligation_are_served(played: Stage) -> None:
    order = played.state.must(f"order/{plot.ORDER}", v.Order)
    assert (order.origin, order.quantity_g, order.fulfilled_g) == (
        "recorded",
        30 * TONNE,
        30 * TONNE,
    )
    commit = people.obligor_commit(*plot.defendant(CAST))
    assert [o.commit for o in order.obligors] == [commit]
    event = played.state.must(f"event/{plot.EVENT}", v.Event)
    assert (event.status, event.declared_g) == ("final", event.retired_g)
    obligation = played.state.must(f"obligation/{party('firm')}/{CAST.year}", v.Obligation)
    assert obligation.retired_g == obligation.cap_g == 20_000 * TONNE


def test_coins_are_made_spent_and_turned_back(played: Stage) -> None:
    scheme = played.state.must(f"scheme/{plot.COIN}", v.Scheme)
    rides_g = crowd.rides_g(CAST)
    made = rides_g // 100 + 100_000
    spent = crowd.SPENDERS * crowd.SPENT_EACH
    back = -(-plot.turned_back_g(CAST) // 100)
    assert (scheme.in_hands, scheme.gathered) == (made - spent, spent - back)
    assert scheme.pool_g == 6 * TONNE
    assert (scheme.in_hands + scheme.gathered) * 100 <= scheme.pool_g
    assert count(played.free(CAST.account("mall"), plot.rides_batch(CAST))) == rides_g


def test_people_hold_receipts_under_what_the_log_committed_to(played: Stage) -> None:
    committed = {}
    for name, note in zip(played.indexes, played.notes, strict=True):
        entry = parse_entry(note).entry
        commit = getattr(entry, "acts", None) or getattr(entry, "commit", None)
        if isinstance(commit, people.Commit):
            committed[name] = commit
    named = {"rides": "issuance-rides", **{n: n for n in crowd.FILES if n != "rides"}}
    for name, step in named.items():
        receipt = people.receipt_for(crowd.FILES[name](CAST), "rider-07")
        assert people.check_receipt(receipt, committed[step]) > 0


def test_nobody_is_named_and_everything_says_sample(played: Stage) -> None:
    text = b"".join(played.notes)
    salt, name, number = plot.defendant(CAST)
    for private in (salt, name, number, "rider-"):
        assert private.encode() not in text
    titles = re.findall(r'"(?:title|number|issuer|unit)":"([^"]*)"', text.decode())
    assert len(titles) > 15
    assert [t for t in titles if "样例" not in t or "SAMPLE" not in t] == []
    assert re.fullmatch(r"sample\.invalid/[a-z/-]+/[0-9a-f]{8}", CAST.origin)


def test_the_same_seed_plays_the_same_book_and_another_seed_another(played: Stage) -> None:
    scene = Scene(CAST, "rulebook", 0, STARTED_MS, {}, played.free)
    again = STEPS[0].entry(scene)
    assert format_text(CAST.origin, again) == format_text(CAST.origin, STEPS[0].entry(scene))
    other = Cast(bytes(32), STARTED_MS)
    assert other.origin != CAST.origin
    assert other.account("firm") != CAST.account("firm")
    assert "seed" not in repr(other)


@pytest.mark.parametrize("started", ["2025-01-01", "2028-02-29", "2031-12-31"])
def test_the_story_fits_any_year(started: str) -> None:
    year, month, day = map(int, started.split("-"))
    days = (year - 1970) * 365 + (year - 1969) // 4 + 30 * (month - 1) + day
    stage = Stage(Cast(b"y" * 32, days * DAY_MS))
    for step in (GENESIS, *STEPS):
        stage.play(step)
