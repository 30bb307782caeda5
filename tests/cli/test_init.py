"""`tanbu init`, `state`, `audit`: a log opened by two hands, and what is refused on the way."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from registry.chain.note import parse_vkey
from registry.ledger.codec import parse_entry, parse_text
from registry.ledger.entries import Genesis
from registry.ledger.signing import missing_signers
from registry.verify.trust import parse_trust
from tests.cli.conftest import Cli, Ran, Service
from tests.cli.test_verify import write_trust
from tests.fakes import FakeRegistry


@pytest.fixture
def authority(cli: Cli, tmp_path: Path) -> Path:
    """The authority's key file, on the authority's machine."""
    path = tmp_path / "elsewhere" / "authority.key"
    assert cli("key", "new", "authority.test", "--out", path).code == 0
    return path


def draft(cli: Cli, data: Path, key: Path, changed: dict[str, str] | None = None) -> Ran:
    vkey = cli("key", "show", key).out.strip()
    given = {
        "region": "CN-GD",
        "origin-prefix": "cn-gd.example/log",
        "operator": "operator.test",
        "operator-title": "样例 SAMPLE operator",
        "authority": "authority.test",
        "authority-title": "样例 SAMPLE authority",
        "authority-key": vkey,
    } | (changed or {})
    words = [word for name, value in given.items() for word in (f"--{name}", value) if value]
    return cli("init", "--data", data, *words, "--json")


def test_a_log_is_opened_by_two_hands(cli: Cli, tmp_path: Path, authority: Path) -> None:
    data = tmp_path / "var"
    made = draft(cli, data, authority)
    assert made.code == 0, made.err
    path = Path(made.json["draft"])
    origin, entry = parse_text(path.read_bytes().rpartition(b"\n\n")[0] + b"\n")
    assert isinstance(entry, Genesis)
    assert (origin, made.json["origin"]) == (made.json["origin"], origin)
    assert origin.startswith("cn-gd.example/log/")
    assert len(origin.rpartition("/")[2]) == 8
    for key in (data / "keys").iterdir():
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    early = cli("init", "--data", data, "--genesis", path)
    assert (early.code, "lacks the signature of authority.test" in early.line) == (2, True)
    assert not (data / "tanbu.sqlite3").exists()
    signed = cli("entry", "sign", path, "--key", authority)
    assert (signed.code, missing_signers(path.read_bytes())) == (0, ())
    opened = cli("init", "--data", data, "--genesis", path, "--json")
    assert opened.code == 0, opened.err
    assert (opened.json["origin"], opened.json["size"]) == (origin, 1)
    trust = Path(opened.json["trust"])
    held = parse_trust([("a", trust.read_bytes())]).of(origin)
    assert [parse_vkey(k).name for k in held.authority_keys] == ["authority.test"]
    # The same again is no harm; another genesis is.
    assert cli("init", "--data", data, "--genesis", path).code == 0
    assert draft(cli, data, authority).code == 3
    audited = cli("audit", data, "--trust", data / "trust", "--workers", 1, "--json")
    assert (audited.code, audited.json["size"]) == (0, 1)
    shown = cli("state", "--data", data, "--json").json
    assert shown["root"] == audited.json["facts"]["state_root"]
    assert shown["count"] == audited.json["facts"]["state_count"]
    log = cli("state", "--data", data, "--key", "log", "--json").json["values"]["log"]
    assert log["origin"] == origin
    keys = cli("state", "--data", data, "--prefix", "key/")
    assert len(keys.out.splitlines()) == 3
    # One of the operator's two is there to sign refusal notes.
    answering = cli("key", "show", data / "keys" / "refusals.key").out.strip()
    assert answering in held.operator_keys
    assert [parse_vkey(k).name for k in held.operator_keys] == ["operator.test"] * 2
    assert answering in keys.out
    assert parse_entry(path.read_bytes()).entry == entry


def test_an_interrupted_draft_keeps_its_keys(cli: Cli, tmp_path: Path, authority: Path) -> None:
    data = tmp_path / "var"
    first = draft(cli, data, authority).json
    (data / "genesis.draft").unlink()
    assert draft(cli, data, authority).json["origin"] == first["origin"]
    (data / "genesis.draft").unlink()
    done = draft(cli, data, authority, {"origin-prefix": "other.example/log"})
    assert (done.code, "are those of cn-gd.example" in done.line) == (1, True)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"region": ""}, "a draft needs --region"),
        ({"authority-key": ""}, "a draft needs --authority-key"),
        ({"region": "Guangdong"}, "'Guangdong' — --region — such as CN-GD"),
        ({"operator": "nodot"}, "nodot"),
        ({"origin-prefix": "CN GD"}, "not the origin of a log"),
        ({"authority-key": "authority.test+00000000+AAAA"}, "key"),
        ({"authority": "bureau.test"}, "not an Ed25519 key of bureau.test"),
        ({"operator-title": "a\nb"}, "control character"),
    ],
)
def test_a_bad_draft_is_said(
    cli: Cli, tmp_path: Path, authority: Path, changed: dict[str, str], what: str
) -> None:
    done = draft(cli, tmp_path / "var", authority, changed)
    assert done.code == 2
    assert what in done.line
    assert not (tmp_path / "var").exists()


def test_a_genesis_signed_by_another_key_opens_nothing(
    cli: Cli, tmp_path: Path, authority: Path
) -> None:
    data = tmp_path / "var"
    path = Path(draft(cli, data, authority).json["draft"])
    cli("entry", "sign", path, "--key", authority)
    other = tmp_path / "other"
    other_path = Path(draft(cli, other, authority).json["draft"])
    cli("entry", "sign", other_path, "--key", authority)
    done = cli("init", "--data", data, "--genesis", other_path)
    assert (done.code, bool(done.line)) == (1, True)
    assert not (data / "tanbu.sqlite3").exists()


# ------------------------------------------------------------ upkeep


@pytest.fixture
def opened(cli: Cli, tmp_path: Path, authority: Path) -> Path:
    """A data directory with a log of one record."""
    data = tmp_path / "var"
    path = draft(cli, data, authority).json["draft"]
    cli("entry", "sign", path, "--key", authority)
    assert cli("init", "--data", data, "--genesis", path).code == 0
    return data


def test_a_rebuilt_state_is_the_same(cli: Cli, opened: Path) -> None:
    before = cli("state", "--data", opened, "--json").json
    made = cli("rebuild", "--data", opened, "--json")
    assert made.code == 0, made.err
    assert made.json == {**before, "differing": []}
    assert cli("state", "--data", opened, "--json").json == before
    for file in opened.glob("tanbu.sqlite3*"):
        file.unlink()
    again = cli("rebuild", "--data", opened, "--from-tiles", "--json")
    assert again.json == made.json


def test_a_changed_state_value_is_found_and_mended(cli: Cli, opened: Path) -> None:
    assert cli("fsck", "--data", opened, "--json").json["faults"] == []
    with closing(sqlite3.connect(opened / "tanbu.sqlite3")) as database, database:
        database.execute(
            "UPDATE state SET value = CAST(replace(CAST(value AS TEXT), 'CN-GD', 'CN-GX') AS BLOB)"
            " WHERE key = 'log'"
        )
    found = cli("fsck", "--data", opened, "--json")
    assert found.code == 1
    assert "log" in found.line
    assert len(found.json["faults"]) == 1
    audited = cli("audit", opened, "--workers", 1)
    assert (audited.code, "log" in audited.line) == (1, True)
    mended = cli("rebuild", "--data", opened)
    assert (mended.code, "old values were wrong at: log" in mended.err) == (1, True)
    assert cli("fsck", "--data", opened).code == 0


def test_upkeep_of_nothing_is_said(cli: Cli, tmp_path: Path) -> None:
    for name in ("rebuild", "fsck"):
        done = cli(name, "--data", tmp_path / "none")
        assert (done.code, bool(done.line)) == (3, True)


# ------------------------------------------------------------ audit


def tiles(directory: Path, registry: FakeRegistry) -> Path:
    """The published log as a directory of tiles."""
    for path, content in {**registry.tiles, "checkpoint": registry.checkpoint()}.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    return directory


def test_a_log_audits_by_url_and_as_a_directory(cli: Cli, tmp_path: Path, service: Service) -> None:
    trust = write_trust(tmp_path / "trust", service.registry)
    directory = tiles(tmp_path / "log", service.registry)
    given = ("--trust", trust, "--workers", 1, "--balances", "--json")
    by_url, by_tiles = (cli("audit", source, *given) for source in (service.url, directory))
    assert by_url.code == by_tiles.code == 0, by_url.err + by_tiles.err
    assert by_url.json == by_tiles.json
    (held,) = by_url.json["balances"].values()
    assert list(held.values()) == [{"free": 41_559, "retired": 0}]
    text = cli("audit", directory, "--workers", 1, "--lang", "zh")
    assert text.out.startswith("未核验：")
    assert "未提供信任根" in text.out


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000", "tile/entries/000"])
def test_one_changed_byte_gives_code_1_and_the_place(
    cli: Cli, tmp_path: Path, service: Service, name: str
) -> None:
    directory = tiles(tmp_path / "log", service.registry)
    (path,) = [p for p in directory.rglob("*") if p.is_file() and name in str(p)]
    good = path.read_bytes()
    for at in (0, len(good) // 3, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        done = cli("audit", directory, "--workers", 1)
        assert done.code == 1, (at, done.err)
        assert done.line
    path.unlink()
    assert cli("audit", directory, "--workers", 1).code == 3


def test_an_audit_of_nothing_could_not_check(cli: Cli, tmp_path: Path, free_port: int) -> None:
    shutil.rmtree(tmp_path / "none", ignore_errors=True)
    for source in (tmp_path / "none", tmp_path, f"http://127.0.0.1:{free_port}"):
        done = cli("audit", source, "--workers", 1)
        assert done.code == 3
        assert done.line


def test_state_of_nothing_is_said(cli: Cli, tmp_path: Path) -> None:
    done = cli("state", "--data", tmp_path)
    assert (done.code, "there is no log" in done.line) == (3, True)
    (tmp_path / "tanbu.sqlite3").write_bytes(b"no database at all" * 100)
    done = cli("state", "--data", tmp_path)
    assert (done.code, bool(done.line)) == (1, True)
