"""What a record stands on: the entries that must be shown with it, found by names (DESIGN §8).

The builder of a file finds them by the state map, the verifier among the file's own records; both
walk the same references, so that a file holds exactly what its subject stands on, no more, no less.

Refuses to know: whether an entry is signed by the right parties (that is `powers`).

A reference is written like the state key of what it names:

    key/<holder>+<8 hex>, party/…, account/…        who signed, and what they are
    project/…, methodology/<name>/<version>         what was issued for
    batch/…                                         the issuance or opening that made it
    order/…, event/…, obligation/<party>/<year>     what a retirement served
    mandate/<16 digits>, scheme/…                   under what an agent or platform acted
    reservation/…, pledge/…, freeze/…, issuance/…, retirement/<16 digits>
                                                    the entry at that index, of that kind
    changes/<order>                                 every change of an order, later ones too
    rulebook/<16 digits>                            a version that is named
    rulebook/in-force                               the version in force at the record's time

An account, a project or a methodology may be sent again to change it: then a reference leads to all
of its entries up to the subject. An order leads to its changes, so that a file about a retirement
for it says what became of the order.

Transfers are not followed: how serials came to an account is not what a file shows.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import UNSET

from registry.chain.errors import Malformed
from registry.ledger import values as v
from registry.ledger.apply import accounts_of, batches_of
from registry.ledger.entries import (
    Account,
    Cancellation,
    Common,
    Conversion,
    Correction,
    Event,
    Execution,
    Expiry,
    Freeze,
    Genesis,
    Issuance,
    Key,
    Mandate,
    Methodology,
    Notice,
    Obligation,
    Opening,
    Order,
    OrderChange,
    Party,
    Pledge,
    PointsScheme,
    Project,
    Redemption,
    Release,
    Reservation,
    Retirement,
    Rulebook,
    Settlement,
    Swap,
    Transfer,
    Unfreeze,
    Unpledge,
    kind_of,
)
from registry.ledger.entries.authority import EnrolledKey
from registry.ledger.entries.use import Beneficiary
from registry.verify.evidence import RECORDS_MAX

IN_FORCE = "rulebook/in-force"
GENESIS_INDEX = 0
AGAIN = ("account", "project", "methodology")
"""Families whose entries may be sent again to change something."""
BY_INDEX = ("mandate", "reservation", "pledge", "freeze", "issuance", "retirement")
"""Families of what is named by the index of its entry."""
SERVED = {"remediation": "order", "event": "event", "offset": "obligation"}
"""What the purpose of a retirement serves."""


def stands_on(entry: Common) -> tuple[str, ...]:
    """The references of an entry, each once; its own signers first."""
    found: list[str] = []
    own = {short_key(key.key) for key in proved_keys(entry)}
    for signer in entry.signers:
        if signer not in own:
            found.append(f"key/{signer}")
        found.append(_holder(signer[:-9]))
    found += _by_kind(entry)
    return tuple(dict.fromkeys(found))


def _by_kind(entry: Common) -> Iterator[str]:
    match entry:
        case Retirement():
            yield from _of_retirement(entry)
        case Transfer() | Reservation():
            yield from (f"account/{entry.from_}", f"account/{entry.to}")
            if entry.trade is not UNSET and entry.trade.venue != "otc":
                yield f"party/{entry.trade.venue}"
        case Conversion():
            yield from (f"scheme/{entry.scheme}", f"account/{entry.account}")
            if entry.direction != "to_credits":
                yield IN_FORCE
        case Redemption():
            yield f"scheme/{entry.scheme}"
        case Issuance():
            yield from _of_issuance(entry)
        case Opening():
            yield IN_FORCE
        case Project():
            yield f"project/{entry.project}"
            yield from _of_project(entry.owner, entry.methodology, entry.methodology_version)
        case Methodology():
            yield f"methodology/{entry.methodology}/{entry.version}"
        case Obligation():
            yield from (f"party/{entry.obligated}", f"rulebook/{v.number(entry.rulebook_version)}")
        case Mandate():
            yield f"party/{entry.agent}"
            yield from (f"account/{account}" for account in entry.accounts)
            if entry.replaces is not UNSET:
                yield f"mandate/{v.number(entry.replaces)}"
        case Account():
            yield f"account/{entry.account}"
            if entry.owner is not UNSET:
                yield f"party/{entry.owner}"
        case Order():
            yield f"changes/{entry.order}"
        case Event():
            yield f"party/{entry.organiser}"
        case PointsScheme():
            yield f"party/{entry.operator}"
        case Key():
            yield _holder(entry.holder)
        case _:
            yield from _of_answer(entry)
    yield from _moved(entry)


def _of_answer(entry: Common) -> Iterator[str]:
    """What entries stand on that bind, free, or answer what was there before."""
    match entry:
        case Settlement() | Release():
            yield f"reservation/{v.number(entry.reservation)}"
        case Pledge():
            yield from (f"account/{entry.account}", f"party/{entry.pledgee}")
        case Unpledge():
            yield f"pledge/{v.number(entry.pledge)}"
        case Freeze():
            if entry.account is not UNSET:
                yield f"account/{entry.account}"
        case Unfreeze():
            yield f"freeze/{v.number(entry.freeze)}"
        case Execution():
            yield f"freeze/{v.number(entry.freeze)}"
            yield from (f"account/{account}" for account in accounts_of(entry))
        case OrderChange():
            yield f"order/{entry.order}"
        case Cancellation():
            yield from (f"project/{entry.project}", IN_FORCE)
            yield from (f"account/{account}" for account in accounts_of(entry))
        case Correction():
            yield _spoken_about(entry.subject)
        case Notice():
            yield _spoken_about(entry.about)
        case Swap():
            yield from (f"scheme/{entry.scheme}", f"scheme/{entry.to_scheme}")
        case Expiry():
            yield f"scheme/{entry.scheme}"
            yield from (f"account/{account}" for account in accounts_of(entry))
        case _:
            return


def _spoken_about(key: str) -> str:
    """A state key as a reference: a retirement is named by its index, where its number ends."""
    family, _, name = key.partition("/")
    index = name.rpartition("-")[2]
    if family == "retirement" and index.isascii() and index.isdigit():
        return f"retirement/{v.number(int(index))}"
    return key


def _moved(entry: Common) -> Iterator[str]:
    """What every entry that names serials stands on: their batches, and a mandate."""
    if not isinstance(entry, Issuance | Opening):
        yield from (f"batch/{batch}" for batch in batches_of(entry))
    if isinstance(entry, Transfer | Reservation | Retirement | Conversion) and (
        entry.mandate is not UNSET
    ):
        yield f"mandate/{v.number(entry.mandate)}"


def _of_retirement(entry: Retirement) -> Iterator[str]:
    yield f"account/{entry.account}"
    if entry.ref is not UNSET and entry.purpose in SERVED:
        yield f"{SERVED[entry.purpose]}/{entry.ref}"
    if entry.purpose != "offset":  # an obligation names its own version
        yield IN_FORCE
    yield from _of_beneficiary(entry.beneficiary)


def _of_beneficiary(beneficiary: Beneficiary) -> Iterator[str]:
    if beneficiary.party is not UNSET:
        yield f"party/{beneficiary.party}"
    if beneficiary.project is not UNSET:
        yield f"project/{beneficiary.project}"
    if beneficiary.event is not UNSET:
        yield f"event/{beneficiary.event}"


def _of_issuance(entry: Issuance) -> Iterator[str]:
    if entry.new_project is not UNSET:
        new = entry.new_project
        yield f"project/{new.project}"
        yield from _of_project(new.owner, new.methodology, new.methodology_version)
    else:
        # Without a project there is no such name, and so no such record.
        yield f"project/{'' if entry.project is UNSET else entry.project}"
        yield IN_FORCE
    if entry.supersedes is not UNSET:
        yield f"issuance/{v.number(entry.supersedes)}"


def _of_project(owner: str, methodology: str, version: str) -> Iterator[str]:
    yield from (f"party/{owner}", f"methodology/{methodology}/{version}", IN_FORCE)


def _holder(name: str) -> str:
    return f"account/{name}" if is_account(name) else f"party/{name}"


def is_account(name: str) -> bool:
    """True if a holder's name is that of an account: a party's has a dot."""
    return "." not in name


def short_key(vkey: str) -> str:
    """`<name>+<8 hex>` of a verifier key's text."""
    return "+".join(vkey.split("+", 2)[:2])


