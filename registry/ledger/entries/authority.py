"""Entries that found a log and say who may do what: genesis, rulebook, party, key and so on."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from registry.ledger.entries.common import (
    KEYS_MAX,
    LISTED_MAX,
    AccountId,
    Common,
    Holder,
    KeyText,
    Ms,
    Part,
    PartyName,
    Positive,
    Region,
    Sha256,
    Text,
    Url,
)

Role = Literal[
    "operator",
    "authority",
    "centre",
    "verifier",
    "exchange",
    "owner",
    "platform",
    "points_operator",
    "court",
    "obligated",
    "organiser",
    "pledgee",
]
RULEBOOK_VALUES_MAX = 200
RULEBOOK_LIST_MAX = 64
RuleText = Annotated[str, Meta(min_length=1, max_length=100)]
RuleValue = (
    Annotated[int, Meta(ge=0, le=2**53 - 1)]
    | RuleText
    | Annotated[tuple[RuleText, ...], Meta(max_length=RULEBOOK_LIST_MAX)]
)


class EnrolledKey(Part, frozen=True, kw_only=True):
    """A key of a party or account, valid from `from_ms` (default: its entry) until `until_ms`."""

    key: KeyText
    from_ms: Ms | UnsetType = UNSET
    until_ms: Ms | UnsetType = UNSET


class Founder(Part, frozen=True, kw_only=True):
    """The operator or the authority as genesis names it."""

    party: PartyName
    title: Text


class LogKeys(Part, frozen=True, kw_only=True):
    """The two keys that sign checkpoints, both named by the origin."""

    ed25519: KeyText
    mldsa44: KeyText


class Continues(Part, frozen=True, kw_only=True):
    """The log that this one carries on, by its last checkpoint."""

    origin: Text
    checkpoint: Annotated[str, Meta(min_length=1, max_length=8000)]


KeyList = Annotated[tuple[EnrolledKey, ...], Meta(min_length=1, max_length=KEYS_MAX)]


class Genesis(Common, frozen=True, kw_only=True, tag="genesis"):
    """Index 0, once. `offset_min`: fixed offset of civil time from UTC, in minutes."""

    region: Region
    offset_min: Annotated[int, Meta(ge=0, le=840)]
    ruleset: Positive
    operator: Founder
    authority: Founder
    keys: KeyList
    log_keys: LogKeys
    continues: Continues | UnsetType = UNSET


class Source(Part, frozen=True, kw_only=True):
    """The published text that a rulebook's values come from."""

    title: Text
    sha256: Sha256
    url: Url | UnsetType = UNSET


class Rulebook(Common, frozen=True, kw_only=True, tag="rulebook"):
    """A region's policy data, in force from `effective_from_ms`, never before its record time."""

    version: Positive
    effective_from_ms: Ms
    values: Annotated[dict[str, RuleValue], Meta(max_length=RULEBOOK_VALUES_MAX)]
    source: Source
    ruleset: Positive | UnsetType = UNSET


class Party(Common, frozen=True, kw_only=True, tag="party"):
    """Enrols an organisation with its roles and keys; each key signs this entry too."""

    party: PartyName
    title: Text
    roles: Annotated[tuple[Role, ...], Meta(max_length=12)]
    keys: KeyList


class Key(Common, frozen=True, kw_only=True, tag="key"):
    """Adds or revokes a key, or recovers a holder whose keys are lost (two entries)."""

    holder: Holder
    action: Literal["add", "revoke", "recover", "complete"]
    key: KeyText
    until_ms: Ms | UnsetType = UNSET


class LogKey(Common, frozen=True, kw_only=True, tag="logkey"):
    """Puts new keys in force that sign checkpoints; those before them go on until `until_ms`."""

    ed25519: KeyText
    mldsa44: KeyText
    until_ms: Ms


class AccountLimits(Part, frozen=True, kw_only=True):
    """What may leave an account by one transfer, and on one civil day."""

    per_transfer_g: Positive | UnsetType = UNSET
    per_day_g: Positive | UnsetType = UNSET


class Account(Common, frozen=True, kw_only=True, tag="account"):
    """Opens an account, of an institution (its `owner`) or a person (its own `keys`); or, sent

    again by as many of its keys as it needs, changes its rules.

    `accept`: who may send to it without its signature (`listed`: the accounts in `listed`);
    `need`: how many of its keys must sign; `receivers`: where there is a list, its credits go to
    no others, and a newly listed one is usable after the rulebook's delay.
    """

    account: AccountId
    type: Literal["institution", "personal"]
    owner: PartyName | UnsetType = UNSET
    keys: KeyList | UnsetType = UNSET
    accept: Literal["any", "listed", "signed"]
    listed: Annotated[tuple[AccountId, ...], Meta(max_length=LISTED_MAX)] | UnsetType = UNSET
    receivers: Annotated[tuple[AccountId, ...], Meta(max_length=LISTED_MAX)] | UnsetType = UNSET
    limits: AccountLimits | UnsetType = UNSET
    need: Annotated[int, Meta(ge=1, le=2)]


__all__ = [
    "Account",
    "EnrolledKey",
    "Genesis",
    "Key",
    "LogKey",
    "LogKeys",
    "Party",
    "Role",
    "Rulebook",
]
