"""What a rule may know while it judges one entry: state, index, time, who signed.

There is no other input (law 4): no clock but the record time, no random, no files.
"""

from msgspec import UNSET

from registry.ledger import dates
from registry.ledger import values as v
from registry.ledger.entries.authority import RuleValue
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.state import State

CHANGES_MAX = 1_000
"""How often one account, project, methodology or order may be changed: evidence holds them all."""


class Context:
    """One entry's surroundings. `holders`: who signed by a key that counts, one per signature."""

    __slots__ = ("holders", "index", "log", "state", "time_ms")

    def __init__(
        self, state: State, log: v.Log, index: int, time_ms: int, holders: tuple[str, ...]
    ) -> None:
        self.state = state
        self.log = log
        self.index = index
        self.time_ms = time_ms
        self.holders = holders

    def today(self) -> str:
        """The civil date of the record time, in the region."""
        return dates.civil_date(self.time_ms, self.log.offset_min)

    def rules(self) -> dict[str, RuleValue] | None:
        """The values of the rulebook in force at the record time: the last that has begun."""
        for version, effective_from_ms in reversed(self.log.rulebooks):
            if effective_from_ms <= self.time_ms:
                return self.state.must(f"rulebook/{v.number(version)}", v.Rulebook).values
        return None

    def signed_by(self, party: str) -> bool:
        return party in self.holders

    def parties_with(self, role: str) -> set[str]:
        """The parties among the signers that have a role."""
        return {
            holder
            for holder in set(self.holders)
            if (party := self.state.get(f"party/{holder}", v.Party)) and role in party.roles
        }

    def courts(self) -> tuple[str, ...]:
        """Whose instrument it is: the courts among the signers; where none is, the authorities."""
        return tuple(sorted(self.parties_with("court") or self.parties_with("authority")))

    def need_role(self, kind: str, *roles: str) -> Refusal | None:
        """Refuse unless, for each role, some signer has it."""
        for role in roles:
            if not self.parties_with(role):
                return refuse("role_missing", kind=kind, role=role)
        return None

    def changed(self, subject: str, known: v.Changed) -> tuple[int, ...] | Refusal:
        """The indexes of the changes of a value, with this entry's as the last."""
        changes = (*(known.changes or ()), self.index)
        if len(changes) > CHANGES_MAX:
            return refuse("too_many_changes", subject=subject, limit=CHANGES_MAX)
        return changes

    def need_owner(self, account_id: str, account: v.Account) -> Refusal | None:
        """Refuse unless as many keys of the account or of its owner signed as the account needs."""
        signed = self.holders.count(account_id)
        if account.owner is not UNSET:
            signed += self.holders.count(account.owner)
        if signed < account.need:
            return refuse("owner_missing", account=account_id, signed=signed, need=account.need)
        return None
