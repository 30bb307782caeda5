"""The evidence file: its one form, and what is refused before anything is checked."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from registry.chain.errors import Malformed, TanbuError, Unavailable
from registry.chain.note import Signature, format_note, parse_note
from registry.chain.strict import format_base64, parse_base64
from registry.verify.evidence import (
    EVIDENCE_BYTES_MAX,
    Evidence,
    format_evidence,
    parse_evidence,
)
from tests.verify.logs import MemoryLog, index_of_kind, sample_log
from tests.verify.twin import verify


@pytest.fixture(scope="module")
def log() -> MemoryLog:
    return sample_log()


@pytest.fixture(scope="module")
def good(log: MemoryLog) -> bytes:
    return log.evidence(index_of_kind(log, "retirement"))


def again(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The file with its value changed, again in canonical form."""
    value = msgspec.json.decode(data)
    change(value)
    return msgspec.json.encode(value, order="sorted")


def test_parse_and_format_are_inverse(log: MemoryLog, good: bytes) -> None:
    evidence = parse_evidence(good)
    assert isinstance(evidence, Evidence)
    assert evidence.head.size == log.size
    assert len(evidence.log_lines) == 2
    assert format_note(evidence.note) == log.note
    pairs = [(held.data, held.proof) for held in reversed(evidence.records)]
    assert format_evidence(evidence.subject, log.note, pairs) == good


def with_line(data: bytes, line: Signature, *, listed: bool) -> bytes:
    """The file with one more line below its checkpoint."""

    def change(value: dict[str, Any]) -> None:
        note = parse_note(parse_base64(value["checkpoint"]))
        extended = msgspec.structs.replace(note, signatures=(*note.signatures, line))
        value["checkpoint"] = format_base64(format_note(extended))
        if listed:
            value["cosigners"] = [f"{line.name}+{line.key_id.hex()}"]

    return again(data, change)


STRANGER = Signature("witness.invalid/w1", b"abcd", b"x" * 72)


def test_a_listed_line_of_a_stranger_is_not_counted_and_said(log: MemoryLog, good: bytes) -> None:
    report = verify(with_line(good, STRANGER, listed=True), log.trust())
    assert report.facts["cosigners"] == ["witness.invalid/w1+61626364"]
    assert any("witness.invalid/w1" in sentence.en for sentence in report.not_checked)
    evidence = parse_evidence(with_line(good, STRANGER, listed=True))
    pairs = [(held.data, held.proof) for held in evidence.records]
    again_built = format_evidence(evidence.subject, format_note(evidence.note), pairs)
    assert again_built == with_line(good, STRANGER, listed=True)


def swap_records(value: dict[str, Any]) -> None:
    records = value["records"]
    records[0], records[1] = records[1], records[0]


def swap_lines(value: dict[str, Any]) -> None:
    note = parse_note(parse_base64(value["checkpoint"]))
    swapped = msgspec.structs.replace(note, signatures=note.signatures[::-1])
    value["checkpoint"] = format_base64(format_note(swapped))


def double_line(value: dict[str, Any]) -> None:
    note = parse_note(parse_base64(value["checkpoint"]))
    doubled = msgspec.structs.replace(note, signatures=(note.signatures[0], *note.signatures))
    value["checkpoint"] = format_base64(format_note(doubled))


def extended_checkpoint(value: dict[str, Any]) -> None:
    data = parse_base64(value["checkpoint"])
    value["checkpoint"] = format_base64(data.replace(b"\n\n", b"\nmore\n\n", 1))


VALUES: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("an unknown field", lambda v: v.update(comment="x")),
    ("a field missing", lambda v: v.pop("seals")),
    ("another version", lambda v: v.update(format="tanbu.evidence/v2")),
    ("a subject that is not there", lambda v: v.update(subject=4)),
    ("a subject of another type", lambda v: v.update(subject="27")),
    ("no records", lambda v: v.update(records=[])),
    ("records out of order", swap_records),
    ("a record twice", lambda v: v["records"].append(v["records"][-1])),
    ("a record with a field more", lambda v: v["records"][0].update(index=0)),
    ("a record that is none", lambda v: v["records"][0].update(record="AAAA")),
    ("a proof with a short hash", lambda v: v["records"][0].update(proof=["AAAA"])),
    ("a proof too long", lambda v: v["records"][0].update(proof=v["records"][0]["proof"] * 20)),
    ("base64 in another form", lambda v: v["records"][0].update(record="AB==")),
    ("lines in another order", swap_lines),
    ("a line twice", double_line),
    ("a checkpoint with an extension line", extended_checkpoint),
    ("a cosigner that did not sign", lambda v: v.update(cosigners=["a.invalid/w+61626364"])),
    ("a text with a code point too many", lambda v: v.update(cosigners=["\x7f"])),
    ("a text that is not ASCII", lambda v: v.update(cosigners=["碳"])),
]


