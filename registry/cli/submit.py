"""`tanbu submit`: hand complete entries, or a settlement file, to a registry and print the outcome.

The same file submitted again answers the first receipt, so an unknown outcome is answered by
running the command again.

Refuses to know: what the entries mean.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from registry.chain.errors import Malformed
from registry.cli import files, settle
from registry.cli.remote import DEFAULT_URL, UrlOption, client, report
from registry.cli.shell import Exit, complain, emit, words
from registry.ledger.codec import ENTRY_BYTES_MAX, parse_entry
from registry.ledger.refusal_note import parse_refusal, text_sha256
from registry.net.wire import Receipt, Result

app = typer.Typer()


class Wait(StrEnum):
    """Until when a submission waits for its answer."""

    committed = "committed"
    published = "published"


@app.command()
def submit(
    file: Annotated[
        list[Path],
        typer.Argument(metavar="NOTE…", help="Complete entries, or one settlement file."),
    ],
    url: UrlOption = DEFAULT_URL,
    wait: Annotated[
        Wait, typer.Option(help="committed: it is durable; published: with a proof.")
    ] = Wait.committed,
    save_refusals: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the signed note of each refusal into DIR."),
    ] = None,
    mapping: Annotated[
        str, typer.Option(metavar="MAPPING", help="FILE holds trades: trades, or a TOML file.")
    ] = "",
    key: Annotated[
        list[Path] | None, typer.Option(help="With --mapping: who signs the trades. Repeat.")
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(metavar="NAME", help="With --mapping: write NAME.csv and NAME.json."),
    ] = None,
    day: Annotated[
        str, typer.Option(metavar="DATE", help="With --mapping: in place of the trades' own day.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --mapping: ask, and send nothing.")
    ] = False,
) -> Exit:
    """Hand complete entries, or a settlement file, to a log and print the receipts.

    Each entry stands for itself: one that is refused does not hold up the others. Safe to repeat:
    what is in the log already answers its first receipt. A settlement file (CSV or JSON, at most
    1,000 trades) is read by a mapping, signed here and sent as one request; what became of each
    row is written beside it.
    A refusal comes with a note that the operator has signed: that the entry arrived, and when.
    Keep it; tanbu verify checks it.

    \b
    Example:
      tanbu submit transfer.note --url http://127.0.0.1:8000 --wait published
      tanbu submit trades.csv --mapping trades --key exchange.key
    """
    if mapping:
        if save_refusals:
            raise Malformed("it is not for settlement files", where="--save-refusals")
        if len(file) != 1:
            raise Malformed("one settlement file at a time", where="FILE")
        wanted = settle.Request(
            file=file[0],
            mapping=mapping,
            keys=tuple(key or ()),
            results=results,
            day=day,
            dry_run=dry_run,
            wait=wait.value,
        )
        with client(url) as log:
            return settle.settle(log, wanted)
    if key or results or day or dry_run:
        raise Malformed(
            "--key, --results, --day and --dry-run are for settlement files",
            todo="give --mapping, or sign with tanbu entry sign and try with tanbu entry check",
        )
    return _submit_notes(file, url, wait, save_refusals)


def _submit_notes(file: Sequence[Path], url: str, wait: Wait, save_refusals: Path | None) -> Exit:
    notes = [files.read(path, ENTRY_BYTES_MAX) for path in file]
    for path, note in zip(file, notes, strict=True):
        with files.naming(path):
            parse_entry(note)
    with client(url) as log:
        answers = log.submit(notes, wait=wait.value)
    worst = Exit.GOOD
    lines, found = [], []
    for path, note, result in zip(file, notes, answers, strict=True):
        found.append({"file": str(path), **_result(result)})
        if isinstance(result.committed, Receipt):
            lines.append(f"{path}: {_receipt(result.committed)}")
        elif result.problem:
            worst = max(worst, report(result.problem, str(path)))
            if isinstance(signed := result.problem.refusal_note, str):
                lines += _refusal(path, note, signed.encode(), save_refusals)
    emit(found, lines)
    return worst


def _refusal(path: Path, note: bytes, signed: bytes, directory: Path | None) -> list[str]:
    """Show the note of a refusal, or save it; whose key signed it is for `tanbu verify` to say."""
    try:
        said = parse_refusal(signed).said
    except Malformed as error:
        complain(f"the registry's refusal note is none: {error.message}", str(path))
        return []
    if said.text_sha256 != text_sha256(note):
        complain("the registry signed the refusal of another entry than it was sent", str(path))
    if directory is None:
        return [f"{path}: " + words("signed refusal note:", "签名的拒绝凭证："), signed.decode()]
    # Named by its time: the same entry may be refused again, and each note is kept.
    target = directory / f"{path.name}.{said.time_ms}.refusal"
    files.replace(target, signed)
    return [f"{path}: " + words(f"signed refusal note: {target}", f"签名的拒绝凭证：{target}")]


def _receipt(receipt: Receipt) -> str:
    already = words(" (already in the log)", "（已在账本中）") if receipt.replayed else ""
    published = ""
    if receipt.inclusion:
        published = words(
            f", published at size {receipt.inclusion.size}",
            f"，已在规模 {receipt.inclusion.size} 发布",
        )
    return (
        words(f"index {receipt.index}", f"序号 {receipt.index}")
        + f", {receipt.time_ms} ms, leaf {receipt.leaf_hash}{published}{already}"
    )


def _result(result: Result) -> dict[str, object]:
    found: dict[str, object] = msgspec.to_builtins(result)
    return found
