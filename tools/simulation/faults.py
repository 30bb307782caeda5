"""What may go wrong in a step, and the trap that makes it go wrong.

Each kind of fault has dice of its own for every step, so that leaving one kind out, or a step, does
not change what the others do: this is what lets a failing run be made smaller.

    fault    what happens
    -----    ------------
    commit-fails         a commit fails, and nothing of it is there
    commit-unknown       a commit fails, and all of it is there
    read-fails           the writer's store cannot be read
    disk-full            no write succeeds, for some steps
    crash                the process dies at some operation, or between two answers
    hang-up              a client goes away after it has sent its entries
    lost-answers         answers are sent and never arrive
    second-writer        another writer opens the log while this one still runs
    duplicates           texts that have an answer, and ones that await it, are sent again
    id-reuse             the id of an entry comes with another text
    clock-back           the clock goes back, by less than it may or by more
    clock-jump           the clock jumps ahead while the monotonic one does not
    clock-still          the clock stands still
    sleep                the machine sleeps: both clocks go on
    tiles-fail           some of the files that tiles are written to are there, others not
    checkpoint-fails     a signed checkpoint cannot be stored, and is not there
    checkpoint-unknown   a signed checkpoint is reported as not stored, and is there
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from registry.chain.errors import Broken

ODDS: Final = {
    "commit-fails": 40,
    "commit-unknown": 40,
    "read-fails": 60,
    "disk-full": 200,
    "crash": 25,
    "hang-up": 40,
    "lost-answers": 30,
    "second-writer": 120,
    "duplicates": 4,
    "id-reuse": 8,
    "clock-back": 40,
    "clock-jump": 150,
    "clock-still": 5,
    "sleep": 100,
    "tiles-fail": 60,
    "checkpoint-fails": 80,
    "checkpoint-unknown": 80,
}
"""How rare each kind is: in one of so many steps."""
KINDS: Final = tuple(ODDS)
_READS = frozenset({"find ids", "read records", "read state"})
_WRITES = frozenset({"commit", "open an epoch", "store a checkpoint", "write tiles"})
_BEFORE = {
    "commit-fails": frozenset({"commit"}),
    "checkpoint-fails": frozenset({"store a checkpoint"}),
    "read-fails": _READS,
    "tiles-fail": frozenset({"write tiles"}),
}
"""Which operations fail before they are done; and after:"""
_AFTER = {
    "commit-unknown": frozenset({"commit"}),
    "checkpoint-unknown": frozenset({"store a checkpoint"}),
}
_TRAPPED = ("crash", *_BEFORE, *_AFTER, "disk-full")
_NEVER: frozenset[str] = frozenset()
CRASH_OPERATIONS = 12
"""Among how many operations from the start of a step a crash chooses its own."""
FULL_STEPS = 4
_COUNTS = {"crash": CRASH_OPERATIONS, "read-fails": 3, "tiles-fail": 4}
"""Among how many operations of its sort a fault chooses its own; otherwise it takes the first."""


Faults = dict[str, int]
"""The faults of a step; with each a number from which its details follow."""


class Crash(BaseException):
    """The process is gone: nothing of ours may catch this and go on."""


def throw(seed: int, step: int, what: str) -> int:
    """A number that seed, step and word decide, the same in every process."""
    return int.from_bytes(sha256(f"{seed}/{step}/{what}".encode()).digest()[:8], "big")


def faults_of(seed: int, step: int, masked: frozenset[str]) -> Faults:
    """What goes wrong in a step; `masked` kinds do not."""
    found: Faults = {}
    for kind, odds in ODDS.items():
        if kind not in masked:
            number = throw(seed, step, kind)
            if number % odds == 0:
                found[kind] = number // odds
    return found


@dataclass(slots=True)
class Trap:
    """Stands before and behind every operation of the disk; `arm` says which one it spoils."""

    kind: str = ""
    count: int = 0
    fired: str = ""
    full_until: int = 0
    step: int = 0

    def arm(self, step: int, faults: Faults) -> None:
        """Lay the trap of a step: of several faults that need it, the first."""
        self.step, self.fired, self.kind = step, "", ""
        self.kind = next((kind for kind in _TRAPPED if kind in faults), "")
        number = faults.get(self.kind, 0)
        self.count = 1 + number % _COUNTS.get(self.kind, 1)
        if self.kind == "disk-full":
            self.full_until = step + 1 + number % FULL_STEPS

    @property
    def quiet(self) -> bool:
        """True if nothing can happen."""
        return not self.kind and self.step >= self.full_until

    def before(self, operation: str) -> None:
        """The operation has not been done yet; raises Crash or Broken if it never will be."""
        if self.step < self.full_until and operation in _WRITES:
            self.fired = "disk-full"
            raise Broken(f"could not {operation}: the disk is full")
        self._spring(operation, _BEFORE)

    def after(self, operation: str) -> None:
        """The operation has been done, durably."""
        self._spring(operation, _AFTER)

    def cut(self, files: Iterable[tuple[str, bytes]], write: Callable[[str, bytes], None]) -> None:
        """Write files one by one, where the trap says so only some of them."""
        if self.quiet:
            for path, data in files:
                write(path, data)
            return
        for path, data in files:
            self.before("write tiles")
            write(path, data)

    def _spring(self, operation: str, failing: Mapping[str, frozenset[str]]) -> None:
        if self.kind != "crash" and operation not in failing.get(self.kind, _NEVER):
            return
        self.count -= 1
        if self.count:
            return
        self.fired, self.kind = self.kind, ""
        if self.fired == "crash":
            raise Crash
        raise Broken(f"could not {operation}: input/output error")
