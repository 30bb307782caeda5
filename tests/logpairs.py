"""Further pairs of log keys for the books of the tests, and checkpoints signed by what is due.

Pair 1 is that of genesis; `rotation(book, 2, …)` is the entry that puts pair 2 in force.
"""

from __future__ import annotations

from typing import NamedTuple

from registry.chain import mldsa
from registry.chain.checkpoint import Checkpoint, sign_checkpoint
from registry.chain.ed25519 import public_key
from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44, format_vkey, verifier_key
from registry.ledger import entries as e
from registry.ledger.logkeys import KeyHistory
from tests.books import Book, party_key, seed

PAIRS_MAX = 4


class LogPair(NamedTuple):
    """Two private seeds under a log's name."""

    origin: str
    ed25519_seed: bytes
    mldsa44_seed: bytes

    @property
    def ed25519(self) -> str:
        return format_vkey(verifier_key(self.origin, TYPE_ED25519, public_key(self.ed25519_seed)))

    @property
    def mldsa44(self) -> str:
        key = mldsa.public_key(self.mldsa44_seed)
        return format_vkey(verifier_key(self.origin, TYPE_MLDSA44, key))

    @property
    def vkeys(self) -> tuple[str, str]:
        return self.ed25519, self.mldsa44

    @property
    def seeds(self) -> tuple[bytes, bytes]:
        return self.ed25519_seed, self.mldsa44_seed


def log_pair(book: Book, number: int) -> LogPair:
    """The pair of that number; 1: of genesis."""
    if number == 1:
        return LogPair(book.origin, book.ed25519_seed, book.mldsa44_seed)
    names = (f"log {kind} {book.origin} {number}" for kind in ("ed25519", "mldsa44"))
    one, other = map(seed, names)
    return LogPair(book.origin, one, other)


def rotation(book: Book, number: int, until_ms: int) -> bytes:
    """The entry that puts a pair in force, signed by operator and authority."""
    pair = log_pair(book, number)
    keys = {"ed25519": pair.ed25519, "mldsa44": pair.mldsa44}
    return book.note(
        e.LogKey, party_key("operator"), party_key("authority"), until_ms=until_ms, **keys
    )


def sign(head: Checkpoint, time_s: int, *pairs: LogPair) -> bytes:
    """A checkpoint with the lines of these pairs and of no others."""
    first, *former = (pair.seeds for pair in pairs)
    return sign_checkpoint(head, *first, time_s, *former)


def due(book: Book, history: KeyHistory, size: int, time_ms: int) -> tuple[LogPair, ...]:
    """The book's pairs that sign at a size."""
    pairs = {pair.vkeys: pair for pair in (log_pair(book, n) for n in range(1, PAIRS_MAX + 1))}
    wanted = history.pairs_due(size, time_ms)
    return tuple(pairs[pair.ed25519, pair.mldsa44] for pair in wanted)
