"""What an audit has found, in plain words (en, zh) and as plain values.

Refuses to know: how it was checked. It begins with what is *not* checked.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, to_builtins

from registry.ledger import values as v
from registry.ledger.invariants import INVARIANTS, each, grams_by_status
from registry.ledger.quantities import format_tonnes
from registry.ledger.rulesets import numbers_until
from registry.ledger.state import StateReader
from registry.verify.report import Report, Sentence, Step
from registry.verify.trust import TrustedKey

STATUS_WORDS = {
    "free": "可用",
    "reserved": "预留",
    "pooled": "积分池",
    "buffer": "缓冲",
    "retired": "已注销",
    "cancelled": "已作废",
}


class Audited(Struct, frozen=True, kw_only=True):
    """The results of an audit that found no fault."""

    log: v.Log | None
    size: int
    root: bytes
    records: int
    first_ms: int
    last_ms: int
    kinds: dict[str, int]
    signatures: int
    authority: str
    state_root: bytes
    state_count: int
    stored: bool
    checkpoints: int
    seals: int
    seals_unchecked: int
    log_keys: tuple[TrustedKey, ...] = ()
    learned: tuple[str, ...] = ()
    """Keys that sign now, that trust does not name, and that descend from one it names."""


def describe_audit(found: Audited, state: StateReader) -> Report:
    """The report of an audit."""
    grams = grams_by_status(state)
    origin = found.log.origin if found.log else ""
    facts: dict[str, Any] = {
        "records": found.records,
        "signatures": found.signatures,
        "entries": found.kinds,
        "grams": grams,
        "issued_g": sum(grams.values()),
        "state_root": found.state_root.hex(),
        "state_count": found.state_count,
        "first_ms": found.first_ms,
        "last_ms": found.last_ms,
        "rulesets": numbers_until(found.log, found.last_ms) if found.log else [],
        "authority_key": found.authority,
        "database": found.stored,
        "checkpoints": found.checkpoints,
        "log_keys": to_builtins(list(found.log_keys)),
        "seals": found.seals,
    }
    shown = [status for status in grams if grams[status]]
    amounts_en = ", ".join(f"{format_tonnes(grams[s])} t {s}" for s in shown) or "0 t"
    amounts_zh = "，".join(f"{STATUS_WORDS[s]} {format_tonnes(grams[s])} 吨" for s in shown)
    issued = format_tonnes(sum(grams.values()))
    return Report(
        about=f"log {origin}",
        origin=origin,
        size=found.size,
        root=found.root.hex(),
        not_checked=tuple(_not_checked(found, state)),
        steps=tuple(_steps(found)),
        statement=(
            Sentence(
                f"All {found.records} records of {origin} are as their parties signed them and as"
                " the rules allow, and the log's tree holds exactly them.",
                f"账本 {origin} 的全部 {found.records} 条记录均与签署内容一致、符合规则，"
                "账本的树恰好包含这些记录。",
            ),
            Sentence(
                f"{issued} t were issued: {amounts_en}.",
                f"共签发 {issued} 吨：{amounts_zh or '0 吨'}。",
            ),
            Sentence(
                f"State: {found.state_count} values, root {found.state_root.hex()}.",
                f"状态：{found.state_count} 个值，根 {found.state_root.hex()}。",
            ),
        ),
        facts=facts,
    )


def _steps(found: Audited) -> Iterator[Step]:
    size, records, signatures = found.size, found.records, found.signatures
    numbers = numbers_until(found.log, found.last_ms) if found.log else []
    rulesets = ", ".join(str(number) for number in numbers)
    lines = [
        (
            Sentence("Checkpoint", "检查点"),
            Sentence(f"size {size}, signed by the log", f"规模 {size}，账本已签名"),
        ),
        (Sentence("Records", "记录"), Sentence(f"{records} in order", f"{records} 条，次序无误")),
        (
            Sentence("Signatures", "签名"),
            Sentence(f"{signatures} by keys in force", f"{signatures} 个，均出自有效密钥"),
        ),
        (
            Sentence("Rules", "规则"),
            Sentence(f"all accepted by ruleset {rulesets}", f"第 {rulesets} 号规则集全部接受"),
        ),
        (
            Sentence("Tree", "树"),
            Sentence(f"root {found.root.hex()}", f"根 {found.root.hex()}"),
        ),
        (
            Sentence("Genesis", "创世"),
            Sentence(found.authority, found.authority)
            if found.authority
            else Sentence("no trust was given", "未提供信任根"),
        ),
        (
            Sentence("State", "状态"),
            Sentence(
                f"{len(INVARIANTS)} invariants hold over {found.state_count} values; right seals:"
                f" {found.seals}",
                f"{found.state_count} 个值满足全部 {len(INVARIANTS)} 项不变式；正确的封存："
                f"{found.seals} 次",
            ),
        ),
    ]
    if found.stored:
        lines.append(
            (
                Sentence("Database", "数据库"),
                Sentence(
                    f"equal to the log, with {found.checkpoints} checkpoints",
                    f"与账本一致，含 {found.checkpoints} 个检查点",
                ),
            )
        )
    for number, (title, what) in enumerate(lines, 1):
        yield Step(number, title, what)


def _not_checked(found: Audited, state: StateReader) -> Iterator[Sentence]:
    if not found.authority:
        yield Sentence(
            "No trust was given: the log's keys were taken from its own genesis, so anybody could"
            " have made this log.",
            "未提供信任根：所用密钥取自账本自身的创世条目，任何人都可能制作出这样的账本。",
        )
    yield Sentence(
        "Not witnessed: that the log shows the same records to everybody was not checked.",
        "无见证方联署：未核验账本是否向所有人展示相同内容。",
    )
    yield Sentence(
        f"Nothing is known of what came after size {found.records}; record times are the log's"
        " own.",
        f"规模 {found.records} 之后的情况未知；记录时间为账本自身记录。",
    )
    if found.learned:
        listed = ", ".join(found.learned)
        yield Sentence(
            "Your trust does not name the keys that sign now; they were put in force by operator"
            f" and authority in the log itself: {listed}. Keep them: --new-trust FILE.",
            "您的信任根未列明现用的账本密钥；这些密钥由运营方与主管部门在账本中启用："
            f"{listed}。请保存：--new-trust FILE。",
        )
    if found.seals_unchecked:
        yield Sentence(
            f"{found.seals_unchecked} seals came into the log while it was audited; their roots"
            " were not compared. Audit again.",
            f"审计期间新增 {found.seals_unchecked} 次封存，其根未予比对，请重新审计。",
        )
    taken_over = sum(1 for _, batch in each(state, "batch", v.Batch) if batch.taken_over)
    if taken_over:
        yield Sentence(
            f"{taken_over} batches are taken over from other books, not proved.",
            f"{taken_over} 个批次接管自其他账册，未经证明。",
        )
    if found.records > found.size:
        yield Sentence(
            f"{found.records - found.size} records are committed but not yet under a signed"
            " checkpoint.",
            f"{found.records - found.size} 条记录已提交，但尚未纳入已签名的检查点。",
        )
    yield Sentence(
        "Documents that records name by SHA-256 (reports, instruments, methodologies) were not"
        " read; what platforms do inside with points was not checked.",
        "记录中以 SHA-256 引用的文件（报告、文书、方法学）未予查阅；平台内部的积分处理未予核验。",
    )
