"""Whole grams and serials; no floating point anywhere near an amount (DESIGN §2, §3).

Sums and products above 2^53−1 are refused, so that every JSON reader holds every amount exactly.
"""

from registry.ledger.entries.common import INTEGER_MAX

GRAMS_PER_TONNE = 1_000_000


def fits(amount: int) -> bool:
    """True if the amount may stand in an entry or a state value."""
    return 0 <= amount <= INTEGER_MAX


def points_of(grams: int, num: int, den: int) -> int:
    """Points that `grams` back, where a point is `num`/`den` grams: rounded down."""
    return grams * den // num


def points_for(grams: int, num: int, den: int) -> int:
    """The least number of points that covers `grams`: rounded up."""
    return -(-grams * den // num)


def cap_of(amount_g: int, num: int, den: int) -> int:
    """The share `num`/`den` of an amount in grams, rounded down."""
    return amount_g * num // den


def format_tonnes(grams: int) -> str:
    """Grams as tonnes with thousands separators and no needless zeros: 41559000000 → 41,559."""
    whole, rest = divmod(grams, GRAMS_PER_TONNE)
    return f"{whole:,}.{rest:06}".rstrip("0") if rest else f"{whole:,}"
