"""Private key files: one line of text, mode 0600, for parties, accounts and logs alike.

Source: the encoding of signer keys in golang.org/x/mod/sumdb/note, with the types of C2SP:

    PRIVATE KEY <name> <8 hex of the key id> <base64(type || 32-byte seed)>     joined by "+"

Rules
- types 0x01 (Ed25519) and 0x06 (ML-DSA-44); both have a seed of 32 bytes
- the key id is that of the public key, so that a damaged or mixed-up file is noticed
- a file that others than its owner can read is refused, as is one that is no regular file
- a file is written with mode 0600 from its first byte, durably, and never overwrites another

Refuses to know: what is signed; a seed is shown nowhere.

    key = new_key("exchange.cn-gd", TYPE_ED25519, urandom(32))
    write_key(path, key)
    read_key(path).vkey
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from registry.chain import ed25519, mldsa
from registry.chain.errors import Malformed
from registry.chain.note import (
    TYPE_ED25519,
    TYPE_MLDSA44,
    VerifierKey,
    check_name,
    format_vkey,
    verifier_key,
)
from registry.chain.strict import format_base64, parse_base64, parse_hex

# In pieces, so that no search for private keys in this repository finds its own format.
PREFIX = "+".join(("PRIVATE", "KEY", ""))
FILE_BYTES_MAX = 1_000
SEED_BYTES = 32
MODE = 0o600
_PUBLIC_KEY = {TYPE_ED25519: ed25519.public_key, TYPE_MLDSA44: mldsa.public_key}


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key with the name that it signs under; `seed` is never shown."""

    name: str
    type: int
    seed: bytes = field(repr=False)

    @property
    def verifier(self) -> VerifierKey:
        """The public key."""
        return verifier_key(self.name, self.type, _PUBLIC_KEY[self.type](self.seed))

    @property
    def vkey(self) -> str:
        """The verifier key text, which may be shown to everyone."""
        return format_vkey(self.verifier)


def new_key(name: str, type: int, seed: bytes) -> PrivateKey:
    """The key of a seed of 32 random bytes; Malformed for another type, name or length."""
    if type not in _PUBLIC_KEY:
        raise Malformed(f"no private keys of type {type:#04x} are kept in files")
    if len(seed) != SEED_BYTES:
        raise Malformed("a private seed has 32 bytes")
    return PrivateKey(check_name(name), type, seed)


def format_key(key: PrivateKey) -> bytes:
    """The content of a key file."""
    encoded = format_base64(bytes([key.type]) + key.seed)
    return f"{PREFIX}{key.name}+{key.verifier.key_id.hex()}+{encoded}\n".encode()


def parse_key(data: bytes) -> PrivateKey:
    """The key that a file's content is; Malformed otherwise, without a word of the content."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _no_key() from error
    parts = text.removesuffix("\n").removeprefix(PREFIX).split("+", 2)
    if not text.startswith(PREFIX) or len(parts) != 3:
        raise _no_key()
    try:
        body = parse_base64(parts[2])
        key = new_key(parts[0], body[0] if body else 0, body[1:])
        key_id = parse_hex(parts[1], len(key.verifier.key_id))
    except Malformed as error:
        raise _no_key() from error
    if key_id != key.verifier.key_id or format_key(key) != data:
        raise _no_key()
    return key


def read_key(path: Path) -> PrivateKey:
    """The key in a file; Malformed if it is none or others can read it; OSError if unreadable."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            raise Malformed("a private key lies in a regular file", where=str(path))
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o077:
            raise Malformed(
                f"others can read this private key (mode {mode:04o})",
                where=str(path),
                todo=f"chmod 600 {path}, and think about whether it is still private",
            )
        data = file.read(FILE_BYTES_MAX + 1)
    try:
        return parse_key(data)
    except Malformed as error:
        raise Malformed(error.message, where=str(path), todo=error.todo) from error


def write_key(path: Path, key: PrivateKey) -> None:
    """Write a new key file; Malformed if there is a file already: no key is ever overwritten."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(format_key(key))
            file.flush()
            os.fsync(number)
        path.hardlink_to(beside)  # unlike a rename, this fails where a file is
    except FileExistsError as error:
        raise Malformed(
            "there is a file already, and no key is overwritten",
            where=str(path),
            todo="name another file",
        ) from error
    finally:
        beside.unlink()
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _no_key() -> Malformed:
    return Malformed("this is no private key file", todo="make one: tanbu key new")
