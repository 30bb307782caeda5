"""A second, naive book-keeper: the rules again, written from the design and the reference pages.

It shares no code with the package (a test looks at the imports): it reads an entry's JSON as plain
dicts, keeps one value for each serial, and answers accept or the name of a refusal.

    model = Model()
    model.judge(text, origin, time_ms=..., forged="")   # "" or a refusal's name
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable

from tests.model.naive import mend, moves, people, points, supply, use
from tests.model.naive.book import DAY_MS, Book, Refused, raw_key, refuse_if, signer_of
from tests.model.naive.case import Case, Entry

RULES: dict[str, Callable[[Case], None]] = {
    "genesis": people.genesis,
    "rulebook": people.rulebook,
    "party": people.party,
    "key": people.key,
    "logkey": people.logkey,
    "account": people.account,
    "mandate": people.mandate,
    "correction": people.correction,
    "notice": people.notice,
    "seal": people.seal,
    "end": people.end,
    "methodology": supply.methodology,
    "project": supply.project,
    "issuance": supply.issuance,
    "opening": supply.opening,
    "transfer": moves.transfer,
    "reservation": moves.reservation,
    "settlement": moves.settlement,
    "release": moves.release,
    "pledge": moves.pledge,
    "unpledge": moves.unpledge,
    "points_scheme": points.points_scheme,
    "conversion": points.conversion,
    "redemption": points.redemption,
    "swap": points.swap,
    "expiry": points.expiry,
    "order": use.order,
    "order_change": use.order_change,
    "event": use.event,
    "obligation": use.obligation,
    "retirement": use.retirement,
    "freeze": use.freeze,
    "unfreeze": use.unfreeze,
    "execution": use.execution,
    "cancellation": mend.cancellation,
}


class Model:
    """The naive book and who may write in it."""

    def __init__(self) -> None:
        self.book = Book()

    def judge(self, text: bytes, *, time_ms: int, forged: str = "") -> str:
        """Accept the entry whose signed text this is ("") or refuse it by name.

        `forged`: the signer whose signature line is bad; signatures are not computed here.
        """
        before = pickle.dumps(self.book)
        _, origin, body = text.decode().splitlines()
        try:
            self._judge(json.loads(body), origin, time_ms, forged)
        except Refused as refused:
            self.book = pickle.loads(before)
            return refused.name
        self.book.size += 1
        return ""

    def _judge(self, entry: Entry, origin: str, time_ms: int, forged: str) -> None:
        book = self.book
        opening = entry["kind"] == "genesis"
        refuse_if(not book.size and not opening, "log_not_open")
        refuse_if(bool(book.size) and opening, "log_already_open")
        refuse_if(not opening and origin != book.log["origin"], "wrong_origin")
        refuse_if(not opening and book.log["ended"] is not None, "log_ended")
        refuse_if(entry["not_after"] < time_ms, "expired")
        refuse_if(entry["not_after"] > time_ms + 30 * DAY_MS, "not_after_too_far")
        enrolled = self._enrolled(entry)
        counted = []
        for signer in entry["signers"]:
            known = book.keys.get(signer)
            if known is not None:
                late = known["until_ms"] is not None and time_ms >= known["until_ms"]
                early = time_ms < known["from_ms"]
                refuse_if(late or early or known["revoked"] is not None, "key_not_in_force")
                counted.append(signer)
            else:
                refuse_if(signer not in enrolled, "unknown_signer")
                raw_key(enrolled[signer], signer.split("+")[0])
            refuse_if(signer == forged, "bad_signature")
        refuse_if(not set(enrolled) <= set(entry["signers"]), "possession_not_proved")
        self._memo(entry, counted)
        if opening:
            entry = entry | {"origin": origin}
        RULES[entry["kind"]](Case(book, entry, time_ms, counted))

    def _enrolled(self, entry: Entry) -> dict[str, str]:
        """Keys that the entry itself enrols, as signers are written."""
        keys = [key["key"] for key in entry.get("keys", [])]
        if entry["kind"] == "key" and entry["action"] in ("add", "recover"):
            keys = [entry["key"]]
        return {signer_of(key): key for key in keys}

    def _memo(self, entry: Entry, counted: list[str]) -> None:
        """An entry that touches a person's account has no free text."""
        if "memo" not in entry:
            return
        words = ("account", "from", "to", "holder")
        named = [entry.get(word) for word in words] + list(entry.get("accounts", []))
        for items in ("batches", "parts", "items", "cover_items"):
            named += [item["account"] for item in entry.get(items, []) if "account" in item]
        named += [signer.split("+")[0] for signer in entry["signers"]]
        named += [entry.get(word, "").removeprefix("account/") for word in ("subject", "about")]
        book = self.book
        for family, word in (
            (book.reservations, "reservation"),
            (book.pledges, "pledge"),
            (book.freezes, "freeze"),
        ):
            value = family.get(entry.get(word, -1), {})
            named += [value.get(who) for who in ("sender", "receiver", "account")]
        known = self.book.accounts
        personal = [n for n in named if n in known and known[n]["type"] == "personal"]
        refuse_if(bool(personal) or entry.get("type") == "personal", "memo_with_personal_account")


__all__ = ["RULES", "Model"]
