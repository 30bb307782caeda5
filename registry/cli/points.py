"""`tanbu points`: commitments to people's amounts, receipts, and their check; all offline.

The leaf file is the platform's alone (mode 0600); of it only `{root, count, total}` goes into an
entry. What the files are: `registry.ledger.people`.

Refuses to know: who the people are.
"""

import csv
import io
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from registry.chain.errors import Malformed, TanbuError
from registry.chain.strict import MAX_INT, check_text, parse_decimal, parse_hex
from registry.chain.sumtree import SALT_BYTES
from registry.chain.tlog import HASH_BYTES
from registry.cli import files
from registry.cli.shell import Exit, current, emit, note, words
from registry.cli.trusting import read_trust
from registry.ledger import people
from registry.ledger.entries.common import Commit
from registry.ledger.people import Leaf, LeafFile
from registry.verify.receipt import verify_receipt
from registry.verify.trust import Trust

app = typer.Typer()

LEAF_FILE_BYTES_MAX = 2 * 1024**3
COLUMNS = ["person", "amount", "act"]
LeavesArgument = Annotated[Path, typer.Argument(metavar="LEAVES", help="The private leaf file.")]


class Counted(StrEnum):
    """What the amounts count."""

    points = "points"
    mg = "mg"


@app.command()
def commit(
    amounts: Annotated[Path, typer.Argument(help="CSV with the columns person, amount, act.")],
    out: Annotated[Path, typer.Option(help="The leaf file to write (mode 0600). Keep it.")],
    unit: Annotated[Counted, typer.Option(help="What the amounts count.")] = Counted.points,
) -> Exit:
    """Commit to people's amounts: print root, count and total for an entry.

    Writes the private leaf file, with a random salt per line. The log gets the three numbers only.

    \b
    Example:
      tanbu points commit rides.csv --unit mg --out rides.leaves
    """
    leaves = _read_amounts(files.read(amounts, LEAF_FILE_BYTES_MAX), str(amounts))
    file = LeafFile(unit=unit.value, leaves=leaves)
    files.write_new(out, people.format_leaves(file), private=True)
    _show_commit(people.commit_of(leaves), unit.value)
    return Exit.GOOD


@app.command()
def receipt(
    leaves: LeavesArgument,
    person: Annotated[str, typer.Option(help="The person's name in the leaf file.")],
    out: Annotated[Path, typer.Option(help="The receipt to write (mode 0600); -: stdout.")],
) -> Exit:
    """Make one person's receipt from the leaf file.

    The receipt names nobody; with it the person shows what was counted for them.

    \b
    Example:
      tanbu points receipt rides.leaves --person user-7 --out user-7.receipt
    """
    made = people.receipt_for(_read_leaves(leaves), person)
    files.write_new(out, people.format_receipt(made), private=True)
    amount = sum(part.amount for part in made.parts)
    if out != files.STDIO:
        emit(
            {"file": str(out), "amount": amount, "unit": made.unit, "leaves": len(made.parts)},
            f"{out}: {amount} {made.unit}, {len(made.parts)}/{made.commit.count}",
        )
    return Exit.GOOD


@app.command()
def forget(
    leaves: LeavesArgument,
    person: Annotated[str, typer.Option(help="The person's name in the leaf file.")],
) -> Exit:
    """Delete a person from the leaf file; the root and all other receipts stay good.

    Person, act and salt go; the amount and a hash that cannot be reversed stay.

    \b
    Example:
      tanbu points forget rides.leaves --person user-7
    """
    left = people.forget(_read_leaves(leaves), person)
    files.replace(leaves, people.format_leaves(left), private=True)
    _show_commit(people.commit_of(left.leaves), left.unit)
    return Exit.GOOD


