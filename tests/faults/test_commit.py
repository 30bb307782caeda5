"""Commits that fail: on the disk or not, nothing acknowledged is lost and nothing happens twice.

Each fault in its two forms: failed and not persisted, failed but persisted (an EIO after the row is
there). Nobody may tell them apart but by looking after a new start.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from registry.bootstrap.data import DataDirectory, locked
from registry.bootstrap.upkeep import fsck
from registry.chain.errors import Broken, Unavailable
from registry.ports import Committed
from registry.store.database import open_for_writing
from registry.store.log import SqlLogStore
from registry.writer.commit import Writer
from tests.books import Book
from tests.house.tree import REPO
from tests.logs import Clock, admitted, make_log, take, writing

PER_ROUND = 8


class Bench:
    """A log whose writer's statements can be made to fail."""

    def __init__(self, directory: Path) -> None:
        self.book = Book()
        self.data = make_log(directory, self.book)
        with writing(self.data) as writer:
            take(writer, self.book.founding()[1:])

    def notes(self, count: int = PER_ROUND) -> list[bytes]:
        return [self.book.transfer("farm", "mill") for _ in range(count)]

    def fail_round(self, notes: list[bytes], spoil: Callable[[SqlLogStore], None]) -> str:
        """Commit one round through a spoiled store; what the writer stopped with."""
        engine = open_for_writing(self.data.database)
        with closing(SqlLogStore(engine)) as store:
            writer = Writer(store, Clock())
            spoil(store)
            with pytest.raises(Broken) as caught:
                writer.commit([admitted(note) for note in notes])
            with pytest.raises(Broken, match="has failed before"):
                writer.commit([admitted(note) for note in notes])
        engine.dispose()
        return caught.value.message

    def look(self, notes: list[bytes]) -> list[bool]:
        """After a new start: submit the same texts again; which were in the log already."""
        with writing(self.data) as writer:
            outcomes = writer.commit([admitted(note) for note in notes])
            assert all(isinstance(outcome, Committed) for outcome in outcomes)
            again = writer.commit([admitted(note) for note in notes])
        assert [o.index for o in outcomes] == [o.index for o in again]  # type: ignore[union-attr]  # all Committed
        assert all(o.replayed for o in again)  # type: ignore[union-attr]  # all Committed
        checked = fsck(self.data)
        assert checked.faults == ()
        return [o.replayed for o in outcomes]  # type: ignore[union-attr]  # all Committed


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "data")


class Cursor:
    """A cursor that fails at its `at`-th statement, before it is run or after."""

    def __init__(self, cursor: Any, at: int, *, persisted: bool) -> None:
        self._cursor = cursor
        self._at = at
        self._persisted = persisted
        self.seen: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def execute(self, text: str, *parameters: Any) -> Any:
        return self._run(self._cursor.execute, text, *parameters)

    def executemany(self, text: str, *parameters: Any) -> Any:
        return self._run(self._cursor.executemany, text, *parameters)

    def _run(self, run: Callable[..., Any], text: str, *parameters: Any) -> Any:
        self.seen.append(text)
        failing = len(self.seen) == self._at
        if failing and not self._persisted:
            raise sqlite3.OperationalError("disk I/O error")
        result = run(text, *parameters)
        if failing:
            raise sqlite3.OperationalError("disk I/O error")
        return result


def failing(at: int, *, persisted: bool) -> Callable[[SqlLogStore], None]:
    """The `at`-th statement of a round's transaction fails."""

    def spoil(store: SqlLogStore) -> None:
        store._cursor = Cursor(store._cursor, at, persisted=persisted)  # type: ignore[assignment]  # the fault

    return spoil


def failing_reads(store: SqlLogStore) -> None:
    """What a round reads before its transaction cannot be read."""

    def fail(*_: Any) -> Any:
        raise OperationalError("SELECT", (), sqlite3.OperationalError("disk I/O error"))

    store._connection.exec_driver_sql = fail  # type: ignore[method-assign]  # the fault


def statements_of_a_round(bench: Bench) -> int:
    engine = open_for_writing(bench.data.database)
    with closing(SqlLogStore(engine)) as store:
        writer = Writer(store, Clock())
        cursor = Cursor(store._cursor, 0, persisted=False)
        store._cursor = cursor  # type: ignore[assignment]  # to count
        writer.commit([admitted(note) for note in bench.notes()])
    engine.dispose()
    assert cursor.seen[-1] == "COMMIT"
    return len(cursor.seen)


