"""Where the sample lies in its data directory, and what it puts there beside the log.

    DATA/sample/     the journal: seed and signed notes (0700)
    DATA/keys/       the log's keys; parties/: every party's key, which only the sample may have
    DATA/private/    leaf files, a rider's receipts, the opening of the order's obligor (0700)
    DATA/trust/      what a verifier needs          DATA/evidence/   one file per retirement
    DATA/receipts/   the log's receipt of every entry

Everything is made from the cast, so that whatever an interruption left out is made again.
Refuses to know: the service.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from registry.chain.errors import Unavailable
from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44
from registry.ledger import people
from registry.net.wire import Receipt
from registry.sample import crowd, founding, plot
from registry.sample.cast import DEFENDANT, PLAYERS, Cast
from registry.sample.journal import write_whole
from registry.settings import REFUSAL_KEY
from registry.signers.keyfile import PrivateKey, read_key_file, write_key_file
from registry.signers.logkeys import ED25519_FILE, MLDSA44_FILE
from registry.verify.trust import file_name, format_trust, new_trust

RIDER = "rider-07"
"""The person whose receipts are written, to be tried out."""
EXTRA_KEYS = (DEFENDANT, "exchange/2")
REFUSALS = "operator/2"
"""The operator's key that signs refusal notes."""


@dataclass(frozen=True, slots=True)
class Place:
    """A data directory with a sample in it."""

    root: Path

    @property
    def journal(self) -> Path:
        return self.root / "sample"

    @property
    def trust(self) -> Path:
        return self.root / "trust"

    @property
    def evidence(self) -> Path:
        return self.root / "evidence"

    @property
    def opening(self) -> Path:
        return self.root / "private" / "obligor.opening"

    @property
    def receipts(self) -> Path:
        return self.root / "receipts"

    def rider_receipt(self, name: str) -> Path:
        """The receipt of one rider under one of the leaf files."""
        return self.root / "private" / f"{RIDER}.{name}.receipt"

    def check_free(self) -> None:
        """Unavailable if the directory holds a book that is not a sample's."""
        if (self.root / "tanbu.sqlite3").exists() and not self.journal.is_dir():
            raise Unavailable(
                "this data directory holds a book that is no sample",
                where=str(self.root),
                todo="play the sample in another directory: tanbu sample --data DIR",
            )

    def write_keys(self, cast: Cast) -> None:
        """Every private key of the sample, mode 0600; those that are there must be these."""
        keys = self.root / "keys"
        _put_key(keys / ED25519_FILE, cast.origin, TYPE_ED25519, cast.derive("log ed25519"))
        _put_key(keys / MLDSA44_FILE, cast.origin, TYPE_MLDSA44, cast.derive("log mldsa44"))
        key = cast.key(REFUSALS)
        _put_key(keys / REFUSAL_KEY, key.holder, TYPE_ED25519, key.seed)
        for name in (*PLAYERS, *EXTRA_KEYS):
            key = cast.key(name)
            path = keys / "parties" / f"{name.replace('/', '-')}.key"
            _put_key(path, key.holder, TYPE_ED25519, key.seed)

    def write_trust(self, cast: Cast) -> None:
        """The trust file: what an outsider would get from a source that he believes."""
        log = founding.log_keys(cast)
        trust = new_trust(
            cast.origin,
            (log.ed25519, log.mldsa44),
            (cast.key("authority").vkey,),
            (cast.key("operator").vkey, cast.key(REFUSALS).vkey),
        )
        write_whole(self.trust / file_name(cast.origin), format_trust(trust), 0o644)

    def write_private(self, cast: Cast) -> None:
        """What never enters the log: people's leaves, receipts, the obligor's opening."""
        private = self.root / "private"
        for name, make in crowd.FILES.items():
            leaves = make(cast)
            write_whole(private / f"{name}.leaves", people.format_leaves(leaves))
            receipt = people.receipt_for(leaves, RIDER)
            write_whole(self.rider_receipt(name), people.format_receipt(receipt))
        write_whole(self.opening, people.format_opening(*plot.defendant(cast)))

    def write_receipts(self, receipts: Mapping[str, Receipt]) -> None:
        """The log's receipts, one file per step."""
        for name, receipt in receipts.items():
            data = msgspec.json.format(msgspec.json.encode(receipt)) + b"\n"
            write_whole(self.receipts / f"{name}.json", data, 0o644)


def _put_key(path: Path, name: str, type: int, seed: bytes) -> None:
    key = PrivateKey(name, type, seed)
    if not path.exists():
        write_key_file(path, key)
    elif read_key_file(path) != key:
        raise Unavailable(
            "a key file is there that is not the sample's",
            where=str(path),
            todo="play the sample in another directory",
        )
