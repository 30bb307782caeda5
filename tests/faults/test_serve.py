"""The service starts, ends and refuses to start as it should, each with one clear line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from registry.bootstrap.data import DataDirectory, locked
from registry.bootstrap.start import check_start
from registry.bootstrap.start import main as check_main
from registry.bootstrap.supervisor import bind
from registry.bootstrap.upkeep import fsck
from registry.chain.errors import Malformed, Unavailable
from registry.chain.note import TYPE_MLDSA44
from registry.signers.keyfile import PrivateKey, new_key, write_key_file
from registry.signers.logkeys import ED25519_FILE, MLDSA44_FILE
from registry.store.migrate import create_database
from tests.books import Book
from tests.logs import Clock, make_log, publishing, take, writing
from tests.services import get, post, run, running, start, wait_gone


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[DataDirectory, Book]:
    """A log of today with the founding book, published."""
    book = Book(now_ms=now_ms() - 60_000)
    clock = Clock(book.now_ms)
    data = make_log(tmp_path_factory.mktemp("made") / "data", book, clock)
    with writing(data, clock) as writer:
        take(writer, book.founding()[1:])
    with publishing(data, clock) as publisher:
        publisher.step()
    return data, book


@pytest.fixture
def data(made: tuple[DataDirectory, Book], tmp_path: Path) -> DataDirectory:
    shutil.copytree(made[0].root, tmp_path / "data")
    return DataDirectory(tmp_path / "data")


@pytest.fixture
def book(made: tuple[DataDirectory, Book]) -> Book:
    return made[1]


def test_it_serves_and_ends_in_order(data: DataDirectory, book: Book) -> None:
    service = start(data.root)
    notes = [book.transfer("farm", "mill") for _ in range(40)]
    results = post(service.port, notes)
    receipts = [result["committed"] for result in results]
    size = receipts[-1]["index"] + 1
    assert [r["index"] for r in receipts] == list(range(size - 40, size))
    kinds = service.children()
    assert {kind: len(pids) for kind, pids in kinds.items()} == {
        "publisher": 1, "writer": 1, "api": 2
    }  # fmt: skip
    assert service.end() == 0
    wait_gone([pid for pids in kinds.values() for pid in pids])
    # The last head was published on the way out, and nobody holds the directory.
    assert (data.tiles / "checkpoint").read_text().splitlines()[1] == str(size)
    checked = fsck(data)
    assert (checked.size, checked.published_size, checked.faults) == (size, size, ())
    with running(data.root, "--workers", "1") as again:
        (result,) = post(again.port, notes[:1])
        assert result["committed"]["replayed"] is True


def test_what_is_acknowledged_is_published_within_seconds(data: DataDirectory, book: Book) -> None:
    with running(data.root, "--workers", "1") as service:
        (result,) = post(service.port, [book.transfer("farm", "mill")])
        size = result["committed"]["index"] + 1
        deadline = time.monotonic() + 15
        while int(get(service.port, "/checkpoint")[1].split(b"\n")[1]) < size:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize("kind", ["writer", "publisher", "api"])
def test_the_end_of_one_process_ends_all(data: DataDirectory, kind: str) -> None:
    service = start(data.root, "--workers", "1")
    kinds = service.children()
    os.kill(kinds[kind][0], signal.SIGKILL)
    assert service.wait() == 1
    said = "\n".join(service.lines)
    assert f"the {kind} process (pid {kinds[kind][0]}) has ended by signal 9" in said
    assert "Traceback" not in said
    wait_gone([pid for pids in kinds.values() for pid in pids])
    assert fsck(data).faults == ()


def test_no_process_outlives_a_killed_parent(data: DataDirectory) -> None:
    service = start(data.root)
    kinds = service.children()
    service.process.kill()
    wait_gone([pid for pids in kinds.values() for pid in pids])
    service.wait()
    with locked(data):
        pass


def test_one_service_for_a_data_directory(data: DataDirectory) -> None:
    with running(data.root, "--workers", "1"):
        code, said = run(data.root)
    assert code == 3
    assert "writes in this data directory" in said


def test_a_port_in_use(data: DataDirectory) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = run(data.root, "--port", str(port))
    assert code == 3
    assert said == (
        f"tanbu: serve: nobody can listen on 127.0.0.1 port {port}: Address already in use — "
        "end what listens there, or give another --port\n"
    )


@pytest.mark.parametrize(
    ("host", "port"), [("no.such.host.invalid", 0), ("127.0.0.1", 99_999), ("127.0.0.1", -1)]
)
def test_an_address_that_cannot_be(host: str, port: int) -> None:
    with pytest.raises((Unavailable, Malformed)) as caught:
        bind(host, port)
    assert str(port) in caught.value.message


# ---------------------------------------------------------------- what must not start


def alter(data: DataDirectory, *statements: str) -> None:
    with closing(sqlite3.connect(data.database)) as raw, raw:
        for statement in statements:
            raw.execute(statement)


def keys_of_another_log(data: DataDirectory) -> None:
    other = Book("sample.invalid/log/deadbeef")
    for name, kind, seed in (
        (ED25519_FILE, 1, other.ed25519_seed),
        (MLDSA44_FILE, TYPE_MLDSA44, other.mldsa44_seed),
    ):
        (data.keys / name).unlink()
        write_key_file(data.keys / name, PrivateKey(other.origin, kind, seed))


def new_keys(data: DataDirectory) -> None:
    (data.keys / ED25519_FILE).unlink()
    write_key_file(data.keys / ED25519_FILE, new_key(Book().origin))


def another_log(data: DataDirectory) -> None:
    data.database.unlink()
    create_database(data.database, "sample.invalid/log/deadbeef")


def cut_off(data: DataDirectory) -> None:
    with data.database.open("r+b") as file:
        file.truncate(data.database.stat().st_size // 2)


def later_ruleset(data: DataDirectory) -> None:
    alter(
        data,
        "UPDATE state SET value = CAST(replace(value, '\"ruleset\":1', '\"ruleset\":2') AS BLOB) "
        "WHERE key = 'log'",
    )


def flip_tile(data: DataDirectory) -> None:
    path = next(data.tiles.glob("tile/0/*.p/*"))
    damaged = bytearray(path.read_bytes())
    damaged[7] ^= 1
    path.write_bytes(damaged)


def lock_away(data: DataDirectory) -> None:
    (data.keys / ED25519_FILE).unlink()
    (data.keys / ED25519_FILE).symlink_to("/nowhere")


REFUSALS: dict[str, tuple[Callable[[DataDirectory], object], int, str]] = {
    "no directory": (lambda d: shutil.rmtree(d.root), 3, "no data directory"),
    "no database": (lambda d: d.database.unlink(), 3, "there is no database"),
    "no genesis": (another_log, 3, "no genesis yet"),
    "database cut off": (cut_off, 1, "the database is cut off"),
    "no database at all": (lambda d: d.database.write_bytes(b"x" * 9_999), 1, "not a SQLite"),
    "newer schema": (
        lambda d: alter(d, "UPDATE alembic_version SET version_num = '0999'"), 1, "schema 0999"),
    "newer ruleset": (later_ruleset, 3, "judged by ruleset 2"),
    "another origin": (
        lambda d: alter(d, "UPDATE meta SET value = 'a.b/c'"), 1, "the database is that of a.b/c"),
    "altered head": (lambda d: alter(d, "UPDATE head SET root = zeroblob(32)"), 1, "frontier"),
    "altered hash": (
        lambda d: alter(d, "DROP TRIGGER record_no_update",
                        "UPDATE record SET leaf_hash = zeroblob(32) WHERE idx = 3"),
        1, "not the one of the stored tile|not those that were committed"),
    "key missing": (lambda d: (d.keys / ED25519_FILE).unlink(), 3, "there is no key file"),
    "key unreadable": (lock_away, 3, "cannot be read"),
    "key readable by all": (
        lambda d: (d.keys / MLDSA44_FILE).chmod(0o644), 2, "can be read by others"),
    "key damaged": (lambda d: (d.keys / ED25519_FILE).write_text("x\n"), 2, "no private key"),
    "keys of another log": (keys_of_another_log, 1, "the keys are those of sample"),
    "another key": (new_keys, 1, "not those that its genesis names"),
    "tiles lost": (lambda d: shutil.rmtree(d.tiles), 1, "tile store has no checkpoint"),
    "tile altered": (flip_tile, 1, "stored tiles of size"),
    "checkpoint altered": (
        lambda d: (d.tiles / "checkpoint").write_bytes(b"x"), 1, "not signed by this log"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_it_does_not_start_and_says_why(
    data: DataDirectory, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """By the check that every start begins with; in this process, for speed."""
    damage, wanted_code, words = REFUSALS[name]
    damage(data)
    code = check_main([str(data.root)])
    said = capfd.readouterr().err
    assert code == wanted_code, said
    assert said.startswith("tanbu: start: ")
    assert said.count("\n") == 1
    assert any(word in said for word in words.split("|")), said


def test_the_check_ends_the_start(data: DataDirectory) -> None:
    (data.keys / MLDSA44_FILE).chmod(0o644)
    code, said = run(data.root)
    assert code == 2
    assert "can be read by others (mode 0644)" in said
    assert "chmod 600" in said
    assert said.count("\n") == 1


def test_a_good_directory_passes_the_check(
    data: DataDirectory, capfd: pytest.CaptureFixture[str]
) -> None:
    assert check_main([str(data.root)]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found == {"origin": Book().origin, "size": 19, "stamps": False}


def test_a_restored_old_copy_does_not_start(
    data: DataDirectory, book: Book, capfd: pytest.CaptureFixture[str]
) -> None:
    old = data.root / "old.sqlite3"
    shutil.copy(data.database, old)
    clock = Clock(now_ms())
    with writing(data, clock) as writer:
        take(writer, [book.transfer("farm", "mill")])
    with publishing(data, clock) as publisher:
        publisher.step()
    shutil.copy(old, data.database)
    for options in ((), ("--alone",)):
        assert check_main([str(data.root), *options]) == 1
        assert "it is a restored old copy" in capfd.readouterr().err


def test_lost_tiles_are_made_anew_when_alone(data: DataDirectory) -> None:
    shutil.rmtree(data.tiles)
    check_start(data, alone=True)
    assert fsck(data).faults == ()
    check_start(data)


def test_ctrl_c_ends_it_in_order(data: DataDirectory) -> None:
    """A terminal sends SIGINT to the whole group: the others are not in it."""
    service = start(data.root, "--workers", "1")
    kinds = service.children()
    assert {os.getpgid(pid) for pids in kinds.values() for pid in pids}.isdisjoint(
        {os.getpgid(service.process.pid)}
    )
    service.process.send_signal(signal.SIGINT)
    assert service.wait() == 0
    assert "Traceback" not in "\n".join(service.lines)
    wait_gone([pid for pids in kinds.values() for pid in pids])
