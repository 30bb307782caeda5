"""Publishing: what is signed, in which order it appears, and what a restart finds.

The store and the tiles are real ones in a directory; each of their effects can be made to fail,
before it has happened (failed, not persisted) or after (failed, but persisted).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from registry.bootstrap.data import DataDirectory
from registry.chain.checkpoint import Checkpoint, LogKeys, open_checkpoint, sign_checkpoint
from registry.chain.errors import Broken
from registry.chain.note import parse_vkey
from registry.chain.tiles import TileHashReader, parse_bundle, tile_path
from registry.chain.tlog import check_consistency, leaf_hash, prove_consistency, root_hash
from registry.ledger.logkeys import Pair
from registry.ports import Published
from registry.store.database import open_for_writing
from registry.store.publication import SqlPublicationStore
from registry.store.tiles import DirectoryTiles
from registry.writer.publish import Publisher
from tests.books import ORIGIN, Book
from tests.logs import Clock, make_log, publishing, take, writing


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def data(tmp_path: Path, book: Book) -> DataDirectory:
    """A log that was published at size 1 and has grown since."""
    data = make_log(tmp_path / "data", book)
    with writing(data) as writer:
        take(writer, book.founding()[1:])
    return data


def add(data: DataDirectory, book: Book, count: int) -> int:
    """Let the log grow; its size."""
    with writing(data) as writer:
        take(writer, [book.transfer("farm", "mill") for _ in range(count)])
        return writer.head.size


def keys_of(book: Book) -> LogKeys:
    ed25519, mldsa44 = (parse_vkey(text).public_key for text in book.log_vkeys())
    return LogKeys(ORIGIN, ed25519, mldsa44)


def check_published(data: DataDirectory, book: Book, size: int) -> None:
    """The directory of tiles is the whole log of `size`, and holds nothing else."""
    head = open_checkpoint((data.tiles / "checkpoint").read_bytes(), keys_of(book))
    assert head.size == size
    tiles = DirectoryTiles(data.tiles)
    reader = TileHashReader(size, lambda *address: tiles.read(tile_path(*address)))
    assert root_hash(size, reader) == head.root
    engine = open_for_writing(data.database)
    with closing(SqlPublicationStore(engine)) as store:
        records = [record for record, _ in store.hashed_records(0, size)]
        signed = store.published()
    engine.dispose()
    assert signed is not None
    assert signed.note == (data.tiles / "checkpoint").read_bytes()
    for index in range(0, size, 256):
        width = min(256, size - index)
        path = f"tile/entries/{index // 256:03}" + ("" if width == 256 else f".p/{width}")
        assert parse_bundle(tiles.read(path), width) == tuple(records[index : index + width])
    partial = [p.relative_to(data.tiles).as_posix() for p in data.tiles.glob("**/*.p/*")]
    assert sorted(partial) == sorted(path for path in partials_of(size))


def partials_of(size: int) -> Iterator[str]:
    if size % 256:
        yield f"tile/entries/{size // 256:03}.p/{size % 256}"
    level = 0
    while hashes := size >> (8 * level):
        if hashes % 256:
            yield f"tile/{level}/{hashes // 256:03}.p/{hashes % 256}"
        level += 1


def test_what_grows_is_published_and_only_then(data: DataDirectory, book: Book) -> None:
    with publishing(data) as publisher:
        published = publisher.step()
        assert published is not None
        assert publisher.step() is None
        assert publisher.published == published
    check_published(data, book, len(book.founding()))


@pytest.mark.parametrize("counts", [(236,), (237, 1), (238, 250, 300), (3, 300, 1), (600,)])
def test_a_log_grows_over_many_checkpoints(
    data: DataDirectory, book: Book, counts: tuple[int, ...]
) -> None:
    for count in counts:
        size = add(data, book, count)
        with publishing(data) as publisher:
            publisher.step()
        check_published(data, book, size)
    with publishing(data) as publisher:
        assert publisher.step() is None


def test_checkpoints_are_consistent_by_the_tiles(data: DataDirectory, book: Book) -> None:
    heads: list[Checkpoint] = []
    with publishing(data) as publisher:
        for _ in range(3):
            size = add(data, book, 130)
            published = publisher.step()
            assert published is not None
            heads.append(open_checkpoint(published.note, keys_of(book)))
            assert heads[-1].size == size
    tiles = DirectoryTiles(data.tiles)
    reader = TileHashReader(size, lambda *address: tiles.read(tile_path(*address)))
    for old, new in pairwise(heads):
        assert root_hash(old.size, reader) == old.root
        proof = prove_consistency(old.size, new.size, reader)
        check_consistency(proof, old.size, old.root, new.size, new.root)


def test_the_time_of_a_checkpoint_does_not_go_back(data: DataDirectory, book: Book) -> None:
    clock = Clock()
    with publishing(data, clock) as publisher:
        clock.tick(5_000)
        first = publisher.step()
        add(data, book, 1)
        clock.wall_ms -= 4_000
        second = publisher.step()
    assert first is not None
    assert second is not None
    assert second.time_ms == first.time_ms


# ---------------------------------------------------------------- crashes


class Crash(Exception):
    """The process is gone."""


class Fuse:
    """Counts effects; the chosen one fails, before it happens or after."""

    def __init__(self, at: int, *, persisted: bool) -> None:
        self.at = at
        self.persisted = persisted
        self.count = 0

    def begin(self) -> None:
        self.count += 1
        if self.count == self.at and not self.persisted:
            raise Crash

    def end(self) -> None:
        if self.count == self.at and self.persisted:
            raise Crash


class FailingTiles(DirectoryTiles):
    """Each file is an effect of its own."""

    fuse: Fuse

    def write(self, files: Sequence[tuple[str, bytes]]) -> None:
        for file in files:
            self.fuse.begin()
            super().write([file])
            self.fuse.end()

    def delete(self, paths: Sequence[str]) -> None:
        for path in paths:
            self.fuse.begin()
            super().delete([path])
            self.fuse.end()


class FailingStore(SqlPublicationStore):
    fuse: Fuse

    def store_checkpoint(self, published: Published) -> None:
        self.fuse.begin()
        super().store_checkpoint(published)
        self.fuse.end()


def publish_until(data: DataDirectory, book: Book, fuse: Fuse) -> bool:
    """One step that may crash; True if it was done before the fuse went."""
    engine = open_for_writing(data.database)
    with closing(FailingStore(engine)) as store:
        store.fuse = fuse
        tiles = FailingTiles(data.tiles)
        tiles.fuse = fuse
        publisher = Publisher(store, tiles, BookSigner(book), Clock().now_ms)
        try:
            publisher.open()
            publisher.step()
            done = True
        except Crash:
            done = False
    engine.dispose()
    return done


class BookSigner:
    """Signs with the book's seeds; it remembers what it was asked to sign."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.asked: list[tuple[int, bytes]] = []

    def sign_checkpoint(self, size: int, root: bytes, pairs: Sequence[Pair]) -> bytes:
        self.asked.append((size, root))
        head = Checkpoint(self.book.origin, size, root)
        return sign_checkpoint(head, self.book.ed25519_seed, self.book.mldsa44_seed, 1)


