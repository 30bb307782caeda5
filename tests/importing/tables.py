"""Made-up tables of another registry for tests: mappings as text, rows as lists, plans of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from importlib import resources

from registry.importing.mapping import Mapping, parse_mapping
from registry.importing.plan import ImportPlan, make_plan
from registry.importing.read import Source
from registry.ledger.entries import Opening

ACCOUNT = "a-" + "b" * 26
REGION = "CN-GD"

BLOCKS = """
mapping = "sample"
program = "SMP"
registry = "Sample registry"
unit_g = 1_000_000

[tables.blocks]
holds = "blocks"
known_by = ["Serial"]
project = "Project"
vintage = { column = "Year", form = "YYYY" }
issued = { column = "Issued", form = "YYYY-MM-DD" }
quantity = { column = "Tonnes", form = "comma", grams = 1_000_000 }
date = { column = "Ended", form = "YYYY-MM-DD" }
free_without_date = true
report = ["Beneficiary"]
serial = { columns = ["Serial"], form = "S-{first}-{last}-{p}", same = { p = "Project" } }

[tables.blocks.status]
column = "How"
values = { "used" = "retired", "void" = "cancelled" }

[tables.blocks.purpose]
column = "Why"
values = { "offset" = "offset" }

[tables.projects]
holds = "projects"
known_by = ["Title"]
project = "Project"
name = "Title"
"""
BLOCK_COLUMNS = (
    "Project", "Year", "Issued", "Tonnes", "Serial", "Ended", "How", "Why", "Beneficiary",
)  # fmt: skip

ISSUES = """
mapping = "sample"
program = "SMP"
registry = "Sample registry"
unit_g = 1_000_000

[tables.issuances]
holds = "issuances"
known_by = ["Buffer"]
project = "Project"
vintage = { column = "Year", form = "YYYY" }
issued = { column = "Issued", form = "YYYY-MM-DD" }
quantity = { column = "Tonnes", form = "plain", grams = 1_000_000 }
buffer = [{ column = "Buffer", form = "plain", grams = 1_000_000 }]

[tables.uses]
holds = "uses"
known_by = ["Ended"]
project = "Project"
vintage = { column = "Year", form = "YYYY" }
issued = { column = "Issued", form = "YYYY-MM-DD" }
quantity = { column = "Tonnes", form = "plain", grams = 1_000_000 }
date = { column = "Ended", form = "YYYY-MM-DD" }
status = { column = "How", values = { "used" = "retired", "void" = "cancelled" } }

[tables.uses.serial]
columns = ["Serial"]
form = "{block}-{first}-{last}"
numbering = ["block"]
from_one = true
"""
ISSUE_COLUMNS = ("Project", "Year", "Issued", "Tonnes", "Buffer")
USE_COLUMNS = ("Project", "Year", "Issued", "Tonnes", "Serial", "Ended", "How")

DRAWN = """
mapping = "sample"
program = "SMP"
registry = "Sample registry"
unit_g = 1_000
match = ["project"]
draw = "earliest"

[tables.issuances]
holds = "issuances"
known_by = ["Buffer"]
project = "Project"
vintage = { column = "Issued", form = "YYYY-MM-DD" }
issued = { column = "Issued", form = "YYYY-MM-DD" }
quantity = { column = "Kg", form = "plain", grams = 1_000 }
buffer = [{ column = "Buffer", form = "plain", grams = 1_000 }]

[tables.uses]
holds = "uses"
known_by = ["Since"]
project = "Project"
vintage = { column = "Since", form = "YYYY-MM-DD" }
since = { column = "Since", form = "YYYY-MM-DD" }
quantity = { column = "Kg", form = "plain", grams = 1_000 }
date = { column = "Ended", form = "YYYY-MM-DD" }
status = "retired"
"""
DRAWN_COLUMNS = ("Project", "Issued", "Kg", "Buffer", "Id")
DRAWN_USE_COLUMNS = ("Project", "Since", "Kg", "Ended", "Id")


def shipped(name: str) -> Mapping:
    """One of the mappings that come with Tanbu."""
    data = resources.files("registry.importing.mappings").joinpath(f"{name}.toml").read_bytes()
    return parse_mapping(data, f"{name}.toml")


def mapping(text: str) -> Mapping:
    return parse_mapping(text.encode(), "sample.toml")


def table(columns: Sequence[str], *rows: Sequence[object]) -> bytes:
    """A CSV file with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def source(name: str, data: bytes, chunk: int = 1 << 16) -> Source:
    return Source(name, lambda: [data[at : at + chunk] for at in range(0, len(data), chunk)])


def plan_of(
    text: str | Mapping, *files: bytes, opened: Iterable[Opening] = (), account: str = ACCOUNT
) -> ImportPlan:
    """The plan for files named 1.csv, 2.csv, …"""
    return make_plan(
        mapping(text) if isinstance(text, str) else text,
        [source(f"{at}.csv", data) for at, data in enumerate(files, 1)],
        region=REGION,
        account=account,
        opened=opened,
    )


def tonnes(plan: ImportPlan) -> dict[str, int]:
    """Whole tonnes by status, noughts left out."""
    return {status: grams // 1_000_000 for status, grams in plan.source_g.items() if grams}


def left(plan: ImportPlan) -> list[tuple[str, int]]:
    """(file, row) of what is left."""
    return [(plan.files[row.file].name, row.number) for row in plan.left]


def reasons(plan: ImportPlan) -> list[str]:
    return [row.reason for row in plan.left]
