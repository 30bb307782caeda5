"""The guide for programs states the limits and statuses that the code has."""

from __future__ import annotations

from registry.api import asgi, problems, submit
from registry.ledger.codec import ENTRY_BYTES_MAX
from registry.service import publication
from registry.service.admission import REQUEST_ENTRIES_MAX
from registry.service.entries import PAGE_MAX
from tests.house.tree import REPO

GUIDE = (REPO / "docs" / "guides" / "programs.md").read_text(encoding="utf-8")


def test_limits() -> None:
    assert f"| one entry | {ENTRY_BYTES_MAX:,} bytes |" in GUIDE
    assert f"| {REQUEST_ENTRIES_MAX:,} entries, {submit.REQUEST_BYTES_MAX:,} bytes |" in GUIDE
    assert f"| a page of entries | {PAGE_MAX} |" in GUIDE
    assert f"| a query | {asgi.QUERY_BYTES_MAX:,} bytes |" in GUIDE
    assert f"longer than {publication.WAIT_MS_MAX // 1000} s" in GUIDE


def test_every_kind_of_problem() -> None:
    for status, word, _ in problems.STATUSES.values():
        assert f"| {status} | `urn:tanbu:{word}` |" in GUIDE
    assert f"| {problems.REFUSED} | `urn:tanbu:refusal:<name>` |" in GUIDE
