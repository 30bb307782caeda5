"""Ids have the form that entries want, carry their time, and sort by it."""

from __future__ import annotations

import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain.errors import Malformed
from registry.ledger.entries.common import AccountId, UuidV7
from registry.ledger.ids import account_id, uuid7


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_a_uuid7_is_one_by_the_standard(time_ms: int, random: bytes) -> None:
    text = uuid7(time_ms, random)
    assert msgspec.convert(text, UuidV7) == text
    parsed = uuid.UUID(text)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == time_ms


def test_later_ids_sort_later() -> None:
    assert uuid7(1, b"\xff" * 10) < uuid7(2, bytes(10))


def test_all_random_bits_but_six_count() -> None:
    every = int(uuid7(0, b"\xff" * 10).replace("-", ""), 16)
    none = int(uuid7(0, bytes(10)).replace("-", ""), 16)
    assert (every ^ none).bit_count() == 74


@given(st.binary(min_size=16, max_size=16))
def test_an_account_id_has_the_form(random: bytes) -> None:
    assert msgspec.convert(account_id(random), AccountId)


def test_too_little_randomness_is_malformed() -> None:
    for make in (lambda: uuid7(0, bytes(9)), lambda: uuid7(2**48, bytes(10))):
        with pytest.raises(Malformed):
            make()
    with pytest.raises(Malformed):
        account_id(bytes(15))
