"""Opening a log in two hands, and again after a crash."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from registry.bootstrap import opening
from registry.bootstrap.data import DataDirectory
from registry.bootstrap.opening import Foundation, draft_genesis, make_log_keys, open_log
from registry.bootstrap.upkeep import fsck
from registry.chain.errors import Broken, Malformed, NotTrusted, Unavailable
from registry.chain.note import parse_vkey
from registry.ledger.codec import parse_entry
from registry.ledger.entries.authority import Founder
from registry.ledger.signing import missing_signers, sign_draft
from registry.signers.keyfile import new_key, write_key_file
from registry.signers.logkeys import ED25519_FILE, MLDSA44_FILE
from tests.books import DAY_MS, ORIGIN, T0, Book, party_key
from tests.logs import Clock, make_log, write_log_keys

OPERATOR, AUTHORITY = party_key("operator"), party_key("authority")


def draft(log_keys: tuple[str, str], origin: str = ORIGIN) -> bytes:
    """A genesis as the operator signs it."""
    foundation = Foundation(
        region="CN-GD",
        offset_min=480,
        operator=Founder(party=OPERATOR.holder, title="Operator"),
        authority=Founder(party=AUTHORITY.holder, title="Authority"),
        keys=(OPERATOR.vkey, AUTHORITY.vkey),
        log_keys=log_keys,
    )
    return draft_genesis(
        origin,
        foundation,
        entry_id=Book().next_id(),
        not_after=T0 + DAY_MS,
        signers=(OPERATOR.signer, AUTHORITY.signer),
        keys=(OPERATOR,),
    )


def test_two_hands_open_a_log(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    vkeys = make_log_keys(data, ORIGIN)
    assert {parse_vkey(vkey).name for vkey in vkeys} == {ORIGIN}
    half = draft(vkeys)
    assert missing_signers(half) == (AUTHORITY.signer,)
    with pytest.raises(Malformed, match="missing: authority"):
        open_log(data, half, Clock())
    assert not data.database.exists()
    published = open_log(data, sign_draft(half, [AUTHORITY]), Clock())
    assert published.size == 1
    assert published.note == (data.tiles / "checkpoint").read_bytes()
    assert fsck(data).faults == ()


def test_keys_are_made_once(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    vkeys = make_log_keys(data, ORIGIN)
    files = {p.name: p.read_bytes() for p in data.keys.iterdir()}
    assert set(files) == {ED25519_FILE, MLDSA44_FILE}
    assert make_log_keys(data, ORIGIN) == vkeys
    (data.keys / MLDSA44_FILE).unlink()  # as a crash between the two leaves it
    again = make_log_keys(data, ORIGIN)
    assert again[0] == vkeys[0]
    assert again[1] != vkeys[1]
    with pytest.raises(NotTrusted, match="those of sample"):
        make_log_keys(data, "sample.invalid/log/deadbeef")
    with pytest.raises(Malformed):
        make_log_keys(data, "Not an origin")


def test_the_same_genesis_opens_once_more_and_another_does_not(tmp_path: Path) -> None:
    book = Book()
    data = make_log(tmp_path / "data", book)
    first = (data.tiles / "checkpoint").read_bytes()
    genesis = parse_entry(Book().genesis())  # ids begin anew: the same text
    assert open_log(data, genesis.note, Clock()).note == first
    with pytest.raises(Unavailable, match=f"already holds a log, {ORIGIN}"):
        open_log(data, book.genesis(), Clock())
    assert fsck(data).size == 1


@pytest.mark.parametrize("step", ["_commit_genesis", "_publish", "create_database"])
def test_an_interrupted_opening_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    class Crash(Exception):
        pass

    def crash(*_: object) -> None:
        raise Crash

    data = DataDirectory(tmp_path / "data")
    book = Book()
    write_log_keys(data, book)
    genesis = book.genesis()
    with monkeypatch.context() as patch:
        patch.setattr(opening, step, crash)
        with pytest.raises(Crash):
            open_log(data, genesis, Clock())
    assert open_log(data, genesis, Clock()).size == 1
    assert fsck(data).faults == ()


def test_what_the_rules_refuse_opens_nothing(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    book = Book()
    write_log_keys(data, book)
    forged = book.genesis()
    middle = forged[-40:-20]
    bad = {
        "the rules refuse this genesis: the signature": forged.replace(middle, middle.swapcase()),
        "lies before the record time": book.genesis(not_after=T0 - 1),
        "judged by ruleset 7": book.genesis(ruleset=7),
        "no genesis": book.rulebook(),
    }
    for words, note in bad.items():
        with pytest.raises((NotTrusted, Malformed, Unavailable), match=words[:20]):
            open_log(data, note, Clock())
        assert not data.database.exists()


def test_the_keys_at_hand_must_be_those_of_the_genesis(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    book = Book()
    genesis = book.genesis()
    with pytest.raises(Unavailable, match="no key file"):
        open_log(data, genesis, Clock())
    make_log_keys(data, ORIGIN)
    with pytest.raises(NotTrusted, match="not those that its genesis names"):
        open_log(data, genesis, Clock())
    shutil.rmtree(data.keys)
    for name, kind in ((ED25519_FILE, 1), (MLDSA44_FILE, 6)):
        write_key_file(data.keys / name, new_key("sample.invalid/log/deadbeef", kind))
    with pytest.raises(NotTrusted, match="the keys are those of"):
        open_log(data, genesis, Clock())
    assert not data.database.exists()


def test_a_genesis_that_the_writer_refuses_is_our_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged good, then refused a moment later: its time has run out in between."""
    data = DataDirectory(tmp_path / "data")
    book = Book()
    write_log_keys(data, book)
    clock = Clock()
    genesis = book.genesis(not_after=T0)

    def late(*arguments: object) -> None:
        clock.tick(5)
        create(*arguments)  # type: ignore[arg-type]  # what it was called with

    create = opening.create_database
    monkeypatch.setattr(opening, "create_database", late)
    with pytest.raises(Broken, match="judged good and then refused"):
        open_log(data, genesis, clock)
