"""`tools/verify.py` by itself: what it may import, its shapes, signatures, trust, command line.

That it judges every file as `tanbu verify` does is shown by `twin`, through which the tests of the
verifier and of the scenarios verify, and by `test_twins`.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest
from msgspec import inspect

from registry.chain.errors import Malformed, NotTrusted, TanbuError
from registry.chain.note import parse_vkey
from registry.chain.strict import check_text, parse_base64, parse_decimal
from registry.ledger.entries import KINDS
from registry.verify.evidence import EvidenceFile
from registry.verify.trust import LogTrust, format_trust, parse_trust
from tests.books import ORIGIN, Book, party_key
from tests.verify.logs import log_trust
from tools import verify as twin

REPO = Path(__file__).resolve().parents[2]
SOURCE = REPO / "tools" / "verify.py"
VECTORS = REPO / "tests" / "vectors" / "verify"
TRUST = (VECTORS / "trust.json").read_bytes()


def test_it_imports_the_standard_library_and_pynacl_alone() -> None:
    tops = set()
    for node in ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            tops.add(str(node.module).partition(".")[0])
    assert tops - set(sys.stdlib_module_names) == {"nacl"}
    text = SOURCE.read_text(encoding="utf-8")
    assert not re.search(r"__import__|import_module|\bexec\b|\beval\b", text)


# ---------------------------------------------------------------- shapes


def of_struct(type: inspect.Type) -> Any:
    """A type of ours as plain values."""
    match type:
        case inspect.UnionType():
            (one,) = (t for t in type.types if not isinstance(t, inspect.CustomType))
            return of_struct(one)
        case inspect.StrType():
            pattern = (type.pattern or "").removeprefix("^").removesuffix(r"\Z")
            return "text", type.min_length or 0, type.max_length, pattern
        case inspect.IntType():
            return "integer", type.ge, type.le
        case inspect.BoolType():
            return "bool"
        case inspect.LiteralType():
            return "words", sorted(map(str, type.values))
        case inspect.VarTupleType():
            return "list", of_struct(type.item_type), type.min_length or 0, type.max_length
        case inspect.DictType():
            return "rules"
        case inspect.CustomType() | inspect.RawType():
            return "any"
        case inspect.StructType():
            return {
                f.encode_name: (f.required or f.encode_name == "from_size", of_struct(f.type))
                for f in type.fields
            }
        case _:
            raise AssertionError(type)


def of_twin(name: str) -> Any:
    """A type of the twin's shapes as plain values."""
    name = twin.LISTS.get(name, name)
    if name in twin.PATTERNS:
        pattern = twin.PATTERNS[name]
        bound = re.match(r"\(\?=\.\{0,(\d+)\}\\Z\)", pattern)
        most = int(bound[1]) if bound else None
        return "text", 0, most, pattern[bound.end() :] if bound else pattern
    if name in twin.SHAPES:
        return of_shape(twin.SHAPES[name])
    if name in ("any", "bool", "rules"):
        return name
    inner, _, bounds = name.rpartition("]") if name.startswith("[") else ("", "", name)
    low, dots, high = bounds.removeprefix("'").partition("..")
    most = int(high) if high else None
    if inner:
        return "list", of_twin(inner[1:]), int(low), most
    if bounds.startswith("'"):
        return "text", int(low), most, ""
    return ("integer", int(low), most) if dots else ("words", sorted(name.split("|")))


def of_shape(shape: str) -> Any:
    fields = {}
    for word in shape.split():
        name, kind = word.split(":", 1)
        fields[name.removesuffix("?")] = (not name.endswith("?"), of_twin(kind))
    return fields


def test_its_shapes_are_those_of_the_entries() -> None:
    assert twin.KINDS.keys() == KINDS.keys()
    for kind, struct in KINDS.items():
        mine = of_shape(f"{twin.COMMON} {twin.KINDS[kind]}")
        assert mine.pop("kind") == (True, ("text", 0, None, ""))
        assert mine == of_struct(inspect.type_info(struct)), kind


def test_its_shapes_are_those_of_the_files() -> None:
    for name, struct in (("Evidence", EvidenceFile), ("Trust", LogTrust)):
        assert of_shape(twin.SHAPES[name]) == of_struct(inspect.type_info(struct)), name


