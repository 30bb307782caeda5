"""Entries in: one, many, again, half good; what waits; who is not there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from registry.api import submit
from registry.chain import tlog
from registry.ledger.codec import ENTRY_BYTES_MAX
from registry.net.wire import CheckResults, Receipt, Results
from registry.ports import Admitted, Committed, Overloaded, Refused
from registry.service import publication
from registry.service.admission import REQUEST_ENTRIES_MAX, TURN_ENTRIES, Admission
from tests.asgi import AppClient
from tests.books import BATCH, TONNE, account_id
from tests.fakes import FakeRegistry

Entries = Sequence[Admitted]
Outcomes = Sequence[Committed | Refused]
TEXT = {"content-type": "text/plain; charset=utf-8"}
JSON = {"content-type": "application/json"}


def body(*notes: bytes) -> bytes:
    return msgspec.json.encode({"entries": [note.decode() for note in notes]})


def test_one_note_is_committed_once(registry: FakeRegistry, client: AppClient) -> None:
    size = len(registry.records)
    note = registry.book.transfer("mill", "host")
    first = client.post("/v1/entries", content=note, headers=TEXT)
    assert first.status_code == 201
    receipt = msgspec.json.decode(first.content, type=Receipt)
    assert receipt == Receipt(
        index=size,
        time_ms=registry.clock.ms,
        leaf_hash=tlog.leaf_hash(registry.records[size]).hex(),
        replayed=False,
    )
    registry.clock.ms += 1000
    again = client.post("/v1/entries", content=note, headers=TEXT)
    assert again.status_code == 200
    assert again.headers["idempotent-replay"] == "true"
    assert again.json() == {**first.json(), "replayed": True}
    assert len(registry.records) == size + 1


def test_the_writer_is_told_by_which_keys_the_signatures_are_good(
    registry: FakeRegistry, client: AppClient
) -> None:
    registry.asked.clear()
    client.post("/v1/entries", content=registry.book.transfer("mill", "host"), headers=TEXT)
    ((admitted,),) = registry.asked
    assert len(admitted.keys) == len(admitted.signatures) == 1


def test_a_key_enrolled_on_the_way_is_left_to_the_writer(client: AppClient) -> None:
    registry = FakeRegistry()
    admission = Admission(registry, registry, registry.clock)
    notes = registry.book.founding()
    outcomes = asyncio.run(admission.submit(notes))
    assert [outcome.index for outcome in outcomes] == list(range(len(notes)))
    assert all(admitted.keys == () for admitted in registry.asked[0])
    asyncio.run(admission.submit([registry.book.transfer("farm", "mill")]))
    assert all(admitted.keys for admitted in registry.asked[1])


def test_many_notes_have_one_result_each(registry: FakeRegistry, client: AppClient) -> None:
    good = registry.book.transfer("mill", "host")
    notes = (
        good,
        b"no note at all",
        registry.book.transfer("mill", "host", quantity_g=10_000_000 * TONNE),
        good,
        registry.book.transfer("host", "mill"),
    )
    size = len(registry.records)
    answer = client.post("/v1/entries", content=body(*notes), headers=JSON)
    assert answer.status_code == 200
    assert "idempotent-replay" not in answer.headers
    results = msgspec.json.decode(answer.content, type=Results).results
    assert [r.committed.index if r.committed else None for r in results] == [
        size, None, None, size, size + 1,
    ]  # fmt: skip
    assert [r.problem.status if r.problem else None for r in results] == [
        None, 400, 422, None, None,
    ]  # fmt: skip
    assert results[2].problem.name == "insufficient"
    assert results[2].problem.number == 503
    assert results[2].problem.fields["batch"] == BATCH
    assert results[2].problem.transient is True
    assert results[3].committed.replayed is True


def test_a_batch_that_was_there_says_so(registry: FakeRegistry, client: AppClient) -> None:
    notes = [registry.book.transfer("mill", "host"), registry.book.transfer("mill", "host")]
    client.post("/v1/entries", content=body(*notes), headers=JSON)
    answer = client.post("/v1/entries", content=body(*notes), headers=JSON)
    assert answer.headers["idempotent-replay"] == "true"


def test_the_same_id_with_another_text_is_refused(
    registry: FakeRegistry, client: AppClient
) -> None:
    note = registry.book.transfer("mill", "host", id="019b76da-a800-7000-8000-00000000ffff")
    other = registry.book.transfer(
        "mill", "host", id="019b76da-a800-7000-8000-00000000ffff", quantity_g=2 * TONNE
    )
    index = client.post("/v1/entries", content=note, headers=TEXT).json()["index"]
    answer = client.post("/v1/entries", content=other, headers=TEXT)
    assert (answer.status_code, answer.json()["name"]) == (422, "id_reused")
    assert answer.json()["fields"]["index"] == index


def test_two_requests_for_the_same_credits(registry: FakeRegistry, client: AppClient) -> None:
    free = client.get(f"/v1/accounts/{account_id('mill')}/balances").json()["total"]["free_g"]
    notes = [registry.book.transfer("mill", to, quantity_g=free) for to in ("host", "farm")]
    answers = [client.post("/v1/entries", content=note, headers=TEXT) for note in notes]
    assert [answer.status_code for answer in answers] == [201, 422]
    assert answers[1].json()["name"] == "insufficient"


# ------------------------------------------------------------ waiting for the checkpoint


def test_published_comes_with_proofs(
    registry: FakeRegistry, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = [registry.book.transfer("mill", "host"), registry.book.transfer("mill", "host")]
    submit_plainly = registry.submit

    async def submit_and_publish(entries: Entries) -> Outcomes:
        outcomes = await submit_plainly(entries)
        registry.publish()
        return outcomes

    monkeypatch.setattr(registry, "submit", submit_and_publish)
    answer = client.post("/v1/entries?wait=published", content=body(*notes), headers=JSON)
    assert answer.status_code == 200
    for result in msgspec.json.decode(answer.content, type=Results).results:
        proof = result.committed.inclusion
        assert proof.index == result.committed.index
        assert proof.size == len(registry.records)
        assert proof.checkpoint.encode() == registry.checkpoint()
        tlog.check_inclusion(
            [bytes.fromhex(h) for h in proof.hashes],
            proof.index,
            tlog.leaf_hash(registry.records[proof.index]),
            proof.size,
            registry.frontier.root(),
        )


def test_a_late_checkpoint_is_202(
    registry: FakeRegistry, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication.PublicationWatch.reach, "__kwdefaults__", {"timeout_ms": 80})
    note = registry.book.transfer("mill", "host")
    answer = client.post("/v1/entries?wait=published", content=note, headers=TEXT)
    assert answer.status_code == 202
    assert "inclusion" not in answer.json()


def test_waiting_for_what_was_refused_does_not_wait(
    registry: FakeRegistry, client: AppClient
) -> None:
    note = registry.book.transfer("mill", "mill")
    answer = client.post("/v1/entries?wait=published", content=note, headers=TEXT)
    assert (answer.status_code, answer.json()["name"]) == (422, "same_account")
    both = client.post("/v1/entries?wait=published", content=body(note), headers=JSON)
    assert (both.status_code, both.json()["results"][0]["problem"]["status"]) == (200, 422)


# ------------------------------------------------------------ the writer, gone or overloaded


def test_without_a_writer_the_outcome_is_open(registry: FakeRegistry, client: AppClient) -> None:
    registry.gone = True
    note = registry.book.transfer("mill", "host")
    for content, headers in ((note, TEXT), (body(note), JSON)):
        answer = client.post("/v1/entries", content=content, headers=headers)
        assert answer.status_code == 503
        assert "not known" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) >= 1


def test_an_overloaded_service_says_when_to_come_back(
    registry: FakeRegistry, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(entries: Entries) -> Outcomes:
        raise Overloaded("too many entries wait for the writer")

    monkeypatch.setattr(registry, "submit", full)
    note = registry.book.transfer("mill", "host")
    answer = client.post("/v1/entries", content=note, headers=TEXT)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:tanbu:overloaded")
    assert "retry-after" in answer.headers


def test_bodies_held_at_once_are_bounded(
    registry: FakeRegistry, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "HELD_BYTES_MAX", 1_000)

    async def unstated() -> AsyncIterator[bytes]:
        yield b"x"

    for path in ("/v1/entries", "/v1/entries:check"):
        for content in (b"x" * 1_001, unstated()):
            answer = client.post(path, content=content, headers=TEXT)
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:tanbu:overloaded")
        for _ in range(3):  # what was refused, and what was worked on, is not held any more
            assert client.post(path, content=b"x" * 1_000, headers=TEXT).status_code == 400


def test_an_error_of_ours_says_nothing_of_itself(
    registry: FakeRegistry, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(entries: Entries) -> Outcomes:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(registry, "submit", broken)
    note = registry.book.transfer("mill", "host")
    answer = client.post("/v1/entries", content=note, headers=TEXT)
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:tanbu:broken"
    assert "secret" not in answer.text


def test_others_get_their_turn_within_a_large_request(registry: FakeRegistry) -> None:
    notes = [registry.book.transfer("mill", "host") for _ in range(4 * TURN_ENTRIES)]
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def both() -> None:
        counting = asyncio.create_task(count_turns())
        await Admission(registry, registry, registry.clock).submit(notes)
        counting.cancel()

    asyncio.run(both())
    assert turns >= 4


# ------------------------------------------------------------ bodies


def test_limits(registry: FakeRegistry, client: AppClient) -> None:
    size = len(registry.records)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(submit.REQUEST_BYTES_MAX // 1_000_000 + 2):
            yield b" " * 1_000_000

    long = client.post("/v1/entries", content=b"x" * (ENTRY_BYTES_MAX + 1), headers=TEXT)
    assert (long.status_code, long.json()["type"]) == (413, "urn:tanbu:too_large")
    huge = b" " * (submit.REQUEST_BYTES_MAX + 1)
    assert client.post("/v1/entries", content=huge, headers=JSON).status_code == 413
    assert client.post("/v1/entries", content=pieces(), headers=JSON).status_code == 413
    many = client.post("/v1/entries", content=body(*[b"x"] * 1001), headers=JSON)
    assert many.status_code == 413
    assert str(REQUEST_ENTRIES_MAX) in many.json()["detail"]
    most = client.post("/v1/entries", content=body(*[b"x"] * 1000), headers=JSON)
    assert (most.status_code, len(most.json()["results"])) == (200, 1000)
    assert len(registry.records) == size


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"entries":[]}',
        b'{"entries":"x"}',
        b'{"entries":[1]}',
        b'{"entries":[null]}',
        b'{"entries":["x"],"more":1}',
        b'{"entries":["x"],"entries":["y"]}',
        b'{"\\u0065ntries":["x"]}',
        b'{"entries":["x"]',
        b'{"entries":["\xff"]}',
        b'{"entries":["\\ud800"]}',
        b'{"entries":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 200_000,
        b'{"entries":NaN}',
        b"\xef\xbb\xbf" + b'{"entries":["x"]}',
    ],
    ids=range(18),
)
def test_what_is_no_submission_is_malformed(client: AppClient, content: bytes) -> None:
    answer = client.post("/v1/entries", content=content, headers=JSON)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:tanbu:malformed"
    check = client.post("/v1/entries:check", content=content, headers=JSON)
    assert check.status_code == 400


@pytest.mark.parametrize("kind", ["", "text/html", "application/x-www-form-urlencoded", "a"])
def test_other_types_are_not_taken(client: AppClient, kind: str) -> None:
    answer = client.post("/v1/entries", content=b"x", headers={"content-type": kind})
    assert answer.status_code == 415
    assert "text/plain" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query", ["wait=never", "wait=committed&wait=published", "wat=committed", "wait=%ff", "=", "x"]
)
def test_a_query_is_strict(registry: FakeRegistry, client: AppClient, query: str) -> None:
    size = len(registry.records)
    note = registry.book.transfer("mill", "host")
    answer = client.post(f"/v1/entries?{query}", content=note, headers=TEXT)
    assert answer.status_code == 400
    assert len(registry.records) == size


# ------------------------------------------------------------ dry runs


def test_a_dry_run_tells_and_writes_nothing(registry: FakeRegistry, client: AppClient) -> None:
    size, before = len(registry.records), dict(registry.base.values)
    book = registry.book
    enrol = book.person("bob")
    give = book.transfer("mill", "bob")
    notes = (give, enrol, give, book.transfer("mill", "mill"), b"x", registry_note(registry, 3))
    answer = client.post("/v1/entries:check", content=body(*notes), headers=JSON)
    assert answer.status_code == 200
    found = msgspec.json.decode(answer.content, type=CheckResults)
    names = [r.problem.name if r.problem and r.problem.name else None for r in found.results]
    assert names == ["unknown_account", None, None, "same_account", None, None]
    assert found.results[4].problem.status == 400
    assert found.results[5].acceptable.index == 3
    assert found.size == size
    assert (len(registry.records), registry.base.values) == (size, before)


def test_a_dry_run_of_one_note(registry: FakeRegistry, client: AppClient) -> None:
    good = client.post(
        "/v1/entries:check", content=registry.book.transfer("mill", "host"), headers=TEXT
    )
    assert (good.status_code, good.json()) == (200, {"acceptable": {}})
    bad = client.post(
        "/v1/entries:check", content=registry.book.transfer("mill", "mill"), headers=TEXT
    )
    assert (bad.status_code, bad.json()["name"]) == (422, "same_account")


def test_a_dry_run_needs_no_writer(registry: FakeRegistry, client: AppClient) -> None:
    registry.gone = True
    note = registry.book.transfer("mill", "host")
    assert client.post("/v1/entries:check", content=note, headers=TEXT).status_code == 200


def registry_note(registry: FakeRegistry, index: int) -> bytes:
    """The note that stands at an index."""
    return registry.records[index].partition(b"\n")[2]


def test_ids_within_one_dry_run(registry: FakeRegistry, client: AppClient) -> None:
    fields = {"id": "019b76da-a800-7000-8000-00000000fffe"}
    one = registry.book.transfer("mill", "host", **fields)
    other = registry.book.transfer("mill", "host", quantity_g=2 * TONNE, **fields)
    answer = client.post("/v1/entries:check", content=body(one, one, other), headers=JSON)
    results = answer.json()["results"]
    assert [r.get("problem", {}).get("name") for r in results] == [None, None, "id_reused"]
    assert json.loads(answer.content)["size"] == len(registry.records)
