"""A data directory: where what lies, its lock, its log's keys as the log names them.

DATA/tanbu.sqlite3    the database          DATA/keys/        private keys, 0600
DATA/tiles/           the published log     DATA/trust/       public: what verifiers need
DATA/config.toml      settings              DATA/tanbu.lock   held by the process that writes
                                            DATA/stamp.lock   held while a time stamp is asked for
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from registry.chain.checkpoint import LogKeys
from registry.chain.errors import Broken, NotTrusted, Unavailable
from registry.chain.note import parse_vkey
from registry.ledger import values as v
from registry.ledger.state import StateReader, decode_value


class SystemClock:
    """The machine's clocks (port Clock)."""

    # It goes on while the machine sleeps, as the wall clock does.
    _steady = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Milliseconds of a clock that never goes back."""
        return time.clock_gettime_ns(self._steady) // 1_000_000


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The places in a data directory."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "tanbu.sqlite3"

    @property
    def tiles(self) -> Path:
        return self.root / "tiles"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def trust(self) -> Path:
        return self.root / "trust"

    @property
    def config(self) -> Path:
        return self.root / "config.toml"

    @property
    def lock(self) -> Path:
        return self.root / "tanbu.lock"

    @property
    def stamp_lock(self) -> Path:
        return self.root / "stamp.lock"


def locked(data: DataDirectory) -> AbstractContextManager[None]:
    """Hold the directory for writing; Unavailable if another process does, or there is none."""
    return _held(data.lock, data.root, "stop it first; a log has one writer")


def stamping(data: DataDirectory) -> AbstractContextManager[None]:
    """Be the one who adds time stamps, beside the service if it runs; raises as `locked`.

    Who puts another database in place holds this as well.
    """
    return _held(data.stamp_lock, data.root, "try again in a minute")


@contextmanager
def _held(lock: Path, root: Path, todo: str) -> Iterator[None]:
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(
            f"this is no data directory to write in: {error.strerror}",
            where=str(root),
            todo="open a log with: tanbu init",
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 20).decode("ascii", "replace").strip()
            raise Unavailable(
                f"another process (pid {holder or 'unknown'}) writes in this data directory",
                where=str(root),
                todo=todo,
            ) from error
        os.ftruncate(handle, 0)
        os.write(handle, b"%d\n" % os.getpid())
        yield
    finally:
        os.close(handle)


def read_log(state: StateReader) -> v.Log:
    """What the log says of itself; Unavailable if it has no genesis yet."""
    found = state.get_many((v.LOG,)).get(v.LOG)
    if found is None:
        raise Unavailable("the log has no genesis yet", todo="open it with: tanbu init --genesis")
    log = decode_value(v.LOG, found)
    if not isinstance(log, v.Log):
        raise Broken("the state's value for the log is another", where=v.LOG)
    return log


def log_keys(log: v.Log) -> LogKeys:
    """The keys that the log's checkpoints must be signed by."""
    return LogKeys(
        log.origin, parse_vkey(log.ed25519).public_key, parse_vkey(log.mldsa44).public_key
    )


def check_signer(log: v.Log, origin: str, vkeys: tuple[str, str]) -> None:
    """NotTrusted unless the private keys at hand are those that the log names."""
    if origin != log.origin:
        raise NotTrusted(
            f"the keys are those of {origin}, the database is that of {log.origin}",
            todo="use the data directory that the keys were made in",
        )
    if vkeys != (log.ed25519, log.mldsa44):
        raise NotTrusted(
            "the log's private keys are not those that its genesis names",
            todo="put the right key files back; a log never changes its keys silently",
        )
