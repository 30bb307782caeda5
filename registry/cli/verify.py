"""`tanbu verify`: an evidence file, offline, with the trust that its reader brings.

Needs no network, no service and no database. Refuses to know: the operator.
"""

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import files
from registry.cli.shell import Exit, current, emit
from registry.cli.trusting import TrustOption, read_trust
from registry.verify.evidence import EVIDENCE_BYTES_MAX
from registry.verify.verifier import verify as verify_evidence

app = typer.Typer()

OPENING_BYTES_MAX = 10_000


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="EVIDENCE", help="An evidence file; -: stdin.")],
    trust: TrustOption,
    opening: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The private opening of an order's obligor.")
    ] = None,
) -> Exit:
    """Check an evidence file offline.

    First comes what is not checked, then each step, then what the file proves. Exit code 0: good.
    1: checked and bad. 2: not readable. 3: could not be checked, for want of trust, say.

    \b
    Example:
      tanbu verify retirement.json --trust var/trust
    """
    data = files.read(file, EVIDENCE_BYTES_MAX + 1)
    opened = files.read(opening, OPENING_BYTES_MAX) if opening else None
    report = verify_evidence(data, read_trust(trust), opening=opened)
    emit(report.as_json(), report.lines(current().language))
    return Exit.GOOD
