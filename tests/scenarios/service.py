"""A played scenario once more, over HTTP, against the real service on a data directory of its own.

The processes are those of `tanbu serve`; their clocks are set to the scenario's (see `clockwork`).
Since every byte is derived from the file, the service's log must come out the same, byte for byte.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.opening import open_log
from registry.chain.checkpoint import parse_checkpoint
from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44, parse_note
from registry.ledger.logkeys import read_history
from registry.net.client import LogClient
from registry.net.tiles import HttpTileSource
from registry.net.wire import Receipt
from registry.signers.keyfile import PrivateKey, write_key_file
from registry.signers.logkeys import ED25519_FILE, MLDSA44_FILE, file_of
from registry.store.compared import FileBook
from registry.store.scratch import Scratch
from registry.store.sources import TileDirectory
from registry.verify.audit import audit
from registry.verify.means import HereCrew
from registry.verify.report import Report
from tests.scenarios.play import Played, PublishedLog, Surprise
from tests.verify.twin import verify

CLOCKWORK = Path(__file__).parent / "clockwork"
END_S_MAX = 60


class SetClock:
    """The clocks of the service, which stand until they are moved."""

    def __init__(self, path: Path, now_ms: int) -> None:
        self._path = path
        self.ms = now_ms
        self.move(now_ms)

    def move(self, now_ms: int) -> None:
        self.ms = now_ms
        with self._path.open("r+b" if self._path.exists() else "wb") as file:
            file.write(now_ms.to_bytes(8, "big"))

    def now_ms(self) -> int:
        return self.ms

    def monotonic_ms(self) -> int:
        return self.ms


def serve_and_audit(played: Played, root: Path) -> tuple[Report, Report]:
    """Lead the service through the scenario; the audits over HTTP and of the data directory."""
    clock = SetClock(root / "clock", played.submitted[0].time_ms)
    data = DataDirectory(root / "data")
    data.root.mkdir()
    _write_keys(played, data.keys)
    open_log(data, played.submitted[0].note, clock)
    with _running(data.root, root / "clock") as url, LogClient(url) as client:
        _submit(played, client, clock)
        far = _audit_far(played, client)
        _prove(played, client)
    return far, _audit_near(played, data)


def _write_keys(played: Played, directory: Path) -> None:
    """The log's private keys: those of genesis, and each pair that is put in force later."""
    kinds = TYPE_ED25519, TYPE_MLDSA44
    pairs = len(read_history(played.state).pairs)
    for number in range(1, pairs + 1):
        for kind, seed in zip(kinds, played.cast.log_seeds(number), strict=True):
            key = PrivateKey(played.cast.origin, kind, seed)
            first = ED25519_FILE if kind == TYPE_ED25519 else MLDSA44_FILE
            write_key_file(directory / (first if number == 1 else file_of(key.vkey)), key)


def _submit(played: Played, client: LogClient, clock: SetClock) -> None:
    """Every entry, refused ones too: each outcome is that of the play."""
    for submitted in played.submitted[1:]:
        clock.move(submitted.time_ms)
        answer = client.submit_one(submitted.note)
        outcome = "" if isinstance(answer, Receipt) else str(answer.name)
        if outcome != submitted.refused:
            raise Surprise(
                f"line {submitted.said.line}: the service answers {outcome or 'accepted'}"
            )


def _audit_far(played: Played, client: LogClient) -> Report:
    """Audit what the service publishes; its checkpoint is that of the same records."""
    size = len(played.records)
    head = parse_checkpoint(parse_note(client.wait_published(size)).text)
    here = parse_checkpoint(parse_note(PublishedLog(played).note).text)
    if head != here:
        raise Surprise(f"the service's log is another: {head} instead of {here}")
    with Scratch() as scratch:
        source = HttpTileSource(client)
        return audit(source, memory=scratch, crew=HereCrew(), trust=played.trust)


def _prove(played: Played, client: LogClient) -> None:
    """The service's own evidence files are as good as ours."""
    for proof in played.scenario.proofs:
        index = played.labels[proof.of.name]
        verify(client.get_bytes(f"/v1/evidence/{index}"), played.newest_trust)


def _audit_near(played: Played, data: DataDirectory) -> Report:
    """Audit the data directory that is left when the service has ended, database included."""
    with Scratch() as scratch, closing(FileBook(data.database)) as book:
        return audit(
            TileDirectory(data.root),
            memory=scratch,
            crew=HereCrew(),
            trust=played.trust,
            book=book,
        )


@contextmanager
def _running(data: Path, clock: Path) -> Iterator[str]:
    """The service on a free port; its URL. Ended in order, which must go well."""
    words = ["registry.bootstrap.supervisor", str(data), "--port", "0", "--workers", "1"]
    paths = [str(CLOCKWORK), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TANBU_TEST_CLOCK": str(clock)},
    )
    try:
        yield _address(process)
    finally:
        process.terminate()
        try:
            said, _ = process.communicate(timeout=END_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
    if process.returncode:
        raise Surprise(f"the service ended with {process.returncode}: {said[-500:]}")


def _address(process: subprocess.Popen[str]) -> str:
    said = []
    for line in process.stdout or ():
        said.append(line)
        if found := re.search(r"http://[0-9.]+:[0-9]+", line):
            return found[0]
    raise Surprise(f"the service did not start: {''.join(said)[-500:]}")
