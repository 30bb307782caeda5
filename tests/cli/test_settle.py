"""`tanbu submit trades.csv --mapping …`: a settlement file, booked once, with a result per row."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from registry.chain.note import TYPE_ED25519
from registry.importing.trades.results import COLUMNS
from registry.importing.trades.table import TRADES_MAX
from registry.ledger import entries as e
from registry.ledger.codec import parse_entry, parse_record
from registry.ledger.dates import civil_date
from registry.ledger.entries.moving import Item, MandateLimits
from registry.ledger.entries.moving import Trade as Traded
from registry.net.client import LogClient
from registry.signers.keyfile import PrivateKey, write_key_file
from tests.books import BATCH, TONNE, account_id, party_key
from tests.cli.conftest import Cli, Ran, Service

HEAD = "trade_id,date,from,to,batch,quantity_t,price_cny_per_t,mandate,reservation"
TODAY = civil_date(time.time_ns() // 1_000_000, 480)


class Desk:
    """An exchange's desk: its key, a mandate of the farm, and the file `trades.csv`."""

    def __init__(self, directory: Path, service: Service, cli: Cli) -> None:
        self.directory, self.service, self.cli = directory, service, cli
        key = party_key("exchange")
        self.key = directory / "exchange.key"
        write_key_file(self.key, PrivateKey(key.holder, TYPE_ED25519, key.seed))
        registry = service.registry
        registry.take([registry.book.mandate("exchange", "farm", limits=MandateLimits())])
        self.mandate = self.size - 1

    @property
    def size(self) -> int:
        return len(self.service.registry.records)

    @property
    def last(self) -> e.Common:
        return parse_entry(parse_record(self.service.registry.records[-1]).note).entry

    def row(self, trade_id: str, quantity: object = 7, **cells: object) -> list[object]:
        given = {
            "date": TODAY, "from": account_id("farm"), "to": account_id("mill"), "batch": BATCH,
            "price": "23.99", "mandate": self.mandate, "reservation": "", **cells,
        }  # fmt: skip
        first = [trade_id, given["date"], given["from"], given["to"], given["batch"], quantity]
        return [*first, given["price"], given["mandate"], given["reservation"]]

    def file(self, *rows: Sequence[object], name: str = "trades.csv") -> Path:
        path = self.directory / name
        path.write_text("".join(f"{','.join(map(str, row))}\n" for row in [[HEAD], *rows]))
        return path

    def submit(self, path: Path, *words: object, mapping: object = "trades") -> Ran:
        given = ("--mapping", mapping, "--key", self.key, "--url", self.service.url)
        return self.cli("submit", path, *given, *words)

    def results(self, name: str = "trades.results.csv") -> list[dict[str, str]]:
        with (self.directory / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def desk(tmp_path: Path, service: Service, cli: Cli) -> Desk:
    return Desk(tmp_path, service, cli)


def test_each_trade_becomes_a_transfer_with_a_receipt(desk: Desk) -> None:
    before = desk.size
    ran = desk.submit(desk.file(desk.row("T-1"), desk.row("T-2", "12.000")))
    assert (ran.code, desk.size) == (0, before + 2), ran.err
    assert "2 booked, 0 already booked, 0 refused = 2 rows" in ran.out
    transfer = desk.last
    assert isinstance(transfer, e.Transfer)
    assert transfer.items == (Item(batch=BATCH, quantity_g=12 * TONNE),)
    assert transfer.trade == Traded(venue="exchange.test", trade_id="T-2", price_fen_per_t=2_399)
    first, second = desk.results()
    assert tuple(first) == COLUMNS
    assert [first["row"], second["row"]] == ["2", "3"]
    assert [first["index"], second["index"]] == [str(before), str(before + 1)]
    assert second["leaf_hash"] == desk.service.registry.leaves[-1].hex()
    whole = json.loads((desk.directory / "trades.results.json").read_bytes())
    assert whole["counts"] == {"booked": 2, "already_booked": 0, "acceptable": 0, "refused": 0}
    assert whole["rows"][1]["entry_id"] == transfer.id


def test_the_same_file_again_answers_the_first_receipts(desk: Desk) -> None:
    path = desk.file(desk.row("T-1"), desk.row("T-2"))
    assert desk.submit(path).code == 0
    size, receipts = desk.size, [row["leaf_hash"] for row in desk.results()]
    desk.service.registry.clock.ms += 5 * 86_400_000
    ran = desk.submit(path)
    assert (ran.code, desk.size) == (0, size)
    assert "0 booked, 2 already booked, 0 refused" in ran.out
    assert [row["leaf_hash"] for row in desk.results()] == receipts


def test_the_same_trade_in_another_file_is_known_by_its_id(desk: Desk) -> None:
    assert desk.submit(desk.file(desk.row("T-1"), desk.row("T-2"))).code == 0
    size = desk.size
    # Booked on another day it would be another entry; the venue's id tells that it is the same.
    other = desk.file(desk.row("T-1", date="2026-11-01"), desk.row("T-2", 8), name="b.csv")
    ran = desk.submit(other, "--day", TODAY[:8] + "01")
    assert (ran.code, desk.size) == (1, size)
    first, second = desk.results("b.results.csv")
    assert (first["outcome"], first["index"]) == ("already_booked", str(size - 2))
    assert (second["outcome"], second["name"], second["number"]) == (
        "refused",
        "trade_exists",
        "508",
    )
    assert second["en"].endswith("with another items")
    assert "已在序号" in second["zh"]


def test_a_refused_row_does_not_hold_up_the_others(desk: Desk) -> None:
    rows = [desk.row("T-1"), desk.row("T-2", 99_999), desk.row("T-3", mandate=""), desk.row("T-4")]
    ran = desk.submit(desk.file(*rows))
    assert ran.code == 1
    assert "2 booked, 0 already booked, 2 refused = 4 rows" in ran.out
    assert [row["name"] for row in desk.results()] == ["", "insufficient", "owner_missing", ""]
    assert "row 3 T-2: the account" in ran.out
    # The cause mended, the file again: what was booked stays, the rest follows.
    mended = desk.file(rows[0], desk.row("T-2", 9), desk.row("T-3"), rows[3])
    ran = desk.submit(mended, "--lang", "zh")
    assert "已入账 2，此前已入账 2，被拒 0，共 4 行" in ran.out


NO_FORM: list[tuple[dict[str, object], str]] = [
    ({"quantity": "7 t"}, "'7 t' is not a number of the form decimal"),
    ({"quantity": "0"}, "its quantity is 0"),
    ({"quantity": "0.0000001"}, "is not a whole number of grams"),
    ({"price": "23.999"}, "'23.999' is not a whole number of fen"),
    ({"date": "2026-02-30"}, "the calendar has no date '2026-02-30'"),
    ({"date": "2199-01-01"}, "its day '2199-01-01' lies ahead"),
    ({"from": "M-17"}, "no entry can be made of it"),
    ({"to": ""}, "an account is missing"),
    ({"batch": ""}, "a batch is missing"),
    ({"mandate": "+5"}, "'+5' is not the index of a mandate"),
    ({"reservation": "0"}, "0 is not the index of a reservation"),
    ({"trade_id": ""}, "it has no trade id"),
    ({"trade_id": "x" * 101}, "is longer than 100 characters"),
    ({"trade_id": "a\tb"}, "the trade id is text with a control character"),
    ({"trade_id": "T-1"}, "trade 'T-1' stands in row 2 already"),
]
"""Cells of a row, and why it is none."""


def test_rows_of_no_form_stop_the_file_and_all_are_told(desk: Desk) -> None:
    before = desk.size
    rows = [desk.row("T-1"), desk.row("T-0")]
    for at, (cells, _) in enumerate(NO_FORM):
        given = {"trade_id": f"N-{at}", "quantity": "7", **cells}
        rows.append(desk.row(str(given.pop("trade_id")), given.pop("quantity"), **given))
    path = desk.file(*rows, [1, 2], [])
    ran = desk.submit(path)
    assert (ran.code, desk.size) == (2, before)
    told = ran.out.splitlines()
    assert len(told) == len(NO_FORM) + 2
    for number, (line, (_, reason)) in enumerate(zip(told, NO_FORM, strict=False), 4):
        assert line.startswith(f"row {number}: ")
        assert reason in line
    assert "it has 2 fields, the header 9" in told[-2]
    assert told[-1].endswith("an empty line")
    assert ran.line.startswith("tanbu: 17 rows are not of the form; nothing was sent")
    assert not (desk.directory / "trades.results.csv").exists()


def test_a_row_that_settles_names_a_reservation(desk: Desk) -> None:
    rows = [desk.row("T-1", reservation=3), desk.row("T-2", reservation=99_999)]
    ran = desk.submit(desk.file(*rows))
    assert ran.code == 2
    assert ran.out.splitlines() == [
        "row 2: there is no reservation at index 3",
        "row 3: there is no reservation at index 99999",
    ]


NO_FILE = [
    ("", "the file is empty"),
    (HEAD + "\n", "the file has no trades"),
    (HEAD.replace("quantity_t", "quantity") + "\n", "'quantity_t' is missing from the header"),
    (HEAD + "\n" + "x\n" * (TRADES_MAX + 1), "more than 1000 trades in one file"),
    ("[1,", "not a JSON list"),
    ("\ufeff" + HEAD + "\n", "byte order mark"),
]


def test_a_file_of_no_form_is_one_line(desk: Desk) -> None:
    path = desk.directory / "trades.csv"
    for text, said in NO_FILE:
        path.write_text(text, encoding="utf-8")
        ran = desk.submit(path)
        assert ran.code == 2
        assert said in ran.line


def test_json_and_a_mapping_of_ones_own(desk: Desk) -> None:
    mapping = desk.directory / "mine.toml"
    mapping.write_text(f"""
mapping = "mine"
trade_id = "成交号"
day = {{ column = "日期", form = "YYYY年M月D日" }}
from = "卖方"
to = "买方"
batch = "产品"
quantity = {{ column = "吨", form = "comma", grams = 1_000_000 }}
[accounts]
M1 = "{account_id("farm")}"
M2 = "{account_id("mill")}"
[batches]
PHCER24 = "{BATCH}"
[mandates]
{account_id("farm")} = {desk.mandate}
""")
    day = f"{TODAY[:4]}年{int(TODAY[5:7])}月{int(TODAY[8:])}日"
    row = {"成交号": "J-1", "日期": day, "卖方": "M1", "买方": "M2", "产品": "PHCER24"}
    path = desk.directory / "trades.json"
    path.write_text(json.dumps([{**row, "吨": 3}, {**row, "成交号": "J-2", "吨": 2.5}]))
    ran = desk.submit(path, "--json", mapping=mapping)
    assert ran.json["counts"] == {"booked": 1, "already_booked": 0, "acceptable": 0, "refused": 1}
    assert [r["row"] for r in ran.json["rows"]] == [1, 2]
    assert ran.json["rows"][1]["name"] == "not_whole_serials"
    bad = [{**row, "吨": None}, [1], {"成交号": "J-3"}, '{"吨": 1, "吨": 2}']
    path.write_text(json.dumps(bad[:3])[:-1] + f", {bad[3]}]")
    faults = desk.submit(path, "--json", mapping=mapping).out
    assert [f["row"] for f in json.loads(faults)["faults"]] == [1, 2, 3, 4]


def test_a_trial_sends_nothing(desk: Desk) -> None:
    before = desk.size
    path = desk.file(desk.row("T-1"), desk.row("T-2", 41_559))
    ran = desk.submit(path, "--dry-run")
    assert (ran.code, desk.size) == (1, before)
    assert "1 would be booked, 0 already booked, 1 refused = 2 rows" in ran.out
    assert not (desk.directory / "trades.results.csv").exists()


def test_a_reservation_is_settled_in_part(desk: Desk) -> None:
    registry = desk.service.registry
    registry.take(
        [
            registry.book.note(
                e.Reservation,
                party_key("exchange"),
                from_=account_id("farm"),
                to=account_id("mill"),
                items=(Item(batch=BATCH, quantity_g=100 * TONNE),),
                reason="trade",
                mandate=desk.mandate,
                expires_ms=registry.clock.ms + 86_400_000,
                trade=Traded(venue="exchange.test", trade_id="R-1", price_fen_per_t=2_000),
            )
        ]
    )
    deal = desk.size - 1
    wrong = desk.row("R-1", 60, price="21.00", reservation=deal)
    ran = desk.submit(desk.file(wrong))
    assert ran.code == 2
    assert f"reservation {deal} has another price_fen_per_t" in ran.out
    path = desk.file(desk.row("R-1", 60, price="20.00", reservation=deal), desk.row("T-1"))
    assert desk.submit(path).code == 0
    (settlement,) = (
        entry
        for entry in (parse_entry(parse_record(r).note).entry for r in registry.records[-2:])
        if isinstance(entry, e.Settlement)
    )
    assert settlement.items == (Item(batch=BATCH, quantity_g=60 * TONNE),)
    assert "2 already booked" in desk.submit(path).out


def test_a_connection_that_breaks_loses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = desk.file(desk.row("T-1"), desk.row("T-2"))
    registry = desk.service.registry
    before, submit = desk.size, registry.submit

    async def half(entries: Sequence[object]) -> Sequence[object]:
        await submit(entries[:1])
        return await lost(entries[1:])

    async def lost(entries: Sequence[object]) -> Sequence[object]:
        registry.gone = True
        return await submit(entries)

    monkeypatch.setattr(registry, "submit", half)
    monkeypatch.setattr("registry.cli.submit.client", lambda url: LogClient(url, retry_s=0))
    ran = desk.submit(path)
    assert (ran.code, desk.size) == (3, before + 1)
    assert "run the same command on the same file again" in ran.line
    registry.gone = False
    monkeypatch.setattr(registry, "submit", submit)
    ran = desk.submit(path)
    assert (ran.code, desk.size) == (0, before + 2)
    assert "1 booked, 1 already booked, 0 refused" in ran.out


def test_options_of_the_other_way_are_refused(desk: Desk) -> None:
    path = desk.file(desk.row("T-1"))
    assert desk.cli("submit", path, "--key", desk.key).code == 2
    assert desk.cli("submit", path, "--mapping", "trades", "--url", desk.service.url).code == 2
    assert desk.cli("submit", path, path, "--mapping", "trades").code == 2
    assert desk.submit(path, "--day", "2026-2-30").code == 2
