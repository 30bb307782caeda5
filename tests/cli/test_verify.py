"""`tanbu verify`, `proof`, `points verify --evidence`: good ones pass, and no altered one does."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.chain.tlog import LeafHashes
from registry.ledger import people
from registry.ledger.entries.use import Obligor
from registry.ledger.people import Leaf, LeafFile
from registry.verify.build import build_evidence
from registry.verify.trust import file_name, format_trust, new_trust
from tests.books import TONNE, party_key
from tests.cli.conftest import Cli, Service, serving
from tests.fakes import FakeRegistry, SteppingClock


@pytest.fixture
def trust(tmp_path: Path, service: Service) -> Path:
    """A trust directory for the service's log."""
    return write_trust(tmp_path / "trust", service.registry)


def write_trust(directory: Path, registry: FakeRegistry) -> Path:
    book = registry.book
    made = new_trust(book.origin, book.log_vkeys(), (party_key("authority").vkey,))
    directory.mkdir(exist_ok=True)
    (directory / file_name(book.origin)).write_bytes(format_trust(made))
    return directory


def evidence(path: Path, registry: FakeRegistry, index: int) -> Path:
    registry.publish()
    with registry.snapshot() as snapshot:
        path.write_bytes(build_evidence(index, snapshot, LeafHashes(registry.leaves)))
    return path


@pytest.fixture
def retired(tmp_path: Path, service: Service) -> Path:
    """The evidence of a retirement of 30 t."""
    registry = service.registry
    registry.take([registry.book.retirement("farm", 1, 30)])
    return evidence(tmp_path / "r.json", registry, len(registry.records) - 1)


def test_good_evidence_says_first_what_is_not_checked(cli: Cli, retired: Path, trust: Path) -> None:
    done = cli("verify", retired, "--trust", trust)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "Not checked:"
    assert "  1. Form: " in done.out
    assert "30 t" in done.out
    assert cli("verify", retired, "--trust", trust, "--lang", "zh").out.startswith("未核验：")
    found = cli("verify", retired, "--trust", trust, "--json").json
    assert (found["result"], found["facts"]["quantity_g"]) == ("good", 30 * TONNE)


