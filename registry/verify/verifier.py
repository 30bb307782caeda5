"""Verifying an evidence file: numbered steps, each of which must be passed before the next.

Source: docs/spec/evidence.md; the numbers there are these.
Refuses to know: the network, the operator, the time; all it has is the file and the trust.

 1. Form: the file is exactly of the form (else Malformed).
 2. Trust: trust knows the log, and keys of it for this size (else Unavailable).
 3. Checkpoint: there is a good line under the log's name by an Ed25519 key that trust counts at
    this size, and by an ML-DSA-44 one if trust has such a key; none by such a key is bad. Lines of
    other keys under that name are not counted, and said; if there are only those: Unavailable.
 4. Inclusion: each record is the leaf at its own index under the checkpoint's root.
 5. Entries: each record holds an entry of this log, of a kind and under a ruleset known here (else
    Unavailable); times do not go back.
 6. Standing: the file holds exactly what the subject stands on, genesis included.
 7. Genesis: it is signed by a key of the authority that trust names.
 8. Signatures: every line of every record is good, by a key that the file enrols and that was in
    force; what enrols a key has been signed by it.
 9. Powers: every record is signed by those who must sign an entry of its kind.
10. Serials: those that the subject names exist in their batches.

What a checkpoint, a policy or a key in the file says about who is to be trusted is never used.

    report = verify(data, trust)
    for line in report.lines("zh"): print(line)
"""

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

from msgspec import UNSET

from registry.chain import canonical, tlog
from registry.chain.errors import Malformed, NotTrusted, TanbuError, Unavailable
from registry.chain.note import Note, Signature
from registry.ledger.codec import HEADER, Parsed, parse_entry
from registry.ledger.entries import (
    KINDS,
    Common,
    Execution,
    Genesis,
    Pledge,
    Retirement,
    Rulebook,
    kind_of,
)
from registry.ledger.people import check_opening, parse_opening
from registry.ledger.rulesets import ruleset
from registry.verify.checked import KIND_WORDS, Checked
from registry.verify.evidence import Evidence, Proved, key_of, parse_evidence
from registry.verify.keyring import KeyRing, check_genesis
from registry.verify.loghead import check_trusted
from registry.verify.powers import Powers
from registry.verify.report import Report, Sentence, Step
from registry.verify.standing import AGAIN, GENESIS_INDEX, IN_FORCE, closure, led_to, makes
from registry.verify.trust import LogTrust, Trust
from registry.verify.words import describe, opened, order_of

T = TypeVar("T")

TITLES = {
    1: Sentence("Form", "格式"),
    2: Sentence("Trust", "信任根"),
    3: Sentence("Checkpoint", "检查点"),
    4: Sentence("Inclusion", "包含证明"),
    5: Sentence("Entries", "条目"),
    6: Sentence("Standing", "依据"),
    7: Sentence("Genesis", "创世"),
    8: Sentence("Signatures", "签名"),
    9: Sentence("Powers", "权限"),
    10: Sentence("Serials", "序号"),
}


class _Steps:
    """Runs steps in their order and names the one that fails."""

    def __init__(self) -> None:
        self.passed: list[Step] = []

    def run(self, check: Callable[[], tuple[T, Sentence]]) -> T:
        number = len(self.passed) + 1
        try:
            value, found = check()
        except TanbuError as error:
            where = f"step {number}, {TITLES[number].en.lower()}"
            raise type(error)(
                error.message,
                where=f"{where}: {error.where}" if error.where else where,
                todo=error.todo,
            ) from error
        self.passed.append(Step(number, TITLES[number], found))
        return value


def verify(data: bytes, trust: Trust, *, opening: bytes | None = None) -> Report:
    """What an evidence file proves to whoever holds `trust`.

    `opening`: the private file of an obligor of the order that the subject is or serves. Raises
    Malformed, NotTrusted or Unavailable; `where` begins with the step.
    """
    checked = check_evidence(data, trust)
    report = describe(checked)
    if opening is None:
        return report
    return _with_opening(report, checked, opening)


