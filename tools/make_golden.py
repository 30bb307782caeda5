"""Make the golden log of a ruleset: records, what they must come to, and entries it must refuse.

    python -m tools.make_golden tests/vectors/ledger/ruleset-1.json

A ruleset that has been released gives the same verdicts for ever (DESIGN, law 4). So once version
1.0 is out this file is never made again for ruleset 1; until then it is made anew, by intent, when
a rule of ruleset 1 is changed. The story is that of tests/books.py: fixed seeds, fixed times.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from registry.chain.tlog import Frontier, leaf_hash
from registry.ledger.apply import apply, verify_here
from registry.ledger.codec import format_record, parse_entry
from registry.ledger.entries import KINDS
from registry.ledger.entries.supply import OpeningPart
from registry.ledger.sealing import Commitment
from registry.ledger.signing import SigningKey, sign_entry
from registry.ledger.state import State, state_root
from tests.books import BATCH, DAY_MS, RULES, T0, TONNE, Book, account_id, party_key
from tests.logpairs import log_pair, rotation
from tests.seals import commitment, end, replayed, seal

LAST_MS = T0 + DAY_MS + 1
"""The record time of the last entry, and of what is refused after it."""


def accepted(book: Book) -> list[bytes]:
    """Records of every kind, all of them good."""
    taken_over = [
        OpeningPart(first=1, last=40, status="free", account=account_id("farm")),
        OpeningPart(first=41, last=90, status="retired", date="2020-05-01", purpose="offset"),
        OpeningPart(first=91, last=100, status="cancelled"),
    ]
    notes = [
        *book.founding(),
        *book.walk(),
        book.opening("CN-GD-PHCER-2019-000001", taken_over),
    ]
    book.now_ms = T0 + 1  # what is signed from here on is good until LAST_MS
    for step in (*holds(), *ends()):
        notes.append(draft(book, step, len(notes)))
    # The last of these expires points: it comes when their validity is over, signed for then.
    times = [T0] * (len(notes) - 1) + [LAST_MS] * 3
    half = len(notes) // 2
    notes.append(seal(book, come_to(notes, times, half)))
    notes.append(
        end(book, come_to(notes, times, len(notes)), successor="sample.invalid/log/2badc0de")
    )
    return [
        format_record(n, at, note) for n, (at, note) in enumerate(zip(times, notes, strict=True))
    ]


def come_to(notes: list[bytes], times: list[int], size: int) -> Commitment:
    """What the first notes come to."""
    pairs = zip(times, notes[:size], strict=False)
    return commitment([format_record(n, at, note) for n, (at, note) in enumerate(pairs)])


class Step(NamedTuple):
    """One more entry: `fields` may say `back(n)` for the index of the entry n places before it."""

    kind: str
    by: tuple[SigningKey, ...]
    fields: Mapping[str, Any]


class back(int):  # noqa: N801  reads as a word in the list of steps
    """The index of the entry so many places before."""


def draft(book: Book, step: Step, index: int) -> bytes:
    """The step as a signed note."""
    fields = {
        name: index - value if isinstance(value, back) else value
        for name, value in step.fields.items()
    }
    common = {
        "kind": step.kind,
        "id": book.next_id(),
        "not_after": book.now_ms + DAY_MS,
        "signers": sorted(key.signer for key in step.by),
    }
    return sign_entry(book.origin, msgspec.convert(common | fields, KINDS[step.kind]), step.by)


def holds() -> list[Step]:
    """Reservations, pledges, freezes, and what ends them."""
    farm, court, bank = party_key("farm", 1), party_key("court"), SigningKey("bank.test", b"b" * 32)
    both = (party_key("operator"), party_key("authority"))
    home, mill = account_id("farm"), account_id("mill")
    enrol = {"party": "bank.test", "title": "Bank", "roles": ["pledgee"]}
    reserve = {"from": home, "to": mill, "reason": "internal", "expires_ms": T0 + DAY_MS}
    instrument = {"issuer": "Sample Court", "instrument_type": "ruling", "number": "SAMPLE 2"}
    paper = {"origin": "signed", "instrument_sha256": "ab" * 32}
    agent = {"agent": "bank.test", "accounts": [home], "kinds": ["transfer"]}
    return [
        Step("party", (*both, bank), enrol | {"keys": [{"key": bank.vkey}]}),
        Step("reservation", (farm,), reserve | {"items": [span(31_001, 31_010)]}),
        Step("settlement", (farm,), {"reservation": back(1), "items": [span(31_001, 31_004)]}),
        Step("reservation", (farm,), reserve | {"items": [span(31_021, 31_030)]}),
        Step("release", (farm,), {"reservation": back(1)}),
        Step("pledge", (farm, bank), {"account": home, "items": [span(32_001, 32_020)], "pledgee": "bank.test"}),
        Step("unpledge", (bank,), {"pledge": back(1), "items": [span(32_001, 32_005)]}),
        Step("freeze", (court,), {**instrument, **paper, "account": home, "items": [span(33_001, 33_020)]}),
        Step("execution", (court,), {**paper, "freeze": back(1), "account": home, "items": [span(33_001, 33_010)], "retire": True}),
        Step("unfreeze", (court,), {**paper, "freeze": back(2)}),
        Step("mandate", (farm,), agent | {"until_ms": T0 + DAY_MS}),
        Step("mandate", (farm,), agent | {"until_ms": 0, "replaces": back(1)}),
    ]  # fmt: skip


def ends() -> list[Step]:
    """An order changed, credits cancelled, things put right, points swapped and expired."""
    both = (party_key("operator"), party_key("authority"))
    centre, mall, farm = party_key("centre"), party_key("points"), party_key("farm", 1)
    rules = RULES | {"cancellation_signed_by": ["centre", "authority"]}
    source = {"title": "Sample rules", "sha256": "ab" * 32}
    scheme = {"operator": "points.test", "title": "Sample", "unit": "coin", "num": 1, "den": 1}
    scheme |= {"validity_days": 1, "classes": ["forest"], "used": "to_credits", "expired": "retire"}
    make = {"direction": "to_points", "account": account_id("farm")}
    wrong = [span(34_001, 34_010) | {"account": account_id("farm")}]
    pair = log_pair(Book(), 2)
    keys = {"ed25519": pair.ed25519, "mldsa44": pair.mldsa44, "until_ms": T0 + 60 * DAY_MS}
    return [
        Step("logkey", both, keys),
        Step("order_change", (party_key("court"),), {"order": "ORDER-1", "effect": "close", "instrument_sha256": "ab" * 32}),
        Step("rulebook", both, {"version": 2, "effective_from_ms": T0, "values": rules, "source": source}),
        Step("cancellation", (centre, party_key("authority")), {"project": "FARM", "reason": "reversal", "items": wrong}),
        Step("notice", both, {"about": f"batch/{BATCH}", "code": "sample-notice"}),
        Step("points_scheme", (mall, party_key("authority")), scheme | {"scheme": "one"}),
        Step("points_scheme", (mall, party_key("authority")), scheme | {"scheme": "two", "unbacked_at_start": 5}),
        Step("correction", both, {"of": back(1), "subject": "scheme/two", "field": "title", "value": "Sample two"}),
        Step("conversion", (farm, mall), make | {"scheme": "one", "items": [span(35_001, 35_003)]}),
        Step("swap", (mall,), {"scheme": "one", "points": TONNE, "to_scheme": "two", "to_points": TONNE}),
        Step("expiry", (mall,), {"scheme": "two", "lot": back(4), "points": 5}),
    ]  # fmt: skip


def span(first: int, last: int) -> dict[str, Any]:
    """Serials of the book's batch."""
    return {"batch": BATCH, "first": first, "last": last}