@pytest.mark.parametrize("change", [v[1] for v in VALUES], ids=[v[0] for v in VALUES])
def test_other_values_are_malformed(good: bytes, change: Callable[[Any], object]) -> None:
    with pytest.raises(Malformed):
        parse_evidence(again(good, change))


BYTES: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("nothing", lambda d: b""),
    ("a byte order mark", lambda d: b"\xef\xbb\xbf" + d),
    ("a line feed at the end", lambda d: d + b"\n"),
    ("a blank", lambda d: d.replace(b",", b", ", 1)),
    ("truncated", lambda d: d[: len(d) // 2]),
    ("two values", lambda d: d + d),
    ("a key twice", lambda d: d.replace(b'{"checkpoint', b'{"subject":27,"checkpoint', 1)),
    ("a key twice, equal", lambda d: d[:-1] + b',"tokens":[]}'),
    ("an escape", lambda d: d.replace(b'"seals"', b'"se\\u0061ls"')),
    ("keys in another order", lambda d: b'{"subject":27,' + d[1:].replace(b',"subject":27', b"")),
    ("a float", lambda d: d.replace(b'"subject":27', b'"subject":27.0')),
    ("an exponent", lambda d: d.replace(b'"subject":27', b'"subject":27e0')),
    ("a negative number", lambda d: d.replace(b'"subject":27', b'"subject":-0')),
    ("null", lambda d: d.replace(b'"tokens":[]', b'"tokens":null')),
    ("not a number", lambda d: d.replace(b'"subject":27', b'"subject":NaN')),
    ("nested deep", lambda d: b'{"tokens":' + b"[" * 1_000_000),
    ("nested deep and closed", lambda d: b"[" * 500_000 + b"]" * 500_000),
    ("not UTF-8", lambda d: d.replace(b"tanbu", b"tanb\xff")),
    ("another kind of file", lambda d: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
    ("too large", lambda d: d + b" " * EVIDENCE_BYTES_MAX),
    ("a huge number", lambda d: d.replace(b'"subject":27', b'"subject":' + b"9" * 100_000)),
    ("many empty records", lambda d: b'{"records":[' + b"{}," * 4_000_000 + b"{}]}"),
]


@pytest.mark.parametrize("change", [b[1] for b in BYTES], ids=[b[0] for b in BYTES])
def test_other_bytes_are_malformed_and_soon(good: bytes, change: Callable[[bytes], bytes]) -> None:
    data = change(good)
    started = time.perf_counter()
    with pytest.raises(Malformed):
        parse_evidence(data)
    assert time.perf_counter() - started < 2


def test_lines_and_cosigners_must_agree(good: bytes) -> None:
    with pytest.raises(Malformed, match="cosigners"):
        parse_evidence(with_line(good, STRANGER, listed=False))
    listed = with_line(good, STRANGER, listed=True)
    with pytest.raises(Malformed, match="cosigners"):
        parse_evidence(listed.replace(b"61626364", b"61626365"))


@pytest.mark.parametrize("field", ["seals", "tokens"])
def test_what_later_versions_add_is_could_not_check(good: bytes, field: str) -> None:
    with pytest.raises(Unavailable, match="cannot check"):
        parse_evidence(again(good, lambda value: value.update({field: [{"kind": "later"}]})))


def test_a_policy_in_the_file_is_said_and_not_used(log: MemoryLog, good: bytes) -> None:
    brought = again(good, lambda value: value.update(policy=format_base64(b"quorum none\n")))
    report = verify(brought, log.trust())
    assert any("policy of its own" in sentence.en for sentence in report.not_checked)


def test_every_byte_counts(log: MemoryLog, good: bytes) -> None:
    chance = random.Random(1)
    places = [*range(120), *(chance.randrange(len(good)) for _ in range(400))]
    for at in places:
        bent = good[:at] + bytes([good[at] ^ (1 << chance.randrange(7))]) + good[at + 1 :]
        with pytest.raises(TanbuError):
            verify(bent, log.trust())


def test_no_prefix_of_a_file_is_one(log: MemoryLog, good: bytes) -> None:
    for length in range(0, len(good), 1_009):
        with pytest.raises(Malformed):
            verify(good[:length], log.trust())
