"""An audit makes the root of every seal anew, whatever lies between the seal and what it seals."""

from __future__ import annotations

from typing import Any

import pytest

from registry.chain.errors import NotTrusted, Unavailable
from registry.ledger.sealing import Commitment
from registry.net.tiles import TwiceRead
from registry.verify.audit import audit
from registry.verify.means import HereCrew
from registry.verify.report import Report
from tests.books import TONNE, Book
from tests.seals import commitment, end, seal
from tests.verify.logs import FileTiles, MemoryLog, log_trust
from tests.verify.test_audit import Memory

FIRST, BETWEEN = 270, 300
"""Entries before the sealed size, and after it: the seal stands in a later bundle."""


def sealed_notes(**wrong: Any) -> tuple[Book, list[bytes], Commitment]:
    """A log in whose second bundle a size is reached that the third one seals."""
    book = Book()
    notes = book.founding()
    notes += [book.transfer("farm", "mill", quantity_g=TONNE) for _ in range(FIRST - len(notes))]
    made = commitment(MemoryLog(book, notes).records)
    notes += [book.transfer("farm", "mill", quantity_g=TONNE) for _ in range(BETWEEN)]
    notes.append(seal(book, made, **wrong))
    notes.append(book.transfer("farm", "mill", quantity_g=TONNE))
    return book, notes, made


def audited(log: MemoryLog, source: Any = None) -> Report:
    trust = log.trust()
    tiles = FileTiles(log.files()) if source is None else source
    return audit(tiles, memory=Memory(), crew=HereCrew(), trust=trust)


def test_a_right_seal_is_counted() -> None:
    book, notes, _ = sealed_notes()
    report = audited(MemoryLog(book, notes))
    assert report.facts["seals"] == 1
    assert any("right seals: 1" in step.found.en for step in report.steps)


def test_a_wrong_seal_stops_the_audit_at_its_index() -> None:
    book, notes, made = sealed_notes(root="ab" * 32)
    log = MemoryLog(book, notes, check=False)
    with pytest.raises(NotTrusted, match=made.root.hex()) as caught:
        audited(log)
    assert caught.value.where == f"record {FIRST + BETWEEN}"


def test_a_wrong_end_stops_it_too() -> None:
    book = Book()
    notes = book.founding()
    made = commitment(MemoryLog(book, notes).records)
    good = MemoryLog(book, [*notes, end(book, made)])
    assert audited(good).facts["seals"] == 1
    bad = MemoryLog(book, [*notes, end(book, made, count=made.count - 1)], check=False)
    with pytest.raises(NotTrusted, match="a wrong seal"):
        audited(bad)


def test_an_earlier_fault_counts_before_a_bundle_that_is_missing_ahead() -> None:
    book, notes, _ = sealed_notes()
    log = MemoryLog(book, notes)
    files = log.files()
    name = f"tile/entries/002.p/{log.size % 256}"
    del files[name]
    with pytest.raises(Unavailable, match="not there") as caught:
        audited(log, FileTiles(files))
    assert caught.value.where == name
    files["tile/entries/000"] = files["tile/entries/000"].replace(b"Sample", b"Simple", 1)
    with pytest.raises(NotTrusted):
        audited(log, FileTiles(files))


def test_a_seal_that_could_not_be_seen_ahead_is_said_not_to_be_checked() -> None:
    book, notes, _ = sealed_notes()
    log = MemoryLog(book, notes)
    tail = f"tile/entries/002.p/{log.size % 256}"

    class Late(FileTiles):
        """Its last bundle comes only when it is asked for a second time."""

        def read(self, path: str) -> bytes:
            if path == tail and not asked:
                asked.append(path)
                raise Unavailable("it is not there", where=path)
            return super().read(path)

    asked: list[str] = []
    report = audited(log, Late(log.files()))
    assert report.facts["seals"] == 0
    assert any(said.en.startswith("1 seals came into the log") for said in report.not_checked)


def test_what_was_read_ahead_is_not_fetched_again() -> None:
    book, notes, _ = sealed_notes()
    log = MemoryLog(book, notes)
    fetched: list[str] = []

    class Far(FileTiles):
        def read(self, path: str) -> bytes:
            fetched.append(path)
            return super().read(path)

    source = TwiceRead(Far(log.files()))
    assert audited(log, source).facts["seals"] == 1
    source.close()
    ahead = [path for path in fetched if "entries/00" in path]
    assert len(ahead) == len(set(ahead)) == 3
    assert log_trust(book).origin == book.origin
