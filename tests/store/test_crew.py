"""The workers of an audit: the same results as at home, and none left behind."""

from __future__ import annotations

import pytest

from registry.chain.errors import Broken
from registry.chain.tiles import format_bundle
from registry.ledger.codec import format_record
from registry.store import crew as module
from registry.store.crew import SpawnedCrew
from registry.verify.bundle import BundleResult, BundleTask, check_bundle
from tests.books import T0, Book


def tasks(count: int) -> list[BundleTask]:
    book = Book()
    made = []
    for number in range(count):
        records = [
            format_record(8 * number + n, T0, book.transfer("farm", "mill")) for n in range(8)
        ]
        made.append(
            BundleTask(
                first=8 * number,
                count=8,
                data=format_bundle(records),
                judged=0,
                keys=b"",
                tile=b"",
                stored=b"" if number % 3 else bytes(32),
            )
        )
    return made


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_are_those_that_are_made_here(workers: int) -> None:
    wanted = {task.first: check_bundle(task) for task in tasks(20)}
    found: dict[int, BundleResult] = {}
    with SpawnedCrew(workers) as crew:
        for task in tasks(20):
            found |= {result.first: result for result in crew.submit(task)}
        found |= {result.first: result for result in crew.drain()}
        assert crew.drain() == []
    assert found == wanted


def test_workers_end_with_the_crew() -> None:
    crew = SpawnedCrew(2)
    processes = [worker.process for worker in crew._workers]
    crew.close()
    assert [process.returncode for process in processes] == [0, 0]
    crew.close()


def test_a_worker_that_dies_is_broken() -> None:
    with SpawnedCrew(1) as crew:
        crew._workers[0].process.kill()
        crew._workers[0].process.wait()
        with pytest.raises(Broken, match="worker has ended"):
            check_all(crew)


def check_all(crew: SpawnedCrew) -> None:
    for task in tasks(4):
        crew.submit(task)
        crew.drain()


def test_a_worker_that_cannot_be_started_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(module.subprocess, "Popen", fail)
    with pytest.raises(Broken, match="cannot be started"):
        SpawnedCrew(1)
