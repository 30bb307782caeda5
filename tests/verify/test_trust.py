"""Trust files: one form, strict, and what they say of sizes and policies."""

from __future__ import annotations

import msgspec
import pytest

from registry.chain.errors import Malformed, Unavailable
from registry.verify.trust import (
    LogTrust,
    Trust,
    TrustedKey,
    file_name,
    format_trust,
    new_trust,
    parse_log_trust,
    parse_trust,
)
from tests.books import ORIGIN, Book, party_key
from tests.verify.logs import log_trust


def test_format_and_parse_are_inverse() -> None:
    trust = log_trust(Book())
    data = format_trust(trust)
    assert parse_log_trust(data) == trust
    assert data.endswith(b"}\n")
    assert file_name(ORIGIN) == "sample.invalid_log_0badc0de.json"
    assert parse_trust([("a.json", data)]).of(ORIGIN) == trust


def test_keys_count_for_their_sizes() -> None:
    ed25519, mldsa44 = Book().log_vkeys()
    keys = (TrustedKey(key=ed25519, from_size=10, until_size=20), TrustedKey(key=mldsa44))
    trust = LogTrust(
        format="tanbu.trust/v1",
        origin=ORIGIN,
        log_keys=keys,
        authority_keys=(party_key("authority").vkey,),
    )
    assert parse_log_trust(format_trust(trust)) == trust
    assert len(trust.verifiers(10)) == len(trust.verifiers(19)) == 2
    for size in (9, 20):
        with pytest.raises(Unavailable, match="no Ed25519 key"):
            trust.verifiers(size)


def changed(**fields: object) -> bytes:
    return format_trust(msgspec.structs.replace(log_trust(Book()), **fields))


GOOD = format_trust(log_trust(Book()))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[" * 5_000,
        GOOD[:-1],
        GOOD + b"\n",
        GOOD.replace(b"  ", b" "),
        GOOD.replace(b'"from_size": 0', b'"from_size": 0.0'),
        GOOD.replace(b'"from_size": 0', b'"from_size": -1'),
        GOOD.replace(b'"from_size": 0,\n', b""),
        GOOD.replace(b'"origin"', b'"Origin"'),
        GOOD.replace(b'{\n  "auth', b'{\n  "aaa": 1,\n  "auth'),
        GOOD.replace(b"tanbu.trust/v1", b"tanbu.trust/v2"),
        GOOD.replace(b"}\n", b',\n  "origin": "sample.invalid/log/0badc0de"\n}\n'),
        b"\xff" + GOOD,
        b" " * 1_000_001,
    ],
)
def test_every_other_form_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_log_trust(data)


@pytest.mark.parametrize(
    ("log_keys", "authority_keys"),
    [
        ((party_key("authority").vkey,), (party_key("authority").vkey,)),
        (("no key at all",), (party_key("authority").vkey,)),
        (Book().log_vkeys() * 2, (party_key("authority").vkey,)),
        (Book().log_vkeys(), ("no key at all",)),
        (Book().log_vkeys(), (Book().log_vkeys()[1],)),
        (Book().log_vkeys(), (party_key("authority").vkey,) * 2),
        (Book("other.invalid/log/00000000").log_vkeys(), (party_key("authority").vkey,)),
    ],
)
def test_keys_of_another_name_or_kind_are_malformed(
    log_keys: tuple[str, ...], authority_keys: tuple[str, ...]
) -> None:
    with pytest.raises(Malformed):
        new_trust(ORIGIN, log_keys, authority_keys)


def test_an_empty_range_is_malformed() -> None:
    key = TrustedKey(key=Book().log_vkeys()[0], from_size=5, until_size=5)
    with pytest.raises(Malformed, match="range"):
        changed(log_keys=(key,))


def test_a_directory_has_one_file_per_log_and_at_least_one() -> None:
    with pytest.raises(Unavailable):
        parse_trust([])
    with pytest.raises(Malformed) as caught:
        parse_trust([("a.json", GOOD), ("b.json", GOOD)])
    assert caught.value.where == "b.json"
    with pytest.raises(Malformed) as caught:
        parse_trust([("c.json", b"{}")])
    assert caught.value.where == "c.json"


def test_an_unknown_log_and_a_policy_are_could_not_check() -> None:
    with pytest.raises(Unavailable, match="not among those"):
        parse_trust([("a.json", GOOD)]).of("other.invalid/log/00000000")
    with_policy = changed(policy=("log x", "quorum none"))
    with pytest.raises(Unavailable, match="policy"):
        parse_trust([("a.json", with_policy)]).of(ORIGIN)
    assert Trust(()).logs == ()
