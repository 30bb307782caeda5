"""The guide for exchanges, run as it stands there, and a full file at real speed.

The service is a real one on a data directory. Changed are the port, which must be a free one here,
the exchange's name, and `tanbu`, which is this Python's.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from registry.chain.note import TYPE_ED25519
from registry.importing.trades.table import TRADES_MAX
from registry.signers.keyfile import PrivateKey, write_key_file
from tests.books import BATCH, Book, account_id, party_key
from tests.house import texts, tree
from tests.logs import Clock, make_log, publishing, take, writing
from tests.services import running

GUIDES = ("docs/guides/exchange.md", "docs/guides/exchange.zh-CN.md")
HEAD = "trade_id,date,from,to,batch,quantity_t,price_cny_per_t,mandate,reservation"


def page(name: str) -> texts.Page:
    return texts.read((tree.REPO / name).read_text(encoding="utf-8"))


def test_both_guides_have_the_same_commands() -> None:
    english, chinese = (page(name) for name in GUIDES)
    assert english.blocks == chinese.blocks
    assert english.levels == chinese.levels


class Place(NamedTuple):
    """A desk at a running service, and the index of the farm's mandate."""

    directory: Path
    port: int
    mandate: int

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        call = f'tanbu() {{ {shlex.quote(sys.executable)} -P -m registry.cli "$@"; }}\n'
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", call + script],
            cwd=self.directory,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(tree.REPO),
                "LC_ALL": "C.UTF-8",
                "SELLER": account_id("farm"),
                "BUYER": account_id("mill"),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    book = Book(now_ms=time.time_ns() // 1_000_000 - 60_000)
    clock = Clock(book.now_ms)
    data = make_log(tmp_path / "data", book, clock)
    with writing(data, clock) as writer:
        *_, last = take(writer, [*book.founding()[1:], book.mandate("exchange", "farm")])
    with publishing(data, clock) as publisher:
        publisher.step()
    for name in ("exchange", "farm"):
        key = party_key(name)
        write_key_file(tmp_path / f"{name}.key", PrivateKey(key.holder, TYPE_ED25519, key.seed))
    with running(data.root) as service:
        yield Place(tmp_path, service.port, last.index)


def test_the_guide_is_true(place: Place) -> None:
    blocks = [block.text for block in page(GUIDES[0]).blocks if block.language == "sh"]
    lines = "\n".join(blocks).replace(":8000", f":{place.port}")
    done = place.shell(lines.replace("exchange.cn-gd", "exchange.test"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 would be booked, 0 already booked, 0 refused" in done.stdout
    assert "2 booked, 0 already booked, 0 refused = 2 rows" in done.stdout
    assert "150 t free" in done.stdout
    assert "holdings.csv: holdings of " in done.stdout
    assert "1 the same, 0 different, 0 missing in the log, 0 missing in the file" in done.stdout
    assert "exchange.test has signed that it compared the holdings" in done.stdout
    assert f"{account_id('mill')},{BATCH},PHCER,2024,1000000,150000000,150000000,0" in done.stdout


def test_a_full_file_is_acknowledged(place: Place) -> None:
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600))
    seller, buyer = account_id("farm"), account_id("mill")
    rows = [
        f"T-{n},{today},{seller},{buyer},{BATCH},{1 + n % 40},23.99,{place.mandate},"
        for n in range(TRADES_MAX)
    ]
    (place.directory / "day.csv").write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
    url = f"--url http://127.0.0.1:{place.port}"
    begun = time.perf_counter()
    done = place.shell(f"tanbu submit day.csv --mapping trades --key exchange.key {url} --json")
    took = time.perf_counter() - begun
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["booked"] == TRADES_MAX
    print(f"{TRADES_MAX} trades: {took:.2f} s with the start of the command")
