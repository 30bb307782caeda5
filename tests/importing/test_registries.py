"""The four mappings that come with Tanbu, on rows made up here in the columns of their sources."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain.errors import Malformed
from tests.importing import tables as t
from tests.importing.log import ACCOUNT, Log


def rows(columns: str, *lines: str) -> bytes:
    """A table from columns and lines cut at `|`."""
    return t.table(columns.split("|"), *[line.split("|") for line in lines])


def verra() -> list[bytes]:
    columns = (
        "Issuance Date|Vintage Start|Vintage End|ID|Name|Country/Area|Methodology"
        "|Total Vintage Quantity|Quantity Issued|Serial Number|Additional Certifications"
        "|Retirement/Cancellation Date|Retirement Beneficiary|Retirement Reason|Retirement Details"
    )

    def row(first: int, quantity: str, last: int, *ending: str, year: int = 2020) -> str:
        serial = f"900-{first}-{last}-VCS-VCU-1-VER-CN-3-77-0101{year}-3112{year}-0"
        end = [*ending, "", "", "", ""][:4]
        return "|".join(
            ["2026-04-02", f"{year}-01-01", f"{year}-12-31", "77", "Made up", "China", "VM1",
             "100,000", quantity, serial, "", *end]
        )  # fmt: skip

    projects = rows(
        "ID|Name|Estimated Annual Emission Reductions|Project Registration Date",
        "77|Made up|56,373|",
        "78|Other|1|",
    )
    blocks = rows(
        columns,
        row(1_001, "28,571", 29_571, "2026-04-06", "Firm", "Environmental Benefit", "for 2025"),
        row(29_572, "1,000", 30_571),
        row(1, "10", 10, year=2021),
        row(11, "5", 15, "2026-04-09", year=2021),
        row(16, "6", 20, year=2021),
    )
    return [projects, blocks]


def acr() -> list[bytes]:
    issuances = rows(
        "Date Issued (GMT)|Vintage|Total Credits Issued|Credits Issued to Project"
        "|Credits Issued to Buffer Pool|Credits Transferred to Buffer Pool|Project Developer"
        "|Project ID|Project Name|Project Methodology/Protocol|Verified Removal|Unnamed: 26",
        "3/24/2026 9:08:01 PM|2025|1000|900|100|50|Firm|ACR1|One|M||",
        "3/24/2026 9:08:01 PM|2025|70|70|0|0|Firm|ACR1|One|M|Yes|",
        "1/2/2026 12:00:01 AM|2024|24|20|4|0|Firm|ACR2|Two|M||",
        "1/2/2026 12:00:01 AM|2024|25|20|4|0|Firm|ACR3|Three|M||",
    )
    retirements = rows(
        "fiid|Credit Serial Numbers|Date Issued (GMT)|Vintage|Quantity of Credits|Account Holder"
        "|Status Effective (GMT)|Retired on Behalf of|Retirement Reason|Purpose of Retirement"
        "|Project ID|Project Name|Verified Removal",
        "1|ACR-US-1-2025-9-11 to 20|3/24/2026 9:08:01 PM|2025|10|1423|4/13/2026 7:17:56 PM|Firm"
        "|Environmental Benefit|A person's words|ACR1|One|",
        "1|ACR-US-1-2025-10-1 to 7|3/24/2026 9:08:02 PM|2025|7|F|4/13/2026 7:17:56 PM|Firm"
        "|On Behalf of Third Party||ACR1|One|Yes",
        "5|ACR-US-5-2019-3-1 to 4|11/23/2020 11:09:19 PM|2019|4|F|4/13/2026 7:17:56 PM|Firm"
        "|On Behalf of Third Party||ACR5|Five|",
    )
    cancellations = rows(
        "Credit Serial Numbers|Date Issued (GMT)|Vintage|Quantity of Credits|Account Holder"
        "|Status Effective  (GMT)|Cancellation Type|Project ID|Project Name|Verified Removal"
        "|Cancellation Details",
        "ACR-US-2-2024-3-1 to 20|1/2/2026 12:00:01 AM|2024|20|F|2/3/2026 1:00:00 PM"
        "|Convert to ARB offset credits|ACR2|Two||",
        "ACR-US-2-2024-4-1 to 4|1/2/2026 12:00:02 AM|2024|4|ACR|2/3/2026 1:00:00 PM"
        "|Removal of credits from the registry|ACR2|Two||Premature issuance",
    )
    return [issuances, retirements, cancellations]


def art() -> list[bytes]:
    issuances = rows(
        "Date Approved|Program ID|Program Name|Sovereign Program Developer"
        "|Crediting Program and Standard|Vintage|Total Emission Reductions/Removals"
        "|Credits Deposited in Buffer|Credits Verified",
        "03/09/2026|ART1|One|Agency|FCPF|2023|109796|0|109796",
        "12/01/2022|ART2|Two|Agency|TREES|2016|5000|300|4700",
    )
    retirements = rows(
        "Vintage|Credit Serial Numbers|Quantity of Credits|Status Effective|Program ID"
        "|Program Name|Date Approved|Account Holder|Retired on Behalf of|Retirement Reason"
        "|Purpose of Retirement",
        "2023|FCPF-CI-1-2023-20-1 to 46404|46404|04/08/2026|ART1|One|3/9/2026 4:16:10 PM|A|B"
        "|Contribution Towards Corporate Climate Pledge|p",
        "2023|FCPF-CI-1-2023-21-1 to 63392|63392|04/08/2026|ART1|One|3/9/2026 4:16:10 PM|A|B"
        "|Contribution Towards Corporate Climate Pledge|p",
    )
    cancellations = rows(
        "Vintage|Credit Serial Numbers|Quantity of Credits|Status Effective|Program ID"
        "|Program Name|Date Approved|Account Holder|Cancellation Reason|Cancellation Details",
        "2016|ART-GY-2-2016-9-101 to 200|100|02/28/2025|ART2|Two|12/1/2022 8:05:15 PM|A"
        "|CORSIA Compliance|AN AIRLINE",
    )
    return [issuances, retirements, cancellations]


def isometric() -> list[bytes]:
    issuances = rows(
        "id|issued_at|project_id|supplier.organisation.name"
        "|supplier_credit_batch_size_total.credit_kgs"
        "|buffer_pool_credit_batch_size_total.credit_kgs|credit_batch_size_total.credits"
        "|credit_batch_size_total.credit_kgs",
        "iss_1|2026-04-14T16:50:41.621676Z|prj_1|S|2710062|55308|2765.37|2765370",
        "iss_2|2026-01-01T00:00:00.000001Z|prj_1|S|1000|0|1.0|1000",
        "iss_3|2026-01-01T00:00:00.000001Z|prj_2|S|3449|71|3.52|3520",
        "iss_4|2026-01-01T00:00:00.000001Z|prj_3|S|1000|0|1.001|1000",
    )
    retirements = rows(
        "retirement_id|retired_at|purposes|notes|beneficiary.name|owner.name"
        "|credit_batch_size_total.credits|credit_batch_size_total.credit_kgs|project_id"
        "|sequestered_on",
        "ret_1|2026-04-20T18:21:22.047712Z|['corporate_targets']|n|B|O|2.5|2500|prj_1|2025-10-23",
        "ret_2|2026-02-20T18:21:22.047712Z|['other']|n|B|O|199.0|199000|prj_2|2025-10-23",
        "ret_3|2026-02-20T18:21:22.047712Z|[]|n|B|O|0.002|2|prj_9|2023-10-24",
    )
    return [issuances, retirements]


# mapping, files, rows of credits (read, taken), grams by status, file and row of what is left
BOOKS: list[
    tuple[str, Callable[[], list[bytes]], tuple[int, int], dict[str, int], list[tuple[str, int]]]
] = [
    ("verra", verra, (5, 3), {"free": 1_010, "retired": 28_571}, [("2.csv", 5), ("2.csv", 6)]),
    ("acr", acr, (9, 8), {"free": 903, "buffer": 150, "retired": 21, "cancelled": 24},
     [("1.csv", 5)]),
    ("art", art, (5, 5), {"free": 4_600, "buffer": 300, "retired": 109_896}, []),
    ("isometric", isometric, (7, 4), {"free": 2_708_562, "buffer": 55_308, "retired": 2_502},
     [("1.csv", 4), ("1.csv", 5), ("2.csv", 3)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "files", "counts", "units", "left"), BOOKS)
def test_a_book_of_a_known_registry(
    name: str,
    files: Callable[[], list[bytes]],
    counts: tuple[int, int],
    units: dict[str, int],
    left: list[tuple[str, int]],
) -> None:
    mapping = t.shipped(name)
    plan = t.plan_of(mapping, *files())
    credits_read = [file for file in plan.files if file.holds != "projects"]
    assert (sum(f.read for f in credits_read), sum(f.taken for f in credits_read)) == counts
    assert t.left(plan) == left
    grams = {status: count * mapping.unit_g for status, count in units.items()}
    assert {status: g for status, g in plan.source_g.items() if g} == grams
    log = Log(mapping.program)
    log.take(t.plan_of(mapping, *files(), account=ACCOUNT).drafts())
    assert log.grams() == grams
    again = t.plan_of(mapping, *files(), opened=log.openings)
    assert list(again.drafts()) == []
    assert again.source_g == plan.source_g


def test_removals_and_reductions_of_one_moment_are_told_apart() -> None:
    plan = t.plan_of(t.shipped("acr"), *acr())
    parts = [
        (draft.count, [(part.status, part.last - part.first + 1) for part in draft.parts])
        for draft in plan.drafts()
        if draft.source_project == "ACR1"
    ]
    assert parts == [
        (1_000, [("retired", 10), ("free", 840), ("buffer", 150)]),
        (70, [("retired", 7), ("free", 63)]),
    ]


@pytest.mark.parametrize(("name", "files"), [(name, files) for name, files, *_ in BOOKS])
def test_no_name_and_no_free_text_is_in_an_opening(
    name: str, files: Callable[[], list[bytes]]
) -> None:
    drafts = repr(list(t.plan_of(t.shipped(name), *files()).drafts()))
    for word in ("Firm", "Made up", "person", "AIRLINE", "Agency", "corporate", "1423", "for 2025"):
        assert word not in drafts


@given(st.sampled_from(BOOKS), st.integers(0, 2**32))
def test_a_damaged_file_is_refused_or_counted_row_by_row(
    book: tuple[str, Callable[[], list[bytes]], object, object, object], seed: int
) -> None:
    name, files, *_ = book
    dice = random.Random(seed)
    damaged = [bytearray(data) for data in files()]
    for _ in range(dice.randint(1, 4)):
        data = dice.choice(damaged)
        at = dice.randrange(len(data))
        match dice.randrange(4):
            case 0:
                data[at] = dice.randrange(256)
            case 1:
                del data[at : at + dice.randint(1, 9)]
            case 2:
                data[at:at] = data[at : at + dice.randint(1, 40)]
            case 3:
                data[at:at] = dice.choice((b'"', b",", b"\n", b"\r", b"9", b"\0", "碳".encode()))
    with suppress(Malformed):
        plan = t.plan_of(t.shipped(name), *map(bytes, damaged))
        assert all(file.taken + file.left == file.read for file in plan.files)
        assert plan.opened_g() == plan.source_g
        for draft in plan.drafts():
            assert sum(part.last - part.first + 1 for part in draft.parts) == draft.count
