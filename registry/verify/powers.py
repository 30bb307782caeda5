"""Who must have signed: roles and consents, as far as a file of records shows them.

Source: docs/spec/evidence.md, which has the same rules as a table for other implementations.
Refuses to know: balances, dates of projects, caps: all that takes the whole log (an audit, or a
replayer's cosignature); whether a signature is good (that is `keyring`).

`Powers`: roles, in the order of the records; what each kind needs stands at `_check`. Of an
account, project or methodology that is sent again, the newest entry before the record counts, and
what must not change has not.
"""

from msgspec import UNSET

from registry.chain.errors import NotTrusted
from registry.ledger.entries import (
    Account,
    Cancellation,
    Common,
    Conversion,
    Correction,
    End,
    Event,
    Execution,
    Expiry,
    Freeze,
    Genesis,
    Issuance,
    Key,
    LogKey,
    Mandate,
    Methodology,
    Notice,
    Obligation,
    Opening,
    Order,
    OrderChange,
    Party,
    Pledge,
    PointsScheme,
    Project,
    Redemption,
    Release,
    Reservation,
    Retirement,
    Rulebook,
    Seal,
    Settlement,
    Swap,
    Transfer,
    Unfreeze,
    Unpledge,
    kind_of,
)
from registry.ledger.entries.authority import RuleValue
from registry.ledger.entries.supply import NewProject
from registry.ledger.rulebook import integer, listed, text
from registry.ledger.rules.authority import OPEN_ROLES
from registry.ledger.rules.supply import ORGANISATIONS_MIN


