"""What an entry is about: the subjects under which lists of entries find it.

A subject is a word and a name, written like the state key of what it names: `account/a-…`,
`batch/CN-…`, `project/…`, `methodology/…`, `party/…`, `scheme/…`, `order/…`, `event/…`,
`obligation/<party>/<year>`, `retirement/<certificate>`; and `kind/<kind>`. An entry that settles,
frees or lifts what an earlier one bound is about that one: `reservation/<index>`, `pledge/<index>`,
`freeze/<index>`, with 16 digits. Who signed is no subject: an exchange would be one of nearly
everything.

Refuses to know: whether the entry was accepted, and what else it changed (serials of a pool, say).
"""

from collections.abc import Iterator

from msgspec import UNSET

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
    Issuance,
    Key,
    Mandate,
    Methodology,
    Notice,
    Obligation,
    Order,
    OrderChange,
    Party,
    Pledge,
    PointsScheme,
    Project,
    Redemption,
    Release,
    Retirement,
    Settlement,
    Swap,
    Transfer,
    Unfreeze,
    Unpledge,
    kind_of,
)

WORDS = (
    "kind",
    "account",
    "batch",
    "project",
    "methodology",
    "party",
    "scheme",
    "order",
    "event",
    "obligation",
    "retirement",
    "reservation",
    "pledge",
    "freeze",
)
"""Every word that a subject may begin with."""

_SERVED_BY_PURPOSE = {"remediation": "order", "event": "event", "offset": "obligation"}


def subjects_of(entry: Common) -> tuple[str, ...]:
    """The subjects of an entry, each once."""
    if isinstance(entry, Transfer):  # nearly every entry, and so without generators
        names = ["kind/transfer", f"account/{entry.from_}", f"account/{entry.to}"]
        names += [f"batch/{item.batch}" for item in entry.items]
        return tuple(names) if len(entry.items) == 1 else tuple(dict.fromkeys(names))
    found = [f"kind/{kind_of(entry)}"]
    found += (f"account/{account}" for account in accounts_of(entry))
    found += (f"batch/{batch}" for batch in batches_of(entry))
    found += _others(entry)
    return tuple(dict.fromkeys(found))


def _others(entry: Common) -> Iterator[str]:
    match entry:
        case Party():
            yield f"party/{entry.party}"
        case Key() if "." in entry.holder:
            yield f"party/{entry.holder}"
        case Account() if entry.owner is not UNSET:
            yield f"party/{entry.owner}"
        case Mandate():
            yield f"party/{entry.agent}"
        case Methodology():
            yield f"methodology/{entry.methodology}"
        case Project():
            yield f"project/{entry.project}"
            yield f"party/{entry.owner}"
            yield f"methodology/{entry.methodology}"
        case Issuance():
            yield from _of_issuance(entry)
        case PointsScheme() | Conversion() | Redemption() | Expiry():
            yield f"scheme/{entry.scheme}"
        case Swap():
            yield from (f"scheme/{entry.scheme}", f"scheme/{entry.to_scheme}")
        case Order() | OrderChange():
            yield f"order/{entry.order}"
        case Event():
            yield f"event/{entry.event}"
            yield f"party/{entry.organiser}"
        case Obligation():
            yield f"obligation/{entry.obligated}/{entry.year}"
            yield f"party/{entry.obligated}"
        case Retirement() if entry.ref is not UNSET and entry.purpose in _SERVED_BY_PURPOSE:
            yield f"{_SERVED_BY_PURPOSE[entry.purpose]}/{entry.ref}"
        case _:
            yield from _of_answer(entry)


def _of_answer(entry: Common) -> Iterator[str]:
    """What entries are about that bind, free, or speak of what was there before."""
    match entry:
        case Settlement() | Release():
            yield f"reservation/{v.number(entry.reservation)}"
        case Pledge():
            yield f"party/{entry.pledgee}"
        case Unpledge():
            yield f"pledge/{v.number(entry.pledge)}"
        case Unfreeze() | Execution():
            yield f"freeze/{v.number(entry.freeze)}"
        case Cancellation():
            yield f"project/{entry.project}"
        case Correction():
            yield from _as_subject(entry.subject)
        case Notice():
            yield from _as_subject(entry.about)
        case _:
            return


def _as_subject(key: str) -> Iterator[str]:
    """A state key as a subject: a methodology is found without its version."""
    word, _, name = key.partition("/")
    if word == "methodology":
        name = name.partition("/")[0]
    if word in WORDS:
        yield f"{word}/{name}"


def _of_issuance(entry: Issuance) -> Iterator[str]:
    if entry.new_project is not UNSET:
        yield f"project/{entry.new_project.project}"
        yield f"party/{entry.new_project.owner}"
        yield f"methodology/{entry.new_project.methodology}"
    elif entry.project is not UNSET:
        yield f"project/{entry.project}"
