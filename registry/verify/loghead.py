"""The log's own lines below a checkpoint: by keys that trust names, or that the log put in force.

Source: docs/spec/evidence.md, "Trust"; DESIGN of Tanbu, §3 (logkey).
Refuses to know: where checkpoints come from, what records mean.

Two questions, kept apart:

1. `check_trusted`: is there a good line by the keys that trust counts at this size? It is all that
   can be asked of a single file. Lines of other keys under the log's name are not counted; a bad
   line of a key that counts spoils the checkpoint. Where lines by unknown keys are all there is,
   the log may have changed its keys since trust was written: "could not check", never good.
2. `check_signed`: have all keys signed that the log itself put in force? Whoever has replayed the
   log can ask this, and `check_anchored`: do these keys descend from one that trust names? Each
   change of them was signed by operator and authority, and the authority's key is in trust.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from msgspec import UNSET

from registry.chain.checkpoint import Checkpoint, open_checkpoint
from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.chain.note import (
    TYPE_ED25519,
    TYPE_MLDSA44,
    Note,
    Signature,
    Verified,
    Verifier,
    open_note,
    parse_note,
    parse_vkey,
)
from registry.ledger.logkeys import KeyHistory
from registry.verify.evidence import key_of
from registry.verify.standing import short_key
from registry.verify.trust import NEWER_KEYS, LogTrust, TrustedKey

_WORDS = {TYPE_ED25519: "Ed25519", TYPE_MLDSA44: "ML-DSA-44"}


class LogLines(NamedTuple):
    """The lines under the log's name: good ones that count, and those of keys not known here."""

    good: tuple[Verified, ...]
    unknown: tuple[Signature, ...]


def check_trusted(
    note: Note,
    origin: str,
    verifiers: tuple[Verifier, ...],
    known: Collection[str] = (),
) -> LogLines:
    """Judge the lines under the log's name by the keys that count.

    `known`: further verifier keys of the log, which trust names for other sizes. NotTrusted if a
    line by a key that counts is bad, one of a kind that is wanted is missing, or only keys have
    signed whose time is another; Unavailable if there are lines by unknown keys instead.
    """
    named = {short_key(text) for text in known}
    counting = {(judge.key.name, judge.key.key_id) for judge in verifiers}
    ours = [line for line in note.signatures if line.name == origin]
    counted = tuple(line for line in ours if (line.name, line.key_id) in counting)
    rest = [line for line in ours if (line.name, line.key_id) not in counting]
    others = tuple(line for line in rest if key_of(line) not in named)
    if not counted and others:
        names = ", ".join(map(key_of, others))
        raise Unavailable(
            "no line of the checkpoint is by a key that trust counts at this size, only by"
            f" {names}: the log has changed its keys, or it is forged",
            todo=NEWER_KEYS,
        )
    if not counted and rest:
        names = ", ".join(map(key_of, rest))
        raise NotTrusted(f"only keys have signed that do not count at this size: {names}")
    if not counted:
        raise NotTrusted("the log has not signed the checkpoint")
    good = open_note(Note(note.text, counted), verifiers)
    missing = {judge.key.type for judge in verifiers} - {line.key.type for line in good}
    if missing:
        words = _WORDS.get(min(missing), f"{min(missing):#04x}")
        raise NotTrusted(f"the checkpoint lacks the log's {words} line")
    return LogLines(good, others)


def check_signed(
    data: bytes, history: KeyHistory | None, size: int, time_ms: int, where: str
) -> Checkpoint:
    """The head of a checkpoint of `size` that every key has signed that was due by the log itself.

    `time_ms`: of its newest record. NotTrusted otherwise, with the place.
    """
    if history is None:
        raise NotTrusted("the log has no genesis", where="record 0")
    try:
        return open_checkpoint(data, *history.due(size, time_ms))
    except (Malformed, NotTrusted) as error:
        raise NotTrusted(f"the checkpoint is not good: {error.message}", where=where) from error


def check_anchored(
    data: bytes, history: KeyHistory, size: int, trust: LogTrust, where: str
) -> tuple[str, ...]:
    """Hold a checkpoint that `check_signed` has found good to trust; the keys newly learned, short.

    None are where trust counts a key that signed it; else they descend from one that trust names.
    NotTrusted if it names none of this log's; Unavailable if it has ended the last that it names.
    """
    note = parse_note(data)
    try:
        check_trusted(note, history.origin, trust.verifiers(size), trust.vkeys)
        return ()
    except Unavailable as error:
        unknown = error
    except NotTrusted as error:
        raise NotTrusted(f"the checkpoint is not good: {error.message}", where=where) from error
    kinds = {parse_vkey(held.key).type for held in trust.log_keys}
    named = {held.key for held in trust.log_keys}
    known = [
        pair
        for pair in history.pairs
        if pair.ed25519 in named and (TYPE_MLDSA44 not in kinds or pair.mldsa44 in named)
    ]
    if not known:
        raise NotTrusted(
            "trust names no key that this log ever had", where=where, todo=NEWER_KEYS
        ) from unknown
    newest = history.pairs[-1]
    if known[-1] is newest:
        raise unknown
    return short_key(newest.ed25519), short_key(newest.mldsa44)


def learned_keys(history: KeyHistory, trusted: Iterable[TrustedKey]) -> tuple[TrustedKey, ...]:
    """Every key that a log has had, as trust names it: for the sizes at which it was the newest.

    One that trust has ended earlier stays ended. Two pairs sign while one replaces the other;
    whoever knows the newer one has no more need of the older.
    """
    held = {key.key: key for key in trusted}
    keys: list[TrustedKey] = []
    ends = [pair.from_size for pair in history.pairs[1:]]
    for pair, end in zip(history.pairs, [*ends, None], strict=True):
        first = 0 if pair.from_size == 1 else pair.from_size
        for text in (pair.ed25519, pair.mldsa44):
            given = held[text].until_size if text in held else UNSET
            stops = [stop for stop in (end, given) if isinstance(stop, int)]
            if not stops or min(stops) > first:
                until = min(stops) if stops else UNSET
                keys.append(TrustedKey(key=text, from_size=first, until_size=until))
    return tuple(keys)
