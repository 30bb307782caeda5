"""`tanbu reconcile`: another book's table against the log, and a signed report of the differences.

Refuses to know: which of the two is right.
"""

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from registry.cli import files, keys
from registry.cli.export import audited_book
from registry.cli.shell import Exit, current, emit, words
from registry.cli.trusting import OptionalTrust, read_trust
from registry.importing.booktable import BookMapping, parse_book_mapping, read_book
from registry.importing.toml import MAPPING_BYTES_MAX
from registry.ledger.reconciliation_note import Scope, Table, compare, sign_reconciliation
from registry.ledger.state import StateReader
from registry.verify.booktables import holdings, retirements
from registry.verify.reconciliation import sentences

app = typer.Typer()


@app.command()
def reconcile(
    table: Annotated[Table, typer.Argument(help="Which table the file is.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Your own table, CSV.")],
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A data directory, a directory of tiles, a URL.")
    ],
    key: Annotated[Path, typer.Option(metavar="FILE", help="Your party's private key file.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The signed report to write.")],
    mapping: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What its columns are [default: those of export]."),
    ] = None,
    scope: Annotated[
        Scope, typer.Option(help="Compare with the whole book, or what the file names.")
    ] = "book",
    size: Annotated[
        int | None,
        typer.Option(min=1, help="As of this size of the log [default: the published one]."),
    ] = None,
    trust: OptionalTrust = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes beside this one [default: cores].")
    ] = None,
) -> Exit:
    """Compare your own table with the log, and sign a report.

    The log is audited first. Exit code 0: the same. 1: there are differences, which are shown; the
    report is written all the same. With --scope file only the accounts (of holdings) or the
    certificates that your file names are compared.

    \b
    Example:
      tanbu reconcile holdings mine.csv http://127.0.0.1:8000 --key exchange.key --out day.report
    """
    signing = keys.read_signing_key(key)
    read = BookMapping()
    if mapping is not None:
        read = parse_book_mapping(files.read(mapping, MAPPING_BYTES_MAX), str(mapping))
    data = files.read(file)
    there = read_book(str(file), data, read, table)
    trusted = None if trust is None else read_trust(trust)
    with audited_book(source, trusted, size=size, workers=workers) as book:
        here = _ours(book.state, table)
        origin, as_of, root = book.origin, book.size, book.root
    if scope == "file":
        named = {_named(name) for name in there}
        here = {name: grams for name, grams in here.items() if _named(name) in named}
    said = compare(
        here,
        there,
        table=table,
        scope=scope,
        size=as_of,
        root=root,
        file_sha256=sha256(data).hexdigest(),
    )
    files.write_new(out, sign_reconciliation(origin, said, signing))
    head = words(f"{origin}, size {as_of}, root {root}", f"{origin}，规模 {as_of}，根 {root}")
    lines = [sentence.text(current().language) for sentence in sentences(said)]
    emit(
        {"report": str(out), "origin": origin, **msgspec.to_builtins(said)},
        [head, *lines, words(f"report: {out}", f"报告：{out}")],
    )
    return Exit.BAD if said.differences else Exit.GOOD


def _ours(state: StateReader, table: Table) -> dict[str, int]:
    """What the log has, grams by key."""
    if table == "holdings":
        return {f"{row.account}/{row.batch}": row.held_g for row in holdings(state) if row.held_g}
    return {row.certificate: row.quantity_g for row in retirements(state)}


def _named(key: str) -> str:
    """The account of a holding; a certificate is its own."""
    return key.partition("/")[0]
