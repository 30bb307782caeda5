"""What a refused entry is answered with: the operator's signed note, and when there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from registry.api.app import create_app
from registry.api.services import ApiSettings
from registry.chain.note import parse_vkey
from registry.ledger.refusal_note import (
    SignedRefusal,
    open_refusal,
    parse_refusal,
    text_sha256,
)
from registry.ledger.signing import SigningKey
from registry.service import refusing
from registry.verify.refusal import verify_refusal
from tests.asgi import AppClient
from tests.books import ORIGIN, TONNE, party_key
from tests.fakes import FakeRegistry
from tests.freezes import freeze_of_nobody

KEY = party_key("operator", 1)
TEXT = {"content-type": "text/plain"}
JSON = {"content-type": "application/json"}


@contextmanager
def serving(
    registry: FakeRegistry, key: SigningKey | None = KEY, fault: str = ""
) -> Iterator[AppClient]:
    """A client of the application with this key for refusal notes."""
    settings = ApiSettings(clock_ms=registry.clock, refusal_key=key, refusal_key_fault=fault)
    with AppClient(create_app(registry, registry, registry, settings)) as client:
        yield client


@pytest.fixture
def signing(registry: FakeRegistry) -> Iterator[AppClient]:
    """Give the application of a log that has enrolled the operator's second key."""
    registry.take([registry.book.add_key("operator")])
    registry.publish()
    with serving(registry) as client:
        yield client


def opened(problem: Mapping[str, Any]) -> SignedRefusal:
    """The note of a problem, whose line must be good."""
    signed = parse_refusal(problem["refusal_note"].encode())
    assert open_refusal(signed, [parse_vkey(KEY.vkey)]).name == KEY.holder
    return signed


def many(*notes: bytes) -> bytes:
    return msgspec.json.encode({"entries": [note.decode() for note in notes]})


def test_a_court_can_show_that_its_freeze_arrived(
    registry: FakeRegistry, signing: AppClient
) -> None:
    note = freeze_of_nobody(registry.book)
    answer = signing.post("/v1/entries", content=note, headers=TEXT)
    assert (answer.status_code, answer.json()["name"]) == (422, "unknown_account")
    data = answer.json()["refusal_note"].encode()
    report = verify_refusal(data, [KEY.vkey], entry=note)
    assert (report.origin, report.size) == (ORIGIN, len(registry.records))
    assert report.facts["number"] == answer.json()["number"]
    assert report.facts["entry"] == "freeze"
    assert report.facts["time_ms"] == registry.clock.ms
    assert report.facts["text_sha256"] == text_sha256(note)


def test_each_refusal_says_at_which_size_it_was_judged(
    registry: FakeRegistry, signing: AppClient
) -> None:
    book, size = registry.book, len(registry.records)
    notes = (
        freeze_of_nobody(registry.book),
        book.transfer("mill", "host"),
        b"no note at all",
        book.transfer("mill", "host", quantity_g=10_000_000 * TONNE),
    )
    results = signing.post("/v1/entries", content=many(*notes), headers=JSON).json()["results"]
    first, last = opened(results[0]["problem"]), opened(results[3]["problem"])
    assert (first.said.size, last.said.size) == (size, size + 1)
    assert first.said.text_sha256 == text_sha256(notes[0])
    assert last.said.text_sha256 == text_sha256(notes[3])
    assert last.said.number == results[3]["problem"]["number"] == 503
    assert "refusal_note" not in results[2]["problem"], "of what is malformed nothing was judged"
    assert "committed" in results[1]


