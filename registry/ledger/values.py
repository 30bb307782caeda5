"""What the values of the state map are: one frozen struct per family of keys (DESIGN §4).

    log                              the log itself: origin, region, ruleset, founders, log keys
    party/<party>                    an organisation and its roles
    key/<holder>+<keyid>             a key of a party or account, and when it is in force
    logkey/<index>                   keys of the log that a later entry put in force
    pubkey/<64 hex>                  who holds a raw public key: one holder and one purpose, ever
    recovery/<holder>                a recovery of a holder's keys that waits for its second entry
    account/<account>                an account and its rules
    rulebook/<version>               the values of a rulebook
    methodology/<name>/<version>     a methodology
    project/<project>                a project or scenario
    claim/<64 hex>                   which projects hold a claim, and for which dates
    issuance/<index>                 the batches that an issuance made
    period/<project>/<part>          monitoring periods for which reductions were issued
    batch/<batch>                    a batch and its serials by status
    block/<batch>/<first>            a maximal run of serials of equal holder and status
    balance/<account>/<batch>        what an account holds of a batch
    mandate/<index>                  a mandate and what was moved under it
    reservation/<index>, pledge/<index>, freeze/<index>
                                     what binds serials, as long as it does
    trade/<venue>/<64 hex>           the transfer that carries a venue's trade id
    takeover/<64 hex>                the opening that has taken over these rows in these parts
    answered/<batch>                 serials that were wrong and stay good: others answer for them
    scheme/<scheme>                  a points scheme and its sums
    lot/<scheme>/<expiry>/<index>    points in people's hands that expire together
    pool/<scheme>/<seq>              credits that back points, in the order in which they leave
    order/<order>, event/<event>, obligation/<party>/<year>, retirement/<certificate>

Numbers in keys have 16 digits; free text (claims, trade ids) stands in keys as SHA-256 only.
"""

from hashlib import sha256

from msgspec import UNSET, Struct, UnsetType, field

from registry.ledger.entries.authority import RuleValue
from registry.ledger.entries.supply import NewProject
from registry.ledger.entries.use import Allowed, Beneficiary, Obligor
from registry.ledger.serials import Span, Spans


class Value(Struct, frozen=True, kw_only=True, gc=False):
    """Base of every state value; stored as canonical JSON."""


class Remarked(Value, frozen=True, kw_only=True):
    """Base of values that corrections and notices may be about."""

    remarks: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the corrections and notices about it."""


class Changed(Remarked, frozen=True, kw_only=True):
    """Base of values whose entry may be sent again to change something."""

    changes: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the entries that changed it."""


class Log(Value, frozen=True, kw_only=True):
    origin: str
    region: str
    offset_min: int
    ruleset: int
    operator: str
    authority: str
    ed25519: str
    mldsa44: str
    opened_ms: int
    rulesets: tuple[tuple[int, int], ...] | UnsetType = UNSET
    """(number, from which record time (ms) on) of every later ruleset, in the order of the log."""
    rulebooks: tuple[tuple[int, int], ...] = ()
    """(version, effective_from_ms) of every rulebook, in the order of the log."""
    rotations: tuple[tuple[int, int], ...] | UnsetType = UNSET
    """(index, until_ms) of every change of the log's keys: until when those before it sign too."""
    seal: int | UnsetType = UNSET
    """Index of the last seal."""
    sealed_size: int | UnsetType = UNSET
    """The size that it seals."""
    ended: int | UnsetType = UNSET
    """Index of the entry that ended the log."""


class LogKey(Value, frozen=True, kw_only=True):
    ed25519: str
    mldsa44: str


class Party(Remarked, frozen=True, kw_only=True):
    title: str
    roles: tuple[str, ...]
    index: int
    need: int | UnsetType = UNSET
    """How many of its keys must sign for a new key: the most that an account of it has needed."""


class Key(Value, frozen=True, kw_only=True):
    key: str
    from_ms: int
    index: int
    until_ms: int | UnsetType = UNSET
    revoked: int | UnsetType = UNSET
    """Index of the entry that revoked it."""


class PublicKey(Value, frozen=True, kw_only=True):
    holder: str


class Recovery(Value, frozen=True, kw_only=True):
    key: str
    index: int
    ready_ms: int


