"""Decoding what was accepted before: the same entry, without matching its words again."""

from __future__ import annotations

import msgspec
import pytest

from registry.chain.errors import Malformed
from registry.ledger import entries as e
from registry.ledger.codec import Parsed, decode_trusted, id_key, parse_entry
from registry.ledger.subjects import subjects_of
from tests.books import BATCH, TONNE, Book


def trusted(note: bytes) -> Parsed:
    parsed = parse_entry(note)
    return decode_trusted(note, len(parsed.text), parsed.signatures)


@pytest.mark.parametrize("note", [*Book().founding(), *Book().walk()])
def test_the_same_entry_comes_out(note: bytes) -> None:
    plain, known = parse_entry(note), trusted(note)
    assert (known.origin, known.note, known.text) == (plain.origin, plain.note, plain.text)
    assert known.signatures == plain.signatures
    encode = msgspec.json.Encoder(order="sorted").encode
    assert encode(known.entry) == encode(plain.entry)
    assert isinstance(known.entry, type(plain.entry))
    assert id_key(known.entry) == id_key(plain.entry)
    assert subjects_of(known.entry) == subjects_of(plain.entry)


def test_every_field_of_a_transfer_comes_out() -> None:
    note = Book().transfer(
        "farm",
        "mill",
        memo='a memo that says "kind":"retirement"',
        items=(
            e.moving.Item(batch=BATCH, quantity_g=TONNE),
            e.moving.Item(batch=BATCH, first=7, last=9),
        ),
        mandate=3,
        trade=e.moving.Trade(venue="otc", trade_id="T", price_fen_per_t=0),
        reason="trade",
    )
    plain, known = parse_entry(note).entry, trusted(note).entry
    for name in plain.__struct_fields__:
        assert str(getattr(known, name)) == str(getattr(plain, name)).replace(
            "Item(", "_KnownItem("
        )
    assert subjects_of(known) == subjects_of(plain)
    assert len(set(subjects_of(known))) == len(subjects_of(known))


def test_an_entry_of_another_kind_that_speaks_of_transfers() -> None:
    note = Book().person("ann", memo='"kind":"transfer"')
    assert isinstance(trusted(note).entry, e.Account)


def test_what_is_no_entry_is_malformed() -> None:
    note = Book().transfer("farm", "mill")
    parsed = parse_entry(note)
    with pytest.raises(Malformed):
        decode_trusted(note, len(parsed.text) - 2, parsed.signatures)
    with pytest.raises(Malformed):
        decode_trusted(note.replace(b'"items"', b'"itens"'), len(parsed.text), parsed.signatures)