def test_a_bad_signature_and_another_log_are_refused_with_a_note(
    registry: FakeRegistry, signing: AppClient
) -> None:
    good = registry.book.transfer("mill", "host")
    forged = (
        good[: good.rindex("— ".encode())]
        + registry.book.transfer("mill", "host")[-len(good[good.rindex("— ".encode()) :]) :]
    )
    problem = signing.post("/v1/entries", content=forged, headers=TEXT).json()
    assert problem["name"] == "bad_signature"
    assert opened(problem).said.text_sha256 == text_sha256(forged) == text_sha256(good)
    other = FakeRegistry("other.invalid/log/0badc0de").book.transfer("mill", "host")
    problem = signing.post("/v1/entries", content=other, headers=TEXT).json()
    assert problem["name"] == "wrong_origin"
    assert opened(problem).origin == ORIGIN, "the log that refused, not the one it was for"


def test_an_id_for_another_text_gets_a_note_and_a_replay_its_receipt(
    registry: FakeRegistry, signing: AppClient
) -> None:
    book = registry.book
    same_id = book.next_id()
    note = book.transfer("mill", "host", id=same_id)
    receipt = signing.post("/v1/entries", content=note, headers=TEXT).json()
    again = signing.post("/v1/entries", content=note, headers=TEXT)
    assert again.headers["idempotent-replay"] == "true"
    assert again.json() == {**receipt, "replayed": True}
    other = book.transfer("mill", "host", id=same_id, quantity_g=2 * TONNE)
    problem = signing.post("/v1/entries", content=other, headers=TEXT).json()
    assert opened(problem).said.number == 106


def test_malformed_entries_and_dry_runs_get_none(
    registry: FakeRegistry, signing: AppClient
) -> None:
    malformed = signing.post("/v1/entries", content=b"no note", headers=TEXT)
    assert (malformed.status_code, "refusal_note" in malformed.json()) == (400, False)
    checked = signing.post(
        "/v1/entries:check", content=freeze_of_nobody(registry.book), headers=TEXT
    )
    assert (checked.status_code, "refusal_note" in checked.json()) == (422, False)


@pytest.mark.parametrize(
    ("key", "fault", "why"),
    [
        (None, "there is no key file for them", "there is no key file"),
        (None, "", refusing.NO_KEY),
        (KEY, "", "is not enrolled in the log"),
        (party_key("court"), "", "is no key of the operator operator.test"),
        (SigningKey("operator.test", bytes(32)), "", "is not enrolled"),
    ],
)
def test_without_a_good_key_the_answer_has_no_note_and_readyz_says_why(
    registry: FakeRegistry, key: SigningKey | None, fault: str, why: str
) -> None:
    with serving(registry, key, fault) as client:
        answer = client.post("/v1/entries", content=freeze_of_nobody(registry.book), headers=TEXT)
        assert (answer.status_code, answer.json()["name"]) == (422, "unknown_account")
        assert "refusal_note" not in answer.json()
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert ready.json()["refusal_notes"].startswith("none: ")
        assert why in ready.json()["refusal_notes"]


def test_a_key_signs_once_it_is_enrolled_and_no_more_when_revoked(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusing, "CHECK_S", -1.0)
    with serving(registry) as client:

        def answered() -> dict[str, Any]:
            note = freeze_of_nobody(registry.book)
            found: dict[str, Any] = client.post("/v1/entries", content=note, headers=TEXT).json()
            return found

        assert "refusal_note" not in answered()
        registry.take([registry.book.add_key("operator")])
        registry.publish()
        assert opened(answered()).origin == ORIGIN
        assert client.get("/readyz").json()["refusal_notes"] == f"signed by {KEY.signer}"
        registry.take([registry.book.revoke_key("operator", 1)])
        registry.publish()
        assert "refusal_note" not in answered()
        assert "not in force" in client.get("/readyz").json()["refusal_notes"]


def test_a_log_without_genesis_refuses_without_a_note() -> None:
    registry = FakeRegistry()
    with serving(registry) as client:
        problem = client.post(
            "/v1/entries", content=registry.book.transfer("mill", "host"), headers=TEXT
        ).json()
    assert (problem["name"], "refusal_note" in problem) == ("log_not_open", False)
