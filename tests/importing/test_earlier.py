"""A second import opens nothing twice: what is there is recognised, what contradicts it is left."""

from __future__ import annotations

import pytest

from registry.importing.layout import Draft
from registry.ledger.entries import Opening
from tests.importing import tables as t
from tests.importing.test_match import block, issue, use


def taken(*drafts: Draft) -> list[Opening]:
    """The drafts as a log holds them."""
    ids = [f"01935b00-0000-7000-8000-{n:012x}" for n, _ in enumerate(drafts)]
    return [
        draft.entry(entry_id=entry_id, not_after=1, signers=("a.b+00000000",))
        for draft, entry_id in zip(drafts, ids, strict=True)
    ]


def test_an_interrupted_import_goes_on() -> None:
    issued = t.table(t.ISSUE_COLUMNS, issue(10), issue(20, project="Q"), issue(30, project="R"))
    first = t.plan_of(t.ISSUES, issued)
    drafts = list(first.drafts())
    again = t.plan_of(t.ISSUES, issued, opened=taken(*drafts[:2]))
    assert list(again.drafts()) == drafts[2:]
    assert [planned.known for planned in again.batches] == [True, True, False]
    assert again.source_g == first.source_g
    assert not again.left
    done = t.plan_of(t.ISSUES, issued, opened=taken(*drafts))
    assert list(done.drafts()) == []


def test_a_corrected_file_adds_the_corrected_rows() -> None:
    good, bad = block(1, 9), block(10, 19, project="Q")
    wrong = [*bad[:3], "11", *bad[4:]]
    first = t.plan_of(t.BLOCKS, t.table(t.BLOCK_COLUMNS, good, wrong))
    assert len(first.left) == 1
    opened = taken(*first.drafts())
    second = t.plan_of(t.BLOCKS, t.table(t.BLOCK_COLUMNS, good, bad), opened=opened)
    (draft,) = second.drafts()
    assert (draft.batch, draft.source_project) == ("CN-GD-SMP-2020-000002", "Q")
    assert not second.left


# a first book's issuances and uses, a second one's, and the words by which the second is left
ISSUED, MORE, USED = issue(10), issue(11), use(1, 5)
SECOND_BOOKS = [
    ([ISSUED], [], [], [USED], "was taken over with equal project, vintage, issued"),
    ([], [USED], [ISSUED], [], "was taken over with equal project, vintage, issued"),
    ([ISSUED], [], [ISSUED], [USED], "row 2 has been taken over as batch CN-GD-SMP-2020-000001"),
    ([], [USED], [], [USED, use(6, 7)], "row 2 has been taken over as batch"),
    ([ISSUED], [], [MORE], [], "was taken over with equal project, vintage, issued"),
    ([], [USED], [], [use(5, 9, project="Q")], "serials of row 2 are in batch"),
]


@pytest.mark.parametrize(("issued", "used", "issued_now", "used_now", "words"), SECOND_BOOKS)
def test_credits_that_the_log_may_hold_are_left(
    issued: list[list[str]],
    used: list[list[str]],
    issued_now: list[list[str]],
    used_now: list[list[str]],
    words: str,
) -> None:
    def book(issues: list[list[str]], uses: list[list[str]]) -> list[bytes]:
        return [t.table(t.ISSUE_COLUMNS, *issues), t.table(t.USE_COLUMNS, *uses)]

    first = t.plan_of(t.ISSUES, *book(issued, used))
    second = t.plan_of(t.ISSUES, *book(issued_now, used_now), opened=taken(*first.drafts()))
    assert list(second.drafts()) == []
    assert len(second.left) == len(issued_now) + len(used_now)
    assert all(words in reason for reason in t.reasons(second)), t.reasons(second)


def test_new_blocks_of_a_known_issuance_are_taken_but_not_its_old_serials() -> None:
    first = t.plan_of(t.BLOCKS, t.table(t.BLOCK_COLUMNS, block(100, 199)))
    opened = taken(*first.drafts())
    fresh = t.plan_of(t.BLOCKS, t.table(t.BLOCK_COLUMNS, block(200, 250)), opened=opened)
    assert [draft.batch for draft in fresh.drafts()] == ["CN-GD-SMP-2020-000002"]
    ended = block(150, 160, "2022-02-02", "used")
    rows = (ended, block(300, 301), block(100, 199))
    later = t.plan_of(t.BLOCKS, t.table(t.BLOCK_COLUMNS, *rows[:2]), opened=opened)
    assert t.left(later) == [("1.csv", 2)]
    assert "the serials of row 2 are in batch CN-GD-SMP-2020-000001 of the log" in t.reasons(later)
    assert t.tonnes(later) == {"free": 2}
    longer = t.plan_of(t.BLOCKS, t.table(t.BLOCK_COLUMNS, *rows[1:]), opened=opened)
    assert t.reasons(longer) == ["row 3 has been taken over as batch CN-GD-SMP-2020-000001"]
    assert [draft.source.serial_text for draft in longer.drafts()] == [("S-300-301-P",)]


def test_other_registries_and_programs_do_not_matter_save_for_numbers() -> None:
    first = t.plan_of(t.BLOCKS, t.table(t.BLOCK_COLUMNS, block(1, 9)))
    other = t.BLOCKS.replace("Sample registry", "Other registry")
    same_program = t.plan_of(
        other, t.table(t.BLOCK_COLUMNS, block(1, 9)), opened=taken(*first.drafts())
    )
    assert [draft.batch[-6:] for draft in same_program.drafts()] == ["000002"]
    text = other.replace('"SMP"', '"OTH"')
    apart = t.plan_of(text, t.table(t.BLOCK_COLUMNS, block(1, 9)), opened=taken(*first.drafts()))
    assert [draft.batch for draft in apart.drafts()] == ["CN-GD-OTH-2020-000001"]