def check_evidence(data: bytes, trust: Trust) -> Checked:
    """The records of a file that has passed all steps; raises as `verify`."""
    steps = _Steps()
    evidence = steps.run(lambda: _form(data))
    log_trust = steps.run(lambda: _trusted(evidence, trust))
    uncounted = steps.run(lambda: _checkpoint(evidence, log_trust))
    steps.run(lambda: _inclusion(evidence))
    entries = steps.run(lambda: _entries(evidence))
    where_made = steps.run(lambda: _standing(evidence, entries))
    genesis = steps.run(lambda: _genesis(entries, log_trust))
    holders = steps.run(lambda: _signatures(evidence, entries))
    steps.run(lambda: _powers(evidence, entries, holders))
    checked = Checked(
        subject=evidence.subject,
        head=evidence.head,
        genesis=genesis,
        times={held.read.index: held.read.time_ms for held in evidence.records},
        entries={index: parsed.entry for index, parsed in entries.items()},
        holders=holders,
        makers=where_made,
        cosigners=tuple(map(key_of, evidence.cosigner_lines)),
        uncounted=tuple(map(key_of, uncounted)),
        policy=evidence.policy is not None,
    )
    steps.run(lambda: _serials(checked))
    return checked.with_steps(tuple(steps.passed))


def _same(text: str) -> Sentence:
    return Sentence(text, text)


def _form(data: bytes) -> tuple[Evidence, Sentence]:
    evidence = parse_evidence(data)
    size, count = len(data), len(evidence.records)
    return evidence, Sentence(f"{size} bytes, {count} records", f"{size} 字节，{count} 条记录")


def _trusted(evidence: Evidence, trust: Trust) -> tuple[LogTrust, Sentence]:
    log_trust = trust.of(evidence.head.origin)
    log_trust.verifiers(evidence.head.size)
    return log_trust, _same(evidence.head.origin)


def _checkpoint(evidence: Evidence, trust: LogTrust) -> tuple[tuple[Signature, ...], Sentence]:
    """The lines under the log's name by keys that trust does not name."""
    size = evidence.head.size
    note = Note(evidence.text, evidence.log_lines)
    origin, verifiers = evidence.head.origin, trust.verifiers(size)
    good, unknown = check_trusted(note, origin, verifiers, trust.vkeys)
    return unknown, Sentence(
        f"size {size}, {len(good)} signatures of the log", f"规模 {size}，账本签名 {len(good)} 个"
    )


def _inclusion(evidence: Evidence) -> tuple[None, Sentence]:
    head = evidence.head
    for held in evidence.records:
        where = f"record {held.read.index}"
        if held.read.index >= head.size:
            raise NotTrusted(f"the checkpoint covers {head.size} records", where=where)
        try:
            tlog.check_inclusion(
                held.proof, held.read.index, tlog.leaf_hash(held.data), head.size, head.root
            )
        except NotTrusted as error:
            raise NotTrusted(error.message, where=where) from error
    count, root = len(evidence.records), head.root.hex()[:16]
    return None, Sentence(f"{count} records under root {root}…", f"{count} 条记录在根 {root}… 之下")


def _entries(evidence: Evidence) -> tuple[dict[int, Parsed], Sentence]:
    entries: dict[int, Parsed] = {}
    last_ms = 0
    for held in evidence.records:
        where = f"record {held.read.index}"
        if held.read.time_ms < last_ms:
            raise NotTrusted("the time goes back", where=where)
        last_ms = held.read.time_ms
        parsed = _entry(held, where)
        if parsed.origin != evidence.head.origin:
            raise NotTrusted(f"an entry for the log {parsed.origin}", where=where)
        entry = parsed.entry
        if isinstance(entry, Genesis) != (held.read.index == GENESIS_INDEX):
            raise NotTrusted("a genesis is the record at index 0 and no other", where=where)
        if isinstance(entry, Genesis | Rulebook) and entry.ruleset is not UNSET:
            ruleset(entry.ruleset)
        entries[held.read.index] = parsed
    kinds = sorted({kind_of(parsed.entry) for parsed in entries.values()})
    return entries, Sentence(", ".join(kinds), "、".join(KIND_WORDS[kind] for kind in kinds))


def _entry(held: Proved, where: str) -> Parsed:
    """The entry of a record that is in the tree: what is wrong with it is the log's fault."""
    try:
        return parse_entry(held.read.note)
    except Malformed as error:
        kind = _kind(held.read.note)
        if kind and kind not in KINDS:
            raise Unavailable(
                f"this version does not know entries of kind {kind[:40]!a}",
                where=where,
                todo="use a newer version of tanbu",
            ) from error
        raise NotTrusted(f"not an entry: {error.message}", where=where) from error


