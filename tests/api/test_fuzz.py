"""Whatever is sent, the answer is never a 5xx, and the log stays a log.

Requests are made from the interface's own description (schemathesis), notes by damaging good ones
(hypothesis). Bounded: a few hundred requests in a normal run, many more with `make fuzz`.
"""

from __future__ import annotations

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.chain.tlog import LeafHashes, root_hash
from tests.api.conftest import client_of, played
from tests.asgi import AppClient
from tests.fakes import FakeRegistry

REGISTRY = played()
CLIENT = client_of(REGISTRY)
DESCRIPTION = CLIENT.get("/openapi.json").json()
SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION)
NOTES = [record.partition(b"\n")[2] for record in REGISTRY.records]
MORE = max(1, settings().max_examples // 100)
"""1 in a normal run, 50 with the fuzz profile."""
FRESH = [REGISTRY.book.transfer("mill", "host") for _ in range(3)]


def check_answer(client: AppClient, method: str, url: str, **given_: object) -> None:
    answer = client.request(method, url, **given_)
    assert answer.status_code < 500, (method, url, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    assert "Traceback" not in answer.text


def check_log(registry: FakeRegistry) -> None:
    size = len(registry.records)
    assert registry.frontier.root() == root_hash(size, LeafHashes(registry.leaves))


@SCHEMA.parametrize()
@settings(max_examples=15 * MORE, suppress_health_check=list(HealthCheck))
def test_requests_of_every_shape(case: schemathesis.Case) -> None:
    sent = case.as_transport_kwargs(base_url="http://log.test")
    wanted = {"params", "json", "data", "headers"} & sent.keys()
    given_ = {name: sent[name] for name in wanted if sent[name] is not None}
    if isinstance(given_.get("data"), bytes | str):
        given_["content"] = given_.pop("data")
    check_answer(CLIENT, sent["method"], sent["url"], **given_)
    check_log(REGISTRY)


@st.composite
def damaged_notes(draw: st.DrawFn) -> bytes:
    """A note with a few bytes cut, doubled, replaced or inserted; sometimes left as it is."""
    note = bytearray(draw(st.sampled_from([*NOTES, *FRESH])))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(note)))
        length = draw(st.integers(0, 40))
        match draw(st.integers(0, 3)):
            case 0:
                del note[at : at + length]
            case 1:
                note[at:at] = note[at : at + length]
            case 2:
                note[at : at + 1] = draw(st.binary(min_size=1, max_size=2))
            case _:
                note[at:at] = draw(
                    st.one_of(
                        st.binary(max_size=8),
                        st.text(max_size=8).map(lambda t: t.encode(errors="surrogatepass")),
                        st.sampled_from(
                            [b"\n", b"\n\n", b'"', b"{", b"[" * 50, b"9" * 30, b"\\u0"]
                        ),
                    )
                )
    return bytes(note)


@given(damaged_notes(), st.sampled_from(["/v1/entries", "/v1/entries:check"]))
@settings(max_examples=150 * MORE)
def test_damaged_notes(note: bytes, path: str) -> None:
    check_answer(CLIENT, "POST", path, content=note, headers={"content-type": "text/plain"})
    check_log(REGISTRY)


@given(st.binary(max_size=200), st.sampled_from(["application/json", "text/plain"]))
@settings(max_examples=60 * MORE)
def test_bytes(body: bytes, kind: str) -> None:
    check_answer(CLIENT, "POST", "/v1/entries", content=body, headers={"content-type": kind})


@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
@settings(max_examples=80 * MORE)
def test_paths(parts: list[str]) -> None:
    path = "/".join("".join(f"%{b:02x}" for b in p.encode(errors="replace")) for p in parts)
    for top in ("", "v1/", "v1/entries/", "v1/batches/", "tile/"):
        # A whole URL: httpx takes no relative one that begins with two slashes.
        check_answer(CLIENT, "GET", f"http://log.test/{top}{path}")