def test_the_rules_of_a_rulebook_are_of_the_same_form() -> None:
    hint = get_type_hints(KINDS["rulebook"], include_extras=True)["values"]
    for value in (
        0,
        2**53,
        -1,
        True,
        "",
        "x",
        "y" * 101,
        [],
        ["x"],
        [""],
        ["x"] * 65,
        {},
        None,
        [1],
    ):
        data = msgspec.json.encode({"a": value})
        try:
            msgspec.json.decode(data, type=hint)
            good = True
        except msgspec.ValidationError:
            good = False
        assert twin.is_of(twin.read_json(data), "rules") is good, value
    for count in (200, 201):
        many = {f"v{n}": n for n in range(count)}
        assert twin.is_of(many, "rules") is (count == 200)


# ---------------------------------------------------------------- signatures, numbers, texts


def test_the_914_verdicts(shared: Path) -> None:
    path = shared / "vectors" / "cctv-ed25519" / "ed25519vectors.json"
    accepted = 0
    cases = msgspec.json.decode(path.read_bytes())
    for case in cases:
        key, signature = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"])
        good = twin.signature_is_good(key, signature, case["msg"].encode())
        flags = set(case["flags"] or ())
        forbidden = {"low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R"}
        assert good is not bool(flags & {*forbidden, "low_order_residue"}), case["number"]
        accepted += good
    assert (len(cases), accepted) == (914, 43)


def test_our_own_edge_cases() -> None:
    path = VECTORS.parent / "chain" / "ed25519.json"
    own = msgspec.json.decode(path.read_bytes())
    for case in own["cases"]:
        key, signature = bytes.fromhex(case["key"]), bytes.fromhex(case["signature"])
        good = twin.signature_is_good(key, signature, own["message"].encode())
        assert good is case["accepted"], case["name"]


WORDS = [
    "0", "00", "7", "-1", "+1", "1_0", " 1", "1.0", "9223372036854775807", "9223372036854775808",
    "99999999999999999999999", "", "AA==", "AB==", "AA", "-_==", "AA\n==", "é", "e\u0301",
    "\u2028", "\u00ad", "\u200b", "\U0001f600", "碳普惠", "a\tb", "\x7f", "\ud800", "Å",
]  # fmt: skip


@pytest.mark.parametrize("word", WORDS, ids=ascii)
def test_numbers_base64_and_texts_are_judged_alike(word: str) -> None:
    raw = word.encode(errors="replace")
    for ours, theirs, value in (
        (parse_decimal, twin.decimal, raw),
        (parse_base64, twin.unbase64, word.replace("\ud800", "?")),
        (check_text, twin.check_text, word),
        (parse_vkey, twin.parse_vkey, f"{word}+00000000+AA=="),
    ):
        assert accepts(ours, value, Malformed) is accepts(theirs, value, twin.Malformed), value


def accepts(read: Any, value: object, kind: type[Exception]) -> bool:
    try:
        read(value)
    except kind:
        return False
    return True


# ---------------------------------------------------------------- trust


def bent_trusts() -> list[bytes]:
    own = Book()
    key = party_key("authority").vkey
    good = format_trust(log_trust(own))
    operator = b'"operator_keys": [\n    "' + party_key("operator").vkey.encode() + b'"\n  ],\n  '
    policy = b'"origin": "' + ORIGIN.encode() + b'",\n  "policy": [\n    "log x"\n  ]'
    origin = b'"origin": "' + ORIGIN.encode() + b'"'
    return [
        good,
        good.replace(origin, operator + origin),
        good.replace(origin, policy),
        good.replace(origin, policy.replace(b"log x", b"log \\n")),
        good.replace(origin, policy.replace(b"log x", "碳".encode())),
        good.replace(origin, policy.replace(b"log x", b"e\xcc\x81")),
        good.replace(b'"from_size": 0', b'"from_size": 0.0'),
        good.replace(b'"from_size": 0', b'"from_size": -0'),
        good.replace(b'"from_size": 0', b'"from_size": true'),
        good.replace(b'"from_size": 0,', b'"from_size": 9007199254740992,'),
        good.replace(b'"from_size": 0,\n', b"", 1),
        good.replace(key.encode(), key.encode()[:-2]),
        good.replace(key.encode(), b"no key at all"),
        good.replace(b"{\n", b'{\n  "aaa": 1,\n', 1),
        good.replace(b"tanbu.trust/v1", b"tanbu.trust/v2"),
        good.replace(b"  ", b" "),
        good[:-1],
        good + b"\n",
        b"\xef\xbb\xbf" + good,
        b"[" * 100_000,
        b"[]",
        b"null",
        b"",
        b"NaN",
        b" " * 1_000_001,
    ]


