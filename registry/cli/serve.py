"""`tanbu serve`: the service on one data directory.

Settings not given here come from the environment (TANBU_…) and from DATA/config.toml.
Refuses to know: what the processes do.
"""

from pathlib import Path
from typing import Annotated

import typer

from registry.bootstrap.supervisor import Refused
from registry.bootstrap.supervisor import serve as run_service
from registry.cli.shell import note
from registry.settings import read_settings

app = typer.Typer()


@app.command()
def serve(
    data: Annotated[Path | None, typer.Option(help="The data directory [default: var].")] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="TCP port; 0 takes a free one [default: 8000].")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="API processes [default: 2].")] = None,
    alone: Annotated[
        bool | None,
        typer.Option(
            "--alone", help="Go on although the tile store cannot be asked; pages show it."
        ),
    ] = None,
) -> int:
    """Run the service: writer, publisher and API workers.

    Checks the data directory first and says in one line why it does not start. Ends in order on
    Ctrl-C or SIGTERM. Put TLS and rate limits in front of it.

    \b
    Example:
      tanbu serve --data var --port 8000
    """
    settings = read_settings(data=data, host=host, port=port, workers=workers, alone=alone)
    try:
        return run_service(
            settings.data,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            alone=settings.alone,
            say=lambda line: note(f"tanbu: {line}"),
        )
    except Refused as refused:
        return refused.code  # the check has said why