@pytest.mark.parametrize("persisted", [False, True], ids=["not persisted", "persisted"])
def test_a_crash_at_any_step_is_made_good(
    data: DataDirectory, book: Book, tmp_path: Path, *, persisted: bool
) -> None:
    with publishing(data) as publisher:
        publisher.step()
    size = add(data, book, 520)
    effects = 0
    for at in range(1, 100):
        copy = DataDirectory(tmp_path / f"copy {at}")
        shutil.copytree(data.root, copy.root)
        if publish_until(copy, book, Fuse(at, persisted=persisted)):
            break
        effects = at
        checkpoint = copy.tiles / "checkpoint"
        before = open_checkpoint(checkpoint.read_bytes(), keys_of(book))
        assert before.size in (len(book.founding()), size)
        # The log goes on, and is published by the next process.
        later = add(copy, book, 60 if at % 2 else 0) if at % 2 else size
        with publishing(copy) as publisher:
            publisher.step()
        check_published(copy, book, later)
    # Tiles and bundles, the note in the database, `checkpoint`, and old partial tiles to drop.
    assert effects >= 10


def test_two_crashes_in_a_row(data: DataDirectory, book: Book, tmp_path: Path) -> None:
    with publishing(data) as publisher:
        publisher.step()
    add(data, book, 300)
    for first in (2, 5, 6, 7):
        copy = DataDirectory(tmp_path / f"copy {first}")
        shutil.copytree(data.root, copy.root)
        assert not publish_until(copy, book, Fuse(first, persisted=True))
        publish_until(copy, book, Fuse(2, persisted=False))
        size = add(copy, book, 1)
        with publishing(copy) as publisher:
            publisher.step()
        check_published(copy, book, size)


# ---------------------------------------------------------------- what must not go on


def test_a_restored_old_database_is_refused(data: DataDirectory, book: Book) -> None:
    old = data.root / "old"
    shutil.copy(data.database, old)
    size = add(data, book, 5)
    with publishing(data) as publisher:
        publisher.step()
    shutil.copy(old, data.database)
    for name in ("tanbu.sqlite3-wal", "tanbu.sqlite3-shm"):
        (data.root / name).unlink(missing_ok=True)
    with pytest.raises(Broken, match=f"but {size} were published: it is a restored old copy"):
        open_publisher(data)
    # Not even after it has grown beyond what was published.
    add(data, book, 9)
    with pytest.raises(Broken, match="does not extend what was published"):
        open_publisher(data)


