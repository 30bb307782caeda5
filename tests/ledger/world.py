"""A small region in memory, for tables of rules: parties, accounts, one batch, by name.

`World()` has played a whole founding story through `apply`; `submit` builds an entry from plain
fields, signs it by the holders named, and answers the refusal's name, or "" where it is accepted.
Every refused entry is checked to have left the state as it was.
"""

from __future__ import annotations

from base64 import b32encode
from hashlib import sha256
from typing import Any

import msgspec

from registry.chain import ed25519, note
from registry.ledger.apply import apply, verify_here
from registry.ledger.codec import Parsed, parse_entry
from registry.ledger.entries import KINDS, Common
from registry.ledger.refusals import Refusal
from registry.ledger.signing import SigningKey, sign_entry
from registry.ledger.state import MemoryState, State
from registry.ledger.transitions import Step, Watch

ORIGIN = "test.invalid/log/0123abcd"
START_MS = 1_760_000_000_000
DAY_MS = 86_400_000

PARTIES = {
    "operator.gd": "operator",
    "authority.gd": "authority",
    "centre.gd": "centre",
    "verifier.gd": "verifier",
    "exchange.gd": "exchange",
    "owner.farm": "owner",
    "firm.steel": "obligated",
    "platform.bus": "platform",
    "points.mall": "points_operator",
    "games.org": "organiser",
    "court.gd": "court",
    "bank.city": "pledgee",
}
BATCH = "CN-GD-PHCER-2018-000001"
GRAMS_BATCH = "CN-GD-PHCER-2019-000002"
RULES: dict[str, Any] = {
    "programs": ["PHCER"],
    "project_signed_by": ["owner", "centre", "authority"],
    "scenario_signed_by": ["centre", "exchange"],
    "issuance_signed_by": ["centre", "verifier"],
    "scenario_issuance_signed_by": ["centre", "exchange"],
    "issuance_organisations_min": 2,
    "offset_classes": ["forest"],
    "remediation_classes": ["forest"],
    "event_classes": ["*"],
    "voluntary_classes": ["*"],
    "points_classes": ["forest", "transit"],
    "offset_cap_num": 5,
    "offset_cap_den": 100,
    "offset_vintage_first": 2016,
    "key_recovery_delay_ms": 7 * DAY_MS,
}
SHA = "ab" * 32


def key_of(holder: str, number: int = 0) -> SigningKey:
    """A party's or account's private key, the same in every run."""
    return SigningKey(holder, sha256(f"{holder}/{number}".encode()).digest())


def account_of(name: str) -> str:
    """The account id that stands for a name."""
    return "a-" + b32encode(sha256(name.encode()).digest())[:26].decode().lower()


FARM, STEEL, MALL, BUS, LISTED, ANNA = map(
    account_of, ("farm", "steel", "mall", "bus", "listed", "anna")
)


class World:
    """A log in memory and the state that it has led to."""

    def __init__(self, *, founded: bool = True, count: int = 41_559) -> None:
        self.base = MemoryState()
        self.state = State(self.base)
        self.index = 0
        self.time_ms = START_MS
        self.serial = 0
        self.notes: list[bytes] = []
        self.last: Refusal | None = None
        self.watch = Watch()
        if founded:
            found(self, count)

    def note(self, kind: str, *by: str | SigningKey, log_: str = ORIGIN, **fields: Any) -> bytes:
        """An entry's note, signed by holders (their first key) or given keys."""
        self.serial += 1
        keys = sorted((key_of(k) if isinstance(k, str) else k for k in by), key=lambda k: k.signer)
        plain = {
            "kind": kind,
            "id": f"01935b00-0000-7000-8000-{self.serial:012x}",
            "not_after": self.time_ms + DAY_MS,
            "signers": [k.signer for k in keys],
        } | {name.rstrip("_"): value for name, value in fields.items() if value is not None}
        return sign_entry(log_, msgspec.convert(plain, KINDS[kind]), keys)

    def put(self, note_bytes: bytes) -> str:
        """Apply a note: "" if accepted, else the refusal's name; nothing refused changes state."""
        parsed: Parsed = parse_entry(note_bytes)
        self.base.store(self.state)
        before = dict(self.base.values)
        refusal = apply(
            self.state, parsed, index=self.index, time_ms=self.time_ms, verify=verify_here
        )
        self.base.store(self.state)
        self.last = refusal
        if refusal is None:
            self.step = step_of(before, self.base, parsed.entry, self.index, self.time_ms)
            assert self.watch.broken_by(self.step) == []
            self.index += 1
            self.time_ms += 1_000
            self.notes.append(note_bytes)
            return ""
        assert self.base.values == before, f"refused as {refusal.name}, but the state has changed"
        assert refusal.message("en")
        assert refusal.message("zh")
        return refusal.name

    def submit(self, kind: str, *by: str | SigningKey, **fields: Any) -> str:
        """Build, sign and apply an entry."""
        return self.put(self.note(kind, *by, **fields))

    def accept(self, kind: str, *by: str | SigningKey, **fields: Any) -> None:
        """The same, where it must be accepted."""
        refused = self.submit(kind, *by, **fields)
        assert refused == "", f"{kind}: {self.last.message() if self.last else refused}"

    def value(self, key: str) -> Any:
        """A state value as plain data, or None."""
        data = self.base.values.get(key)
        return None if data is None else msgspec.json.decode(data)


