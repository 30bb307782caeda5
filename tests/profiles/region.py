"""A region in memory that begins with a profile: its genesis, its rulebook, parties, accounts.

What is in it is the same for every region; who may do what, and how much, is the profile's alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from registry.ledger.entries.authority import RuleValue
from registry.ledger.rulebook import listed
from registry.profiles.profile import Profile, parse_profile, rule_values, rulebook_fields
from tests.ledger.world import (
    FARM,
    MALL,
    PARTIES,
    SHA,
    START_MS,
    STEEL,
    World,
    genesis_fields,
    key_of,
    order_fields,
    project_fields,
)

T = 1_000_000
REPO = Path(__file__).resolve().parents[2]
FILES = sorted((REPO / "registry" / "profiles").glob("*.toml"))
BOTH = ("operator.gd", "authority.gd")
BY_ROLE = {role: party for party, role in PARTIES.items()}


def profile_of(name: str) -> Profile:
    """A profile that comes with Tanbu."""
    return parse_profile((REPO / "registry" / "profiles" / f"{name}.toml").read_bytes(), name)


class RegionWorld(World):
    """A log that has a region's genesis, first rulebook, parties and accounts."""

    def __init__(self, profile: Profile, values: dict[str, RuleValue] | None = None) -> None:
        super().__init__(founded=False)
        self.region = profile.region.value
        self.rules = rule_values(profile) if values is None else values
        own = {"region": self.region, "offset_min": profile.offset_min.value}
        self.accept("genesis", *BOTH, **(genesis_fields() | own))
        fields = rulebook_fields(profile, self.time_ms) | {"values": self.rules}
        self.accept("rulebook", *BOTH, **fields)
        self.time_ms = START_MS + 10_000
        for party, role in PARTIES.items():
            if role in ("operator", "authority"):
                continue
            keys = [{"key": key_of(party).vkey}]
            fields = {"party": party, "title": party, "roles": [role], "keys": keys}
            self.accept("party", *BOTH, party, **fields)
        for account, owner in ((FARM, "owner.farm"), (STEEL, "firm.steel"), (MALL, "points.mall")):
            fields = {"account": account, "type": "institution", "owner": owner}
            self.accept("account", "operator.gd", owner, accept="any", need=1, **fields)

    def signers(self, value: str, owner: str = "owner.farm") -> tuple[str, ...]:
        """Who signs, by a list of roles of the rulebook."""
        roles = listed(self.rules, value)
        return tuple(owner if role == "owner" else BY_ROLE[role] for role in roles)

    def batch(self, year: int = 2018, program: str = "") -> str:
        """The name of a batch, of the first program if none is given."""
        return f"{self.region}-{program or listed(self.rules, 'programs')[0]}-{year}-000001"

    def make_project(self, class_name: str = "forest") -> None:
        """A methodology of a class and a project by it."""
        self.accept(
            "methodology",
            "centre.gd",
            "authority.gd",
            methodology="method-1",
            version="1",
            title="M",
            class_=class_name,
            doc_sha256=SHA,
            from_="2015-01-01",
        )
        self.accept("project", *self.signers("project_signed_by"), **self.project())

    def project(self, **changed: Any) -> dict[str, Any]:
        return project_fields(methodology="method-1") | changed

    def issuance(
        self,
        tonnes: int,
        class_name: str = "forest",
        account: str = FARM,
        year: int = 2018,
        program: str = "",
    ) -> dict[str, Any]:
        """The fields of an issuance of the project for a year."""
        made = {"batch": self.batch(year, program), "vintage": year, "class": class_name}
        made |= {"unit_g": T, "count": tonnes, "account": account}
        period = {"project": "farm", "part": "default", "from": f"{year}-01-01"}
        period |= {"to": f"{year}-12-31"}
        return period | {"verified_g": tonnes * T, "report_sha256": SHA, "batches": [made]}

    def issue(
        self, tonnes: int, class_name: str = "forest", account: str = FARM, year: int = 2018
    ) -> None:
        """Credits of a class in an account."""
        self.make_project(class_name)
        by = self.signers("issuance_signed_by")
        self.accept("issuance", *by, **self.issuance(tonnes, class_name, account, year))

    def retire(
        self, owner: str, account: str, last: int, purpose: str, ref: str, year: int = 2018
    ) -> str:
        """Retire the serials 1 to `last`; the refusal."""
        return self.submit(
            "retirement",
            owner,
            account=account,
            items=[{"batch": self.batch(year), "first": 1, "last": last}],
            purpose=purpose,
            ref=ref or None,
            beneficiary={"commit": SHA},
        )

    def order(self, tonnes: int) -> None:
        fields = order_fields(quantity_g=tonnes * T)
        self.accept("order", "exchange.gd", "authority.gd", **fields)
