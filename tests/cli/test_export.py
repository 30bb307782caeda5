"""`tanbu export`: the tables of a log, by URL and directory, as of a size."""

from __future__ import annotations

import csv
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest

from registry.ledger.invariants import grams_by_status
from tests.books import TONNE
from tests.cli.conftest import Cli, Service
from tests.cli.test_init import tiles
from tests.cli.test_verify import write_trust


@pytest.fixture
def grown(service: Service) -> Service:
    """With a transfer and a retirement."""
    book = service.registry.book
    service.registry.take([book.transfer("farm", "mill", quantity_g=100 * TONNE)])
    service.registry.take([book.retirement("farm", 1_001, 1_030)])
    service.registry.publish()
    return service


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


def test_a_url_and_a_directory_give_the_same_bytes(
    cli: Cli, tmp_path: Path, grown: Service
) -> None:
    trust = write_trust(tmp_path / "trust", grown.registry)
    directory = tiles(tmp_path / "log", grown.registry)
    totals = grams_by_status(grown.registry.base)
    for table, column, wanted in (
        ("holdings", "held_g", totals["free"]),
        ("holdings", "retired_g", totals["retired"]),
        ("retirements", "quantity_g", totals["retired"]),
    ):
        given = ("--trust", trust, "--workers", 1)
        by_url, by_tiles = (
            cli("export", table, source, *given) for source in (grown.url, directory)
        )
        assert by_url.code == by_tiles.code == 0, by_url.err + by_tiles.err
        assert by_url.out == by_tiles.out
        assert f"as of size {len(grown.registry.records)}, root " in by_url.err
        assert sum(int(row[column]) for row in rows(by_url.out)) == wanted


def test_a_file_is_written_once_and_named_by_its_hash(
    cli: Cli, tmp_path: Path, grown: Service
) -> None:
    out = tmp_path / "r.csv"
    words = ("export", "retirements", grown.url, "--workers", 1, "--out", out, "--json")
    done = cli(*words)
    assert done.code == 0, done.err
    data = out.read_bytes()
    assert done.json["file_sha256"] == sha256(data).hexdigest()
    assert (done.json["size"], done.json["table"]) == (len(grown.registry.records), "retirements")
    (row,) = rows(data.decode())
    assert row["certificate"].endswith(f"-{row['index']}")
    assert row["items"].endswith(":1001-1030")
    assert cli(*words).code == 2
    assert out.read_bytes() == data


def test_as_of_an_earlier_size_and_not_of_a_later_one(cli: Cli, grown: Service) -> None:
    size = len(grown.registry.records)
    given = ("--workers", 1, "--size")
    before = cli("export", "retirements", grown.url, *given, size - 1)
    assert (before.code, rows(before.out)) == (0, [])
    assert f"规模 {size - 2}" in cli(
        "export", "holdings", grown.url, *given, size - 2, "--lang", "zh"
    ).err  # fmt: skip
    later = cli("export", "holdings", grown.url, *given, size + 1)
    assert (later.code, "--size" in later.line) == (2, True)


def test_a_log_with_a_fault_exports_nothing(cli: Cli, tmp_path: Path, grown: Service) -> None:
    directory = tiles(tmp_path / "log", grown.registry)
    (bundle,) = [p for p in directory.rglob("*") if p.is_file() and "entries" in str(p)]
    data = bundle.read_bytes()
    bundle.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    out = tmp_path / "h.csv"
    done = cli("export", "holdings", directory, "--workers", 1, "--out", out)
    assert (done.code, out.exists()) == (1, False)
