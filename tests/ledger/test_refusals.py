"""Refusals as tables: a line per case, the expected name last.

A case begins from the founded region, does what it needs first (`after`), and submits one entry.
The order in which rules are tried is shown by cases that break two of them at once. Refusals that
need a longer story stand in the other tests here; `test_reached` measures that none is left out.
"""

from __future__ import annotations

from typing import Any

import pytest

from registry.ledger.refusals import CATALOGUE, Refusal
from tests.ledger.world import (
    ANNA,
    BATCH,
    DAY_MS,
    FARM,
    LISTED,
    MALL,
    ORIGIN,
    RULES,
    SHA,
    START_MS,
    STEEL,
    World,
    account_of,
    batch_fields,
    genesis_fields,
    issuance_fields,
    key_of,
    order_fields,
    project_fields,
)

T = 1_000_000
BIG = 2**53 - 1
OPERATOR, AUTHORITY, CENTRE, VERIFIER = "operator.gd", "authority.gd", "centre.gd", "verifier.gd"
EXCHANGE, OWNER, FIRM, MALL_OP = "exchange.gd", "owner.farm", "firm.steel", "points.mall"
BOTH = (OPERATOR, AUTHORITY)
ISSUERS = (CENTRE, VERIFIER)
Case = tuple[str, tuple[Any, ...], dict[str, Any], str]


def one(quantity_g: int = T, batch: str = BATCH) -> list[dict[str, Any]]:
    return [{"batch": batch, "quantity_g": quantity_g}]


def serials(first: int, last: int, batch: str = BATCH) -> list[dict[str, Any]]:
    return [{"batch": batch, "first": first, "last": last}]


def move(**changed: Any) -> dict[str, Any]:
    return {"from_": FARM, "to": STEEL, "reason": "internal", "items": one()} | changed


def retire(**changed: Any) -> dict[str, Any]:
    fields = {"account": FARM, "items": serials(1, 1), "purpose": "voluntary"}
    return fields | {"beneficiary": {"commit": SHA}} | changed


def party(name: str = "new.org", **changed: Any) -> dict[str, Any]:
    keys = [{"key": key_of(name).vkey}]
    return {"party": name, "title": "New", "roles": ["owner"], "keys": keys} | changed


def account(name: str = "new", **changed: Any) -> dict[str, Any]:
    fields = {"account": account_of(name), "type": "institution", "owner": OWNER}
    return fields | {"accept": "any", "need": 1} | changed


def rulebook(**changed: Any) -> dict[str, Any]:
    source = {"title": "Rules", "sha256": SHA}
    effective = {"effective_from_ms": START_MS + DAY_MS}
    return {"version": 2, "values": RULES, "source": source} | effective | changed


def method(**changed: Any) -> dict[str, Any]:
    fields = {"methodology": "forest-2", "version": "1", "title": "M", "class": "forest"}
    return fields | {"doc_sha256": SHA, "from": "2015-01-01"} | changed


def scheme(**changed: Any) -> dict[str, Any]:
    fields = {"scheme": "green", "operator": MALL_OP, "title": "G", "unit": "coin", "num": 100}
    more = {"den": 1, "validity_days": 365, "classes": ["forest"]}
    return fields | more | {"used": "to_credits", "expired": "retire"} | changed


def convert(**changed: Any) -> dict[str, Any]:
    return {
        "scheme": "green",
        "direction": "to_points",
        "account": FARM,
        "items": one(),
    } | changed


def back(points: int = 10_000, **changed: Any) -> dict[str, Any]:
    return {
        "scheme": "green",
        "direction": "to_credits",
        "account": MALL,
        "points": points,
    } | changed


def spend(points: int, total: int | None = None) -> dict[str, Any]:
    commit = {"root": SHA, "count": 1, "total": total or points}
    return {"scheme": "green", "points": points, "commit": commit}


