"""One region's story through `apply`, with the sums that it must end in."""

from __future__ import annotations

from tests.ledger.world import (
    ANNA,
    BATCH,
    FARM,
    GRAMS_BATCH,
    MALL,
    SHA,
    STEEL,
    World,
    batch_fields,
    issuance_fields,
    key_of,
    order_fields,
    project_fields,
)

T = 1_000_000


def test_founding_issues_what_was_verified() -> None:
    world = World()
    assert world.value(f"batch/{BATCH}")["free"] == 41_559
    assert world.value(f"balance/{FARM}/{BATCH}") == {"free": [[1, 41_559]], "retired": 0}
    assert world.value(f"block/{BATCH}/0000000000000001")["last"] == 41_559


def test_a_transfer_takes_the_best_fit_and_joins_what_touches() -> None:
    world = World()
    sell = {"from_": FARM, "to": STEEL, "reason": "internal"}
    world.accept("transfer", "owner.farm", items=[{"batch": BATCH, "quantity_g": 100 * T}], **sell)
    world.accept(
        "transfer", "owner.farm", items=[{"batch": BATCH, "first": 201, "last": 210}], **sell
    )
    assert world.value(f"balance/{STEEL}/{BATCH}")["free"] == [[1, 100], [201, 210]]
    # 100 serials are left between: the shortest span that is long enough for 100.
    world.accept("transfer", "owner.farm", items=[{"batch": BATCH, "quantity_g": 100 * T}], **sell)
    assert world.value(f"balance/{STEEL}/{BATCH}")["free"] == [[1, 210]]
    assert world.value(f"balance/{FARM}/{BATCH}")["free"] == [[211, 41_559]]
    blocks = {k: v for k, v in world.base.values.items() if k.startswith("block/")}
    assert len(blocks) == 2


def test_a_trade_needs_its_venue_and_is_booked_once() -> None:
    world = World()
    trade = {
        "from_": FARM,
        "to": STEEL,
        "reason": "trade",
        "items": [{"batch": BATCH, "quantity_g": 5 * T}],
        "trade": {"venue": "exchange.gd", "trade_id": "T-1", "price_fen_per_t": 2_399},
    }
    assert world.submit("transfer", "owner.farm", **trade) == "party_missing"
    assert world.submit("transfer", "owner.farm", "exchange.gd", **trade) == ""
    assert world.submit("transfer", "owner.farm", "exchange.gd", **trade) == "trade_exists"


def test_an_order_is_fulfilled_once_and_never_by_one_serial_too_many() -> None:
    world = World()
    world.accept("order", "exchange.gd", "authority.gd", **order_fields())
    retire = {
        "account": FARM,
        "purpose": "remediation",
        "ref": "order-1",
        "beneficiary": {"firm": {"name": "A firm"}},
    }

    def by(first: int, last: int) -> str:
        items = [{"batch": BATCH, "first": first, "last": last}]
        return world.submit("retirement", "owner.farm", items=items, **retire)

    assert by(1, 31) == "order_over_fulfilled"
    assert by(1, 20) == ""
    assert by(1, 10) == "serials_not_free"
    assert by(21, 31) == "order_over_fulfilled"
    assert by(21, 30) == ""
    assert by(31, 31) == "order_over_fulfilled"
    order = world.value("order/order-1")
    assert order["fulfilled_g"] == 30 * T
    assert len(order["retirements"]) == 2
    assert world.value(f"batch/{BATCH}")["retired"] == 30
    certificate = f"CN-GD-R-0123abcd-{world.index - 1}"
    assert world.value(f"retirement/{certificate}")["quantity_g"] == 10 * T
    assert world.value(f"balance/{FARM}/{BATCH}")["retired"] == 30


