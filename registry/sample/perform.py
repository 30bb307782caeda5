"""`tanbu sample`: makes the book if it is not there, starts the service, plays, and stays up.

    perform(Path("var"), 8000, once=False, show=printer)

Every part can be interrupted and done again: what is there already is kept, what is missing is
made, and what was sent is sent again, byte for byte.

Refuses to know: how lines are printed.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from registry.bootstrap.data import DataDirectory, SystemClock
from registry.bootstrap.opening import open_log
from registry.ledger.signing import sign_entry
from registry.net.client import LogClient
from registry.net.wire import Receipt
from registry.sample import service
from registry.sample.cast import REGION, Cast
from registry.sample.journal import Journal, write_whole
from registry.sample.place import Place
from registry.sample.play import Play
from registry.sample.script import Scene, Step
from registry.sample.service import Service
from registry.sample.story import GENESIS, RETIREMENTS, STEPS
from registry.verify.evidence import EVIDENCE_BYTES_MAX

COMMITMENTS = ("issuance-rides", "coins-for-rides", "coins-of-campaign", "coins-spent")
"""Steps whose evidence judges a rider's receipts."""
PUBLISH_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Played:
    """The sample, played, with its service still running."""

    place: Place
    cast: Cast
    service: Service
    receipts: Mapping[str, Receipt]

    def certificate(self, step: str) -> str:
        """The certificate number of a retirement."""
        return f"{REGION}-R-{self.cast.origin[-8:]}-{self.receipts[step].index}"

    def evidence(self, step: str) -> Path:
        """The evidence file of a retirement."""
        return self.place.evidence / f"{self.certificate(step)}.json"


class Show(Protocol):
    """Where the sample tells what it does."""

    def step(self, number: int, of: int, step: Step, receipt: Receipt) -> None:
        """A step is in the log."""
        ...

    def played(self, played: Played) -> None:
        """Everything is played; say what to open and what to try."""
        ...


def perform(data: Path, port: int, show: Show, afterwards: Callable[[Played], None]) -> None:
    """Play the sample in a data directory and do `afterwards`; then the service is ended.

    Raises Unavailable if the port is taken, the directory holds another book, or the service ends.
    """
    service.check_port(port)
    place = Place(data)
    place.check_free()
    journal = Journal(place.journal)
    cast = journal.cast(time.time_ns() // 1_000_000)
    found(place, cast, journal)
    with service.running(data, port) as running:
        played = Played(place, cast, running, play(cast, journal, running.url, show))
        fetch(played)
        show.played(played)
        afterwards(played)


def found(place: Place, cast: Cast, journal: Journal) -> None:
    """Make the keys and files of the sample and open its log, as far as that is not done."""
    place.write_keys(cast)
    place.write_trust(cast)
    place.write_private(cast)
    data = DataDirectory(place.root)
    if not (data.tiles / "checkpoint").exists():  # the last that opening a log writes
        _, note = journal.latest(GENESIS.name) or (0, _sign_genesis(cast, journal))
        open_log(data, note, SystemClock())


def _sign_genesis(cast: Cast, journal: Journal) -> bytes:
    """Only here both founders' keys are on one machine."""
    now_ms = time.time_ns() // 1_000_000
    scene = Scene(cast, GENESIS.name, 0, now_ms, {}, lambda _account, _batch: ())
    keys = [cast.key(name) for name in GENESIS.keys]
    note = sign_entry(cast.origin, GENESIS.entry(scene), keys)
    journal.keep(GENESIS.name, 0, note)
    return note


def play(cast: Cast, journal: Journal, url: str, show: Show) -> Mapping[str, Receipt]:
    """Play the story over HTTP; the receipt of every step."""
    with LogClient(url) as log:
        return Play(cast, log, journal).run(
            lambda number, step, receipt: show.step(number, len(STEPS), step, receipt)
        )


def fetch(played: Played) -> None:
    """Fetch receipts and evidence, once everything is published."""
    played.place.write_receipts(played.receipts)
    paths = {name: played.evidence(name) for name in RETIREMENTS}
    paths |= {name: played.place.evidence / f"{name}.json" for name in COMMITMENTS}
    size = max(receipt.index for receipt in played.receipts.values()) + 1
    with LogClient(played.service.url) as log:
        log.wait_published(size, timeout_s=PUBLISH_S_MAX)
        for name, path in paths.items():
            index = played.receipts[name].index
            data = log.get_bytes(f"/v1/evidence/{index}", bytes_max=EVIDENCE_BYTES_MAX)
            write_whole(path, data, 0o644)
