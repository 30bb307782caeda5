"""Who acts in the sample book, and every key, id and salt of it, derived from one private seed.

From one seed come always the same keys and accounts: an interrupted play goes on, a second one
opens the same book. Only here are all keys on one machine; in life each party keeps its own.

Refuses to know: where the seed is kept, what the parties do.

    cast = Cast(seed, started_ms=1763700000000)
    cast.key("exchange").vkey
"""

from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest
from typing import NamedTuple

from registry.ledger.dates import civil_date
from registry.ledger.entries.authority import Role
from registry.ledger.ids import ACCOUNT_RANDOM_BYTES, UUID_RANDOM_BYTES, account_id, uuid7
from registry.ledger.signing import SigningKey

SEED_BYTES = 32
REGION = "CN-GD"
OFFSET_MIN = 480
DOMAIN = "sample-gd"
NO_EFFECT = "no legal effect"


class Player(NamedTuple):
    """A party of the sample: the words of its title, its roles, whether it has an account."""

    zh: str
    en: str
    roles: tuple[Role, ...]
    account: bool = False

    @property
    def title(self) -> str:
        return f"样例 SAMPLE {self.zh} {self.en} ({NO_EFFECT})"


PLAYERS: dict[str, Player] = {
    "operator": Player("登记运营方", "operator", ()),
    "authority": Player("主管部门", "authority", ()),
    "centre": Player("减污降碳中心", "technical centre", ("centre",)),
    "verifier": Player("核证机构", "verifier", ("verifier",)),
    "exchange": Player("交易所", "exchange", ("exchange",)),
    "xinfengjiang": Player("新丰江林场", "Xinfengjiang forest farm", ("owner",), account=True),
    "firm": Player("控排企业", "obligated firm", ("owner", "obligated"), account=True),
    "platform": Player("公交出行平台", "bus platform", ("owner", "platform"), account=True),
    "mall": Player("积分商城", "points mall", ("owner", "points_operator"), account=True),
    "organiser": Player("赛事组委会", "games organiser", ("owner", "organiser"), account=True),
    "trust": Player("公益基金", "public-good trust", ("owner",), account=True),
    "broker": Player("受托机构", "agent", ()),
}
"""By short name; the first two come with genesis, the others by entries of their own."""

DEFENDANT = "defendant"
"""The one personal account: its holder is named nowhere on the log."""


@dataclass(frozen=True, slots=True)
class Cast:
    """All that is derived from the seed; `started_ms` fixes the years in which the sample plays."""

    seed: bytes = field(repr=False)
    started_ms: int

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """Up to 32 bytes for one purpose; nobody without the seed can tell them from random."""
        return digest(self.seed, purpose.encode(), sha256)[:length]

    @property
    def origin(self) -> str:
        """The log's name; a sample played anew is another log."""
        return f"sample.invalid/{DOMAIN}/log/{self.derive('origin', 4).hex()}"

    @property
    def year(self) -> int:
        """The year before the play: that of vintages and obligations."""
        return int(civil_date(self.started_ms, OFFSET_MIN)[:4]) - 1

    def key(self, name: str) -> SigningKey:
        """A key by its reference: a player, `exchange/2` for a second key, or the defendant."""
        short = name.partition("/")[0]
        holder = self.account(short) if short == DEFENDANT else party(short)
        return SigningKey(holder, self.derive(f"key {name}"))

    def account(self, name: str) -> str:
        """The account of a player or of the defendant."""
        return account_id(self.derive(f"account {name}", ACCOUNT_RANDOM_BYTES))

    def entry_id(self, step: str, attempt: int, time_ms: int) -> str:
        """The id of a step's entry; each attempt has its own."""
        return uuid7(time_ms, self.derive(f"id {step} {attempt}", UUID_RANDOM_BYTES))

    def salt(self, purpose: str) -> str:
        """A salt of 32 bytes in hex."""
        return self.derive(f"salt {purpose}").hex()

    def sha256_of(self, document: str) -> str:
        """The hash of a document that the sample only pretends to have."""
        return sha256(f"样例 SAMPLE {self.origin} {document}".encode()).hexdigest()


def party(name: str) -> str:
    """The party name of a player."""
    return f"{name}.{DOMAIN}"
