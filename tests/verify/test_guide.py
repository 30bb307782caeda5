"""The guide for verifiers and auditors, run as it stands there.

Changed are the port, which must be a free one here, `tanbu` and `python`, which are this Python's.
The URL is served by a plain web server over the tiles: a published log needs no more.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from registry.ledger import entries as e
from registry.ledger.invariants import INVARIANTS
from registry.ledger.people import (
    Leaf,
    LeafFile,
    commit_of,
    format_opening,
    format_receipt,
    obligor_commit,
    receipt_for,
)
from registry.ledger.refusal_note import RefusalText, sign_refusal, text_sha256
from registry.verify.trust import file_name, format_trust
from tests.books import BATCH, ORIGIN, T0, TONNE, Book, Obligor, party_key
from tests.freezes import freeze_of_nobody
from tests.house import texts, tree
from tests.logs import make_book
from tests.verify.logs import MemoryLog, entry_of, log_trust

GUIDES = ("docs/guides/verify.md", "docs/guides/verify.zh-CN.md")
SALT = "5a" * 32
LEAVES = tuple(
    Leaf(amount=1_000, person=f"rider-{n}", act=f"ride {n}", salt=f"{n:064x}") for n in range(10)
)


def page(name: str) -> texts.Page:
    return texts.read((tree.REPO / name).read_text(encoding="utf-8"))


def test_both_guides_have_the_same_commands() -> None:
    english, chinese = (page(name) for name in GUIDES)
    assert english.blocks == chinese.blocks
    assert english.levels == chinese.levels


def story() -> MemoryLog:
    """A log with a retirement for an order of a hidden obligor, and points that were spent."""
    book = Book()
    commit = commit_of(LEAVES)
    obligor = Obligor(commit=obligor_commit(SALT, "SAMPLE person", "X1"))
    spent = entry_of(book.redemption(commit.total))
    fields = {n: getattr(spent, n) for n in spent.__struct_fields__ if n != "signers"}
    return MemoryLog(
        book,
        [
            *book.founding(),
            book.order(obligors=(obligor,)),
            book.points_scheme(),
            book.to_points("farm", TONNE),
            book.note(
                e.Redemption,
                party_key("points"),
                party_key("platform"),
                **{**fields, "commit": commit},
            ),
            book.retirement("farm", 101, 130, purpose="remediation", ref="ORDER-1"),
        ],
    )


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A desk with all that the guide speaks of."""
    log = story()
    shutil.copy(tree.REPO / "tools" / "verify.py", tmp_path)
    (tmp_path / "evidence.json").write_bytes(log.evidence(log.size - 1))
    (tmp_path / "total.json").write_bytes(log.evidence(log.size - 2))
    file = LeafFile(unit="points", leaves=LEAVES)
    (tmp_path / "mine.receipt").write_bytes(format_receipt(receipt_for(file, "rider-3")))
    (tmp_path / "obligor.opening").write_bytes(format_opening(SALT, "SAMPLE person", "X1"))
    (tmp_path / "trust").mkdir()
    operator = party_key("operator")
    trust = structs.replace(log_trust(log.book), operator_keys=(operator.vkey,))
    (tmp_path / "trust" / file_name(ORIGIN)).write_bytes(format_trust(trust))
    freeze = freeze_of_nobody(log.book)
    (tmp_path / "freeze.note").write_bytes(freeze)
    said = RefusalText(number=312, size=log.size, text_sha256=text_sha256(freeze), time_ms=T0)
    (tmp_path / "freeze.refusal").write_bytes(sign_refusal(ORIGIN, said, operator))
    book = Book()
    make_book(tmp_path / "data", book, book.walk())
    shutil.copytree(tmp_path / "data" / "tiles", tmp_path / "tiles")
    return tmp_path


@pytest.fixture
def port(desk: Path) -> Iterator[int]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(desk / "tiles"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def shell(desk: Path, script: str) -> subprocess.CompletedProcess[str]:
    python = shlex.quote(sys.executable)
    call = f'tanbu() {{ {python} -P -m registry.cli "$@"; }}\npython() {{ {python} -I "$@"; }}\n'
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", call + script],
        cwd=desk,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tree.REPO), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_guide_is_true(desk: Path, port: int) -> None:
    blocks = [block.text for block in page(GUIDES[0]).blocks if block.language == "sh"]
    script = "\n".join(blocks).replace(":8000", f":{port}")
    done = shell(desk, script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("30 t of CO2 equivalent") == 4
    assert done.stdout.count("30 吨二氧化碳当量") == 1
    assert done.stdout.count("obligor 0 of the order is SAMPLE person") == 2
    assert "Refusal 312 unknown_account" in done.stdout
    assert done.stdout.count(f"{len(INVARIANTS)} invariants hold") == 3
    verdict = json.loads((desk / "verdict.json").read_text(encoding="utf-8"))
    assert verdict["exit"] == 0
    assert verdict["facts"]["items"][0]["batch"] == BATCH


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("tanbu verify bent.json --trust trust", 1),
        ("tanbu verify mine.receipt --trust trust", 2),
        ("tanbu verify evidence.json --trust other", 3),
        ("tanbu verify none.json --trust trust", 2),
        ("python verify.py bent.json --trust trust", 1),
        ("python verify.py mine.receipt --trust trust", 2),
        ("python verify.py evidence.json --trust other", 3),
        ("tanbu verify freeze.refusal --trust trust --entry mine.receipt", 2),
        ("tanbu verify freeze.refusal --trust other", 3),
        ("tanbu audit bent --trust trust", 1),
        ("tanbu audit short --trust trust", 3),
        ("tanbu audit tiles --trust other", 3),
    ],
)
def test_exit_codes_are_those_of_the_guide(desk: Path, command: str, code: int) -> None:
    data = (desk / "evidence.json").read_bytes()
    at = data.index(b'"record":"') + 200
    (desk / "bent.json").write_bytes(
        data[:at] + (b"A" if data[at] != 65 else b"B") + data[at + 1 :]
    )
    other = Book("other.invalid/log/00000000")
    (desk / "other").mkdir()
    (desk / "other" / "a.json").write_bytes(format_trust(log_trust(other)))
    for name in ("bent", "short"):
        shutil.copytree(desk / "tiles", desk / name)
    bundle = desk / "bent" / "tile" / "entries" / "000.p" / "38"
    records = bytearray(bundle.read_bytes())
    records[3_000] ^= 1
    bundle.write_bytes(bytes(records))
    (desk / "short" / "tile" / "entries" / "000.p" / "38").unlink()
    done = shell(desk, command)
    assert done.returncode == code, done.stdout + done.stderr
    assert len((done.stderr or done.stdout).strip().splitlines()) <= 2
    assert "Traceback" not in done.stderr
