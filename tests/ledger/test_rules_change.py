"""Rules that change: of accounts, projects, methodologies; events with attested offsets."""

from __future__ import annotations

from typing import Any

import pytest

from registry.ledger.invariants import violations
from tests.ledger.world import (
    BATCH,
    BUS,
    DAY_MS,
    FARM,
    MALL,
    RULES,
    SHA,
    START_MS,
    STEEL,
    World,
    account_of,
    batch_fields,
    issuance_fields,
    key_of,
    order_fields,
    project_fields,
)

T = 1_000_000
PAIR = account_of("pair")
OWNER, CENTRE, VERIFIER, AUTHORITY = "owner.farm", "centre.gd", "verifier.gd", "authority.gd"


def rules_of(**changed: Any) -> dict[str, Any]:
    fields = {"account": FARM, "type": "institution", "owner": OWNER, "accept": "any", "need": 1}
    return fields | changed


def move(world: World, tonnes: int, to: str = STEEL, *by: Any) -> str:
    items = [{"batch": BATCH, "quantity_g": tonnes * T}]
    fields = {"from_": FARM, "to": to, "reason": "internal", "items": items}
    return world.submit("transfer", *(by or (OWNER,)), **fields)


def test_limits_per_transfer_and_per_civil_day() -> None:
    world = World()
    limits = {"per_transfer_g": 10 * T, "per_day_g": 15 * T}
    assert world.submit("account", "firm.steel", **rules_of(limits=limits)) == "owner_missing"
    world.accept("account", OWNER, **rules_of(limits=limits))
    assert move(world, 11) == "account_limit"
    assert move(world, 10) == ""
    assert move(world, 6) == "account_limit"
    assert move(world, 5) == ""
    # The civil day turns at 00:00 of the region, 16:00 UTC.
    midnight = (START_MS // DAY_MS) * DAY_MS + 16 * 3_600_000
    world.time_ms = midnight - 1 if world.time_ms < midnight - 1 else midnight + DAY_MS - 1
    before = world.time_ms
    assert move(world, 1) == "account_limit" or before > midnight
    world.time_ms = before + 1
    assert move(world, 10) == ""


def test_a_newly_listed_receiver_is_usable_after_the_delay() -> None:
    world = World()
    world.accept(
        "rulebook",
        "operator.gd",
        AUTHORITY,
        version=2,
        effective_from_ms=world.time_ms,
        values=RULES | {"receiver_delay_ms": DAY_MS},
        source={"title": "R", "sha256": SHA},
    )
    world.accept("account", OWNER, **rules_of(receivers=[STEEL]))
    assert move(world, 1, BUS) == "receiver_not_listed"
    assert move(world, 1) == "receiver_too_new"
    world.time_ms += DAY_MS
    assert move(world, 1) == ""
    world.accept("account", OWNER, **rules_of(receivers=[STEEL, BUS]))
    assert move(world, 1) == ""
    assert move(world, 1, BUS) == "receiver_too_new"
    # Whoever has stolen the key cannot lift the list, and the delay with it, by leaving it out.
    world.accept("account", OWNER, **rules_of())
    assert move(world, 1, BUS) == "receiver_too_new"
    assert move(world, 1, MALL, OWNER, "points.mall") == "receiver_not_listed"


def test_a_project_that_is_there_is_no_new_project() -> None:
    world = World()
    world.accept("project", CENTRE, AUTHORITY, **project_fields(status="suspended"))
    issue = issuance_fields(to="2019-12-31", batches=[batch_fields("CN-GD-PHCER-2019-000008")])
    issue |= {"from": "2019-01-01", "project": None, "new_project": project_fields(status="live")}
    by = (CENTRE, VERIFIER, AUTHORITY, OWNER)
    assert world.submit("issuance", *by, **issue) == "project_exists"
    assert world.value("project/farm")["fields"]["status"] == "suspended"


def test_a_monitoring_period_is_over_when_its_last_day_is() -> None:
    world = World()
    issue = issuance_fields(batches=[batch_fields("CN-GD-PHCER-2025-000008")])
    issue |= {"from": "2025-01-01", "to": "2025-10-09"}  # the record date, by START_MS
    assert world.submit("issuance", CENTRE, VERIFIER, **issue) == "period_not_over"
    world.time_ms += DAY_MS
    assert world.submit("issuance", CENTRE, VERIFIER, **issue) == ""


def test_two_representatives_sign_where_two_are_needed() -> None:
    world = World()
    second = key_of(OWNER, 1)
    world.accept("key", OWNER, second, holder=OWNER, action="add", key=second.vkey)
    world.accept("account", OWNER, **rules_of(need=2))
    assert move(world, 1) == "owner_missing"
    assert move(world, 1, STEEL, OWNER, second) == ""
    third = key_of(OWNER, 2)
    add = {"holder": OWNER, "action": "add", "key": third.vkey}
    assert world.submit("key", third, **add) == "party_missing"
    assert world.submit("key", OWNER, third, **add) == "owner_missing"
    world.accept("key", OWNER, second, third, **add)
    # One alone may end a key that is lost, his own or the other's: nobody gains by it.
    revoke = {"holder": OWNER, "action": "revoke", "key": third.vkey}
    world.accept("key", OWNER, **revoke)
    assert world.submit("account", OWNER, **rules_of(need=1)) == "owner_missing"
    assert world.submit("account", OWNER, second, **rules_of(need=1)) == ""
    other = rules_of(owner="firm.steel")
    assert world.submit("account", OWNER, **other) == "account_exists"


def test_a_suspended_project_issues_nothing_and_a_closed_one_stays_closed() -> None:
    world = World()
    issue = issuance_fields(to="2019-12-31", batches=[batch_fields("CN-GD-PHCER-2019-000008")])
    issue["from"] = "2019-01-01"

    def status(word: str, *by: str) -> str:
        fields = project_fields(status=word)
        return world.submit("project", *(by or (CENTRE, AUTHORITY)), **fields)

    assert status("suspended", OWNER, CENTRE) == "role_missing"
    assert status("live") == "project_exists"
    assert status("suspended") == ""
    assert world.submit("issuance", CENTRE, VERIFIER, **issue) == "project_not_live"
    assert status("live") == ""
    assert world.submit("issuance", CENTRE, VERIFIER, **issue) == ""
    other = project_fields(status="closed", claims=["another plot"])
    assert world.submit("project", CENTRE, AUTHORITY, **other) == "project_exists"
    assert status("closed") == ""
    assert status("live") == "project_exists"


def test_a_closed_project_claims_no_more_than_it_was_issued_for() -> None:
    world = World()
    claims = {"claims": ["plot farm"]}
    by = (OWNER, CENTRE, AUTHORITY)
    heir = project_fields("heir", crediting_from="2019-01-01", **claims)
    assert world.submit("project", *by, **heir) == "claim_taken"
    world.accept("project", CENTRE, AUTHORITY, **project_fields(status="closed"))
    early = project_fields("heir", crediting_from="2018-12-31", **claims)
    assert world.submit("project", *by, **early) == "claim_taken"
    world.accept("project", *by, **heir)
    assert list(violations(world.base)) == []
    fresh = project_fields("fresh")
    world.accept("project", *by, **fresh)
    world.accept("project", CENTRE, AUTHORITY, **(fresh | {"status": "closed"}))
    assert world.submit("project", *by, **project_fields("next", claims=["plot fresh"])) == ""
    assert list(violations(world.base)) == []


def test_two_representatives_of_a_personal_account() -> None:
    world = World()
    keys = [key_of(PAIR, n) for n in (0, 1)]
    enrolled = [{"key": key.vkey} for key in keys]
    fields = {"account": PAIR, "type": "personal", "accept": "any", "need": 2, "keys": enrolled}
    world.accept("account", "operator.gd", *keys, **fields)
    third = key_of(PAIR, 2)
    add = {"holder": PAIR, "action": "add", "key": third.vkey}
    assert world.submit("key", keys[0], third, **add) == "owner_missing"
    world.accept("key", *keys, third, **add)


def test_an_agent_who_applies_signs() -> None:
    world = World()
    fields = project_fields("grove", applicant="firm.steel")
    assert world.submit("project", OWNER, CENTRE, AUTHORITY, **fields) == "party_missing"
    assert world.submit("project", OWNER, CENTRE, AUTHORITY, "firm.steel", **fields) == ""


def test_a_withdrawn_methodology_serves_no_new_project() -> None:
    world = World()
    method = {
        "methodology": "forest-1",
        "version": "1",
        "title": "forest-1",
        "class": "forest",
        "doc_sha256": SHA,
        "from": "2015-01-01",
    }
    by = (CENTRE, AUTHORITY)
    assert world.submit("methodology", *by, **method) == "methodology_exists"
    renamed = method | {"title": "another", "withdrawn": True}
    assert world.submit("methodology", *by, **renamed) == "methodology_exists"
    assert world.submit("methodology", *by, **(method | {"withdrawn": True})) == ""
    refused = world.submit("project", OWNER, CENTRE, AUTHORITY, **project_fields("grove"))
    assert refused == "methodology_not_valid"


def test_attested_offsets_of_an_event_stand_apart() -> None:
    world = World()
    other = {"what": "green power", "quantity_g": 7 * T, "doc_sha256": SHA}
    event = {
        "event": "games",
        "organiser": "games.org",
        "title": "G",
        "from": "2025-08-07",
        "to": "2025-08-17",
        "declared_g": 10 * T,
        "report_sha256": SHA,
        "status": "plan",
    }
    world.accept("event", "games.org", **(event | {"other_offsets": [other]}))
    value = world.value("event/games")
    assert (value["attested_g"], value["retired_g"]) == (7 * T, 0)
    world.accept("event", "games.org", **(event | {"status": "final"}))
    assert "attested_g" not in world.value("event/games")


def test_values_keep_the_indexes_of_their_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr("registry.ledger.context.CHANGES_MAX", 2)
    method = {
        "methodology": "trees",
        "version": "1",
        "title": "Trees",
        "class_": "forest",
        "doc_sha256": SHA,
        "from_": "2018-01-01",
    }
    world.accept("methodology", CENTRE, AUTHORITY, **method)
    world.accept("order", "exchange.gd", AUTHORITY, **order_fields(order="o"))
    change = {"order": "o", "instrument_sha256": SHA}
    ends = ("2030-12-31", "2029-12-31", "2028-12-31")
    table: list[tuple[str, str, tuple[str, ...], list[dict[str, Any]]]] = [
        (
            f"account/{FARM}",
            "account",
            (OWNER,),
            [rules_of(limits={"per_day_g": n * T}) for n in (1, 2, 3)],
        ),
        (
            "project/farm",
            "project",
            (CENTRE, AUTHORITY),
            [project_fields(status=s) for s in ("suspended", "live", "closed")],
        ),
        (
            "methodology/trees/1",
            "methodology",
            (CENTRE, AUTHORITY),
            [method | {"to": end} for end in ends],
        ),
        (
            "order/o",
            "order_change",
            ("exchange.gd", AUTHORITY),
            [change | {"effect": e} for e in ("suspend", "resume", "close")],
        ),
    ]
    for key, kind, by, (first, second, third) in table:
        made, start = world.value(key)["index"], world.index
        assert "changes" not in world.value(key)
        world.accept(kind, *by, **first)
        world.accept(kind, *by, **second)
        assert world.submit(kind, *by, **third) == "too_many_changes"
        value = world.value(key)
        assert (value["index"], value["changes"]) == (made, [start, start + 1])