def _kind(note: bytes) -> str:
    """The kind that an entry states, if it is canonical JSON at all."""
    lines = note.split(b"\n", 3)
    if not note.startswith(HEADER) or len(lines) < 4:
        return ""
    try:
        value = canonical.parse_json(lines[2])
    except Malformed:
        return ""
    kind = value.get("kind") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def _standing(
    evidence: Evidence, entries: dict[int, Parsed]
) -> tuple[Callable[[str, int], tuple[int, ...]], Sentence]:
    times = {held.read.index: held.read.time_ms for held in evidence.records}
    rulebooks = [(n, p.entry) for n, p in entries.items() if isinstance(p.entry, Rulebook)]
    made: dict[str, list[int]] = {}
    for index, parsed in entries.items():
        for name in makes(parsed.entry, index):
            if name in made and name.partition("/")[0] not in (*AGAIN, "changes"):
                raise NotTrusted(f"{name} is made twice", where=f"record {index}")
            made.setdefault(name, []).append(index)

    def entry_at(index: int) -> Common:
        if index not in entries:
            raise NotTrusted("it is missing from the file", where=f"record {index}")
        return entries[index].entry

    def find(reference: str, index: int) -> tuple[int, ...]:
        where = f"record {index}"
        if reference == IN_FORCE:
            begun = [n for n, b in rulebooks if n < index and b.effective_from_ms <= times[index]]
            if not begun:
                raise NotTrusted("the file has no rulebook that was in force", where=where)
            return (begun[-1],)
        makers = made.get(reference, [])
        found = led_to(reference, makers, index, evidence.subject)
        if not found and not reference.startswith("changes/"):
            if makers:
                raise NotTrusted(f"{reference} comes only at index {makers[0]}", where=where)
            raise NotTrusted(f"the file lacks {reference}, which it stands on", where=where)
        return found

    needed = closure(evidence.subject, entry_at, find)
    if extra := sorted(set(entries) - set(needed)):
        raise NotTrusted(
            "nothing stands on it: it does not belong here", where=f"record {extra[0]}"
        )
    others = len(needed) - 1
    return find, Sentence(
        f"record {evidence.subject} stands on {others} others, all here",
        f"第 {evidence.subject} 条记录依据的 {others} 条记录俱在",
    )


def _genesis(entries: dict[int, Parsed], trust: LogTrust) -> tuple[Genesis, Sentence]:
    genesis = entries[GENESIS_INDEX].entry
    if not isinstance(genesis, Genesis):
        raise NotTrusted("the first record is no genesis", where="record 0")
    return genesis, _same(check_genesis(genesis, trust.authority_keys))


def _signatures(
    evidence: Evidence, entries: dict[int, Parsed]
) -> tuple[dict[int, tuple[str, ...]], Sentence]:
    ring = KeyRing()
    holders = {
        held.read.index: ring.open(held.read.index, held.read.time_ms, entries[held.read.index])
        for held in evidence.records
    }
    count = sum(len(parsed.signatures) for parsed in entries.values())
    return holders, Sentence(f"{count} by enrolled keys", f"{count} 个，均出自已登记密钥")


def _powers(
    evidence: Evidence, entries: dict[int, Parsed], holders: dict[int, tuple[str, ...]]
) -> tuple[None, Sentence]:
    powers = Powers()
    for held in evidence.records:
        index = held.read.index
        powers.check(index, held.read.time_ms, entries[index].entry, holders[index])
    return None, _same(", ".join(dict.fromkeys(holders[evidence.subject])))


def _serials(checked: Checked) -> tuple[None, Sentence]:
    entry = checked.entries[checked.subject]
    items = entry.items if isinstance(entry, Retirement | Execution | Pledge) else ()
    for item in items:
        made = checked.batch(item.batch)
        if not 1 <= item.first <= item.last <= made.count:
            raise NotTrusted(
                f"the batch {item.batch} has the serials 1 to {made.count},"
                f" not {item.first} to {item.last}",
                where=f"record {checked.subject}",
            )
    serials = sorted((i.batch, i.first, i.last) for i in items)
    for one, other in pairwise(serials):
        if one[0] == other[0] and other[1] <= one[2]:
            raise NotTrusted(
                f"serial {other[1]} of {one[0]} is named twice", where=f"record {checked.subject}"
            )
    if not items:
        return None, Sentence("none are named", "未指明序号")
    return None, Sentence(f"{len(items)} ranges", f"{len(items)} 段")


def _with_opening(report: Report, checked: Checked, data: bytes) -> Report:
    """Add that an opening fits an obligor of the order; NotTrusted if it fits none."""
    order = order_of(checked)
    if order is None:
        raise Malformed("this record has no order whose obligor could be opened", where="opening")
    opening = parse_opening(data)
    for position, obligor in enumerate(order.obligors):
        if isinstance(obligor.commit, str):
            try:
                check_opening(opening, obligor.commit)
            except NotTrusted:
                continue
            return opened(report, opening.name, position)
    raise NotTrusted("the opening is that of no obligor of this order", where="opening")


__all__ = ["TITLES", "check_evidence", "verify"]