def refused(book: Book) -> list[bytes]:
    """Notes that are well formed, and that the rules refuse after the story."""
    new_key = party_key("farm", 1)
    return [
        book.transfer("farm", "mill", quantity_g=TONNE),
        book.transfer("farm", "mill", quantity_g=50_000 * TONNE, by=new_key),
        book.transfer("farm", "mill", quantity_g=TONNE + 1, by=new_key),
        book.transfer("farm", "mill", serials=(30_001, 30_030), by=new_key),
        book.transfer("farm", "farm", quantity_g=TONNE, by=new_key),
        book.retirement("mill", 1, 1, purpose="remediation", ref="ORDER-1"),
        book.order(),
        book.issuance(),
        book.redemption(TONNE),
        book.event(organiser="party-that-is-not.example"),
        rotation(book, 3, LAST_MS + 30 * DAY_MS),
    ]


def golden() -> dict[str, object]:
    """The file's content."""
    book = Book()
    records = accepted(book)
    base = replayed(records)
    frontier = Frontier()
    for record in records:
        frontier.append(leaf_hash(record))
    root, count = state_root(sorted(base.values.items()))
    index = len(records) - 1  # what is refused would come in place of the end
    state = State(replayed(records[:index]))
    verdicts = []
    for note in refused(book):
        refusal = apply(state, parse_entry(note), index=index, time_ms=LAST_MS, verify=verify_here)
        if refusal is None:
            raise SystemExit(f"accepted, and meant to be refused: {note!r}")
        verdicts.append(
            {
                "note": b64encode(note).decode(),
                "number": refusal.number,
                "name": refusal.name,
                "fields": refusal.fields,
            }
        )
    return {
        "ruleset": 1,
        "size": len(records),
        "log_root": frontier.root().hex(),
        "state_count": count,
        "state_root": root.hex(),
        "records": [b64encode(record).decode() for record in records],
        "refused_at_index": index,
        "refused_at_ms": LAST_MS,
        "refused": verdicts,
    }


def main(arguments: list[str]) -> int:
    """Write the file that is named."""
    if len(arguments) != 1:
        sys.stderr.write("name the file to write\n")
        return 2
    path = Path(arguments[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(golden(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
