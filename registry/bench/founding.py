"""The book that the benchmark runs on: one region, accounts with a key each, batches taken over."""

from base64 import b32encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from registry.bench.load import NOT_AFTER_DAYS, entry_id, holder_key
from registry.ledger.dates import DAY_MS
from registry.ledger.entries import KINDS
from registry.ledger.signing import sign_entry

REGION = "CN-GD"
OPERATOR, AUTHORITY = "operator.bench", "authority.bench"
GROUP_ACCOUNTS = 500
"""Accounts that share a batch: as many free parts as one opening entry holds."""
BATCHES_PER_GROUP = 5
TONNES_PER_PART = 1_000_000
"""What each account begins with of each of its batches: no transfer of the load is refused."""
_SHA = sha256(b"bench").hexdigest()
_ANY = ["*"]
_RULES: dict[str, Any] = {
    "programs": ["BENCH"],
    "project_signed_by": ["owner"],
    "scenario_signed_by": ["owner"],
    "issuance_signed_by": ["centre"],
    "scenario_issuance_signed_by": ["centre"],
    "issuance_organisations_min": 2,
    "offset_classes": _ANY,
    "remediation_classes": _ANY,
    "event_classes": _ANY,
    "voluntary_classes": _ANY,
    "points_classes": _ANY,
    "offset_cap_num": 1,
    "offset_cap_den": 1,
    "key_recovery_delay_ms": 0,
}


@dataclass(frozen=True, slots=True)
class Founding:
    """Who and what there is before the load begins; `accounts` is a multiple of GROUP_ACCOUNTS."""

    origin: str
    now_ms: int
    accounts: int

    @property
    def holders(self) -> tuple[str, ...]:
        """The accounts whose keys sign the load."""
        return tuple(_account(n) for n in range(self.accounts))

    def batches_of(self, account: int) -> tuple[str, ...]:
        """The batches that the n-th account holds at the start."""
        return tuple(self._batch(account // GROUP_ACCOUNTS, n) for n in range(BATCHES_PER_GROUP))

    def notes(self) -> Iterator[bytes]:
        """Every entry of the founding after genesis, the rulebook first."""
        plain = [self._rulebook(), *self._accounts(), *self._openings()]
        for number, (signers, fields) in enumerate(plain):
            keys = sorted((holder_key(holder) for holder in signers), key=lambda k: k.signer)
            common = {
                "id": entry_id(self.now_ms, 2**62 + number),  # far from the load's numbers
                "not_after": self.now_ms + NOT_AFTER_DAYS * DAY_MS,
                "signers": [key.signer for key in keys],
            }
            entry = msgspec.convert(common | fields, KINDS[fields["kind"]])
            yield sign_entry(self.origin, entry, keys)

    def _rulebook(self) -> tuple[tuple[str, ...], dict[str, Any]]:
        return (OPERATOR, AUTHORITY), {
            "kind": "rulebook",
            "version": 1,
            "effective_from_ms": self.now_ms + EFFECTIVE_MS,
            "values": _RULES,
            "source": {"title": "Benchmark", "sha256": _SHA},
        }

    def _accounts(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        for holder in self.holders:
            yield (
                (OPERATOR, holder),
                {
                    "kind": "account",
                    "account": holder,
                    "type": "personal",
                    "keys": [{"key": holder_key(holder).vkey}],
                    "accept": "any",
                    "need": 1,
                },
            )

    def _openings(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        for group in range(self.accounts // GROUP_ACCOUNTS):
            holders = self.holders[group * GROUP_ACCOUNTS : (group + 1) * GROUP_ACCOUNTS]
            for n in range(BATCHES_PER_GROUP):
                yield (
                    (OPERATOR, AUTHORITY),
                    {
                        "kind": "opening",
                        "batch": (batch := self._batch(group, n)),
                        "count": GROUP_ACCOUNTS * TONNES_PER_PART,
                        "unit_g": 1_000_000,
                        "vintage": 2020,
                        "parts": [
                            {
                                "first": at * TONNES_PER_PART + 1,
                                "last": (at + 1) * TONNES_PER_PART,
                                "status": "free",
                                "account": holder,
                            }
                            for at, holder in enumerate(holders)
                        ],
                        "source": {
                            "registry": "Benchmark",
                            "file_sha256": [_SHA],
                            "row_sha256": [sha256(batch.encode()).hexdigest()],
                            "serial_text": [],
                            "dates": [],
                            "serials_assigned": True,
                        },
                    },
                )

    @staticmethod
    def _batch(group: int, number: int) -> str:
        return f"{REGION}-BENCH-2020-{group * BATCHES_PER_GROUP + number + 1:06}"


EFFECTIVE_MS = 2_000
"""A rulebook may not begin before its record time: it begins so long after it was drafted."""


def _account(number: int) -> str:
    digest = sha256(f"bench account {number}".encode()).digest()
    return "a-" + b32encode(digest)[:26].decode().lower()
