"""Entries of the sample that bring credits into being and move them.

Refuses to know: what they are used for in the end.
"""

from msgspec import UNSET, UnsetType

from registry.ledger import entries as e
from registry.ledger.dates import DAY_MS
from registry.ledger.entries.moving import Item, MandateLimits, Trade
from registry.ledger.entries.supply import NewBatch
from registry.ledger.quantities import GRAMS_PER_TONNE as TONNE
from registry.sample import crowd
from registry.sample.cast import NO_EFFECT, party
from registry.sample.plot import (
    BUS_METHOD,
    DONATION_T,
    FOREST,
    FOREST_METHOD,
    FOREST_T,
    MANDATED_T,
    PRICE_FEN_PER_T,
    SAMPLE,
    SCENE,
    forest_batch,
    rides_batch,
)
from registry.sample.script import CommonFields, Scene


def methodology(name: str, class_: str, title: str, s: Scene, common: CommonFields) -> e.Common:
    return e.Methodology(
        **common,
        methodology=name,
        version="1",
        title=f"{SAMPLE} {title} ({NO_EFFECT})",
        class_=class_,
        doc_sha256=s.cast.sha256_of(name),
        from_=f"{s.cast.year - 5}-01-01",
    )


def forest(s: Scene, common: CommonFields) -> e.Common:
    return e.Project(
        **common,
        project=FOREST,
        type="project",
        title=f"{SAMPLE} 新丰江林场碳汇 forest project ({NO_EFFECT})",
        owner=party("xinfengjiang"),
        methodology=FOREST_METHOD,
        methodology_version="1",
        claims=("sample plot 1 样例林班", "sample plot 2 样例林班"),
        not_in_ets=True,
        not_in_ccer=True,
        crediting_from=f"{s.cast.year - 3}-01-01",
        crediting_to=f"{s.cast.year + 16}-12-31",
    )


def forest_issuance(s: Scene, common: CommonFields) -> e.Common:
    batch = NewBatch(
        batch=forest_batch(s.cast),
        vintage=s.cast.year,
        class_="forest",
        unit_g=TONNE,
        count=FOREST_T,
        account=s.cast.account("xinfengjiang"),
    )
    return e.Issuance(
        **common,
        project=FOREST,
        part="default",
        from_=f"{s.cast.year}-01-01",
        to=f"{s.cast.year}-12-31",
        verified_g=FOREST_T * TONNE + 730_000,
        report_sha256=s.cast.sha256_of("verification report"),
        batches=(batch,),
    )


def bus(s: Scene, common: CommonFields) -> e.Common:
    return e.Project(
        **common,
        project=SCENE,
        type="scenario",
        title=f"{SAMPLE} 公交出行场景 bus rides ({NO_EFFECT})",
        owner=party("platform"),
        methodology=BUS_METHOD,
        methodology_version="1",
        claims=("sample feed 样例公交数据",),
        not_in_ets=True,
        not_in_ccer=True,
        crediting_from=f"{s.cast.year}-01-01",
        crediting_to=f"{s.cast.year + 4}-12-31",
    )


def bus_issuance(s: Scene, common: CommonFields) -> e.Common:
    acts = crowd.commitment(s.cast, "rides")
    grams = acts.total // crowd.MG_PER_G
    batch = NewBatch(
        batch=rides_batch(s.cast),
        vintage=s.cast.year,
        class_="mobility",
        unit_g=1,
        count=grams,
        account=s.cast.account("platform"),
    )
    return e.Issuance(
        **common,
        project=SCENE,
        part="default",
        from_=f"{s.cast.year}-01-01",
        to=f"{s.cast.year}-12-31",
        verified_g=grams,
        report_sha256=s.cast.sha256_of("rides report"),
        batches=(batch,),
        acts=acts,
    )


def trade(buyer: str, quantity_t: int, s: Scene, common: CommonFields) -> e.Common:
    """A sale by the farm at the exchange."""
    return _sale(s, common, buyer, quantity_t, UNSET)


def mandated_sale(s: Scene, common: CommonFields) -> e.Common:
    """A sale by the farm's agent, within its mandate."""
    return _sale(s, common, "firm", MANDATED_T, s.indexes["mandate"])


def _sale(
    s: Scene, common: CommonFields, buyer: str, quantity_t: int, mandate: int | UnsetType
) -> e.Common:
    return e.Transfer(
        **common,
        from_=s.cast.account("xinfengjiang"),
        to=s.cast.account(buyer),
        items=(Item(batch=forest_batch(s.cast), quantity_g=quantity_t * TONNE),),
        reason="trade",
        trade=Trade(
            venue=party("exchange"),
            trade_id=f"SAMPLE-{s.step}",
            price_fen_per_t=PRICE_FEN_PER_T,
        ),
        mandate=mandate,
    )


def mandate(s: Scene, common: CommonFields) -> e.Common:
    return e.Mandate(
        **common,
        agent=party("broker"),
        accounts=(s.cast.account("xinfengjiang"),),
        kinds=("transfer",),
        until_ms=s.now_ms + 365 * DAY_MS,
        limits=MandateLimits(per_entry_g=5_000 * TONNE, total_g=10_000 * TONNE),
    )


def donation(s: Scene, common: CommonFields) -> e.Common:
    return e.Transfer(
        **common,
        from_=s.cast.account("firm"),
        to=s.cast.account("trust"),
        items=(Item(batch=forest_batch(s.cast), quantity_g=DONATION_T * TONNE),),
        reason="donation",
    )
