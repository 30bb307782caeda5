"""`tanbu key`: make a private key where it will stay, and show its public half.

Refuses to know: what the key will be enrolled for.
"""

import secrets
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from registry.bootstrap.data import DataDirectory
from registry.chain.errors import Malformed
from registry.cli import files, resolve
from registry.cli.shell import Exit, emit
from registry.ledger.dates import DAY_MS
from registry.ledger.entries.common import Holder
from registry.ledger.ids import ACCOUNT_RANDOM_BYTES, account_id
from registry.signers.keyfile import PrivateKey, new_key, read_key_file, write_key_file
from registry.signers.logkeys import make_next_pair

app = typer.Typer()

NEW_ACCOUNT = "account"
OVERLAP_DAYS = 45
"""Fifteen days for the authority to sign, beside the thirty that the rules want."""


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
def log(
    data: Annotated[
        Path, typer.Option(metavar="DIR", envvar="TANBU_DATA", help="The data directory.")
    ],
    out: Annotated[Path, typer.Option(help="The fields of the entry to write.")],
    days: Annotated[
        int,
        typer.Option(help="So long, from now on, the present keys sign too.", min=31, max=360),
    ] = OVERLAP_DAYS,
) -> Exit:
    """Make the next keys of the log, and the fields of the entry that puts them in force.

    The private keys stay in the data directory; they sign nothing before that entry, of kind
    logkey, is in the log. It is signed by operator and authority. Its until_ms must lie 30 days
    after it is recorded: have it signed and submitted before the days beyond that are over.

    \b
    Example:
      tanbu key log --data var --out logkey.json
      tanbu entry new logkey --data var --signer operator.key --signer authority.cn-gd+9b2e7a41 \\
        --file logkey.json --out logkey.note
    """
    if out.exists():
        raise Malformed("the file is already there", where=str(out), todo="name another file")
    origin = resolve.origin("", data, "")
    until_ms = time.time_ns() // 1_000_000 + days * DAY_MS
    made = make_next_pair(DataDirectory(data).keys, origin)
    (_, ed25519), (_, mldsa44) = made
    fields = {"ed25519": ed25519, "mldsa44": mldsa44, "until_ms": until_ms}
    files.write_new(out, msgspec.json.format(msgspec.json.encode(fields)) + b"\n")
    paths = [str(path) for path, _ in made]
    emit({"origin": origin, "keys": paths, "fields": str(out), **fields}, [*paths, str(out)])
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