def test_shares_are_fulfilled_each_by_its_obligor() -> None:
    world = World()
    obligors = [
        {"commit": SHA, "share_g": 10 * T},
        {"firm": {"name": "A firm"}, "share_g": 20 * T},
    ]
    world.accept("order", "court.gd", **order_fields(origin="signed", obligors=obligors))
    retire = {
        "account": FARM,
        "purpose": "remediation",
        "ref": "order-1",
        "beneficiary": {"commit": SHA},
    }
    ten, eleven = ([{"batch": BATCH, "first": 1, "last": n}] for n in (10, 11))
    assert world.submit("retirement", "owner.farm", items=ten, **retire) == "obligor_field"
    over = world.submit("retirement", "owner.farm", items=eleven, obligor=0, **retire)
    assert over == "order_over_fulfilled"
    world.accept("retirement", "owner.farm", items=ten, obligor=0, **retire)
    assert world.value("order/order-1")["by_obligor_g"] == [10 * T, 0]


def test_an_offset_stays_under_the_cap_of_its_obligation() -> None:
    world = World()
    world.accept(
        "obligation",
        "authority.gd",
        obligated="firm.steel",
        year=2025,
        amount_g=1_000 * T,
        rulebook_version=1,
    )
    assert world.value("obligation/firm.steel/2025")["cap_g"] == 50 * T
    world.accept(
        "transfer",
        "owner.farm",
        from_=FARM,
        to=STEEL,
        reason="internal",
        items=[{"batch": BATCH, "quantity_g": 60 * T}],
    )
    offset = {
        "account": STEEL,
        "purpose": "offset",
        "ref": "firm.steel/2025",
        "beneficiary": {"party": "firm.steel"},
    }
    over = [{"batch": BATCH, "first": 1, "last": 51}]
    assert world.submit("retirement", "firm.steel", items=over, **offset) == "over_cap"
    most = [{"batch": BATCH, "first": 1, "last": 50}]
    assert world.submit("retirement", "firm.steel", items=most, **offset) == ""


def test_points_are_backed_spent_and_turned_back() -> None:
    world = World()
    scheme = {
        "scheme": "green",
        "operator": "points.mall",
        "title": "Green energy",
        "unit": "coin",
        "num": 100,
        "den": 1,
        "validity_days": 365,
        "classes": ["forest"],
        "used": "to_credits",
        "expired": "retire",
    }
    world.accept("points_scheme", "points.mall", "authority.gd", **scheme)
    world.accept(
        "conversion",
        "owner.farm",
        "points.mall",
        scheme="green",
        direction="to_points",
        account=FARM,
        items=[{"batch": BATCH, "quantity_g": 3 * T}],
        commit={"root": SHA, "count": 3, "total": 30_000},
    )
    value = world.value("scheme/green")
    assert (value["in_hands"], value["gathered"], value["pool_g"]) == (30_000, 0, 3 * T)
    spend = {"scheme": "green", "commit": {"root": SHA, "count": 2, "total": 20_000}}
    world.accept("redemption", "points.mall", "platform.bus", points=20_000, **spend)
    back = {"scheme": "green", "direction": "to_credits", "account": MALL}
    assert world.submit("conversion", "points.mall", points=15_000, **back) == (
        "points_not_whole_serials"
    )
    assert world.last is not None
    assert world.last.fields["nearest"] == 10_000
    world.accept("conversion", "points.mall", points=20_000, **back)
    value = world.value("scheme/green")
    assert (value["in_hands"], value["gathered"], value["pool_g"]) == (10_000, 0, T)
    assert world.value(f"balance/{MALL}/{BATCH}")["free"] == [[1, 2]]
    batch = world.value(f"batch/{BATCH}")
    assert (batch["free"], batch["pooled"]) == (41_558, 1)


