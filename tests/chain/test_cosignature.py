from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from registry.chain import cosignature, ed25519, mldsa
from registry.chain.checkpoint import parse_checkpoint, verifier
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.note import Note, Signature, open_note, parse_note, verifier_key

NAME = "witness.example/w1"
SEED = sha256(b"witness").digest()
KEY = verifier_key(NAME, 0x04, ed25519.public_key(SEED))
PQ_KEY = verifier_key(NAME, 0x06, mldsa.public_key(SEED))
ROOT = sha256(b"root").digest()
TEXT = b"cn-gd.example/log/5f0c91ae\n7\nRIHVxpUUOy6Y0mO6RjE9FOcrEZOEKTPMQeUe0zbi3Dc=\n"
TIME_S = 1_763_700_000


def test_the_signed_message_of_the_specification(others: Any) -> None:
    shared = others("cosignature/sigsum_ascii.json")
    note = parse_note(shared["c2sp_example_unverifiable"].encode())
    time_s, signature = cosignature.parse_body(note.signatures[1].body, 64)
    assert (time_s, len(signature)) == (1679315147, 64)
    assert cosignature.message_ed25519(note.text, time_s) == shared["c2sp_signed_message"].encode()
    assert parse_checkpoint(note.text).size == 20852163


def test_a_time_above_2_63_is_malformed(others: Any) -> None:
    case = others("cosignature/sigsum_ascii.json")["cosignature_line"]
    # Their line has another form ("deadbeef+..."), so the body is taken from its bytes.
    body = bytes.fromhex(case["timestamp_u64_hex"]) + bytes(64)
    with pytest.raises(Malformed, match="time"):
        cosignature.parse_body(body, 64)


def test_0x04_signs_time_and_text() -> None:
    line = cosignature.cosign_ed25519(NAME, SEED, TEXT, TIME_S)
    assert line.key_id == KEY.key_id
    assert cosignature.verify_ed25519(KEY, line.body, TEXT) == TIME_S
    with pytest.raises(NotTrusted):
        cosignature.verify_ed25519(KEY, line.body, TEXT + b"extension\n")
    for at in range(len(line.body)):
        changed = bytearray(line.body)
        changed[at] ^= 1
        with pytest.raises((NotTrusted, Malformed)):
            cosignature.verify_ed25519(KEY, bytes(changed), TEXT)


def test_0x06_signs_name_time_origin_size_and_root() -> None:
    line = cosignature.cosign_mldsa44(NAME, SEED, "origin", 7, ROOT, TIME_S)
    assert cosignature.verify_mldsa44(PQ_KEY, line.body, "origin", 7, ROOT) == TIME_S
    other_name = verifier_key("witness.example/w2", 0x06, PQ_KEY.public_key)
    later = cosignature.format_body(TIME_S + 1, line.body[8:])
    for key, body, origin, size, root in (
        (other_name, line.body, "origin", 7, ROOT),
        (PQ_KEY, later, "origin", 7, ROOT),
        (PQ_KEY, line.body, "origim", 7, ROOT),
        (PQ_KEY, line.body, "origin", 8, ROOT),
        (PQ_KEY, line.body, "origin", 7, bytes(32)),
    ):
        with pytest.raises(NotTrusted):
            cosignature.verify_mldsa44(key, body, origin, size, root)


def test_0x06_without_a_statement_of_time() -> None:
    line = cosignature.cosign_mldsa44(NAME, SEED, "origin", 7, ROOT, 0)
    assert cosignature.verify_mldsa44(PQ_KEY, line.body, "origin", 7, ROOT) == 0


def test_layout_of_the_0x06_message() -> None:
    message = cosignature.message_mldsa44("wit", 1, "log", 2, ROOT)
    assert message == (
        b"subtree/v1\n\0\x03wit\0\0\0\0\0\0\0\x01\x03log\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02" + ROOT
    )


@pytest.mark.parametrize(
    ("name", "time_s", "origin", "size", "root"),
    [
        ("", 1, "log", 2, ROOT), ("n" * 256, 1, "log", 2, ROOT), ("wit", -1, "log", 2, ROOT),
        ("wit", 2**63, "log", 2, ROOT), ("wit", 1, "", 2, ROOT), ("wit", 1, "o" * 256, 2, ROOT),
        ("wit", 1, "log", -1, ROOT), ("wit", 1, "log", 2**63, ROOT), ("wit", 1, "log", 2, b""),
    ],
)  # fmt: skip
def test_0x06_messages_out_of_range(
    name: str, time_s: int, origin: str, size: int, root: bytes
) -> None:
    with pytest.raises(Malformed):
        cosignature.message_mldsa44(name, time_s, origin, size, root)


def test_both_ends_of_each_range() -> None:
    for time_s, size in ((0, 0), (2**63 - 1, 2**63 - 1)):
        line = cosignature.cosign_mldsa44(NAME, SEED, "o" * 255, size, ROOT, time_s)
        assert cosignature.verify_mldsa44(PQ_KEY, line.body, "o" * 255, size, ROOT) == time_s
        line = cosignature.cosign_ed25519(NAME, SEED, TEXT, time_s)
        assert cosignature.verify_ed25519(KEY, line.body, TEXT) == time_s


def test_lengths_of_bodies() -> None:
    assert cosignature.parse_body(cosignature.format_body(5, bytes(64)), 64) == (5, bytes(64))
    for length in (0, 7, 8, 71, 73):
        with pytest.raises(Malformed):
            cosignature.parse_body(bytes(length), 64)
    with pytest.raises(Malformed):
        cosignature.format_body(2**63, bytes(64))
    with pytest.raises(Malformed):
        cosignature.message_ed25519(TEXT, -1)


def test_one_witness_twice_counts_once_with_its_latest_time() -> None:
    lines = tuple(cosignature.cosign_ed25519(NAME, SEED, TEXT, TIME_S + t) for t in (5, 60, 0))
    (verified,) = open_note(Note(TEXT, lines), [verifier(KEY)])
    assert verified.time_s == TIME_S + 60


def test_an_0x01_signature_is_no_cosignature() -> None:
    body = cosignature.format_body(TIME_S, ed25519.sign(SEED, TEXT))
    with pytest.raises(NotTrusted):
        open_note(Note(TEXT, (Signature(NAME, KEY.key_id, body),)), [verifier(KEY)])
