"""The means by which the story is told: a step, and what a step may know when its turn comes.

A step's entry may need what only the log knows: the index of an earlier entry (a mandate), or which
serials an account holds (a retirement names them). So each step is a function from a `Scene`.

Refuses to know: whether the scene is a service over HTTP or a state in memory.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

from registry.chain.errors import Broken
from registry.ledger.dates import DAY_MS, civil_date
from registry.ledger.entries import Common, SpanItem
from registry.ledger.serials import Span, best_fit
from registry.sample.cast import OFFSET_MIN, Cast

NOT_AFTER_MS = 20 * DAY_MS
HoldingsOf = Callable[[str, str], Sequence[Span]]
"""(account, batch) to its free spans."""


class CommonFields(TypedDict):
    """The fields of every entry."""

    id: str
    not_after: int
    signers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a step may know: the cast, the time, earlier indexes, holdings."""

    cast: Cast
    step: str
    attempt: int
    now_ms: int
    indexes: Mapping[str, int]
    holdings: HoldingsOf

    def common(self, *keys: str) -> CommonFields:
        """The common fields, signed by the given keys of the cast."""
        return CommonFields(
            id=self.cast.entry_id(self.step, self.attempt, self.now_ms),
            not_after=self.now_ms + NOT_AFTER_MS,
            signers=tuple(sorted(self.cast.key(name).signer for name in keys)),
        )

    def date(self, days: int) -> str:
        """The civil date so many days after (before, if negative) the play began."""
        return civil_date(self.cast.started_ms + days * DAY_MS, OFFSET_MIN)

    def serials(self, account: str, batch: str, count: int) -> tuple[SpanItem, ...]:
        """Exact serials for a retirement, by best fit; Broken if the account lacks them."""
        spans = best_fit(tuple(self.holdings(account, batch)), count)
        if spans is None or sum(span.count for span in spans) != count:
            raise Broken(f"the sample's account {account} does not hold {count} of {batch}")
        return tuple(SpanItem(batch=batch, first=span.first, last=span.last) for span in spans)


class Step(NamedTuple):
    """One entry of the story. `keys`: by which keys of the cast it is signed."""

    name: str
    zh: str
    en: str
    keys: tuple[str, ...]
    build: Callable[[Scene, CommonFields], Common]

    def entry(self, scene: Scene) -> Common:
        """The entry in a scene."""
        return self.build(scene, scene.common(*self.keys))
