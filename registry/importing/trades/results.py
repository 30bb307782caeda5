"""What became of each row of a settlement file, as CSV for people and JSON for programs.

Refuses to know: where the answers come from.

    data = as_csv(outcomes)
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from registry.ledger.tables import table

Word = Literal["booked", "already_booked", "acceptable", "refused"]
"""`acceptable`: of a trial, it would be booked."""
WORDS: tuple[Word, ...] = ("booked", "already_booked", "acceptable", "refused")


class Outcome(Struct, frozen=True, kw_only=True):
    """One row. `index`, `time_ms` and `leaf_hash` are the receipt; `time` is that of the region.

    `number` and `name` are the refusal's; `en` and `zh` say it in words.
    """

    row: int
    row_sha256: str
    trade_id: str
    entry_id: str
    outcome: Word
    index: int | None = None
    time: str = ""
    time_ms: int | None = None
    leaf_hash: str = ""
    number: int | None = None
    name: str = ""
    en: str = ""
    zh: str = ""


COLUMNS = Outcome.__struct_fields__


def counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Rows by outcome."""
    found = Counter(outcome.outcome for outcome in outcomes)
    return {word: found[word] for word in WORDS}


def as_csv(outcomes: Sequence[Outcome]) -> bytes:
    """The rows as a table, with the mark by which a spreadsheet knows UTF-8."""
    values = ([getattr(outcome, column) for column in COLUMNS] for outcome in outcomes)
    return ("\ufeff" + table(COLUMNS, values)).encode()


def as_json(head: dict[str, object], outcomes: Sequence[Outcome]) -> bytes:
    """The same with what the file was and how many rows came to what."""
    whole = {**head, "counts": counts(outcomes), "rows": outcomes}
    return msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n"
