"""Keys as far as a file of records shows them: which are in force, and what they signed.

Source: docs/spec/evidence.md, "Signatures".
Refuses to know: what a signer may do (that is `powers`).

`KeyRing`: keys, in the order of the records
- every signature line is by a key that an earlier record of the file enrols, in force at the record
  time and not revoked in the file, or by a key that this entry itself enrols; and it is good
- every key that an entry enrols has signed it (of a recovery: its first entry, which need not be in
  the file); outside genesis it counts for no role there
- a raw public key is enrolled once
- genesis is signed by a key of its authority that trust names
"""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from registry.chain import ed25519
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.note import TYPE_ED25519, parse_vkey
from registry.ledger.codec import Parsed
from registry.ledger.entries import Common, Genesis, Key, LogKey
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
        match entry:
            case Genesis():
                texts = (entry.log_keys.ed25519, entry.log_keys.mldsa44)
            case LogKey():
                texts = (entry.ed25519, entry.mldsa44)
            case _:
                return
        for text in texts:
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
