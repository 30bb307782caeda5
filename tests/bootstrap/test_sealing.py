"""Sealing beside a service: two ways to one root, or nothing is sealed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.sealing import make_seal
from registry.bootstrap.upkeep import fsck
from registry.chain.errors import Broken, NotTrusted, Unavailable
from registry.store.sealfile import SealFile
from tests.books import TONNE, Book
from tests.logs import make_book, take, writing
from tests.seals import end, seal


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def data(tmp_path: Path, book: Book) -> DataDirectory:
    return make_book(tmp_path / "data", book, book.walk())


def alter(data: DataDirectory, statement: str) -> None:
    with closing(sqlite3.connect(data.database)) as raw, raw:
        raw.execute("DROP TRIGGER IF EXISTS record_no_update")
        assert raw.execute(statement).rowcount == 1


def test_a_seal_is_made_from_the_beginning_and_then_from_the_last_one(
    data: DataDirectory, book: Book
) -> None:
    shown: list[tuple[int, int]] = []
    first = make_seal(data, lambda done, total: shown.append((done, total)))
    assert first.commitment.size == 38
    with SealFile(first.path) as sealed:
        assert sealed.origin == book.origin
        assert sealed.check() == first.commitment
    with writing(data) as writer:
        take(writer, [book.transfer("mill", "host")])
        take(writer, [seal(book, first.commitment)])
        take(writer, [book.transfer("mill", "host", quantity_g=TONNE)])
    second = make_seal(data)
    assert second.commitment.size == 41
    assert second.commitment.root != first.commitment.root
    with writing(data) as writer:
        take(writer, [seal(book, second.commitment)])
    assert fsck(data).faults == ()
    third = make_seal(data)
    first.path.unlink()
    second.path.unlink()
    with writing(data) as writer:
        take(writer, [book.transfer("mill", "host")])
    fourth = make_seal(data)
    assert [s.commitment.size for s in (third, fourth)] == [42, 43]


def test_the_same_size_is_not_sealed_twice(data: DataDirectory, book: Book) -> None:
    made = make_seal(data)
    again = make_seal(data)
    assert made.commitment == again.commitment
    with writing(data) as writer:
        take(writer, [end(book, made.commitment)])
    with pytest.raises(Unavailable, match="ended at index 38"):
        make_seal(data)


def test_there_must_be_a_log(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no log"):
        make_seal(DataDirectory(tmp_path))


@pytest.mark.parametrize("sealed_before", [False, True])
def test_a_state_that_is_not_the_logs_is_not_sealed(
    data: DataDirectory, book: Book, *, sealed_before: bool
) -> None:
    if sealed_before:
        with writing(data) as writer:
            take(writer, [seal(book, make_seal(data).commitment)])
    alter(
        data,
        "UPDATE state SET value = CAST(replace(value, '30000000', '30000001') AS BLOB)"
        " WHERE key = 'order/ORDER-1'",
    )
    before = sorted(data.seals.glob("*"))
    with pytest.raises(NotTrusted, match="another state than the log makes"):
        make_seal(data)
    assert sorted(data.seals.glob("*")) == before


def test_leaves_that_are_not_those_of_the_last_seal_are_not_built_upon(
    data: DataDirectory, book: Book
) -> None:
    made = make_seal(data)
    with writing(data) as writer:
        take(writer, [seal(book, made.commitment)])
    kept = made.path.read_bytes()
    made.path.unlink()
    made.path.write_bytes(kept.replace(b'"title":"Sample', b'"title":"Semple', 1))
    with pytest.raises(Broken, match="damaged"):
        make_seal(data)
    made.path.write_bytes(kept[:-48] + bytes(32) + kept[-16:])
    with pytest.raises(Broken, match="not its own"):
        make_seal(data)


def test_a_damaged_record_is_not_sealed(data: DataDirectory) -> None:
    alter(data, "UPDATE record SET record = record || x'0a' WHERE idx = 9")
    with pytest.raises(Broken, match="leaf hash") as caught:
        make_seal(data)
    assert caught.value.where == "record 9"
    assert list(data.seals.glob("*")) == []
