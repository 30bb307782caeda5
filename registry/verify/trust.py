"""Trust: what a verifier brings itself, and never takes from what it is to check (DESIGN §8).

A directory with one file per log, each saying which keys may speak for it:

    {
      "authority_keys": [
        "authority.cn-gd+9b2e7a41+AX…"
      ],
      "format": "tanbu.trust/v1",
      "log_keys": [
        {
          "from_size": 0,
          "key": "cn-gd.example/log/5f0c91ae+618408b1+AX…"
        },
        …
      ],
      "operator_keys": [
        "operator.cn-gd+618408b1+AX…"
      ],
      "origin": "cn-gd.example/log/5f0c91ae"
    }

Refuses to know: where the files lie, how they got there. Whoever sets them up has them from a
source that he believes: the authority's own page, an earlier visit, a printed sheet.

Rules
- one value, one text: JSON as `format_trust` writes it (sorted keys, two blanks of indent, a line
  feed at the end); anything else is Malformed
- log keys are verifier keys named by the origin, of type 0x01 (Ed25519) or 0x06 (ML-DSA-44); a key
  counts for checkpoints of from_size ≤ size < until_size (no until_size: no end)
- a checkpoint needs a good line by an Ed25519 key that counts; and, if an ML-DSA-44 key counts, one
  by such a key too
- authority keys are Ed25519 verifier keys of the party that signed the genesis as authority
- operator keys, which may be left out, are Ed25519 keys of the operator as a party; refusal
  notes are judged by them, nothing else is
- `policy` lists the lines of a witness policy (C2SP tlog-policy); this version cannot apply one, so
  with it nothing is ever good: "could not check"

    trust = parse_trust(files)
    trust.of("cn-gd.example/log/5f0c91ae")
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from registry.chain import canonical
from registry.chain.checkpoint import check_origin, verifier
from registry.chain.errors import Malformed, Unavailable
from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44, Verifier, VerifierKey, parse_vkey

FORM = "tanbu.trust/v1"
FILE_BYTES_MAX = 1_000_000
KEYS_MAX = 64
LOGS_MAX = 1_000
POLICY_LINES_MAX = 1_000

NEWER_KEYS = (
    "if the log has changed its keys, learn the new ones from the log itself"
    " (tanbu audit SOURCE --trust DIR --new-trust FILE) or from a source that you believe"
)
"""What to do when trust is older than the checkpoint."""

KeyText = Annotated[str, Meta(min_length=10, max_length=2_000)]
Size = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class TrustedKey(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A log key and the sizes of checkpoints for which it counts."""

    key: KeyText
    from_size: Size = 0
    until_size: Size | UnsetType = UNSET

    def counts_at(self, size: int) -> bool:
        """True if the key speaks for a checkpoint of this size."""
        return self.from_size <= size and (self.until_size is UNSET or size < self.until_size)


