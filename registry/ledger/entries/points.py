"""Entries about loyalty points and what backs them: points_scheme, conversion, redemption (§6)."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from registry.ledger.entries.common import (
    AccountId,
    Commit,
    Common,
    Int,
    Name,
    PartyName,
    Positive,
    Text,
)
from registry.ledger.entries.moving import Items

VALIDITY_DAYS_MAX = 36_500


class PointsScheme(Common, frozen=True, kw_only=True, tag="points_scheme"):
    """A scheme of points, each worth `num`/`den` grams, backed by credits in its pool.

    `unbacked_at_start`: points in people's hands from before this log, an old debt that is shown
    and can only fall. `used`: what becomes of spent points; `expired`: who gets what backed
    expired ones.
    """

    scheme: Name
    operator: PartyName
    title: Text
    unit: Annotated[str, Meta(min_length=1, max_length=40)]
    num: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    den: Annotated[int, Meta(ge=1, le=1_000_000)]
    validity_days: Annotated[int, Meta(ge=1, le=VALIDITY_DAYS_MAX)]
    classes: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=64)]
    unbacked_at_start: Positive | UnsetType = UNSET
    used: Literal["to_credits", "retire"]
    expired: Literal["retire", "authority"]


class Swap(Common, frozen=True, kw_only=True, tag="swap"):
    """Points of one scheme become points of another: grams burned = grams made."""

    scheme: Name
    points: Positive
    to_scheme: Name
    to_points: Positive
    commit: Commit | UnsetType = UNSET


class Expiry(Common, frozen=True, kw_only=True, tag="expiry"):
    """Takes points past their validity out of people's hands.

    `lot`: the index of the conversion that made them; `account`: the authority's, where what
    backed them goes to it.
    """

    scheme: Name
    lot: Int
    points: Positive
    account: AccountId | UnsetType = UNSET


class Conversion(Common, frozen=True, kw_only=True, tag="conversion"):
    """Credits into points (`items` of `account`), or gathered points back into credits.

    `cover`: credits into the pool that back old points, of which none are made.
    """

    scheme: Name
    direction: Literal["to_points", "to_credits", "cover"]
    account: AccountId
    items: Items | UnsetType = UNSET
    points: Positive | UnsetType = UNSET
    commit: Commit | UnsetType = UNSET
    mandate: Positive | UnsetType = UNSET


class Redemption(Common, frozen=True, kw_only=True, tag="redemption"):
    """People spent points: from *in hands* to *gathered*, or burned and retired."""

    scheme: Name
    points: Positive
    commit: Commit
