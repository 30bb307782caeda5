"""`tanbu evidence`: fetch the evidence file of an entry, to be kept and checked elsewhere.

Refuses to know: whether the file is good; that is for `tanbu verify`, which trusts nobody.
"""

import re
from pathlib import Path
from typing import Annotated

import typer

from registry.chain.errors import Malformed
from registry.chain.strict import parse_decimal
from registry.cli import files
from registry.cli.remote import DEFAULT_URL, UrlOption, client
from registry.cli.shell import Exit, emit, words
from registry.verify.evidence import EVIDENCE_BYTES_MAX, parse_evidence

app = typer.Typer()

_is_certificate = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,6}-R-[0-9a-f]{8}-([0-9]{1,16})").fullmatch


@app.command()
def evidence(
    entry: Annotated[
        str, typer.Argument(metavar="INDEX", help="An entry's index, or a certificate number.")
    ],
    out: Annotated[Path, typer.Option(help="The evidence file to write; -: stdout.")],
    url: UrlOption = DEFAULT_URL,
) -> Exit:
    """Fetch the evidence file of an entry.

    The file holds the record, those it stands on, and their proofs to one signed checkpoint. It
    is checked without the registry: tanbu verify.

    \b
    Example:
      tanbu evidence CN-GD-R-5f0c91ae-42 --url http://127.0.0.1:8000 --out retirement.json
    """
    with client(url) as log:
        data = log.get_bytes(f"/v1/evidence/{index_of(entry)}", bytes_max=EVIDENCE_BYTES_MAX)
    records = len(parse_evidence(data).records)
    files.write_new(out, data)
    if out != files.STDIO:
        emit(
            {"file": str(out), "bytes": len(data), "records": records},
            words(
                f"{out}: {len(data)} bytes, {records} records; not checked yet: tanbu verify",
                f"{out}：{len(data)} 字节，{records} 条记录；尚未核验：tanbu verify",
            ),
        )
    return Exit.GOOD


def index_of(text: str) -> int:
    """The index that is meant; Malformed if it is neither an index nor a certificate number."""
    certificate = _is_certificate(text)
    try:
        return parse_decimal(certificate[1] if certificate else text)
    except Malformed as error:
        raise Malformed(
            f"neither an index nor a certificate number: {text[:60]!a}",
            where="INDEX",
            todo="such as 42, or CN-GD-R-5f0c91ae-42",
        ) from error
