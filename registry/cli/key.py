"""`tanbu key`: make a private key where it will stay, and show its public half.

Refuses to know: what the key will be enrolled for.
"""

import secrets
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from registry.chain.errors import Malformed
from registry.cli.shell import Exit, emit
from registry.ledger.entries.common import Holder
from registry.ledger.ids import ACCOUNT_RANDOM_BYTES, account_id
from registry.signers.keyfile import PrivateKey, new_key, read_key_file, write_key_file

app = typer.Typer()

NEW_ACCOUNT = "account"


@app.command()
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The party's name; `account`: a new account.")
    ],
    out: Annotated[Path, typer.Option(help="The key file to write (mode 0600).")],
) -> Exit:
    """Make a private key file and print its verifier key.

    Make it on the machine where it will be used; pass on the printed verifier key alone.

    \b
    Example:
      tanbu key new authority.cn-gd --out authority.key
    """
    holder = account_id(secrets.token_bytes(ACCOUNT_RANDOM_BYTES)) if name == NEW_ACCOUNT else name
    try:
        msgspec.convert(holder, Holder)
    except msgspec.ValidationError as error:
        raise Malformed(
            f"not the name of a party: {name[:60]!a}",
            where="NAME",
            todo="such as authority.cn-gd, in lower case and with a dot; or: account",
        ) from error
    key = new_key(holder)
    write_key_file(out, key)
    _show(out, key)
    return Exit.GOOD


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="KEY", help="A private key file.")],
) -> Exit:
    """Show the verifier key of a private key file; the private part stays where it is.

    \b
    Example:
      tanbu key show authority.key
    """
    _show(file, read_key_file(file))
    return Exit.GOOD


def _show(file: Path, key: PrivateKey) -> None:
    emit({"file": str(file), "name": key.name, "type": key.type, "vkey": key.vkey}, key.vkey)