def open_publisher(data: DataDirectory, *, alone: bool = False) -> None:
    with publishing(data, alone=alone):
        return


def test_lost_tiles_stop_the_log_unless_alone(data: DataDirectory, book: Book) -> None:
    with publishing(data) as publisher:
        publisher.step()
    size = add(data, book, 300)
    shutil.rmtree(data.tiles)
    with pytest.raises(Broken, match="tile store has no checkpoint") as caught:
        open_publisher(data)
    assert "--alone" in caught.value.todo
    with publishing(data, alone=True) as publisher:
        publisher.step()
    check_published(data, book, size)


def test_a_missing_tile_stops_the_log(data: DataDirectory, book: Book) -> None:
    with publishing(data) as publisher:
        publisher.step()
    next(iter((data.tiles / "tile" / "0").glob("**/000.p/*"))).unlink()
    with pytest.raises(Broken, match="not all its tiles"):
        open_publisher(data, alone=True)


def test_a_checkpoint_of_another_log_stops_the_log(data: DataDirectory, book: Book) -> None:
    other = Book("sample.invalid/log/deadbeef")
    head = open_checkpoint((data.tiles / "checkpoint").read_bytes(), keys_of(book))
    forged = Checkpoint(ORIGIN, head.size, head.root)
    note = sign_checkpoint(forged, other.ed25519_seed, other.mldsa44_seed, 1)
    for bad in (note, b"garbage", b""):
        (data.tiles / "checkpoint").write_bytes(bad)
        with pytest.raises(Broken, match="checkpoint in the tile store is not signed by this log"):
            open_publisher(data)


def damage(data: DataDirectory, statement: str) -> None:
    engine = open_for_writing(data.database)
    with engine.connect() as connection:
        for table in ("record", "checkpoint"):
            for verb in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
        connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE record SET record = CAST(replace(record, 'kind', 'kinb') AS BLOB) WHERE idx = 12",
         "record 12"),
        ("UPDATE record SET leaf_hash = zeroblob(32) WHERE idx = 12", "does not extend|record 12"),
        ("DELETE FROM record WHERE idx = 12", "only"),
    ],
    ids=["record", "hash", "missing"],
)  # fmt: skip
def test_what_flipped_since_the_commit_is_never_signed(
    data: DataDirectory, book: Book, statement: str, words: str
) -> None:
    damage(data, statement)
    before = (data.tiles / "checkpoint").read_bytes()
    with pytest.raises(Broken, match=words), publishing(data) as publisher:
        publisher.step()
    assert (data.tiles / "checkpoint").read_bytes() == before


def test_a_record_and_its_hash_that_flipped_together_are_never_signed(
    data: DataDirectory, book: Book
) -> None:
    forged = b"12 1 a forged record"
    values = f"record = x'{forged.hex()}', leaf_hash = x'{leaf_hash(forged).hex()}'"
    damage(data, f"UPDATE record SET {values} WHERE idx = 12")
    with pytest.raises(Broken, match="does not extend"):
        open_publisher(data)


def test_a_head_that_goes_back_while_running_stops(data: DataDirectory, book: Book) -> None:
    with publishing(data) as publisher:
        publisher.step()
        engine = open_for_writing(data.database)
        with closing(SqlPublicationStore(engine)) as store:
            old = store.head()
        engine.dispose()
        add(data, book, 2)
        publisher.step()
        values = f"root = x'{old.root.hex()}', frontier = x'{old.frontier.encode().hex()}'"
        damage(data, f"UPDATE head SET size = {old.size}, {values}")
        with pytest.raises(Broken, match="went back"):
            publisher.step()


def test_a_signer_that_signs_something_else_is_noticed(data: DataDirectory, book: Book) -> None:
    class Wrong(BookSigner):
        def sign_checkpoint(self, size: int, root: bytes, pairs: Sequence[Pair]) -> bytes:
            other = Book("sample.invalid/log/deadbeef")
            head = Checkpoint(ORIGIN, size, root)
            return sign_checkpoint(head, other.ed25519_seed, other.mldsa44_seed, 1)

    engine = open_for_writing(data.database)
    with closing(SqlPublicationStore(engine)) as store:
        publisher = Publisher(store, DirectoryTiles(data.tiles), Wrong(book), Clock().now_ms)
        publisher.open()
        with pytest.raises(Broken, match="the new checkpoint is not signed by this log"):
            publisher.step()
        assert store.published() is not None
        assert store.published().size == 1  # type: ignore[union-attr]  # it is not None
    engine.dispose()
    assert open_checkpoint((data.tiles / "checkpoint").read_bytes(), keys_of(book)).size == 1
