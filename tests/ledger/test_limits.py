"""Limits that only many entries reach, and the arithmetic that entries rest on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ledger import dates, serials
from registry.ledger.quantities import format_tonnes, points_for, points_of
from registry.ledger.rules.pool import LOTS_TOUCHED_MAX
from registry.ledger.serials import SPANS_TOUCHED_MAX, Span
from tests.ledger.world import BATCH, FARM, SHA, World

T = 1_000_000


def with_lots(count: int, **changed: Any) -> World:
    """A world whose scheme has `count` lots of one point each."""
    world = World()
    scheme = {
        "scheme": "green",
        "operator": "points.mall",
        "title": "G",
        "unit": "coin",
        "num": T,
        "den": 1,
        "validity_days": 365,
        "classes": ["forest"],
        "used": "to_credits",
        "expired": "retire",
    }
    world.accept("points_scheme", "points.mall", "authority.gd", **(scheme | changed))
    for n in range(count):
        # Not next to each other, so that each stays a segment of its own.
        items = [{"batch": BATCH, "first": 2 * n + 1, "last": 2 * n + 1}]
        fields = {"scheme": "green", "direction": "to_points", "account": FARM, "items": items}
        world.accept("conversion", "owner.farm", "points.mall", **fields)
    return world


@pytest.mark.parametrize("used", ["to_credits", "retire"])
def test_one_entry_touches_a_bounded_number_of_lots(used: str) -> None:
    world = with_lots(LOTS_TOUCHED_MAX + 1, used=used)

    def spend(points: int) -> str:
        commit = {"root": SHA, "count": 1, "total": points}
        by = ("points.mall", "platform.bus")
        return world.submit("redemption", *by, scheme="green", points=points, commit=commit)

    assert spend(LOTS_TOUCHED_MAX + 1) == "too_many_lots"
    assert spend(LOTS_TOUCHED_MAX) == ""
    retired = LOTS_TOUCHED_MAX if used == "retire" else 0
    assert world.value(f"batch/{BATCH}")["retired"] == retired


def test_an_event_has_a_bounded_number_of_retirements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.ledger.rules.use.RETIREMENTS_MAX", 3)
    world = World()
    world.accept(
        "event",
        "games.org",
        event="games",
        organiser="games.org",
        title="G",
        from_="2025-08-07",
        to="2025-08-17",
        declared_g=10 * T,
        report_sha256=SHA,
        status="plan",
    )
    outcomes = [
        world.submit(
            "retirement",
            "owner.farm",
            account=FARM,
            items=[{"batch": BATCH, "first": n, "last": n}],
            purpose="event",
            ref="games",
            beneficiary={"event": "games"},
        )
        for n in range(1, 5)
    ]
    assert outcomes == ["", "", "", "too_many_retirements"]
    assert world.value("event/games")["retired_g"] == 3 * T


@given(st.dates(min_value=date(1970, 1, 1), max_value=date(2400, 1, 1)))
def test_days_are_those_of_the_calendar(day: date) -> None:
    number = (day - date(1970, 1, 1)).days
    assert dates.day_of(day.isoformat()) == number
    assert dates.format_day(number) == day.isoformat()
    assert date.fromisoformat(dates.format_day(number + 1)) == day + timedelta(days=1)


@pytest.mark.parametrize("text", ["2023-02-29", "2024-13-01", "2024-00-10", "2024-04-31"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert dates.day_of(text) is None


def test_the_civil_date_turns_at_midnight_of_the_region() -> None:
    midnight_utc = dates.day_of("2026-11-20") or 0
    ms = midnight_utc * dates.DAY_MS
    assert dates.civil_date(ms + 16 * 3_600_000 - 1, 480) == "2026-11-20"
    assert dates.civil_date(ms + 16 * 3_600_000, 480) == "2026-11-21"


def as_set(spans: tuple[Span, ...] | list[Span]) -> set[int]:
    return {n for s in spans for n in range(s.first, s.stop)}


def from_set(numbers: set[int]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for n in sorted(numbers):
        if spans and spans[-1].stop == n:
            spans[-1] = Span(spans[-1].first, n)
        else:
            spans.append(Span(n, n))
    return tuple(spans)


@given(st.sets(st.integers(1, 60), min_size=1), st.data())
def test_best_fit_takes_what_is_wanted_from_the_shortest_span(
    numbers: set[int], data: st.DataObject
) -> None:
    spans = from_set(numbers)
    wanted = data.draw(st.integers(1, len(numbers)))
    taken = serials.best_fit(spans, wanted)
    assert taken is not None
    assert serials.count(taken) == wanted
    assert as_set(taken) <= numbers
    lengths = sorted(s.count for s in spans)
    fitting = [n for n in lengths if n >= wanted]
    if fitting:
        assert len(taken) == 1
        at = serials.containing(spans, taken[0])
        assert at is not None
        assert spans[at].count == fitting[0]
        assert spans[at].first == taken[0].first
    else:
        assert taken[0].count == lengths[-1]


@given(st.sets(st.integers(1, 40)), st.integers(1, 40), st.integers(0, 10))
def test_insert_and_remove_keep_spans_maximal(numbers: set[int], first: int, more: int) -> None:
    span = Span(first, first + more)
    spans = from_set(numbers - as_set([span]))
    added, joined, swallowed = serials.insert(spans, span)
    assert added == from_set(as_set(spans) | as_set([span]))
    assert joined in added
    assert swallowed is None or (swallowed in spans and swallowed.first == span.stop)
    at = serials.containing(added, span)
    assert at is not None
    left, below, above = serials.remove(added, at, span)
    assert left == from_set(as_set(added) - as_set([span]))
    assert as_set([s for s in (below, above) if s]) == as_set([joined]) - as_set([span])


def test_too_many_fragments_are_not_gathered() -> None:
    spans = tuple(Span(2 * n, 2 * n) for n in range(1, SPANS_TOUCHED_MAX + 2))
    assert serials.best_fit(spans, SPANS_TOUCHED_MAX + 1) is None
    assert len(serials.best_fit(spans, SPANS_TOUCHED_MAX) or ()) == SPANS_TOUCHED_MAX


@given(st.integers(0, 10**12), st.integers(1, 10**9), st.integers(1, 10**6))
def test_points_are_rounded_against_the_holder(grams: int, num: int, den: int) -> None:
    points = points_of(grams, num, den)
    assert points * num <= grams * den < (points + 1) * num
    assert (points_for(grams, num, den) - 1) * num < grams * den or grams == 0
    assert points_for(grams, num, den) * num >= grams * den


def test_tonnes_are_shown_without_losing_a_gram() -> None:
    assert format_tonnes(41_559_000_000) == "41,559"
    assert format_tonnes(30_000_001) == "30.000001"
    assert format_tonnes(23_900) == "0.0239"
    assert format_tonnes(0) == "0"
