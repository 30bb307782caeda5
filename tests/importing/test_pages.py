"""The page of mappings names every key, and its example is a mapping that works."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from registry.importing import mapping as m
from tests.importing import tables as t

REPO = Path(__file__).resolve().parents[2]
PAGE = (REPO / "docs" / "reference" / "mapping.md").read_text(encoding="utf-8")
STRUCTS = (
    m.Mapping, m.Dated, m.Amount, m.Quantity, m.Serial, m.EndedBy, m.StatusBy, m.PurposeBy,
    m.Issuances, m.Uses, m.Blocks, m.Projects,
)  # fmt: skip


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_key_is_described(struct: type[msgspec.Struct]) -> None:
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    shown = set(re.findall(r"[a-z_0-9]+", " ".join(re.findall(r"`([^`]+)`", prose))))
    assert {field.encode_name for field in msgspec.structs.fields(struct)} - shown == set()


def test_the_example_is_a_mapping_that_works() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    header = "批次,起始序号,终止序号,项目,年份,签发日期,数量（吨）,状态,注销日期"
    plan = t.plan_of(
        example,
        t.table(
            header.split(","),
            ["A1", 1, 1_000, "林场", 2018, "2019年3月1日", "1,000", "持有", ""],
            ["A1", 1_001, 1_030, "林场", 2018, "2019年3月1日", "30", "已注销", "2025年12月1日"],
            ["A1", 1_030, 1_031, "林场", 2018, "2019年3月1日", "2", "作废", "2025年12月1日"],
            ["A2", 1, 5, "林场", 2018, "2019年3月1日", "5", "抵押", ""],
        ),
    )
    assert t.tonnes(plan) == {"free": 1_000}
    assert t.left(plan) == [("1.csv", 3), ("1.csv", 4), ("1.csv", 5)]
    (draft,) = plan.drafts()
    assert draft.batch == "CN-GD-PHCER-2018-000001"
    assert draft.source.serial_text == ("A1-1-1000",)