def opening(**changed: Any) -> dict[str, Any]:
    source = {"registry": "E", "file_sha256": [SHA], "row_sha256": [SHA], "serial_text": []}
    return {
        "batch": "CN-GD-PHCER-2017-000003",
        "count": 10,
        "unit_g": T,
        "vintage": 2017,
        "parts": [{"first": 1, "last": 10, "status": "free", "account": FARM}],
        "source": source | {"dates": [], "serials_assigned": True},
    } | changed


def mandate(**changed: Any) -> dict[str, Any]:
    fields = {"agent": EXCHANGE, "accounts": [FARM], "kinds": ["transfer"]}
    return fields | {"until_ms": START_MS + DAY_MS} | changed


def event(**changed: Any) -> dict[str, Any]:
    fields = {"event": "games", "organiser": "games.org", "title": "G", "from": "2025-08-07"}
    return (
        fields
        | {
            "to": "2025-08-17",
            "declared_g": 10 * T,
            "report_sha256": SHA,
            "status": "plan",
        }
        | changed
    )


def obligation(**changed: Any) -> dict[str, Any]:
    fields = {"obligated": FIRM, "year": 2025, "amount_g": 100 * T, "rulebook_version": 1}
    return fields | changed


def trade(number: str = "T-1", **changed: Any) -> dict[str, Any]:
    venue = {"venue": EXCHANGE, "trade_id": number} | changed
    return move(reason="trade", trade=venue)


