"""What a checked file proves and what it does not, in plain words (en, zh) and as plain values.

Refuses to know: how it was checked. The verdict begins with what is *not* checked.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import UNSET, Struct, structs

from registry.chain.checkpoint import Checkpoint
from registry.chain.errors import NotTrusted
from registry.ledger.dates import DAY_MS, MINUTE_MS, civil_date
from registry.ledger.entries import (
    Common,
    Conversion,
    Event,
    Genesis,
    Issuance,
    Obligation,
    Opening,
    Order,
    Project,
    Redemption,
    Retirement,
    Transfer,
    kind_of,
)
from registry.ledger.entries.supply import NewBatch, NewBuffer, NewProject
from registry.ledger.entries.use import Beneficiary, Obligor
from registry.ledger.quantities import format_tonnes
from registry.verify.report import Report, Sentence, Step
from registry.verify.standing import SERVED, stands_on

RANGES_SHOWN_MAX = 20
"""Most serial ranges that a sentence lists; the JSON has them all."""

KIND_WORDS = {
    "genesis": "创世",
    "rulebook": "规则",
    "party": "主体登记",
    "key": "密钥",
    "account": "账户开立",
    "methodology": "方法学",
    "project": "项目登记",
    "issuance": "签发",
    "opening": "接管",
    "mandate": "委托",
    "transfer": "转让",
    "points_scheme": "积分体系",
    "conversion": "转换",
    "redemption": "兑换",
    "order": "裁决",
    "event": "活动",
    "obligation": "履约义务",
    "retirement": "注销",
}
_PURPOSES = {
    "offset": Sentence("to meet the obligation", "用于履约抵销"),
    "remediation": Sentence("to fulfil the order", "用于履行替代性修复"),
    "event": Sentence("to neutralise the event", "用于活动碳中和"),
    "voluntary": Sentence("voluntarily", "自愿公益"),
}


class Made(Struct, frozen=True):
    """A batch as the record that made it says."""

    index: int
    unit_g: int
    count: int
    vintage: int
    taken_over: bool


class Checked(Struct, frozen=True, kw_only=True):
    """A file that has passed its steps. `made`: (reference, index of the referrer) → index."""

    subject: int
    head: Checkpoint
    genesis: Genesis
    times: dict[int, int]
    entries: dict[int, Common]
    holders: dict[int, tuple[str, ...]]
    made: Callable[[str, int], int]
    cosigners: tuple[str, ...]
    policy: bool
    steps: tuple[Step, ...] = ()

    def with_steps(self, steps: tuple[Step, ...]) -> "Checked":
        return structs.replace(self, steps=steps)

    @property
    def entry(self) -> Common:
        """The entry that the file is about."""
        return self.entries[self.subject]

    def named(self, reference: str) -> Common:
        """The entry that makes what the subject refers to."""
        return self.entries[self.made(reference, self.subject)]

    def batch(self, batch: str) -> Made:
        """What made a batch that the subject names; NotTrusted if it does not after all."""
        index = self.made(f"batch/{batch}", self.subject)
        entry = self.entries[index]
        if isinstance(entry, Opening):
            return Made(index, entry.unit_g, entry.count, entry.vintage, taken_over=True)
        if isinstance(entry, Issuance):
            all_new: tuple[NewBatch | NewBuffer, ...] = (
                *entry.batches,
                *(() if entry.buffer is UNSET else entry.buffer),
            )
            for new in all_new:
                if new.batch == batch:
                    return Made(index, new.unit_g, new.count, new.vintage, taken_over=False)
        raise NotTrusted(f"no record makes the batch {batch}", where=f"record {index}")

    def project_of(self, index: int) -> Project | NewProject:
        """The project that the issuance at `index` was for; NotTrusted if there is none."""
        entry = self.entries[index]
        if isinstance(entry, Issuance):
            if entry.new_project is not UNSET:
                return entry.new_project
            found = self.entries[self.made(f"project/{entry.project}", index)]
            if isinstance(found, Project):
                return found
            if isinstance(found, Issuance) and found.new_project is not UNSET:
                return found.new_project
        raise NotTrusted("its project is not in the file", where=f"record {index}")

    def when(self, index: int) -> str:
        """The record time as civil date and time of the region."""
        time_ms, offset_min = self.times[index], self.genesis.offset_min
        seconds = (time_ms + offset_min * MINUTE_MS) % DAY_MS // 1_000
        clock = f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        hours, minutes = divmod(offset_min, 60)
        return f"{civil_date(time_ms, offset_min)} {clock} (UTC+{hours:02}:{minutes:02})"


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
    }
    if isinstance(entry, Retirement):
        statement += _retirement(checked, entry, facts)
    else:
        statement += _other(entry)
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
        if isinstance(entry, Order) and entry.origin == "recorded":
            by = ", ".join(dict.fromkeys(checked.holders[index]))
            yield Sentence(
                f"The issuer's own signature ({entry.issuer}) was not checked: the order was"
                f" recorded by {by} from an instrument with SHA-256 {entry.instrument_sha256}.",
                f"未核验出具机关（{entry.issuer}）自身的签名：该裁决由 {by} 依据文书录入，"
                f"文书 SHA-256 为 {entry.instrument_sha256}。",
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


def _serials(entry: Retirement) -> str:
    shown = [f"{i.batch}: {i.first}–{i.last}" for i in entry.items[:RANGES_SHOWN_MAX]]
    more = len(entry.items) - len(shown)
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
