"""`tanbu profile`, and what a profile does for `tanbu init` and `tanbu entry new rulebook`."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.cli.profile import shipped_names
from registry.ledger.apply import apply, verify_here
from registry.ledger.codec import Parsed, parse_entry
from registry.ledger.entries import Genesis, Rulebook
from registry.ledger.state import MemoryState, State
from registry.signers.keyfile import read_key_file
from tests.cli.conftest import Cli, Service

GOOD = Path(__file__).resolve().parents[2] / "registry" / "profiles" / "cn-hb.toml"


@pytest.fixture
def authority(cli: Cli, tmp_path: Path) -> Path:
    path = tmp_path / "authority.key"
    assert cli("key", "new", "authority.test", "--out", path).code == 0
    return path


def test_the_profiles_are_listed_in_two_languages(cli: Cli) -> None:
    english, chinese = cli("profile", "names"), cli("profile", "names", "--lang", "zh")
    assert (english.code, len(english.out.splitlines())) == (0, len(shipped_names()))
    assert "Shenzhen" in english.out
    assert "深圳市" in chinese.out
    shown = cli("profile", "names", "--json").json
    assert {"profile": "cn-sz", "region": "CN-440300"}.items() <= shown[-1].items()


def test_a_profile_is_shown_with_its_grounds(cli: Cli) -> None:
    shown = cli("profile", "show", "cn-hb")
    assert shown.code == 0
    assert "points_ratio_num: 1 (g)" in shown.out
    assert "check the official text before relying on it" in shown.out
    assert shown.out.rstrip().splitlines()[-1].startswith("open, a default stands: programs, ")
    data = cli("profile", "show", "cn-hb", "--json").json
    assert data["values"]["points_ratio_num"]["read"] == "reported"
    assert set(data["open"]) | set(data["check"]) == set(data["values"])
    assert "引用前请核对官方文本" in cli("profile", "show", "cn-hb", "--lang", "zh").out


def test_a_broken_profile_of_ones_own_is_refused(cli: Cli, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    text = GOOD.read_text(encoding="utf-8")
    assert cli("profile", "show", "cn-hb", "--toml").out == text
    mine.write_text(text, encoding="utf-8")
    assert cli("profile", "show", mine).code == 0
    mine.write_text(text.replace('source = "court"', 'source = "hearsay"', 1), encoding="utf-8")
    done = cli("profile", "show", mine)
    number = text[: text.index('source = "court"')].count("\n") + 1
    assert done.code == 2
    assert f"{mine}, line {number}" in done.line
    assert "[sources] has no hearsay" in done.line
    missing = cli("profile", "show", tmp_path / "none.toml")
    assert missing.code in (2, 3)
    unknown = cli("profile", "show", "cn-xx")
    assert (unknown.code, "cn-bj, cn-cq" in unknown.line) == (2, True)


def entries_of(*paths: Path) -> list[Parsed]:
    return [parse_entry(path.read_bytes()) for path in paths]


def words_of(cli: Cli, data: Path, key: Path, *more: str) -> list[object]:
    vkey = cli("key", "show", key).out.strip()
    return [
        "init", "--data", data, "--origin-prefix", "cn-sh.example/log",
        "--operator", "operator.test", "--operator-title", "样例 SAMPLE operator",
        "--authority", "authority.test", "--authority-title", "样例 SAMPLE authority",
        "--authority-key", vkey, *more,
    ]  # fmt: skip


def test_a_log_begins_with_the_profile_of_its_region(
    cli: Cli, tmp_path: Path, authority: Path
) -> None:
    data = tmp_path / "var"
    made = cli(*words_of(cli, data, authority, "--profile", "cn-sh", "--json"))
    assert made.code == 0, made.err
    assert "offset_cap_num" in made.json["open"]
    drafts = [Path(made.json[name]) for name in ("draft", "rulebook")]
    for path in drafts:
        assert cli("entry", "sign", path, "--key", authority).code == 0
    genesis, rulebook = entries_of(*drafts)
    assert isinstance(genesis.entry, Genesis)
    assert (genesis.entry.region, genesis.entry.offset_min) == ("CN-SH", 480)
    assert isinstance(rulebook.entry, Rulebook)
    # In force from the last moment at which it can be recorded: it is never retroactive.
    assert rulebook.entry.effective_from_ms == rulebook.entry.not_after
    state = State(MemoryState())
    now_ms = rulebook.entry.not_after - 1
    for index, entry in enumerate((genesis, rulebook)):
        refusal = apply(state, entry, index=index, time_ms=now_ms, verify=verify_here)
        assert refusal is None, refusal
    shown = cli("profile", "show", "cn-sh", "--json").json
    assert rulebook.entry.source.sha256 == shown["sha256"]
    assert cli("init", "--data", data, "--genesis", drafts[0]).code == 0


def test_a_profile_is_of_one_region(cli: Cli, tmp_path: Path, authority: Path) -> None:
    data = tmp_path / "var"
    words = words_of(cli, data, authority, "--profile", "cn-sh", "--region", "CN-GD")
    done = cli(*words)
    assert (done.code, "is of CN-SH, not of CN-GD" in done.line) == (2, True)
    assert not (data / "genesis.draft").exists()
    without = cli(*words_of(cli, tmp_path / "plain", authority, "--region", "CN-GD", "--json"))
    assert without.code == 0
    assert "rulebook" not in without.json
    assert not (tmp_path / "plain" / "rulebook.draft").exists()


def test_a_rulebook_is_drafted_from_a_profile(
    cli: Cli, tmp_path: Path, authority: Path, service: Service
) -> None:
    signer = read_key_file(authority).name
    assert signer == "authority.test"
    out = tmp_path / "rulebook.draft"
    words = ["entry", "new", "rulebook", "--profile", "cn-bj", "--url", service.url]
    words += ["--signer", str(authority), "--days", "3", "--out", str(out)]
    changed = cli(*words, "--set", "values.offset_cap_num=4")
    assert (changed.code, "the values are not those of cn-bj" in changed.line) == (2, True)
    done = cli(*words, "--set", "version=2")
    assert done.code == 0, done.err
    assert "open, a default stands: programs, " in done.err
    assert cli("entry", "sign", out, "--key", authority).code == 0
    (parsed,) = entries_of(out)
    assert isinstance(parsed.entry, Rulebook)
    assert parsed.entry.version == 2
    assert parsed.entry.values["offset_cap_num"] == 5
    assert parsed.entry.values["offset_cap_den"] == 100
    law = ["--set", "source.title=The law", "--set", f"source.sha256={'ab' * 32}"]
    set_anew = ["--set", "values.offset_cap_num=4", "--out", str(tmp_path / "other.draft")]
    assert cli(*words[:-2], *law, *set_anew).code == 0
    other = cli("entry", "new", "party", "--profile", "cn-bj", "--signer", authority)
    assert (other.code, "makes a rulebook and nothing else" in other.line) == (2, True)
