from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest

from registry.chain import cosignature, ed25519, mldsa
from registry.chain.checkpoint import (
    Checkpoint,
    LogKeys,
    check_origin,
    format_checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
    verifier,
)
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.note import (
    Note,
    Signature,
    format_note,
    open_note,
    parse_note,
    parse_vkey,
    sign_line,
    verifier_key,
)
from registry.chain.strict import parse_base64, parse_decimal
from registry.chain.tlog import EMPTY_ROOT, check_consistency

ORIGIN = "cn-gd.example/log/5f0c91ae"
ROOT = sha256(b"root").digest()
HEAD = Checkpoint(ORIGIN, 7, ROOT)
ED_SEED, PQ_SEED = sha256(b"ed").digest(), sha256(b"pq").digest()
KEYS = LogKeys(ORIGIN, ed25519.public_key(ED_SEED), mldsa.public_key(PQ_SEED))
TIME_S = 1_763_700_000


# ---------------------------------------------------------------- vectors


def test_texts_of_others_are_read_with_extension_lines_when_asked(others: Any) -> None:
    shared = others("checkpoint/checkpoint_parse.json")
    root = b64encode(ROOT).decode()
    for case in shared["valid"]:
        # There, any root length goes; here a root has 32 bytes, in either mode.
        with pytest.raises(Malformed, match="32 bytes"):
            parse_checkpoint(case["body"].encode(), lenient=True)
        lines = case["body"].split("\n")
        text = "\n".join([*lines[:2], root, *lines[3:]]).encode()
        head = parse_checkpoint(text, lenient=True)
        assert head == Checkpoint(case["origin"], case["size"], ROOT)
        with pytest.raises(Malformed):  # upper case in the origin, or extension lines
            parse_checkpoint(text)
    for case in shared["invalid"]:
        for lenient in (False, True):
            with pytest.raises(Malformed):
                pytest.fail(
                    f"{case['why']}: {parse_checkpoint(case['body'].encode(), lenient=lenient)}"
                )


def test_a_tree_note_of_the_go_checksum_database_reads_leniently(others: Any) -> None:
    text = others("rfc6962/constants.json")["sumdb"]["format_tree"].encode()
    head = parse_checkpoint(text, lenient=True)
    assert (head.origin, head.size) == ("go.sum database tree", 123456789012)


def test_signed_checkpoints_of_others(others: Any) -> None:
    monkeys = others("witness/omniwitness_monkeys.json")
    key = parse_vkey(monkeys["log_vkey"])
    keys = LogKeys("monkeys", key.public_key, None)
    old = open_checkpoint(monkeys["checkpoint_5"].encode(), keys)
    new = open_checkpoint(monkeys["checkpoint_8"].encode(), keys)
    proof = tuple(map(bytes.fromhex, monkeys["consistency_5_to_8_hex"]))
    check_consistency(proof, old.size, old.root, new.size, new.root)
    other = parse_vkey(monkeys["other_log_vkey"])
    with pytest.raises(NotTrusted):
        open_checkpoint(
            monkeys["checkpoint_5"].encode(), LogKeys("bananas", other.public_key, None)
        )


def test_exchanges_of_another_witness(others: Any) -> None:
    """Its verdicts, by a witness of a few lines around our parts."""
    shared = others("witness/litewitness_exchanges.json")
    origin = shared["exchanges"][0]["request_body"].split("\n")[2]
    keys = LogKeys(origin, bytes.fromhex(shared["log_key_sigsum_hex"]), None)
    seen = Checkpoint(origin, 0, EMPTY_ROOT)

    def answer(body: bytes) -> tuple[int, Checkpoint]:
        head, _, checkpoint = body.partition(b"\n\n")
        old, *proof = head.split(b"\n")
        try:
            new = open_checkpoint(checkpoint, keys)
        except (NotTrusted, Malformed):  # one of their signatures is bad in its last, unused bits
            return 403, seen
        if parse_decimal(old.removeprefix(b"old ")) != seen.size:
            return 409, seen
        try:
            hashes = tuple(map(parse_base64, proof))
            check_consistency(hashes, seen.size, seen.root, new.size, new.root)
        except NotTrusted:
            return 422, seen
        return 200, new

    for exchange in shared["exchanges"]:
        status, seen = answer(exchange["request_body"].encode())
        assert status == exchange["status"], exchange["assert"]
    assert seen.size == 5


def test_a_sigsum_checkpoint_is_signed_to_the_same_bytes(others: Any) -> None:
    case = others("cosignature/sigsum_ascii.json")["signed_checkpoint"]
    seed = bytes.fromhex(case["ed25519_seed_hex"])
    note = parse_note(case["note"].encode())
    origin = parse_checkpoint(note.text).origin
    assert sign_line(origin, seed, note.text) == note.signatures[0]
    open_checkpoint(case["note"].encode(), LogKeys(origin, ed25519.public_key(seed), None))


def test_our_vectors(vectors: Any) -> None:
    own = vectors("checkpoint.json")
    head = Checkpoint(own["origin"], own["size"], bytes.fromhex(own["root"]))
    assert format_checkpoint(head) == own["text"].encode()
    assert parse_checkpoint(own["text"].encode()) == head
    log, log_pq, witness = (parse_vkey(text) for text in own["vkeys"])
    note = parse_note(own["note"].encode())
    verified = open_note(note, [verifier(key) for key in (log, log_pq, witness)])
    assert [line.time_s for line in verified] == [0, own["time_s"], own["time_s"]]
    keys = LogKeys(own["origin"], log.public_key, log_pq.public_key)
    assert open_checkpoint(own["note"].encode(), keys) == head
    assert cosignature.message_ed25519(note.text, own["time_s"]).hex() == own["message_04"]
    assert own["message_06"] == (
        cosignature.message_mldsa44(
            own["origin"], own["time_s"], head.origin, head.size, head.root
        ).hex()
    )
    for name, text in own["malformed_texts"].items():
        with pytest.raises(Malformed):
            pytest.fail(f"accepted: {name} {parse_checkpoint(text.encode())}")


