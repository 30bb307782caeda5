"""Names and figures of the sample book, in one place. 样例 SAMPLE: invented, no legal effect.

Refuses to know: what entries are made of them.
"""

from registry.ledger.dates import DAY_MS
from registry.ledger.entries.authority import RuleValue
from registry.ledger.quantities import GRAMS_PER_TONNE as TONNE
from registry.sample import crowd
from registry.sample.cast import DEFENDANT, REGION, Cast

SAMPLE = "样例 SAMPLE"
FOREST_T = 41_559
PRICE_FEN_PER_T = 2_399
ORDER_T = 30
EVENT_PLAN_T = 11_500
EVENT_T = 11_876
OBLIGATION_T = 200_000
OFFSET_T = 20_000
COINS_T = 500
DONATION_T = 50
TURNED_BACK_T = 4
"""Whole forest serials that the mall turns back, after all the grams of the rides."""
TRADES_T = {"firm": 25_000, "organiser": 12_000, "mall": COINS_T, DEFENDANT: ORDER_T}
MANDATED_T = FOREST_T - sum(TRADES_T.values())
"""What the farm's agent sells for it: the rest."""
LEAD_MS = 1_000
"""A rulebook begins a moment after it is signed, never before it is recorded."""

PROGRAM = "PHCER"
FOREST = "SAMPLE-FOREST-2026"
SCENE = "SAMPLE-BUS"
FOREST_METHOD = "SAMPLE-M-FOREST"
BUS_METHOD = "SAMPLE-M-BUS"
ORDER = "SAMPLE-ORDER-1"
EVENT = "SAMPLE-GAMES"
COIN = "SAMPLE-COIN"

RULES: dict[str, RuleValue] = {
    "programs": (PROGRAM,),
    "project_signed_by": ("owner", "centre"),
    "scenario_signed_by": ("platform", "centre", "exchange"),
    "issuance_signed_by": ("centre", "verifier"),
    "scenario_issuance_signed_by": ("centre", "exchange"),
    "issuance_organisations_min": 2,
    "offset_classes": ("forest",),
    "remediation_classes": ("forest",),
    "event_classes": ("forest", "mobility"),
    "voluntary_classes": ("*",),
    "points_classes": ("forest", "mobility"),
    "offset_cap_num": 1,
    "offset_cap_den": 10,
    "key_recovery_delay_ms": 7 * DAY_MS,
}


def forest_batch(cast: Cast) -> str:
    """The batch of the forest farm's tonnes."""
    return f"{REGION}-{PROGRAM}-{cast.year}-000001"


def rides_batch(cast: Cast) -> str:
    """The batch of the bus rides' grams."""
    return f"{REGION}-{PROGRAM}-{cast.year}-000002"


def defendant(cast: Cast) -> tuple[str, str, str]:
    """Salt, name and number of the order's obligor: the private opening."""
    return cast.salt("obligor"), f"{SAMPLE} 某甲（虚构）", "000000-SAMPLE-0000"


def turned_back_g(cast: Cast) -> int:
    """What the mall turns back: all grams of the rides, first in the pool, and some tonnes."""
    return crowd.rides_g(cast) + TURNED_BACK_T * TONNE
