"""The log's own keys from files: they sign checkpoints and nothing else (port Signer).

    log-ed25519.key, log-mldsa44.key                  the pair of genesis
    log-ed25519-<8 hex>.key, log-mldsa44-<8 hex>.key  a later one, by its key ids

Which of them sign is said by the log; a key file that the log does not name signs nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from msgspec import UNSET

from registry.chain.checkpoint import Checkpoint, sign_checkpoint
from registry.chain.errors import NotTrusted, Unavailable
from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44, parse_vkey
from registry.ledger.logkeys import KeyHistory, Pair
from registry.signers.keyfile import PrivateKey, new_key, read_key_file, write_key_file

ED25519_FILE = "log-ed25519.key"
MLDSA44_FILE = "log-mldsa44.key"
_FILES = "log-*.key"
_WORDS = {TYPE_ED25519: "ed25519", TYPE_MLDSA44: "mldsa44"}


class FileSigner:
    """Signs checkpoints with the keys in a directory; `clock_ms`: the time in the 0x06 lines."""

    def __init__(self, directory: Path, clock_ms: Callable[[], int]) -> None:
        """Raises as `read_key_file` does for a file that is there and is no good key."""
        self._directory = directory
        self._clock_ms = clock_ms
        self._keys = _read_all(directory)

    def check(self, history: KeyHistory, size: int, time_ms: int) -> None:
        """Raise unless the keys at hand are those that sign at a size; see `need`."""
        others = {key.name for key in self._keys.values()} - {history.origin}
        if others:
            raise NotTrusted(
                f"the keys are those of {min(others)}, the database is that of {history.origin}",
                where=str(self._directory),
                todo="use the data directory that the keys were made in",
            )
        self.need(history.pairs_due(size, time_ms))

    def need(self, pairs: Iterable[Pair]) -> None:
        """Unavailable, naming the file, if a private key of `pairs` is not here; NotTrusted if

        another one is in its place. Files that were added meanwhile are found.
        """
        wanted = [(pair, text) for pair in pairs for text in (pair.ed25519, pair.mldsa44)]
        if any(text not in self._keys for _, text in wanted):
            self._keys = _read_all(self._directory)
        for pair, text in wanted:
            if text not in self._keys:
                raise _missing(self._directory, pair, text)

    def sign_checkpoint(self, size: int, root: bytes, pairs: Sequence[Pair]) -> bytes:
        """A signed note of the checkpoint with the lines of all pairs; raises as `need`."""
        self.need(pairs)
        keys = [(self._keys[pair.ed25519], self._keys[pair.mldsa44]) for pair in pairs]
        (ed25519, mldsa44), *former = keys
        head = Checkpoint(ed25519.name, size, root)
        seeds = [(one.seed, other.seed) for one, other in former]
        now_s = self._clock_ms() // 1000
        return sign_checkpoint(head, ed25519.seed, mldsa44.seed, now_s, *seeds)


def read_first_pair(directory: Path) -> tuple[PrivateKey, PrivateKey]:
    """The keys that genesis names; raises as `read_key_file`, NotTrusted if they are no pair."""
    ed25519 = read_key_file(directory / ED25519_FILE)
    mldsa44 = read_key_file(directory / MLDSA44_FILE)
    if (ed25519.type, mldsa44.type) != (TYPE_ED25519, TYPE_MLDSA44):
        raise NotTrusted("a log signs with one Ed25519 key and one ML-DSA-44 key")
    if ed25519.name != mldsa44.name:
        raise NotTrusted(
            f"the log's keys bear two names, {ed25519.name} and {mldsa44.name}",
            todo="use the two keys that were made for this log",
        )
    return ed25519, mldsa44


def make_next_pair(directory: Path, origin: str) -> tuple[tuple[Path, str], tuple[Path, str]]:
    """Make the pair that is to follow: file and verifier key of each, Ed25519 first."""
    ed25519 = new_key(origin, TYPE_ED25519)
    mldsa44 = new_key(origin, TYPE_MLDSA44)
    made = tuple((directory / file_of(key.vkey), key) for key in (ed25519, mldsa44))
    for path, key in made:
        write_key_file(path, key)
    (first, one), (second, other) = made
    return (first, one.vkey), (second, other.vkey)


def file_of(vkey: str) -> str:
    """The name of the file in which the private half of a later key lies."""
    key = parse_vkey(vkey)
    return f"log-{_WORDS.get(key.type, 'key')}-{key.key_id.hex()}.key"


def _read_all(directory: Path) -> dict[str, PrivateKey]:
    """The log keys in a directory by their verifier keys."""
    keys = [read_key_file(path) for path in sorted(directory.glob(_FILES))]
    return {key.vkey: key for key in keys}


def _missing(directory: Path, pair: Pair, text: str) -> NotTrusted | Unavailable:
    key = parse_vkey(text)
    short = f"{key.name}+{key.key_id.hex()}"
    if pair.from_size > 1:
        path = directory / file_of(text)
    else:
        path = directory / (ED25519_FILE if key.type == TYPE_ED25519 else MLDSA44_FILE)
        if path.exists():
            return NotTrusted(
                "the log's private keys are not those that its genesis names",
                where=str(path),
                todo="put the right key files back; a log never changes its keys silently",
            )
    until = "" if pair.until_ms is UNSET else f" and until {pair.until_ms} (ms)"
    return Unavailable(
        f"there is no key file of {short}, which signs this log from size {pair.from_size} on"
        f"{until}",
        where=str(path),
        todo="put the key back: without it nothing more is published",
    )
