"""A small book for tests: fixed seeds, fixed times, ids in order; notes as parties would sign them.

Every call gives the signed note of one entry and remembers nothing but the next id, so that a test
may leave out, repeat or reorder what it likes. Times are the caller's: `now_ms` is what `not_after`
is counted from, T0 unless a test runs against a real clock.

    book = Book()
    notes = book.founding()                         # genesis … 41,559 t in the farm's account
    note = book.transfer("farm", "mill", quantity_g=TONNE)
    parsed = parse_entry(note)
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from registry.chain import mldsa
from registry.chain.ed25519 import public_key
from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44, format_vkey, verifier_key
from registry.ledger import entries as e
from registry.ledger.codec import Parsed, parse_entry
from registry.ledger.entries.authority import EnrolledKey, Founder, LogKeys, Source
from registry.ledger.entries.common import Commit
from registry.ledger.entries.moving import Item, MandateLimits, Trade
from registry.ledger.entries.supply import NewBatch, OpeningPart, OpeningSource
from registry.ledger.entries.use import Beneficiary, Firm, Obligor
from registry.ledger.signing import SigningKey, sign_entry

ORIGIN = "sample.invalid/log/0badc0de"
REGION = "CN-GD"
T0 = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""
DAY_MS = 86_400_000
TONNE = 1_000_000
BATCH = "CN-GD-PHCER-2024-000001"
COUNT = 41_559
"""Serials of the founding issuance, a tonne each, all to the account of the farm."""

PARTIES = {
    "operator": ("operator.test", ()),
    "authority": ("authority.test", ()),
    "centre": ("centre.test", ("centre",)),
    "verifier": ("verifier.test", ("verifier",)),
    "exchange": ("exchange.test", ("exchange",)),
    "court": ("court.test", ("court",)),
    "points": ("points.test", ("points_operator",)),
    "platform": ("platform.test", ("platform",)),
    "farm": ("farm.test", ("owner",)),
    "mill": ("mill.test", ("owner", "obligated")),
    "host": ("host.test", ("organiser", "owner")),
}
"""Short names of the book's parties: party name, roles. Operator and authority come by genesis."""
ACCOUNT_HOLDERS = ("farm", "mill", "host", "points", "exchange")
OPEN_ROLES = {"owner", "platform", "obligated", "organiser"}

RULES: dict[str, Any] = {
    "programs": ("PHCER",),
    "project_signed_by": ("owner", "centre"),
    "scenario_signed_by": ("platform", "centre"),
    "issuance_signed_by": ("centre", "verifier"),
    "scenario_issuance_signed_by": ("centre", "platform"),
    "issuance_organisations_min": 2,
    "offset_classes": ("forest",),
    "remediation_classes": ("*",),
    "event_classes": ("*",),
    "voluntary_classes": ("*",),
    "points_classes": ("*",),
    "offset_cap_num": 1,
    "offset_cap_den": 10,
    "key_recovery_delay_ms": DAY_MS,
}


def seed(name: str) -> bytes:
    """The private seed that this book derives from a name; good for nothing else."""
    return sha256(b"tanbu test book " + name.encode()).digest()


def hex_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def account_id(name: str) -> str:
    """The account of a short name."""
    return "a-" + base64.b32encode(seed(f"account {name}"))[:26].decode().lower()


def party_name(name: str) -> str:
    return PARTIES[name][0]


def party_key(name: str, number: int = 0) -> SigningKey:
    """The key of a party, by its short name; `number` for further ones."""
    return SigningKey(party_name(name), seed(f"party {name} {number}"))


def account_key(name: str, number: int = 0) -> SigningKey:
    """A key of a personal account."""
    return SigningKey(account_id(name), seed(f"account key {name} {number}"))


