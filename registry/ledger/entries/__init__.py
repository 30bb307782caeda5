"""The kinds of entries: one frozen struct per kind (DESIGN §3).

Rules of the form: unknown fields, nulls, floats, negative numbers and wrong types are malformed;
a field that may be left out is *absent*, never null. Whether an entry is *allowed* is not decided
here but in `registry.ledger.rules`.
"""

from registry.ledger.entries.authority import Account, Genesis, Key, LogKey, Party, Rulebook
from registry.ledger.entries.common import Common, SpanItem
from registry.ledger.entries.court import Execution, Freeze, OrderChange, Unfreeze
from registry.ledger.entries.holding import Pledge, Release, Reservation, Settlement, Unpledge
from registry.ledger.entries.mending import Cancellation, Correction, Notice
from registry.ledger.entries.moving import Mandate, Transfer
from registry.ledger.entries.points import Conversion, Expiry, PointsScheme, Redemption, Swap
from registry.ledger.entries.sealing import End, Seal, Sealing, Totals
from registry.ledger.entries.supply import Issuance, Methodology, Opening, Project
from registry.ledger.entries.use import Event, Obligation, Order, Retirement

Entry = (
    Genesis
    | Rulebook
    | Party
    | Key
    | Account
    | LogKey
    | Methodology
    | Project
    | Issuance
    | Opening
    | Mandate
    | Transfer
    | PointsScheme
    | Conversion
    | Redemption
    | Order
    | Event
    | Obligation
    | Retirement
    | Reservation
    | Settlement
    | Release
    | Pledge
    | Unpledge
    | Freeze
    | Unfreeze
    | Execution
    | OrderChange
    | Cancellation
    | Correction
    | Notice
    | Swap
    | Expiry
    | Seal
    | End
)

KINDS: dict[str, type[Common]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        Genesis,
        Rulebook,
        Party,
        Key,
        Account,
        LogKey,
        Methodology,
        Project,
        Issuance,
        Opening,
        Mandate,
        Transfer,
        PointsScheme,
        Conversion,
        Redemption,
        Order,
        Event,
        Obligation,
        Retirement,
        Reservation,
        Settlement,
        Release,
        Pledge,
        Unpledge,
        Freeze,
        Unfreeze,
        Execution,
        OrderChange,
        Cancellation,
        Correction,
        Notice,
        Swap,
        Expiry,
        Seal,
        End,
    )
}


def kind_of(entry: Common) -> str:
    """The word that stands in the entry's field `kind`."""
    return str(entry.__struct_config__.tag)


__all__ = [
    "KINDS",
    "Account",
    "Cancellation",
    "Common",
    "Conversion",
    "Correction",
    "End",
    "Entry",
    "Event",
    "Execution",
    "Expiry",
    "Freeze",
    "Genesis",
    "Issuance",
    "Key",
    "LogKey",
    "Mandate",
    "Methodology",
    "Notice",
    "Obligation",
    "Opening",
    "Order",
    "OrderChange",
    "Party",
    "Pledge",
    "PointsScheme",
    "Project",
    "Redemption",
    "Release",
    "Reservation",
    "Retirement",
    "Rulebook",
    "Seal",
    "Sealing",
    "Settlement",
    "SpanItem",
    "Swap",
    "Totals",
    "Transfer",
    "Unfreeze",
    "Unpledge",
    "kind_of",
]
