"""`tanbu fsck`: a data directory from the ground up; every fault with its place.

Refuses to know: who is trusted; signatures are the audit's affair.
"""

from pathlib import Path
from typing import Annotated

import typer

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.upkeep import fsck as check_directory
from registry.cli.progress import progress
from registry.cli.shell import Exit, complain, emit, words

app = typer.Typer()


@app.command()
def fsck(
    data: Annotated[
        Path, typer.Option(metavar="DIR", envvar="TANBU_DATA", help="The data directory.")
    ] = Path("var"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not replay: state values are held to form only.")
    ] = False,
) -> Exit:
    """Check a data directory: records, hashes, state, tiles.

    The service must be stopped. Tells every fault, one line each; exit code 1 if there is any.
    Signatures are checked by tanbu audit.

    \b
    Example:
      tanbu fsck --data var
    """
    with progress(words("records", "记录")) as advance:
        checked = check_directory(DataDirectory(data), advance, replay=not quick)
    for fault in checked.faults:
        complain(fault.what, fault.where)
    count = len(checked.faults)
    emit(
        {
            "size": checked.size,
            "published_size": checked.published_size,
            "faults": [{"where": fault.where, "what": fault.what} for fault in checked.faults],
        },
        words(
            f"{checked.size} records, {checked.published_size} published: {count} faults",
            f"{checked.size} 条记录，已发布 {checked.published_size} 条：{count} 处错误",
        ),
    )
    return Exit.BAD if count else Exit.GOOD
