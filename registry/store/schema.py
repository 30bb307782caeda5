"""The tables of a log (DESIGN §1, §9): records for ever, everything else made from them.

Log tables (`LOG_TABLES`) only ever grow: triggers of the migrations forbid UPDATE and DELETE. That
stops mistakes, not a thief with the file, whom the signed tree shows.

Refuses to know: what a record means, which database it is.

Rules
- `record` is the log. `entry_id`, `leaf` and `mention` only find entries; `state` is the state map;
  `head` is one row, the committed head; `checkpoint` holds every note that the log has signed,
  `stamp` the time stamps of some of them.
- `journal` holds what the newest commits still have to bring into `entry_id`, `leaf`, `mention` and
  `state`: see `registry.store.journal`
- what is looked up by a hash goes in segments: `leaf` and `mention` begin with `index >> bits`, so
  that inserts touch the pages of the newest segment only, however long the log is (a plain index
  by hash writes one page for nearly every row); a lookup asks each segment
- a `mention` row packs the indexes of one subject in one fold of the journal: u16 big-endian each,
  from the beginning of the segment
"""

import sys
from array import array
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from registry.store import revision

REVISION = revision.REVISION
"""The newest migration: what this code reads and writes."""

LEAF_SEGMENT_BITS = 16
MENTION_SEGMENT_BITS = 14
LEAF_PREFIX_BYTES = 4
SUBJECTS_KEPT_MAX = 16_384
"""Subjects whose numbers are remembered: about 4 MB."""

metadata = MetaData()

_Number = BigInteger().with_variant(Integer, "sqlite")
"""As primary key: in SQLite only INTEGER, which is 64 bits wide, becomes the table's row number."""

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one_head"),
)

record = Table(
    "record",
    metadata,
    Column("idx", _Number, primary_key=True, autoincrement=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("record", LargeBinary, nullable=False),
)

entry_id = Table(
    "entry_id",
    metadata,
    Column("id_key", LargeBinary, primary_key=True),
    Column("idx", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

leaf = Table(
    "leaf",
    metadata,
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("prefix", BigInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

mention = Table(
    "mention",
    metadata,
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", BigInteger, primary_key=True, autoincrement=False),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("indexes", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

state = Table(
    "state",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

journal = Table(
    "journal",
    metadata,
    Column("first", _Number, primary_key=True, autoincrement=False),
    Column("changes", LargeBinary, nullable=False),
    Column("ids", LargeBinary, nullable=False),
    Column("prefixes", LargeBinary, nullable=False),
    Column("subjects", LargeBinary, nullable=False),
    Column("subject_indexes", LargeBinary, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", _Number, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)

stamp = Table(
    "stamp",
    metadata,
    Column("size", _Number, primary_key=True, autoincrement=False),
    Column("authority", Text, primary_key=True),
    Column("token", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)

LOG_TABLES = (record, entry_id, leaf, mention, checkpoint, stamp)


def leaf_prefix(leaf_hash: bytes) -> int:
    """The number that `leaf` finds a hash by; who finds one compares the whole hash."""
    return int.from_bytes(leaf_hash[:LEAF_PREFIX_BYTES], "big")


@lru_cache(maxsize=SUBJECTS_KEPT_MAX)
def subject_number(subject: str) -> int:
    """The number that `mention` finds a subject by: 63 bits of its SHA-256.

    Two subjects of one number would share their lists of entries, and nothing else; among ten
    million subjects that chance is 1 in 10^5, and nobody can make one that meets a given other.
    """
    return int.from_bytes(sha256(subject.encode()).digest()[:8], "big") >> 1


def pack_indexes(offsets: Iterable[int]) -> bytes:
    """Offsets below 2^16 as u16 big-endian."""
    return pack("H", offsets)


def unpack_indexes(data: bytes) -> list[int]:
    """The offsets that `pack_indexes` packed."""
    return unpack("H", data)


def pack(width: str, numbers: Iterable[int]) -> bytes:
    """Numbers big-endian; `width`: as in `array`, H for u16, I for u32, Q for u64."""
    packed = array(width, numbers)
    if sys.byteorder == "little":
        packed.byteswap()
    return packed.tobytes()


def unpack(width: str, data: bytes) -> list[int]:
    """The numbers that `pack` packed; ValueError if the length is not a multiple of their width."""
    packed = array(width, data)
    if sys.byteorder == "little":
        packed.byteswap()
    return packed.tolist()
