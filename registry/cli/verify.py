"""`tanbu verify`: an evidence file, refusal note or report, offline, by the reader's own trust.

Needs no network, no service and no database. Refuses to know: the operator.
"""

from pathlib import Path
from typing import Annotated

import typer

from registry.chain.errors import Malformed
from registry.cli import files
from registry.cli.shell import Exit, current, emit
from registry.cli.trusting import OptionalTrust, read_trust
from registry.ledger.codec import ENTRY_BYTES_MAX
from registry.ledger.reconciliation_note import HEADER as RECONCILIATION_HEADER
from registry.ledger.refusal_note import HEADER as REFUSAL_HEADER
from registry.ledger.refusal_note import parse_refusal
from registry.verify.evidence import EVIDENCE_BYTES_MAX
from registry.verify.reconciliation import verify_reconciliation
from registry.verify.refusal import operator_keys, verify_refusal
from registry.verify.report import Report
from registry.verify.trust import Trust
from registry.verify.verifier import verify as verify_evidence

app = typer.Typer()

OPENING_BYTES_MAX = 10_000


@app.command()
def verify(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Evidence, a refusal note or a report; -: stdin."),
    ],
    trust: OptionalTrust = None,
    opening: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The private opening of an order's obligor.")
    ] = None,
    entry: Annotated[
        Path | None,
        typer.Option(metavar="NOTE", help="For a refusal note: the entry that was refused."),
    ] = None,
    operator_key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY", help="For a refusal note: a key that you know is the operator's. Repeat."
        ),
    ] = None,
    party_key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY", help="For a reconciliation report: a key of its party. Repeat."
        ),
    ] = None,
) -> Exit:
    """Check an evidence file, a refusal note or a report offline.

    First comes what is not checked, then each step, then what the file proves. Exit code 0: good.
    1: checked and bad. 2: not readable. 3: could not be checked, for want of trust, say.

    \b
    Example:
      tanbu verify retirement.json --trust var/trust
      tanbu verify freeze.note.refusal --trust var/trust --entry freeze.note
    """
    data = files.read(file, EVIDENCE_BYTES_MAX + 1)
    held = None if trust is None else read_trust(trust)
    if not data.startswith(RECONCILIATION_HEADER):
        _unfit("--party-key", party_key)
    if data.startswith(RECONCILIATION_HEADER):
        _unfit("--opening", opening)
        _unfit("--entry", entry)
        _unfit("--operator-key", operator_key)
        report = verify_reconciliation(data, party_key or [])
    elif data.startswith(REFUSAL_HEADER):
        _unfit("--opening", opening)
        report = _refusal(data, held, entry, operator_key or [])
    elif held is None:
        raise Malformed("an evidence file is judged by your trust", todo="give --trust DIR")
    else:
        _unfit("--entry", entry)
        _unfit("--operator-key", operator_key)
        opened = files.read(opening, OPENING_BYTES_MAX) if opening else None
        report = verify_evidence(data, held, opening=opened)
    emit(report.as_json(), report.lines(current().language))
    return Exit.GOOD


def _refusal(data: bytes, trust: Trust | None, entry: Path | None, given: list[str]) -> Report:
    keys = operator_keys(parse_refusal(data).origin, trust, given)
    text = files.read(entry, ENTRY_BYTES_MAX) if entry else None
    return verify_refusal(data, keys, entry=text)


def _unfit(option: str, value: object) -> None:
    """Malformed if an option is given that this kind of file has no use for."""
    if value:
        raise Malformed("this file has no use for it", where=option, todo="leave it out")
