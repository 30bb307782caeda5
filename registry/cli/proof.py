"""`tanbu proof`: fetch proofs from a service and check them here, against the reader's trust.

Refuses to know: what the records mean. A service that shows two pasts is convicted by its own
signatures: who keeps the checkpoints that he has seen can prove it.
"""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from registry.chain.checkpoint import Checkpoint
from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.chain.note import LIMITS
from registry.chain.proof import parse_proof
from registry.chain.strict import parse_hex
from registry.chain.tlog import HASH_BYTES, check_consistency, check_inclusion, leaf_hash
from registry.cli import files
from registry.cli.remote import DEFAULT_URL, UrlOption, client
from registry.cli.shell import Exit, emit, words
from registry.cli.trusting import TrustOption, open_head, read_trust
from registry.ledger.codec import format_record, parse_entry, parse_record
from registry.ledger.entries import End, Seal
from registry.ledger.sealing import Commitment, commitment_of
from registry.net.client import LogClient
from registry.verify.stateproof import ProvedLeaf, check_state_proof
from registry.verify.trust import Trust

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
    with client(url) as log:
        proved = _included(log, index, read_trust(trust), url)
    if out:
        files.write_new(out, proved.data)
    leaf, kind, head = leaf_hash(proved.record).hex(), proved.kind, proved.head
    emit(
        {"index": index, "leaf_hash": leaf, "kind": kind, **_described(head)},
        words(
            f"record {index} ({kind}) is in the tree of size {head.size}",
            f"第 {index} 条记录（{kind}）在规模 {head.size} 的树中",
        )
        + f", leaf {leaf}",
    )
    return Exit.GOOD


class _Included(NamedTuple):
    """A record that is under a checkpoint of the log; `data`: the proof as a file."""

    record: bytes
    kind: str
    head: Checkpoint
    data: bytes


def _included(log: LogClient, index: int, trusted: Trust, url: str) -> _Included:
    """Fetch a record and its proof; NotTrusted if the proof is not good."""
    entry = log.get(f"/v1/entries/{index}")
    data = log.get_bytes("/v1/proofs/inclusion", {"index": index}, accept="text/plain")
    proof = parse_proof(data)
    head = open_head(proof.checkpoint, trusted)
    record = format_record(index, _number(entry, "time_ms"), str(entry.get("note")).encode())
    if proof.index != index or index >= head.size:
        raise NotTrusted(f"the answer is no proof of record {index}", where=url)
    check_inclusion(proof.hashes, index, leaf_hash(record), head.size, head.root)
    return _Included(record, str(entry.get("kind")), head, data)


@app.command()
def state(
    trust: TrustOption,
    key: Annotated[str, typer.Option(help="A key of the state, such as order/X.")] = "",
    prefix: Annotated[str, typer.Option(help="Or all under this, such as balance/a-…/.")] = "",
    size: Annotated[int, typer.Option(min=0, help="Of that sealed size; 0: the newest.")] = 0,
    url: UrlOption = DEFAULT_URL,
) -> Exit:
    """Check what the log has sealed of its state: a value, its absence, all under a prefix.

    The seal itself must be in the tree of the log's newest signed checkpoint. That its root is of
    the state that the entries make is not checked here: `tanbu audit` does.

    \b
    Example:
      tanbu proof state --key log --url http://127.0.0.1:8000 --trust var/trust
    """
    if bool(key) == bool(prefix):
        raise Malformed("either --key or --prefix", where="options")
    asked: dict[str, str | int] = {"key": key} if key else {"prefix": prefix}
    with client(url) as log:
        answered = log.get("/v1/proofs/state", asked | ({"size": size} if size else {}))
        proved = _included(log, _number(answered, "seal"), read_trust(trust), url)
    said, index = _seal_of(proved.record), _number(answered, "seal")
    if size not in (0, said.size):
        raise NotTrusted(f"the answer is of size {said.size}, not of {size}", where=url)
    try:
        leaves = msgspec.convert(answered.get("leaves"), tuple[ProvedLeaf, ...])
    except msgspec.ValidationError as error:
        raise Unavailable(f"the service answered no proof: {error}", where=url) from error
    found = check_state_proof(leaves, root=said.root, count=said.count, key=key, prefix=prefix)
    values = {name: value.decode() for name, value in found}
    plain = {name: msgspec.json.decode(value) for name, value in found}
    lines = [f"{name} {value}" for name, value in values.items()]
    lines.append(
        words(
            f"{len(found)} values under {key or prefix} at size {said.size}, and no others;"
            f" sealed at index {index}, in the tree of size {proved.head.size}",
            f"规模 {said.size} 时 {key or prefix} 之下有且仅有 {len(found)} 个值；"
            f"于序号 {index} 封存，在规模 {proved.head.size} 的树中",
        )
    )
    sealed = {"size": said.size, "seal": index, "count": said.count, "root": said.root.hex()}
    emit({**asked, "values": plain, "sealed": sealed, "head": _described(proved.head)}, lines)
    return Exit.GOOD


def _seal_of(record: bytes) -> Commitment:
    """What a record seals; NotTrusted if it is no seal."""
    try:
        entry = parse_entry(parse_record(record).note).entry
    except Malformed as error:
        raise NotTrusted(f"not a seal: {error.message}", where="seal") from error
    if not isinstance(entry, Seal | End):
        raise NotTrusted("the record is no seal", where="seal")
    return commitment_of(entry)


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
