from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain import ed25519
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.note import (
    TYPE_ED25519,
    TYPE_OWN,
    Limits,
    Note,
    Signature,
    TextVerifier,
    Verified,
    VerifierKey,
    check_name,
    format_line,
    format_note,
    format_vkey,
    key_id,
    open_note,
    parse_note,
    parse_vkey,
    sign_line,
    verifier_key,
)
from registry.chain.strict import parse_base64

TEXT = b"one line\n\nanother line\n"
SEEDS = {name: sha256(name.encode()).digest() for name in ("one", "two")}
LINES = {name: sign_line(name, seed, TEXT) for name, seed in SEEDS.items()}
KEYS = {
    name: verifier_key(name, TYPE_ED25519, ed25519.public_key(seed)) for name, seed in SEEDS.items()
}


def verifiers(*vkeys: str) -> list[TextVerifier]:
    return [TextVerifier(parse_vkey(text)) for text in vkeys]


# ---------------------------------------------------------------- vectors of others and our own


def test_valid_notes_of_others(others: Any) -> None:
    cases = others("signed-note/notes.json")["valid"]
    assert len(cases) == 5
    for case in cases:
        data = case["note"].encode()
        note = parse_note(data)
        assert format_note(note) == data
        verified = open_note(note, verifiers(*case["vkeys"]))
        assert len(verified) == len(case["vkeys"]) == len(note.signatures)


def test_private_test_keys_of_others_sign_the_same_bytes(others: Any) -> None:
    """Ed25519 is deterministic: their signature must be ours."""
    case = others("signed-note/notes.json")["valid"][1]
    _, _, name, _, encoded = case["skey_public_test_key"].split("+", 4)
    note = parse_note(case["note"].encode())
    assert sign_line(name, parse_base64(encoded)[1:], note.text) == note.signatures[0]


def test_bad_verifier_keys_of_others(others: Any) -> None:
    for text in others("signed-note/notes.json")["bad_vkeys"]:
        with pytest.raises(Malformed):
            parse_vkey(text)


def test_notes_of_others_to_be_refused_or_ignored(others: Any) -> None:
    shared = others("signed-note/notes.json")
    peter = verifiers(shared["valid"][1]["vkeys"][0])
    corrupted, other_name, double, no_line_feed, control = [
        case["note"].encode() for case in shared["must_reject_or_ignore"]
    ]
    with pytest.raises(NotTrusted, match="not good"):
        open_note(parse_note(corrupted), peter)
    with pytest.raises(NotTrusted, match="no signature line"):
        open_note(parse_note(other_name), peter)
    assert len(parse_note(double).signatures) == 2
    assert len(open_note(parse_note(double), peter)) == 1
    for data in (no_line_feed, control):
        with pytest.raises(Malformed):
            parse_note(data)


def test_our_vectors(vectors: Any) -> None:
    own = vectors("note.json")
    good = own["good"]
    note = parse_note(good["note"].encode())
    assert note.text == good["text"].encode()
    assert format_note(note) == good["note"].encode()
    assert len(open_note(note, verifiers(*good["vkeys"]))) == 2
    for name, text in own["malformed"].items():
        with pytest.raises(Malformed):
            pytest.fail(f"accepted: {name} {parse_note(text.encode())}")
    for name, text in own["not_trusted"].items():
        note = parse_note(text.encode())
        with pytest.raises(NotTrusted):
            pytest.fail(f"accepted: {name} {open_note(note, verifiers(*good['vkeys']))}")


