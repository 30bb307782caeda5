"""`tanbu points`: from a CSV to a receipt that verifies offline, and what must not."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, Ran

CSV = "person,amount,act\nu1,26900,公交 1 km\nu2,53800,bus\nu1,100,walk\n"


@pytest.fixture
def made(cli: Cli, tmp_path: Path) -> tuple[Path, Ran]:
    amounts = tmp_path / "rides.csv"
    amounts.write_text(CSV, encoding="utf-8")
    leaves = tmp_path / "rides.leaves"
    return leaves, cli("points", "commit", amounts, "--unit", "mg", "--out", leaves, "--json")


def test_a_receipt_verifies_under_the_commitment(
    cli: Cli, tmp_path: Path, made: tuple[Path, Ran]
) -> None:
    leaves, committed = made
    assert committed.json | {"root": ""} == {"root": "", "count": 3, "total": 80_800, "unit": "mg"}
    receipt = tmp_path / "u1.receipt"
    assert cli("points", "receipt", leaves, "--person", "u1", "--out", receipt).code == 0
    for private in (leaves, receipt):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    given = ("--root", committed.json["root"], "--count", 3, "--total", 80_800)
    done = cli("points", "verify", receipt, *given, "--json")
    assert (done.code, done.json["amount"], done.json["checked"]) == (0, 27_000, True)
    assert cli("points", "verify", receipt, *given, "--lang", "zh").out.startswith("27000 mg，承诺")


def test_without_a_commitment_it_is_not_checked(
    cli: Cli, tmp_path: Path, made: tuple[Path, Ran]
) -> None:
    receipt = tmp_path / "u2.receipt"
    cli("points", "receipt", made[0], "--person", "u2", "--out", receipt)
    done = cli("points", "verify", receipt)
    assert done.code == 3
    assert "not checked: whether the log holds this commitment" in done.err


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("--root", "0" * 64, "--count", 3, "--total", 80_800), 1),
        (("--root", "ab", "--count", 3, "--total", 80_800), 2),
        (("--count", 3), 2),
    ],
)
def test_another_commitment_is_bad(
    cli: Cli, tmp_path: Path, made: tuple[Path, Ran], given: tuple[object, ...], code: int
) -> None:
    receipt = tmp_path / "u1.receipt"
    cli("points", "receipt", made[0], "--person", "u1", "--out", receipt)
    done = cli("points", "verify", receipt, *given)
    assert done.code == code
    assert done.line


def test_a_changed_receipt_is_bad(cli: Cli, tmp_path: Path, made: tuple[Path, Ran]) -> None:
    receipt = tmp_path / "u1.receipt"
    cli("points", "receipt", made[0], "--person", "u1", "--out", receipt)
    receipt.write_bytes(receipt.read_bytes().replace(b'"amount":26900', b'"amount":26901'))
    commit = made[1].json
    given = ("--root", commit["root"], "--count", 3, "--total", 80_800)
    assert cli("points", "verify", receipt, *given).code == 1


def test_a_forgotten_person_is_gone_and_the_root_stays(cli: Cli, made: tuple[Path, Ran]) -> None:
    leaves, committed = made
    done = cli("points", "forget", leaves, "--person", "u1", "--json")
    assert done.json == committed.json
    assert b"u1" not in leaves.read_bytes()
    assert stat.S_IMODE(leaves.stat().st_mode) == 0o600
    assert cli("points", "forget", leaves, "--person", "u1").code == 2


def test_a_leaf_file_that_others_can_read_is_refused(cli: Cli, made: tuple[Path, Ran]) -> None:
    made[0].chmod(0o644)
    done = cli("points", "receipt", made[0], "--person", "u1", "--out", "-")
    assert done.code == 2
    assert f"chmod 600 {made[0]}" in done.line


def test_a_file_that_is_there_is_not_overwritten(
    cli: Cli, tmp_path: Path, made: tuple[Path, Ran]
) -> None:
    before = made[0].read_bytes()
    done = cli("points", "commit", tmp_path / "rides.csv", "--out", made[0])
    assert (done.code, made[0].read_bytes()) == (2, before)
    assert "already there" in done.line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1"),
        ("person,act,amount\n", "line 1"),
        ("person,amount,act\n", "no amounts"),
        ("person,amount,act\nu1,1.5,walk\n", "line 2"),
        ("person,amount,act\nu1,+1,walk\n", "line 2"),
        ("person,amount,act\nu1,1\n", "line 2"),
        ("person,amount,act\nu1,1,\n", "line 2"),
        ("person,amount,act\nu1,1,a\u200eb\n", "line 2"),
        ('person,amount,act\nu1,1,"walk\n', "not CSV"),
        ("person,amount,act\nu1,9007199254740991,a\nu2,1,b\n", "total"),
    ],
)
def test_a_bad_csv_is_said_with_its_line(cli: Cli, tmp_path: Path, text: str, words: str) -> None:
    amounts = tmp_path / "a.csv"
    amounts.write_text(text, encoding="utf-8")
    done = cli("points", "commit", amounts, "--out", tmp_path / "a.leaves")
    assert done.code == 2
    assert words in done.line
    assert not (tmp_path / "a.leaves").exists()


def test_what_is_not_utf8_is_said(cli: Cli, tmp_path: Path) -> None:
    amounts = tmp_path / "a.csv"
    amounts.write_bytes(b"person,amount,act\n\xff,1,a\n")
    done = cli("points", "commit", amounts, "--out", tmp_path / "a.leaves")
    assert (done.code, "not UTF-8" in done.line) == (2, True)