CASES: list[Case] = [
    # kind, signed by, fields, refusal
    ("genesis", BOTH, genesis_fields(), "log_already_open"),
    ("transfer", (OWNER,), move(log_="other.invalid/log/00000000"), "wrong_origin"),
    ("transfer", (OWNER,), move(not_after=START_MS), "expired"),
    ("transfer", (OWNER,), move(not_after=START_MS + 40 * DAY_MS), "not_after_too_far"),
    ("transfer", (OWNER,), move(not_after=START_MS, to=FARM), "expired"),
    ("opening", BOTH, opening(unit_g=10**9, count=BIG), "amount_too_large"),
    ("transfer", (OWNER,), move(to=ANNA, memo="for Anna"), "memo_with_personal_account"),
    ("methodology", (CENTRE, AUTHORITY), method(**{"from": "2015-02-30"}), "no_such_date"),
    ("methodology", (CENTRE, AUTHORITY), method(to="2014-12-31"), "dates_reversed"),
    ("issuance", ISSUERS, issuance_fields(project=None), "fields_exclude"),
    ("party", (*BOTH, "new.org"), party(roles=["owner", "owner"]), "listed_twice"),
    ("mandate", (OWNER,), mandate(accounts=[FARM, FARM]), "listed_twice"),
    ("rulebook", BOTH, rulebook(ruleset=9_999), "ruleset_unknown"),
    ("transfer", (key_of(OWNER, 5),), move(), "unknown_signer"),
    ("transfer", (key_of("nobody.org"), OWNER), move(), "unknown_signer"),
    ("rulebook", (OPERATOR,), rulebook(), "role_missing"),
    ("party", (OPERATOR, "new.org"), party(roles=["court"]), "role_missing"),
    ("party", (AUTHORITY, "new.org"), party(), "role_missing"),
    ("order", (EXCHANGE,), order_fields(), "role_missing"),
    ("order", (EXCHANGE,), order_fields(origin="signed"), "role_missing"),
    ("transfer", (FIRM,), move(), "owner_missing"),
    ("transfer", (OWNER,), move(to=MALL), "receiver_missing"),
    ("transfer", (FIRM,), move(from_=STEEL, to=LISTED), "receiver_missing"),
    ("account", (OPERATOR,), account(), "party_missing"),
    ("issuance", (CENTRE,), issuance_fields(), "role_missing"),
    ("party", BOTH, party(), "possession_not_proved"),
    ("party", (*BOTH, OWNER, key_of(OWNER, 1)), party(OWNER, keys=[{"key": key_of(OWNER, 1).vkey}]), "party_exists"),
    ("account", (OPERATOR, OWNER), account(owner="no.org"), "unknown_party"),
    ("key", (OWNER,), {"holder": "no.org", "action": "revoke", "key": key_of(OWNER).vkey}, "unknown_party"),
    ("key", (OWNER, key_of("other.org")), {"holder": OWNER, "action": "add", "key": key_of("other.org").vkey}, "bad_key"),
    ("key", (OWNER,), {"holder": OWNER, "action": "revoke", "key": key_of(OWNER, 3).vkey}, "key_unknown"),
    ("key", BOTH, {"holder": OWNER, "action": "complete", "key": key_of(OWNER, 3).vkey}, "no_recovery"),
    ("party", (*BOTH, "new.org"), party(keys=[{"key": key_of("new.org").vkey, "from_ms": 9, "until_ms": 9}]), "key_dates"),
    ("account", (OPERATOR, FIRM), account("farm", owner=FIRM), "account_exists"),
    ("transfer", (OWNER,), move(to=account_of("nobody")), "unknown_account"),
    ("account", (OPERATOR, OWNER), account(owner=None), "account_form"),
    ("account", (OPERATOR,), account(type="personal"), "account_form"),
    ("account", (OPERATOR, key_of(account_of("new"))), account(type="personal", owner=None, need=2, keys=[{"key": key_of(account_of("new")).vkey}]), "too_few_keys"),
    ("rulebook", BOTH, rulebook(version=3), "rulebook_version"),
    ("rulebook", BOTH, rulebook(effective_from_ms=START_MS), "rulebook_retroactive"),
    ("rulebook", BOTH, rulebook(values=RULES | {"no_such": 1}), "rulebook_value_unknown"),
    ("rulebook", BOTH, rulebook(values={"programs": ["PHCER"]}), "rulebook_value_missing"),
    ("rulebook", BOTH, rulebook(values=RULES | {"programs": 1}), "rulebook_value_type"),
    ("rulebook", BOTH, rulebook(values=RULES | {"offset_cap_den": 0}), "rulebook_value_type"),
    ("methodology", (CENTRE, AUTHORITY), method(methodology="forest-1"), "methodology_exists"),
    ("project", (OWNER, CENTRE, AUTHORITY), project_fields("p", methodology="none"), "unknown_methodology"),
    ("project", (OWNER, CENTRE, AUTHORITY), project_fields(), "project_exists"),
    ("project", (OWNER, CENTRE, AUTHORITY), project_fields("p", owner="no.org"), "unknown_party"),
    ("issuance", ISSUERS, issuance_fields(project="none"), "unknown_project"),
    ("project", (OWNER, CENTRE, AUTHORITY), project_fields("p", claims=["plot farm"]), "claim_taken"),
    ("project", (OWNER, CENTRE, AUTHORITY), project_fields("p", not_in_ets=False), "inside_other_market"),
    ("issuance", ISSUERS, issuance_fields(part="no"), "unknown_part"),
    ("issuance", ISSUERS, issuance_fields(**{"from": "2014-01-01"}), "outside_crediting"),
    ("issuance", ISSUERS, issuance_fields(), "period_taken"),
    ("issuance", ISSUERS, issuance_fields(**{"from": "2018-12-31", "to": "2019-12-31"}), "period_taken"),
    ("issuance", ISSUERS, issuance_fields(**{"from": "2019-01-01", "to": "2033-12-31"}), "period_not_over"),
    ("issuance", ISSUERS, issuance_fields(**{"from": "2019-01-01", "to": "2019-12-31"}), "vintage_outside"),
    ("opening", BOTH, opening(batch=BATCH, vintage=2018), "batch_exists"),
    ("opening", BOTH, opening(batch="CN-GD-OTHER-2017-000003"), "batch_name"),
    ("opening", BOTH, opening(vintage=2016), "batch_name"),
    ("opening", BOTH, opening(parts=[{"first": 1, "last": 9, "status": "retired"}]), "parts_do_not_tile"),
    ("opening", BOTH, opening(parts=[{"first": 2, "last": 10, "status": "retired"}]), "parts_do_not_tile"),
    ("opening", BOTH, opening(parts=[{"first": 1, "last": 10, "status": "free"}]), "part_account"),
    ("opening", BOTH, opening(parts=[{"first": 1, "last": 10, "status": "retired", "account": FARM}]), "part_account"),
    ("transfer", (OWNER,), move(items=one(batch="CN-GD-PHCER-2018-999999")), "unknown_batch"),
    ("transfer", (OWNER,), move(items=one(T + 1)), "not_whole_serials"),
    ("transfer", (OWNER,), move(items=one(41_560 * T)), "insufficient"),
    ("transfer", (OWNER,), move(items=serials(41_559, 41_560)), "serials_not_free"),
    ("retirement", (FIRM,), retire(account=STEEL), "serials_not_free"),
    ("retirement", (OWNER,), retire(items=serials(1, 2) + serials(2, 3)), "serials_not_free"),
    ("transfer", (OWNER,), move(to=FARM), "same_account"),
    ("transfer", (OWNER,), move(reason="trade"), "trade_field"),
    ("transfer", (OWNER,), trade() | {"reason": "internal"}, "trade_field"),
    ("transfer", (OWNER,), trade(), "party_missing"),
    ("transfer", (OWNER, FIRM), trade(venue=FIRM), "role_missing"),
    ("transfer", (EXCHANGE,), move(mandate=1), "unknown_mandate"),
    ("mandate", (OWNER,), mandate(until_ms=START_MS), "mandate_ended"),
    ("mandate", (OWNER, FIRM), mandate(accounts=[FARM, STEEL]), "accounts_of_several_owners"),
    ("mandate", (OWNER,), mandate(replaces=1, until_ms=0), "unknown_mandate"),
    ("transfer", (OWNER,), move(items=[{"batch": BATCH, "first": 1}]), "serials_form"),
    ("transfer", (OWNER,), move(items=[{"batch": BATCH}]), "serials_form"),
    ("transfer", (OWNER,), move(items=serials(5, 4)), "serials_form"),
    ("conversion", (OWNER, MALL_OP), convert(), "unknown_scheme"),
    ("order", (EXCHANGE, AUTHORITY), order_fields(obligors=[{}]), "obligor_form"),
    ("order", (EXCHANGE, AUTHORITY), order_fields(obligors=[{"commit": SHA, "share_g": T}]), "shares_do_not_add_up"),
    ("retirement", (OWNER,), retire(purpose="event", ref="none"), "unknown_event"),
    ("retirement", (OWNER,), retire(purpose="remediation", ref="none"), "unknown_order"),
    ("retirement", (OWNER,), retire(purpose="offset", ref="firm.steel/2025"), "unknown_obligation"),
    ("obligation", (AUTHORITY,), obligation(rulebook_version=7), "unknown_rulebook"),
    ("retirement", (OWNER,), retire(purpose="event"), "ref_field"),
    ("retirement", (OWNER,), retire(ref="order-1"), "ref_field"),
    ("retirement", (OWNER,), retire(obligor=0), "obligor_field"),
    ("retirement", (OWNER,), retire(beneficiary={}), "beneficiary_form"),
    ("retirement", (OWNER,), retire(beneficiary={"commit": SHA, "party": FIRM}), "beneficiary_form"),
]  # fmt: skip

