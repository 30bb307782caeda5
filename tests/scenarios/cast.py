"""Names of a scenario and what stands for them in entries: keys, account ids, hashes, commitments.

Everything is derived from the scenario's name: each run makes the same bytes on every machine. The
keys are good for nothing else.

Refuses to know: what happens in the scenario.

    cast = Cast("guangdong", "CN-GD")
    cast.party("farm")              "farm.sample"
    cast.account("farm")            "a-…"
    cast.key("farm/2")              the second key of the party (or, in `persons`, of the account)
"""

from __future__ import annotations

from hashlib import sha256

from registry.chain import mldsa, sumtree
from registry.chain.ed25519 import public_key
from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44, format_vkey, verifier_key
from registry.chain.sumtree import SumLeaf, SumNode
from registry.ledger.entries.common import Commit
from registry.ledger.ids import account_id, uuid7
from registry.ledger.people import RECEIPT_FORM, Receipt, ReceiptPart, Step, obligor_commit
from registry.ledger.signing import SigningKey

DOMAIN = "sample"
SEQUENCE_DIGITS = 6


class Cast:
    """The names of one scenario. `persons`: the accounts that have keys of their own."""

    def __init__(self, scenario: str, region: str, persons: frozenset[str] = frozenset()) -> None:
        self.scenario = scenario
        self.region = region
        self.persons = persons
        self.ed25519_seed = self.derive("log ed25519")
        self.mldsa44_seed = self.derive("log mldsa44")

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose."""
        return sha256(f"样例 SAMPLE {self.scenario} {purpose}".encode()).digest()

    @property
    def origin(self) -> str:
        """The log's name."""
        return f"{self.scenario}.sample.invalid/log/{self.derive('origin')[:4].hex()}"

    def log_seeds(self, number: int = 1) -> tuple[bytes, bytes]:
        """The private seeds of the n-th pair of log keys, Ed25519 first; 1: of genesis."""
        if number == 1:
            return self.ed25519_seed, self.mldsa44_seed
        return self.derive(f"log ed25519 {number}"), self.derive(f"log mldsa44 {number}")

    def log_vkeys(self, number: int = 1) -> tuple[str, str]:
        """The verifier keys of the n-th pair."""
        one, other = self.log_seeds(number)
        ed25519 = verifier_key(self.origin, TYPE_ED25519, public_key(one))
        mldsa44 = verifier_key(self.origin, TYPE_MLDSA44, mldsa.public_key(other))
        return format_vkey(ed25519), format_vkey(mldsa44)

    def party(self, name: str) -> str:
        return f"{name}.{DOMAIN}"

    def account(self, name: str) -> str:
        return account_id(self.derive(f"account {name}")[:16])

    def holder(self, name: str) -> str:
        """The holder of keys: a person's account, or else a party."""
        return self.account(name) if name in self.persons else self.party(name)

    def key(self, reference: str) -> SigningKey:
        """`farm` or `farm/1`: the first key; `farm/2`: the second."""
        name, _, number = reference.partition("/")
        return SigningKey(self.holder(name), self.derive(f"key {name} {number or '1'}"))

    def batch(self, name: str) -> str:
        """`PHCER-2018-1` as the log names it: with the region, the number in six digits."""
        head, dash, number = name.rpartition("-")
        if not dash or not number.isdecimal():
            return name
        return f"{self.region}-{head}-{number.zfill(SEQUENCE_DIGITS)}"

    def sha256(self, document: str) -> str:
        """The hash of a document that the scenario only pretends to have."""
        return self.derive(f"document {document}").hex()

    def entry_id(self, number: int, time_ms: int) -> str:
        """The id of the n-th entry of the file, refused ones included."""
        return uuid7(time_ms, self.derive(f"id {number}")[:10])

    def person(self, name: str) -> str:
        """The commitment by which a person stands in the log."""
        return obligor_commit(*self.opening(name))

    def opening(self, name: str) -> tuple[str, str, str]:
        """What opens that commitment: salt, name, number."""
        return self.derive(f"salt {name}").hex(), name, "000000-SAMPLE"


class Crowd:
    """Many people's amounts without listing them: all equal, the last one's is the remainder.

    The sum tree over equal leaves has few different nodes, so that the commitment to 5 thousand
    million acts is made, and one person's receipt cut from it, in no time.
    """

    def __init__(self, cast: Cast, purpose: str, count: int, total: int) -> None:
        self._salt = cast.derive(f"crowd {purpose}")
        self._act = f"样例 SAMPLE {purpose}"
        self._count = count
        self._each = total // count
        self._last = total - self._each * (count - 1)
        self._equal: dict[int, SumNode] = {}

    def commit(self) -> Commit:
        """The commitment: root, count, total."""
        top = self._node(0, self._count)
        return Commit(root=top.hash.hex(), count=self._count, total=top.sum)

    def receipt(self, unit: str) -> Receipt:
        """The receipt of the first person; `unit`: points or mg."""
        path = []
        low, high = 0, self._count
        while high - low > 1:
            middle = low + _split(high - low)
            path.append(self._node(middle, high))
            high = middle
        part = ReceiptPart(
            index=0,
            amount=self._amount(0),
            act=self._act,
            salt=self._salt.hex(),
            path=tuple(Step(hash=n.hash.hex(), sum=n.sum) for n in reversed(path)),
        )
        commit = self.commit()
        return Receipt(form=RECEIPT_FORM, unit=unit, commit=commit, parts=(part,))  # type: ignore[arg-type]  # a literal by its callers

    def _amount(self, index: int) -> int:
        return self._last if index == self._count - 1 else self._each

    def _node(self, low: int, high: int) -> SumNode:
        """The node over the leaves low…high-1; those without the last one depend on length only."""
        length = high - low
        if high < self._count and length in self._equal:
            return self._equal[length]
        if length == 1:
            act = sha256(self._act.encode()).digest()
            node = sumtree.leaf_node(SumLeaf(self._salt, self._amount(low), act))
        else:
            middle = low + _split(length)
            node = sumtree.join(self._node(low, middle), self._node(middle, high))
        if high < self._count:
            self._equal[length] = node
        return node


def _split(length: int) -> int:
    """The largest power of two below a length above 1."""
    return 1 << (length - 1).bit_length() - 1