def test_used_points_of_a_retiring_scheme_wait_until_they_cover_a_serial() -> None:
    world = World()
    world.accept(
        "points_scheme",
        "points.mall",
        "authority.gd",
        scheme="park",
        operator="points.mall",
        title="Park",
        unit="coin",
        num=3,
        den=1,
        validity_days=30,
        classes=["forest"],
        used="retire",
        expired="retire",
    )
    world.accept(
        "conversion",
        "owner.farm",
        "points.mall",
        scheme="park",
        direction="to_points",
        account=FARM,
        items=[{"batch": BATCH, "quantity_g": 2 * T}],
    )
    assert world.value("scheme/park")["in_hands"] == 666_666
    for points, retired, waiting in ((333_333, 0, 999_999), (1, 1, 2), (333_332, 1, 999_998)):
        commit = {"root": SHA, "count": 1, "total": points}
        world.accept(
            "redemption", "points.mall", "platform.bus", scheme="park", points=points, commit=commit
        )
        assert world.value(f"batch/{BATCH}")["retired"] == retired
        assert world.value("scheme/park")["waiting"] == waiting


def test_expired_lots_cannot_be_spent() -> None:
    world = World()
    world.accept(
        "points_scheme",
        "points.mall",
        "authority.gd",
        scheme="short",
        operator="points.mall",
        title="Short",
        unit="coin",
        num=1,
        den=1,
        validity_days=1,
        classes=["forest"],
        used="to_credits",
        expired="retire",
    )
    make = {
        "scheme": "short",
        "direction": "to_points",
        "account": FARM,
        "items": [{"batch": BATCH, "quantity_g": T}],
    }
    world.accept("conversion", "owner.farm", "points.mall", **make)
    world.time_ms += 86_400_000 // 2
    world.accept("conversion", "owner.farm", "points.mall", **make)
    world.time_ms += 86_400_000 // 2
    spend = {"scheme": "short", "commit": {"root": SHA, "count": 1, "total": T + 1}}
    by = ("points.mall", "platform.bus")
    assert world.submit("redemption", *by, points=T + 1, **spend) == "points_not_in_hands"
    spend["commit"] = {"root": SHA, "count": 1, "total": T}
    assert world.submit("redemption", *by, points=T, **spend) == ""


def test_a_scenario_floors_milligrams_once_and_issues_grams() -> None:
    world = World()
    scenario = project_fields(
        "bus", type="scenario", owner="platform.bus", methodology="bus-1", claims=["line 1"]
    )
    world.accept("project", "centre.gd", "exchange.gd", **scenario)
    issue = issuance_fields(
        project="bus",
        from_="2019-01-01",
        to="2019-03-31",
        verified_g=1_234,
        acts={"root": SHA, "count": 7, "total": 1_234_567},
        batches=[batch_fields(GRAMS_BATCH, 1_234, unit_g=1, account=ANNA) | {"class": "transit"}],
    )
    issue.pop("from")
    assert world.submit("issuance", "centre.gd", "verifier.gd", **issue) == "role_missing"
    assert world.submit("issuance", "centre.gd", "exchange.gd", **issue) == ""


def test_what_is_too_little_for_a_serial_stays_with_the_project() -> None:
    world = World()
    months = [("2019-01-01", "2019-06-30", 1_500_000, 1), ("2019-07-01", "2019-12-31", 500_000, 1)]
    for number, (first, last, verified_g, count) in enumerate(months):
        issue = issuance_fields(
            to=last,
            verified_g=verified_g,
            batches=[batch_fields(f"CN-GD-PHCER-2019-00000{number}", count)],
        ) | {"from": first}
        world.accept("issuance", "centre.gd", "verifier.gd", **issue)
    assert world.value("project/farm")["remainder_g"] == 0


def test_dual_review_registers_project_and_issuance_or_neither() -> None:
    world = World()
    new = project_fields("grove")
    issue = issuance_fields(
        project=None, new_project=new, batches=[batch_fields("CN-GD-PHCER-2018-000009")]
    )
    refused = world.submit("issuance", "centre.gd", "verifier.gd", **issue)
    assert refused == "party_missing"
    assert world.value("project/grove") is None
    by = ("centre.gd", "verifier.gd", "owner.farm", "authority.gd")
    assert world.submit("issuance", *by, **issue) == ""
    assert world.value("project/grove")["fields"]["owner"] == "owner.farm"