# ---------------------------------------------------------------- form


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])).filter(bool),
    st.lists(
        st.tuples(
            st.text(alphabet="abc.-/é碳", min_size=1, max_size=20),
            st.binary(min_size=4, max_size=4),
            st.binary(min_size=1, max_size=90),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_parse_inverts_format(text: str, lines: list[tuple[str, bytes, bytes]]) -> None:
    note = Note(text.encode() + b"\n", tuple(Signature(*line) for line in lines))
    assert parse_note(format_note(note)) == note


@given(st.data())
def test_whatever_is_accepted_formats_to_the_same_bytes(draw: st.DataObject) -> None:
    data = format_note(Note(TEXT, tuple(LINES.values())))
    at = draw.draw(st.integers(0, len(data) - 1))
    byte = draw.draw(st.sampled_from(b"\n AQg=+-\xe2\x80\x94\x00\x1f")).to_bytes(1, "big")
    for changed in (data[:at] + byte + data[at:], data[:at] + byte + data[at + 1 :]):
        try:
            note = parse_note(changed)
        except Malformed:
            continue
        assert format_note(note) == changed


def test_the_last_blank_line_divides() -> None:
    inner = format_note(Note(b"inner\n", (LINES["one"],)))
    outer = Note(inner, (LINES["two"],))
    assert parse_note(format_note(outer)) == outer
    # A text that ends in a blank line is still the text, byte for byte.
    odd = Note(b"text\n\n\n", (LINES["one"],))
    assert parse_note(format_note(odd)) == odd


def test_there_is_no_note_without_a_text() -> None:
    line = format_line(LINES["one"])
    for data in (line, b"\n" + line, b"x" + line, b"", b"\n", b"\n\n", b"text\n"):
        with pytest.raises(Malformed):
            parse_note(data)
    assert parse_note(b"\n\n" + line).text == b"\n"  # one empty line is a text


def test_every_control_character_but_line_feed_is_refused() -> None:
    for number in range(0x20):
        data = b"te%cxt\n\n" % number + format_note(Note(b"\n", (LINES["one"],)))[2:]
        if number == 0x0A:
            assert parse_note(data).text == b"te\nxt\n"
        else:
            with pytest.raises(Malformed, match="control"):
                parse_note(data)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    good = format_note(Note(TEXT, (LINES["one"],)))
    for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
        with pytest.raises(Malformed, match="UTF-8"):
            parse_note(bad + good)


def test_limits() -> None:
    data = format_note(Note(TEXT, tuple(LINES.values())))
    just = Limits(bytes_max=len(data), lines_max=2, line_body_bytes_max=64)
    assert len(parse_note(data, just).signatures) == 2
    for limits in (
        Limits(bytes_max=len(data) - 1),
        Limits(lines_max=1),
        Limits(line_body_bytes_max=63),
    ):
        with pytest.raises(Malformed, match="more than"):
            parse_note(data, limits)
    many = Note(TEXT, (LINES["one"],) * 64)
    assert len(parse_note(format_note(many)).signatures) == 64


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "a b", "a+b", "a\tb", "a\u00a0b", "a\u2003b", "a\u3000b", "a\x00b", "n" * 256,
        "a\u2028b", "a\x85b", "é" * 128, "a\nb", "a\n",
    ],
)  # fmt: skip
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(Malformed):
        check_name(name)


def test_names_that_are_accepted() -> None:
    for name in ("x", "n" * 255, "witness.example/w1", "碳簿", "EnochRoot", "oid/1.3.6.1"):
        assert check_name(name) == name


def test_format_refuses_what_parse_would() -> None:
    line = LINES["one"]
    for note in (
        Note(b"no line feed", (line,)), Note(TEXT, ()), Note(b"", (line,)),
        Note(b"\x00\n", (line,)), Note(b"\xff\n", (line,)),
        Note(TEXT, (Signature("a b", line.key_id, line.body),)),
    ):  # fmt: skip
        with pytest.raises(Malformed):
            format_note(note)


# ---------------------------------------------------------------- keys


def test_key_id_is_that_of_the_specification() -> None:
    key = parse_vkey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    assert (key.name, key.type, key.key_id.hex()) == ("example.com/foo", 1, "530d903a")
    data = b"example.com/foo\n\x01" + key.public_key
    assert sha256(data).digest()[:4] == key.key_id == key_id(key.name, 1, key.public_key)


def test_vkey_round_trip() -> None:
    own = verifier_key("x", TYPE_OWN, b"\x0etanbu.batch/v1" + KEYS["one"].public_key)
    ends = [verifier_key("x", TYPE_OWN, b"k" * length) for length in (1, 1024)]
    for key in (*KEYS.values(), own, *ends):
        assert parse_vkey(format_vkey(key)) == key


