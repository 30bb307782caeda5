"""Rows put together: nothing counted twice, nothing guessed, every row taken or left once."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.importing import tables as t


def block(first: int, last: int, *end: str, project: str = "P", year: int = 2020) -> list[str]:
    """A row of BLOCK_COLUMNS; `end`: date, how, why."""
    ended = [*end, "", "", ""][:3]
    serial = f"S-{first}-{last}-{project}"
    return [project, str(year), "2021-01-01", f"{last - first + 1:,}", serial, *ended, "Someone"]


def issue(
    tonnes: int, *, buffer: int = 0, project: str = "P", day: str = "2021-01-01"
) -> list[str]:
    return [project, "2020", day, str(tonnes), str(buffer)]


def use(
    first: int,
    last: int,
    *,
    how: str = "used",
    block: str = "b",
    project: str = "P",
    day: str = "2021-01-01",
    ended: str = "2022-02-02",
) -> list[str]:
    tonnes = str(last - first + 1)
    return [project, "2020", day, tonnes, f"{block}-{first}-{last}", ended, how]


def blocks(*rows: list[str]) -> t.ImportPlan:
    return t.plan_of(t.BLOCKS, t.table(t.BLOCK_COLUMNS, *rows))


def issues(issued: list[list[str]], used: list[list[str]]) -> t.ImportPlan:
    return t.plan_of(t.ISSUES, t.table(t.ISSUE_COLUMNS, *issued), t.table(t.USE_COLUMNS, *used))


def drawn(issued: list[tuple[object, ...]], used: list[tuple[object, ...]]) -> t.ImportPlan:
    """Rows of project P: (day, kg, buffer) and (since, kg, ended)."""
    return t.plan_of(
        t.DRAWN,
        t.table(t.DRAWN_COLUMNS, *[("P", *row, n) for n, row in enumerate(issued)]),
        t.table(t.DRAWN_USE_COLUMNS, *[("P", *row, n) for n, row in enumerate(used)]),
    )


def parts(plan: t.ImportPlan) -> list[list[tuple[int, int, str]]]:
    return [[(p.first, p.last, p.status) for p in draft.parts] for draft in plan.drafts()]


# --- blocks ---


def test_blocks_of_one_issuance_become_one_batch_in_the_order_of_their_serials() -> None:
    plan = blocks(
        block(501, 600, "2022-01-01", "used"),
        block(101, 200),
        block(301, 310, "2022-01-01", "void"),
    )
    (draft,) = plan.drafts()
    assert draft.batch == "CN-GD-SMP-2020-000001"
    assert parts(plan) == [[(1, 100, "free"), (101, 110, "cancelled"), (111, 210, "retired")]]
    assert draft.source.serial_text == ("S-101-200-P", "S-301-310-P", "S-501-600-P")
    assert not draft.source.serials_assigned
    assert draft.source.dates == ("2021-01-01",)
    assert t.tonnes(plan) == {"free": 100, "cancelled": 10, "retired": 100}


def test_projects_years_and_issue_dates_are_batches_of_their_own() -> None:
    plan = blocks(block(1, 5), block(6, 9, project="Q"), block(10, 12, year=2019), block(13, 14))
    names = [(draft.batch, draft.source_project, draft.count) for draft in plan.drafts()]
    assert names == [
        ("CN-GD-SMP-2020-000001", "P", 7),
        ("CN-GD-SMP-2020-000002", "Q", 4),
        ("CN-GD-SMP-2019-000001", "P", 3),
    ]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["P", "2020", "2021-01-01", "100", "S-1-99-P", "", "", "", ""], "range has 99 serials"),
        (["P", "2020", "2021-01-01", "0", "S-1-1-P", "", "", "", ""], "its quantity is 0"),
        (["P", "2020", "2021-01-01", "9", "S-1-9-Q", "", "", "", ""], "its serial says 'Q'"),
        (["P", "2020", "2021-01-01", "9", "X-1-9-P", "", "", "", ""], "is not a serial range"),
        (["P", "1989", "2021-01-01", "9", "S-1-9-P", "", "", "", ""], "1989 is no vintage"),
        (["P", "2020", "2021-02-30", "9", "S-1-9-P", "", "", "", ""], "the calendar has no date"),
        (["", "2020", "2021-01-01", "9", "S-1-9-", "", "", "", ""], "is not a serial range"),
        (["P ", "2020", "2021-01-01", "9", "", "", "", "", ""], "'P ' is no project id"),
        (["P", "2020", "2021-01-01", "9", "S-1-9-P", "2020-12-31", "used", "", ""],
         "it ended on 2020-12-31, before it came to be on 2021-01-01"),
        (["P", "2020", "2021-01-01", "9", "S-1-9-P", "2021-12-31", "", "", ""], "how is not known"),
        (["P", "2020", "2021-01-01", "9", "S-1-9-P", "2021-12-31", "sold", "", ""],
         "the mapping gives no status to 'sold' in 'How'"),
        (["P", "2020", "2021-01-01"], "it has 3 fields, the header 9"),
        ([], "an empty line"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_left_with_the_reason(row: list[str], words: str) -> None:
    data = (
        t.table(t.BLOCK_COLUMNS, block(1_001, 1_002)) + b",".join(c.encode() for c in row) + b"\n"
    )
    plan = t.plan_of(t.BLOCKS, data)
    assert t.left(plan) == [("1.csv", 3)]
    assert words in t.reasons(plan)[0]
    assert t.tonnes(plan) == {"free": 2}
    assert (plan.files[0].read, plan.files[0].taken, plan.files[0].left) == (2, 1, 1)


def test_overlapping_ranges_are_all_left() -> None:
    plan = blocks(block(1, 100), block(100, 120), block(50, 60, project="Q"), block(121, 130))
    assert t.left(plan) == [("1.csv", 2), ("1.csv", 3), ("1.csv", 4)]
    assert t.reasons(plan)[1] == "its serials overlap those of row 2 of 1.csv"
    assert t.tonnes(plan) == {"free": 10}


def test_equal_rows_without_serials_are_left() -> None:
    row = ["P", "2020", "2021-01-01", "9", "", "", "", "", ""]
    plan = blocks(row, row, block(1, 5, project="Q"))
    assert t.left(plan) == [("1.csv", 2), ("1.csv", 3)]
    assert t.reasons(plan)[0] == "row 2 of 1.csv and row 3 of 1.csv are equal: one or two?"


def test_purpose_is_a_word_of_ours_and_free_text_stays_outside() -> None:
    plan = blocks(
        block(1, 5, "2022-01-01", "used", "offset"), block(6, 9, "2022-01-01", "used", "my party")
    )
    (draft,) = plan.drafts()
    assert [part.purpose or None for part in draft.parts] == ["offset", None]
    assert "Someone" not in repr(draft)
    assert "my party" not in repr(draft)


# --- issuances and uses ---


def test_an_issuance_and_its_uses_are_together_what_was_issued() -> None:
    plan = issues(
        [issue(1_000, buffer=100)],
        [use(701, 750, how="void"), use(11, 20), use(21, 30)],
    )
    (draft,) = plan.drafts()
    assert parts(plan) == [
        [(1, 10, "retired"), (11, 20, "retired"), (21, 70, "cancelled"), (71, 900, "free"),
         (901, 1_000, "buffer")]
    ]  # fmt: skip
    assert draft.source.serial_text == ("b-11-20", "b-21-30", "b-701-750")
    assert draft.source.serials_assigned
    assert len(draft.source.row_sha256) == 4
    assert len(draft.source.file_sha256) == 2
    assert t.tonnes(plan) == {"retired": 20, "cancelled": 50, "free": 830, "buffer": 100}


def test_uses_come_off_the_free_part_before_the_buffer() -> None:
    plan = issues([issue(100, buffer=30)], [use(1, 80)])
    assert t.tonnes(plan) == {"retired": 80, "buffer": 20}


def test_a_use_without_issuance_opens_by_itself() -> None:
    plan = issues([issue(50)], [use(1, 5, project="Q"), use(6, 9, project="Q", day="2021-03-03")])
    assert t.tonnes(plan) == {"free": 50, "retired": 9}
    assert [draft.source.dates for draft in plan.drafts()] == [
        ("2021-01-01",), ("2021-01-01",), ("2021-03-03",),
    ]  # fmt: skip


def test_the_order_of_the_files_on_the_command_line_does_not_matter() -> None:
    issued = t.table(t.ISSUE_COLUMNS, issue(50), issue(60, project="Q"))
    used = t.table(t.USE_COLUMNS, use(1, 5, project="R"), use(6, 9, project="Q"))
    one, other = t.plan_of(t.ISSUES, issued, used), t.plan_of(t.ISSUES, used, issued)
    assert list(one.drafts()) == list(other.drafts())


# issuances, uses, and the words of the reason for which all of them are left
CONTRADICTIONS = [
    ([issue(10)], [use(1, 11)], "11 t were used of row 2 of 1.csv, which issued 10 t"),
    ([issue(100)], [use(101, 105)], "has serial 105, but row 2 of 1.csv issued 100"),
    ([issue(10), issue(20)], [use(1, 5)], "may be of row 2 of 1.csv or of row 3 of 1.csv"),
    ([issue(10), issue(10)], [], "are equal: one or two?"),
    ([issue(10)], [use(1, 5, day="2021-01-02")], "one day off"),
    ([issue(10)], [use(1, 5, day="2020-12-31")], "one day off"),
    ([issue(10)], [use(1, 5), use(5, 6)], "is left and may be of the same issuance"),
    ([issue(10)], [use(1, 5, how="?"), use(6, 7)], "row 2 of 2.csv is left and may be of the same"),
    ([issue(10)], [use(1, 5, ended="2020-01-01")], "is left and may be of the same issuance"),
]


@pytest.mark.parametrize(("issued", "used", "words"), CONTRADICTIONS)
def test_what_contradicts_itself_is_left_whole(
    issued: list[list[str]], used: list[list[str]], words: str
) -> None:
    plan = issues([*issued, issue(7, project="Z")], used)
    assert t.tonnes(plan) == {"free": 7}
    assert len(plan.left) == len(issued) + len(used)
    assert any(words in reason for reason in t.reasons(plan)), t.reasons(plan)


def test_a_use_that_cannot_be_read_spoils_every_issuance_that_it_may_be_of() -> None:
    bad_day = ["P", "2020", "2021-99-01", "5", "b-1-5", "2022-02-02", "used"]
    plan = issues([issue(10), issue(20, day="2021-06-06"), issue(30, project="Q")], [bad_day])
    assert t.tonnes(plan) == {"free": 30}
    nothing = issues([issue(10), issue(30, project="Q")], [["", "", "", "", "", "", ""]])
    assert t.tonnes(nothing) == {}


def test_issuances_with_serials_keep_uses_at_their_places() -> None:
    text = t.ISSUES.replace('buffer = [{ column = "Buffer", form = "plain", grams = 1_000_000 }]',
                            'serial = { columns = ["Serial"], form = "{block}-{first}-{last}",'
                            ' numbering = ["block"] }')  # fmt: skip
    columns = (*t.ISSUE_COLUMNS, "Serial")
    issued = t.table(columns, [*issue(100), "b-101-200"], [*issue(50), "c-1-50"])
    used = t.table(t.USE_COLUMNS, use(191, 200), use(111, 120), use(1, 50, block="c"))
    plan = t.plan_of(text, issued, used)
    first, second = plan.drafts()
    assert parts(plan) == [
        [(1, 10, "free"), (11, 20, "retired"), (21, 90, "free"), (91, 100, "retired")],
        [(1, 50, "retired")],
    ]
    assert first.source.serial_text == ("b-101-110", "b-111-120", "b-121-190", "b-191-200")
    assert second.source.serial_text == ("c-1-50",)
    assert not first.source.serials_assigned
    outside = t.plan_of(text, issued, t.table(t.USE_COLUMNS, use(195, 205)))
    assert t.tonnes(outside) == {}
    assert "has serials of no issuance beside it" in t.reasons(outside)[0]


# --- draw ---


def test_uses_draw_on_the_earliest_issuance_of_their_days() -> None:
    plan = drawn(
        [("2021-01-01", 100, 10), ("2021-02-01", 100, 0), ("2021-03-01", 100, 0)],
        [("2021-01-15", 130, "2021-03-05"), ("2020-12-01", 40, "2021-01-01")],
    )
    assert parts(plan) == [
        [(1, 40, "retired"), (41, 90, "free"), (91, 100, "buffer")],
        [(1, 100, "retired")],
        [(1, 30, "retired"), (31, 100, "free")],
    ]
    assert all(draft.source.serials_assigned for draft in plan.drafts())


def test_what_cannot_be_drawn_is_left_with_the_issuances_of_its_days_and_no_more() -> None:
    plan = drawn(
        [("2021-01-01", 100, 0), ("2021-02-01", 100, 0)],
        [("2020-12-01", 101, "2021-01-31"), ("2021-01-02", 5, "2021-05-05")],
    )
    assert t.left(plan) == [("1.csv", 2), ("2.csv", 2)]
    assert "are too small for row 2 of 2.csv" in t.reasons(plan)[0]
    assert parts(plan) == [[(1, 5, "retired"), (6, 100, "free")]]


def test_a_use_of_days_without_issuance_opens_by_itself() -> None:
    plan = drawn([("2021-02-01", 100, 0)], [("2020-12-01", 7, "2021-01-31")])
    assert parts(plan) == [[(1, 100, "free")], [(1, 7, "retired")]]


DAYS = st.integers(1, 28)


@given(
    st.lists(st.tuples(DAYS, st.integers(1, 9)), min_size=1, max_size=6),
    st.lists(st.tuples(DAYS, DAYS, st.integers(1, 6)), max_size=6),
)
def test_uses_are_drawn_if_any_way_of_drawing_places_them(
    issued: list[tuple[int, int]], used: list[tuple[int, int, int]]
) -> None:
    used = [(min(a, b), max(a, b), kg) for a, b, kg in used]
    plan = drawn(
        [(f"2021-01-{day:02}", kg, 0) for day, kg in issued],
        [(f"2021-01-{low:02}", kg, f"2021-01-{high:02}") for low, high, kg in used],
    )
    mine = [u for u in used if any(u[0] <= day <= u[1] for day, _ in issued)]
    assert bool(plan.left) != placeable(issued, mine)
    assert sum(file.read for file in plan.files) == len(issued) + len(used)


def placeable(issued: list[tuple[int, int]], used: list[tuple[int, int, int]]) -> bool:
    """Hall's condition on intervals of days: they have as much as must come from them."""
    return all(
        sum(kg for a, b, kg in used if low <= a and b <= high)
        <= sum(kg for day, kg in issued if low <= day <= high)
        for low in range(1, 29)
        for high in range(low, 29)
    )


