"""Bad input, as a table: what is sent, what is answered; the log stays as it was, never a 5xx."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from registry.chain import ed25519
from registry.chain.note import TYPE_ED25519, key_id
from registry.ledger.codec import format_text
from registry.ledger.entries import Party, SpanItem
from registry.ledger.entries.authority import EnrolledKey
from registry.ledger.entries.moving import Item
from registry.ledger.entries.use import Firm, Obligor
from registry.ledger.signing import SigningKey
from tests.asgi import AppClient
from tests.books import BATCH, DAY_MS, T0, TONNE, Book, account_id, party_key
from tests.fakes import FakeRegistry

TEXT = {"content-type": "text/plain; charset=utf-8"}
Make = Callable[[Book], bytes]
LOW_ORDER_R = bytes(31) + b"\x80"
OTHER = SigningKey("mill.test", b"another seed of thirty-two bytes")


def good(book: Book) -> bytes:
    return book.transfer("mill", "host")


def edit(old: bytes, new: bytes, make: Make = good) -> Make:
    """The note with one place changed after it was signed."""

    def changed(book: Book) -> bytes:
        note = make(book)
        if note.count(old) < 1:
            raise AssertionError(f"{old!r} is not in the note")
        return note.replace(old, new, 1)

    return changed


def resigned(old: bytes, new: bytes) -> Make:
    """The text with one place changed, signed anew: only its form is wrong."""

    def changed(book: Book) -> bytes:
        text = good(book).partition(b"\n\n")[0] + b"\n"
        if old not in text:
            raise AssertionError(f"{old!r} is not in the text")
        text = text.replace(old, new, 1)
        return signed(text, party_key("mill"))

    return changed


def signed(text: bytes, *keys: SigningKey) -> bytes:
    lines = []
    for key in keys:
        body = bytes.fromhex(key.signer[-8:]) + ed25519.sign(key.seed, text)
        lines.append(f"— {key.holder} {base64.b64encode(body).decode()}\n".encode())
    return text + b"\n" + b"".join(lines)


def signature_of(change: Callable[[bytes], bytes]) -> Make:
    """The note with its signature's 64 bytes changed."""

    def changed(book: Book) -> bytes:
        note = good(book)
        head, _, line = note.rpartition(b" ")
        data = base64.b64decode(line.strip())
        return head + b" " + base64.b64encode(data[:4] + change(data[4:])) + b"\n"

    return changed


def extra_line(book: Book) -> bytes:
    note = good(book)
    return (
        note + signed(note.partition(b"\n\n")[0] + b"\n", party_key("host")).rpartition(b"\n\n")[2]
    )


def double_line(book: Book) -> bytes:
    note = good(book)
    return note + note.rpartition(b"\n\n")[2]


def span(first: int, last: int) -> SpanItem:
    """Exact serials of the founding batch."""
    return SpanItem(batch=BATCH, first=first, last=last)


def court_by_operator(book: Book) -> bytes:
    """A court that the authority knows nothing of."""
    key = SigningKey("newcourt.test", b"a seed of thirty-two bytes, new.")
    return book.note(
        Party,
        party_key("operator"),
        key,
        party=key.holder,
        title="Sample court",
        roles=("court",),
        keys=(EnrolledKey(key=key.vkey),),
    )


def low_order_key(book: Book) -> bytes:
    """A party whose key is a point of low order, for which anybody can sign."""
    public = bytes([1]) + bytes(31)
    key = key_id("weak.test", TYPE_ED25519, public)
    vkey = f"weak.test+{key.hex()}+{base64.b64encode(bytes([TYPE_ED25519]) + public).decode()}"
    entry = Party(
        id=book.next_id(),
        not_after=book.now_ms + DAY_MS,
        signers=tuple(sorted((party_key("operator").signer, f"weak.test+{key.hex()}"))),
        party="weak.test",
        title="Sample weak party",
        roles=(),
        keys=(EnrolledKey(key=vkey),),
    )
    text = format_text(book.origin, entry)
    forged = base64.b64encode(key + public + bytes(32)).decode()
    return signed(text, party_key("operator")) + f"— weak.test {forged}\n".encode()


