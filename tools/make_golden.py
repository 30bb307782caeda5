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
from pathlib import Path

from registry.chain.tlog import Frontier, leaf_hash
from registry.ledger.apply import apply, verify_here
from registry.ledger.codec import format_record, parse_entry
from registry.ledger.entries.supply import OpeningPart
from registry.ledger.replay import replay
from registry.ledger.state import MemoryState, State, state_root
from tests.books import T0, TONNE, Book, account_id, party_key


def accepted(book: Book) -> list[bytes]:
    """Notes of every kind, all of them good."""
    taken_over = [
        OpeningPart(first=1, last=40, status="free", account=account_id("farm")),
        OpeningPart(first=41, last=90, status="retired", date="2020-05-01", purpose="offset"),
        OpeningPart(first=91, last=100, status="cancelled"),
    ]
    return [
        *book.founding(),
        *book.walk(),
        book.opening("CN-GD-PHCER-2019-000001", taken_over),
    ]


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
    ]


def golden() -> dict[str, object]:
    """The file's content."""
    book = Book()
    records = [format_record(index, T0, note) for index, note in enumerate(accepted(book))]
    base = MemoryState()
    state = State(base)
    for _ in replay(records, state):
        pass
    base.store(state)
    frontier = Frontier()
    for record in records:
        frontier.append(leaf_hash(record))
    root, count = state_root(sorted(base.values.items()))
    index = len(records)
    verdicts = []
    for note in refused(book):
        refusal = apply(state, parse_entry(note), index=index, time_ms=T0, verify=verify_here)
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
        "size": index,
        "log_root": frontier.root().hex(),
        "state_count": count,
        "state_root": root.hex(),
        "records": [b64encode(record).decode() for record in records],
        "refused_at_ms": T0,
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