# --- all of it, at random ---


@given(st.integers(0, 2**32))
def test_any_book_is_taken_or_left_row_by_row(seed: int) -> None:
    dice = random.Random(seed)
    issued, used = [], []
    for _ in range(dice.randint(1, 5)):
        count, project = dice.randint(1, 60), dice.choice("PQR")
        day = f"2021-01-0{dice.randint(1, 4)}"
        issued.append(issue(count, buffer=dice.randint(0, count), project=project, day=day))
        at = 1
        while at < count and dice.random() < 0.6:
            last = min(at + dice.randint(0, 20), count + dice.choice((0, 0, 0, 3)))
            bad = dice.random() < 0.1
            how = "?" if bad else dice.choice(("used", "void"))
            used.append(
                use(at, last, how=how, block=f"{project}{day[-1]}", project=project, day=day)
            )
            at = last + dice.choice((1, 1, 1, 4, 0))
    dice.shuffle(used)
    plan = issues(issued, used)
    read = Counter({file.name: file.read for file in plan.files})
    assert read == Counter({"1.csv": len(issued), "2.csv": len(used)})
    assert all(file.taken + file.left == file.read for file in plan.files)
    assert plan.opened_g() == plan.source_g
    left = set(t.left(plan))
    assert len(left) == len(plan.left)
    taken = [row for n, row in enumerate(issued, 2) if ("1.csv", n) not in left]
    ended = [row for n, row in enumerate(used, 2) if ("2.csv", n) not in left]
    keys = {(row[0], row[2]) for row in taken}
    alone = sum(int(row[3]) for row in ended if (row[0], row[2]) not in keys)
    opened = sum(plan.source_g.values()) // 1_000_000
    assert opened == sum(int(row[3]) for row in taken) + alone
    for status, how in (("retired", "used"), ("cancelled", "void")):
        tonnes = sum(int(row[3]) for row in ended if row[6] == how)
        assert plan.source_g[status] == tonnes * 1_000_000