Before = list[tuple[str, tuple[Any, ...], dict[str, Any]]]
ORDER: Before = [("order", (EXCHANGE, AUTHORITY), order_fields())]
SCHEME: Before = [("points_scheme", (MALL_OP, AUTHORITY), scheme())]
POINTS: Before = [*SCHEME, ("conversion", (OWNER, MALL_OP), convert())]
DUTY: Before = [("obligation", (AUTHORITY,), obligation())]
AT = World().index  # of the first entry after the founding
MANDATE: Before = [("mandate", (OWNER,), mandate())]
ENDED = ("mandate", (OWNER,), mandate(replaces=AT, until_ms=0))
RECOVER = {"holder": OWNER, "action": "recover", "key": key_of(OWNER, 2).vkey}
AFTER: list[tuple[Before, Case]] = [
    ([("transfer", (OWNER, EXCHANGE), trade())], ("transfer", (OWNER, EXCHANGE), trade(), "trade_exists")),
    ([("key", (*BOTH, key_of(OWNER, 2)), RECOVER)], ("key", (*BOTH, key_of(OWNER, 2)), RECOVER, "recovery_pending")),
    ([("key", (*BOTH, key_of(OWNER, 2)), RECOVER)], ("key", BOTH, RECOVER | {"action": "complete"}, "recovery_too_early")),
    ([("key", (OWNER, key_of(OWNER, 1)), {"holder": OWNER, "action": "add", "key": key_of(OWNER, 1).vkey})], ("key", (OWNER, key_of(OWNER, 1)), {"holder": OWNER, "action": "add", "key": key_of(OWNER, 1).vkey}, "key_taken")),
    (MANDATE, ("mandate", (FIRM,), mandate(replaces=AT, accounts=[STEEL]), "accounts_of_several_owners")),
    (MANDATE, ("mandate", (EXCHANGE,), mandate(replaces=AT), "owner_missing")),
    ([*MANDATE, ENDED], ("transfer", (EXCHANGE,), move(mandate=AT), "mandate_ended")),
    ([*MANDATE, ENDED], ("transfer", (EXCHANGE,), move(mandate=AT + 1), "mandate_ended")),
    ([*MANDATE, ENDED], ("mandate", (OWNER,), mandate(replaces=AT), "mandate_ended")),
    (SCHEME, ("points_scheme", (MALL_OP, AUTHORITY), scheme(), "scheme_exists")),
    ([("points_scheme", (MALL_OP, AUTHORITY), scheme(classes=["transit"]))], ("conversion", (OWNER, MALL_OP), convert(), "class_not_in_scheme")),
    ([("points_scheme", (MALL_OP, AUTHORITY), scheme(num=10**9))], ("conversion", (OWNER, MALL_OP), convert(), "too_little_for_a_point")),
    (SCHEME, ("conversion", (OWNER, MALL_OP), convert(points=5), "fields_exclude")),
    (POINTS, ("redemption", (MALL_OP, "platform.bus"), spend(10_001), "points_not_in_hands")),
    (POINTS, ("redemption", (MALL_OP,), spend(1), "role_missing")),
    (POINTS, ("redemption", (MALL_OP, "platform.bus"), spend(5, 6), "commit_total")),
    (POINTS, ("conversion", (MALL_OP,), back(), "points_not_gathered")),
    ([*POINTS, ("redemption", (MALL_OP, "platform.bus"), spend(9_999))], ("conversion", (MALL_OP,), back(9_999), "points_not_whole_serials")),
    ([("points_scheme", (MALL_OP, AUTHORITY), scheme(used="retire"))], ("conversion", (MALL_OP,), back(), "scheme_retires")),
    (POINTS, ("conversion", (MALL_OP,), back(account=FARM), "account_not_operators")),
    (ORDER, ("order", (EXCHANGE, AUTHORITY), order_fields(), "order_exists")),
    ([("order", (EXCHANGE, AUTHORITY), order_fields(effective_ms=START_MS + DAY_MS))], ("retirement", (OWNER,), retire(purpose="remediation", ref="order-1"), "order_not_effective")),
    (ORDER, ("retirement", (OWNER,), retire(purpose="remediation", ref="order-1", items=serials(1, 31)), "order_over_fulfilled")),
    (ORDER, ("retirement", (OWNER,), retire(purpose="remediation", ref="order-1", obligor=0), "obligor_field")),
    ([("order", (EXCHANGE, AUTHORITY), order_fields(allowed={"vintages": [2020]}))], ("retirement", (OWNER,), retire(purpose="remediation", ref="order-1"), "not_allowed_by_order")),
    ([("event", ("games.org",), event(status="final"))], ("event", ("games.org",), event(), "event_final")),
    ([("party", (*BOTH, "more.org"), party("more.org", roles=["organiser"])), ("event", ("games.org",), event())], ("event", ("more.org",), event(organiser="more.org"), "event_differs")),
    (DUTY, ("obligation", (AUTHORITY,), obligation(), "obligation_exists")),
    (DUTY, ("retirement", (OWNER,), retire(purpose="offset", ref="firm.steel/2025"), "not_obligated_account")),
    ([*DUTY, ("transfer", (OWNER,), move(items=one(9 * T)))], ("retirement", (FIRM,), retire(account=STEEL, purpose="offset", ref="firm.steel/2025", items=serials(1, 6)), "over_cap")),
    ([("rulebook", BOTH, rulebook(effective_from_ms=START_MS + 10**6, values=RULES | {"offset_vintage_first": 2019})), ("obligation", (AUTHORITY,), obligation(rulebook_version=2)), ("transfer", (OWNER,), move())], ("retirement", (FIRM,), retire(account=STEEL, purpose="offset", ref="firm.steel/2025"), "vintage_not_allowed")),
    ([("methodology", (CENTRE, AUTHORITY), method(methodology="old", to="2016-12-31"))], ("project", (OWNER, CENTRE, AUTHORITY), project_fields("p", methodology="old"), "methodology_not_valid")),
    ([], ("issuance", ISSUERS, issuance_fields(**{"from": "2019-01-01", "to": "2019-12-31", "batches": [batch_fields("CN-GD-PHCER-2019-000007") | {"class": "transit"}]}), "class_not_of_methodology")),
    ([], ("issuance", ISSUERS, issuance_fields(**{"from": "2019-01-01", "to": "2019-12-31", "batches": [batch_fields("CN-GD-PHCER-2019-000007", 50_000)]}), "quantity_not_verified")),
    ([], ("issuance", ISSUERS, issuance_fields(**{"from": "2019-01-01", "to": "2019-12-31", "batches": [batch_fields("CN-GD-PHCER-2019-000007", 5)]}), "remainder_too_large")),
    ([], ("issuance", ISSUERS, issuance_fields(**{"from": "2019-01-01", "to": "2019-12-31", "acts": {"root": SHA, "count": 1, "total": 1}, "batches": [batch_fields("CN-GD-PHCER-2019-000007")]}), "acts_of_project")),
    ([("project", (CENTRE, EXCHANGE), project_fields("bus", type="scenario"))], ("issuance", (CENTRE, EXCHANGE), issuance_fields(project="bus", acts={"root": SHA, "count": 1, "total": 1}), "acts_do_not_match")),
    ([("rulebook", BOTH, rulebook(effective_from_ms=START_MS + 10**5, values=RULES | {"voluntary_classes": ["transit"]}))], ("retirement", (OWNER,), retire(), "class_not_for_purpose")),
]  # fmt: skip


