"""The operator's key that signs refusal notes, as the settings name it.

A key that is not there, or cannot be used, keeps no service from starting: refusals are then
answered without notes, and that is said at the start and by /readyz.
"""

from dataclasses import dataclass

from registry.bootstrap.data import DataDirectory
from registry.chain.errors import TanbuError
from registry.ledger.signing import SigningKey
from registry.settings import read_settings
from registry.signers.keyfile import read_key_file


@dataclass(frozen=True, slots=True)
class RefusalKey:
    """The key, or why there is none: `fault` for everybody, `where` and `todo` for the operator."""

    key: SigningKey | None
    fault: str = ""
    where: str = ""
    todo: str = ""


def read_refusal_key(data: DataDirectory) -> RefusalKey:
    """The key in the file that the setting `refusal_key` names, in `keys/` or by a whole path."""
    path = data.keys / read_settings(data=data.root).refusal_key
    if not path.exists():
        todo = "tanbu key new, then enrol it: tanbu entry new key"
        return RefusalKey(None, "there is no key file for them", str(path), todo)
    try:
        return RefusalKey(read_key_file(path).signing_key())
    except TanbuError as error:
        return RefusalKey(None, error.message, error.where or str(path), error.todo)
