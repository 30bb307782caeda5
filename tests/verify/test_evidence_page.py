"""The examples of docs/spec/evidence.md are those of the files beside the tests, and these hold."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from registry.ledger.entries import KINDS
from registry.verify import evidence, trust
from registry.verify.trust import parse_trust
from registry.verify.verifier import TITLES
from tests.verify.twin import verify

REPO = Path(__file__).resolve().parent.parent.parent
PAGE = (REPO / "docs" / "spec" / "evidence.md").read_text(encoding="utf-8")
VECTORS = REPO / "tests" / "vectors" / "verify"
FILE = (VECTORS / "evidence.json").read_bytes()
TRUST = (VECTORS / "trust.json").read_bytes()
EXAMPLES: dict[str, str] = dict(
    re.findall(r"^```text (\S+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
)


def test_every_example_is_looked_at() -> None:
    wanted = {"begin", "end", "digest", "checkpoint", "record", "proof", "trust"}
    assert set(EXAMPLES) == wanted


def test_the_file_is_the_one_of_the_page() -> None:
    parsed = evidence.parse_evidence(FILE)
    shown = dict(re.split(" {2,}", line) for line in EXAMPLES["digest"].splitlines())
    assert int(shown["bytes"]) == len(FILE)
    assert shown["sha256"] == sha256(FILE).hexdigest()
    assert shown["indexes"] == " ".join(str(held.read.index) for held in parsed.records)
    assert FILE.startswith(EXAMPLES["begin"].rstrip("\n").encode())
    assert FILE.endswith(EXAMPLES["end"].rstrip("\n").encode())
    assert parsed.text == EXAMPLES["checkpoint"].encode()
    assert parsed.records[-1].data == EXAMPLES["record"].encode()
    proof = [evidence.format_base64(value) for value in parsed.records[-1].proof]
    assert proof == EXAMPLES["proof"].split()
    assert TRUST.startswith(EXAMPLES["trust"].encode())


def test_the_file_is_good_by_the_trust_beside_it() -> None:
    report = verify(FILE, parse_trust([("trust.json", TRUST)]))
    assert report.facts["certificate"] == "CN-GD-R-0badc0de-27"
    assert report.facts["quantity_g"] == 30_000_000


def test_the_page_names_every_step_kind_and_limit() -> None:
    for number, title in TITLES.items():
        assert f"| {number} {title.en} |" in PAGE
    for kind in KINDS:
        assert PAGE.count(kind) >= 2, kind
    for limit in (
        evidence.EVIDENCE_BYTES_MAX,
        evidence.RECORDS_MAX,
        evidence.COSIGNERS_MAX,
        trust.FILE_BYTES_MAX,
        trust.LOGS_MAX,
    ):
        assert f"{limit:,}" in PAGE
