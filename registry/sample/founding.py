"""Entries that found the sample's log and say who may do what.

Refuses to know: what is done with it afterwards.
"""

from registry.chain.ed25519 import public_key as ed25519_public_key
from registry.chain.mldsa import public_key as mldsa44_public_key
from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44, format_vkey, verifier_key
from registry.ledger import entries as e
from registry.ledger.entries.authority import EnrolledKey, Founder, LogKeys, Source
from registry.sample.cast import DEFENDANT, NO_EFFECT, OFFSET_MIN, PLAYERS, REGION, Cast, party
from registry.sample.plot import LEAD_MS, RULES, SAMPLE
from registry.sample.script import CommonFields, Scene


def genesis(s: Scene, common: CommonFields) -> e.Common:
    keys = [
        EnrolledKey(key=s.cast.key(name).vkey) for name in ("authority", "operator", "operator/2")
    ]
    return e.Genesis(
        **common,
        region=REGION,
        offset_min=OFFSET_MIN,
        ruleset=1,
        operator=Founder(party=party("operator"), title=PLAYERS["operator"].title),
        authority=Founder(party=party("authority"), title=PLAYERS["authority"].title),
        keys=tuple(keys),
        log_keys=log_keys(s.cast),
    )


def log_keys(cast: Cast) -> LogKeys:
    """The public keys of the log, both named by its origin."""
    ed25519 = ed25519_public_key(cast.derive("log ed25519"))
    mldsa44 = mldsa44_public_key(cast.derive("log mldsa44"))
    return LogKeys(
        ed25519=format_vkey(verifier_key(cast.origin, TYPE_ED25519, ed25519)),
        mldsa44=format_vkey(verifier_key(cast.origin, TYPE_MLDSA44, mldsa44)),
    )


def rulebook(s: Scene, common: CommonFields) -> e.Common:
    return e.Rulebook(
        **common,
        version=1,
        effective_from_ms=s.now_ms + LEAD_MS,
        values=RULES,
        source=Source(
            title=f"{SAMPLE} 碳普惠规则 rulebook ({NO_EFFECT})", sha256=s.cast.sha256_of("rules")
        ),
    )


def party_of(name: str, s: Scene, common: CommonFields) -> e.Common:
    player = PLAYERS[name]
    keys = (EnrolledKey(key=s.cast.key(name).vkey),)
    return e.Party(**common, party=party(name), title=player.title, roles=player.roles, keys=keys)


def account(name: str, s: Scene, common: CommonFields) -> e.Common:
    """An account of an institution; who may send to it without its signature differs."""
    account = s.cast.account(name)
    if name == "organiser":
        listed = (s.cast.account("xinfengjiang"),)
        return e.Account(
            **common,
            account=account,
            type="institution",
            owner=party(name),
            accept="listed",
            listed=listed,
            need=1,
        )
    return e.Account(
        **common,
        account=account,
        type="institution",
        owner=party(name),
        accept="any" if name == "trust" else "signed",
        need=1,
    )


def personal_account(s: Scene, common: CommonFields) -> e.Common:
    return e.Account(
        **common,
        account=s.cast.account(DEFENDANT),
        type="personal",
        keys=(EnrolledKey(key=s.cast.key(DEFENDANT).vkey),),
        accept="signed",
        need=1,
    )


def second_key(s: Scene, common: CommonFields) -> e.Common:
    vkey = s.cast.key("exchange/2").vkey
    return e.Key(**common, holder=party("exchange"), action="add", key=vkey)