@pytest.mark.parametrize("persisted", [False, True], ids=["not persisted", "persisted"])
@pytest.mark.parametrize(("fold_at", "statements"), [(8_192, 5), (1, 9)], ids=["journal", "fold"])
def test_an_error_at_any_statement(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    fold_at: int,
    statements: int,
    *,
    persisted: bool,
) -> None:
    monkeypatch.setattr("registry.store.log.FOLD_AT", fold_at)
    last = statements_of_a_round(bench)
    assert last >= statements
    for at in range(1, last + 1):
        notes = bench.notes()
        message = bench.fail_round(notes, failing(at, persisted=persisted))
        assert "disk I/O error" in message
        # Only a COMMIT that had happened leaves anything behind; then all of the round.
        assert bench.look(notes) == [persisted and at == last] * len(notes)


def test_an_error_while_reading(bench: Bench) -> None:
    notes = bench.notes()
    assert "disk I/O error" in bench.fail_round(notes, failing_reads)
    assert bench.look(notes) == [False] * len(notes)


def test_a_full_database_stops_the_writer_and_loses_nothing(bench: Bench) -> None:
    """SQLite's own limit of pages: the same error as a full disk, at the same places."""
    engine = open_for_writing(bench.data.database)
    acknowledged: list[bytes] = []
    with closing(SqlLogStore(engine)) as store:
        writer = Writer(store, Clock())
        pages = store._connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        store._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}")
        caught: Broken | None = None
        for _ in range(500):
            notes = bench.notes()
            try:
                take(writer, notes)
            except Broken as error:
                caught = error
                break
            acknowledged += notes
    engine.dispose()
    assert caught is not None
    assert "full" in caught.message
    assert "free space" in caught.todo
    assert acknowledged
    assert bench.look(acknowledged) == [True] * len(acknowledged)
    assert bench.look(notes) == [False] * len(notes)


# Runs a writer until the file size limit stops it; prints the index of each acknowledged entry.
LIMITED = textwrap.dedent(
    """
    import resource, signal, sys
    from pathlib import Path
    from registry.bootstrap.data import DataDirectory
    from registry.bootstrap.life import report
    from registry.chain.errors import TanbuError
    from tests.books import Book
    from tests.logs import publishing, take, writing

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    data, limit, what = DataDirectory(Path(sys.argv[1])), int(sys.argv[2]), sys.argv[3]
    book = Book()
    book.skip(1_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        if what == "write":
            with writing(data) as writer:
                while True:
                    for receipt in take(writer, [book.transfer("farm", "mill") for _ in range(8)]):
                        print(receipt.index, receipt.leaf_hash.hex(), flush=True)
        else:
            with publishing(data) as publisher:
                publisher.step()
    except TanbuError as error:
        sys.exit(report(what, error))
    """
)


def run_limited(data: DataDirectory, limit: int, what: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LIMITED, str(data.root), str(limit), what],
        capture_output=True,
        text=True,
        cwd=REPO,
        timeout=60,
        check=False,
    )


def test_a_disk_that_takes_no_more(bench: Bench) -> None:
    """The operating system refuses to let the files grow, in the middle of a write."""
    done = run_limited(bench.data, 400_000, "write")
    assert done.returncode == 1
    assert done.stderr.startswith("tanbu: write: the database could not commit")
    assert done.stderr.count("\n") == 1
    acknowledged = [line.split() for line in done.stdout.splitlines()]
    assert acknowledged
    with closing(sqlite3.connect(bench.data.database)) as raw:
        stored = dict(raw.execute("SELECT idx, lower(hex(leaf_hash)) FROM record").fetchall())
    assert all(stored[int(index)] == leaf for index, leaf in acknowledged)
    assert fsck(bench.data).faults == ()
    assert bench.look(bench.notes()) == [False] * PER_ROUND


def test_a_disk_that_takes_no_more_tiles(bench: Bench) -> None:
    for _ in range(4):
        with writing(bench.data) as writer:
            take(writer, bench.notes(100))
    before = (bench.data.tiles / "checkpoint").read_bytes()
    done = run_limited(bench.data, 60_000, "publish")
    assert done.returncode == 1
    assert "tiles cannot be written" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (bench.data.tiles / "checkpoint").read_bytes() == before
    assert run_limited(bench.data, resource.RLIM_INFINITY, "publish").returncode == 0
    checked = fsck(bench.data)
    assert checked.faults == ()
    assert checked.published_size == checked.size


def test_two_writers(bench: Bench) -> None:
    pid = os.getpid()
    with (
        locked(bench.data),
        pytest.raises(Unavailable, match=f"pid {pid}"),
        locked(bench.data),
    ):
        pass
    with locked(bench.data):  # and free again
        pass


def test_a_writer_that_ignores_the_lock_is_fenced(bench: Bench) -> None:
    with writing(bench.data) as first:
        take(first, bench.notes())
        with writing(bench.data) as second:
            notes = bench.notes()
            take(second, notes)
            with pytest.raises(Broken, match="only one writer"):
                take(first, bench.notes())
            take(second, bench.notes())
    assert bench.look(notes) == [True] * len(notes)
