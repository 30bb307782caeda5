"""A data directory: where what lies, and its lock.

DATA/tanbu.sqlite3    the database          DATA/keys/        private keys, 0600
DATA/tiles/           the published log     DATA/trust/       public: what verifiers need
DATA/config.toml      settings              DATA/tanbu.lock   held by the process that writes
DATA/seals/           the leaves of seals   DATA/stamp.lock   held while a time stamp is asked for
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from registry.chain.errors import Unavailable


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
    def seals(self) -> Path:
        return self.root / "seals"

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
