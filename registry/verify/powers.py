"""Who signed, and whether they may: keys and roles, as far as a file of records shows them.

Source: docs/spec/evidence.md, which has the same rules as a table for other implementations.
Refuses to know: balances, dates of projects, caps: all that takes the whole log (an audit, or a
replayer's cosignature).

`KeyRing`: keys, in the order of the records
- every signature line is by a key that an earlier record of the file enrols, in force at the record
  time and not revoked in the file, or by a key that this entry itself enrols; and it is good
- every key that an entry enrols has signed it (of a recovery: its first entry, which need not be in
  the file); outside genesis it counts for no role there
- a raw public key is enrolled once
- genesis is signed by a key of its authority that trust names

`Powers`: roles, in the order of the records; what each kind needs stands at `_check`.
"""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from registry.chain import ed25519
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.note import TYPE_ED25519, parse_vkey
from registry.ledger.codec import Parsed
from registry.ledger.entries import (
    Account,
    Common,
    Conversion,
    Event,
    Genesis,
    Issuance,
    Key,
    Mandate,
    Methodology,
    Obligation,
    Opening,
    Order,
    Party,
    PointsScheme,
    Project,
    Redemption,
    Retirement,
    Rulebook,
    Transfer,
    kind_of,
)
from registry.ledger.entries.authority import RuleValue
from registry.ledger.entries.supply import NewProject
from registry.ledger.rulebook import integer, listed
from registry.ledger.rules.authority import OPEN_ROLES
from registry.ledger.rules.supply import ORGANISATIONS_MIN
from registry.verify.standing import enrolled_keys, proved_keys, short_key


class _Held:
    """A key that a record has enrolled."""

    __slots__ = ("from_ms", "public_key", "revoked", "until_ms")

    def __init__(self, public_key: bytes, from_ms: int, until_ms: int | UnsetType) -> None:
        self.public_key = public_key
        self.from_ms = from_ms
        self.until_ms = until_ms
        self.revoked = False

    def in_force(self, time_ms: int) -> bool:
        ended = self.until_ms is not UNSET and time_ms >= self.until_ms
        return self.from_ms <= time_ms and not ended and not self.revoked


