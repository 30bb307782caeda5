"""`tanbu export`: holdings or retirements as a table, from a log that is audited on the way.

Refuses to know: the service's own tables; every figure comes from the replayed records.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer

from registry.chain.errors import Malformed
from registry.cli import files
from registry.cli.audit import opened_source
from registry.cli.progress import progress
from registry.cli.shell import Exit, emit, note, words
from registry.cli.trusting import OptionalTrust, read_trust
from registry.ledger.state import StateReader
from registry.ports import TileSource
from registry.store.crew import SpawnedCrew
from registry.store.scratch import Scratch
from registry.verify.audit import audit
from registry.verify.booktables import HOLDINGS, RETIREMENTS, as_csv, holdings, retirements
from registry.verify.earlier import state_at
from registry.verify.trust import Trust

app = typer.Typer()

Table = Literal["holdings", "retirements"]

TABLES: dict[str, Callable[[StateReader], str]] = {
    "holdings": lambda state: as_csv(HOLDINGS, holdings(state)),
    "retirements": lambda state: as_csv(RETIREMENTS, retirements(state)),
}


class Book(NamedTuple):
    """The state of a log at a size, and the root of its tree then."""

    origin: str
    size: int
    root: str
    state: StateReader


@app.command()
def export(
    table: Annotated[Table, typer.Argument(help="Which table.")],
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A data directory, a directory of tiles, a URL.")
    ],
    out: Annotated[Path, typer.Option(help="The file to write; -: stdout.")] = files.STDIO,
    form: Annotated[Literal["csv"], typer.Option("--format", help="The form of the table.")] = (
        "csv"
    ),
    size: Annotated[
        int | None,
        typer.Option(min=1, help="As of this size of the log [default: the published one]."),
    ] = None,
    trust: OptionalTrust = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes beside this one [default: cores].")
    ] = None,
) -> Exit:
    """Export holdings or retirements as of a size of the log.

    The log is audited first, so a table is that of its records, whoever serves them; the same log
    has the same bytes at the same size. Amounts are whole grams.

    \b
    Example:
      tanbu export holdings http://127.0.0.1:8000 --trust var/trust --out holdings.csv
      tanbu export retirements var --size 100
    """
    trusted = None if trust is None else read_trust(trust)
    with audited_book(source, trusted, size=size, workers=workers) as book:
        data = TABLES[table](book.state).encode()
    files.write_new(out, data)
    said = words(
        f"{table} of {book.origin} as of size {book.size}, root {book.root}",
        f"{book.origin} 的{'持有量' if table == 'holdings' else '注销'}，"
        f"账本规模 {book.size}，根 {book.root}",
    )
    if out == files.STDIO:
        note(said)
        return Exit.GOOD
    emit(
        {
            "file": str(out),
            "file_sha256": sha256(data).hexdigest(),
            "table": table,
            "format": form,
            "origin": book.origin,
            "size": book.size,
            "root": book.root,
        },
        f"{out}: {said}",
    )
    return Exit.GOOD


@contextmanager
def audited_book(
    source: str, trust: Trust | None, *, size: int | None, workers: int | None
) -> Iterator[Book]:
    """The state of a log at a size, by default the published one, once the whole log is audited.

    Malformed if the log has not published so much.
    """
    with ExitStack() as stack:
        tiles: TileSource = stack.enter_context(opened_source(source)).tiles
        scratch = stack.enter_context(Scratch())
        crew = stack.enter_context(SpawnedCrew(workers))
        advance = stack.enter_context(progress(words("records", "记录")))
        report = audit(tiles, memory=scratch, crew=crew, trust=trust, progress=advance)
        if size is None or size == report.size:
            yield Book(report.origin, report.size, report.root, scratch.state)
            return
        if size > report.size:
            raise Malformed(
                f"the log has published {report.size} records", where="--size", todo="wait, or less"
            )
        earlier = stack.enter_context(Scratch())
        root = state_at(tiles, earlier.state, size=size, audited=(report.size, report.root))
        yield Book(report.origin, size, root.hex(), earlier.state)
