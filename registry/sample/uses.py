"""Entries of the sample about final use, and about coins.

Refuses to know: where the credits came from.
"""

from typing import Literal

from registry.ledger import entries as e
from registry.ledger.dates import DAY_MS
from registry.ledger.entries.moving import Item
from registry.ledger.entries.use import Allowed, Beneficiary, Obligor
from registry.ledger.people import obligor_commit
from registry.ledger.quantities import GRAMS_PER_TONNE as TONNE
from registry.ledger.quantities import points_for
from registry.sample import crowd
from registry.sample.cast import DEFENDANT, NO_EFFECT, party
from registry.sample.plot import (
    COIN,
    DONATION_T,
    EVENT,
    EVENT_T,
    FOREST,
    OBLIGATION_T,
    OFFSET_T,
    ORDER,
    ORDER_T,
    PROGRAM,
    SAMPLE,
    defendant,
    forest_batch,
    rides_batch,
    turned_back_g,
)
from registry.sample.script import CommonFields, Scene


def order(s: Scene, common: CommonFields) -> e.Common:
    return e.Order(
        **common,
        order=ORDER,
        issuer=f"{SAMPLE} 虚构县人民法院 fictitious county court ({NO_EFFECT})",
        origin="recorded",
        instrument_type="judgment",
        number=f"{SAMPLE}（{s.cast.year + 1}）虚构刑初0号",
        instrument_sha256=s.cast.sha256_of("judgment"),
        date=s.date(-20),
        effective_ms=s.cast.started_ms - 10 * DAY_MS,
        deadline_ms=s.cast.started_ms + 90 * DAY_MS,
        obligors=(Obligor(commit=obligor_commit(*defendant(s.cast))),),
        quantity_g=ORDER_T * TONNE,
        allowed=Allowed(classes=("forest",), programs=(PROGRAM,)),
    )


def remediation(s: Scene, common: CommonFields) -> e.Common:
    account = s.cast.account(DEFENDANT)
    return e.Retirement(
        **common,
        account=account,
        items=s.serials(account, forest_batch(s.cast), ORDER_T),
        purpose="remediation",
        ref=ORDER,
        beneficiary=Beneficiary(commit=obligor_commit(*defendant(s.cast))),
    )


def event(
    tonnes: int, status: Literal["plan", "final"], s: Scene, common: CommonFields
) -> e.Common:
    return e.Event(
        **common,
        event=EVENT,
        organiser=party("organiser"),
        title=f"{SAMPLE} 虚构运动会 fictitious games ({NO_EFFECT})",
        from_=s.date(-9),
        to=s.date(-2),
        declared_g=tonnes * TONNE,
        report_sha256=s.cast.sha256_of(f"report {status}"),
        status=status,
    )


def neutralised(s: Scene, common: CommonFields) -> e.Common:
    account = s.cast.account("organiser")
    return e.Retirement(
        **common,
        account=account,
        items=s.serials(account, forest_batch(s.cast), EVENT_T),
        purpose="event",
        ref=EVENT,
        beneficiary=Beneficiary(event=EVENT),
    )


def obligation(s: Scene, common: CommonFields) -> e.Common:
    return e.Obligation(
        **common,
        obligated=party("firm"),
        year=s.cast.year,
        amount_g=OBLIGATION_T * TONNE,
        rulebook_version=1,
    )


def offset(s: Scene, common: CommonFields) -> e.Common:
    account = s.cast.account("firm")
    return e.Retirement(
        **common,
        account=account,
        items=s.serials(account, forest_batch(s.cast), OFFSET_T),
        purpose="offset",
        ref=f"{party('firm')}/{s.cast.year}",
        beneficiary=Beneficiary(party=party("firm")),
    )


def voluntary(s: Scene, common: CommonFields) -> e.Common:
    account = s.cast.account("trust")
    return e.Retirement(
        **common,
        account=account,
        items=s.serials(account, forest_batch(s.cast), DONATION_T),
        purpose="voluntary",
        beneficiary=Beneficiary(project=FOREST),
    )


def scheme(_: Scene, common: CommonFields) -> e.Common:
    return e.PointsScheme(
        **common,
        scheme=COIN,
        operator=party("mall"),
        title=f"{SAMPLE} 碳币 coin ({NO_EFFECT})",
        unit="样例碳币 SAMPLE coin",
        num=crowd.COIN_G,
        den=1,
        validity_days=3_650,
        classes=("forest", "mobility"),
        used="to_credits",
        expired="authority",
    )


def rides_to_coins(s: Scene, common: CommonFields) -> e.Common:
    return e.Conversion(
        **common,
        scheme=COIN,
        direction="to_points",
        account=s.cast.account("platform"),
        items=(Item(batch=rides_batch(s.cast), quantity_g=crowd.rides_g(s.cast)),),
        commit=crowd.commitment(s.cast, "coins-for-rides"),
    )


def campaign(s: Scene, common: CommonFields) -> e.Common:
    grams = crowd.CAMPAIGN_COINS * crowd.COIN_G
    return e.Conversion(
        **common,
        scheme=COIN,
        direction="to_points",
        account=s.cast.account("mall"),
        items=(Item(batch=forest_batch(s.cast), quantity_g=grams),),
        commit=crowd.commitment(s.cast, "coins-of-campaign"),
    )


def spent(s: Scene, common: CommonFields) -> e.Common:
    commit = crowd.commitment(s.cast, "coins-spent")
    return e.Redemption(**common, scheme=COIN, points=commit.total, commit=commit)


def turned_back(s: Scene, common: CommonFields) -> e.Common:
    return e.Conversion(
        **common,
        scheme=COIN,
        direction="to_credits",
        account=s.cast.account("mall"),
        points=points_for(turned_back_g(s.cast), crowd.COIN_G, 1),
    )
