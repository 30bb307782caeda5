"""Civil dates by integer arithmetic (DESIGN §2: a fixed offset that genesis names).

Dates are days since 1970-01-01 in the proleptic Gregorian calendar; no time zone database, so the
verdict is the same on every machine. Source: the era-based algorithm for days from a civil date.

    day_of("2026-04-03")        -> 20546
    civil_date(0, 480)          -> "1970-01-01"
"""

DAY_MS = 86_400_000
MINUTE_MS = 60_000
_ERA_DAYS = 146_097


def day_of(text: str) -> int | None:
    """The day number of `YYYY-MM-DD`, or None where there is no such date."""
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    number = _day_number(year, month, day)
    return number if format_day(number) == text else None


def format_day(day: int) -> str:
    """The civil date of a day number as `YYYY-MM-DD`."""
    shifted = day + 719_468  # days since 0000-03-01, so that a leap day ends its year
    era, day_of_era = divmod(shifted, _ERA_DAYS)
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_shifted = (5 * day_of_year + 2) // 153
    month = month_shifted + 3 if month_shifted < 10 else month_shifted - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return f"{year:04}-{month:02}-{day_of_year - (153 * month_shifted + 2) // 5 + 1:02}"


def civil_day(time_ms: int, offset_min: int) -> int:
    """The day number at an instant, at a fixed offset from UTC in minutes."""
    return (time_ms + offset_min * MINUTE_MS) // DAY_MS


def civil_date(time_ms: int, offset_min: int) -> str:
    """The civil date at an instant, at a fixed offset from UTC in minutes."""
    return format_day(civil_day(time_ms, offset_min))


def _day_number(year: int, month: int, day: int) -> int:
    if month <= 2:
        year -= 1
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * _ERA_DAYS + day_of_era - 719_468
