"""Mappings of settlement files: every key described, the example works, faults are placed."""

from __future__ import annotations

import re

import msgspec
import pytest

from registry.chain.errors import Malformed
from registry.importing.trades import mapping as m
from registry.importing.trades.plan import Desk, make_plan
from registry.importing.trades.table import read_lines
from registry.ledger.dates import day_of
from registry.ledger.entries import Transfer
from tests.books import ORIGIN, TONNE
from tests.house import tree

PAGE = (tree.REPO / "docs/reference/settlement-mapping.md").read_text(encoding="utf-8")
EXAMPLE, _ = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)  # of trades, and of holdings
SHIPPED = (tree.REPO / "registry/importing/trades/trades.toml").read_bytes()
SIGNER = "exchange.test+00000000"


def desk(**changed: object) -> Desk:
    fields = {"origin": ORIGIN, "offset_min": 480, "signers": (SIGNER,), "venue": "exchange.test"}
    return Desk(**{**fields, "today": day_of("2026-03-01"), **changed})


@pytest.mark.parametrize("struct", [m.TradeMapping, m.Price, m.Amount, m.Dated])
def test_every_key_is_described(struct: type[msgspec.Struct]) -> None:
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    shown = set(re.findall(r"[a-z_0-9]+", " ".join(re.findall(r"`([^`]+)`", prose))))
    assert {field.encode_name for field in msgspec.structs.fields(struct)} - shown == set()


def test_the_example_reads_a_file_in_gbk() -> None:
    mapping = m.parse_trade_mapping(EXAMPLE.encode(), "example")
    text = f'{",".join(mapping.columns)}\nX-1,2026/2/3,M0001,M0002,PHCER24,"1,200",23.99\n'
    lines = read_lines("x.csv", text.encode("gb18030"), mapping)
    (trade,) = make_plan(lines, mapping, desk()).trades
    assert isinstance(trade.entry, Transfer)
    assert trade.entry.items[0].quantity_g == 1_200 * TONNE
    assert trade.entry.mandate == 57
    assert trade.entry.trade.price_fen_per_t == 2_399


def test_a_row_is_the_same_entry_whatever_is_around_it() -> None:
    mapping = m.parse_trade_mapping(SHIPPED, "trades.toml")
    account, other = "a-" + "a" * 26, "a-" + "b" * 26
    head = ",".join(mapping.columns)
    row = f"T-1,2026-02-03,{account},{other},CN-GD-PHCER-2024-000001,5,,,"
    cells = dict(zip(head.split(","), row.split(","), strict=True))
    files = (
        f"{head}\n{row}\n",
        f"{head}\r\n{row.replace('T-1', 'T-0')}\r\n{row}\r\n",
        f"note,{head}\nx,{row}\n",
        "[" + msgspec.json.encode(cells).decode() + "]",
    )
    texts = set()
    for text in files:
        lines = read_lines("x.csv", text.encode(), mapping)
        plan = make_plan(lines, mapping, desk())
        assert plan.faults == ()
        texts.add(plan.trades[-1].text)
    assert len(texts) == 1
    moved = make_plan(lines, mapping, desk(day=day_of("2026-02-28"))).trades[0]
    assert moved.text not in texts, "another day is another entry"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('trade_id = "trade_id"', "", "trade_id"),
        ("fen = 100", "fenn = 100", "trades.toml, line 12"),
        ("YYYY-MM-DD", "YYYY", "a year alone is no day"),
        ("YYYY-MM-DD", "YYYY-MM", "is no form of a date"),
        ('form = "decimal"', 'form = "float"', "Invalid enum value"),
        ('mandate = "mandate"', 'mandate = "m"\nsecret = "s"', "line 14"),
    ],
)
def test_a_fault_of_a_mapping_is_placed(old: str, new: str, said: str) -> None:
    with pytest.raises(Malformed) as raised:
        m.parse_trade_mapping(SHIPPED.decode().replace(old, new).encode(), "trades.toml")
    assert said in f"{raised.value.message} {raised.value.where}"