def test_a_mandate_lets_an_agent_act_within_its_limits() -> None:
    world = World()
    world.accept(
        "mandate",
        "owner.farm",
        agent="exchange.gd",
        accounts=[FARM],
        kinds=["transfer"],
        until_ms=world.time_ms + 86_400_000,
        limits={"per_entry_g": 5 * T, "total_g": 8 * T},
    )
    at = world.index - 1

    def move(tonnes: int, *by: str) -> str:
        items = [{"batch": BATCH, "quantity_g": tonnes * T}]
        return world.submit(
            "transfer", *by, from_=FARM, to=STEEL, reason="internal", items=items, mandate=at
        )

    assert move(5, "firm.steel") == "party_missing"
    assert move(6, "exchange.gd") == "mandate_limit"
    assert move(5, "exchange.gd") == ""
    assert move(5, "exchange.gd") == "mandate_limit"
    assert move(3, "exchange.gd") == ""
    world.time_ms += 2 * 86_400_000
    assert move(1, "exchange.gd") == "mandate_ended"


def test_an_opening_takes_over_serials_as_they_stand_elsewhere() -> None:
    world = World()
    source = {
        "registry": "Elsewhere",
        "file_sha256": [SHA],
        "row_sha256": [SHA],
        "serial_text": ["E-1 to 10"],
        "dates": ["2020-01-01"],
        "serials_assigned": False,
    }
    parts = [
        {"first": 1, "last": 4, "status": "free", "account": FARM},
        {"first": 5, "last": 7, "status": "retired", "date": "2021-01-01"},
        {"first": 8, "last": 8, "status": "buffer"},
        {"first": 9, "last": 10, "status": "cancelled"},
    ]
    opening = {
        "batch": "CN-GD-PHCER-2017-000003",
        "count": 10,
        "unit_g": T,
        "vintage": 2017,
        "parts": parts,
        "source": source,
    }
    by = ("operator.gd", "authority.gd")
    assert world.submit("opening", *by, **(opening | {"count": 11})) == "parts_do_not_tile"
    assert world.submit("opening", *by, **opening) == ""
    batch = world.value("batch/CN-GD-PHCER-2017-000003")
    assert [batch[s] for s in ("free", "retired", "buffer", "cancelled")] == [4, 3, 1, 2]
    assert batch["taken_over"] is True


def test_a_key_is_added_revoked_and_recovered() -> None:
    world = World()
    second, third = key_of("owner.farm", 1), key_of("owner.farm", 2)
    move = {
        "from_": FARM,
        "to": STEEL,
        "reason": "internal",
        "items": [{"batch": BATCH, "quantity_g": T}],
    }
    assert world.submit("transfer", second, **move) == "unknown_signer"
    add = {"holder": "owner.farm", "action": "add", "key": second.vkey}
    assert world.submit("key", "owner.farm", **add) == "possession_not_proved"
    assert world.submit("key", "owner.farm", second, **add) == ""
    assert world.submit("transfer", second, **move) == ""
    revoke = {"holder": "owner.farm", "action": "revoke", "key": second.vkey}
    assert world.submit("key", "owner.farm", **revoke) == ""
    assert world.submit("transfer", second, **move) == "key_not_in_force"
    assert world.submit("key", "owner.farm", **revoke) == "key_already_revoked"
    recover = {"holder": "owner.farm", "action": "recover", "key": third.vkey}
    assert world.submit("key", "operator.gd", third, **recover) == "role_missing"
    assert world.submit("key", "operator.gd", "authority.gd", third, **recover) == ""
    complete = recover | {"action": "complete"}
    by = ("operator.gd", "authority.gd")
    assert world.submit("key", *by, **complete) == "recovery_too_early"
    world.time_ms += 7 * 86_400_000
    assert world.submit("key", *by, **complete) == ""
    assert world.submit("transfer", third, **move) == ""
