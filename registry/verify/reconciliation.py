"""Verifying a reconciliation report: a party's signed word on how its table compares with the log.

Source: docs/spec/formats.md, "Reconciliation report". Refuses to know: the network, the log.

Steps
1. Form: the bytes are a report (else Malformed).
2. Trust: keys of the party are given (else Unavailable).
3. Signature: the line is good by one of them.

    report = verify_reconciliation(note, [vkey])
"""

from collections.abc import Sequence

import msgspec

from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.chain.note import parse_vkey
from registry.ledger.quantities import format_tonnes
from registry.ledger.reconciliation_note import (
    ReconciliationText,
    SignedReconciliation,
    open_reconciliation,
    parse_reconciliation,
)
from registry.verify.report import Report, Sentence, Step

_NOT_CHECKED = (
    Sentence(
        "Whether the key was in force then: that it is the party's is your own trust.",
        "未核验该密钥当时是否有效：其属于该主体，系依您的信任认定。",
    ),
    Sentence(
        "Whether the log says what the report says of it: tanbu reconcile at the same size, with"
        " the same file, makes the same report.",
        "未核验账本是否如报告所述：以同一文件在同一规模运行 tanbu reconcile 可得同样的报告。",
    ),
    Sentence(
        "Which file it was, beyond its SHA-256, and whether it is true.",
        "未核验是哪一文件（仅有其 SHA-256），也未核验其是否属实。",
    ),
)


def verify_reconciliation(data: bytes, keys: Sequence[str]) -> Report:
    """What a report proves to whoever knows that `keys` are the party's.

    Raises Malformed, Unavailable or NotTrusted, naming the step.
    """
    try:
        signed = parse_reconciliation(data)
    except Malformed as error:
        raise Malformed(error.message, where="step 1, form") from error
    if not keys:
        raise Unavailable(
            f"no key of {signed.signer} is given",
            where="step 2, trust",
            todo="name it with --party-key, from a source that you believe",
        )
    try:
        key = open_reconciliation(signed, [parse_vkey(text) for text in keys])
    except (NotTrusted, Malformed) as error:
        raise NotTrusted(error.message, where="step 3, signature") from error
    said = signed.said
    return Report(
        about=f"reconciliation of {said.table} by {key.name}",
        origin=signed.origin,
        size=said.size,
        root=said.root,
        not_checked=_NOT_CHECKED,
        steps=(
            Step(1, Sentence("Form", "格式"), _bytes(data)),
            Step(2, Sentence("Trust", "信任根"), _given(keys)),
            Step(3, Sentence("Signature", "签名"), Sentence(signed.signer, signed.signer)),
        ),
        statement=(_statement(signed, key.name), *sentences(said)),
        facts={**msgspec.to_builtins(said), "signed_by": signed.signer},
    )


def sentences(said: ReconciliationText) -> tuple[Sentence, ...]:
    """What a report found: counts, totals, and each line that it lists."""
    here, there = format_tonnes(said.here_g), format_tonnes(said.there_g)
    found = [
        Sentence(
            f"{said.same} the same, {said.different} different, {said.missing_here} missing in the"
            f" log, {said.missing_there} missing in the file",
            f"一致 {said.same}，不同 {said.different}，账本中缺少 {said.missing_here}，"
            f"文件中缺少 {said.missing_there}",
        ),
        Sentence(f"total: log {here} t, file {there} t", f"合计：账本 {here} 吨，文件 {there} 吨"),
    ]
    for line in said.lines:
        ours, theirs = (
            "-" if isinstance(grams, msgspec.UnsetType) else format_tonnes(grams)
            for grams in (line.here_g, line.there_g)
        )
        found.append(
            Sentence(
                f"{line.key}: log {ours} t, file {theirs} t",
                f"{line.key}：账本 {ours} 吨，文件 {theirs} 吨",
            )
        )
    if more := said.differences - len(said.lines):
        found.append(Sentence(f"{more} more differences", f"另有 {more} 处差异"))
    return tuple(found)


def _statement(signed: SignedReconciliation, name: str) -> Sentence:
    said = signed.said
    return Sentence(
        f"{name} has signed that it compared the {said.table} of its file {said.file_sha256} with"
        f" the log {signed.origin} as of size {said.size}, scope {said.scope}.",
        f"{name} 签名确认：已将其文件 {said.file_sha256} 的 {said.table} 与账本 {signed.origin}"
        f"（规模 {said.size}，范围 {said.scope}）核对。",
    )


def _bytes(data: bytes) -> Sentence:
    return Sentence(f"{len(data)} bytes", f"{len(data)} 字节")


def _given(keys: Sequence[str]) -> Sentence:
    return Sentence(f"{len(keys)} keys of the party", f"主体密钥 {len(keys)} 个")
