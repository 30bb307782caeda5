"""The slices of four public registries that lie beside the repository: row by row, gram by gram.

What the import plans and what a log then holds is compared with sums made here with nothing but
`csv` and whole numbers. The data is no part of the repository; without it these tests skip.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from registry.chain.errors import Malformed
from registry.importing.plan import ImportPlan, make_plan
from registry.importing.read import Source
from registry.importing.report import row_lines, summary
from tests.importing import tables as t
from tests.importing.log import ACCOUNT, Log

TONNE = 1_000_000
BOOKS = {
    "verra": "verra__*.csv",
    "acr": "american-carbon-registry__*.csv",
    "art": "art-trees__*.csv",
    "isometric": "isometric__*.csv",
}


@pytest.fixture
def data(shared: Path) -> Path:
    """Give the directory of public registries' tables."""
    path = shared / "data"
    if not path.is_dir():
        pytest.skip(f"shared data is absent: no directory {path}")
    return path


def sources(data: Path, name: str) -> list[Source]:
    return [
        Source(path.name, lambda path=path: [path.read_bytes()])  # type: ignore[misc]  # mypy takes no default for the type of a lambda
        for path in sorted(data.glob(BOOKS[name]))
    ]


def plan_of(data: Path, name: str) -> ImportPlan:
    return make_plan(t.shipped(name), sources(data, name), region="CN-GD", account=ACCOUNT)