MALFORMED: dict[str, Make] = {
    "nothing": lambda book: b"",
    "a word": lambda book: b"hello",
    "not UTF-8": lambda book: b"\xff\xfe\n\n" + good(book),
    "no blank line": edit(b"\n\n", b"\n"),
    "no signature": lambda book: good(book).partition(b"\n\n")[0] + b"\n\n",
    "a text alone": lambda book: good(book).partition(b"\n\n")[0] + b"\n",
    "a carriage return": edit(b"\n", b"\r\n"),
    "a NUL": edit(b"internal", b"inter\x00al"),
    "a missing last line feed": lambda book: good(book)[:-1],
    "another header": edit(b"tanbu.entry/v1", b"tanbu.entry/v2"),
    "a line more": edit(b"\n{", b"\nmore\n{"),
    "extra signature": extra_line,
    "double signature": double_line,
    "missing signature": resigned(b'"signers":["', b'"signers":["host.test+00000000","'),
    "base64 of another form": lambda book: good(book)[:-3] + b"B=\n",
    "short signature": signature_of(lambda s: b""),
    "blanks in JSON": resigned(b'":', b'": '),
    "keys out of order": resigned(b'{"from"', b'{"zzz":1,"from"'),
    "a double key": resigned(b'"kind":', b'"kind":"transfer","kind":'),
    "a float": resigned(b"1000000", b"1000000.0"),
    "an exponent": resigned(b"1000000", b"1e6"),
    "NaN": resigned(b"1000000", b"NaN"),
    "Infinity": resigned(b"1000000", b"Infinity"),
    "null": resigned(b"1000000", b"null"),
    "a negative number": resigned(b"1000000", b"-1000000"),
    "zero grams": resigned(b"1000000", b"0"),
    "a huge integer": resigned(b"1000000", b"9" * 400),
    "above 2^53-1": resigned(b"1000000", b"9007199254740992"),
    "a number as text": resigned(b"1000000", b'"1000000"'),
    "a boolean for a number": resigned(b"1000000", b"true"),
    "deep nesting": resigned(b"1000000", b"[" * 5_000 + b"]" * 5_000),
    "an unknown field": resigned(b'"to":', b'"tip":1,"to":'),
    "an unknown kind": resigned(b'"kind":"transfer"', b'"kind":"transmute"'),
    "a kind of the wrong type": resigned(b'"kind":"transfer"', b'"kind":7'),
    "a missing field": resigned(b',"reason":"internal"', b""),
    "a list for an object": lambda book: signed(
        b"tanbu.entry/v1\n%b\n[]\n" % book.origin.encode(), party_key("mill")
    ),
    "an id of version 4": resigned(b"-7000-", b"-4000-"),
    "an account of another form": resigned(b'"to":"a-', b'"to":"A-'),
    "a needless escape": resigned(b'"internal"', b'"\\u0069nternal"'),
    "a control character escaped": resigned(b'"kind"', b'"memo":"a\\u0000","kind"'),
    "half a surrogate": resigned(b'"kind"', b'"memo":"\\ud800","kind"'),
    "an empty object": lambda book: b"tanbu.entry/v1\nx\n{}\n\n\xe2\x80\x94 a b\n",
    "only blanks": lambda book: b"\n" * 2_000,
}