def enrolled_keys(entry: Common) -> Iterator[EnrolledKey]:
    """The keys that an entry puts in force."""
    match entry:
        case Genesis() | Party():
            yield from entry.keys
        case Account() if entry.keys is not UNSET:
            yield from entry.keys
        case Key() if entry.action in ("add", "complete"):
            yield EnrolledKey(key=entry.key, until_ms=entry.until_ms)
        case _:
            return


def proved_keys(entry: Common) -> Iterator[EnrolledKey]:
    """The keys whose possession an entry proves: of a recovery, the first of its two entries."""
    if isinstance(entry, Key) and entry.action == "recover":
        yield EnrolledKey(key=entry.key)
    elif not isinstance(entry, Key) or entry.action == "add":
        yield from enrolled_keys(entry)


def makes(entry: Common, index: int) -> Iterator[str]:
    """What an entry brings into being, by the names that references use."""
    yield from (f"key/{short_key(held.key)}" for held in enrolled_keys(entry))
    match entry:
        case Genesis():
            yield from (f"party/{founder.party}" for founder in (entry.operator, entry.authority))
        case Party():
            yield f"party/{entry.party}"
        case Account():
            yield f"account/{entry.account}"
        case Rulebook():
            yield f"rulebook/{v.number(entry.version)}"
        case Methodology():
            yield f"methodology/{entry.methodology}/{entry.version}"
        case Project():
            yield f"project/{entry.project}"
        case Issuance():
            yield f"issuance/{v.number(index)}"
            if entry.new_project is not UNSET:
                yield f"project/{entry.new_project.project}"
            yield from (f"batch/{batch}" for batch in batches_of(entry))
        case Opening():
            yield f"batch/{entry.batch}"
        case Mandate():
            yield f"mandate/{v.number(index)}"
        case PointsScheme():
            yield f"scheme/{entry.scheme}"
        case Order():
            yield f"order/{entry.order}"
        case Event():
            yield f"event/{entry.event}"
        case Obligation():
            yield f"obligation/{entry.obligated}/{entry.year}"
        case _:
            yield from _makes_by_index(entry, index)


