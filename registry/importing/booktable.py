"""Another book's own table of holdings or retirements: grams by key, and the mapping that says how.

Sources: RFC 4180, TOML 1.0; docs/reference/settlement-mapping.md, "Reconciliation".
Refuses to know: the log.

Rules
- a key is `<account>/<batch>`, or a certificate number; it stands once in a file
- columns that the mapping does not name are not read
- who holds nothing of a batch has no row: a row of zero grams is left out

    read_book("mine.csv", data, mapping, "holdings")   -> {"a-…/CN-GD-…": 7000000}
"""

import re
from typing import Literal

from msgspec import field

from registry.chain.errors import Malformed
from registry.importing.forms import Unfit, read_amount, shown
from registry.importing.mapping import Amount, Column, Encoding, Node
from registry.importing.read import Source, Splitter, read_columns, records
from registry.importing.toml import load, typed
from registry.ledger.entries.common import AccountId, BatchId, Name

_is_account = re.compile(r"a-[a-z2-7]{26}").fullmatch
_is_batch = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,6}-[A-Z0-9]{2,16}-[0-9]{4}-[0-9]{6}").fullmatch
_is_certificate = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,6}-R-[0-9a-f]{8}-[0-9]{1,16}").fullmatch


class BookMapping(Node, frozen=True, kw_only=True):
    """What the columns are; those of our own export unless said otherwise."""

    mapping: Name = "export"
    account: Column = "account"
    batch: Column = "batch"
    certificate: Column = "certificate"
    held: Amount = Amount(column="held_g", form="plain", grams=1)
    quantity: Amount = Amount(column="quantity_g", form="plain", grams=1)
    encoding: Encoding = "utf-8"
    delimiter: Literal[",", ";", "\t"] = ","
    accounts: dict[str, AccountId] = field(default_factory=dict)
    batches: dict[str, BatchId] = field(default_factory=dict)


def parse_book_mapping(data: bytes, name: str) -> BookMapping:
    """Read a mapping file; Malformed with `name`, line or place, and reason."""
    raw, text = load(data, name)
    return typed(raw, BookMapping, text, name, "")


def read_book(name: str, data: bytes, mapping: BookMapping, table: str) -> dict[str, int]:
    """Grams by key; Malformed with the row if it is not of the form."""
    source = Source(name, lambda: (data,))
    columns = read_columns(source, mapping.encoding, mapping.delimiter)
    amount = mapping.held if table == "holdings" else mapping.quantity
    keyed = (mapping.account, mapping.batch) if table == "holdings" else (mapping.certificate,)
    for column in (*keyed, amount.column):
        if columns.count(column) != 1:
            raise Malformed(
                f"column {shown(column)} does not stand once in the header",
                where=f"{name}, row 1",
                todo="write a mapping that names your columns: --mapping FILE",
            )
    splitter = Splitter(mapping.encoding, mapping.delimiter)
    found: dict[str, int] = {}
    for record in records(source):
        if record.number == 1:
            continue
        fields = splitter.split(record, name)
        where = f"{name}, row {record.number}"
        if len(fields) != len(columns):
            raise Malformed(f"{len(fields)} fields, the header has {len(columns)}", where=where)
        cells = dict(zip(columns, fields, strict=True))
        try:
            key = _key([cells[column] for column in keyed], mapping)
            grams = read_amount(cells[amount.column], amount.form, amount.grams)
        except Unfit as error:
            raise Malformed(error.reason, where=where) from error
        if key in found:
            raise Malformed(f"{key} stands twice", where=where, todo="give one row a key")
        found[key] = grams
    return {key: grams for key, grams in found.items() if grams}


def _key(cells: list[str], mapping: BookMapping) -> str:
    if len(cells) == 1:
        if not _is_certificate(cells[0]):
            raise Unfit(f"{shown(cells[0])} is no certificate number")
        return cells[0]
    account = mapping.accounts.get(cells[0], cells[0])
    batch = mapping.batches.get(cells[1], cells[1])
    if not _is_account(account) or not _is_batch(batch):
        raise Unfit(f"{shown(account)}, {shown(batch)} is no account and batch")
    return f"{account}/{batch}"