def after(*steps: Case | tuple[str, tuple[Any, ...], dict[str, Any]]) -> World:
    world = World()
    for kind, by, fields, *_ in steps:
        world.accept(kind, *by, **fields)
        world.time_ms += 100_000
    return world


def test_two_ways_of_revoking_and_of_using_a_mandate_beyond_its_scope() -> None:
    world = after(("mandate", (OWNER,), mandate()))
    at = world.index - 1
    assert (
        world.submit("transfer", EXCHANGE, **move(mandate=at, from_=STEEL, to=FARM))
        == "mandate_scope"
    )
    assert world.submit("retirement", EXCHANGE, **retire(mandate=at)) == "mandate_scope"
    assert world.submit("transfer", FIRM, **move(mandate=at)) == "party_missing"
    limited = mandate(limits={"per_entry_g": T})
    world.accept("mandate", OWNER, **limited)
    over = move(mandate=world.index - 1, items=one(2 * T))
    assert world.submit("transfer", EXCHANGE, **over) == "mandate_limit"
    world.accept(
        "key", OWNER, key_of(OWNER, 1), holder=OWNER, action="add", key=key_of(OWNER, 1).vkey
    )
    revoke = {"holder": OWNER, "action": "revoke", "key": key_of(OWNER, 1).vkey}
    world.accept("key", OWNER, **revoke)
    assert world.submit("key", OWNER, **revoke) == "key_already_revoked"
    assert world.submit("transfer", key_of(OWNER, 1), **move()) == "key_not_in_force"


