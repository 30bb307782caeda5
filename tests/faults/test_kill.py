"""SIGKILL at random moments under load: nothing acknowledged is lost, and the log stays whole.

TANBU_KILLS (default 5) says how often; fifty take a few minutes.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.upkeep import fsck
from registry.chain.tlog import leaf_hash
from tests.books import Book
from tests.logs import Clock, make_log, take, writing
from tests.services import Service, post, start, wait_gone

KILLS = int(os.environ.get("TANBU_KILLS", "5"))
CLIENTS = 4
PLENTY = "CN-GD-PHCER-2023-000001"
"""A batch that even fifty lives do not use up."""
REQUESTS = 100
PER_REQUEST = 6
MOMENT_S_MAX = 0.05
"""A kill comes after a random part of the load is acknowledged, and then so much later at most."""


class Load:
    """Clients that submit notes until nobody answers; who noted what was acknowledged."""

    def __init__(self, book: Book, port: int) -> None:
        self.acknowledged: list[tuple[bytes, int, str]] = []
        self.unanswered: list[bytes] = []
        self.refused: list[str] = []
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(self._notes(book), port), daemon=True)
            for _ in range(CLIENTS)
        ]

    def _notes(self, book: Book) -> list[list[bytes]]:
        """More than can be sent before the kill; made before the load begins."""
        return [
            [book.transfer("farm", "mill", batch=PLENTY) for _ in range(PER_REQUEST)]
            for _ in range(REQUESTS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait_for(self, count: int) -> None:
        """Return when so many entries are acknowledged, or nobody is left to submit."""
        while len(self.acknowledged) < count and any(t.is_alive() for t in self._threads):
            time.sleep(0.001)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _run(self, requests: list[list[bytes]], port: int) -> None:
        for notes in requests:
            try:
                results = post(port, notes)
            except (OSError, ValueError):  # gone, or gone in the middle of its answer
                with self._lock:
                    self.unanswered += notes
                return
            with self._lock:
                for note, result in zip(notes, results, strict=True):
                    if "committed" in result:
                        receipt = result["committed"]
                        self.acknowledged.append((note, receipt["index"], receipt["leaf_hash"]))
                    else:
                        self.refused.append(result["problem"].get("name", ""))
                        self.unanswered.append(note)


def victim(service: Service, kinds: dict[str, list[int]], chance: random.Random) -> int:
    """Mostly the writer and the parent of all; now and then the others."""
    return chance.choice(
        [
            *kinds["writer"] * 3,
            *[service.process.pid] * 3,
            *kinds["publisher"],
            *kinds["api"],
        ]
    )


def test_kills_under_load_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(os.environ.get("TANBU_KILL_SEED", "1"))
    book = Book(now_ms=time.time_ns() // 1_000_000 - 60_000)
    clock = Clock(book.now_ms)
    data = make_log(tmp_path / "data", book, clock)
    with writing(data, clock) as writer:
        take(writer, [*book.founding()[1:], book.issuance(PLENTY, 10_000_000)])
    acknowledged: list[tuple[bytes, int, str]] = []
    unanswered: list[bytes] = []
    for life in range(KILLS):
        load = one_life(data, book, chance)
        acknowledged += load.acknowledged
        unanswered += load.unanswered
        checked = fsck(data)
        told = f"{len(load.acknowledged)} acknowledged, {len(load.unanswered)} not answered"
        print(f"life {life}: {told}, size {checked.size}")
        assert checked.faults == ()
        check_receipts(data, acknowledged)
    assert len(acknowledged) > 10 * KILLS
    check_unanswered(data, acknowledged, unanswered)


def one_life(data: DataDirectory, book: Book, chance: random.Random) -> Load:
    """Start, load, kill at a random moment, and wait until nothing works any more."""
    service = start(data.root)
    kinds = service.children()
    load = Load(book, service.port)
    load.start()
    load.wait_for(chance.randrange(CLIENTS * REQUESTS * PER_REQUEST * 3 // 4))
    time.sleep(chance.uniform(0, MOMENT_S_MAX))
    killed = victim(service, kinds, chance)
    began_s = time.monotonic()
    os.kill(killed, signal.SIGKILL)
    load.join()
    service.wait()
    wait_gone([pid for pids in kinds.values() for pid in pids])
    name = next((kind for kind, pids in kinds.items() if killed in pids), "supervisor")
    print(f"{name} killed, all gone after {time.monotonic() - began_s:.1f} s")
    assert "Traceback" not in "\n".join(service.lines)
    assert not [name for name in load.refused if name]  # gone is no refusal
    return load


def check_receipts(data: DataDirectory, acknowledged: list[tuple[bytes, int, str]]) -> None:
    """Each receipt is that of the record at its index, which is the note that was submitted."""
    with closing(sqlite3.connect(data.database)) as raw:
        records = dict(raw.execute("SELECT idx, record FROM record").fetchall())
    for note, index, leaf in acknowledged:
        record = records[index]
        assert record.endswith(b"\n" + note)
        assert leaf_hash(record).hex() == leaf


def check_unanswered(
    data: DataDirectory, acknowledged: list[tuple[bytes, int, str]], unanswered: list[bytes]
) -> None:
    """Submitted again, what nobody answered comes into the log once, if it is not there yet."""
    with closing(sqlite3.connect(data.database)) as raw:
        before = raw.execute("SELECT count(*) FROM record").fetchone()[0]
    service = start(data.root, "--workers", "1")
    results = []
    for at in range(0, len(unanswered), 200):
        results += post(service.port, unanswered[at : at + 200])
    assert service.end() == 0
    receipts = [result["committed"] for result in results]
    new = [receipt for receipt in receipts if not receipt["replayed"]]
    indexes = {receipt["index"] for receipt in receipts} | {index for _, index, _ in acknowledged}
    assert len(indexes) == len(receipts) + len(acknowledged)
    checked = fsck(data)
    assert checked.faults == ()
    assert checked.size == checked.published_size == before + len(new)
