"""Amounts, dates and serials: one reading each, exact, and nothing else read."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain.errors import Malformed
from registry.importing.forms import AmountForm, SerialForm, Unfit, date_form, read_amount

TONNE = 1_000_000


@pytest.mark.parametrize(
    ("text", "form", "grams", "expected"),
    [
        ("0", "plain", TONNE, 0),
        ("56373", "plain", TONNE, 56_373 * TONNE),
        ("56,373", "comma", TONNE, 56_373 * TONNE),
        ("1,454,054", "comma", TONNE, 1_454_054 * TONNE),
        ("999", "comma", TONNE, 999 * TONNE),
        ("1,234.5", "comma", TONNE, 1_234_500_000),
        ("2710.062", "decimal", TONNE, 2_710_062_000),
        ("531.0", "decimal", TONNE, 531 * TONNE),
        ("0.000001", "decimal", TONNE, 1),
        ("2710062", "plain", 1_000, 2_710_062_000),
        ("9007199254740991", "plain", 1, 2**53 - 1),
    ],
)
def test_an_amount_is_read_exactly(text: str, form: AmountForm, grams: int, expected: int) -> None:
    assert read_amount(text, form, grams) == expected


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", "plain"), ("-1", "plain"), ("+1", "plain"), (" 1", "plain"), ("1 ", "plain"),
        ("01", "plain"), ("1_0", "plain"), ("1e3", "plain"), ("1,000", "plain"), ("1.0", "plain"),
        ("１２", "plain"), ("٣", "plain"), ("NaN", "decimal"), ("inf", "decimal"),
        ("1000", "comma"), ("1,00", "comma"), (",100", "comma"), ("1,0000", "comma"),
        ("01,000", "comma"), ("1,000,", "comma"), ("1,000", "decimal"), (".5", "decimal"),
        ("5.", "decimal"), ("1.2.3", "decimal"), ("0.0000001", "decimal"), ("00.5", "decimal"),
        ("9007199254740992", "plain"), ("9" * 41, "plain"), ("1\n", "plain"),
    ],
)  # fmt: skip
def test_no_other_text_is_an_amount(text: str, form: AmountForm) -> None:
    with pytest.raises(Unfit):
        read_amount(text, form, TONNE if form != "plain" else 1)


@given(st.integers(0, 10**12))
def test_every_amount_has_one_comma_form(number: int) -> None:
    assert read_amount(f"{number:,}", "comma", 1) == number
    assert read_amount(f"{number // 1000}.{number % 1000:03}", "decimal", 1_000) == number


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("YYYY-MM-DD", "2026-04-03", "2026-04-03"),
        ("YYYY-MM-DDThh:mm:ss.fZ", "2026-04-14T16:50:41.621676Z", "2026-04-14"),
        ("M/D/YYYY h:mm:ss AM", "3/24/2026 9:08:01 PM", "2026-03-24"),
        ("M/D/YYYY h:mm:ss AM", "12/1/2022 12:00:00 AM", "2022-12-01"),
        ("MM/DD/YYYY", "02/29/2024", "2024-02-29"),
        ("DD.MM.YYYY", "31.12.2020", "2020-12-31"),
        ("YYYY年M月D日", "2025年11月1日", "2025-11-01"),
        ("YYYY/M/D h:mm", "2025/1/9 0:05", "2025-01-09"),
    ],
)
def test_a_date_is_read_in_the_form_named(form: str, text: str, expected: str) -> None:
    assert date_form(form).day(text) == expected
    assert date_form(form).year(text) == int(expected[:4])


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("YYYY-MM-DD", "2023-02-29"), ("YYYY-MM-DD", "2023-13-01"), ("YYYY-MM-DD", "23-01-01"),
        ("YYYY-MM-DD", "2023-1-01"), ("YYYY-MM-DD", "2023-01-01 "), ("YYYY-MM-DD", ""),
        ("M/D/YYYY", "03/4/2026"), ("M/D/YYYY", "3/32/2026"), ("M/D/YYYY", "13/3/2026"),
        ("M/D/YYYY h:mm:ss AM", "3/4/2026 13:00:00 PM"),
        ("M/D/YYYY h:mm:ss AM", "3/4/2026 0:00:00 AM"),
        ("M/D/YYYY h:mm:ss AM", "3/4/2026 1:60:00 AM"),
        ("YYYY-MM-DD", "２０２３-01-01"), ("YYYY.MM.DD", "2023x01x01"),
    ],
)  # fmt: skip
def test_no_other_text_is_a_date(form: str, text: str) -> None:
    with pytest.raises(Unfit):
        date_form(form).day(text)


@given(st.dates(dt.date(1970, 1, 1)))
def test_every_date_comes_back(day: dt.date) -> None:
    text = f"{day.month}/{day.day}/{day.year:04}"
    assert date_form("M/D/YYYY").day(text) == day.isoformat()


def test_a_year_alone_is_a_form_but_no_date() -> None:
    assert date_form("YYYY").year("2025") == 2025
    assert not date_form("YYYY").whole
    with pytest.raises(Unfit):
        date_form("YYYY").year("2025-01")


@pytest.mark.parametrize("form", ["", "MM/DD", "YYYY-MM", "YYYY-MM-DD-D", "MM-M-YYYY", "hh:mm"])
def test_what_is_no_form_of_dates(form: str) -> None:
    with pytest.raises(Malformed, match="no form of a date"):
        date_form(form)


def test_serials_are_read_and_written() -> None:
    form = SerialForm("ACR-{country}-{n}-{year}-{block}-{first} to {last}")
    found = form.read("ACR-FR-1129-2025-2917-30932 to 35143")
    assert (found.first, found.last, found.fields["block"]) == (30932, 35143, "2917")
    assert (
        form.write("ACR-FR-1129-2025-2917-30932 to 35143", 1, 2) == "ACR-FR-1129-2025-2917-1 to 2"
    )


def test_a_field_that_stands_twice_reads_the_same_twice() -> None:
    form = SerialForm("{b}-{first}/{b}-{last}")
    assert form.read("k-1/k-9").last == 9
    with pytest.raises(Unfit):
        form.read("k-1/j-9")


@pytest.mark.parametrize(
    "text", ["S-1-", "S--9", "S-01-9", "S-9-1", "S-0-9", "S-1-9 ", "s-1-9", "S-1-9\n", "S-１-9"]
)
def test_no_other_text_is_a_range(text: str) -> None:
    with pytest.raises(Unfit):
        SerialForm("S-{first}-{last}").read(text)


@pytest.mark.parametrize(
    "form", ["", "{first}", "{last}-{from}", "{first}-{last}-{Odd}", "{first}{last}}"]
)
def test_what_is_no_form_of_serials(form: str) -> None:
    with pytest.raises(Malformed, match="no form of serials"):
        SerialForm(form)
