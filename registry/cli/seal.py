"""`tanbu seal`: commit to the state that the log has now, so that values can be proved from it.

Runs beside the service in a process of its own. Refuses to know: what the state says.
"""

import secrets
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.sealing import Made, make_seal
from registry.chain.errors import Malformed
from registry.cli import files, keys
from registry.cli.drafts import draft, draft_text
from registry.cli.progress import progress
from registry.cli.remote import DEFAULT_URL, UrlOption, client, report
from registry.cli.shell import Exit, emit, words
from registry.ledger.dates import DAY_MS
from registry.ledger.ids import UUID_RANDOM_BYTES, uuid7
from registry.ledger.signing import sign_draft
from registry.net.wire import Receipt

app = typer.Typer()


@app.command()
def seal(
    data: Annotated[
        Path, typer.Option(metavar="DIR", envvar="TANBU_DATA", help="The data directory.")
    ] = Path("var"),
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The operator's private key: sign, submit.")
    ] = None,
    url: UrlOption = DEFAULT_URL,
    signer: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Who signs elsewhere: verifier key or NAME+ID. Repeat."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A draft, for whoever signs elsewhere.")] = None,
    end: Annotated[
        str, typer.Option(metavar="REASON", help="End the log: a draft; nothing may come between.")
    ] = "",
    successor: Annotated[str, typer.Option(help="With --end: the log that goes on.")] = "",
) -> Exit:
    """Seal the state, so that values can be proved from it.

    Computes the root of the newest state twice, from a snapshot of the database and from the log
    since the last seal, and keeps the leaves in DATA/seals. With --key it is signed and submitted;
    with --signer and --out it becomes a draft for `tanbu entry sign`. Exit code 1: the two roots
    differ, and nothing was sealed.

    \b
    Example:
      tanbu seal --data var --key operator.key --url http://127.0.0.1:8000
    """
    if (key is None) == (out is None or not signer) or (end and key is not None):
        raise Malformed("either --key, or --signer and --out (always with --end)", where="options")
    with progress(words("records", "记录")) as advance:
        made = make_seal(DataDirectory(data), advance)
    text = _draft(made, signer or [str(key)], end, successor)
    if key is None:
        files.write_new(out or files.STDIO, text)
        _show(made, {"draft": str(out)}, words(f"draft: {out}", f"草稿：{out}"))
        return Exit.GOOD
    note = sign_draft(text, [keys.read_signing_key(key)])
    with client(url) as log:
        answer = log.submit_one(note)
    if not isinstance(answer, Receipt):
        made.path.unlink(missing_ok=True)  # leaves of no seal
        return report(answer, url)
    _show(made, {"index": answer.index}, words(f"index {answer.index}", f"序号 {answer.index}"))
    return Exit.GOOD


def _draft(made: Made, signers: list[str], end: str, successor: str) -> bytes:
    """The text of the entry, valid for a day."""
    now_ms = time.time_ns() // 1_000_000
    said = made.commitment
    fields: dict[str, object] = {
        "id": uuid7(now_ms, secrets.token_bytes(UUID_RANDOM_BYTES)),
        "not_after": now_ms + DAY_MS,
        "signers": sorted(keys.signer_name(text) for text in signers),
        "size": said.size,
        "root": said.root.hex(),
        "count": said.count,
        "totals": msgspec.to_builtins(said.totals),
    }
    if end:
        fields |= {"reason": end} | ({"successor": successor} if successor else {})
    return draft_text(made.log.origin, draft("end" if end else "seal", fields))


def _show(made: Made, more: dict[str, object], text: str) -> None:
    said = made.commitment
    plain = {"size": said.size, "root": said.root.hex(), "count": said.count}
    grams = msgspec.to_builtins(said.totals)
    emit(
        {**plain, "totals": grams, "leaves": str(made.path), **more},
        words(
            f"size {said.size}: {said.count} values, root {said.root.hex()}, {text}",
            f"规模 {said.size}：{said.count} 个值，根 {said.root.hex()}，{text}",
        ),
    )