def test_a_mandate_takes_the_place_of_another_at_once() -> None:
    world = after(*MANDATE)
    world.accept("transfer", EXCHANGE, **move(mandate=AT))
    other = mandate(agent="bank.city", replaces=AT, limits={"total_g": T})
    world.accept("mandate", OWNER, **other)
    assert world.submit("transfer", EXCHANGE, **move(mandate=AT)) == "mandate_ended"
    assert world.submit("transfer", "bank.city", **move(mandate=AT + 2)) == ""
    assert world.submit("transfer", "bank.city", **move(mandate=AT + 2)) == "mandate_limit"


def test_before_genesis_and_before_a_rulebook() -> None:
    world = World(founded=False)
    assert world.submit("transfer", OWNER, **move()) == "log_not_open"
    world.accept("genesis", *BOTH, **genesis_fields())
    world.accept("party", *BOTH, OWNER, **party(OWNER))
    assert world.submit("project", OWNER, **project_fields()) == "no_rulebook"


@pytest.mark.parametrize("origin", ["test.invalid/log", "Test.invalid/log/0123abcd", "x/0123abcd/"])
def test_an_origin_is_a_name_that_ends_in_8_hex_digits(origin: str) -> None:
    world = World(founded=False)
    assert world.submit("genesis", *BOTH, **genesis_fields(), log_=origin) == "bad_origin"


