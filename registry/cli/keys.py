"""Keys as the command line takes them: a private key file, a verifier key, or its short name.

Refuses to know: what is signed with them.
"""

from pathlib import Path

import msgspec

from registry.chain.errors import Malformed
from registry.chain.note import parse_vkey
from registry.ledger.entries.common import SignerName
from registry.ledger.signing import SigningKey
from registry.signers.keyfile import read_key_file


def read_signing_key(path: Path) -> SigningKey:
    """The private key that a party or account signs entries with; Malformed if it is another."""
    try:
        return read_key_file(path).signing_key()
    except Malformed as error:
        raise Malformed(error.message, where=str(path), todo=error.todo) from error


def signer_name(text: str) -> str:
    """`<name>+<8 hex>` of a key file, of a verifier key, or as it is given."""
    if Path(text).is_file():
        return read_signing_key(Path(text)).signer
    if text.count("+") > 1:
        key = parse_vkey(text)
        return f"{key.name}+{key.key_id.hex()}"
    try:
        return msgspec.convert(text, SignerName)
    except msgspec.ValidationError as error:
        raise Malformed(
            f"not a signer: {text[:80]!a}",
            where="--signer",
            todo="give a key file, a verifier key, or NAME+ID as it stands in it",
        ) from error
