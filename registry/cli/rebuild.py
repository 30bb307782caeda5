"""`tanbu rebuild`: the database made anew from the log; state is what the log says.

Refuses to know: what is in the records.
"""

from pathlib import Path
from typing import Annotated

import typer

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.upkeep import rebuild as rebuild_database
from registry.cli.progress import progress
from registry.cli.shell import Exit, emit, note, words

app = typer.Typer()

KEYS_SHOWN_MAX = 20


@app.command()
def rebuild(
    data: Annotated[
        Path, typer.Option(metavar="DIR", envvar="TANBU_DATA", help="The data directory.")
    ] = Path("var"),
    from_tiles: Annotated[
        bool,
        typer.Option("--from-tiles", help="The database is lost; make it from the tiles."),
    ] = False,
) -> Exit:
    """Make the state anew from the log.

    The service must be stopped. The new database takes the old one's place when it is complete;
    if the log does not hold by the rules nothing is changed. Exit code 1 also says that old
    state values were not those of the log: they are now.

    \b
    Example:
      tanbu rebuild --data var
    """
    with progress(words("records", "记录")) as advance:
        made = rebuild_database(DataDirectory(data), advance, from_tiles=from_tiles)
    differing = list(made.differing)
    emit(
        {
            "size": made.size,
            "root": made.state_root.hex(),
            "count": made.state_count,
            "differing": differing,
        },
        words(
            f"rebuilt from {made.size} records: {made.state_count} values, root",
            f"已由 {made.size} 条记录重建：{made.state_count} 个值，根",
        )
        + f" {made.state_root.hex()}",
    )
    if not differing:
        return Exit.GOOD
    shown = ", ".join(differing[:KEYS_SHOWN_MAX])
    note(words(f"old values were wrong at: {shown}", f"原值有误：{shown}"))
    return Exit.BAD