def test_a_signature_by_another_key_is_bad() -> None:
    world = World()
    good = world.note("transfer", OWNER, **move())
    other = world.note("transfer", OWNER, **move(items=one(2 * T)))
    mixed = good[: good.index(b"\n\n")] + other[other.index(b"\n\n") :]
    assert world.put(mixed) == "bad_signature"
    assert world.put(good) == ""


def test_an_issuance_by_one_organisation_that_fills_both_roles_is_too_few() -> None:
    world = World()
    both = party("both.org", roles=["centre", "verifier"])
    world.accept("party", *BOTH, "both.org", **both)
    year = {"from": "2019-01-01", "to": "2019-12-31"}
    made = issuance_fields(**year, batches=[batch_fields("CN-GD-PHCER-2019-000007")])
    assert world.submit("issuance", "both.org", **made) == "too_few_organisations"
    assert world.submit("issuance", "both.org", CENTRE, **made) == ""


def test_fragments_are_bounded() -> None:
    world = World()
    # Every second serial to the firm, until neither can be moved at one go.
    for start in range(1, 1_200, 256):
        items = [item for n in range(start, start + 256) for item in serials(2 * n, 2 * n)]
        world.accept("transfer", OWNER, **move(items=items))
    assert (
        world.submit("transfer", FIRM, **move(from_=STEEL, to=FARM, items=one(257 * T)))
        == "too_fragmented"
    )
    assert world.submit("transfer", FIRM, **move(from_=STEEL, to=FARM, items=one(256 * T))) == ""
    refused = ""
    for start in range(1_300, 6_000, 256):
        items = [item for n in range(start, start + 256) for item in serials(2 * n, 2 * n)]
        if refused := world.submit("transfer", OWNER, **move(items=items)):
            break
    assert refused == "holding_too_fragmented"


@pytest.mark.parametrize(
    ("kind", "by", "fields", "expected"), CASES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_from_the_founded_region(
    kind: str, by: tuple[Any, ...], fields: dict[str, Any], expected: str
) -> None:
    assert World().submit(kind, *by, **fields) == expected


@pytest.mark.parametrize(
    ("before", "case"), AFTER, ids=lambda v: v[3] if isinstance(v, tuple) else ""
)
def test_after_more_has_happened(before: Before, case: Case) -> None:
    kind, by, fields, expected = case
    assert after(*before).submit(kind, *by, **fields) == expected


def test_numbers_are_unique_and_in_their_family() -> None:
    numbers = [reason.number for reason in CATALOGUE.values()]
    assert numbers == sorted(set(numbers))
    assert Refusal("expired", {"not_after": 1, "time_ms": 2}).number == 104
    assert ORIGIN not in Refusal("same_account", {}).message("zh")
