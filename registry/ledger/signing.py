"""Signing entries: from a draft to a complete note (DESIGN §2, Entry).

A draft is a note's text with some of its signature lines, in the order of `signers`; it is complete
when every signer's line is there. Refuses to know: where seeds are kept.

    note = sign_entry(origin, entry, [SigningKey("owner.xfj", seed)])
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from registry.chain import ed25519
from registry.chain.errors import Malformed
from registry.chain.note import (
    TYPE_ED25519,
    Note,
    Signature,
    format_note,
    format_vkey,
    parse_note,
    verifier_key,
)
from registry.ledger.codec import format_text, parse_text
from registry.ledger.entries import Common


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key of a party or account; `seed` is 32 bytes and is never shown."""

    holder: str
    seed: bytes = field(repr=False)
    vkey: str = field(init=False, compare=False)
    """The verifier key text that entries enrol; made once, for it costs as much as a signature."""

    def __post_init__(self) -> None:
        key = verifier_key(self.holder, TYPE_ED25519, ed25519.public_key(self.seed))
        object.__setattr__(self, "vkey", format_vkey(key))

    @property
    def signer(self) -> str:
        """`<holder>+<8 hex>`, as it stands in `signers`."""
        return self.vkey[: len(self.holder) + 9]

    def line(self, text: bytes) -> Signature:
        """This key's signature line over an entry's text."""
        key_id = bytes.fromhex(self.signer[-8:])
        return Signature(self.holder, key_id, ed25519.sign(self.seed, text))


def sign_entry(origin: str, entry: Common, keys: Iterable[SigningKey]) -> bytes:
    """The note of an entry, signed by those of its signers whose keys are given.

    Raises Malformed if none of the keys is a signer of the entry.
    """
    return add_signatures(format_text(origin, entry), (), keys)


def sign_draft(draft: bytes, keys: Iterable[SigningKey]) -> bytes:
    """Add signatures to a draft: an entry's text alone, or a note with some of its lines."""
    if b"\n\n" in draft:
        note = parse_note(draft)
        return add_signatures(note.text, note.signatures, keys)
    return add_signatures(draft, (), keys)


def missing_signers(draft: bytes) -> tuple[str, ...]:
    """The signers of a draft whose lines are not there yet."""
    if b"\n\n" not in draft:
        return parse_text(draft)[1].signers
    note = parse_note(draft)
    there = {_name(line) for line in note.signatures}
    return tuple(s for s in parse_text(note.text)[1].signers if s not in there)


def add_signatures(text: bytes, lines: Iterable[Signature], keys: Iterable[SigningKey]) -> bytes:
    """The note of `text` with `lines` and the lines of `keys`, in the order of its signers."""
    _, entry = parse_text(text)
    by_name = {_name(line): line for line in lines}
    for key in keys:
        if key.signer not in entry.signers:
            raise Malformed(
                f"{key.signer} is not among the entry's signers",
                where="signers",
                todo=f"its signers are: {', '.join(entry.signers)}",
            )
        by_name[key.signer] = key.line(text)
    ordered = tuple(by_name[s] for s in entry.signers if s in by_name)
    if len(ordered) != len(by_name):
        extra = sorted(set(by_name) - set(entry.signers))
        raise Malformed(f"signature lines of others than the signers: {', '.join(extra)}")
    return format_note(Note(text, ordered))


def _name(line: Signature) -> str:
    return f"{line.name}+{line.key_id.hex()}"