# ---------------------------------------------------------------- form


def test_format_and_parse_are_inverse() -> None:
    for head in (HEAD, Checkpoint(ORIGIN, 0, EMPTY_ROOT), Checkpoint("a", 2**63 - 1, ROOT)):
        assert parse_checkpoint(format_checkpoint(head)) == head


@pytest.mark.parametrize(
    "head",
    [
        Checkpoint("Upper", 1, ROOT), Checkpoint("", 1, ROOT), Checkpoint(ORIGIN, -1, ROOT),
        Checkpoint(ORIGIN, 2**63, ROOT), Checkpoint(ORIGIN, 1, ROOT[1:]),
        Checkpoint(ORIGIN, 0, ROOT), Checkpoint("a\nb", 1, ROOT),
    ],
)  # fmt: skip
def test_heads_without_a_text_are_refused(head: Checkpoint) -> None:
    with pytest.raises(Malformed):
        format_checkpoint(head)


def test_origins() -> None:
    for good in ("a", "cn-gd.example", ORIGIN, "a/b/c", "a" * 200, "0-.", "."):
        assert check_origin(good) == good
    for bad in (
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "A",
        "a b",
        "a+b",
        "a_b",
        "é",
        "a\n",
        "a" * 201,
        "a:1",
    ):
        with pytest.raises(Malformed):
            check_origin(bad)


def test_bytes_that_are_not_utf8_in_a_foreign_origin() -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(b"\xff\n1\n" + b64encode(ROOT) + b"\n", lenient=True)


# ---------------------------------------------------------------- signing and opening


def test_both_lines_bear_the_origin_and_open() -> None:
    data = sign_checkpoint(HEAD, ED_SEED, PQ_SEED, TIME_S)
    note = parse_note(data)
    assert [line.name for line in note.signatures] == [ORIGIN, ORIGIN]
    assert len(note.signatures[0].body) == 64
    assert cosignature.parse_body(note.signatures[1].body, 2420)[0] == TIME_S
    assert open_checkpoint(data, KEYS) == HEAD
    assert open_checkpoint(data, LogKeys(ORIGIN, KEYS.ed25519, None)) == HEAD


def test_each_key_must_have_its_line() -> None:
    note = parse_note(sign_checkpoint(HEAD, ED_SEED, PQ_SEED, TIME_S))
    for kept, missing in zip(note.signatures, ("ML-DSA-44", "Ed25519"), strict=True):
        with pytest.raises(NotTrusted, match=missing):
            open_checkpoint(format_note(Note(note.text, (kept,))), KEYS)
    with pytest.raises(NotTrusted):
        open_checkpoint(
            format_note(Note(note.text, note.signatures[1:])), LogKeys(ORIGIN, KEYS.ed25519, None)
        )


def test_a_changed_line_or_head_is_not_trusted() -> None:
    note = parse_note(sign_checkpoint(HEAD, ED_SEED, PQ_SEED, TIME_S))
    for at, line in enumerate(note.signatures):
        for byte in (0, 7, 8, len(line.body) - 1):
            body = bytearray(line.body)
            body[byte] ^= 1
            lines = list(note.signatures)
            lines[at] = Signature(line.name, line.key_id, bytes(body))
            with pytest.raises((NotTrusted, Malformed)):
                open_checkpoint(format_note(Note(note.text, tuple(lines))), KEYS)
    for other in (
        Checkpoint(ORIGIN, 8, ROOT),
        Checkpoint(ORIGIN, 7, sha256(b"x").digest()),
    ):
        with pytest.raises(NotTrusted):
            open_checkpoint(format_note(Note(format_checkpoint(other), note.signatures)), KEYS)


def test_the_0x06_line_signs_the_whole_head_by_itself() -> None:
    line = cosignature.cosign_mldsa44(ORIGIN, PQ_SEED, ORIGIN, 7, ROOT, TIME_S)
    judge = verifier(verifier_key(ORIGIN, 0x06, KEYS.mldsa44 or b""))
    assert open_note(Note(format_checkpoint(HEAD), (line,)), [judge])[0].time_s == TIME_S
    for other in (
        Checkpoint(ORIGIN + "0", 7, ROOT), Checkpoint(ORIGIN, 8, ROOT),
        Checkpoint(ORIGIN, 7, sha256(b"x").digest()),
    ):  # fmt: skip
        with pytest.raises(NotTrusted):
            open_note(Note(format_checkpoint(other), (line,)), [judge])


def test_another_log_is_not_this_log_even_with_its_keys() -> None:
    head = Checkpoint("cn-cq.example/log/00000000", 7, ROOT)
    data = sign_checkpoint(head, ED_SEED, PQ_SEED, TIME_S)
    with pytest.raises(NotTrusted, match="instead of"):
        open_checkpoint(data, KEYS)


def test_unknown_lines_are_ignored() -> None:
    note = parse_note(sign_checkpoint(HEAD, ED_SEED, PQ_SEED, TIME_S))
    stranger = sign_line("stranger.example", sha256(b"s").digest(), b"other text\n")
    lines = (stranger, *note.signatures)
    assert open_checkpoint(format_note(Note(note.text, lines)), KEYS) == HEAD


def test_keys_of_types_that_sign_no_checkpoints_are_refused() -> None:
    with pytest.raises(Malformed, match="0xff"):
        verifier(verifier_key("x", 0xFF, b"key"))
