"""The whole service with and without a key for refusal notes: it serves, and says which."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.refusal_key import read_refusal_key
from registry.signers.keyfile import PrivateKey, new_key, write_key_file
from registry.verify.refusal import verify_refusal
from tests.books import Book, party_key
from tests.freezes import freeze_of_nobody
from tests.logs import Clock, make_log, publishing, take, writing
from tests.services import get, post, running

KEY = party_key("operator")
FILE = "refusals.key"


@pytest.fixture
def book() -> Book:
    return Book(now_ms=time.time_ns() // 1_000_000 - 60_000)


@pytest.fixture
def data(tmp_path: Path, book: Book) -> DataDirectory:
    """A log of today with the founding book, published; no key for refusal notes."""
    clock = Clock(book.now_ms)
    made = make_log(tmp_path / "data", book, clock)
    with writing(made, clock) as writer:
        take(writer, book.founding()[1:])
    with publishing(made, clock) as publisher:
        publisher.step()
    return made


def test_the_service_signs_what_its_writer_refuses(data: DataDirectory, book: Book) -> None:
    write_key_file(data.keys / FILE, PrivateKey(KEY.holder, 1, KEY.seed))
    note = freeze_of_nobody(book)
    with running(data.root, "--workers", "1") as service:
        good, refused = post(service.port, [book.transfer("farm", "mill"), note])
        assert f"signed by {KEY.signer}".encode() in get(service.port, "/readyz")[1]
        assert not [line for line in service.lines if "no signed note" in line]
    signed = refused["problem"]["refusal_note"].encode()
    report = verify_refusal(signed, [KEY.vkey], entry=note)
    assert report.size == good["committed"]["index"] + 1
    assert report.facts["time_ms"] == good["committed"]["time_ms"]
    assert report.facts["name"] == "unknown_account"


def test_without_a_key_it_serves_and_says_so(data: DataDirectory, book: Book) -> None:
    with running(data.root, "--workers", "1") as service:
        (line,) = [line for line in service.lines if "refusals get no signed note" in line]
        assert "there is no key file for them" in line
        assert str(data.keys / FILE) in line
        (refused,) = post(service.port, [freeze_of_nobody(book)])
        assert refused["problem"]["name"] == "unknown_account"
        assert "refusal_note" not in refused["problem"]
        assert b"none: there is no key file" in get(service.port, "/readyz")[1]


def test_a_key_that_cannot_be_used_is_no_key(data: DataDirectory, tmp_path: Path) -> None:
    path = data.keys / FILE
    write_key_file(path, new_key("operator.test"))
    assert read_refusal_key(data).key is not None
    path.chmod(0o644)
    held = read_refusal_key(data)
    assert (held.key, "read by others" in held.fault) == (None, True)
    path.chmod(0o600)
    path.write_text("no key\n")
    assert "no private key" in read_refusal_key(data).fault
    elsewhere = tmp_path / "elsewhere.key"
    write_key_file(elsewhere, new_key("operator.test"))
    data.config.write_text(f'refusal_key = "{elsewhere}"\n')
    assert read_refusal_key(data).key is not None
    data.config.write_text('refusal_key = "gone.key"\n')
    assert read_refusal_key(data).where == str(data.keys / "gone.key")


def test_a_strangers_key_is_named_at_the_start(data: DataDirectory) -> None:
    write_key_file(data.keys / FILE, new_key("operator.test"))
    with running(data.root, "--workers", "1") as service:
        (line,) = [line for line in service.lines if "refusals get no signed note" in line]
        assert "is not enrolled in the log" in line
