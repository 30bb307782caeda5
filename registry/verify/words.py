"""What a checked file proves and what it does not, in plain words (en, zh) and as plain values.

Refuses to know: how it was checked. The verdict begins with what is *not* checked.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import UNSET, structs

from registry.ledger.entries import (
    Common,
    Conversion,
    Event,
    Execution,
    Freeze,
    Issuance,
    Obligation,
    Opening,
    Order,
    OrderChange,
    Pledge,
    Redemption,
    Retirement,
    Transfer,
    Unfreeze,
    kind_of,
)
from registry.ledger.entries.use import Beneficiary, Obligor
from registry.ledger.quantities import format_tonnes
from registry.verify.checked import KIND_WORDS, Checked
from registry.verify.report import Report, Sentence
from registry.verify.standing import SERVED, stands_on

RANGES_SHOWN_MAX = 20
"""Most serial ranges that a sentence lists; the JSON has them all."""

_EFFECTS = {
    "reduce": Sentence("reduced", "减少"),
    "raise": Sentence("raised", "增加"),
    "annul": Sentence("annulled", "撤销"),
    "close": Sentence("closed", "终结"),
    "suspend": Sentence("suspended", "中止"),
    "resume": Sentence("resumed", "恢复"),
}
_PURPOSES = {
    "offset": Sentence("to meet the obligation", "用于履约抵销"),
    "remediation": Sentence("to fulfil the order", "用于履行替代性修复"),
    "event": Sentence("to neutralise the event", "用于活动碳中和"),
    "voluntary": Sentence("voluntarily", "自愿公益"),
}


def describe(checked: Checked) -> Report:
    """The report of a checked file."""
    entry = checked.entry
    statement = [_logged(checked)]
    facts: dict[str, Any] = {
        "subject": checked.subject,
        "kind": kind_of(entry),
        "time_ms": checked.times[checked.subject],
        "signed_by": list(dict.fromkeys(checked.holders[checked.subject])),
        "records": sorted(checked.entries),
        "cosigners": list(checked.cosigners),
        "uncounted": list(checked.uncounted),
    }
    if isinstance(entry, Retirement):
        statement += _retirement(checked, entry, facts)
        if entry.purpose == "remediation" and entry.ref is not UNSET:
            statement += _changes(checked, entry.ref, facts)
            statement += _voluntary(checked, facts)
    else:
        statement += _other(entry)
        if isinstance(entry, Order | OrderChange):
            statement += _changes(checked, entry.order, facts)
    return Report(
        about=f"record {checked.subject} ({kind_of(entry)})",
        origin=checked.head.origin,
        size=checked.head.size,
        root=checked.head.root.hex(),
        not_checked=tuple(_not_checked(checked)),
        steps=checked.steps,
        statement=tuple(statement),
        facts=facts,
    )


# ---------------------------------------------------------------- what is not checked


def _not_checked(checked: Checked) -> Iterable[Sentence]:
    size = checked.head.size
    yield Sentence(
        f"Valid when logged; nothing is known of what came after size {size}.",
        f"仅证明入账时有效；规模 {size} 之后的情况未知。",
    )
    yield Sentence(
        "No replayer: whether the rules allowed it (balances, dates, caps, keys revoked meanwhile)"
        " was not checked; a full audit does that.",
        "无重放方联署：未核验是否符合规则（余额、期限、上限、期间撤销的密钥）；全量审计可核验。",
    )
    if checked.cosigners:
        listed = ", ".join(checked.cosigners)
        yield Sentence(
            f"Cosignatures that trust does not know were not counted: {listed}.",
            f"信任根未列明的联署不予计入：{listed}。",
        )
    if checked.uncounted:
        listed = ", ".join(checked.uncounted)
        yield Sentence(
            "Lines under the log's name by keys that trust does not name were not counted:"
            f" {listed}. The log may have changed its keys: learn the new ones"
            " (tanbu audit --new-trust).",
            f"以账本名义、但信任根未列明的签名不予计入：{listed}。"
            "账本可能已更换密钥：请获知新密钥（tanbu audit --new-trust）。",
        )
    yield Sentence(
        "Not witnessed: that the log shows the same records to everybody was not checked.",
        "无见证方联署：未核验账本是否向所有人展示相同内容。",
    )
    yield Sentence(
        "No time stamp: the time is the log's own.", "无可信时间戳：时间为账本自身记录。"
    )
    if checked.policy:
        yield Sentence(
            "The file brings a policy of its own; it was not used.", "文件自带的策略未被采用。"
        )
    yield from _not_checked_of_records(checked)


def _not_checked_of_records(checked: Checked) -> Iterable[Sentence]:
    for index, entry in checked.entries.items():
        if isinstance(entry, Order | Freeze | Unfreeze | Execution) and entry.origin == "recorded":
            by = ", ".join(dict.fromkeys(checked.holders[index]))
            kind = kind_of(entry)
            issuer = entry.issuer if isinstance(entry, Order | Freeze) else ""
            named, named_zh = (f" ({issuer})", f"（{issuer}）") if issuer else ("", "")
            paper, paper_zh = " from an instrument that is not named", " 录入，未指明文书"
            if entry.instrument_sha256 is not UNSET:
                paper = f" from an instrument with SHA-256 {entry.instrument_sha256}"
                paper_zh = f" 依据文书录入，文书 SHA-256 为 {entry.instrument_sha256}"
            yield Sentence(
                f"The issuer's own signature{named} was not checked: the {kind} was"
                f" recorded by {by}{paper}.",
                f"未核验出具机关{named_zh}自身的签名：该{KIND_WORDS[kind]}由 {by}{paper_zh}。",
            )
        if isinstance(entry, Opening):
            yield Sentence(
                f"The batch {entry.batch} is taken over from {entry.source.registry}, not proved.",
                f"批次 {entry.batch} 接管自 {entry.source.registry}，未经证明。",
            )
    yield Sentence(
        "Documents that records name by SHA-256 (reports, instruments, methodologies) were not"
        " read.",
        "记录中以 SHA-256 引用的文件（报告、文书、方法学）未予查阅。",
    )


# ---------------------------------------------------------------- what it proves


def _logged(checked: Checked) -> Sentence:
    index, entry = checked.subject, checked.entry
    signed = ", ".join(dict.fromkeys(checked.holders[index])) or ", ".join(entry.signers)
    when = checked.when(index)
    return Sentence(
        f"Record {index} of {checked.head.origin}, of kind {kind_of(entry)}, was logged"
        f" on {when}, signed by {signed}.",
        f"账本 {checked.head.origin} 第 {index} 条记录（{KIND_WORDS[kind_of(entry)]}）"
        f"于 {when} 入账，由 {signed} 签署。",
    )


def _retirement(checked: Checked, entry: Retirement, facts: dict[str, Any]) -> list[Sentence]:
    items = []
    quantity_g = 0
    for item in entry.items:
        made = checked.batch(item.batch)
        grams = (item.last - item.first + 1) * made.unit_g
        quantity_g += grams
        items.append(
            {
                "batch": item.batch,
                "first": item.first,
                "last": item.last,
                "quantity_g": grams,
                "vintage": made.vintage,
                "taken_over": made.taken_over,
            }
        )
    number = f"{checked.genesis.region}-R-{checked.head.origin[-8:]}-{checked.subject}"
    facts |= {
        "certificate": number,
        "account": entry.account,
        "purpose": entry.purpose,
        "quantity_g": quantity_g,
        "items": items,
        "beneficiary": _beneficiary_fields(entry.beneficiary),
    }
    if entry.ref is not UNSET:
        facts["ref"] = entry.ref
    tonnes, serials = format_tonnes(quantity_g), _serials(entry)
    purpose = _PURPOSES[entry.purpose]
    served = _served(checked, entry, facts)
    day = checked.when(checked.subject)[:10]
    favour = _beneficiary(entry.beneficiary)
    origins = [_origin(checked, batch) for batch in dict.fromkeys(i.batch for i in entry.items)]
    return [
        Sentence(
            f"{tonnes} t of CO2 equivalent, serials {serials}, were finally retired on {day}"
            f" {purpose.en}{served.en}, in favour of {favour}. Certificate {number}.",
            f"{tonnes} 吨二氧化碳当量（序号 {serials}）已于 {day} 最终注销，"
            f"{purpose.zh}{served.zh}，受益方为 {favour}。证书号 {number}。",
        ),
        Sentence(
            "Under the rules of this log these serials cannot be transferred or used again.",
            "依本账本规则，上述序号不得再次转让或使用。",
        ),
        *origins[:RANGES_SHOWN_MAX],
    ]


def _origin(checked: Checked, batch: str) -> Sentence:
    """Where the credits of a batch come from."""
    made = checked.batch(batch)
    entry = checked.entries[made.index]
    signed = ", ".join(dict.fromkeys(checked.holders[made.index]))
    if isinstance(entry, Opening):
        return Sentence(
            f"Batch {batch} ({made.vintage}) was taken over from {entry.source.registry} by record"
            f" {made.index}, signed by {signed}.",
            f"批次 {batch}（{made.vintage}）由第 {made.index} 条记录接管自"
            f" {entry.source.registry}，由 {signed} 签署。",
        )
    project = checked.project_of(made.index)
    return Sentence(
        f"Batch {batch} ({made.vintage}) was issued by record {made.index}, signed by {signed}, for"
        f" {project.project} ({project.title}), methodology {project.methodology}"
        f" {project.methodology_version}.",
        f"批次 {batch}（{made.vintage}）由第 {made.index} 条记录签发，由 {signed} 签署；"
        f"项目 {project.project}（{project.title}），"
        f"方法学 {project.methodology} {project.methodology_version}。",
    )


def _target(entry: Freeze) -> str:
    named = entry.batch if entry.account is UNSET else entry.account
    return f"{named}, {_serials(entry)}" if entry.items else str(named)


def _serials(entry: Retirement | Execution | Pledge | Freeze) -> str:
    items = entry.items or ()
    shown = [f"{i.batch}: {i.first}–{i.last}" for i in items[:RANGES_SHOWN_MAX]]
    more = len(items) - len(shown)
    return "; ".join(shown) + (f"; … (+{more})" if more else "")


def _served(checked: Checked, entry: Retirement, facts: dict[str, Any]) -> Sentence:
    if entry.ref is UNSET or entry.purpose not in SERVED:
        return Sentence("", "")
    served = checked.named(f"{SERVED[entry.purpose]}/{entry.ref}")
    if isinstance(served, Order):
        facts["order"] = {
            "order": served.order,
            "issuer": served.issuer,
            "number": served.number,
            "origin": served.origin,
            "quantity_g": served.quantity_g,
            "instrument_sha256": served.instrument_sha256,
            "date": served.date,
            "obligors": [_obligor(obligor) for obligor in served.obligors],
        }
        tonnes = format_tonnes(served.quantity_g)
        return Sentence(
            f" {served.order}, {served.number} of {served.issuer} ({served.date}, {tonnes} t)",
            f" {served.order}：{served.issuer} {served.number}（{served.date}，{tonnes} 吨）",
        )
    if isinstance(served, Event):
        facts["event"] = {"event": served.event, "title": served.title, "status": served.status}
        return Sentence(f" {served.event} ({served.title})", f" {served.event}（{served.title}）")
    if isinstance(served, Obligation):
        return Sentence(
            f" of {served.obligated} for {served.year}", f" {served.obligated} {served.year} 年度"
        )
    return Sentence("", "")


def _obligor(obligor: Obligor) -> dict[str, str]:
    if obligor.firm is not UNSET:
        return {"firm": obligor.firm.name}
    return {} if obligor.commit is UNSET else {"commit": obligor.commit}


def _beneficiary(beneficiary: Beneficiary) -> str:
    fields = _beneficiary_fields(beneficiary)
    return ", ".join(f"{name} {value}" for name, value in fields.items()) or "nobody named"


def _beneficiary_fields(beneficiary: Beneficiary) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name in ("party", "project", "event", "commit"):
        value = getattr(beneficiary, name)
        if value is not UNSET:
            fields[name] = value
    if beneficiary.firm is not UNSET:
        fields["firm"] = beneficiary.firm.name
    return fields


def _changes(checked: Checked, order: str, facts: dict[str, Any]) -> Iterable[Sentence]:
    """What became of an order, by the changes in the file, in their order."""
    listed = []
    for index, entry in sorted(checked.entries.items()):
        if not isinstance(entry, OrderChange) or entry.order != order:
            continue
        change: dict[str, Any] = {"index": index, "effect": entry.effect}
        effect = _EFFECTS[entry.effect]
        to, to_zh = "", ""
        if entry.quantity_g is not UNSET:
            change["quantity_g"] = entry.quantity_g
            tonnes = format_tonnes(entry.quantity_g)
            to, to_zh = f" to {tonnes} t", f"至 {tonnes} 吨"
        listed.append(change)
        when = checked.when(index)
        yield Sentence(
            f"The order {order} was {effect.en}{to} by record {index} on {when}.",
            f"裁决 {order} 由第 {index} 条记录于 {when} {effect.zh}{to_zh}。",
        )
    if listed:
        facts["order_changes"] = listed


def _voluntary(checked: Checked, facts: dict[str, Any]) -> Iterable[Sentence]:
    """How much of a retirement cannot have served its order, since that became smaller."""
    left_g = [
        0 if change["effect"] == "annul" else change["quantity_g"]
        for change in facts.get("order_changes", ())
        if change["index"] > checked.subject and change["effect"] in ("reduce", "annul")
    ]
    if not left_g:
        return
    surplus_g = max(facts["quantity_g"] - min(left_g), 0)
    facts["voluntary_g_min"] = surplus_g
    tonnes = format_tonnes(surplus_g)
    if min(left_g) == 0:
        yield Sentence(
            f"All of it, {tonnes} t, is therefore voluntary now; it stays retired.",
            f"因此其全部 {tonnes} 吨现为自愿注销，注销仍然有效。",
        )
        return
    yield Sentence(
        f"At least {tonnes} t of it are therefore voluntary now; whether more are follows from the"
        " order's other retirements and is not shown by this file. All of it stays retired.",
        f"因此其中至少 {tonnes} 吨现为自愿注销；是否更多取决于该裁决的其他注销，本文件不予证明。"
        "注销仍然有效。",
    )


def _other(entry: Common) -> Iterable[Sentence]:
    match entry:
        case Order():
            tonnes = format_tonnes(entry.quantity_g)
            yield Sentence(
                f"{entry.issuer} ordered {tonnes} t to be retired: {entry.number}, {entry.date}.",
                f"{entry.issuer} 裁定注销 {tonnes} 吨：{entry.number}，{entry.date}。",
            )
        case Issuance():
            for new in entry.batches:
                tonnes = format_tonnes(new.count * new.unit_g)
                yield Sentence(
                    f"{tonnes} t were issued as {new.batch}, serials 1–{new.count}.",
                    f"签发 {tonnes} 吨，批次 {new.batch}，序号 1–{new.count}。",
                )
        case Freeze():
            yield Sentence(
                f"{entry.issuer} froze {_target(entry)}: {entry.number}. Whether the freeze still"
                " stands is not shown by this file.",
                f"{entry.issuer} 冻结 {_target(entry)}：{entry.number}。"
                "冻结现是否仍有效，本文件不予证明。",
            )
        case Execution():
            done = "retired" if entry.to is UNSET else f"moved to {entry.to}"
            done_zh = "注销" if entry.to is UNSET else f"划转至 {entry.to}"
            yield Sentence(
                f"Serials {_serials(entry)} of {entry.account} were {done} under the freeze at"
                f" index {entry.freeze}.",
                f"依第 {entry.freeze} 条冻结，{entry.account} 的序号 {_serials(entry)}"
                f" 被{done_zh}。",
            )
        case Pledge():
            yield Sentence(
                f"Serials {_serials(entry)} of {entry.account} were pledged to {entry.pledgee};"
                " whether they still are is not shown by this file.",
                f"{entry.account} 的序号 {_serials(entry)} 质押给 {entry.pledgee}；"
                "现是否仍在质押，本文件不予证明。",
            )
        case Transfer():
            yield Sentence(
                f"Credits went from {entry.from_} to {entry.to} ({entry.reason}); which serials,"
                " and that they were there, follows from the rules and is not shown by this file.",
                f"减排量由 {entry.from_} 转至 {entry.to}（{entry.reason}）；"
                "具体序号及其存在由规则确定，本文件不予证明。",
            )
        case Conversion() | Redemption():
            yield Sentence(
                f"Points of the scheme {entry.scheme}; people's receipts lead to its commitment."
                " Which serials moved follows from the rules and is not shown by this file.",
                f"积分体系 {entry.scheme}；个人凭条据其中的承诺核验。"
                "涉及的序号由规则确定，本文件不予证明。",
            )
        case _:
            return


# ---------------------------------------------------------------- openings


def order_of(checked: Checked) -> Order | None:
    """The order that the subject is, or that the subject as a retirement serves."""
    if isinstance(checked.entry, Order):
        return checked.entry
    for reference in stands_on(checked.entry):
        if reference.startswith("order/"):
            served = checked.named(reference)
            return served if isinstance(served, Order) else None
    return None


def opened(report: Report, name: str, position: int) -> Report:
    """The report with who an obligor is, as a private opening that fits has shown."""
    sentence = Sentence(
        f"The opening shown fits: obligor {position} of the order is {name}.",
        f"所示开示文件相符：裁决第 {position} 位义务人为 {name}。",
    )
    return structs.replace(
        report,
        statement=(*report.statement, sentence),
        facts={**report.facts, "opened": {"obligor": position, "name": name}},
    )
