"""The measurements of one run, in their order, and what they add up to.

1. the ceiling, before and after  2. batches, in chunks, so that the rate can be seen over the size
of the log  3. single entries over 64 connections, beside the same requests to an empty route
4. memory of all server processes while they work  5. a full audit of the data directory, from the
start of its process  6. what the data directory takes on the disk

A run with a refused or failed request has no result.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from registry.bench import load
from registry.bench.ceiling import verify_ceiling_per_s
from registry.bench.founding import AUTHORITY, EFFECTIVE_MS, OPERATOR, REGION, Founding
from registry.bench.service import HOST, Running, empty_route, service
from registry.bootstrap.data import DataDirectory, SystemClock
from registry.bootstrap.opening import Foundation, draft_genesis, make_log_keys, open_log
from registry.chain.errors import Broken
from registry.ledger.dates import DAY_MS
from registry.ledger.entries.authority import Founder
from registry.net.client import LogClient
from registry.net.wire import Problem, Result

ACCOUNTS = 1_000
PER_REQUEST = 1_000
BATCH_CONNECTIONS = 8
SINGLE_CONNECTIONS = 64
CHUNK = 50_000
SINGLE_PER_S_MAX = 16_000
"""Single entries are pre-signed for so many a second."""
Say = Callable[[str], None]


class Figures(NamedTuple):
    """What a run has measured; ratios are within this run."""

    entries: int
    verify_ceiling_per_s: float
    batch_per_s: float
    batch_ratio: float
    single_per_s: float
    single_ratio: float
    single_p99_ms: float
    empty_per_s: float
    audit_per_s: float
    audit_ratio: float
    server_rss_mb: float
    disk_ratio: float
    record_bytes: int
    curve: list[tuple[int, float]]
    """(size of the log, batches' entries per second up to there since the point before)."""


class Bench:
    """One run in one data directory."""

    def __init__(self, root: Path, say: Say) -> None:
        self.data = DataDirectory(root)
        self.say = say
        origin = f"bench.invalid/log/{os.urandom(4).hex()}"
        self.founding = Founding(origin, SystemClock().now_ms(), ACCOUNTS)
        self.cores = os.cpu_count() or 1
        self.number = 0
        self.rss_mb = 0.0

    def run(self, entries: int, seconds: float) -> Figures:
        """Measure with `entries` transfers in batches, then singles for `seconds`."""
        self.say("measuring the ceiling")
        ceiling = [verify_ceiling_per_s(seconds / 2)]
        self._open()
        with service(self.data.root) as running:
            self._found(running)
            curve = self._batches(running, entries)
            self.say("sending single entries")
            single_per_s, p99_ms = self._singles(running, seconds)
        self.say("measuring the empty route")
        empty_per_s = self._empty(seconds)
        ceiling.append(verify_ceiling_per_s(seconds / 2))
        self.say("auditing")
        audit_per_s, size = self._audit()
        top = sum(ceiling) / len(ceiling)
        spent = sum(count / rate for (_, rate), count in zip(curve, self.counts, strict=True))
        batch_per_s = entries / spent
        stored, records = self._disk(size)
        return Figures(
            entries=entries,
            verify_ceiling_per_s=round(top),
            batch_per_s=round(batch_per_s),
            batch_ratio=round(batch_per_s / top, 3),
            single_per_s=round(single_per_s),
            single_ratio=round(single_per_s / empty_per_s, 3),
            single_p99_ms=round(p99_ms, 1),
            empty_per_s=round(empty_per_s),
            audit_per_s=round(audit_per_s),
            audit_ratio=round(audit_per_s / top, 3),
            server_rss_mb=round(self.rss_mb, 1),
            disk_ratio=round(stored / records, 3),
            record_bytes=round(records / size),
            curve=[(at, round(rate)) for at, rate in curve],
        )

    def _open(self) -> None:
        """Make the log, both hands at once: it is nobody's."""
        origin = self.founding.origin
        keys = [load.holder_key(OPERATOR), load.holder_key(AUTHORITY)]
        foundation = Foundation(
            region=REGION,
            offset_min=480,
            operator=Founder(party=OPERATOR, title="Bench"),
            authority=Founder(party=AUTHORITY, title="Bench"),
            keys=tuple(key.vkey for key in keys),
            log_keys=make_log_keys(self.data, origin),
        )
        genesis = draft_genesis(
            origin,
            foundation,
            entry_id=load.entry_id(self.founding.now_ms, 2**62 - 1),
            not_after=self.founding.now_ms + DAY_MS,
            signers=[key.signer for key in keys],
            keys=keys,
        )
        open_log(self.data, genesis, SystemClock())

    def _found(self, running: Running) -> None:
        self.say("founding the book")
        self.founding = replace(self.founding, now_ms=SystemClock().now_ms())
        notes = self.founding.notes()
        with LogClient(f"http://{HOST}:{running.port}") as client:
            _accepted(client.submit([next(notes)]))  # the rulebook, before the others are made
            time.sleep(EFFECTIVE_MS / 1000)  # until it has begun
            _accepted(client.submit(list(notes)))

    def _jobs(self, count: int) -> list[load.Job]:
        """`count` transfers in as many jobs as there are cores, in the order of their numbers."""
        holders = self.founding.holders
        batches = tuple(self.founding.batches_of(n) for n in range(len(holders)))
        share = -(-count // self.cores)
        jobs = []
        for first in range(0, count, share):
            size = min(share, count - first)
            start = self.number + first
            now_ms = self.founding.now_ms
            jobs.append(load.Job(self.founding.origin, holders, batches, start, size, now_ms))
        self.number += count
        return jobs

    def _presigned(self, count: int) -> list[bytes]:
        parts = load.presign(self._jobs(count), self.cores)
        return [note for part in parts for note in part]

    def _batches(self, running: Running, entries: int) -> list[tuple[int, float]]:
        """Send all entries, chunk by chunk; signing is not on the clock, acknowledging is."""
        curve: list[tuple[int, float]] = []
        self.counts: list[int] = []
        done = 0
        self._send_batches(running, self._presigned(2 * PER_REQUEST))  # caches, connections
        while done < entries:
            count = min(CHUNK if done else min(CHUNK, 10_000), entries - done)
            notes = self._presigned(count)
            rate = count / self._send_batches(running, notes)
            done += count
            self.counts.append(count)
            curve.append((done, rate))
            self.rss_mb = max(self.rss_mb, running.rss_mb())
            self.say(f"{done:,} of {entries:,} entries in batches, {rate:,.0f}/s")
        return curve

    def _send_batches(self, running: Running, notes: list[bytes]) -> float:
        parts = [notes[at : at + PER_REQUEST] for at in range(0, len(notes), PER_REQUEST)]
        requests = [load.batch_request(HOST, part) for part in parts]
        start = time.perf_counter()
        answers = asyncio.run(
            load.send_all(
                HOST, running.port, requests, connections=BATCH_CONNECTIONS, keep_bodies=True
            )
        )
        spent = time.perf_counter() - start
        _check_answers(answers)
        committed = sum(body.count(b'"committed":{') for body in answers.bodies)
        if committed != len(notes):
            raise Broken(
                f"{committed} of {len(notes)} entries were committed: {answers.bodies[0]!r}"
            )
        return spent

    def _singles(self, running: Running, seconds: float) -> tuple[float, float]:
        notes = self._presigned(int(seconds * SINGLE_PER_S_MAX))
        requests = [load.single_request(HOST, "/v1/entries", note) for note in notes]
        answers = _send_for(running.port, requests, seconds)
        self.rss_mb = max(self.rss_mb, running.rss_mb())
        return _rate(answers), 1000 * sorted(answers.seconds)[int(len(answers.seconds) * 0.99)]

    def _empty(self, seconds: float) -> float:
        (note,) = self._presigned(1)
        with empty_route() as running:
            requests = [load.single_request(HOST, "/", note)] * int(seconds * 100_000)
            return _rate(_send_for(running.port, requests, seconds))

    def _audit(self) -> tuple[float, int]:
        """Records audited per second, from the start of the auditing process; and how many."""
        words = [sys.executable, "-m", "registry.cli", "audit", str(self.data.root), "--json"]
        start = time.perf_counter()
        done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
        spent = time.perf_counter() - start
        if done.returncode != 0:
            raise Broken(f"the audit ended with {done.returncode}: {done.stdout[-500:]!r}")
        size = int(json.loads(done.stdout)["size"])
        return size / spent, size

    def _disk(self, size: int) -> tuple[int, int]:
        """Bytes of the data directory after the service has ended, and of the records in it."""
        stored = sum(f.stat().st_size for f in self.data.root.rglob("*") if f.is_file())
        bundles = self.data.root / "tiles" / "tile" / "entries"
        records = sum(f.stat().st_size for f in bundles.rglob("*") if f.is_file()) - 2 * size
        return stored, records


def _send_for(port: int, requests: list[bytes], seconds: float) -> load.Answers:
    answers = asyncio.run(
        load.send_all(HOST, port, requests, connections=SINGLE_CONNECTIONS, seconds=seconds)
    )
    _check_answers(answers)
    if len(answers.ended) == len(requests):
        raise Broken("the pre-signed entries were used up before the time was")
    return answers


def _rate(answers: load.Answers) -> float:
    started = answers.ended[0] - answers.seconds[0]
    return len(answers.ended) / (answers.ended[-1] - started)


def _check_answers(answers: load.Answers) -> None:
    if answers.not_ok:
        raise Broken(f"{len(answers.not_ok)} requests failed: {answers.not_ok[0]!r}")


def _accepted(results: list[Result]) -> None:
    for result in results:
        if isinstance(result.problem, Problem):
            raise Broken(f"the founding was refused: {msgspec.json.encode(result.problem)!r}")