def _makes_by_index(entry: Common, index: int) -> Iterator[str]:
    """What is named by the index of its entry; and the changes of an order, under one name."""
    match entry:
        case Reservation() | Pledge() | Freeze():
            yield f"{kind_of(entry)}/{v.number(index)}"
        case Retirement() | Redemption() | Expiry():
            yield f"retirement/{v.number(index)}"
        case Execution() if entry.retire is True:
            yield f"retirement/{v.number(index)}"
        case OrderChange():
            yield f"changes/{entry.order}"
        case _:
            return


def led_to(reference: str, makers: Sequence[int], index: int, subject: int) -> tuple[int, ...]:
    """Which of the makers of a name, ascending, a reference of the entry at `index` leads to.

    All changes of an order; of what may be sent again, what is not later than the subject and the
    referrer. Empty if what is referred to was not there when the entry came.
    """
    family = reference.partition("/")[0]
    if family == "changes":
        return tuple(makers)
    # An event's newest declaration may follow what it refers to; all else comes before.
    if not makers or (makers[0] > index and family != "event"):
        return ()
    if family not in AGAIN:
        return tuple(makers)
    return tuple(maker for maker in makers if maker <= max(subject, index))


def closure(
    subject: int,
    entry_at: Callable[[int], Common],
    find: Callable[[str, int], Iterable[int]],
) -> tuple[int, ...]:
    """The indexes of all that `subject` stands on, itself and genesis included, ascending.

    `find(reference, index)` says which entries make what the entry at `index` refers to; what it
    raises goes through. Malformed if there are more records than a file may hold.
    """
    todo = [GENESIS_INDEX, subject]
    found: set[int] = set()
    while todo:
        index = todo.pop()
        if index in found:
            continue
        found.add(index)
        if len(found) > RECORDS_MAX:
            raise Malformed(
                f"more than {RECORDS_MAX} records would be needed", where=f"record {subject}"
            )
        for reference in stands_on(entry_at(index)):
            todo += find(reference, index)
    return tuple(sorted(found))
