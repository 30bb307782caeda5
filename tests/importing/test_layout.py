"""Openings: parts tile 1…count, entries stay below their limit, facts point back at their rows."""

from __future__ import annotations

from hashlib import sha256

from registry.importing.layout import ENTRY_BYTES_MAX, Draft, identity
from registry.ledger.codec import decode_entry, format_text
from registry.ledger.entries import Opening
from registry.ledger.entries.common import SIGNERS_MAX
from registry.ledger.entries.supply import SERIAL_TEXT_CHARS_MAX
from tests.importing import tables as t

SIGNERS = tuple(f"{'p' * 95}.{n:04}+0123abcd" for n in range(SIGNERS_MAX))
"""As many signers as an entry may have, with names as long as may be."""


def entry(draft: Draft) -> Opening:
    return draft.entry(
        entry_id="01935b00-0000-7000-8000-000000000001", not_after=2**53 - 1, signers=SIGNERS
    )


def text(draft: Draft) -> bytes:
    return format_text("sample.invalid/log/0badc0de", entry(draft))


def wide_book(rows: int) -> bytes:
    """Blocks of one issuance whose texts are as long as they may be."""
    project = "p" * 200
    lines, at = [], 10**15
    for n in range(rows):
        serial = f"S-{at}-{at}-"
        ending = ("", "", "") if n % 3 else ("2022-02-02", "used", "offset")
        lines.append([project, "2020", "2021-01-01", "1", serial + project, *ending, "x"])
        at += 2
    assert len(lines[0][4]) < SERIAL_TEXT_CHARS_MAX
    return t.table(t.BLOCK_COLUMNS, *lines)


def test_a_long_batch_is_cut_into_entries_below_the_limit() -> None:
    plan = t.plan_of(t.BLOCKS, wide_book(1_000))
    drafts = list(plan.drafts())
    assert len(drafts) > 2
    assert [draft.batch[-6:] for draft in drafts] == [f"{n:06}" for n in range(1, len(drafts) + 1)]
    assert all(len(text(draft)) < ENTRY_BYTES_MAX for draft in drafts)
    assert min(len(text(draft)) for draft in drafts[:-1]) > ENTRY_BYTES_MAX * 3 // 4
    assert sum(draft.count for draft in drafts) == 1_000
    rows = [row for draft in drafts for row in draft.source.row_sha256]
    assert len(set(rows)) == len(rows) == 1_000


def test_an_issuance_with_many_uses_stands_in_each_of_its_batches() -> None:
    uses = [
        ["P", "2020", "2021-01-01", "1", f"b-{n}-{n}", "2022-02-02", "used"] for n in range(1, 601)
    ]
    issued = t.table(t.ISSUE_COLUMNS, ["P", "2020", "2021-01-01", "1000", "100"])
    plan = t.plan_of(t.ISSUES, issued, t.table(t.USE_COLUMNS, *uses))
    drafts = list(plan.drafts())
    issuance = sha256(issued.split(b"\n")[1]).hexdigest()
    assert len(drafts) > 1
    assert all(issuance in draft.source.row_sha256 for draft in drafts)
    assert sum(draft.count for draft in drafts) == 1_000
    assert t.tonnes(plan) == {"retired": 600, "free": 300, "buffer": 100}


def test_parts_tile_and_the_entry_is_canonical() -> None:
    plan = t.plan_of(t.BLOCKS, wide_book(20))
    (draft,) = plan.drafts()
    following = 1
    for part in draft.parts:
        assert part.first == following
        following = part.last + 1
        assert bool(part.account) == (part.status == "free")
    assert following == draft.count + 1
    assert decode_entry(text(draft).split(b"\n")[2]) == entry(draft)


def test_hashes_are_those_of_the_file_and_of_the_rows_bytes() -> None:
    rows = [
        ["P", "2020", "2021-01-01", "2", "S-3-4-P", "", "", "", "Someone, somewhere"],
        ["P", "2020", "2021-01-01", "2", "S-1-2-P", "", "", "", "x"],
    ]
    data = t.table(t.BLOCK_COLUMNS, *rows)
    (draft,) = t.plan_of(t.BLOCKS, data).drafts()
    lines = data.split(b"\n")
    assert draft.source.file_sha256 == (sha256(data).hexdigest(),)
    assert draft.source.row_sha256 == tuple(
        sha256(line).hexdigest() for line in (lines[2], lines[1])
    )


def test_no_batch_holds_more_grams_than_an_entry_can_say() -> None:
    most = 2**53 // 1_000_000
    rows = [["P", "2020", "2021-01-01", str(most), "", "", "", "", str(n)] for n in range(3)]
    columns = [*t.BLOCK_COLUMNS]
    plan = t.plan_of(t.BLOCKS.replace('form = "comma"', 'form = "plain"'), t.table(columns, *rows))
    assert [draft.count for draft in plan.drafts()] == [most] * 3


def test_identity_is_of_the_facts_alone() -> None:
    data = wide_book(3)
    (draft,) = t.plan_of(t.BLOCKS, data).drafts()
    (again,) = t.plan_of(t.BLOCKS, data + b"bad row\n").drafts()
    assert again.source.file_sha256 != draft.source.file_sha256
    assert identity(again) == identity(draft) == identity(entry(draft))
    (other,) = t.plan_of(t.BLOCKS, data.replace(b"2022-02-02", b"2022-02-03")).drafts()
    assert identity(other) != identity(draft)
