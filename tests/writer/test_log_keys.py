"""The publish loop over a change of the log's keys, with a clock that goes on by months.

Before the entry the first pair signs, with it both, from until_ms on the second alone; key files
may come while the loop runs, and one that is missing stops it before anything is signed.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.start import check_start
from registry.bootstrap.upkeep import fsck, rebuild
from registry.chain.checkpoint import Checkpoint, LogKeys, open_checkpoint
from registry.chain.errors import Broken, NotTrusted, Unavailable
from registry.chain.note import (
    TYPE_ED25519,
    TYPE_MLDSA44,
    Note,
    format_note,
    parse_note,
    parse_vkey,
)
from registry.signers.keyfile import PrivateKey, write_key_file
from registry.signers.logkeys import ED25519_FILE, MLDSA44_FILE, file_of
from registry.store.compared import FileBook
from registry.store.scratch import Scratch
from registry.store.sources import TileDirectory
from registry.verify.audit import audit
from registry.verify.means import HereCrew
from registry.verify.report import Report
from registry.verify.trust import Trust
from tests.books import DAY_MS, T0, TONNE, Book
from tests.logpairs import LogPair, log_pair, rotation, sign
from tests.logs import Clock, make_log, publishing, take, writing
from tests.verify.logs import log_trust

UNTIL_MS = T0 + 30 * DAY_MS


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def data(tmp_path: Path, book: Book, clock: Clock) -> DataDirectory:
    """The founding book, published."""
    data = make_log(tmp_path / "data", book, clock)
    grow(data, clock, *book.founding()[1:])
    return data


def grow(data: DataDirectory, clock: Clock, *notes: bytes) -> bytes:
    """Commit and publish; the checkpoint."""
    with writing(data, clock) as writer:
        take(writer, notes)
    with publishing(data, clock) as publisher:
        publisher.step()
    return (data.tiles / "checkpoint").read_bytes()


def move(book: Book, clock: Clock) -> bytes:
    book.now_ms = clock.wall_ms
    return book.transfer("farm", "mill", quantity_g=TONNE)


def write_pair(data: DataDirectory, pair: LogPair) -> list[Path]:
    paths = []
    for kind, seed in zip((TYPE_ED25519, TYPE_MLDSA44), pair.seeds, strict=True):
        key = PrivateKey(pair.origin, kind, seed)
        paths.append(data.keys / file_of(key.vkey))
        write_key_file(paths[-1], key)
    return paths


def keys(pair: LogPair) -> LogKeys:
    ed25519, mldsa44 = (parse_vkey(text).public_key for text in pair.vkeys)
    return LogKeys(pair.origin, ed25519, mldsa44)


def signers(note: bytes, book: Book) -> set[int]:
    """The numbers of the pairs whose lines are there, each of them good."""
    ids = {line.key_id.hex() for line in parse_note(note).signatures}
    found = set()
    for number in (1, 2, 3):
        pair = log_pair(book, number)
        lines = [key.split("+")[1] in ids for key in pair.vkeys]
        assert all(lines) == any(lines)
        if all(lines):
            open_checkpoint(note, keys(pair))
            found.add(number)
    return found


def audited(data: DataDirectory, book: Book) -> Report:
    book_ = FileBook(data.database)
    with Scratch() as scratch:
        report = audit(
            TileDirectory(data.root),
            memory=scratch,
            crew=HereCrew(),
            trust=Trust((log_trust(book),)),
            book=book_,
        )
    book_.close()
    return report


def test_a_whole_change(data: DataDirectory, book: Book, clock: Clock) -> None:
    second = write_pair(data, log_pair(book, 2))
    assert signers(grow(data, clock, move(book, clock)), book) == {1}  # made, not yet in force
    assert signers(grow(data, clock, rotation(book, 2, UNTIL_MS)), book) == {1, 2}
    clock.tick(UNTIL_MS - T0 - 1)
    assert signers(grow(data, clock, move(book, clock)), book) == {1, 2}
    clock.tick(1)
    for name in (ED25519_FILE, MLDSA44_FILE):  # no longer needed
        (data.keys / name).unlink()
    assert signers(grow(data, clock, move(book, clock)), book) == {2}
    report = audited(data, book)
    assert report.facts["checkpoints"] == 6
    assert [key.get("until_size") for key in report.facts["log_keys"][:2]] == [21, 21]
    assert fsck(data).faults == ()
    assert fsck(data, replay=False).faults == ()
    data.database.unlink()
    rebuild(data, from_tiles=True)
    assert fsck(data).faults == ()
    assert signers(grow(data, clock, move(book, clock)), book) == {2}
    # And once more, long after: the third pair beside the second.
    clock.tick(400 * DAY_MS)
    book.now_ms = clock.wall_ms
    write_pair(data, log_pair(book, 3))
    third = rotation(book, 3, clock.wall_ms + 31 * DAY_MS)
    assert signers(grow(data, clock, third), book) == {2, 3}
    second[0].unlink()
    with writing(data, clock) as writer:
        take(writer, [move(book, clock)])
    with pytest.raises(Unavailable, match="there is no key file") as caught:
        grow(data, clock)
    assert caught.value.where == str(second[0])
    audited(data, book)


def test_the_new_key_files_may_come_while_the_loop_runs(
    data: DataDirectory, book: Book, clock: Clock
) -> None:
    with publishing(data, clock) as publisher:
        write_pair(data, log_pair(book, 2))
        with writing(data, clock) as writer:
            take(writer, [rotation(book, 2, UNTIL_MS)])
        published = publisher.step()
        assert published is not None
        assert signers(published.note, book) == {1, 2}


def test_a_missing_key_stops_before_anything_is_signed(
    data: DataDirectory, book: Book, clock: Clock
) -> None:
    before = (data.tiles / "checkpoint").read_bytes()
    with pytest.raises(Unavailable, match="which signs this log from size 20 on"):
        grow(data, clock, rotation(book, 2, UNTIL_MS))
    assert (data.tiles / "checkpoint").read_bytes() == before
    with pytest.raises(Unavailable, match="without it nothing more is published"):
        check_start(data)
    second = write_pair(data, log_pair(book, 2))
    first = data.keys / MLDSA44_FILE
    shutil.move(first, data.root / "elsewhere")
    with pytest.raises(Unavailable, match="there is no key file"):
        grow(data, clock)
    shutil.move(data.root / "elsewhere", first)
    assert signers(grow(data, clock), book) == {1, 2}
    # The new pair is wanted at a start whatever the machine's clock says.
    second[1].unlink()
    with pytest.raises(Unavailable, match="there is no key file"):
        check_start(data)


def test_a_key_of_another_log_is_not_taken(data: DataDirectory, book: Book) -> None:
    write_pair(data, log_pair(Book("sample.invalid/log/deadbeef"), 2))
    with pytest.raises(NotTrusted, match="the keys are those of"):
        check_start(data)


@pytest.mark.parametrize("by", [(1,), (2,), (2, 3)], ids=["old", "new", "another"])
def test_stored_checkpoints_are_held_to_the_keys_that_were_due(
    data: DataDirectory, book: Book, clock: Clock, by: tuple[int, ...]
) -> None:
    """What the signer gave is checked before it is kept: a signer that leaves a pair out."""
    write_pair(data, log_pair(book, 2))
    with writing(data, clock) as writer:
        take(writer, [rotation(book, 2, UNTIL_MS)])
    with publishing(data, clock) as publisher:

        class Lazy:
            def sign_checkpoint(self, size: int, root: bytes, pairs: object) -> bytes:
                del pairs
                head = Checkpoint(book.origin, size, root)
                return sign(head, T0 // 1_000, *(log_pair(book, n) for n in by))

        publisher._signer = Lazy()
        with pytest.raises(Broken, match="the new checkpoint is not signed by this log"):
            publisher.step()


def test_fsck_and_audit_find_a_checkpoint_by_the_old_keys_alone(
    data: DataDirectory, book: Book, clock: Clock
) -> None:
    write_pair(data, log_pair(book, 2))
    note = grow(data, clock, rotation(book, 2, UNTIL_MS))
    clock.tick(31 * DAY_MS)
    grow(data, clock, move(book, clock))
    parsed = parse_note(note)
    ids = {key.split("+")[1] for key in log_pair(book, 1).vkeys}
    kept = tuple(line for line in parsed.signatures if line.key_id.hex() in ids)
    assert len(kept) == 2
    alter(data, note, format_note(Note(parsed.text, kept)))
    (fault,) = fsck(data).faults
    assert fault.where == "checkpoint 20"
    with pytest.raises(NotTrusted, match="without the log's Ed25519 line") as caught:
        audited(data, book)
    assert caught.value.where == "stored checkpoint of size 20"


def alter(data: DataDirectory, old: bytes, new: bytes) -> None:
    with closing(sqlite3.connect(data.database)) as raw:
        for verb in ("update", "delete"):
            raw.execute(f"DROP TRIGGER IF EXISTS checkpoint_no_{verb}")
        raw.execute("UPDATE checkpoint SET note = ? WHERE note = ?", (new, old))
        assert raw.total_changes == 1
        raw.commit()