@pytest.mark.parametrize("number", range(25))
def test_trust_is_read_alike(number: int) -> None:
    data = bent_trusts()[number]
    try:
        parse_trust([("a", data)])
        good = True
    except Malformed:
        good = False
    assert accepts(lambda d: twin.parse_trust([("a", d)]), data, twin.Malformed) is good
    assert good is (number in (0, 1, 2, 4))


def test_every_trust_file_counts() -> None:
    assert not accepts(twin.parse_trust, [], twin.Unavailable)
    assert not accepts(twin.parse_trust, [("a", TRUST), ("b", TRUST)], twin.Malformed)


# ---------------------------------------------------------------- the command line


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A desk with the one file, an evidence file, and trust; nothing else of this repository."""
    shutil.copy(SOURCE, tmp_path / "verify.py")
    shutil.copy(VECTORS / "evidence.json", tmp_path)
    (tmp_path / "trust").mkdir()
    shutil.copy(VECTORS / "trust.json", tmp_path / "trust")
    data = (VECTORS / "evidence.json").read_bytes()
    at = data.index(b'"record":"') + 200
    (tmp_path / "bent.json").write_bytes(data[:at] + b"AB"[data[at] == 65 :][:1] + data[at + 1 :])
    (tmp_path / "short.json").write_bytes(data[:5_000])
    (tmp_path / "empty").mkdir()
    (tmp_path / "deep.json").write_bytes(b"[" * 1_000_000)
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(1_000_000_000)
    return tmp_path


def run(desk: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "verify.py", *words],
        cwd=desk, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


def test_a_good_file_is_told_in_both_languages(desk: Path) -> None:
    done = run(desk, "evidence.json", "--trust", "trust")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Not checked:"
    assert [line.split(".")[0].strip() for line in lines if re.match(r" +\d+\.", line)] == [
        str(n) for n in range(1, 11)
    ]
    for words in (
        "ML-DSA-44 signature", "was not checked", "finally retired on 2026-01-01", "30 t of CO2",
        "30001–30030", "(2026) SAMPLE 1 of SAMPLE court", "cannot be transferred or used again",
        "CN-GD-R-0badc0de-27", "signed by centre.test, verifier.test",
    ):  # fmt: skip
        assert words in done.stdout
    chinese = run(desk, "evidence.json", "--trust", "trust", "--lang", "zh")
    assert chinese.returncode == 0
    for words in ("未核验", "ML-DSA-44", "最终注销", "30 吨", "不得再次转让"):
        assert words in chinese.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("bent.json --trust trust", 1, "not trusted: step 4, inclusion: record 0"),
        ("short.json --trust trust", 2, "malformed: step 1, form"),
        ("deep.json --trust trust", 2, "malformed: step 1, form"),
        ("huge.json --trust trust", 2, "a file of more than"),
        ("none.json --trust trust", 2, "none.json"),
        ("verify.py --trust trust", 2, "malformed: step 1, form"),
        ("evidence.json --trust empty", 3, "no trust file"),
        ("evidence.json --trust nowhere", 3, "no such trust directory"),
        ("evidence.json", 2, "--trust"),
        ("trust --trust trust", 2, "unreadable: trust"),
    ],
)
def test_failures_are_one_line_and_an_exit_code(
    desk: Path, words: str, code: int, said: str
) -> None:
    done = run(desk, *words.split())
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_a_bug_is_no_verdict_on_the_file(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(twin.Judge, "_standing")
    assert twin.main([str(desk / "evidence.json"), "--trust", str(desk / "trust")]) == 3
    assert "this should not happen" in capsys.readouterr().err


def test_the_kinds_of_failure_have_the_same_codes() -> None:
    assert [k.exit for k in (twin.Malformed, twin.NotTrusted, twin.Unavailable)] == [2, 1, 3]
    assert issubclass(NotTrusted, TanbuError)
