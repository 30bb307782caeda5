"""The log's own two keys from files: they sign checkpoints and nothing else (port Signer)."""

from collections.abc import Callable
from pathlib import Path

from registry.chain.checkpoint import Checkpoint, sign_checkpoint
from registry.chain.errors import NotTrusted
from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44
from registry.signers.keyfile import PrivateKey, read_key_file

ED25519_FILE = "log-ed25519.key"
MLDSA44_FILE = "log-mldsa44.key"


class FileSigner:
    """Signs checkpoints with both keys of a log; `clock_ms` gives the time in the 0x06 line."""

    def __init__(
        self, ed25519: PrivateKey, mldsa44: PrivateKey, clock_ms: Callable[[], int]
    ) -> None:
        """NotTrusted unless the keys are of these two types and bear one name, the origin."""
        if (ed25519.type, mldsa44.type) != (TYPE_ED25519, TYPE_MLDSA44):
            raise NotTrusted("a log signs with one Ed25519 key and one ML-DSA-44 key")
        if ed25519.name != mldsa44.name:
            raise NotTrusted(
                f"the log's keys bear two names, {ed25519.name} and {mldsa44.name}",
                todo="use the two keys that were made for this log",
            )
        self._ed25519 = ed25519
        self._mldsa44 = mldsa44
        self._clock_ms = clock_ms

    @property
    def origin(self) -> str:
        """The log whose checkpoints these keys sign."""
        return self._ed25519.name

    @property
    def vkeys(self) -> tuple[str, str]:
        """The public keys, as genesis names them: Ed25519, ML-DSA-44."""
        return self._ed25519.vkey, self._mldsa44.vkey

    def sign_checkpoint(self, size: int, root: bytes) -> bytes:
        """A signed note of the checkpoint with the Ed25519 and the ML-DSA-44 line."""
        return sign_checkpoint(
            Checkpoint(self.origin, size, root),
            self._ed25519.seed,
            self._mldsa44.seed,
            self._clock_ms() // 1000,
        )


def read_log_keys(directory: Path, clock_ms: Callable[[], int]) -> FileSigner:
    """The signer whose keys are in a directory; raises as `read_key_file` does."""
    return FileSigner(
        read_key_file(directory / ED25519_FILE), read_key_file(directory / MLDSA44_FILE), clock_ms
    )
