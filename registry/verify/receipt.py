"""Verifying a person's receipt: their amount under a commitment that the log holds (DESIGN §6).

Refuses to know: who the person is; what the platform does with the points inside.

Steps
1. the evidence file about the entry with the commitment passes its own steps (`verifier`)
2. that entry is a conversion, swap, redemption or issuance with a commitment, in the receipt's unit
3. each leaf of the receipt leads to the commitment's root, count and total, each place once

    report = verify_receipt(receipt, evidence, trust)
"""

from msgspec import structs

from registry.chain.errors import NotTrusted
from registry.ledger.entries import Common, Conversion, Issuance, Redemption, Swap, kind_of
from registry.ledger.entries.common import Commit
from registry.ledger.people import Receipt, check_receipt, parse_receipt
from registry.verify.report import Report, Sentence, Step
from registry.verify.trust import Trust
from registry.verify.verifier import check_evidence
from registry.verify.words import describe

_UNITS = {"points": Sentence("points", "积分"), "mg": Sentence("mg", "毫克")}


def verify_receipt(receipt: bytes, evidence: bytes, trust: Trust) -> Report:
    """What a receipt proves, together with the evidence file about the entry that it belongs to.

    Raises Malformed, NotTrusted or Unavailable, as `verify` does.
    """
    parsed = parse_receipt(receipt)
    checked = check_evidence(evidence, trust)
    commit = _commitment(checked.entry, parsed)
    amount = check_receipt(parsed, commit)
    report = describe(checked)
    unit = _UNITS[parsed.unit]
    step = Step(
        len(report.steps) + 1,
        Sentence("Receipt", "凭条"),
        Sentence(
            f"{len(parsed.parts)} leaves under root {commit.root[:16]}…",
            f"{len(parsed.parts)} 个叶子在根 {commit.root[:16]}… 之下",
        ),
    )
    sentence = Sentence(
        f"{amount} {unit.en} of this receipt are among the {commit.total} {unit.en} of"
        f" {commit.count} acts that record {checked.subject} commits to, each counted once.",
        f"第 {checked.subject} 条记录承诺 {commit.count} 项行为、合计 {commit.total} {unit.zh}，"
        f"其中包含本凭条的 {amount} {unit.zh}，各计一次。",
    )
    inside = Sentence(
        "What the platform does inside, and acts counted elsewhere as well, were not checked.",
        "未核验平台内部处理，也未核验同一行为是否在其他平台重复计入。",
    )
    return structs.replace(
        report,
        about=f"receipt under record {checked.subject} ({kind_of(checked.entry)})",
        not_checked=(*report.not_checked, inside),
        steps=(*report.steps, step),
        statement=(sentence, *report.statement),
        facts={**report.facts, "amount": amount, "unit": parsed.unit, "total": commit.total},
    )


def _commitment(entry: Common, receipt: Receipt) -> Commit:
    found = None
    unit = "points"
    if isinstance(entry, Issuance):
        found, unit = entry.acts, "mg"
    elif isinstance(entry, Conversion | Redemption | Swap):
        found = entry.commit
    if not isinstance(found, Commit):
        raise NotTrusted(
            f"the evidence is about an entry of kind {kind_of(entry)} that commits to no acts",
            where="evidence",
        )
    if unit != receipt.unit:
        raise NotTrusted(
            f"the receipt counts {receipt.unit}, the entry commits to {unit}", where="unit"
        )
    return found
