"""A seal that the rules took and that is wrong: whoever replays the log stops there."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.upkeep import fsck, rebuild
from registry.chain.errors import Broken
from registry.cli import edge
from registry.ledger.sealing import commit_to
from registry.ledger.state import state_items
from registry.store.database import open_for_reading
from registry.store.reads import SqlReadStore
from tests.books import Book
from tests.logs import make_book, publishing, take, writing
from tests.seals import seal

AT = 38
"""The index of the seal, after the founding and the walk."""


def sealed_log(place: Path, **wrong: object) -> DataDirectory:
    """A published log whose last entry seals the state before it, wrong where `wrong` says."""
    book = Book()
    data = make_book(place / "data", book, book.walk())
    reading = closing(SqlReadStore(open_for_reading(data.database)))
    with reading as store, store.snapshot() as snapshot:
        made = commit_to(state_items(snapshot.state), snapshot.head.size)
    assert made.size == AT
    with writing(data) as writer:
        take(writer, [seal(book, made, **wrong)])
    with publishing(data) as publisher:
        publisher.step()
    return data


def test_a_right_seal_goes_through(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = sealed_log(tmp_path)
    assert fsck(data).faults == ()
    assert rebuild(data).differing == ()
    assert edge.run(["audit", str(data.root), "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["seals"] == 1


def test_a_wrong_seal_stops_audit_rebuild_and_fsck_at_its_index(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = sealed_log(tmp_path, root="ab" * 32)
    assert edge.run(["audit", str(data.root), "--workers", "1"]) == 1
    assert f"— record {AT}" in capsys.readouterr().err
    (fault,) = [fault for fault in fsck(data).faults if fault.where.startswith("record")]
    assert fault.where == f"record {AT}"
    assert "a wrong seal" in fault.what
    with pytest.raises(Broken, match="a wrong seal") as caught:
        rebuild(data)
    assert caught.value.where == f"record {AT}"
    for left in data.root.glob("tanbu.sqlite3*"):
        left.unlink()
    with pytest.raises(Broken, match="a wrong seal"):
        rebuild(data, from_tiles=True)
