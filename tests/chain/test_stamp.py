"""Tokens of a real authority (`openssl ts`), and what a verifier thinks of altered ones."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    decode_timestamp_response,
)

from registry.chain.errors import Malformed, NotTrusted
from registry.chain.stamp import (
    TOKEN_BYTES_MAX,
    imprint,
    open_token,
    parse_pinned,
    read_token,
    token_of,
)
from tests.stamping import DAY, NOW, Authority, make

TEXT = b"sample.invalid/log/0badc0de\n38\nZQob4HyhuDAn86HUdAoFJNbKwilQ8be/rFn2gFsjZj4=\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make(tmp_path_factory.mktemp("authority") / "tsa")


@pytest.fixture(scope="module")
def answer(authority: Authority) -> bytes:
    return authority.reply(ask())


@pytest.fixture(scope="module")
def token(answer: bytes) -> bytes:
    return token_of(answer)


def ask(text: bytes = TEXT, algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> bytes:
    return TimestampRequestBuilder(text, algorithm).build().as_bytes()


def test_a_good_token_says_its_time(authority: Authority, token: bytes) -> None:
    stamp = open_token(token, TEXT, parse_pinned(authority.pinned))
    assert abs(stamp.time_ms / 1000 - time.time()) < 300
    assert (stamp.imprint, stamp.policy) == (imprint(TEXT), "1.2.3.4.1")
    assert read_token(token) == stamp
    told = decode_timestamp_response(authority.reply(ask())).tst_info.gen_time.timestamp()
    assert 0 <= told * 1000 - stamp.time_ms < 60_000


def test_the_root_alone_will_do(authority: Authority, token: bytes) -> None:
    root = (authority.directory / "chain.pem").read_bytes()
    assert open_token(token, TEXT, parse_pinned(root)) == read_token(token)


def test_another_text(authority: Authority, token: bytes) -> None:
    with pytest.raises(NotTrusted, match="over another text"):
        open_token(token, TEXT + b"\n", parse_pinned(authority.pinned))


def test_another_nonce(authority: Authority, token: bytes) -> None:
    with pytest.raises(NotTrusted, match="Nonce"):
        open_token(token, TEXT, parse_pinned(authority.pinned), nonce=7)


def test_another_authority(token: bytes, tmp_path: Path) -> None:
    with pytest.raises(NotTrusted, match="not signed by the pinned authority"):
        open_token(token, TEXT, parse_pinned(make(tmp_path / "other").pinned))


def test_another_signer_under_the_same_root(authority: Authority, tmp_path: Path) -> None:
    """The pinned certificate, not any that the root has signed."""
    other = make(tmp_path / "other")
    mixed = (other.directory / "signer.pem").read_bytes()
    mixed += (authority.directory / "chain.pem").read_bytes()
    with pytest.raises(NotTrusted):
        open_token(token_of(authority.reply(ask())), TEXT, parse_pinned(mixed))


def test_a_certificate_that_had_expired(tmp_path: Path) -> None:
    late = make(tmp_path / "late", ends=NOW - 2 * DAY)
    with pytest.raises(NotTrusted, match="was not valid"):
        open_token(token_of(late.reply(ask())), TEXT, parse_pinned(late.pinned))


def test_a_stamp_outlives_its_certificate(tmp_path: Path) -> None:
    soon = make(tmp_path / "soon", ends=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=3))
    token = token_of(soon.reply(ask()))
    pinned = parse_pinned(soon.pinned)
    assert pinned.signer is not None
    while dt.datetime.now(dt.UTC) <= pinned.signer.not_valid_after_utc:
        time.sleep(0.1)
    assert open_token(token, TEXT, pinned) == read_token(token)


def test_cut_off_anywhere(authority: Authority, token: bytes) -> None:
    pinned = parse_pinned(authority.pinned)
    for length in range(len(token)):
        with pytest.raises(Malformed):
            open_token(token[:length], TEXT, pinned)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_an_altered_byte_never_makes_another_stamp(authority: Authority, token: bytes) -> None:
    pinned, stamp = parse_pinned(authority.pinned), read_token(token)
    refused = 0
    for at in range(len(token)):
        altered = bytearray(token)
        altered[at] ^= 1
        try:
            assert open_token(bytes(altered), TEXT, pinned) == stamp
        except (Malformed, NotTrusted):
            refused += 1
    assert refused > 0.95 * len(token)


@pytest.mark.parametrize("data", [b"", b"0", b"\x30\x00", b"<html>", b"\x30\x84\xff\xff\xff\xff"])
def test_nonsense(authority: Authority, data: bytes) -> None:
    for use in (token_of, read_token):
        with pytest.raises(Malformed):
            use(data)


def test_a_token_is_followed_by_nothing(token: bytes, answer: bytes) -> None:
    for read in (lambda: read_token(token + b"\0"), lambda: token_of(answer + b"\0")):
        with pytest.raises(Malformed):
            read()


def test_a_huge_token() -> None:
    with pytest.raises(Malformed, match="more than 32768 bytes"):
        read_token(bytes(TOKEN_BYTES_MAX + 1))


def test_an_authority_that_says_no(authority: Authority) -> None:
    for request in (b"nonsense", ask(algorithm=HashAlgorithm.SHA512)):
        with pytest.raises(Malformed, match="has given no stamp: status 2"):
            token_of(authority.reply(request))


def test_what_cannot_be_pinned(authority: Authority) -> None:
    signer = (authority.directory / "signer.pem").read_bytes()
    root = (authority.directory / "chain.pem").read_bytes()
    for pem, words in (
        (b"", "no certificates"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificates"),
        (signer, "1 certificates, 0 of them self-issued"),
        (signer * 2 + root, "2 for time stamps"),
        (root * 17, "17 certificates"),
        (root + b" " * 300_000, "more than"),
    ):
        with pytest.raises(Malformed, match=words):
            parse_pinned(pem)
