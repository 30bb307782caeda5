"""A file that has passed its steps, and what it says about the records in it.

Refuses to know: how it was checked, and how a verdict is worded (that is `words`).
"""

from collections.abc import Callable

from msgspec import UNSET, Struct, structs

from registry.chain.checkpoint import Checkpoint
from registry.chain.errors import NotTrusted
from registry.ledger.dates import DAY_MS, MINUTE_MS, civil_date
from registry.ledger.entries import Common, Genesis, Issuance, Opening, Project
from registry.ledger.entries.supply import NewBatch, NewBuffer, NewProject
from registry.verify.report import Step

KIND_WORDS = {
    "genesis": "创世",
    "rulebook": "规则",
    "party": "主体登记",
    "key": "密钥",
    "logkey": "账本密钥",
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
    "reservation": "预留",
    "settlement": "交割",
    "release": "解除预留",
    "pledge": "质押",
    "unpledge": "解除质押",
    "freeze": "冻结",
    "unfreeze": "解冻",
    "execution": "强制执行",
    "order_change": "裁决变更",
    "cancellation": "作废",
    "correction": "更正",
    "notice": "公告",
    "swap": "积分互换",
    "expiry": "积分到期",
    "seal": "状态封存",
    "end": "账本终结",
}


class Made(Struct, frozen=True):
    """A batch as the record that made it says."""

    index: int
    unit_g: int
    count: int
    vintage: int
    taken_over: bool


class Checked(Struct, frozen=True, kw_only=True):
    """A file that has passed its steps. `makers`: (reference, index of the referrer) → indexes."""

    subject: int
    head: Checkpoint
    genesis: Genesis
    times: dict[int, int]
    entries: dict[int, Common]
    holders: dict[int, tuple[str, ...]]
    makers: Callable[[str, int], tuple[int, ...]]
    cosigners: tuple[str, ...]
    policy: bool
    uncounted: tuple[str, ...] = ()
    """Keys under the log's name that have signed and that trust does not name."""
    steps: tuple[Step, ...] = ()

    def with_steps(self, steps: tuple[Step, ...]) -> "Checked":
        return structs.replace(self, steps=steps)

    @property
    def entry(self) -> Common:
        """The entry that the file is about."""
        return self.entries[self.subject]

    def made(self, reference: str, index: int) -> int:
        """Which entry says what the one at `index` refers to: the newest that it could know."""
        found = self.makers(reference, index)
        return max((i for i in found if i <= index), default=found[-1])

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