class KeyRing:
    """The keys that the records so far have enrolled."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._public_keys: set[bytes] = set()

    def open(self, index: int, time_ms: int, parsed: Parsed) -> tuple[str, ...]:
        """Who has signed this record by a key that counts; NotTrusted if a line does not hold.

        Records come in ascending order; the keys that this one enrols count from the next one on.
        """
        where = f"record {index}"
        entry = parsed.entry
        new = {short_key(key.key): key for key in proved_keys(entry)}
        if missing := new.keys() - set(entry.signers):
            raise NotTrusted(f"it names new keys that did not sign: {sorted(missing)}", where=where)
        holders: list[str] = []
        for signer, signature in zip(entry.signers, parsed.signatures, strict=True):
            held = self._held.get(signer)
            if held is not None:
                if not held.in_force(time_ms):
                    raise NotTrusted(f"the key {signer} was not in force", where=where)
                public_key = held.public_key
                holders.append(signer[:-9])
            elif signer in new:
                public_key = _parse(new[signer].key, signer, where)
                if isinstance(entry, Genesis):
                    holders.append(signer[:-9])
            else:
                raise NotTrusted(f"no record before it enrols the key {signer}", where=where)
            try:
                ed25519.verify(public_key, signature, parsed.text)
            except (NotTrusted, Malformed) as error:
                raise NotTrusted(f"the signature of {signer} is not good", where=where) from error
        self._enrol(entry, time_ms, where)
        self._note_log_keys(entry, where)
        if isinstance(entry, Key) and entry.action == "revoke":
            revoked = self._held.get(short_key(entry.key))
            if revoked is not None:  # else a recovery was stopped, or its key is not in the file
                revoked.revoked = True
        return tuple(holders)

    def _enrol(self, entry: Common, time_ms: int, where: str) -> None:
        for key in enrolled_keys(entry):
            signer = short_key(key.key)
            public_key = _parse(key.key, signer, where)
            self._take(public_key, signer, where)
            from_ms = time_ms if key.from_ms is UNSET else key.from_ms
            self._held[signer] = _Held(public_key, from_ms, key.until_ms)

    def _note_log_keys(self, entry: Common, where: str) -> None:
        if isinstance(entry, Genesis):
            for text in (entry.log_keys.ed25519, entry.log_keys.mldsa44):
                self._take(_parse(text, short_key(text), where, of_log=True), "the log", where)

    def _take(self, public_key: bytes, signer: str, where: str) -> None:
        if public_key in self._public_keys:
            raise NotTrusted(f"the public key of {signer} serves twice", where=where)
        self._public_keys.add(public_key)


def _parse(text: str, signer: str, where: str, *, of_log: bool = False) -> bytes:
    try:
        key = parse_vkey(text)
    except Malformed as error:
        raise NotTrusted(f"the key of {signer} is none: {error.message}", where=where) from error
    if not of_log and (key.type != TYPE_ED25519 or f"{key.name}+{key.key_id.hex()}" != signer):
        raise NotTrusted(f"the key of {signer} is of another type or name", where=where)
    return key.public_key


def check_genesis(genesis: Genesis, authority_keys: Sequence[str]) -> str:
    """The trusted key by which the authority signed genesis, shortened; NotTrusted if none is."""
    for held in genesis.keys:
        signer = short_key(held.key)
        if (
            held.key in authority_keys
            and signer[:-9] == genesis.authority.party
            and signer in genesis.signers
        ):
            return signer
    raise NotTrusted(
        f"the genesis is not signed by a key of {genesis.authority.party} that trust names",
        where="record 0",
    )


class Powers:
    """Parties with their roles, accounts, mandates, projects, schemes and rulebooks so far."""

    def __init__(self) -> None:
        self.parties: dict[str, tuple[str, ...]] = {}
        self._accounts: dict[str, Account] = {}
        self._mandates: dict[int, Mandate] = {}
        self._projects: dict[str, Project | NewProject] = {}
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
                if entry.action in ("add", "revoke"):
                    self._need_parties(entry.holder)
                else:
                    self._need_roles(entry, "operator", "authority")
            case Account():
                self._need_roles(entry, "operator")
                if entry.owner is not UNSET:
                    self._need_parties(entry.owner)
            case Methodology():
                self._need_roles(entry, "centre", "authority")
            case Project():
                self._check_project(entry)
            case Issuance():
                self._check_issuance(entry)
            case Mandate():
                for account in entry.accounts:
                    self._need_owner(account)
            case Order() if entry.origin == "signed":
                if not (self._with_role("court") or self._with_role("authority")):
                    raise self._bad("a signed order is signed by neither court nor authority")
            case Order():
                self._need_roles(entry, "exchange", "authority")
            case Event():
                self._need_party_in(entry.organiser, "organiser")
            case Obligation():
                self._need_roles(entry, "authority")
            case _:
                self._check_moving(entry)

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
                self._need_parties(self._schemes[entry.scheme].operator)
                if entry.direction == "to_points":
                    self._need_consent(entry, entry.account)
            case Redemption():
                self._need_parties(self._schemes[entry.scheme].operator)
                self._need_roles(entry, "platform")
            case _:
                raise self._bad(f"entries of kind {kind_of(entry)} are not known here")

    def _check_project(self, fields: Project | NewProject) -> None:
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
        organisations: set[str] = set()
        for role in listed(rules, f"{prefix}issuance_signed_by"):
            signed = self._with_role(role) - {fields.owner}
            if not signed:
                raise self._bad(f"no {role} that is not the owner has signed the issuance")
            organisations |= signed
        need = max(ORGANISATIONS_MIN, integer(rules, "issuance_organisations_min"))
        if len(organisations) < need:
            raise self._bad(f"{len(organisations)} organisations have signed instead of {need}")

    def _need_consent(self, entry: Transfer | Retirement | Conversion, account: str) -> None:
        """The owner has signed, or an agent within a mandate."""
        if entry.mandate is UNSET:
            self._need_owner(account)
            return
        given = self._mandates[entry.mandate]
        if account not in given.accounts or kind_of(entry) not in given.kinds:
            raise self._bad(f"the mandate at index {entry.mandate} does not cover it")
        if given.until_ms < self._time_ms:
            raise self._bad(f"the mandate at index {entry.mandate} had ended")
        self._need_parties(given.agent)

    def _need_receiver(self, entry: Transfer) -> None:
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
