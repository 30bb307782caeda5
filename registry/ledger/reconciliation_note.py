"""Reconciliation reports: a party's signed word on how its own table compares with the log.

Source: docs/spec/formats.md, "Reconciliation report". Refuses to know: whether the table is true,
whether the log says what the report says of it, and which keys are the party's.

    tanbu.reconciliation/v1
    cn-gd.example/log/5f0c91ae
    {"different":1,"file_sha256":"9f86d0…","here_g":3000000,"lines":[{"here_g":2000000,…}],…}

    — exchange.cn-gd 618408b1…

Rules
- the form is that of a statement note: see `statement_note`
- `here`: by the log; `there`: by the file. A line without one of the two amounts is missing there
- the counts are of all lines; `lines` holds the first LINES_MAX in byte order of their keys

    note = sign_reconciliation(origin, compare(...), key)
    open_reconciliation(parse_reconciliation(note), [vkey])
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from registry.chain.errors import Malformed
from registry.chain.note import Note, VerifierKey
from registry.chain.strict import MAX_INT
from registry.ledger.entries.common import Int, Positive, Sha256
from registry.ledger.signing import SigningKey
from registry.ledger.statement_note import open_statement, parse_statement, sign_statement

HEADER = b"tanbu.reconciliation/v1\n"
NOTE_BYTES_MAX = 400_000
LINES_MAX = 1_000
KEY_CHARS_MAX = 200

Table = Literal["holdings", "retirements"]
Scope = Literal["book", "file"]


class DifferenceLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key whose amounts are not the same: `<account>/<batch>`, or a certificate."""

    key: Annotated[str, Meta(pattern=r"^[A-Za-z0-9./-]+\Z", max_length=KEY_CHARS_MAX)]
    here_g: Int | UnsetType = UNSET
    there_g: Int | UnsetType = UNSET


class ReconciliationText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a report states: `root` of the log at `size`; grams and counts of what was compared."""

    table: Table
    scope: Scope
    size: Positive
    root: Sha256
    file_sha256: Sha256
    here_g: Int
    there_g: Int
    same: Int
    different: Int
    missing_here: Int
    missing_there: Int
    lines: Annotated[tuple[DifferenceLine, ...], Meta(max_length=LINES_MAX)]

    @property
    def differences(self) -> int:
        """How many keys are not the same."""
        return self.different + self.missing_here + self.missing_there


class SignedReconciliation(Struct, frozen=True):
    """A report taken apart; `note` is what `open_reconciliation` judges."""

    origin: str
    said: ReconciliationText
    note: Note

    @property
    def signer(self) -> str:
        """`<party>+<8 hex>` of the key that the line names."""
        (line,) = self.note.signatures
        return f"{line.name}+{line.key_id.hex()}"


_decode = msgspec.json.Decoder(ReconciliationText).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def compare(
    here: Mapping[str, int],
    there: Mapping[str, int],
    *,
    table: Table,
    scope: Scope,
    size: int,
    root: str,
    file_sha256: str,
) -> ReconciliationText:
    """What a report says of two tables, grams by key; Malformed if a sum is too large for it."""
    lines = []
    counts = dict.fromkeys(("same", "different", "missing_here", "missing_there"), 0)
    for key in sorted(here.keys() | there.keys()):
        ours, theirs = here.get(key, UNSET), there.get(key, UNSET)
        if ours == theirs:
            counts["same"] += 1
            continue
        word = "missing_here" if ours is UNSET else "different"
        counts["missing_there" if theirs is UNSET else word] += 1
        lines.append(DifferenceLine(key=key, here_g=ours, there_g=theirs))
    here_g, there_g = sum(here.values()), sum(there.values())
    if max(here_g, there_g) > MAX_INT:
        raise Malformed(f"the amounts add up to more than {MAX_INT} grams")
    return ReconciliationText(
        table=table,
        scope=scope,
        size=size,
        root=root,
        file_sha256=file_sha256,
        here_g=here_g,
        there_g=there_g,
        lines=tuple(lines[:LINES_MAX]),
        **counts,
    )


def sign_reconciliation(origin: str, said: ReconciliationText, key: SigningKey) -> bytes:
    """The note of a report; Malformed if it has no such form."""
    note = sign_statement(HEADER, origin, _encode(said), key)
    parse_reconciliation(note)
    return note


def parse_reconciliation(data: bytes) -> SignedReconciliation:
    """What a report says; Malformed unless it is one, byte for byte. Judges no signature."""
    found = parse_statement(data, HEADER, bytes_max=NOTE_BYTES_MAX)
    try:
        said = _decode(found.body)
    except msgspec.MsgspecError as error:
        raise Malformed(f"not a reconciliation: {error}", where="line 3") from error
    keys = [line.key for line in said.lines]
    if keys != sorted(set(keys)) or len(keys) != min(said.differences, LINES_MAX):
        raise Malformed("its lines are not the first of its differences in order", where="line 3")
    if any(line.here_g == line.there_g for line in said.lines):
        raise Malformed("a line that is no difference", where="line 3")
    return SignedReconciliation(found.origin, said, found.note)


def open_reconciliation(signed: SignedReconciliation, keys: Iterable[VerifierKey]) -> VerifierKey:
    """The key of `keys` by which the line is good; NotTrusted if there is none."""
    return open_statement(signed.note, signed.signer, keys)
