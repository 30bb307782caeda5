"""`tanbu proof`: fetch proofs from a service and check them here, against the reader's trust.

Refuses to know: what the records mean. A service that shows two pasts is convicted by its own
signatures: who keeps the checkpoints that he has seen can prove it.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from registry.chain.checkpoint import Checkpoint
from registry.chain.errors import NotTrusted, Unavailable
from registry.chain.note import LIMITS
from registry.chain.proof import parse_proof
from registry.chain.strict import parse_hex
from registry.chain.tlog import HASH_BYTES, check_consistency, check_inclusion, leaf_hash
from registry.cli import files
from registry.cli.remote import DEFAULT_URL, UrlOption, client
from registry.cli.shell import Exit, emit, words
from registry.cli.trusting import TrustOption, open_head, read_trust
from registry.ledger.codec import format_record

app = typer.Typer()

INDEX_MAX = 2**53 - 1
OutOption = Annotated[Path | None, typer.Option(help="Where to keep it.")]


@app.command()
def inclusion(
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, max=INDEX_MAX)],
    trust: TrustOption,
    url: UrlOption = DEFAULT_URL,
    out: OutOption = None,
) -> Exit:
    """Check that a record is in the tree of the log's newest signed checkpoint.

    What is hashed is the record as the service shows it. --out keeps the proof in the format of
    C2SP tlog-proof, which other tools read.

    \b
    Example:
      tanbu proof inclusion 42 --url http://127.0.0.1:8000 --trust var/trust
    """
    trusted = read_trust(trust)
    with client(url) as log:
        entry = log.get(f"/v1/entries/{index}")
        data = log.get_bytes("/v1/proofs/inclusion", {"index": index}, accept="text/plain")
    proof = parse_proof(data)
    head = open_head(proof.checkpoint, trusted)
    record = format_record(index, _number(entry, "time_ms"), str(entry.get("note")).encode())
    if proof.index != index or index >= head.size:
        raise NotTrusted(f"the answer is no proof of record {index}", where=url)
    check_inclusion(proof.hashes, index, leaf_hash(record), head.size, head.root)
    if out:
        files.write_new(out, data)
    leaf = leaf_hash(record).hex()
    emit(
        {"index": index, "leaf_hash": leaf, "kind": entry.get("kind"), **_described(head)},
        words(
            f"record {index} ({entry.get('kind')}) is in the tree of size {head.size}",
            f"第 {index} 条记录（{entry.get('kind')}）在规模 {head.size} 的树中",
        )
        + f", leaf {leaf}",
    )
    return Exit.GOOD


@app.command()
def consistency(
    old: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="One that you kept.")],
    trust: TrustOption,
    url: UrlOption = DEFAULT_URL,
) -> Exit:
    """Check that the log has only grown since a checkpoint that you kept.

    Both checkpoints must be signed by the log. Exit code 1: the log shows another past; keep both
    files, they prove it to everyone.

    \b
    Example:
      tanbu proof consistency monday.checkpoint --url http://127.0.0.1:8000 --trust var/trust
    """
    trusted = read_trust(trust)
    before = open_head(files.read(old, LIMITS.bytes_max), trusted)
    with client(url) as log:
        now = open_head(log.get_bytes("/checkpoint", bytes_max=LIMITS.bytes_max), trusted)
        if now.origin != before.origin:
            raise Unavailable(f"{url} is another log, {now.origin}", where=before.origin)
        if now.size < before.size:
            raise NotTrusted(
                f"the log shows {now.size} records, it had signed {before.size}",
                where=url,
                todo="keep the file: it shows that the log was put back",
            )
        sizes = {"from": before.size, "to": now.size}
        answer = log.get("/v1/proofs/consistency", sizes)
    hashes = [parse_hex(str(text), HASH_BYTES) for text in answer.get("hashes", ())]
    check_consistency(hashes, before.size, before.root, now.size, now.root)
    emit(
        {"from": _described(before), "to": _described(now)},
        words(
            f"the tree of size {now.size} begins with the tree of size {before.size}",
            f"规模 {now.size} 的树以规模 {before.size} 的树为开头",
        ),
    )
    return Exit.GOOD


@app.command()
def checkpoint(
    trust: TrustOption,
    out: Annotated[Path, typer.Option(help="Where to keep it; -: stdout.")],
    url: UrlOption = DEFAULT_URL,
) -> Exit:
    """Fetch and keep the log's newest checkpoint, if its signatures are good.

    Keep one from time to time: with it you can tell, later, whether the log only grew.

    \b
    Example:
      tanbu proof checkpoint --url http://127.0.0.1:8000 --trust var/trust --out monday.checkpoint
    """
    trusted = read_trust(trust)
    with client(url) as log:
        data = log.get_bytes("/checkpoint", bytes_max=LIMITS.bytes_max)
    head = open_head(data, trusted)
    files.write_new(out, data)
    if out != files.STDIO:
        emit(_described(head), f"{head.origin}, {head.size}, {head.root.hex()}")
    return Exit.GOOD


def _described(head: Checkpoint) -> dict[str, object]:
    return {"origin": head.origin, "size": head.size, "root": head.root.hex()}


def _number(answer: dict[str, Any], name: str) -> int:
    """A whole number of an answer; Unavailable if the service answers something else."""
    value = answer.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unavailable(f"the service answered no {name}")
    return value
