"""Trust as the command line takes it: a directory of files that the user has from elsewhere.

Refuses to know: what is checked with it.
"""

from pathlib import Path
from typing import Annotated

import typer

from registry.chain.checkpoint import Checkpoint, parse_checkpoint
from registry.chain.errors import Unavailable
from registry.chain.note import parse_note
from registry.cli import files
from registry.verify.loghead import check_trusted
from registry.verify.trust import FILE_BYTES_MAX, LOGS_MAX, Trust, parse_trust

_OPTION = typer.Option(
    "--trust",
    metavar="DIR",
    envvar="TANBU_TRUST",
    help="Your trust: one file per log, from a source that you believe.",
)
TrustOption = Annotated[Path, _OPTION]
OptionalTrust = Annotated[Path | None, _OPTION]


def read_trust(directory: Path) -> Trust:
    """The trust files of a directory; Unavailable if there are none, Malformed if one is bad."""
    if not directory.is_dir():
        raise Unavailable(
            "there is no such trust directory",
            where=str(directory),
            todo="get the log's trust file from a source that you believe",
        )
    found = sorted(directory.glob("*.json"))[: LOGS_MAX + 1]
    return parse_trust((str(path), files.read(path, FILE_BYTES_MAX)) for path in found)


def open_head(note: bytes, trust: Trust) -> Checkpoint:
    """The head of a checkpoint whose log trust knows; NotTrusted unless its lines are good.

    Unavailable if only keys have signed that trust does not count.
    """
    parsed = parse_note(note)
    head = parse_checkpoint(parsed.text)
    log = trust.of(head.origin)
    check_trusted(parsed, head.origin, log.verifiers(head.size), log.vkeys)
    return head