class LogTrust(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may speak for one log."""

    format: str
    origin: str
    log_keys: Annotated[tuple[TrustedKey, ...], Meta(min_length=1, max_length=KEYS_MAX)]
    authority_keys: Annotated[tuple[KeyText, ...], Meta(min_length=1, max_length=KEYS_MAX)]
    operator_keys: (
        Annotated[tuple[KeyText, ...], Meta(min_length=1, max_length=KEYS_MAX)] | UnsetType
    ) = UNSET
    policy: (
        Annotated[
            tuple[Annotated[str, Meta(max_length=1_000)], ...],
            Meta(min_length=1, max_length=POLICY_LINES_MAX),
        ]
        | UnsetType
    ) = UNSET

    @property
    def vkeys(self) -> tuple[str, ...]:
        """The verifier keys of the log that are named, whatever they count for."""
        return tuple(held.key for held in self.log_keys)

    def counting(self, size: int) -> tuple[Verifier, ...]:
        """Judges of the lines of the keys that count at a size, if any does."""
        keys = (parse_vkey(held.key) for held in self.log_keys if held.counts_at(size))
        return tuple(verifier(key) for key in keys)

    def verifiers(self, size: int) -> tuple[Verifier, ...]:
        """The same; Unavailable if there is no Ed25519 key among them."""
        found = self.counting(size)
        if not any(judge.key.type == TYPE_ED25519 for judge in found):
            raise Unavailable(
                f"trust has no Ed25519 key of {self.origin} for a checkpoint of size {size}",
                todo=NEWER_KEYS,
            )
        return found


class Trust(Struct, frozen=True):
    """All logs that a verifier trusts somebody to speak for."""

    logs: tuple[LogTrust, ...]

    def of(self, origin: str) -> LogTrust:
        """Who may speak for `origin`; Unavailable if it is not known, or has a policy."""
        for log in self.logs:
            if log.origin == origin:
                if log.policy is not UNSET:
                    raise Unavailable(
                        f"trust asks for a witness policy of {origin}, which this version"
                        " cannot apply",
                        todo="use a version of tanbu that knows witnesses",
                    )
                return log
        known = ", ".join(log.origin for log in self.logs) or "none"
        raise Unavailable(
            f"the log {origin} is not among those that trust names ({known})",
            todo="name its trust directory with --trust",
        )


_decode = msgspec.json.Decoder(LogTrust).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def new_trust(
    origin: str,
    log_keys: Iterable[str],
    authority_keys: Iterable[str],
    operator_keys: Iterable[str] = (),
) -> LogTrust:
    """Trust in verifier keys of a log, for all sizes; Malformed if one is not such a key."""
    keys = tuple(TrustedKey(key=key) for key in log_keys)
    return _checked(
        LogTrust(
            format=FORM,
            origin=origin,
            log_keys=keys,
            authority_keys=tuple(authority_keys),
            operator_keys=tuple(operator_keys) or UNSET,
        )
    )


def format_trust(trust: LogTrust) -> bytes:
    """The trust file of a log."""
    return msgspec.json.format(_encode(_checked(trust)), indent=2) + b"\n"


def file_name(origin: str) -> str:
    """The name under which a log's trust file is written; a reader takes every `*.json`."""
    return check_origin(origin).replace("/", "_") + ".json"


def parse_log_trust(data: bytes) -> LogTrust:
    """What a trust file says; Malformed unless it is exactly as `format_trust` writes it."""
    if len(data) > FILE_BYTES_MAX:
        raise Malformed(f"a trust file of more than {FILE_BYTES_MAX} bytes")
    try:
        trust = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not a trust file: {error}") from error
    if format_trust(trust) != data:
        raise Malformed(
            "the trust file is not in its one form",
            todo="sorted keys, two blanks of indent, no double keys, a line feed at the end",
        )
    return trust


def parse_trust(files: Iterable[tuple[str, bytes]]) -> Trust:
    """The trust of (name, content) files; Malformed, naming the file, if one is not right.

    Unavailable if there is none at all.
    """
    logs: dict[str, LogTrust] = {}
    for name, data in files:
        try:
            trust = parse_log_trust(data)
        except Malformed as error:
            raise Malformed(error.message, where=name, todo=error.todo) from error
        if trust.origin in logs:
            raise Malformed(f"a second trust file for {trust.origin}", where=name)
        logs[trust.origin] = trust
        if len(logs) > LOGS_MAX:
            raise Malformed(f"more than {LOGS_MAX} trust files")
    if not logs:
        raise Unavailable(
            "there is no trust file", todo="name a directory that holds some with --trust"
        )
    return Trust(tuple(logs.values()))


def _checked(trust: LogTrust) -> LogTrust:
    """Malformed unless every field can be used as it stands."""
    if trust.format != FORM:
        raise Malformed(f"a trust file of another form than {FORM}")
    check_origin(trust.origin)
    canonical.parse_json(_encode(trust))  # texts
    seen: set[VerifierKey] = set()
    for held in trust.log_keys:
        key = parse_vkey(held.key)
        if key.type not in (TYPE_ED25519, TYPE_MLDSA44) or key.name != trust.origin:
            raise Malformed(f"{held.key[:60]!a} is not a log key of {trust.origin}")
        if held.until_size is not UNSET and held.until_size <= held.from_size:
            raise Malformed(f"the range of sizes of {held.key[:60]!a} is empty")
        if key in seen:
            raise Malformed(f"{held.key[:60]!a} is listed twice")
        seen.add(key)
    for who, texts in (("authority", trust.authority_keys), ("operator", trust.operator_keys)):
        for text in texts or ():
            if parse_vkey(text).type != TYPE_ED25519:
                raise Malformed(f"{text[:60]!a} is not an Ed25519 key")
        if len(set(texts or ())) != len(texts or ()):
            raise Malformed(f"an {who} key is listed twice")
    return trust
