"""What `tanbu sample --once` tries, once all is played: does what is printed hold?

1. the printed verification of a retirement, without a network: good
2. the same on a copy with one byte changed: checked and bad, or not readable
3. a rider's receipt against the evidence of the entry that committed, without a network: good
4. the audit of the data directory: good
5. the audit's totals and balances are those over HTTP

Refuses to know: how the results are printed.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from registry.ledger.quantities import format_tonnes
from registry.net.client import LogClient
from registry.sample.offline import Done, Sandbox
from registry.sample.perform import Played

RETIREMENT = "remediation"
"""The retirement that is verified: for the order, with the obligor's private opening."""


class Check(NamedTuple):
    """One thing that was tried: does it hold, what was seen."""

    zh: str
    en: str
    holds: bool
    seen: str


def verification(played: Played) -> list[str]:
    """The arguments of the verification that is printed."""
    return _verify(played, played.evidence(RETIREMENT))


def _verify(played: Played, file: Path) -> list[str]:
    trust, opening = str(played.place.trust), str(played.place.opening)
    return ["verify", str(file), "--trust", trust, "--opening", opening]


def check_all(played: Played) -> Iterator[Check]:
    """Try everything, one after the other."""
    sandbox = Sandbox()
    how = sandbox.how
    done = sandbox.run([*verification(played), "--lang", "en"])
    yield Check(f"离线核验（{how}）", f"verified offline ({how})", done.code == 0, _seen(done))
    with tempfile.TemporaryDirectory(prefix="tanbu-sample-") as directory:
        copy = Path(directory, "changed.json")
        copy.write_bytes(one_byte_changed(played.evidence(RETIREMENT).read_bytes()))
        done = sandbox.run(_verify(played, copy))
    holds = done.code in (1, 2)
    yield Check("改动一个字节即被识破", "a copy with one byte changed fails", holds, _seen(done))
    yield _check_receipt(played, sandbox)
    arguments = ["audit", str(played.place.root), "--trust", str(played.place.trust)]
    done = sandbox.run([*arguments, "--balances", "--json"])
    yield Check("审计数据目录", "the data directory audits clean", done.code == 0, _seen(done))
    if done.code == 0:
        yield _compare(played, msgspec.json.decode(done.out))


def _check_receipt(played: Played, sandbox: Sandbox) -> Check:
    name = "coins-for-rides"
    receipt, evidence = played.place.rider_receipt(name), played.place.evidence / f"{name}.json"
    given = ["--evidence", str(evidence), "--trust", str(played.place.trust)]
    done = sandbox.run(["points", "verify", str(receipt), *given])
    return Check("个人凭条离线核验", "a rider's receipt verifies", done.code == 0, _seen(done))


def one_byte_changed(data: bytes) -> bytes:
    """The data with one letter in its middle exchanged for another: still text, still base64."""
    middle = len(data) // 2
    places = (*range(middle, len(data)), *range(middle))
    at = next(place for place in places if data[place : place + 1].isalpha())
    return data[:at] + (b"A" if data[at : at + 1] != b"A" else b"B") + data[at + 1 :]


def _compare(played: Played, audited: dict[str, Any]) -> Check:
    """The audit's totals and balances beside those that the service answers."""
    with LogClient(played.service.url) as log:
        stats = log.get("/v1/stats")
        held = {account: _held(log, account) for account in audited["balances"]}
    facts = audited["facts"]
    differing = [
        name
        for name, mine, theirs in (
            ("size", facts["records"], stats["size"]),
            ("grams", _counted(facts["grams"]), _counted(stats["grams"])),
            ("balances", audited["balances"], held),
        )
        if mine != theirs
    ]
    retired_g = facts["grams"].get("retired", 0)
    seen = f"{len(held)} accounts, {format_tonnes(retired_g)} t retired"
    return Check(
        "审计结果与 HTTP 余额一致",
        "the audit's totals and balances are those over HTTP",
        not differing,
        f"differing: {', '.join(differing)}" if differing else seen,
    )


def _held(log: LogClient, account: str) -> dict[str, dict[str, int]]:
    lines = log.get(f"/v1/accounts/{account}/balances")["balances"]
    return {line["batch"]: {"free": line["free"], "retired": line["retired"]} for line in lines}


def _counted(grams: dict[str, int]) -> dict[str, int]:
    """Grams by status, without those that are none."""
    return {status: amount for status, amount in grams.items() if amount}


def _seen(done: Done) -> str:
    """How a command ended, in short: its code, and its one line if it failed."""
    line = done.err.strip().rpartition("\n")[2]
    return f"exit {done.code}" + (f": {line}" if done.code and line else "")