def test_one_changed_byte_anywhere_is_not_good(cli: Cli, retired: Path, trust: Path) -> None:
    good = retired.read_bytes()
    for at in range(0, len(good), max(1, len(good) // 40)):
        retired.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        done = cli("verify", retired, "--trust", trust)
        assert done.code in (1, 2), at
        assert done.line


def test_without_trust_it_could_not_be_checked(cli: Cli, tmp_path: Path, retired: Path) -> None:
    assert cli("verify", retired, "--trust", tmp_path / "none").code == 3
    (tmp_path / "empty").mkdir()
    assert cli("verify", retired, "--trust", tmp_path / "empty").code == 3
    other = FakeRegistry("sample.invalid/log/00000000", SteppingClock())
    done = cli("verify", retired, "--trust", write_trust(tmp_path / "other", other))
    assert (done.code, "not among those that trust names" in done.line) == (3, True)
    assert cli("verify", retired).code == 2


def test_bad_trust_is_said(cli: Cli, retired: Path, trust: Path) -> None:
    (trust / "bad.json").write_text("{}")
    done = cli("verify", retired, "--trust", trust)
    assert (done.code, "bad.json" in done.line) == (2, True)


def test_the_obligor_of_an_order_is_opened_by_a_private_file(
    cli: Cli, tmp_path: Path, service: Service, trust: Path
) -> None:
    registry = service.registry
    salt, name, number = "5a" * 32, "样例被告 SAMPLE", "SAMPLE-1"
    commit = people.obligor_commit(salt, name, number)
    registry.take([registry.book.order(obligors=(Obligor(commit=commit),))])
    file = evidence(tmp_path / "o.json", registry, len(registry.records) - 1)
    opening = tmp_path / "opening.json"
    opening.write_bytes(people.format_opening(salt, name, number))
    done = cli("verify", file, "--trust", trust, "--opening", opening)
    assert done.code == 0, done.err
    assert name in done.out
    opening.write_bytes(people.format_opening(salt, "另一人", number))
    assert cli("verify", file, "--trust", trust, "--opening", opening).code == 1


def test_a_receipt_is_checked_against_the_logs_own_record(
    cli: Cli, tmp_path: Path, service: Service, trust: Path
) -> None:
    registry, book = service.registry, service.registry.book
    leaves = tuple(
        Leaf(person=f"u{n}", amount=50_000, act=f"act {n}", salt=f"{n:064x}") for n in range(2)
    )
    file = LeafFile(unit="points", leaves=leaves)
    registry.take(
        [
            book.points_scheme(),
            book.to_points("farm", TONNE, commit=people.commit_of(leaves)),
        ]
    )
    made = evidence(tmp_path / "c.json", registry, len(registry.records) - 1)
    receipt = tmp_path / "u1.receipt"
    receipt.write_bytes(people.format_receipt(people.receipt_for(file, "u1")))
    given = ("--evidence", made, "--trust", trust)
    done = cli("points", "verify", receipt, *given, "--json")
    assert (done.code, done.json["facts"]["amount"]) == (0, 50_000)
    changed = Leaf(person="u1", amount=50_000, act="another act", salt="f" * 64)
    other = LeafFile(unit="points", leaves=(leaves[0], changed))
    receipt.write_bytes(people.format_receipt(people.receipt_for(other, "u1")))
    assert cli("points", "verify", receipt, *given).code == 1
    assert cli("points", "verify", receipt, "--evidence", made).code == 2


def test_evidence_is_fetched_by_index_or_certificate(
    cli: Cli, tmp_path: Path, service: Service, trust: Path
) -> None:
    registry = service.registry
    registry.take([registry.book.retirement("farm", 1, 30)])
    registry.publish()
    index = len(registry.records) - 1
    number = f"CN-GD-R-{registry.book.origin[-8:]}-{index}"
    for name in (index, number):
        out = tmp_path / f"{name}.json"
        done = cli("evidence", name, "--url", service.url, "--out", out, "--json")
        assert done.code == 0, done.err
        assert done.json["bytes"] == len(out.read_bytes())
        assert cli("verify", out, "--trust", trust).code == 0
    again = cli("evidence", index, "--url", service.url, "--out", tmp_path / f"{index}.json")
    assert (again.code, "already there" in again.line) == (2, True)
    to_stdout = cli("evidence", index, "--url", service.url, "--out", "-")
    assert to_stdout.out == (tmp_path / f"{index}.json").read_text()
    assert cli("evidence", 999, "--url", service.url, "--out", "-").code == 3
    for wrong in ("first", "-1", "CN-GD-R-xyz-1", "1.5"):
        done = cli("evidence", "--url", service.url, "--out", "-", "--", wrong)
        assert (done.code, "neither an index nor a certificate" in done.line) == (2, True)


# ------------------------------------------------------------ proofs


def test_a_record_is_proved_to_be_in_the_log(
    cli: Cli, tmp_path: Path, service: Service, trust: Path
) -> None:
    kept = tmp_path / "5.proof"
    given = ("--url", service.url, "--trust", trust)
    done = cli("proof", "inclusion", 5, *given, "--out", kept, "--json")
    assert done.code == 0, done.err
    assert done.json["leaf_hash"] == service.registry.leaves[5].hex()
    assert kept.read_bytes().startswith(b"c2sp.org/tlog-proof@v1\n")
    assert cli("proof", "inclusion", 99, *given).code == 3


def test_a_service_that_shows_another_record_is_caught(
    cli: Cli, service: Service, trust: Path
) -> None:
    registry = service.registry
    head, _, note = registry.records[5].partition(b"\n")
    index, time_ms = head.split(b" ")
    registry.records[5] = b"%b %d\n%b" % (index, int(time_ms) + 1, note)
    done = cli("proof", "inclusion", 5, "--url", service.url, "--trust", trust)
    assert (done.code, bool(done.line)) == (1, True)


def test_a_kept_checkpoint_shows_that_the_log_only_grew(
    cli: Cli, tmp_path: Path, service: Service, trust: Path
) -> None:
    kept = tmp_path / "monday.checkpoint"
    given = ("--url", service.url, "--trust", trust)
    assert cli("proof", "checkpoint", *given, "--out", kept).code == 0
    registry = service.registry
    before = len(registry.records)
    registry.take([registry.book.transfer("farm", "mill")])
    registry.publish()
    done = cli("proof", "consistency", kept, *given, "--json")
    assert done.code == 0, done.err
    assert (done.json["from"]["size"], done.json["to"]["size"]) == (before, before + 1)


def test_a_log_with_another_past_is_convicted(
    cli: Cli, tmp_path: Path, service: Service, trust: Path
) -> None:
    kept = tmp_path / "monday.checkpoint"
    service.registry.take([service.registry.book.transfer("farm", "mill")])
    service.registry.publish()
    cli("proof", "checkpoint", "--url", service.url, "--trust", trust, "--out", kept)
    forked = FakeRegistry(clock=SteppingClock(service.registry.clock.ms))
    forked.book.now_ms = forked.clock.ms
    forked.take(forked.book.founding())
    forked.publish()
    with serving(forked) as url:
        done = cli("proof", "consistency", kept, "--url", url, "--trust", trust)
        assert (done.code, "it had signed" in done.line) == (1, True)
        forked.take([forked.book.transfer("farm", "host"), forked.book.transfer("farm", "host")])
        forked.publish()
        done = cli("proof", "consistency", kept, "--url", url, "--trust", trust)
        assert (done.code, bool(done.line)) == (1, True)


def test_a_checkpoint_of_other_keys_is_not_kept(
    cli: Cli, tmp_path: Path, service: Service, trust: Path
) -> None:
    service.registry.book.ed25519_seed = bytes(32)
    service.registry.publish()
    kept = tmp_path / "x.checkpoint"
    done = cli("proof", "checkpoint", "--url", service.url, "--trust", trust, "--out", kept)
    assert (done.code, kept.exists()) == (1, False)
