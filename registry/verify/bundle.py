"""Checking a bundle of records by itself: form, hashes, signatures. An audit's work for all cores.

Needs no state: what the state must say (which key a signer's name stands for, at that index) comes
with the task. `check_bundle` is pure, and runs in other processes beside the one that judges by the
rules; a task and its result are bytes and numbers.

Refuses to know: rules, whether keys were in force, where bundles come from.

For each record, in this order; the first fault ends the bundle's check, except that all leaf
hashes are made:

    hash        its leaf hash is the one that the tile holds
    stored      … and the one that the database holds beside it
    form        record, note and entry are in their one form, with one line per signer
    signature   each line is good by the key that comes with the task
"""

import struct
from hashlib import sha256
from typing import Literal

from msgspec import Struct

from registry.chain import ed25519
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.tiles import TILE_WIDTH, parse_bundle
from registry.chain.tlog import HASH_BYTES
from registry.ledger.codec import (
    RECORD_BYTES_MAX,
    RECORD_HEAD_BYTES_MAX,
    Parsed,
    id_key,
    parse_entry,
    parse_record,
)

KEY_BYTES = ed25519.PUBLIC_KEY_BYTES
TIME_DIGITS_MAX = 16
"""Of a record time: no entry's not_after has more."""
_USED = struct.Struct(">24sQQQ")

FaultKind = Literal["hash", "stored", "form", "signature"]


class Fault(Struct, frozen=True):
    """What is wrong with a record."""

    index: int
    kind: FaultKind
    message: str


class BundleTask(Struct, frozen=True, kw_only=True):
    """A run of records to be checked; at most 256.

    `data`: the records as a bundle. `keys`: raw public keys, one per signature of the first
    `judged` records, in their order; signatures of later ones are not checked. `tile`: leaf hashes
    that the first records must have, `stored`: those that all must have; both may be empty.
    """

    first: int
    count: int
    data: bytes
    judged: int
    keys: bytes
    tile: bytes
    stored: bytes


class BundleResult(Struct, frozen=True, kw_only=True):
    """What came out. `hashes`: the leaf hashes; `root`: that over 256 of them, else empty;

    `used`: packed ids, see `used_ids`, of the records before a fault.
    """

    first: int
    hashes: bytes
    root: bytes
    used: bytes
    signatures: int
    fault: Fault | None


def check_bundle(task: BundleTask) -> BundleResult:
    """See the module. Malformed if the task's data are no bundle of `count` records."""
    records = parse_bundle(task.data, task.count)
    hashes = [sha256(b"\x00" + record).digest() for record in records]
    joined = b"".join(hashes)
    fault = _compare(task.first, joined, task.tile, "hash") or _compare(
        task.first, joined, task.stored, "stored"
    )
    used: list[bytes] = []
    keys_at = 0
    for position, record in enumerate(records):
        index = task.first + position
        if fault is not None and fault.index <= index:
            break
        try:
            time_ms, parsed = _read(record, index)
            used.append(_USED.pack(id_key(parsed.entry), index, time_ms, parsed.entry.not_after))
            if position < task.judged:
                keys_at = _verify(parsed, task.keys, keys_at)
        except Malformed as error:
            fault = Fault(index, "form", str(error))
        except NotTrusted as error:
            fault = Fault(index, "signature", str(error))
    return BundleResult(
        first=task.first,
        hashes=joined,
        root=_root(hashes) if len(hashes) == TILE_WIDTH else b"",
        used=b"".join(used),
        signatures=keys_at // KEY_BYTES,
        fault=fault,
    )


def used_ids(result: BundleResult) -> list[tuple[bytes, int, int, int]]:
    """The ids of a bundle's records, for the memory of ids (`UsedId` of `ledger.replay`)."""
    return list(_USED.iter_unpack(result.used))


def _read(record: bytes, index: int) -> tuple[int, Parsed]:
    """Time and entry of the record that must stand at `index`; Malformed if it is not of the form.

    The head is read by writing it again: what gives the same bytes is in its one form.
    """
    end = record.find(b"\n", 0, RECORD_HEAD_BYTES_MAX)
    time_text = record[record.find(b" ") + 1 : end]
    if (
        not time_text.isdigit()
        or len(time_text) > TIME_DIGITS_MAX
        or record[: end + 1] != b"%d %d\n" % (index, int(time_text))
    ):
        read = parse_record(record)
        raise Malformed(f"it says that its index is {read.index}, its time {read.time_ms}")
    if len(record) > RECORD_BYTES_MAX:
        raise Malformed(f"a record of more than {RECORD_BYTES_MAX} bytes")
    return int(time_text), parse_entry(record[end + 1 :])


def _verify(parsed: Parsed, keys: bytes, at: int) -> int:
    """Check each signature by its key; the place of the next entry's keys."""
    for signer, signature in zip(parsed.entry.signers, parsed.signatures, strict=True):
        try:
            ed25519.verify(keys[at : at + KEY_BYTES], signature, parsed.text)
        except (NotTrusted, Malformed) as error:
            raise NotTrusted(f"the signature of {signer} is not good") from error
        at += KEY_BYTES
    return at


def _compare(first: int, found: bytes, wanted: bytes, kind: FaultKind) -> Fault | None:
    """Name the first hash that differs; `wanted` may be shorter, then the rest is not compared."""
    if found.startswith(wanted):
        return None
    for at in range(0, len(wanted), HASH_BYTES):
        if found[at : at + HASH_BYTES] != wanted[at : at + HASH_BYTES]:
            return Fault(first + at // HASH_BYTES, kind, "")
    return None


def _root(hashes: list[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [
            sha256(b"\x01" + hashes[n] + hashes[n + 1]).digest() for n in range(0, len(hashes), 2)
        ]
    return hashes[0]
