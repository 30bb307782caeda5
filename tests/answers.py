"""A log after its founding in which things are bound, frozen, changed and put right.

Every kind that answers an earlier entry, each accepted; with `expiry` the time moves on.
"""

from __future__ import annotations

from typing import Any

from registry.ledger import entries as e
from registry.ledger.codec import parse_entry
from registry.ledger.entries.authority import EnrolledKey
from registry.ledger.entries.common import SpanItem
from registry.ledger.entries.mending import HeldItem
from registry.ledger.entries.moving import Item
from registry.ledger.signing import SigningKey
from tests.books import BATCH, DAY_MS, T0, TONNE, Book, account_id, hex_of, party_key, seed
from tests.logpairs import rotation

BANK = SigningKey("bank.test", seed("party bank 0"))
FARM, MILL = account_id("farm"), account_id("mill")
BUFFER = "CN-GD-PHCER-2023-000099"
BEFORE = 2 * DAY_MS


class Answers:
    """Notes with their times; `at` names the index of what a test asks for."""

    def __init__(self) -> None:
        self.book = Book(now_ms=T0)
        self.notes: list[bytes] = []
        self.times: list[int] = []
        self.at: dict[str, int] = {}
        for note in self.book.founding():
            self._take(note)
        self._enrol()
        self._hold()
        self._freeze()
        self._change()
        self._mend()
        self._points()

    def add(self, name: str, kind: type[e.Common], *by: str | SigningKey, **fields: Any) -> int:
        """Log an entry; its index, which stands under `name` as well."""
        keys = [party_key(k) if isinstance(k, str) else k for k in by]
        return self._take(self.book.note(kind, *keys, **fields), name)

    def again(self, note: bytes, name: str, *by: str, **changed: Any) -> int:
        """Log an entry that stood in `note` again, with other fields."""
        entry = parse_entry(note).entry
        kept = {
            n: getattr(entry, n)
            for n in entry.__struct_fields__
            if n not in ("id", "not_after", "signers")
        }
        return self.add(name, type(entry), *by, **(kept | changed))

    def _take(self, note: bytes, name: str = "") -> int:
        self.notes.append(note)
        self.times.append(self.book.now_ms)
        if name:
            self.at[name] = len(self.notes) - 1
        return len(self.notes) - 1

    def _enrol(self) -> None:
        rules = {"cancellation_signed_by": ("centre", "authority"), "reserve_account": MILL}
        self._take(self.book.rulebook(2, **rules))
        self.add(
            "bank",
            e.Party,
            "operator",
            "authority",
            BANK,
            party="bank.test",
            title="SAMPLE bank",
            roles=("pledgee",),
            keys=(EnrolledKey(key=BANK.vkey),),
        )

    def _hold(self) -> None:
        reserve = {"from_": FARM, "to": MILL, "reason": "internal", "expires_ms": T0 + DAY_MS}
        items = (Item(batch=BATCH, quantity_g=10 * TONNE),)
        for name in ("settled", "released", "open"):
            self.add(f"reservation {name}", e.Reservation, "farm", items=items, **reserve)
        self.add("settlement", e.Settlement, "farm", reservation=self.at["reservation settled"])
        self.add("release", e.Release, "farm", reservation=self.at["reservation released"])
        pledge = {"account": FARM, "pledgee": "bank.test"}
        spans = (SpanItem(batch=BATCH, first=1_001, last=1_010),)
        self.add("pledge", e.Pledge, "farm", BANK, items=spans, **pledge)
        freed = (SpanItem(batch=BATCH, first=1_001, last=1_002),)
        self.add("unpledge", e.Unpledge, BANK, pledge=self.at["pledge"], items=freed)

    def _freeze(self) -> None:
        court = {
            "issuer": "SAMPLE court",
            "origin": "signed",
            "instrument_type": "ruling",
            "number": "(2026) SAMPLE 2",
            "instrument_sha256": hex_of("freeze"),
        }
        recorded = court | {"origin": "recorded"}
        spans = (SpanItem(batch=BATCH, first=2_001, last=2_010),)
        first = self.add("freeze", e.Freeze, "court", account=FARM, items=spans, **court)
        whole = self.add(
            "freeze recorded", e.Freeze, "exchange", "authority", account=MILL, **recorded
        )
        execute = {"freeze": first, "account": FARM, "instrument_sha256": hex_of("execution")}
        some = (SpanItem(batch=BATCH, first=2_001, last=2_004),)
        rest = (SpanItem(batch=BATCH, first=2_005, last=2_006),)
        signed = {"origin": "signed"}
        self.add("execution", e.Execution, "court", items=some, to=MILL, **execute, **signed)
        self.add(
            "execution retired", e.Execution, "court", items=rest, retire=True, **execute, **signed
        )
        lifted = {"freeze": whole, "origin": "recorded", "instrument_sha256": hex_of("lift")}
        self.add("unfreeze", e.Unfreeze, "exchange", "authority", **lifted)

    def _change(self) -> None:
        self._take(self.book.order(), "order")
        retired = self.book.retirement("farm", 101, 130, purpose="remediation", ref="ORDER-1")
        self._take(retired, "retirement")
        change = {"order": "ORDER-1", "instrument_sha256": hex_of("change")}
        self.add("reduce", e.OrderChange, "court", effect="reduce", quantity_g=20 * TONNE, **change)
        self.add("suspend", e.OrderChange, "court", effect="suspend", **change)
        opened = next(n for n in self.notes if FARM.encode() in n and b'"kind":"account"' in n)
        self.again(opened, "account", "farm", accept="signed")
        both = self.book.note(
            e.Transfer,
            party_key("mill"),
            party_key("farm"),
            from_=MILL,
            to=FARM,
            items=(Item(batch=BATCH, quantity_g=TONNE),),
            reason="internal",
        )
        self._take(both, "transfer")
        self.again(opened, "account again", "farm", accept="any")
        project = next(n for n in self.notes if b'"kind":"project"' in n)
        self.again(project, "suspended", "centre", "authority", status="suspended")
        self.again(project, "resumed", "centre", "authority", status="live")
        issue = self.book.issuance("CN-GD-PHCER-2023-000002", count=10)
        self._take(issue, "issuance")
        method = next(n for n in self.notes if b'"kind":"methodology"' in n)
        self.again(method, "withdrawn", "centre", "authority", withdrawn=True)

    def _mend(self) -> None:
        wrong = (HeldItem(batch=BATCH, first=3_001, last=3_010, account=FARM),)
        fields = {"project": "FARM", "reason": "reversal", "items": wrong}
        self.add("cancellation", e.Cancellation, "centre", "authority", **fields)
        number = f"CN-GD-R-0badc0de-{self.at['retirement']}"
        about = {"about": f"retirement/{number}", "code": "under_review"}
        self.add("notice", e.Notice, "authority", **about)
        named = {"of": self.at["order"], "subject": "order/ORDER-1", "field": "issuer"}
        self.add(
            "correction", e.Correction, "operator", "authority", value="SAMPLE court 1", **named
        )

    def _points(self) -> None:
        self._take(self.book.points_scheme(validity_days=1, expired="retire"))
        self._take(self.book.points_scheme("TREE", validity_days=1, expired="retire"))
        lot = self._take(self.book.to_points("farm", 2 * TONNE))
        swap = {"scheme": "LEAF", "points": TONNE // 10, "to_scheme": "TREE"}
        self.add("swap", e.Swap, "points", to_points=TONNE // 10, **swap)
        self.book.now_ms += BEFORE
        self.add("expiry", e.Expiry, "points", scheme="LEAF", lot=lot, points=TONNE // 10)
        late = self.at["reservation open"]
        self.add("release late", e.Release, "verifier", reservation=late)
        self._take(rotation(self.book, 2, self.book.now_ms + 30 * DAY_MS), "logkey")
