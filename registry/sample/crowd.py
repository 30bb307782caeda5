"""The people of the sample: bus rides, points given, points spent; all invented.

Amounts are made from the cast's seed, so that every play of one book makes the same leaf files.

Refuses to know: the log; of all this it gets root, count and total.
"""

from registry.ledger.entries.common import Commit
from registry.ledger.people import Leaf, LeafFile, commit_of
from registry.ledger.quantities import points_of
from registry.sample.cast import Cast

RIDERS = 48
SPENDERS = 30
BUS_MG_PER_KM = 26_900
"""Reduction by riding an electric bus, 26.9 g per person-kilometre."""
MG_PER_G = 1_000
COIN_G = 100
"""One coin of the sample scheme is worth 100 g."""
SPENT_EACH = 1_500
CAMPAIGN_COINS = 100_000
"""Coins that the mall gives away, backed by 10 t."""


def rides(cast: Cast) -> LeafFile:
    """One leaf per rider: a year's kilometres by bus, in milligrams."""
    leaves = []
    for n in range(RIDERS):
        km = 100 + int.from_bytes(cast.derive(f"km {n}", 2), "big") % 150
        act = f"样例 SAMPLE {km} km 公交 bus {cast.year}"
        leaves.append(_leaf(cast, "rides", n, km * BUS_MG_PER_KM, act))
    return LeafFile(unit="mg", leaves=tuple(leaves))


def rides_g(cast: Cast) -> int:
    """What the rides come to in whole grams: floored once."""
    return commit_of(rides(cast).leaves).total // MG_PER_G


def coins_for_rides(cast: Cast) -> LeafFile:
    """The coins that the riders get for their rides: all that the rides back."""
    shares = [points_of(leaf.amount // MG_PER_G, COIN_G, 1) for leaf in rides(cast).leaves]
    dust = points_of(rides_g(cast), COIN_G, 1) - sum(shares)
    return _coins(cast, "coins-for-rides", [share + (n < dust) for n, share in enumerate(shares)])


def coins_of_campaign(cast: Cast) -> LeafFile:
    """The coins that the mall gives to all riders alike."""
    each, dust = divmod(CAMPAIGN_COINS, RIDERS)
    return _coins(cast, "coins-of-campaign", [each + (n < dust) for n in range(RIDERS)])


def coins_spent(cast: Cast) -> LeafFile:
    """The coins that some riders spend on goods."""
    return _coins(cast, "coins-spent", [SPENT_EACH] * SPENDERS)


FILES = {
    "rides": rides,
    "coins-for-rides": coins_for_rides,
    "coins-of-campaign": coins_of_campaign,
    "coins-spent": coins_spent,
}
"""The leaf files of the sample by name."""


def commitment(cast: Cast, name: str) -> Commit:
    """What the log gets of a leaf file."""
    return commit_of(FILES[name](cast).leaves)


def _coins(cast: Cast, name: str, amounts: list[int]) -> LeafFile:
    leaves = [_leaf(cast, name, n, a, f"样例 SAMPLE {name}") for n, a in enumerate(amounts)]
    return LeafFile(unit="points", leaves=tuple(leaves))


def _leaf(cast: Cast, name: str, number: int, amount: int, act: str) -> Leaf:
    person = f"rider-{number:02}"
    return Leaf(person=person, amount=amount, act=act, salt=cast.salt(f"{name} {number}"))
