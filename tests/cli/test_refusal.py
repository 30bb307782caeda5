"""A refused freeze at the command line: its note is shown, saved, and checked offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.ledger.refusal_note import parse_refusal
from registry.verify.trust import file_name, format_trust, new_trust
from tests.books import party_key
from tests.cli.conftest import Cli, Service
from tests.cli.test_verify import write_trust
from tests.freezes import freeze_of_nobody

KEY = party_key("operator")


@pytest.fixture
def freeze(tmp_path: Path, service: Service) -> Path:
    """A court's freeze of an account that is not open."""
    path = tmp_path / "freeze.note"
    path.write_bytes(freeze_of_nobody(service.registry.book))
    return path


@pytest.fixture
def trust(tmp_path: Path, service: Service) -> Path:
    """Trust that names the operator's key."""
    book = service.registry.book
    authority = (party_key("authority").vkey,)
    made = new_trust(book.origin, book.log_vkeys(), authority, (KEY.vkey,))
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / file_name(book.origin)).write_bytes(format_trust(made))
    return tmp_path / "trust"


@pytest.fixture
def saved(cli: Cli, tmp_path: Path, service: Service, freeze: Path) -> Path:
    """The saved note of its refusal."""
    done = cli("submit", freeze, "--url", service.url, "--save-refusals", tmp_path / "kept")
    assert (done.code, "[312 unknown_account]" in done.line) == (1, True)
    (path,) = (tmp_path / "kept").iterdir()
    assert str(path) in done.out
    return path


def test_it_is_shown_and_stands_in_the_json(cli: Cli, service: Service, freeze: Path) -> None:
    done = cli("submit", freeze, "--url", service.url)
    assert done.code == 1
    assert "tanbu.refusal/v1\n" in done.out
    (found,) = cli("submit", freeze, "--url", service.url, "--json").json
    signed = parse_refusal(found["problem"]["refusal_note"].encode())
    assert signed.said.number == 312


def test_each_refusal_is_kept_and_none_replaced(
    cli: Cli, service: Service, freeze: Path, saved: Path
) -> None:
    service.registry.clock.ms += 1
    words = ("submit", freeze, "--url", service.url, "--save-refusals", saved.parent)
    assert cli(*words).code == 1
    assert len(list(saved.parent.iterdir())) == 2


def test_a_saved_note_is_verified_offline(cli: Cli, freeze: Path, saved: Path, trust: Path) -> None:
    done = cli("verify", saved, "--trust", trust, "--entry", freeze)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Not checked:\n")
    assert "Refusal 312 unknown_account: no account <account> is open." in done.out
    assert "4. Entry: freeze" in done.out
    chinese = cli("verify", saved, "--trust", trust, "--lang", "zh").out
    assert "第 312 号拒绝 unknown_account" in chinese
    known = cli("verify", saved, "--operator-key", KEY.vkey, "--json")
    assert (known.code, known.json["facts"]["number"]) == (0, 312)


def test_what_is_not_good_has_its_exit_code(
    cli: Cli, tmp_path: Path, service: Service, freeze: Path, saved: Path, trust: Path
) -> None:
    other = tmp_path / "other.note"
    other.write_bytes(service.registry.book.transfer("farm", "mill"))
    done = cli("verify", saved, "--trust", trust, "--entry", other)
    assert (done.code, "step 4, entry" in done.line) == (1, True)
    done = cli("verify", saved, "--operator-key", party_key("court").vkey)
    assert (done.code, "step 3, signature" in done.line) == (1, True)
    plain = write_trust(tmp_path / "plain", service.registry)
    done = cli("verify", saved, "--trust", plain)
    assert (done.code, "no key of the operator" in done.line) == (3, True)
    assert cli("verify", saved).code == 3
    altered = tmp_path / "altered.refusal"
    altered.write_bytes(saved.read_bytes().replace(b'"number":312', b'"number":104'))
    assert cli("verify", altered, "--trust", trust).code == 1
    altered.write_bytes(saved.read_bytes() + b"\n")
    assert cli("verify", altered, "--trust", trust).code == 2
    assert cli("verify", saved, "--trust", trust, "--opening", freeze).code == 2


def test_evidence_still_needs_trust_and_takes_no_entry(
    cli: Cli, tmp_path: Path, freeze: Path, trust: Path
) -> None:
    file = tmp_path / "e.json"
    file.write_bytes(b"{}")
    done = cli("verify", file)
    assert (done.code, "--trust" in done.line) == (2, True)
    done = cli("verify", file, "--trust", trust, "--entry", freeze)
    assert (done.code, "--entry" in done.line) == (2, True)


def test_a_note_about_another_entry_is_said(
    cli: Cli, service: Service, freeze: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.service.refusing.text_sha256", lambda _note: "00" * 32)
    done = cli("submit", freeze, "--url", service.url)
    assert done.code == 1
    assert "another entry than it was sent" in done.err