class Book:
    """Makes the notes of one log; see the module."""

    def __init__(self, origin: str = ORIGIN, now_ms: int = T0) -> None:
        self.origin = origin
        self.now_ms = now_ms
        self.ed25519_seed = seed(f"log ed25519 {origin}")
        self.mldsa44_seed = seed(f"log mldsa44 {origin}")
        self._ids = itertools.count(1)

    # ------------------------------------------------------------ the means

    def next_id(self) -> str:
        """UUIDv7 whose time is `now_ms` and whose random part counts up."""
        number = next(self._ids)
        digits = f"{self.now_ms:012x}7{number >> 32 & 0xFFF:03x}8{number & 0xFFFFFFFF:015x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def skip(self, count: int) -> None:
        """Leave ids to another process that makes entries of the same book."""
        for _ in range(count):
            self.next_id()

    def note(self, kind: type[e.Common], *keys: SigningKey, **fields: Any) -> bytes:
        """The note of an entry of a kind, signed by all of `keys`; common fields may be given."""
        common: dict[str, Any] = {
            "id": self.next_id(),
            "not_after": self.now_ms + DAY_MS,
            "signers": tuple(sorted(key.signer for key in keys)),
        }
        return sign_entry(self.origin, kind(**{**common, **fields}), keys)

    def log_vkeys(self) -> tuple[str, str]:
        """The log's verifier keys: Ed25519, ML-DSA-44."""
        ed25519 = verifier_key(self.origin, TYPE_ED25519, public_key(self.ed25519_seed))
        mldsa44 = verifier_key(self.origin, TYPE_MLDSA44, mldsa.public_key(self.mldsa44_seed))
        return format_vkey(ed25519), format_vkey(mldsa44)

    # ------------------------------------------------------------ authority

    def genesis(self, by: tuple[SigningKey, ...] = (), **fields: Any) -> bytes:
        """Signed by the book's operator and authority, or by the keys `by`."""
        operator, authority = party_key("operator"), party_key("authority")
        ed25519, mldsa44 = self.log_vkeys()
        defaults: dict[str, Any] = {
            "region": REGION,
            "offset_min": 480,
            "ruleset": 1,
            "operator": Founder(party=operator.holder, title="Sample operator"),
            "authority": Founder(party=authority.holder, title="Sample authority"),
            "keys": (EnrolledKey(key=operator.vkey), EnrolledKey(key=authority.vkey)),
            "log_keys": LogKeys(ed25519=ed25519, mldsa44=mldsa44),
        }
        return self.note(e.Genesis, *(by or (operator, authority)), **{**defaults, **fields})

    def rulebook(
        self, version: int = 1, *, effective_from_ms: int = 0, ruleset: int = 0, **values: Any
    ) -> bytes:
        """In force from `now_ms` unless said otherwise; `values` replace those of RULES."""
        return self.note(
            e.Rulebook,
            party_key("operator"),
            party_key("authority"),
            version=version,
            effective_from_ms=effective_from_ms or self.now_ms,
            values={**RULES, **values},
            source=Source(title="Sample rules", sha256=hex_of("sample rules")),
            **({"ruleset": ruleset} if ruleset else {}),
        )

    def enrol(self, name: str, **fields: Any) -> bytes:
        """The party entry of one of PARTIES, with its first key."""
        party, roles = PARTIES[name]
        signers = [party_key("operator"), party_key(name)]
        if set(roles) - OPEN_ROLES:
            signers.append(party_key("authority"))
        defaults: dict[str, Any] = {
            "party": party,
            "title": f"Sample {name}",
            "roles": roles,
            "keys": (EnrolledKey(key=party_key(name).vkey),),
        }
        return self.note(e.Party, *signers, **{**defaults, **fields})

    def add_key(self, name: str, number: int = 1, **fields: Any) -> bytes:
        key = party_key(name, number)
        return self.note(
            e.Key, party_key(name), key, holder=key.holder, action="add", key=key.vkey, **fields
        )

    def revoke_key(self, name: str, number: int = 0, by: int = 0, **fields: Any) -> bytes:
        key = party_key(name, number)
        return self.note(
            e.Key, party_key(name, by), holder=key.holder, action="revoke", key=key.vkey, **fields
        )

    def account(self, name: str, owner: str | None = None, **fields: Any) -> bytes:
        """Open the account of a short name for a party (by default the one of that name)."""
        owner = owner or name
        defaults: dict[str, Any] = {
            "account": account_id(name),
            "type": "institution",
            "owner": party_name(owner),
            "accept": "any",
            "need": 1,
        }
        return self.note(
            e.Account, party_key("operator"), party_key(owner), **{**defaults, **fields}
        )

    def person(self, name: str, **fields: Any) -> bytes:
        """Open a personal account with one key of its own."""
        key = account_key(name)
        defaults: dict[str, Any] = {
            "account": account_id(name),
            "type": "personal",
            "keys": (EnrolledKey(key=key.vkey),),
            "accept": "any",
            "need": 1,
        }
        return self.note(e.Account, party_key("operator"), key, **{**defaults, **fields})

    # ------------------------------------------------------------ supply

    def methodology(self, name: str = "FOREST", version: str = "1", **fields: Any) -> bytes:
        defaults: dict[str, Any] = {
            "methodology": name,
            "version": version,
            "title": "Sample forest methodology",
            "class_": "forest",
            "doc_sha256": hex_of(name),
            "from_": "2015-01-01",
        }
        return self.note(
            e.Methodology, party_key("centre"), party_key("authority"), **{**defaults, **fields}
        )

    def project(self, name: str = "FARM", **fields: Any) -> bytes:
        defaults: dict[str, Any] = {
            "project": name,
            "type": "project",
            "title": "Sample forest farm",
            "owner": party_name("farm"),
            "methodology": "FOREST",
            "methodology_version": "1",
            "claims": (f"plot {name}",),
            "not_in_ets": True,
            "not_in_ccer": True,
            "crediting_from": "2020-01-01",
            "crediting_to": "2039-12-31",
        }
        return self.note(
            e.Project, party_key("farm"), party_key("centre"), **{**defaults, **fields}
        )

    def issuance(
        self, batch: str = BATCH, count: int = COUNT, to: str = "farm", **fields: Any
    ) -> bytes:
        """`count` tonnes of the batch's year, all to one account."""
        year = int(batch.split("-")[3])
        made = NewBatch(
            batch=batch,
            vintage=year,
            class_="forest",
            unit_g=TONNE,
            count=count,
            account=account_id(to),
        )
        defaults: dict[str, Any] = {
            "project": "FARM",
            "part": "default",
            "from_": f"{year}-01-01",
            "to": f"{year}-12-31",
            "verified_g": count * TONNE,
            "report_sha256": hex_of(f"report {batch}"),
            "batches": (made,),
        }
        return self.note(
            e.Issuance, party_key("centre"), party_key("verifier"), **{**defaults, **fields}
        )

    def opening(self, batch: str, parts: Sequence[OpeningPart], **fields: Any) -> bytes:
        """Take over a batch; `parts` tile its serials."""
        source = OpeningSource(
            registry="Sample registry",
            file_sha256=(hex_of("file"),),
            row_sha256=(hex_of("row"),),
            serial_text=(),
            dates=(),
            serials_assigned=True,
        )
        defaults: dict[str, Any] = {
            "batch": batch,
            "count": parts[-1].last,
            "unit_g": TONNE,
            "vintage": int(batch.split("-")[3]),
            "parts": tuple(parts),
            "source": source,
            "class_": "forest",
        }
        return self.note(
            e.Opening, party_key("operator"), party_key("authority"), **{**defaults, **fields}
        )

    # ------------------------------------------------------------ moving

    def mandate(self, agent: str, *accounts: str, owner: str = "farm", **fields: Any) -> bytes:
        defaults: dict[str, Any] = {
            "agent": party_name(agent),
            "accounts": tuple(account_id(name) for name in accounts),
            "kinds": ("transfer",),
            "until_ms": self.now_ms + 365 * DAY_MS,
            "limits": MandateLimits(),
        }
        return self.note(e.Mandate, party_key(owner), **{**defaults, **fields})

    def transfer(
        self,
        source: str,
        target: str,
        *,
        quantity_g: int | None = None,
        serials: tuple[int, int] | None = None,
        batch: str = BATCH,
        by: SigningKey | None = None,
        **fields: Any,
    ) -> bytes:
        """Between two accounts by short name; signed by the source's party, or by `by`."""
        if serials is None:
            item = Item(batch=batch, quantity_g=TONNE if quantity_g is None else quantity_g)
        else:
            item = Item(batch=batch, first=serials[0], last=serials[1])
        defaults: dict[str, Any] = {
            "from_": account_id(source),
            "to": account_id(target),
            "items": (item,),
            "reason": "internal",
        }
        return self.note(e.Transfer, by or party_key(source), **{**defaults, **fields})

    def trade(self, source: str, target: str, trade_id: str, quantity_g: int = TONNE) -> bytes:
        """A trade outside any venue, at 23.99 CNY a tonne."""
        return self.transfer(
            source,
            target,
            quantity_g=quantity_g,
            reason="trade",
            trade=Trade(venue="otc", trade_id=trade_id, price_fen_per_t=2_399),
        )

    # ------------------------------------------------------------ use

    def order(self, name: str = "ORDER-1", quantity_g: int = 30 * TONNE, **fields: Any) -> bytes:
        defaults: dict[str, Any] = {
            "order": name,
            "issuer": "SAMPLE court",
            "origin": "signed",
            "instrument_type": "ruling",
            "number": "(2026) SAMPLE 1",
            "instrument_sha256": hex_of(name),
            "date": "2025-12-30",
            "effective_ms": self.now_ms,
            "obligors": (Obligor(firm=Firm(name="SAMPLE firm")),),
            "quantity_g": quantity_g,
        }
        return self.note(e.Order, party_key("court"), **{**defaults, **fields})

    def event(self, name: str = "EVENT-1", **fields: Any) -> bytes:
        defaults: dict[str, Any] = {
            "event": name,
            "organiser": party_name("host"),
            "title": "SAMPLE run",
            "from_": "2026-01-10",
            "to": "2026-01-11",
            "declared_g": 5 * TONNE,
            "report_sha256": hex_of(name),
            "status": "final",
        }
        return self.note(e.Event, party_key("host"), **{**defaults, **fields})

    def obligation(self, year: int = 2025, amount_g: int = 1_000 * TONNE, **fields: Any) -> bytes:
        defaults: dict[str, Any] = {
            "obligated": party_name("mill"),
            "year": year,
            "amount_g": amount_g,
            "rulebook_version": 1,
        }
        return self.note(e.Obligation, party_key("authority"), **{**defaults, **fields})

    def retirement(
        self, name: str, first: int, last: int, *, batch: str = BATCH, **fields: Any
    ) -> bytes:
        """Exact serials of an account, voluntarily in its owner's favour unless said otherwise."""
        defaults: dict[str, Any] = {
            "account": account_id(name),
            "items": (e.SpanItem(batch=batch, first=first, last=last),),
            "purpose": "voluntary",
            "beneficiary": Beneficiary(party=party_name(name)),
        }
        return self.note(e.Retirement, party_key(name), **{**defaults, **fields})

    # ------------------------------------------------------------ points

    def points_scheme(self, name: str = "LEAF", **fields: Any) -> bytes:
        """A point is 10 g."""
        defaults: dict[str, Any] = {
            "scheme": name,
            "operator": party_name("points"),
            "title": "SAMPLE points",
            "unit": "leaf",
            "num": 10,
            "den": 1,
            "validity_days": 365,
            "classes": ("forest",),
            "used": "to_credits",
            "expired": "authority",
        }
        return self.note(
            e.PointsScheme, party_key("points"), party_key("authority"), **{**defaults, **fields}
        )

    def to_points(self, name: str, quantity_g: int = TONNE, **fields: Any) -> bytes:
        """Credits of an account into points."""
        defaults: dict[str, Any] = {
            "scheme": "LEAF",
            "direction": "to_points",
            "account": account_id(name),
            "items": (Item(batch=BATCH, quantity_g=quantity_g),),
        }
        keys = {key.signer: key for key in (party_key("points"), party_key(name))}
        return self.note(e.Conversion, *keys.values(), **{**defaults, **fields})

    def to_credits(self, points: int, **fields: Any) -> bytes:
        """Gathered points into credits of the points operator."""
        defaults: dict[str, Any] = {
            "scheme": "LEAF",
            "direction": "to_credits",
            "account": account_id("points"),
            "points": points,
        }
        return self.note(e.Conversion, party_key("points"), **{**defaults, **fields})

    def redemption(self, points: int, **fields: Any) -> bytes:
        """Spent points; the commitment's root stands for leaves that nobody asks for."""
        defaults: dict[str, Any] = {
            "scheme": "LEAF",
            "points": points,
            "commit": Commit(root=hex_of("spent"), count=1, total=points),
        }
        return self.note(
            e.Redemption, party_key("points"), party_key("platform"), **{**defaults, **fields}
        )

    def enrolments(self) -> Iterator[bytes]:
        """Genesis, rulebook, every party and account."""
        yield self.genesis()
        yield self.rulebook()
        for name in PARTIES:
            if name not in ("operator", "authority"):
                yield self.enrol(name)
        for name in ACCOUNT_HOLDERS:
            yield self.account(name)

    def founding(self) -> list[bytes]:
        """Everything up to 41,559 t, free in the account of the farm."""
        return [*self.enrolments(), self.methodology(), self.project(), self.issuance()]

    def walk(self) -> list[bytes]:
        """After `founding`: at least one entry of every other kind, all of them good."""
        return [
            self.transfer("farm", "mill", quantity_g=1_000 * TONNE),
            self.transfer("farm", "host", serials=(20_001, 20_100)),
            self.trade("farm", "mill", "T-1", 7 * TONNE),
            self.mandate("exchange", "farm"),
            self.person("ann"),
            self.transfer("mill", "ann", quantity_g=3 * TONNE),
            self.transfer("ann", "mill", by=account_key("ann")),
            self.order(),
            self.retirement("farm", 30_001, 30_030, purpose="remediation", ref="ORDER-1"),
            self.event(),
            self.retirement("host", 20_001, 20_005, purpose="event", ref="EVENT-1"),
            self.obligation(),
            self.retirement("farm", 30_101, 30_102),
            self.points_scheme(),
            self.to_points("farm", 2 * TONNE),
            self.redemption(TONNE // 10),
            self.to_credits(TONNE // 10),
            self.add_key("farm", 1),
            self.revoke_key("farm", 0, by=1),
        ]


def parsed(notes: Sequence[bytes]) -> list[Parsed]:
    """What the notes say."""
    return [parse_entry(note) for note in notes]
