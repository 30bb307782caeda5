"""`tanbu import`: dry runs, bad input in one line, a takeover over HTTP, and going on after."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from registry.chain.note import TYPE_ED25519
from registry.ledger.codec import parse_record
from registry.ledger.invariants import grams_by_status, violations
from registry.signers.keyfile import PrivateKey, write_key_file
from tests import books
from tests.cli.conftest import Cli, Service
from tests.importing import tables as t
from tests.importing.test_match import block, issue, use

ACCOUNT = books.account_id("exchange")
"""Enrolled by the founding book, and without credits there."""
BLOCK_ROWS = [
    block(1, 9),
    block(10, 19, "2022-02-02", "used", "offset"),
    block(20, 24, "2022-02-02", "void", project="Q"),
    block(20, 25, project="R"),
]


@pytest.fixture
def book(tmp_path: Path) -> list[Path]:
    """Give a mapping and a table of blocks: three rows good, of which one overlaps the fourth."""
    mapping, blocks = tmp_path / "sample.toml", tmp_path / "blocks.csv"
    mapping.write_text(t.BLOCKS)
    blocks.write_bytes(t.table(t.BLOCK_COLUMNS, *BLOCK_ROWS))
    return [mapping, blocks]


@pytest.fixture
def keys(tmp_path: Path) -> list[object]:
    """Give the options for operator's and authority's key files."""
    words: list[object] = []
    for name in ("operator", "authority"):
        path = tmp_path / f"{name}.key"
        key = books.party_key(name)
        write_key_file(path, PrivateKey(key.holder, TYPE_ED25519, key.seed))
        words += ["--key", path]
    return words


def let_in(service: Service, *programs: str) -> None:
    registry = service.registry
    registry.take([registry.book.rulebook(2, programs=("PHCER", *programs))])


def opened(service: Service) -> list[str]:
    """The kinds of all entries that are openings, as batch names would be listed."""
    return [
        record.note.decode().split('"batch":"')[1].split('"')[0]
        for record in map(parse_record, service.registry.records)
        if b'"kind":"opening"' in record.note
    ]


# --- without a service ---


def test_a_dry_run_needs_no_service_no_key_and_no_account(cli: Cli, book: list[Path]) -> None:
    ran = cli("import", *book, "--dry-run", "--url", "http://127.0.0.1:1")
    assert (ran.code, ran.err) == (0, "")
    assert f"{book[1]} [blocks]: 2 taken + 2 left = 4 read" in ran.out
    assert "rows: 2 taken + 2 left = 4 read" in ran.out
    assert f"left: {book[1]} row 4: its serials overlap those of row 5 of {book[1]}" in ran.out
    assert "9000000 =              9000000  (9 t)" in ran.out
    assert "dry run: nothing was submitted" in ran.out


def test_a_dry_run_in_json_and_in_chinese(cli: Cli, book: list[Path]) -> None:
    found = cli("import", *book, "--dry-run", "--json").json
    assert found["rows"] == {"read": 4, "taken": 2, "left": 2}
    assert found["grams"]["retired"] == {"source": 10_000_000, "log": 10_000_000}
    assert [row["row"] for row in found["left"]] == [4, 5]
    assert "接管 2 + 未接管 2 = 读入 4" in cli("import", *book, "--dry-run", "--lang", "zh").out


def test_the_report_holds_the_names_and_is_private(
    cli: Cli, book: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    assert cli("import", *book, "--dry-run", "--report", path, "--region", "CN-GD").code == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["taken"] for line in lines] == [True, True, False, False]
    assert lines[1]["batches"] == [
        {"batch": "CN-GD-SMP-2020-000001", "first": 10, "last": 19, "status": "retired"}
    ]
    assert lines[1]["source"]["Beneficiary"] == "Someone"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert cli("import", *book, "--dry-run", "--report", path).code == 2


@pytest.mark.parametrize("name", ["acr", "art", "isometric", "verra"])
def test_the_shipped_mappings_are_found_by_name(cli: Cli, book: list[Path], name: str) -> None:
    ran = cli("import", name, book[1], "--dry-run")
    assert ran.code == 2
    assert "no table of the mapping" in ran.line


# words changed in the mapping or the table, and the words of the error
BAD = [
    ("mapping", 'program = "SMP"', 'programm = "SMP"', "sample.toml, line 3"),
    ("mapping", "[tables", "[[[tables", "not TOML"),
    ("table", "Serial", "Seriell", "no table of the mapping 'sample' has these columns"),
    ("table", "Year", "Jahr", "column 'Year' is missing from the header"),
    ("table", "Someone", 'Some"one', "row 2"),
    ("table", "Project", "\ufeffProject", "byte order mark"),
]


@pytest.mark.parametrize(("which", "old", "new", "words"), BAD)
def test_bad_input_is_one_line(
    cli: Cli, book: list[Path], which: str, old: str, new: str, words: str
) -> None:
    path = book[0] if which == "mapping" else book[1]
    path.write_text(path.read_text().replace(old, new, 1))
    ran = cli("import", *book, "--dry-run")
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.line
    assert path.name in ran.line


def test_files_that_are_not_there_or_not_text(cli: Cli, book: list[Path], tmp_path: Path) -> None:
    assert "No such file" in cli("import", book[0], tmp_path / "gone.csv", "--dry-run").line
    assert "no mapping 'vera'" in cli("import", "vera", book[1], "--dry-run").line
    gbk = tmp_path / "gbk.csv"
    gbk.write_bytes(",".join(t.BLOCK_COLUMNS).encode() + "\n项目,1\n".encode("gbk"))
    ran = cli("import", book[0], gbk, "--dry-run")
    assert ran.code == 2
    assert "row 2" in ran.line
    assert "gb18030" in ran.line
    empty = tmp_path / "empty.csv"
    empty.touch()
    assert "the file is empty" in cli("import", book[0], empty, "--dry-run").line
    assert cli("import", book[0], tmp_path, "--dry-run").code == 2
    assert cli("import", *book, book[1], "--dry-run").line.count("the same bytes") == 1


def test_options_that_do_not_fit(cli: Cli, book: list[Path], keys: list[object]) -> None:
    assert "--region" in cli("import", *book, "--dry-run", "--region", "Guangdong").line
    assert "--account" in cli("import", *book, "--dry-run", "--account", "a-1").line
    assert "--account" in cli("import", *book, *keys).line
    assert "--drafts" in cli("import", *book, "--account", ACCOUNT, "--signer", "a.b+01234567").line
    ran = cli("import", *book, "--account", ACCOUNT, *keys, "--url", "http://127.0.0.1:1")
    assert ran.code == 3


# --- into a log ---


def test_a_book_is_taken_over_and_the_totals_agree(
    cli: Cli, service: Service, book: list[Path], keys: list[object]
) -> None:
    let_in(service, "SMP")
    before = grams_by_status(service.registry.base)
    words = ["import", *book, "--account", ACCOUNT, *keys, "--url", service.url]
    ran = cli(*words)
    assert ran.code == 0, ran.err
    assert "source = log" in ran.out
    after = grams_by_status(service.registry.base)
    assert {s: after[s] - before[s] for s in after if after[s] != before[s]} == {
        "free": 9_000_000,
        "retired": 10_000_000,
    }
    assert list(violations(service.registry.base)) == []
    again = cli(*words, "--json")
    assert again.code == 0
    assert again.json["batches"] == {"new": 0, "already_in_log": 1, "with_serials_assigned": 0}
    assert again.json["grams"]["free"] == {"source": 9_000_000, "log": 9_000_000}
    assert opened(service) == ["CN-GD-SMP-2020-000001"]


def test_a_refusal_stops_and_the_next_run_goes_on(
    cli: Cli, service: Service, tmp_path: Path, keys: list[object]
) -> None:
    mapping, issued, used = tmp_path / "m.toml", tmp_path / "i.csv", tmp_path / "u.csv"
    mapping.write_text(t.ISSUES)
    rows = [issue(10, project=f"P{n}") for n in range(30)]
    issued.write_bytes(t.table(t.ISSUE_COLUMNS, *rows))
    used.write_bytes(t.table(t.USE_COLUMNS, use(1, 5, project="P7"), use(8, 9, project="Z")))
    words = ["import", mapping, issued, used, "--account", ACCOUNT, *keys, "--url", service.url]
    refused = cli(*words)
    assert refused.code == 1
    assert "batch_name" in refused.line
    assert "0 openings are in the log" in refused.err
    assert opened(service) == []
    let_in(service, "SMP")
    done = cli(*words, "--json")
    assert done.code == 0, done.err
    assert done.json["uses"] == {"taken": 2, "without_issuance": 1, "drawn": 0}
    assert len(opened(service)) == 31


def test_drafts_are_signed_elsewhere_and_submitted(
    cli: Cli, service: Service, book: list[Path], keys: list[object], tmp_path: Path
) -> None:
    let_in(service, "SMP")
    directory = tmp_path / "drafts"
    authority = books.party_key("authority").signer
    ran = cli(
        "import", *book, "--account", ACCOUNT, *keys[:2], "--signer", authority,
        "--drafts", directory, "--url", service.url,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    (draft,) = directory.iterdir()
    assert draft.name == "CN-GD-SMP-2020-000001.draft"
    assert cli("entry", "check", draft).code == 1
    assert cli("entry", "sign", draft, *keys[2:]).code == 0
    assert cli("submit", draft, "--url", service.url).code == 0
    assert opened(service) == ["CN-GD-SMP-2020-000001"]


def test_an_account_that_is_not_there(
    cli: Cli, service: Service, book: list[Path], keys: list[object]
) -> None:
    ran = cli(
        "import", *book, "--account", "a-" + "c" * 26, *keys, "--url", service.url
    )  # fmt: skip
    assert ran.code == 3
    assert "a-cccc" in ran.line
