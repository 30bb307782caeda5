"""Private keys as files: one line, mode 0600.

    PRIVATE + KEY + <name> + <8 hex> + <base64(type || seed)>          (without the spaces)

The form of golang.org/x/mod/sumdb/note, whose tools read our Ed25519 keys: name and key id as in
signature lines, type 0x01 (Ed25519) or 0x06 (ML-DSA-44), a seed of 32 bytes. The house tests know
these words and refuse any file in the repository that holds them.

Rules
- the seed belongs to the key id, or the file is refused
- a file that others may read or write, that is a link or no plain file, is refused
- a new file never replaces one, and is on the disk when `write_key_file` returns

    key = new_key("cn-gd.example/log/5f0c91ae", TYPE_ED25519)
    write_key_file(path, key)
    read_key_file(path).vkey
"""

import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from registry.chain import ed25519, mldsa
from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.chain.note import (
    KEY_ID_BYTES,
    TYPE_ED25519,
    TYPE_MLDSA44,
    VerifierKey,
    format_vkey,
    verifier_key,
)
from registry.chain.strict import format_base64, parse_base64, parse_hex
from registry.ledger.signing import SigningKey

PREFIX = "+".join(("PRIVATE", "KEY", ""))
"""In two words here, so that this file is not taken for a key."""
SEED_BYTES = 32
FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
FILE_BYTES_MAX = 1_000

_PUBLIC_KEY_OF = {TYPE_ED25519: ed25519.public_key, TYPE_MLDSA44: mldsa.public_key}


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key under the name that its lines bear; `seed` is never shown."""

    name: str
    type: int
    seed: bytes = field(repr=False)

    @property
    def public(self) -> VerifierKey:
        """The key that verifies what this one signs; Malformed if there is none of that type."""
        if self.type not in _PUBLIC_KEY_OF or len(self.seed) != SEED_BYTES:
            raise Malformed("a private key is of type 0x01 or 0x06, and its seed has 32 bytes")
        return verifier_key(self.name, self.type, _PUBLIC_KEY_OF[self.type](self.seed))

    @property
    def vkey(self) -> str:
        """The public key as text: what entries enrol and trust files hold."""
        return format_vkey(self.public)

    def signing_key(self) -> SigningKey:
        """This key as one that signs entries; Malformed if it is not an Ed25519 key."""
        if self.type != TYPE_ED25519:
            raise Malformed(f"the key of {self.name} is not of type 0x01: it signs no entries")
        return SigningKey(self.name, self.seed)


def new_key(name: str, type: int = TYPE_ED25519) -> PrivateKey:
    """A key from the system's randomness; Malformed if no line may bear the name."""
    key = PrivateKey(name, type, secrets.token_bytes(SEED_BYTES))
    _ = key.public
    return key


def format_private_key(key: PrivateKey) -> str:
    """The line of a key file, without its LF."""
    public = key.public
    encoded = format_base64(bytes([key.type]) + key.seed)
    return f"{PREFIX}{key.name}+{public.key_id.hex()}+{encoded}"


def parse_private_key(text: str) -> PrivateKey:
    """The key that a line says; Malformed if it is none, NotTrusted if its id is another's."""
    name, _, rest = text.removeprefix(PREFIX).partition("+")
    key_id, _, encoded = rest.partition("+")
    if not text.startswith(PREFIX) or not encoded:
        raise Malformed(f"this is no private key: it does not begin with {PREFIX}")
    try:
        data = parse_base64(encoded)
    except Malformed:
        # Its message shows what it could not read: here that may be most of a seed.
        raise Malformed("this is no private key: its last part is not base64") from None
    key = PrivateKey(name, data[0] if data else 0, data[1:])
    if parse_hex(key_id, KEY_ID_BYTES) != key.public.key_id:
        raise NotTrusted("the private key does not belong to the key id that stands beside it")
    return key


def read_key_file(path: Path) -> PrivateKey:
    """The key in a file; Unavailable if it cannot be read, Malformed if others can, or by form."""
    where = str(path)
    try:
        # No link and no pipe: what is checked is what is read.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Unavailable(
            "there is no key file",
            where=where,
            todo="put the key back, or name another file; a lost log key ends the log",
        ) from error
    except OSError as error:
        raise Unavailable(f"the key file cannot be read: {error.strerror}", where=where) from error
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise Malformed("this is no plain file", where=where)
    with os.fdopen(handle, "rb") as file:
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise Malformed(
                f"the private key can be read by others (mode {stat.S_IMODE(status.st_mode):04o})",
                where=where,
                todo=f"chmod 600 {where}; if others were there, revoke the key",
            )
        data = file.read(FILE_BYTES_MAX + 1)
    try:
        text = data.decode("ascii")
        if not text.endswith("\n") or "\n" in text[:-1]:
            raise Malformed("a key file is one line that ends in a line feed")
        return parse_private_key(text[:-1])
    except UnicodeDecodeError as error:
        raise Malformed("this is no private key: it is not ASCII", where=where) from error
    except Malformed as error:
        raise Malformed(error.message, where=where) from error
    except NotTrusted as error:
        raise NotTrusted(error.message, where=where) from error


def write_key_file(path: Path, key: PrivateKey) -> None:
    """Write a new key file, durably; Unavailable if there is a file already, or no place for it."""
    data = f"{format_private_key(key)}\n".encode("ascii")
    try:
        path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    except FileExistsError as error:
        raise Unavailable(
            "there is a key file already; keys are never replaced", where=str(path)
        ) from error
    except OSError as error:
        raise Unavailable(
            f"the key file cannot be made: {error.strerror}", where=str(path)
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, FILE_MODE)  # whatever the umask said
            file.write(data)
            file.flush()
            os.fsync(handle)
        _sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise Unavailable(
            f"the key file cannot be written: {error.strerror}", where=str(path)
        ) from error


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