def table(data: Path, name: str) -> list[dict[str, str]]:
    with (data / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def total(rows: list[dict[str, str]], column: str) -> int:
    return sum(int(row[column].replace(",", "")) for row in rows)


# mapping, table: rows read, taken, left
EXPECTED = {
    ("verra", "projects"): (50, 50, 0),
    ("verra", "transactions"): (200, 187, 13),
    ("acr", "projects"): (50, 50, 0),
    ("acr", "issuances"): (100, 100, 0),
    ("acr", "retirements"): (100, 100, 0),
    ("acr", "cancellations"): (50, 50, 0),
    ("art", "projects"): (28, 28, 0),
    ("art", "issuances"): (11, 11, 0),
    ("art", "retirements"): (8, 8, 0),
    ("art", "cancellations"): (3, 3, 0),
    ("isometric", "projects"): (50, 50, 0),
    ("isometric", "issuances"): (100, 99, 1),
    ("isometric", "retirements"): (100, 99, 1),
}


@pytest.mark.parametrize("name", BOOKS)
def test_every_row_is_taken_or_left_and_the_log_holds_what_was_taken(data: Path, name: str) -> None:
    plan = plan_of(data, name)
    for file in plan.files:
        print(f"{file.name}: {file.taken} taken + {file.left} left = {file.read} read")
        assert (file.read, file.taken, file.left) == EXPECTED[name, file.table]
        assert file.taken + file.left == file.read == len(table(data, file.name))
    log = Log(plan.mapping.program)
    log.take(plan.drafts())
    source = {status: grams for status, grams in plan.source_g.items() if grams}
    print(source)
    assert log.grams() == source


def test_verra_sums(data: Path) -> None:
    plan = plan_of(data, "verra")
    rows = table(data, "verra__transactions.csv")
    left = [row for n, row in enumerate(rows, 2) if ("verra__transactions.csv", n) in t.left(plan)]
    assert all(row["Retirement/Cancellation Date"] and not row["Retirement Reason"] for row in left)
    free = [row for row in rows if not row["Retirement/Cancellation Date"]]
    ended = [row for row in rows if row["Retirement/Cancellation Date"] and row not in left]
    assert plan.source_g == {
        "free": total(free, "Quantity Issued") * TONNE,
        "buffer": 0,
        "retired": total(ended, "Quantity Issued") * TONNE,
        "cancelled": 0,
    }
    texts = Counter(text for draft in plan.drafts() for text in draft.source.serial_text)
    assert texts == Counter(row["Serial Number"] for row in rows if row not in left)
    assert not any(draft.source.serials_assigned for draft in plan.drafts())


def issued_key(row: dict[str, str], date: str, *others: str) -> tuple[str, ...]:
    return (row[date].split(" ")[0], *(row[other] for other in others))


def test_acr_sums(data: Path) -> None:
    plan = plan_of(data, "acr")
    issued = table(data, "american-carbon-registry__issuances.csv")
    retired = table(data, "american-carbon-registry__retirements.csv")
    cancelled = table(data, "american-carbon-registry__cancellations.csv")
    names = ("Date Issued (GMT)", "Project ID", "Vintage", "Verified Removal")
    keys = {issued_key(row, *names) for row in issued}
    alone = [row for row in retired + cancelled if issued_key(row, *names) not in keys]
    assert sum(plan.source_g.values()) == TONNE * (
        total(issued, "Total Credits Issued") + total(alone, "Quantity of Credits")
    )
    assert plan.source_g["retired"] == total(retired, "Quantity of Credits") * TONNE
    assert plan.source_g["cancelled"] == total(cancelled, "Quantity of Credits") * TONNE
    used = Counter[tuple[str, ...]]()
    for row in retired + cancelled:
        used[issued_key(row, *names)] += int(row["Quantity of Credits"])
    buffer = 0
    for row in issued:
        rest = int(row["Total Credits Issued"]) - used[issued_key(row, *names)]
        buffer += min(rest, sum(int(row[c]) for c in row if c.endswith("to Buffer Pool")))
    assert plan.source_g["buffer"] == buffer * TONNE


def test_art_sums(data: Path) -> None:
    plan = plan_of(data, "art")
    issued = table(data, "art-trees__issuances.csv")
    used = table(data, "art-trees__retirements.csv") + table(data, "art-trees__cancellations.csv")
    all_t = total(issued, "Total Emission Reductions/Removals")
    buffer, retired = (
        total(issued, "Credits Deposited in Buffer"),
        total(used, "Quantity of Credits"),
    )
    assert plan.source_g == {
        "free": (all_t - buffer - retired) * TONNE,
        "buffer": buffer * TONNE,
        "retired": retired * TONNE,
        "cancelled": 0,
    }


def test_isometric_sums(data: Path) -> None:
    plan = plan_of(data, "isometric")
    issued = table(data, "isometric__issuances.csv")
    used = table(data, "isometric__retirements.csv")
    column = "credit_batch_size_total.credit_kgs"
    left = t.left(plan)
    assert [used[n - 2]["project_id"] for file, n in left if "retirements" in file] == [
        issued[n - 2]["project_id"] for file, n in left if "issuances" in file
    ]
    taken = [row for n, row in enumerate(issued, 2) if ("isometric__issuances.csv", n) not in left]
    ended = [row for n, row in enumerate(used, 2) if ("isometric__retirements.csv", n) not in left]
    assert sum(plan.source_g.values()) == total(taken, column) * 1_000
    assert plan.source_g["retired"] == total(ended, column) * 1_000
    assert plan.source_g["buffer"] == total(taken, f"buffer_pool_{column}") * 1_000


@pytest.mark.parametrize("name", BOOKS)
def test_the_report_tells_of_every_row(data: Path, name: str) -> None:
    plan = plan_of(data, name)
    lines = list(row_lines(plan, sources(data, name)))
    assert len(lines) == sum(file.read for file in plan.files)
    assert sum(line["taken"] is True for line in lines) == sum(file.taken for file in plan.files)
    assert json.dumps(lines)
    totals = summary(plan)
    assert totals["rows"] == {
        "read": sum(f.read for f in plan.files if f.table != "projects"),
        "taken": sum(f.taken for f in plan.files if f.table != "projects"),
        "left": len(plan.left),
    }


@pytest.mark.parametrize("name", BOOKS)
def test_no_other_book_is_taken_by_mistake(data: Path, name: str) -> None:
    for other in set(BOOKS) - {name}:
        with pytest.raises(Malformed, match="no table of the mapping"):
            make_plan(t.shipped(name), sources(data, other), region="CN-GD", account=ACCOUNT)


@pytest.mark.parametrize("path", ["cadt/units.json", "cadt/projects.json", "cdop/issuances.json"])
def test_what_is_no_table_says_so(data: Path, path: str) -> None:
    content = (data / path).read_bytes()
    with pytest.raises(Malformed, match="looks like JSON"):
        t.plan_of(t.shipped("verra"), content)
