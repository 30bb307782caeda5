"""What happens in the sample book, entry by entry. 样例 SAMPLE: invented, no legal effect.

Guangdong in small: a forest farm's 41,559 t, issued by two organisations, sold at 23.99 CNY/t in
several trades; an order fulfilled, an event neutralised, an obligation offset; bus rides of people
who are named nowhere, issued in grams; coins made, spent and turned back; a donation.

Refuses to know: how entries are signed and submitted.

    for step in STEPS:
        entry = step.entry(scene)
"""

from functools import partial

from registry.sample import founding, market, uses
from registry.sample.cast import DEFENDANT, PLAYERS
from registry.sample.plot import (
    BUS_METHOD,
    EVENT_PLAN_T,
    EVENT_T,
    FOREST_METHOD,
    FOREST_T,
    MANDATED_T,
    TRADES_T,
)
from registry.sample.script import Step

_TITLES = {**{name: player.zh for name, player in PLAYERS.items()}, DEFENDANT: "义务人"}
_ENGLISH = {**{name: player.en for name, player in PLAYERS.items()}, DEFENDANT: "the obligor"}


def _enrolments() -> tuple[Step, ...]:
    """One party entry each; a role beyond the open ones needs the authority as well."""
    steps = []
    for name, player in list(PLAYERS.items())[2:]:
        public = set(player.roles) & {"centre", "verifier", "exchange", "points_operator"}
        keys = ("operator", "authority", name) if public else ("operator", name)
        build = partial(founding.party_of, name)
        steps.append(
            Step(f"party-{name}", f"登记主体：{player.zh}", f"enrol: {player.en}", keys, build)
        )
    return tuple(steps)


def _accounts() -> tuple[Step, ...]:
    names = [name for name, player in PLAYERS.items() if player.account]
    return tuple(
        Step(
            f"account-{name}",
            f"开立账户：{_TITLES[name]}",
            f"open an account: {_ENGLISH[name]}",
            ("operator", name),
            partial(founding.account, name),
        )
        for name in names
    )


def _trades() -> tuple[Step, ...]:
    return tuple(
        Step(
            f"trade-{buyer}",
            f"交易 {quantity_t:,} 吨，23.99 元/吨：{_TITLES[buyer]}",
            f"trade of {quantity_t:,} t at 23.99 CNY/t: {_ENGLISH[buyer]}",
            ("xinfengjiang", "exchange", buyer),
            partial(market.trade, buyer, quantity_t),
        )
        for buyer, quantity_t in TRADES_T.items()
    )


GENESIS = Step(
    "genesis", "创世", "genesis", ("operator", "operator/2", "authority"), founding.genesis
)
STEPS: tuple[Step, ...] = (
    Step("rulebook", "规则第 1 版", "rulebook 1", ("authority", "operator"), founding.rulebook),
    *_enrolments(),
    *_accounts(),
    Step(
        f"account-{DEFENDANT}",
        "开立个人账户",
        "open a personal account",
        ("operator", DEFENDANT),
        founding.personal_account,
    ),
    Step(
        "methodology-forest",
        "方法学：林业碳汇",
        "methodology: forest",
        ("centre", "authority"),
        partial(market.methodology, FOREST_METHOD, "forest", "林业碳汇 forest carbon"),
    ),
    Step(
        "methodology-bus",
        "方法学：公交出行",
        "methodology: bus rides",
        ("centre", "authority"),
        partial(market.methodology, BUS_METHOD, "mobility", "公交出行 bus rides"),
    ),
    Step(
        "project-forest",
        "登记项目：新丰江林场",
        "register the forest project",
        ("xinfengjiang", "centre"),
        market.forest,
    ),
    Step(
        "issuance-forest",
        f"签发 {FOREST_T:,} 吨（两家机构）",
        f"issue {FOREST_T:,} t, by two organisations",
        ("centre", "verifier"),
        market.forest_issuance,
    ),
    *_trades(),
    Step("mandate", "委托代理出售", "mandate to an agent", ("xinfengjiang",), market.mandate),
    Step(
        "trade-mandated",
        f"受托交易 {MANDATED_T:,} 吨，23.99 元/吨",
        f"trade of {MANDATED_T:,} t at 23.99 CNY/t by the agent",
        ("broker", "exchange", "firm"),
        market.mandated_sale,
    ),
    Step(
        "key-exchange",
        "交易所增加第二把密钥",
        "a second key of the exchange",
        ("exchange", "exchange/2"),
        founding.second_key,
    ),
    Step(
        "order",
        "登记裁决 30 吨（法院虚构）",
        "record an order of 30 t (fictitious court)",
        ("exchange/2", "authority"),
        uses.order,
    ),
    Step("remediation", "注销：履行裁决", "retire for the order", (DEFENDANT,), uses.remediation),
    Step(
        "event-plan",
        f"活动计划 {EVENT_PLAN_T:,} 吨",
        f"event planned with {EVENT_PLAN_T:,} t",
        ("organiser",),
        partial(uses.event, EVENT_PLAN_T, "plan"),
    ),
    Step(
        "event-final",
        f"活动终报 {EVENT_T:,} 吨",
        f"event final with {EVENT_T:,} t",
        ("organiser",),
        partial(uses.event, EVENT_T, "final"),
    ),
    Step(
        "neutralised", "注销：活动碳中和", "retire for the event", ("organiser",), uses.neutralised
    ),
    Step("obligation", "履约义务", "a firm's obligation", ("authority",), uses.obligation),
    Step("offset", "注销：抵销", "retire to offset", ("firm",), uses.offset),
    Step(
        "scenario",
        "登记减排场景：公交",
        "register the scenario: bus rides",
        ("platform", "centre", "exchange"),
        market.bus,
    ),
    Step(
        "issuance-rides",
        "签发公交行为（克）",
        "issue people's bus rides, in grams",
        ("centre", "exchange"),
        market.bus_issuance,
    ),
    Step("scheme", "积分体系", "points scheme", ("mall", "authority"), uses.scheme),
    Step(
        "coins-for-rides",
        "减排量转积分",
        "rides become coins",
        ("platform", "mall"),
        uses.rides_to_coins,
    ),
    Step("coins-of-campaign", "商城发放积分", "coins of a campaign", ("mall",), uses.campaign),
    Step("coins-spent", "积分兑换", "people spend coins", ("mall", "platform"), uses.spent),
    Step("turned-back", "积分转回减排量", "coins turned back", ("mall",), uses.turned_back),
    Step("donation", "捐赠", "a donation", ("firm",), market.donation),
    Step("voluntary", "注销：公益", "retire for public good", ("trust",), uses.voluntary),
)
"""All entries after genesis, in order. The names are stable: receipts are found by them."""
RETIREMENTS = ("remediation", "neutralised", "offset", "voluntary")
"""The steps whose evidence is worth a file."""
