"""`tanbu bench`: the real service under load, measured against what this machine can do at best."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from registry.bench.run import Bench
from registry.cli.shell import Exit, emit, note

app = typer.Typer()


@app.command()
def bench(
    entries: Annotated[
        int, typer.Option(min=1_000, help="Transfers sent in batches of 1,000.")
    ] = 100_000,
    seconds: Annotated[
        float, typer.Option(min=1.0, help="How long single entries and the ceiling are measured.")
    ] = 6.0,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the data directory here.")
    ] = None,
) -> Exit:
    """Measure the service against what this machine can do.

    Pre-signed transfers of 1,000 keys over HTTP, in batches and one by one, then a full audit.
    Ratios are within this run: batches and audit to what PyNaCl verifies per second on all cores,
    single entries to uvicorn's empty route. Nothing else should run on the machine meanwhile.

    \b
    Example:
      tanbu bench --entries 100000 --seconds 6 --json
    """
    with tempfile.TemporaryDirectory(prefix="tanbu-bench-") as place:
        root = data or Path(place) / "data"
        figures = Bench(root, note).run(entries, seconds)._asdict()
    lines = [f"{name:22} {value}" for name, value in figures.items() if name != "curve"]
    lines += [f"at {size:>12,} entries {rate:>10,.0f}/s" for size, rate in figures["curve"]]
    emit(figures, "\n".join(lines))
    return Exit.GOOD
