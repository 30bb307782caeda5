"""`tanbu seal` and `tanbu proof state`, and the book as of earlier sizes, against a service."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from registry.bootstrap.data import DataDirectory
from registry.chain.note import TYPE_ED25519
from registry.net.client import LogClient
from registry.service.seals import StateProof
from registry.signers.keyfile import PrivateKey, write_key_file
from registry.verify.trust import file_name, format_trust
from tests.books import BATCH, TONNE, Book, account_id, party_key
from tests.cli.conftest import Cli
from tests.logs import Clock, make_log, publishing, take, writing
from tests.services import get, post, running
from tests.verify.logs import log_trust

FARM, MILL = account_id("farm"), account_id("mill")


class Place(NamedTuple):
    """A service on a data directory, the operator's key, and trust."""

    data: DataDirectory
    book: Book
    port: int
    key: Path
    trust: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> tuple[int, Any]:
        status, body = get(self.port, path)
        return status, json.loads(body)

    def transfer(self, count: int = 1) -> None:
        by = party_key("farm", 1)
        moves = [self.book.transfer("farm", "mill", quantity_g=TONNE, by=by) for _ in range(count)]
        results = post(self.port, moves)
        assert all("committed" in result for result in results), results


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("sealed")
    book = Book(now_ms=time.time_ns() // 1_000_000 - 60_000)
    clock = Clock(book.now_ms)
    data = make_log(root / "data", book, clock)
    with writing(data, clock) as writer:
        take(writer, [*book.founding()[1:], *book.walk()])
    with publishing(data, clock) as publisher:
        publisher.step()
    operator = party_key("operator")
    write_key_file(root / "operator.key", PrivateKey(operator.holder, TYPE_ED25519, operator.seed))
    farm = party_key("farm", 1)
    write_key_file(root / "farm.key", PrivateKey(farm.holder, TYPE_ED25519, farm.seed))
    trust = root / "trust"
    trust.mkdir()
    (trust / file_name(book.origin)).write_bytes(format_trust(log_trust(book)))
    with running(data.root, "--workers", "1") as service:
        yield Place(data, book, service.port, root / "operator.key", trust)


def sealed(place: Place, cli: Cli) -> dict[str, Any]:
    """Seal what there is, after one more entry, and wait until it is published."""
    place.transfer()
    done = cli("seal", "--data", place.data.root, "--key", place.key, "--url", place.url, "--json")
    assert done.code == 0, done.err
    with closing(LogClient(place.url)) as log:
        log.wait_published(done.json["index"] + 1)
    found: dict[str, Any] = done.json
    return found


def test_a_value_is_proved_from_the_seal(place: Place, cli: Cli) -> None:
    made = sealed(place, cli)
    assert Path(made["leaves"]).stat().st_mode & 0o777 == 0o444
    common = ("--url", place.url, "--trust", place.trust, "--json")
    done = cli("proof", "state", "--key", "order/ORDER-1", *common)
    assert done.code == 0, done.err
    assert done.json["values"]["order/ORDER-1"]["fulfilled_g"] == 30 * TONNE
    assert done.json["sealed"]["root"] == made["root"]
    done = cli("proof", "state", "--key", "order/ORDER-9", *common)
    assert (done.code, done.json["values"]) == (0, {})
    done = cli("proof", "state", "--prefix", f"balance/{FARM}/", *common, "--size", made["size"])
    assert list(done.json["values"]) == [f"balance/{FARM}/{BATCH}"]
    done = cli("proof", "state", "--key", "log", *common, "--size", "7")
    assert done.code == 3
    done = cli("proof", "state", "--url", place.url, "--trust", place.trust)
    assert done.code == 2
    done = cli("proof", "state", "--key", "log", "--url", place.url, "--trust", place.trust)
    assert f"sealed at index {made['index']}" in done.out


def test_the_first_page_shows_the_last_seal(place: Place, cli: Cli) -> None:
    made = sealed(place, cli)
    status, page = get(place.port, "/")
    assert status == 200
    assert f"/entries/{made['index']}" in page.decode()
    assert made["root"][:16] in page.decode()


def test_balances_are_given_as_of_a_size_or_a_time(place: Place, cli: Cli) -> None:
    made = sealed(place, cli)
    path = f"/v1/accounts/{MILL}/balances"
    before = place.get(path)[1]["total"]["free_g"]
    place.transfer(3)
    now = place.get(path)[1]["total"]["free_g"]
    assert now == before + 3 * TONNE
    status, then = place.get(f"{path}?as_of={made['size']}")
    assert (status, then["size"], then["seal"]) == (200, made["size"], made["index"])
    assert then["total"]["free_g"] == before
    after_seal = made["index"] + 1
    for more in range(4):
        status, then = place.get(f"{path}?as_of={after_seal + more}")
        assert (status, then["size"]) == (200, after_seal + more)
        assert then["total"]["free_g"] == before + more * TONNE
        assert "seal" not in then
    status, entry = place.get(f"/v1/entries/{made['size'] - 1}")
    status, then = place.get(f"{path}?as_of={entry['time_ms']}ms")
    assert (status, then["size"]) == (200, made["size"])
    status, then = place.get(f"{path}?as_of=2099-01-01")
    assert then["total"]["free_g"] == now
    status, then = place.get(f"{path}?as_of=20")
    assert (status, then["size"]) == (200, 20)
    for bad, wanted in (("0", 404), ("999999", 404), ("2000-01-01", 404), ("1e3", 400)):
        assert place.get(f"{path}?as_of={bad}")[0] == wanted


def test_leaves_that_are_gone_or_altered_are_not_answered_from(place: Place, cli: Cli) -> None:
    made = sealed(place, cli)
    leaves = Path(made["leaves"])
    kept = leaves.read_bytes()
    ask = f"/v1/proofs/state?key=order/ORDER-1&size={made['size']}"
    status, body = get(place.port, ask)
    assert status == 200
    assert msgspec.json.decode(body, type=StateProof).values == 1
    leaves.chmod(0o600)
    leaves.write_bytes(kept.replace(b'"fulfilled_g":30', b'"fulfilled_g":40'))
    assert place.get(ask)[0] == 500
    assert place.get(f"/v1/accounts/{MILL}/balances?as_of={made['size']}")[0] == 200
    leaves.write_bytes(kept[:-1])
    assert place.get(ask)[0] == 500
    leaves.unlink()
    status, problem = place.get(ask)
    assert status == 503
    assert "tanbu seal" in problem["todo"]
    leaves.write_bytes(kept)
    for bad in ("", "?key=a&prefix=b", "?key=a%20b", "?key=log&size=0", "?prefix=" + "a" * 401):
        assert place.get(f"/v1/proofs/state{bad}")[0] == 400
    assert place.get("/v1/proofs/state?key=log&size=3")[0] == 404


def test_a_key_that_may_not_seal_is_told_so(place: Place, cli: Cli) -> None:
    place.transfer()
    farm = place.key.parent / "farm.key"
    done = cli("seal", "--data", place.data.root, "--key", farm, "--url", place.url)
    assert done.code == 1
    assert "role" in done.line
    assert done.err.count("\n") >= 1


def test_a_draft_for_those_who_sign_elsewhere(place: Place, cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "seal.draft"
    signers = ("--signer", party_key("operator").vkey)
    done = cli("seal", "--data", place.data.root, *signers, "--out", out)
    assert done.code == 0, done.err
    assert b'"kind":"seal"' in out.read_bytes()
    both = (*signers, "--signer", party_key("authority").vkey)
    ended = tmp_path / "end.draft"
    words = ("--end", "SAMPLE", "--successor", "sample.invalid/log/11111111", "--out", ended)
    done = cli("seal", "--data", place.data.root, *both, *words)
    assert done.code == 0, done.err
    assert b'"kind":"end"' in ended.read_bytes()
    for wrong in ((), ("--key", place.key, *signers, "--out", out), ("--out", out)):
        assert cli("seal", "--data", place.data.root, *wrong).code == 2