class Account(Changed, frozen=True, kw_only=True):
    type: str
    accept: str
    need: int
    index: int
    owner: str | UnsetType = UNSET
    listed: tuple[str, ...] = ()
    freezes: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the freezes on the whole account, the first in line first."""
    receivers: tuple[tuple[str, int], ...] | UnsetType = UNSET
    """Where its credits may go, and from which record time (ms) on."""
    per_transfer_g: int | UnsetType = UNSET
    per_day_g: int | UnsetType = UNSET
    day: int | UnsetType = UNSET
    """The civil day (since 1970) that `day_g`, what left it by transfers, is of."""
    day_g: int | UnsetType = UNSET


class Rulebook(Value, frozen=True, kw_only=True):
    effective_from_ms: int
    index: int
    values: dict[str, RuleValue]


class Methodology(Changed, frozen=True, kw_only=True):
    title: str
    class_: str = field(name="class")
    from_: str = field(name="from")
    doc_sha256: str
    index: int
    to: str | UnsetType = UNSET
    withdrawn: bool = False


class Project(Changed, frozen=True, kw_only=True):
    fields: NewProject
    index: int
    remainder_g: int = 0
    """Verified grams that were too few for one more serial; the next issuance may use them."""
    buffer_g: int = 0
    """What its buffer batches still hold."""
    debt_g: int = 0
    """What it owes for credits that stay good though they were wrong: blocks its next issuance."""


class Claim(Value, frozen=True, kw_only=True):
    held: tuple[tuple[str, str, str], ...]
    """(project, crediting_from, crediting_to)."""


class Issued(Value, frozen=True, kw_only=True):
    """What an issuance made."""

    project: str
    part: str
    batches: tuple[str, ...]


class Period(Value, frozen=True, kw_only=True):
    issued: tuple[tuple[str, str, int], ...]
    """(from, to, index of the issuance), dates inclusive."""


class Batch(Remarked, frozen=True, kw_only=True):
    """Serials by status; they add up to `count` in every prefix of the log (law 5)."""

    program: str
    vintage: int
    unit_g: int
    count: int
    index: int
    free: int = 0
    reserved: int = 0
    pooled: int = 0
    buffer: int = 0
    retired: int = 0
    cancelled: int = 0
    class_: str = field(name="class", default="")
    project: str = ""
    taken_over: bool = False
    """From an opening: taken over from another book, not proved."""
    freezes: tuple[int, ...] | UnsetType = UNSET
    in_error: int | UnsetType = UNSET
    """How many of the cancelled serials were issued in error."""


class Block(Value, frozen=True, kw_only=True):
    """`holder`: an account, or the scheme whose pool it is in; `by`: the index that ended it."""

    last: int
    status: str
    holder: str | UnsetType = UNSET
    by: int | UnsetType = UNSET
    freezes: tuple[int, ...] | UnsetType = UNSET
    pledge: int | UnsetType = UNSET


class Bound(Value, frozen=True, kw_only=True):
    """Serials that an account holds but may not freely move.

    `freezes`: indexes of the freezes on these serials, the first in line first; `pledge` and
    `reservation`: the index of the entry that binds them.
    """

    first: int
    last: int
    freezes: tuple[int, ...] = ()
    pledge: int | UnsetType = UNSET
    reservation: int | UnsetType = UNSET


class Balance(Value, frozen=True, kw_only=True):
    """What an account holds of a batch: its serials, exactly, and how many it retired."""

    free: Spans = ()
    retired: int = 0
    bound: tuple[Bound, ...] | UnsetType = UNSET


class Mandate(Value, frozen=True, kw_only=True):
    owner: str
    agent: str
    accounts: tuple[str, ...]
    kinds: tuple[str, ...]
    until_ms: int
    used_g: int = 0
    per_entry_g: int | UnsetType = UNSET
    total_g: int | UnsetType = UNSET


class Reservation(Value, frozen=True, kw_only=True):
    """What was set aside, until it is settled or released."""

    sender: str
    receiver: str
    items: tuple[tuple[str, int, int], ...]
    expires_ms: int
    venue: str | UnsetType = UNSET


class Pledge(Value, frozen=True, kw_only=True):
    account: str
    pledgee: str
    items: tuple[tuple[str, int, int], ...]


class Freeze(Value, frozen=True, kw_only=True):
    """A freeze that stands; a lifted one is gone from the state."""

    issuer: str
    number: str
    origin: str
    by: tuple[str, ...] = ()
    """The courts and authorities that signed it; none where it was recorded."""
    account: str | UnsetType = UNSET
    batch: str | UnsetType = UNSET
    items: tuple[tuple[str, int, int], ...] | UnsetType = UNSET
    until_ms: int | UnsetType = UNSET


class Trade(Value, frozen=True, kw_only=True):
    index: int


class Scheme(Remarked, frozen=True, kw_only=True):
    """Points outstanding (in hands + gathered) × num + waiting ≤ pool_g × den, always.

    `waiting`: burned points × num whose serials are still to be retired because they did not yet
    cover a whole one. `pool_next`, `pool_end`: the sequence numbers of the pool's queue.
    """

    operator: str
    title: str
    unit: str
    num: int
    den: int
    validity_days: int
    classes: tuple[str, ...]
    used: str
    expired: str
    index: int
    in_hands: int = 0
    gathered: int = 0
    waiting: int = 0
    pool_g: int = 0
    pool_next: int = 0
    pool_end: int = 0
    unbacked: int | UnsetType = UNSET
    """Points that nothing backs yet: declared at the start, falling by `cover` and expiry alone."""
    due: int | UnsetType = UNSET
    """Expired points × num whose serials are still to go to the authority, like `waiting`."""


class Lot(Value, frozen=True, kw_only=True):
    in_hands: int


class Takeover(Value, frozen=True, kw_only=True):
    """Rows of another book that an opening has taken over."""

    index: int


class Answered(Value, frozen=True, kw_only=True):
    """Serials of a batch that were wrong and stay good, since others answer for them."""

    spans: Spans


class Pooled(Value, frozen=True, kw_only=True):
    batch: str
    span: Span
    conversion: int


class Order(Changed, frozen=True, kw_only=True):
    issuer: str
    origin: str
    number: str
    quantity_g: int
    effective_ms: int
    obligors: tuple[Obligor, ...]
    index: int
    by: tuple[str, ...] = ()
    """The courts and authorities that signed it; none where it was recorded."""
    fulfilled_g: int = 0
    by_obligor_g: tuple[int, ...] = ()
    retirements: tuple[str, ...] = ()
    deadline_ms: int | UnsetType = UNSET
    allowed: Allowed | UnsetType = UNSET
    state: str | UnsetType = UNSET
    """`annulled`, `closed` or `suspended`; absent where it stands."""


class Event(Remarked, frozen=True, kw_only=True):
    organiser: str
    title: str
    declared_g: int
    status: str
    index: int
    retired_g: int = 0
    retirements: tuple[str, ...] = ()
    attested_g: int | UnsetType = UNSET
    """Offsets outside of this log that the organiser attests: shown apart, not proved."""


class Obligation(Remarked, frozen=True, kw_only=True):
    amount_g: int
    cap_g: int
    rulebook_version: int
    index: int
    retired_g: int = 0
    retirements: tuple[str, ...] = ()


class Retirement(Remarked, frozen=True, kw_only=True):
    index: int
    time_ms: int
    purpose: str
    quantity_g: int
    items: tuple[tuple[str, int, int], ...]
    account: str | UnsetType = UNSET
    ref: str | UnsetType = UNSET
    beneficiary: Beneficiary | UnsetType = UNSET
    voluntary_g: int | UnsetType = UNSET
    """How much of it an order's later change has made voluntary."""


