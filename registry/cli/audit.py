"""`tanbu audit`: a whole log, replayed from the first record by the rules.

Source is a data directory, a directory of tiles, or a URL; on all cores, in bounded memory.
Refuses to know: the operator.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import typer

from registry.bootstrap.data import DataDirectory
from registry.chain.errors import Broken, Malformed
from registry.cli import files
from registry.cli.progress import progress
from registry.cli.remote import client
from registry.cli.shell import Exit, current, emit, note, words
from registry.cli.trusting import read_trust
from registry.ledger import serials
from registry.ledger import values as v
from registry.ledger.state import StateReader, decode_value
from registry.net.tiles import HttpTileSource, TwiceRead
from registry.ports import TileSource
from registry.store.compared import FileBook
from registry.store.crew import SpawnedCrew
from registry.store.scratch import Scratch
from registry.store.sources import TileDirectory
from registry.verify.audit import audit as audit_log
from registry.verify.means import StoredBook
from registry.verify.report import Report
from registry.verify.trust import (
    FILE_BYTES_MAX,
    LogTrust,
    TrustedKey,
    format_trust,
    parse_log_trust,
)

app = typer.Typer()

SCAN_ROWS = 1_000


class Opened(NamedTuple):
    """Where a log is read from, and the database beside it if there is one."""

    tiles: TileSource
    book: StoredBook | None


@app.command()
def audit(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A data directory, a directory of tiles, a URL.")
    ],
    trust: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            envvar="TANBU_TRUST",
            help="Your trust; without it the log's keys are taken from its own genesis.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes beside this one [default: cores].")
    ] = None,
    balances: Annotated[
        bool, typer.Option("--balances", help="Also list what every account holds by the log.")
    ] = False,
    new_trust: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write your trust with all keys that the log has had, where it was found good.",
        ),
    ] = None,
) -> Exit:
    """Replay a whole log: signatures, tree, rules, totals.

    Of a data directory the database is compared with the log as well. Exit code 1 names the first
    fault and where it is; 3: something could not be read.

    A log may change its keys. With the trust that you have, an audit follows it from key to key;
    --new-trust keeps what it learned, for the directory that --trust names.

    \b
    Example:
      tanbu audit http://127.0.0.1:8000 --trust var/trust
    """
    trusted = None if trust is None else read_trust(trust)
    if new_trust is not None and trusted is None:
        raise Malformed("new trust is made from old trust", where="--new-trust", todo="add --trust")
    with ExitStack() as stack:
        opened = stack.enter_context(opened_source(source))
        scratch = stack.enter_context(Scratch())
        crew = stack.enter_context(SpawnedCrew(workers))
        advance = stack.enter_context(progress(words("records", "记录")))
        report = audit_log(
            opened.tiles,
            memory=scratch,
            crew=crew,
            trust=trusted,
            book=opened.book,
            progress=advance,
        )
        held = holdings(scratch.state) if balances else {}
    if new_trust is not None and trusted is not None:
        _keep_trust(new_trust, trusted.of(report.origin), report)
    found = report.as_json()
    if balances:
        found["balances"] = held
    emit(found, [*report.lines(current().language), *_lines(held)])
    return Exit.GOOD


def _keep_trust(path: Path, old: LogTrust, report: Report) -> None:
    """Write the trust file with the keys that an audit found; only such a file is replaced."""
    if path.exists() and parse_log_trust(files.read(path, FILE_BYTES_MAX)).origin != old.origin:
        raise Malformed("this file is another log's", where=str(path), todo="name another file")
    keys = msgspec.convert(report.facts["log_keys"], tuple[TrustedKey, ...])
    files.replace(path, format_trust(msgspec.structs.replace(old, log_keys=keys)))
    note(words(f"trust written: {path}", f"已写入信任根：{path}"))


@contextmanager
def opened_source(source: str) -> Iterator[Opened]:
    """The log at a URL or in a directory, with its database if it is a data directory."""
    if source.startswith(("http://", "https://")):
        with client(source) as log, closing(TwiceRead(HttpTileSource(log))) as tiles:
            yield Opened(tiles, None)
        return
    root = Path(source)
    directory = TileDirectory(root)
    database = DataDirectory(root).database
    if not database.exists():
        yield Opened(directory, None)
        return
    with closing(FileBook(database)) as book:
        yield Opened(directory, book)


def holdings(state: StateReader) -> dict[str, dict[str, dict[str, int]]]:
    """What each account holds of each batch, in serials, free and retired."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    low = "balance/"
    while True:
        rows = state.scan(low, "balance0", SCAN_ROWS)  # "0" follows "/"
        for key, data in rows:
            value = decode_value(key, data)
            if not isinstance(value, v.Balance):
                raise Broken("a state value that is no balance", where=key)
            _, account, batch = key.split("/")
            held = {"free": serials.count(value.free), "retired": value.retired}
            found.setdefault(account, {})[batch] = held
        if len(rows) < SCAN_ROWS:
            return found
        low = rows[-1][0] + "!"  # precedes every character of a key


def _lines(held: dict[str, dict[str, dict[str, int]]]) -> Iterator[str]:
    for account, batches in held.items():
        for batch, counts in batches.items():
            free, retired = counts["free"], counts["retired"]
            yield f"{account} {batch} " + words(
                f"{free} free, {retired} retired", f"可用 {free}，已注销 {retired}"
            )
