"""`tanbu state`: the canonical state map of a data directory, as of its newest committed entry.

Two data directories with the same log have the same root, byte for byte.
Refuses to know: what the keys mean.
"""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from registry.bootstrap.data import DataDirectory
from registry.chain.errors import Unavailable
from registry.cli.shell import Exit, emit, words
from registry.ledger.state import AFTER_KEYS, StateReader, state_items, state_root
from registry.store.database import open_for_reading
from registry.store.reads import SqlReadStore

app = typer.Typer()

DataOption = Annotated[
    Path, typer.Option(metavar="DIR", envvar="TANBU_DATA", help="The data directory.")
]


@app.command()
def state(
    data: DataOption = Path("var"),
    key: Annotated[str, typer.Option(help="Show the value under this key.")] = "",
    prefix: Annotated[str, typer.Option(help="Show all values below it, such as order/.")] = "",
) -> Exit:
    """Show the state map's root and count, or one value.

    May be asked while the service runs. The same log has the same root wherever it is replayed.

    \b
    Example:
      tanbu state --data var --key order/SAMPLE-ORDER-1
    """
    database = DataDirectory(data).database
    if not database.exists():
        raise Unavailable(
            "there is no log", where=str(database), todo="open one: tanbu init --help"
        )
    with closing(SqlReadStore(open_for_reading(database))) as store, store.snapshot() as snapshot:
        size = snapshot.head.size
        if key or prefix:
            return _show_values(snapshot.state, key, prefix, size)
        root, count = state_root(state_items(snapshot.state))
    emit(
        {"size": size, "count": count, "root": root.hex()},
        words(
            f"size {size}: {count} values, root {root.hex()}",
            f"规模 {size}：{count} 个值，根 {root.hex()}",
        ),
    )
    return Exit.GOOD


def _show_values(reader: StateReader, key: str, prefix: str, size: int) -> Exit:
    found = (
        dict(reader.get_many((key,)))
        if key
        else dict(state_items(reader, prefix, prefix + AFTER_KEYS))
    )
    if not found:
        raise Unavailable(f"there is no value at size {size}", where=key or prefix)
    emit(
        {"size": size, "values": {name: msgspec.json.decode(v) for name, v in found.items()}},
        [f"{name} {value.decode()}" for name, value in found.items()],
    )
    return Exit.GOOD