@app.command()
def verify(
    receipt: Annotated[Path, typer.Argument(help="The receipt; -: stdin.")],
    root: Annotated[str, typer.Option(help="The committed root, 64 hex digits.")] = "",
    count: Annotated[int, typer.Option(help="The committed count.")] = 0,
    total: Annotated[int, typer.Option(help="The committed total.")] = 0,
    evidence: Annotated[
        Path | None, typer.Option(help="Or: the evidence file of the entry that committed.")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Your trust, for the evidence file.")
    ] = None,
) -> Exit:
    """Check a receipt offline against a commitment that you have from elsewhere.

    Best with --evidence and --trust: then the log's own record is the judge. Or give root, count
    and total as the log's record has them, never as the receipt has them. With neither the receipt
    is checked against itself only, and the exit code is 3.

    \b
    Example:
      tanbu points verify user-7.receipt --evidence conversion.json --trust var/trust
    """
    data = files.read(receipt)
    if evidence is not None:
        report = verify_receipt(data, files.read(evidence), _trust_for(trust))
        emit(report.as_json(), report.lines(current().language))
        return Exit.GOOD
    return _verify_against(data, root, count, total)


def _trust_for(directory: Path | None) -> Trust:
    if directory is None:
        raise Malformed("an evidence file is judged by your trust", todo="give --trust DIR")
    return read_trust(directory)


def _verify_against(data: bytes, root: str, count: int, total: int) -> Exit:
    """Check a receipt against root, count and total, or against itself if none is given."""
    held = people.parse_receipt(data)
    given = bool(root or count or total)
    if given:
        parse_hex(root, HASH_BYTES)
    wanted = Commit(root=root, count=count, total=total) if given else held.commit
    amount = people.check_receipt(held, wanted)
    if not given:
        note(
            words(
                "not checked: whether the log holds this commitment (give --root --count --total)",
                "未核对：账本是否含有该承诺（请给出 --root --count --total）",
            )
        )
    found = {"amount": amount, "unit": held.unit, "commit": _as_dict(wanted), "checked": given}
    emit(
        found,
        words(f"{amount} {held.unit} under", f"{amount} {held.unit}，承诺") + f" {wanted.root}",
    )
    return Exit.GOOD if given else Exit.UNCHECKED


def _read_leaves(path: Path) -> LeafFile:
    data = files.read_private(path, LEAF_FILE_BYTES_MAX)
    with files.naming(path):
        return people.parse_leaves(data)


def _read_amounts(data: bytes, where: str) -> tuple[Leaf, ...]:
    """The leaves of a CSV, each with a salt of its own; Malformed, with the line, otherwise."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("the file is not UTF-8", where=f"{where} byte {error.start}") from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = next(rows, [])
        if head != COLUMNS:
            raise Malformed("the columns must be person,amount,act", where=f"{where} line 1")
        leaves = tuple(_leaf(row, f"{where} line {rows.line_num}") for row in rows)
    except csv.Error as error:
        raise Malformed(f"not CSV: {error}", where=f"{where} line {rows.line_num}") from error
    if not leaves:
        raise Malformed("the file has no amounts", where=where)
    return leaves


def _leaf(row: list[str], where: str) -> Leaf:
    if len(row) != len(COLUMNS) or not row[0] or not row[2]:
        raise Malformed("a row needs person, amount and act", where=where)
    try:
        amount = parse_decimal(row[1], max=MAX_INT)
        person, act = check_text(row[0]), check_text(row[2])
    except TanbuError as error:
        raise Malformed(error.message, where=where) from error
    return Leaf(person=person, amount=amount, act=act, salt=secrets.token_hex(SALT_BYTES))


def _show_commit(commit: Commit, unit: str) -> None:
    data = _as_dict(commit)
    emit(
        {**data, "unit": unit},
        f"root  {commit.root}\ncount {commit.count}\ntotal {commit.total} {unit}",
    )


def _as_dict(commit: Commit) -> dict[str, object]:
    return {"root": commit.root, "count": commit.count, "total": commit.total}
