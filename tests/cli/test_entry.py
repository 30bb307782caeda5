"""`tanbu key`, `tanbu entry`, `tanbu submit`, `tanbu balance`: from a key to a receipt."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44, parse_vkey
from registry.ledger.codec import parse_entry, parse_text
from registry.ledger.entries import KINDS, Account, Retirement
from registry.signers.keyfile import PrivateKey, write_key_file
from tests.books import BATCH, COUNT, ORIGIN, TONNE, account_id, party_key, party_name, seed
from tests.cli.conftest import Cli, Service


def key_file(directory: Path, name: str) -> Path:
    """The private key file of a party of the test book."""
    path = directory / f"{name}.key"
    if not path.exists():
        key = party_key(name)
        write_key_file(path, PrivateKey(key.holder, TYPE_ED25519, key.seed))
    return path


# ------------------------------------------------------------ keys


def test_a_new_key_is_private_and_its_public_half_is_shown(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    made = cli("key", "new", "authority.test", "--out", path)
    assert made.code == 0
    assert parse_vkey(made.out.strip()).name == "authority.test"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert cli("key", "show", path).out == made.out
    again = cli("key", "new", "authority.test", "--out", path)
    assert (again.code, "never replaced" in again.line) == (3, True)


def test_a_key_of_a_new_account_names_the_account(cli: Cli, tmp_path: Path) -> None:
    made = cli("key", "new", "account", "--out", tmp_path / "a.key", "--json")
    assert msgspec.convert(made.json["name"], type=str).startswith("a-")
    assert len(made.json["name"]) == 28


@pytest.mark.parametrize("name", ["Authority.test", "nodot", "a b.c", ""])
def test_a_bad_name_is_said(cli: Cli, tmp_path: Path, name: str) -> None:
    done = cli("key", "new", name, "--out", tmp_path / "a.key")
    assert (done.code, "not the name of a party" in done.line) == (2, True)


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_a_world_readable_key_is_refused(cli: Cli, tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, "farm")
    path.chmod(mode)
    done = cli("key", "show", path)
    assert done.code == 2
    assert f"chmod 600 {path}" in done.line


def test_a_missing_key_is_said(cli: Cli, tmp_path: Path) -> None:
    done = cli("key", "show", tmp_path / "none.key")
    assert (done.code, "there is no key file" in done.line) == (3, True)


# ------------------------------------------------------------ drafting


def test_a_draft_goes_from_hand_to_hand_until_it_is_complete(
    cli: Cli, tmp_path: Path, service: Service
) -> None:
    keys = [key_file(tmp_path, name) for name in ("operator", "mill")]
    out = tmp_path / "account.draft"
    made = cli(
        "entry", "new", "account", "--url", service.url, "--out", out, "--json",
        "--signer", keys[0], "--signer", party_key("mill").vkey,
        "--set", f"owner={party_name('mill')}", "--set", "type=institution",
        "--set", "accept=any", "--set", "need=1",
    )  # fmt: skip
    assert made.code == 0
    assert made.json["missing"] == sorted(party_key(n).signer for n in ("mill", "operator"))
    origin, entry = parse_text(out.read_bytes())
    assert origin == ORIGIN
    assert isinstance(entry, Account)
    first = cli("entry", "sign", out, "--key", keys[1])
    assert f"missing: {party_key('operator').signer}" in first.out
    assert '"kind":"account"' in first.err, "what is signed is shown"
    incomplete = cli("entry", "check", out)
    assert (incomplete.code, "missing" in incomplete.out) == (1, True)
    assert cli("submit", out, "--url", service.url).code == 2
    assert "complete" in cli("entry", "sign", out, "--key", keys[0]).out
    assert parse_entry(out.read_bytes()).entry == entry
    checked = cli("entry", "check", out)
    assert checked.code == 0
    assert "not checked: signatures and rules" in checked.err
    assert "would be accepted now" in cli("entry", "check", out, "--url", service.url).out
    size = len(service.registry.records)
    receipt = cli("submit", out, "--url", service.url, "--json")
    assert receipt.json[0]["committed"]["index"] == size
    again = cli("submit", out, "--url", service.url)
    assert (again.code, "already in the log" in again.out) == (0, True)
    assert len(service.registry.records) == size + 1


def retire(cli: Cli, tmp_path: Path, service: Service, *words: object) -> tuple[int, str, Path]:
    out = tmp_path / "r.draft"
    done = cli(
        "entry", "new", "retirement", "--url", service.url, "--out", out,
        "--signer", key_file(tmp_path, "farm"), "--set", f"account={account_id('farm')}",
        "--set", "purpose=voluntary", "--set", "beneficiary.project=FARM", *words,
    )  # fmt: skip
    return done.code, done.err, out


@pytest.mark.parametrize("quantity", ["30t", "30000000", "30000kg", "30.000t", "30000000g"])
def test_a_quantity_becomes_serials_before_it_is_signed(
    cli: Cli, tmp_path: Path, service: Service, quantity: str
) -> None:
    code, err, out = retire(cli, tmp_path, service, "--quantity", f"{BATCH}={quantity}")
    assert code == 0, err
    entry = parse_text(out.read_bytes())[1]
    assert isinstance(entry, Retirement)
    assert [(i.batch, i.first, i.last) for i in entry.items] == [(BATCH, 1, 30)]
    cli("entry", "sign", out, "--key", tmp_path / "farm.key")
    assert cli("submit", out, "--url", service.url).code == 0
    held = cli("balance", account_id("farm"), "--url", service.url, "--json").json
    assert (held["free_g"], held["retired_g"]) == ((COUNT - 30) * TONNE, 30 * TONNE)
    text = cli("balance", account_id("farm"), "--url", service.url).out
    assert f"{BATCH}  41,529 t free, 30 t retired  [31-41559]" in text


@pytest.mark.parametrize(
    ("quantity", "code", "words"),
    [
        (f"{BATCH}=1.5t", 2, "not a whole number of serials"),
        (f"{BATCH}=0t", 2, "not a whole number of serials"),
        (f"{BATCH}=0.1g", 2, "less than a gram"),
        (f"{BATCH}=-3t", 2, "not a quantity"),
        (f"{BATCH}=1e3", 2, "not a quantity"),
        (f"{BATCH}=50000t", 3, "41,559 t free, 50,000 t are wanted"),
        ("CN-GD-PHCER-2024-000009=1t", 3, "holds nothing"),
        ("30t", 2, "not BATCH=QUANTITY"),
    ],
)
def test_a_quantity_that_cannot_be_had_is_said(
    cli: Cli, tmp_path: Path, service: Service, quantity: str, code: int, words: str
) -> None:
    done, err, out = retire(cli, tmp_path, service, "--quantity", quantity)
    assert (done, words in err, out.exists()) == (code, True, False)


def test_fields_come_from_toml_and_json(cli: Cli, tmp_path: Path) -> None:
    toml = tmp_path / "e.toml"
    toml.write_text(
        'event = "RUN"\norganiser = "host.test"\ntitle = "样例"\nfrom = 2026-01-10\n'
        'to = "2026-01-11"\ndeclared_g = 5000000\nstatus = "plan"\n',
        encoding="utf-8",
    )
    given = ("--origin", ORIGIN, "--signer", key_file(tmp_path, "host"), "--days", 3)
    digest = f"report_sha256={'0' * 64}"
    made = cli("entry", "new", "event", "--file", toml, "--set", digest, *given)
    assert made.code == 0, made.err
    entry = parse_text(made.out.encode())[1]
    assert getattr(entry, "from_", None) == "2026-01-10"
    fields = msgspec.json.decode(made.out.splitlines()[2])
    json = tmp_path / "e.json"
    common = ("id", "kind", "not_after", "signers")
    json.write_bytes(msgspec.json.encode({k: v for k, v in fields.items() if k not in common}))
    again = cli("entry", "new", "event", "--file", json, *given)
    assert parse_text(again.out.encode())[1].__class__ is entry.__class__


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("nothing",), "no kind 'nothing' — kind — one of: genesis"),
        (("event", "--set", "event=RUN"), "missing required field"),
        (("event", "--set", "colour=red"), "colour"),
        (("event", "--set", "declared_g=1.5"), "fields"),
        (("event", "--set", "Event=RUN"), "not a field"),
        (("event", "--set", "event"), "not a field"),
        (("transfer", "--set", "items.2.batch=x"), "list with a gap"),
        (("event", "--days", "31"), "--days"),
        (("event", "--file", "nothing.toml"), "No such file"),
    ],
)
def test_bad_fields_are_said(cli: Cli, tmp_path: Path, words: tuple[str, ...], what: str) -> None:
    key = key_file(tmp_path, "host")
    done = cli("entry", "new", *words, "--origin", ORIGIN, "--signer", key)
    assert done.code == 2
    assert what in done.line


@pytest.mark.parametrize(
    ("content", "suffix", "what"),
    [
        ("a = ", ".toml", "not TOML"),
        ("[1]", ".json", "not one object"),
        ("{", ".json", "not JSON"),
        ("a = 1.5\n", ".toml", "fields"),
    ],
)
def test_bad_field_files_are_said(
    cli: Cli, tmp_path: Path, content: str, suffix: str, what: str
) -> None:
    path = tmp_path / f"f{suffix}"
    path.write_text(content, encoding="utf-8")
    key = key_file(tmp_path, "host")
    done = cli("entry", "new", "event", "--file", path, "--origin", ORIGIN, "--signer", key)
    assert done.code == 2
    assert what in done.line


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "which log is the entry for? — origin"),
        (("--origin", "Not An Origin"), "not the origin of a log"),
    ],
)
def test_a_draft_is_for_one_log(
    cli: Cli, tmp_path: Path, words: tuple[str, ...], what: str
) -> None:
    event = [f"--set={f}" for f in (
        "event=RUN", "organiser=host.test", "title=SAMPLE", "from=2026-01-10", "to=2026-01-11",
        "declared_g=1", f"report_sha256={'0' * 64}", "status=plan",
    )]  # fmt: skip
    done = cli("entry", "new", "event", "--signer", key_file(tmp_path, "host"), *event, *words)
    assert done.code == 2
    assert what in done.line


@pytest.mark.parametrize("signer", ["farm.test", "farm.test+xyz", "farm.test+00000000+AAAA"])
def test_a_signer_is_a_key(cli: Cli, signer: str) -> None:
    done = cli("entry", "new", "event", "--origin", ORIGIN, "--signer", signer)
    assert done.code == 2
    assert done.line


# ------------------------------------------------------------ signing and submitting


def test_only_a_signer_signs(cli: Cli, tmp_path: Path, service: Service) -> None:
    _, _, out = retire(cli, tmp_path, service, "--quantity", f"{BATCH}=1t")
    before = out.read_bytes()
    done = cli("entry", "sign", out, "--key", key_file(tmp_path, "mill"))
    assert (done.code, out.read_bytes()) == (2, before)
    assert "is not among the entry's signers" in done.line


def test_a_log_key_signs_no_entry(cli: Cli, tmp_path: Path, service: Service) -> None:
    _, _, out = retire(cli, tmp_path, service, "--quantity", f"{BATCH}=1t")
    write_key_file(tmp_path / "log.key", PrivateKey("farm.test", TYPE_MLDSA44, seed("x")))
    done = cli("entry", "sign", out, "--key", tmp_path / "log.key")
    assert (done.code, "it signs no entries" in done.line) == (2, True)


def test_a_refusal_is_told_with_number_in_both_languages(
    cli: Cli, tmp_path: Path, service: Service
) -> None:
    book = service.registry.book
    path = tmp_path / "t.note"
    path.write_bytes(book.transfer("mill", "farm", quantity_g=TONNE))
    done = cli("submit", path, "--url", service.url)
    assert done.code == 1
    assert "has 0 free serials" in done.line
    assert "[503 insufficient]" in done.line
    assert "可用序号" in cli("submit", path, "--url", service.url, "--lang", "zh").line
    assert cli("entry", "check", path, "--url", service.url).code == 1


def test_good_ones_among_bad_come_in(cli: Cli, tmp_path: Path, service: Service) -> None:
    book = service.registry.book
    paths = [tmp_path / f"{n}.note" for n in range(3)]
    for path, note in zip(
        paths,
        (
            book.transfer("farm", "mill", quantity_g=TONNE),
            book.transfer("mill", "farm", quantity_g=9_999 * TONNE),
            book.transfer("mill", "farm", quantity_g=TONNE),
        ),
        strict=True,
    ):
        path.write_bytes(note)
    done = cli("submit", *paths, "--url", service.url, "--json")
    assert done.code == 1
    assert ["committed" in line for line in done.json] == [True, False, True]


def test_no_service_is_could_not_check(cli: Cli, tmp_path: Path, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    done = cli("balance", account_id("farm"), "--url", url)
    assert done.code == 3
    assert "is the service running" in done.line


def test_an_unknown_account_is_said(cli: Cli, service: Service) -> None:
    done = cli("balance", "a-nothing", "--url", service.url)
    assert done.code == 3
    assert done.line


@pytest.mark.parametrize(
    "damage",
    [
        lambda note: b"",
        lambda note: b"\xff" + note,
        lambda note: note[:-1],
        lambda note: note.replace(b"tanbu.entry/v1", b"tanbu.entry/v2"),
        lambda note: note.replace(b'{"', b'{ "', 1),
        lambda note: note + note.splitlines(keepends=True)[-1],
        lambda note: b"x" * 70_000,
    ],
)
def test_what_is_no_entry_is_one_line(
    cli: Cli, tmp_path: Path, service: Service, damage: object
) -> None:
    assert callable(damage)
    path = tmp_path / "bad.note"
    path.write_bytes(damage(service.registry.book.transfer("farm", "mill")))
    size = len(service.registry.records)
    for words in (("submit", path, "--url", service.url), ("entry", "check", path)):
        done = cli(*words)
        assert done.code == 2
        assert str(path) in done.line
    assert len(service.registry.records) == size


def test_every_kind_can_be_drafted_by_name(cli: Cli, tmp_path: Path) -> None:
    key = key_file(tmp_path, "farm")
    for kind in KINDS:
        done = cli("entry", "new", kind, "--origin", ORIGIN, "--signer", key)
        assert done.code == 2
        assert f"{kind}: Object missing required field" in done.line