def log_keys(number: int = 1, origin: str = ORIGIN) -> dict[str, str]:
    """A pair of keys of the log; 1: that of genesis."""
    of_seed = ed25519.public_key(sha256(f"log {number}".encode()).digest())
    log_key = note.verifier_key(origin, note.TYPE_ED25519, of_seed)
    pq_key = note.verifier_key(origin, note.TYPE_MLDSA44, bytes([number]) * 1312)
    return {"ed25519": note.format_vkey(log_key), "mldsa44": note.format_vkey(pq_key)}


def step_of(
    before: dict[str, bytes], after: MemoryState, entry: Common, index: int, time_ms: int
) -> Step:
    """The step that an accepted entry made."""
    was = MemoryState()
    was.values = before
    now = after.values
    changed = sorted(k for k in before.keys() | now.keys() if before.get(k) != now.get(k))
    return Step(was, after, changed, entry, index, time_ms)


def genesis_fields() -> dict[str, Any]:
    """What a genesis says beyond the common fields."""
    return {
        "region": "CN-GD",
        "offset_min": 480,
        "ruleset": 1,
        "operator": {"party": "operator.gd", "title": "Operator"},
        "authority": {"party": "authority.gd", "title": "Authority"},
        "keys": [{"key": key_of(p).vkey} for p in ("operator.gd", "authority.gd")],
        "log_keys": log_keys(),
    }


def project_fields(name: str = "farm", **changed: Any) -> dict[str, Any]:
    """What a project says beyond the common fields."""
    return {
        "project": name,
        "type": "project",
        "title": "A forest farm",
        "owner": "owner.farm",
        "methodology": "forest-1",
        "methodology_version": "1",
        "claims": [f"plot {name}"],
        "not_in_ets": True,
        "not_in_ccer": True,
        "crediting_from": "2015-01-01",
        "crediting_to": "2034-12-31",
    } | changed


def batch_fields(batch: str = BATCH, count: int = 41_559, **changed: Any) -> dict[str, Any]:
    """One new batch of an issuance."""
    return {
        "batch": batch,
        "vintage": int(batch.split("-")[3]),
        "class": "forest",
        "unit_g": 1_000_000,
        "count": count,
        "account": FARM,
    } | changed


def issuance_fields(**changed: Any) -> dict[str, Any]:
    """An issuance of the forest farm for 2018."""
    return {
        "project": "farm",
        "part": "default",
        "from": "2018-01-01",
        "to": "2018-12-31",
        "verified_g": 41_559_000_000,
        "report_sha256": SHA,
        "batches": [batch_fields()],
    } | changed


def order_fields(**changed: Any) -> dict[str, Any]:
    """A recorded order of 30 t."""
    return {
        "order": "order-1",
        "issuer": "Sample Court",
        "origin": "recorded",
        "instrument_type": "judgment",
        "number": "(2025) No. 1",
        "instrument_sha256": SHA,
        "date": "2025-09-01",
        "effective_ms": START_MS,
        "obligors": [{"commit": SHA}],
        "quantity_g": 30_000_000,
    } | changed


def found(world: World, count: int = 41_559) -> None:
    """Found the region: rulebook, parties, accounts, methodology, project, `count` t issued."""
    genesis = world.note("genesis", "operator.gd", "authority.gd", **genesis_fields())
    assert world.put(genesis) == ""
    world.accept(
        "rulebook",
        "operator.gd",
        "authority.gd",
        version=1,
        effective_from_ms=world.time_ms,
        values=RULES,
        source={"title": "Test rules", "sha256": SHA},
    )
    world.time_ms = START_MS + 10_000
    for party, role in PARTIES.items():
        if role in ("operator", "authority"):
            continue
        world.accept(
            "party",
            "operator.gd",
            "authority.gd",
            party,
            party=party,
            title=party,
            roles=[role],
            keys=[{"key": key_of(party).vkey}],
        )
    for account, owner, accept in (
        (FARM, "owner.farm", "any"),
        (STEEL, "firm.steel", "any"),
        (MALL, "points.mall", "signed"),
        (BUS, "platform.bus", "any"),
        (LISTED, "games.org", "listed"),
    ):
        world.accept(
            "account",
            "operator.gd",
            owner,
            account=account,
            type="institution",
            owner=owner,
            accept=accept,
            need=1,
            listed=[FARM] if accept == "listed" else None,
        )
    world.accept(
        "account",
        "operator.gd",
        key_of(ANNA),
        account=ANNA,
        type="personal",
        keys=[{"key": key_of(ANNA).vkey}],
        accept="any",
        need=1,
    )
    for name, class_ in (("forest-1", "forest"), ("bus-1", "transit")):
        world.accept(
            "methodology",
            "centre.gd",
            "authority.gd",
            methodology=name,
            version="1",
            title=name,
            class_=class_,
            doc_sha256=SHA,
            from_="2015-01-01",
        )
    world.accept("project", "owner.farm", "centre.gd", "authority.gd", **project_fields())
    issued = {"verified_g": count * 1_000_000, "batches": [batch_fields(count=count)]}
    world.accept("issuance", "centre.gd", "verifier.gd", **issuance_fields(**issued))