def test_vkeys_that_are_refused() -> None:
    good = format_vkey(KEYS["one"])
    name, ident, encoded = good.split("+", 2)
    for bad in (
        "", good + "\n", " " + good, f"{name}+{ident}", f"+{ident}+{encoded}",
        f"{name}+{ident}x+{encoded}", f"two+{ident}+{encoded}", f"{name}+00000000+{encoded}",
        f"{name}+{ident}+", f"{name}+{ident}+AQ==", f"{name}+{ident[:6]}+{encoded}",
        f"{name}+{ident}+{encoded.rstrip('=')}=", f"{name}+{ident}++{encoded}",
    ):  # fmt: skip
        with pytest.raises(Malformed):
            parse_vkey(bad)


def test_upper_case_hex_in_a_vkey_is_refused() -> None:
    for number in range(40):  # until an id has a letter in it
        key = verifier_key(f"n{number}", TYPE_ED25519, KEYS["one"].public_key)
        text = format_vkey(key)
        ident = key.key_id.hex()
        if ident.upper() != ident:
            with pytest.raises(Malformed):
                parse_vkey(text.replace(ident, ident.upper()))
            return
    pytest.fail("no id with a letter")


@pytest.mark.parametrize(
    ("kind", "length"),
    [
        (0x00, 32),
        (0x01, 31),
        (0x01, 33),
        (0x02, 32),
        (0x04, 0),
        (0x06, 32),
        (0xFF, 0),
        (0xFF, 1025),
    ],
)  # fmt: skip
def test_keys_of_wrong_type_or_length_are_refused(kind: int, length: int) -> None:
    with pytest.raises(Malformed, match=r"type|length"):
        verifier_key("x", kind, b"\x02" * length)


def test_a_key_of_low_order_is_refused() -> None:
    with pytest.raises(Malformed, match="low order"):
        verifier_key("x", TYPE_ED25519, bytes(32))


# ---------------------------------------------------------------- opening


def test_unknown_lines_are_ignored_and_known_ones_returned_in_order() -> None:
    stranger = Signature("stranger", b"\0\0\0\0", b"nonsense")
    note = Note(TEXT, (stranger, LINES["two"], LINES["one"]))
    verified = open_note(note, [TextVerifier(KEYS["one"]), TextVerifier(KEYS["two"])])
    assert verified == (
        Verified(KEYS["two"], LINES["two"], 0),
        Verified(KEYS["one"], LINES["one"], 0),
    )


def test_name_and_id_must_both_fit() -> None:
    one, two = LINES["one"], LINES["two"]
    for line in (Signature("two", one.key_id, one.body), Signature("one", two.key_id, one.body)):
        with pytest.raises(NotTrusted, match="no signature line"):
            open_note(Note(TEXT, (line,)), [TextVerifier(KEYS["one"])])


def test_a_bad_line_of_a_known_key_spoils_the_note_wherever_it_stands() -> None:
    good = LINES["one"]
    bad = Signature("one", good.key_id, good.body[:-1] + b"\0")
    for lines in ((bad,), (good, bad), (bad, good), (LINES["two"], bad)):
        with pytest.raises(NotTrusted):
            open_note(Note(TEXT, lines), [TextVerifier(KEYS["one"]), TextVerifier(KEYS["two"])])


def test_a_signature_of_wrong_length_by_a_known_key_is_malformed() -> None:
    line = Signature("one", LINES["one"].key_id, LINES["one"].body + b"\0")
    with pytest.raises(Malformed):
        open_note(Note(TEXT, (line,)), [TextVerifier(KEYS["one"])])


def test_two_keys_that_cannot_be_told_apart_are_refused() -> None:
    twin = VerifierKey("one", TYPE_ED25519, KEYS["two"].public_key, KEYS["one"].key_id)
    with pytest.raises(Malformed, match="same id"):
        open_note(Note(TEXT, (LINES["one"],)), [TextVerifier(KEYS["one"]), TextVerifier(twin)])


def test_the_latest_line_of_a_key_counts() -> None:
    class Timed:
        key = KEYS["one"]

        def verify(self, text: bytes, body: bytes) -> int:
            return int.from_bytes(body, "big")

    lines = tuple(Signature("one", Timed.key.key_id, bytes([t])) for t in (3, 9, 5))
    (verified,) = open_note(Note(TEXT, lines), [Timed()])
    assert (verified.time_s, verified.signature) == (9, lines[1])


def test_a_verifier_takes_only_its_type() -> None:
    with pytest.raises(Malformed, match="0x01"):
        TextVerifier(verifier_key("x", 0x04, KEYS["one"].public_key))
