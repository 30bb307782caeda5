"""What the sample keeps on disk of its own: the seed, and each signed note before it is sent.

A note is on the disk before it leaves, so that after a crash the same text is sent again and the
log answers its first receipt: nothing is ever entered twice.

Refuses to know: what the notes say.
"""

import os
from pathlib import Path
from secrets import token_bytes

import msgspec
from msgspec import Struct

from registry.chain.errors import Broken
from registry.chain.strict import parse_hex
from registry.sample.cast import SEED_BYTES, Cast

ATTEMPTS_MAX = 5


class _Start(Struct, frozen=True, forbid_unknown_fields=True):
    """The file that makes the cast: what everything is derived from, and when it began."""

    seed: str
    started_ms: int


class Journal:
    """A directory: `start.json` (0600), `<step>.<attempt>.note` per entry that was signed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def cast(self, now_ms: int) -> Cast:
        """The cast of this directory; a new one is drawn at the first call."""
        path = self._directory / "start.json"
        if not path.exists():
            drawn = _Start(seed=token_bytes(SEED_BYTES).hex(), started_ms=now_ms)
            write_whole(path, msgspec.json.encode(drawn) + b"\n")
        try:
            start = msgspec.json.decode(path.read_bytes(), type=_Start)
        except msgspec.MsgspecError as error:
            raise Broken(
                f"the sample's start cannot be read: {error}",
                where=str(path),
                todo="play it in another directory",
            ) from error
        return Cast(parse_hex(start.seed, SEED_BYTES), start.started_ms)

    def latest(self, step: str) -> tuple[int, bytes] | None:
        """The newest attempt at a step and its note, if there is one."""
        for attempt in reversed(range(ATTEMPTS_MAX)):
            path = self._path(step, attempt)
            if path.exists():
                return attempt, path.read_bytes()
        return None

    def keep(self, step: str, attempt: int, note: bytes) -> None:
        """Put a note on the disk, durably, before it is sent."""
        if attempt >= ATTEMPTS_MAX:
            raise Broken(f"the sample's step {step} was tried {attempt} times", todo="see the log")
        write_whole(self._path(step, attempt), note)

    def _path(self, step: str, attempt: int) -> Path:
        return self._directory / f"{step}.{attempt}.note"


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file durably and as a whole; its directory is made, private, if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if mode == 0o600 else 0o755)
    beside = path.with_name(f".{path.name}.new")
    number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(number, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
