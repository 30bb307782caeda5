"""One entry before the naive book: who has signed, in what roles, for whose accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.model.naive.book import Book, Place, Refused, bounded, full_range, refuse_if

Entry = dict[str, Any]


class Case:
    """An entry, its place in the log, and the signers that count."""

    def __init__(self, book: Book, entry: Entry, time_ms: int, counted: list[str]) -> None:
        self.book = book
        self.entry = entry
        self.time_ms = time_ms
        self.index = book.size
        self.counted = counted
        """The signers whose keys were in force before this entry."""

    def get(self, name: str, default: Any = None) -> Any:
        return self.entry.get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self.entry[name]

    def rules(self) -> dict[str, Any]:
        return self.book.rules(self.time_ms)

    # ------------------------------------------------------------ signers

    def holders(self) -> set[str]:
        return {signer.split("+")[0] for signer in self.counted}

    def bearers(self, role: str) -> list[str]:
        """The parties that have signed and bear a role."""
        parties = self.book.parties
        return sorted(h for h in self.holders() if h in parties and role in parties[h]["roles"])

    def need_roles(self, *roles: str) -> None:
        for role in roles:
            refuse_if(not self.bearers(role), "role_missing")

    def need_party(self, party: str) -> None:
        refuse_if(party not in self.holders(), "party_missing")

    def need_instrument(self, known: dict[str, Any] | None = None) -> list[str]:
        """Who signed a court's instrument: a court or authority, or two who hold the paper.

        What a court has signed it changes itself, or another one together with an authority.
        """
        by: list[str] = []
        if self["origin"] == "recorded":
            self.need_roles("exchange", "authority")
        else:
            by = self.bearers("court") or self.bearers("authority")
            refuse_if(not by, "role_missing")
        if known is not None:
            self.same_court(known)
        return by

    def same_court(self, known: dict[str, Any]) -> None:
        """Whoever signed what is now changed signs again, or a court and an authority do."""
        if not known["by"] or self.holders() & set(known["by"]):
            return
        refuse_if(not (self.bearers("court") and self.bearers("authority")), "other_court")

    def owns(self, account: str) -> str:
        """Whose keys sign for an account."""
        return str(self.book.accounts[account].get("owner", account))

    def signed_for(self, account: str) -> bool:
        owner = self.owns(account)
        signed = sum(signer.split("+")[0] == owner for signer in self.counted)
        return bool(signed >= self.book.accounts[account]["need"])

    def need_owner(self, account: str) -> None:
        refuse_if(not self.signed_for(account), "owner_missing")

    def need_actor(self, account: str, kind: str) -> None:
        """The account's owner has signed, or an agent under a mandate; and it is not frozen."""
        refuse_if(bool(self.book.accounts[account]["freezes"]), "account_frozen")
        number = self.get("mandate")
        if number is None:
            self.need_owner(account)
            return
        mandate = self.book.mandates.get(number)
        if mandate is None:
            raise Refused("unknown_mandate")
        refuse_if(self.time_ms >= mandate["until_ms"], "mandate_ended")
        covered = kind in mandate["kinds"] and account in mandate["accounts"]
        refuse_if(not covered or self.owns(account) != mandate["owner"], "mandate_scope")
        self.need_party(mandate["agent"])

    def use_mandate(self, grams: int) -> None:
        number = self.get("mandate")
        if number is None:
            return
        mandate = self.book.mandates[number]
        refuse_if(grams > mandate.get("per_entry_g", grams), "mandate_limit")
        used = bounded(mandate["used_g"] + grams)
        refuse_if(used > mandate.get("total_g", used), "mandate_limit")
        mandate["used_g"] = used

    # ------------------------------------------------------------ serials that an entry takes

    def need_account(self, account: str) -> None:
        refuse_if(account not in self.book.accounts, "unknown_account")

    def need_batch(self, batch: str) -> None:
        refuse_if(batch not in self.book.batches, "unknown_batch")

    def unfrozen_batch(self, batch: str) -> None:
        refuse_if(bool(self.book.batches[batch]["freezes"]), "batch_frozen")

    def take_free(
        self,
        account: str,
        items: list[Entry],
        klass_fits: Callable[[str], None] | None = None,
    ) -> list[list[Place]]:
        """The serials of each item, all loose and the account's; marked as taken meanwhile."""
        book, taken = self.book, []
        for position, item in enumerate(items):
            by_grams = "quantity_g" in item
            by_serials = "first" in item and "last" in item
            neither = not by_grams and ("first" in item or "last" in item) and not by_serials
            both = by_grams and ("first" in item or "last" in item)
            refuse_if(neither or both or not (by_grams or by_serials), "serials_form")
            self.need_batch(item["batch"])
            self.unfrozen_batch(item["batch"])
            if by_serials:
                refuse_if(item["first"] > item["last"], "serials_form")
                places = self.exact_free(account, item)
            else:
                unit = book.batches[item["batch"]]["unit_g"]
                refuse_if(bool(item["quantity_g"] % unit), "not_whole_serials")
                places = book.best_fit(account, item["batch"], item["quantity_g"] // unit)
            if klass_fits is not None:
                klass_fits(item["batch"])
            book.change(places, status="taken", piece=f"{self.index}/{position}")
            taken.append(places)
        return taken

    def exact_free(self, account: str, item: Entry) -> list[Place]:
        """The serials that an item names, if the account may freely move all of them."""
        book, batch = self.book, item["batch"]
        places = [place for place in full_range(item) if place[1] <= len(book.serials[batch])]
        there = len(places) == item["last"] - item["first"] + 1
        loose = [place for place in places if book.at(place).loose]
        if there and loose == places and all(book.at(p).holder == account for p in places):
            return places
        mine = [book.at(p) for p in places if book.at(p).holder == account]
        refuse_if(any(serial.freezes for serial in mine), "serials_frozen")
        raise Refused("serials_not_free")

    def move_free(self, places: list[Place], receiver: str, giver: str) -> None:
        """What was taken is now free in another hand."""
        self.book.change(places, status="free", holder=receiver)
        for account in (giver, receiver):
            self.book.check_pieces(account, places)

    def certificate(self) -> str:
        log = self.book.log
        return f"{log['region']}-R-{log['origin'][-8:]}-{self.index}"

    def retire(self, places: list[Place], purpose: str, account: str | None, **more: Any) -> str:
        """Retire serials for good; the certificate."""
        book, name = self.book, self.certificate()
        for batch, number in places:
            holder = book.serials[batch][number - 1].holder
            if holder.startswith("a-"):
                known = book.retired.get((holder, batch), 0)
                book.retired[holder, batch] = known + 1
        none = {"freezes": (), "pledge": 0, "reservation": 0}
        grams = bounded(book.grams(places))
        book.change(places, status="retired", holder="", by=self.index, **none)
        book.retirements[name] = {
            "index": self.index,
            "time_ms": self.time_ms,
            "purpose": purpose,
            "quantity_g": grams,
            "places": sorted(places),
            "account": account,
            "voluntary_g": 0,
            **more,
        }
        return name