REFUSED: dict[str, tuple[str, Make]] = {
    "another log": ("wrong_origin", lambda book: good(Book("other.test/log/00000000"))),
    "an origin changed after signing": ("wrong_origin", edit(b"0badc0de", b"0badc0df")),
    "a quantity changed after signing": ("bad_signature", edit(b"1000000", b"2000000")),
    "a signature of another key's id": (
        "unknown_signer",
        lambda book: book.transfer("mill", "host", by=OTHER),
    ),
    "a zero signature": ("bad_signature", signature_of(lambda s: bytes(64))),
    "a low-order R": ("bad_signature", signature_of(lambda s: LOW_ORDER_R + s[32:])),
    "S not below L": (
        "bad_signature",
        signature_of(
            lambda s: (
                s[:32]
                + (
                    int.from_bytes(s[32:], "little")
                    + 2**252
                    + 27742317777372353535851937790883648493
                ).to_bytes(32, "little")
            )
        ),
    ),
    "a key that was revoked": (
        "key_not_in_force",
        lambda book: book.transfer("farm", "mill", by=party_key("farm", 0)),
    ),
    "a revoked key and a bad signature": (
        "key_not_in_force",
        edit(b"1000000", b"2000000", lambda b: b.transfer("farm", "mill")),
    ),
    "expired": ("expired", lambda book: book.transfer("mill", "host", not_after=T0 - 1)),
    "expired and a bad signature": (
        "expired",
        edit(b"1000000", b"2", lambda book: book.transfer("mill", "host", not_after=T0 - 1)),
    ),
    "good for too long": (
        "not_after_too_far",
        lambda book: book.transfer("mill", "host", not_after=T0 + 31 * DAY_MS),
    ),
    "an unknown account": (
        "unknown_account",
        lambda book: book.transfer("mill", "host", to=account_id("nobody")),
    ),
    "an unknown batch": (
        "unknown_batch",
        lambda book: book.transfer("mill", "host", batch="CN-GD-PHCER-2024-000009"),
    ),
    "an overdraft": (
        "insufficient",
        lambda book: book.transfer("mill", "host", quantity_g=900_000 * TONNE),
    ),
    "a part of a serial": (
        "not_whole_serials",
        lambda book: book.transfer("mill", "host", quantity_g=TONNE + 1),
    ),
    "serials of somebody else": (
        "serials_not_free",
        lambda book: book.transfer("mill", "host", serials=(40_000, 40_001)),
    ),
    "retired serials": (
        "owner_missing",
        lambda book: book.transfer("farm", "mill", serials=(30_001, 30_002), by=party_key("mill")),
    ),
    "overlapping serials": (
        "serials_not_free",
        lambda book: book.retirement("mill", 1, 1, items=tuple(span(4, 8) for _ in range(2))),
    ),
    "serials the wrong way round": (
        "serials_form",
        lambda book: book.transfer("mill", "host", serials=(9, 8)),
    ),
    "quantity and serials at once": (
        "serials_form",
        lambda book: book.transfer(
            "mill", "host", items=(Item(batch=BATCH, quantity_g=TONNE, first=1, last=1),)
        ),
    ),
    "an order over-fulfilled": (
        "order_over_fulfilled",
        lambda book: book.retirement("mill", 4, 4, purpose="remediation", ref="ORDER-1"),
    ),
    "an unknown order": (
        "unknown_order",
        lambda book: book.retirement("mill", 4, 4, purpose="remediation", ref="ORDER-9"),
    ),
    "an obligor twice described": (
        "obligor_form",
        lambda book: book.order(
            "ORDER-8", obligors=(Obligor(firm=Firm(name="x"), commit="0" * 64),)
        ),
    ),
    "a court enrolled by the operator alone": (
        "role_missing",
        court_by_operator,
    ),
    "a low-order key": ("bad_key", low_order_key),
    "a second genesis": ("log_already_open", Book.genesis),
}


def everything(registry: FakeRegistry) -> tuple[int, dict[str, bytes]]:
    return len(registry.records), dict(registry.base.values)


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(still: FakeRegistry, still_client: AppClient, name: str) -> None:
    before = everything(still)
    note = MALFORMED[name](still.book)
    for path in ("/v1/entries", "/v1/entries:check"):
        answer = still_client.post(path, content=note, headers=TEXT)
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["type"] == "urn:tanbu:malformed"
        assert problem["detail"]
        assert "Traceback" not in answer.text
    assert everything(still) == before


@pytest.mark.parametrize("name", REFUSED)
def test_refused(still: FakeRegistry, still_client: AppClient, name: str) -> None:
    wanted, make = REFUSED[name]
    before = everything(still)
    note = make(still.book)
    for path in ("/v1/entries", "/v1/entries:check"):
        answer = still_client.post(path, content=note, headers=TEXT)
        assert (answer.status_code, answer.json().get("name")) == (422, wanted), answer.text
        problem = answer.json()
        assert problem["type"] == f"urn:tanbu:refusal:{wanted}"
        assert problem["number"] >= 100
        assert isinstance(problem["fields"], dict)
        assert isinstance(problem["transient"], bool)
    assert everything(still) == before
