"""Files as the command line reads and writes them: bounded reads, whole writes, private modes.

Rules
- a file is read up to a limit; what is larger is malformed
- what is written is on the disk before the command says so; a reader sees the old or the new, whole
- a private file has mode 0600 from its first byte, and is refused when others can read it
- an existing file is never overwritten by a new one, unless the caller replaces it on purpose

Refuses to know: what the bytes mean.
"""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.chain.errors import Malformed, TanbuError

FILE_BYTES_MAX = 64 * 1024 * 1024
PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644
STDIO = Path("-")


def read(path: Path, bytes_max: int = FILE_BYTES_MAX) -> bytes:
    """The bytes of a file (`-`: stdin); Malformed above `bytes_max`; OSError if unreadable."""
    if path == STDIO:
        data = sys.stdin.buffer.read(bytes_max + 1)
    else:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise Malformed(f"a file of more than {bytes_max} bytes", where=str(path))
    return data


def read_private(path: Path, bytes_max: int = FILE_BYTES_MAX) -> bytes:
    """The bytes of a private file; Malformed if others can read it."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Malformed(
            f"this private file can be read by others (mode {mode:04o})",
            where=str(path),
            todo=f"chmod 600 {path}",
        )
    return read(path, bytes_max)


def write_new(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file that must not be there yet (`-`: stdout); Malformed if it is."""
    if path == STDIO:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    if path.exists():
        raise Malformed("the file is already there", where=str(path), todo="name another file")
    replace(path, data, private=private)


def replace(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file as a whole, in place of one that may be there; its directory is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    mode = PRIVATE_MODE if private else PUBLIC_MODE
    number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error about a file's content say which file it is."""
    try:
        yield
    except TanbuError as error:
        where = f"{path}: {error.where}" if error.where else str(path)
        raise type(error)(error.message, where=where, todo=error.todo) from error


def _sync_directory(directory: Path) -> None:
    """Make the name durable, too."""
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