FAMILIES: dict[str, type[Value]] = {
    "log": Log,
    "party": Party,
    "key": Key,
    "logkey": LogKey,
    "pubkey": PublicKey,
    "recovery": Recovery,
    "account": Account,
    "rulebook": Rulebook,
    "methodology": Methodology,
    "project": Project,
    "claim": Claim,
    "issuance": Issued,
    "period": Period,
    "batch": Batch,
    "block": Block,
    "balance": Balance,
    "mandate": Mandate,
    "reservation": Reservation,
    "pledge": Pledge,
    "freeze": Freeze,
    "trade": Trade,
    "takeover": Takeover,
    "answered": Answered,
    "scheme": Scheme,
    "lot": Lot,
    "pool": Pooled,
    "order": Order,
    "event": Event,
    "obligation": Obligation,
    "retirement": Retirement,
}

LOG = "log"


def number(n: int) -> str:
    """A number as it stands in a key: 16 digits, so that byte order is numeric order."""
    return f"{n:016}"


def digest(text: str) -> str:
    """Free text as it stands in a key."""
    return sha256(text.encode()).hexdigest()


def block_key(batch: str, first: int) -> str:
    return f"block/{batch}/{first:016}"


def balance_key(account: str, batch: str) -> str:
    return f"balance/{account}/{batch}"
