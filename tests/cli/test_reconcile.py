"""`tanbu reconcile`: what differs is told and signed, and `tanbu verify` judges the signature."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from registry.chain.errors import Malformed
from registry.chain.note import TYPE_ED25519
from registry.ledger.reconciliation_note import (
    LINES_MAX,
    ReconciliationText,
    compare,
    parse_reconciliation,
    sign_reconciliation,
)
from registry.signers.keyfile import PrivateKey, write_key_file
from tests.books import BATCH, TONNE, account_id, party_key
from tests.cli.conftest import Cli, Service
from tests.cli.test_export import grown

__all__ = ["grown"]

KEY = party_key("exchange")
ORIGIN = "a.example/log/0badc0de"
FARM, MILL = account_id("farm"), account_id("mill")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "exchange.key"
    write_key_file(path, PrivateKey(KEY.holder, TYPE_ED25519, KEY.seed))
    return path


def of(here: dict[str, int], there: dict[str, int]) -> ReconciliationText:
    return compare(
        here, there, table="holdings", scope="book", size=7, root="1f" * 32, file_sha256="2e" * 32
    )


def test_our_own_export_is_the_same(cli: Cli, tmp_path: Path, grown: Service, key: Path) -> None:
    for table in ("holdings", "retirements"):
        mine, report = tmp_path / f"{table}.csv", tmp_path / f"{table}.report"
        assert cli("export", table, grown.url, "--workers", 1, "--out", mine).code == 0
        given = ("--key", key, "--out", report, "--workers", 1)
        done = cli("reconcile", table, mine, grown.url, *given, "--json")
        assert (done.code, done.err) == (0, "")
        said = done.json
        assert said["same"] == (2 if table == "holdings" else 1)
        assert said["here_g"] == said["there_g"] > 0
        assert said["file_sha256"] == sha256(mine.read_bytes()).hexdigest()
        assert said["size"] == len(grown.registry.records)


def test_each_difference_is_told_and_the_report_verifies(
    cli: Cli, tmp_path: Path, grown: Service, key: Path
) -> None:
    mapping, mine, report = tmp_path / "m.toml", tmp_path / "mine.csv", tmp_path / "day.report"
    mapping.write_text(
        'account = "会员"\nbatch = "产品"\n'
        'held = { column = "持仓", form = "comma", grams = 1_000_000 }\n'
        f'[accounts]\nM1 = "{MILL}"\n',
        encoding="utf-8",
    )
    other = BATCH[:-1] + "9"
    mine.write_text(f'会员,产品,持仓\nM1,{BATCH},99.5\nM1,{other},"1,000"\n', encoding="utf-8")
    given = (mine, grown.url, "--mapping", mapping, "--key", key, "--out", report, "--workers", 1)
    done = cli("reconcile", "holdings", *given)
    assert done.code == 1
    assert "0 the same, 1 different, 1 missing in the log, 1 missing in the file" in done.out
    assert f"{MILL}/{BATCH}: log 100 t, file 99.5 t" in done.out
    assert f"{MILL}/{other}: log - t, file 1,000 t" in done.out
    said = parse_reconciliation(report.read_bytes()).said
    assert (said.different, said.missing_here, said.missing_there) == (1, 1, 1)
    assert said.there_g == 1_099_500_000

    good = cli("verify", report, "--party-key", KEY.vkey, "--lang", "zh")
    assert (good.code, good.err) == (0, "")
    assert "不同 1，账本中缺少 1，文件中缺少 1" in good.out
    assert cli("verify", report).code == 3
    assert cli("verify", report, "--party-key", party_key("operator").vkey).code == 1
    assert cli("verify", report, "--party-key", KEY.vkey, "--operator-key", KEY.vkey).code == 2
    forged = tmp_path / "forged.report"
    forged.write_bytes(report.read_bytes().replace(b"99500000", b"99600000"))
    assert cli("verify", forged, "--party-key", KEY.vkey).code == 1

    scoped = cli("reconcile", "holdings", *given[:-4], "--out", tmp_path / "b", "--workers", 1,
                 "--scope", "file", "--json")  # fmt: skip
    assert (scoped.code, scoped.json["missing_there"]) == (1, 0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("account,batch\n", "held_g"),
        (f"account,batch,held_g\n{FARM},{BATCH},-1\n", "row 2"),
        (f"account,batch,held_g\n{FARM},{BATCH},1\n{FARM},{BATCH},1\n", "twice"),
        (f"account,batch,held_g\n{FARM},{BATCH}\n", "2 fields"),
        (f"account,batch,held_g\nM1,{BATCH},1\n", "no account"),
    ],
)
def test_a_table_that_is_not_of_the_form_makes_no_report(
    cli: Cli, tmp_path: Path, key: Path, text: str, why: str
) -> None:
    mine, report = tmp_path / "mine.csv", tmp_path / "r"
    mine.write_text(text, encoding="utf-8")
    done = cli("reconcile", "holdings", mine, tmp_path, "--key", key, "--out", report)
    assert (done.code, why in done.line, report.exists()) == (2, True, False)


def test_more_differences_than_lines_are_all_counted() -> None:
    said = of({f"a/{n:05}": TONNE for n in range(LINES_MAX + 5)}, {"a/00000": TONNE})
    assert (said.same, said.missing_there, len(said.lines)) == (1, LINES_MAX + 4, LINES_MAX)
    signed = parse_reconciliation(sign_reconciliation(ORIGIN, said, KEY))
    assert (signed.said, signed.signer) == (said, KEY.signer)


@pytest.mark.parametrize(
    "changed",
    [
        (b"reconciliation/v1", b"reconciliation/v2"),
        (b'"different":1', b'"different":2'),
        (b'"there_g":1}', b'"there_g":2}'),
        (b'"size":7', b'"size":0'),
        (b'"key":"a/b"', b'"key":"a,b"'),
        (b'"scope"', b'"scopf"'),
        (b'"same":0', b'"same": 0'),
    ],
)
def test_what_is_not_of_the_form_is_malformed(changed: tuple[bytes, bytes]) -> None:
    note = sign_reconciliation(ORIGIN, of({"a/b": 2}, {"a/b": 1}), KEY)
    assert changed[0] in note
    with pytest.raises(Malformed):
        parse_reconciliation(note.replace(*changed, 1))