class Powers:
    """Parties with their roles, accounts, mandates, projects, schemes and rulebooks so far."""

    def __init__(self) -> None:
        self.parties: dict[str, tuple[str, ...]] = {}
        self._accounts: dict[str, Account] = {}
        self._mandates: dict[int, Mandate] = {}
        self._projects: dict[str, Project | NewProject] = {}
        self._methodologies: dict[tuple[str, str], Methodology] = {}
        self._bound: dict[int, Reservation | Pledge | Freeze] = {}
        self._orders: dict[str, tuple[Order, frozenset[str]]] = {}
        self._froze: dict[int, frozenset[str]] = {}
        self._authority = ""
        self._schemes: dict[str, PointsScheme] = {}
        self._rulebooks: list[Rulebook] = []
        # Of the record being checked:
        self._where = ""
        self._time_ms = 0
        self._holders: tuple[str, ...] = ()

    def check(self, index: int, time_ms: int, entry: Common, holders: tuple[str, ...]) -> None:
        """NotTrusted unless those who must sign an entry of this kind have; then take it in."""
        self._where, self._time_ms, self._holders = f"record {index}", time_ms, holders
        self._check(entry)
        match entry:
            case Genesis():
                self.parties[entry.operator.party] = ("operator",)
                self.parties[entry.authority.party] = ("authority",)
                self._authority = entry.authority.party
            case Party():
                self.parties[entry.party] = entry.roles
            case Account():
                self._accounts[entry.account] = entry
            case Mandate():
                self._mandates[index] = entry
            case Project():
                self._projects[entry.project] = entry
            case Issuance() if entry.new_project is not UNSET:
                self._projects[entry.new_project.project] = entry.new_project
            case Methodology():
                self._methodologies[entry.methodology, entry.version] = entry
            case Reservation() | Pledge() | Freeze():
                self._bound[index] = entry
                if isinstance(entry, Freeze):
                    self._froze[index] = self._courts_of(entry.origin)
            case Order():
                self._orders[entry.order] = entry, self._courts_of(entry.origin)
            case PointsScheme():
                self._schemes[entry.scheme] = entry
            case Rulebook():
                self._rulebooks.append(entry)
            case _:
                pass

    def _check(self, entry: Common) -> None:
        match entry:
            case Genesis():
                self._need_parties(entry.operator.party, entry.authority.party)
            case Rulebook() | Opening():
                self._need_roles(entry, "authority", "operator")
            case Party():
                self._need_roles(entry, "operator")
                if set(entry.roles) - OPEN_ROLES:
                    self._need_roles(entry, "authority")
            case Key():
                if entry.action == "add" and entry.holder in self._accounts:
                    self._need_owner(entry.holder)
                elif entry.action in ("add", "revoke"):
                    self._need_parties(entry.holder)
                else:
                    self._need_roles(entry, "operator", "authority")
            case LogKey():
                self._need_roles(entry, "operator", "authority")
            case Account():
                self._check_account(entry)
            case Methodology():
                self._need_roles(entry, "centre", "authority")
                known = self._methodologies.get((entry.methodology, entry.version))
                if known is not None and _kept(known) != _kept(entry):
                    raise self._bad("a methodology that is sent again says something else")
            case Project():
                self._check_project(entry)
            case Issuance():
                self._check_issuance(entry)
            case Mandate():
                self._check_mandate(entry)
            case Order() | Freeze():
                self._need_court(entry, entry.origin)
            case Execution():
                self._need_court(entry, entry.origin, self._froze[entry.freeze])
            case Event():
                self._need_party_in(entry.organiser, "organiser")
            case Obligation():
                self._need_roles(entry, "authority")
            case _:
                self._check_moving(entry)

    def _check_mandate(self, entry: Mandate) -> None:
        accounts = entry.accounts
        if entry.replaces is not UNSET:
            earlier = self._mandates.get(entry.replaces)
            if earlier is None:
                raise self._bad("the mandate that it replaces is none from before it")
            accounts += earlier.accounts
        for account in accounts:
            self._need_owner(account)

    def _check_moving(self, entry: Common) -> None:
        match entry:
            case Transfer():
                self._need_consent(entry, entry.from_)
                self._need_receiver(entry)
                if entry.trade is not UNSET and entry.trade.venue != "otc":
                    self._need_party_in(entry.trade.venue, "exchange")
            case Retirement():
                self._need_consent(entry, entry.account)
            case PointsScheme():
                self._need_party_in(entry.operator, "points_operator")
                self._need_roles(entry, "authority")
            case Conversion():
                operator = self._schemes[entry.scheme].operator
                self._need_parties(operator)
                if entry.direction != "to_credits":
                    self._need_consent(entry, entry.account)
                elif self._accounts[entry.account].owner != operator:
                    raise self._bad(f"the account {entry.account} is not {operator}'s")
            case Redemption():
                self._need_parties(self._schemes[entry.scheme].operator)
                self._need_roles(entry, "platform")
            case Swap():
                for scheme in (entry.scheme, entry.to_scheme):
                    self._need_parties(self._schemes[scheme].operator)
            case Expiry():
                self._need_parties(self._schemes[entry.scheme].operator)
                account = entry.account
                if account is not UNSET and self._accounts[account].owner != self._authority:
                    raise self._bad(f"the account {account} is not the authority's")
            case _:
                self._check_answer(entry)

    def _check_answer(self, entry: Common) -> None:
        """Entries that bind, free, or answer what was there before."""
        match entry:
            case Reservation():
                self._need_consent(entry, entry.from_)
                if entry.trade is not UNSET and entry.trade.venue != "otc":
                    self._need_party_in(entry.trade.venue, "exchange")
            case Settlement():
                reserved = self._reserved(entry.reservation)
                self._need_settler(reserved)
                self._need_receiver(reserved)
            case Release():
                reserved = self._reserved(entry.reservation)
                if self._time_ms < reserved.expires_ms:
                    self._need_settler(reserved)
            case Pledge():
                self._need_owner(entry.account)
                self._need_party_in(entry.pledgee, "pledgee")
            case Unpledge():
                pledge = self._bound[entry.pledge]
                if not isinstance(pledge, Pledge):
                    raise self._bad(f"there is no pledge at index {entry.pledge}")
                self._need_parties(pledge.pledgee)
            case Unfreeze():
                self._check_unfreeze(entry)
            case OrderChange():
                order, by = self._orders[entry.order]
                self._need_court(entry, order.origin, by)
            case Cancellation():
                self._check_cancellation(entry)
            case Correction() | End():
                self._need_roles(entry, "operator", "authority")
            case Seal():
                self._need_roles(entry, "operator")
            case Notice():
                if not (self._with_role("operator") or self._with_role("authority")):
                    raise self._bad("a notice is signed by neither operator nor authority")
            case _:
                raise self._bad(f"entries of kind {kind_of(entry)} are not known here")

    def _check_account(self, entry: Account) -> None:
        """Opened by the operator and its owner; its rules are changed by as many as it needs."""
        known = self._accounts.get(entry.account)
        if known is not None:
            same = (known.type, known.owner) == (entry.type, entry.owner)
            if not same or entry.keys is not UNSET:
                raise self._bad("an account that is sent again says something else")
            self._need_owner(entry.account)
            return
        self._need_roles(entry, "operator")
        if entry.owner is not UNSET:
            self._need_parties(entry.owner)

    def _check_unfreeze(self, entry: Unfreeze) -> None:
        freeze = self._bound[entry.freeze]
        if not isinstance(freeze, Freeze):
            raise self._bad(f"there is no freeze at index {entry.freeze}")
        if entry.origin != "lapsed":
            self._need_court(entry, entry.origin, self._froze[entry.freeze])
        elif freeze.until_ms is UNSET or self._time_ms < freeze.until_ms:
            raise self._bad(f"the term of the freeze at index {entry.freeze} is not over")

    def _check_cancellation(self, entry: Cancellation) -> None:
        rules = self._rules()
        owner = self._projects[entry.project].owner
        roles = listed(rules, "cancellation_signed_by")
        self._need_organisations("cancellation", roles, owner, ORGANISATIONS_MIN)
        reserve = text(rules, "reserve_account")
        for item in entry.cover_items or ():
            if item.account is not UNSET and item.account != reserve:
                self._need_owner(item.account)
        for item in entry.items or ():
            if item.account is not UNSET and entry.reason == "conversion_out":
                self._need_owner(item.account)

    def _reserved(self, index: int) -> Reservation:
        found = self._bound[index]
        if not isinstance(found, Reservation):
            raise self._bad(f"there is no reservation at index {index}")
        return found

    def _need_settler(self, reserved: Reservation) -> None:
        """The venue settles its trades; where there is none (or over the counter), the owner."""
        if reserved.trade is not UNSET and reserved.trade.venue != "otc":
            self._need_parties(reserved.trade.venue)
        else:
            self._need_owner(reserved.from_)

    def _courts_of(self, origin: str) -> frozenset[str]:
        """Whose instrument this record is: courts, or else authorities; none where recorded."""
        if origin == "recorded":
            return frozenset()
        return frozenset(self._with_role("court") or self._with_role("authority"))

    def _need_court(self, entry: Common, origin: str, by: frozenset[str] = frozenset()) -> None:
        """Court or authority; of what changes an instrument, one of those that signed it (`by`)."""
        if origin == "recorded":
            self._need_roles(entry, "exchange", "authority")
        elif not self._courts_of(origin):
            raise self._bad(f"a signed {kind_of(entry)} is signed by neither court nor authority")
        if by and by.isdisjoint(self._holders):
            self._need_roles(entry, "court", "authority")

    def _check_project(self, fields: Project | NewProject) -> None:
        known = self._projects.get(fields.project)
        if known is not None:
            if _kept(known) != _kept(fields):
                raise self._bad("a project that is sent again says something else")
            for role in ("centre", "authority"):
                if not self._with_role(role):
                    raise self._bad(f"no {role} has signed the project's change")
            return
        if fields.applicant is not UNSET:
            self._need_parties(fields.applicant)
        for role in listed(self._rules(), f"{fields.type}_signed_by"):
            if role == "owner":
                self._need_parties(fields.owner)
            elif not self._with_role(role):
                raise self._bad(f"no {role} has signed the project")

    def _check_issuance(self, entry: Issuance) -> None:
        if entry.new_project is not UNSET:
            self._check_project(entry.new_project)
            fields: Project | NewProject = entry.new_project
        else:
            fields = self._projects[str(entry.project)]
        rules = self._rules()
        prefix = "" if fields.type == "project" else "scenario_"
        roles = listed(rules, f"{prefix}issuance_signed_by")
        need = max(ORGANISATIONS_MIN, integer(rules, "issuance_organisations_min"))
        self._need_organisations("issuance", roles, fields.owner, need)

    def _need_organisations(self, kind: str, roles: tuple[str, ...], owner: str, need: int) -> None:
        """For each role a party that is not the owner, and so many organisations in all."""
        organisations: set[str] = set()
        for role in roles:
            signed = self._with_role(role) - {owner}
            if not signed:
                raise self._bad(f"no {role} that is not the owner has signed the {kind}")
            organisations |= signed
        if len(organisations) < need:
            raise self._bad(f"{len(organisations)} organisations have signed instead of {need}")

    def _need_consent(
        self, entry: Transfer | Reservation | Retirement | Conversion, account: str
    ) -> None:
        """The owner has signed, or an agent within a mandate."""
        if entry.mandate is UNSET:
            self._need_owner(account)
            return
        given = self._mandates[entry.mandate]
        kind = "transfer" if isinstance(entry, Reservation) else kind_of(entry)
        if account not in given.accounts or kind not in given.kinds:
            raise self._bad(f"the mandate at index {entry.mandate} does not cover it")
        if given.until_ms <= self._time_ms:
            raise self._bad(f"the mandate at index {entry.mandate} had ended")
        self._need_parties(given.agent)

    def _need_receiver(self, entry: Transfer | Reservation) -> None:
        receiver = self._accounts[entry.to]
        listed_senders = () if receiver.listed is UNSET else receiver.listed
        if receiver.accept == "any":
            return
        if receiver.accept != "listed" or entry.from_ not in listed_senders:
            self._need_owner(entry.to)

    def _need_owner(self, account_id: str) -> None:
        account = self._accounts[account_id]
        signed = sum(1 for h in self._holders if h in (account_id, account.owner))
        if signed < account.need:
            raise self._bad(f"the owner of {account_id} has not signed")

    def _need_roles(self, entry: Common, *roles: str) -> None:
        for role in roles:
            if not self._with_role(role):
                raise self._bad(f"no {role} has signed this {kind_of(entry)}")

    def _need_parties(self, *parties: str) -> None:
        for party in parties:
            if party not in self._holders:
                raise self._bad(f"{party} has not signed")

    def _need_party_in(self, party: str, role: str) -> None:
        self._need_parties(party)
        if party not in self._with_role(role):
            raise self._bad(f"{party} is no {role}")

    def _with_role(self, role: str) -> set[str]:
        return {h for h in self._holders if role in self.parties.get(h, ())}

    def _rules(self) -> dict[str, RuleValue]:
        """The values of the rulebook in force: the last in the file that has begun."""
        begun = [b for b in self._rulebooks if b.effective_from_ms <= self._time_ms]
        if not begun:
            raise self._bad("no rulebook in the file was in force")
        return begun[-1].values

    def _bad(self, what: str) -> NotTrusted:
        return NotTrusted(what, where=self._where)


def _kept(entry: Project | NewProject | Methodology) -> object:
    """What an entry must not change when it is sent again; a correction may change a title."""
    if isinstance(entry, Methodology):
        return entry.class_, entry.from_, entry.doc_sha256
    fields = {n: getattr(entry, n) for n in NewProject.__struct_fields__}
    return fields | {"status": UNSET, "title": ""}
