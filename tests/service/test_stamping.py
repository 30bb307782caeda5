"""Asking authorities: a stamp is kept, whatever else they do is a line; nothing waits for them."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from registry.bootstrap.data import DataDirectory, stamping
from registry.bootstrap.stamping import ask_all, judge_all, pinned_path, read_authorities
from registry.bootstrap.start import check_start
from registry.bootstrap.supervisor import STAMPER
from registry.bootstrap.upkeep import fsck, rebuild
from registry.chain.errors import Malformed, NotTrusted, TanbuError, Unavailable
from registry.cli.edge import run
from registry.net.stamping import ANSWER_BYTES_MAX, HttpStampClient
from registry.service.stamping import RETRY_MS_MIN, Authority, Outcome, Stamper
from registry.store.database import open_for_writing
from registry.store.stamps import SqlStampStore
from tests import stamping as tsa
from tests.books import Book
from tests.logs import Clock, make_log, publishing, take, writing
from tests.services import get, post, start

DAY_MS = 86_400_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[DataDirectory, Book]:
    """A log of today, published."""
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
def authority(data: DataDirectory, tmp_path: Path) -> Iterator[tsa.Authority]:
    """An authority that listens, and that the data directory names and pins."""
    made = tsa.make(tmp_path / "tsa")
    with tsa.serving(made) as url:
        name(data, made, url)
        yield made


def name(data: DataDirectory, made: tsa.Authority, url: str) -> None:
    data.config.write_text(f'stamp_timeout_s = 1\n[stamp_urls]\ntsa = "{url}"\n')
    pinned_path(data, "tsa").parent.mkdir(exist_ok=True)
    pinned_path(data, "tsa").write_bytes(made.pinned)


def grow(data: DataDirectory, book: Book) -> None:
    clock = Clock(now_ms())
    with writing(data, clock) as writer:
        take(writer, [book.transfer("farm", "mill")])
    with publishing(data, clock) as publisher:
        publisher.step()


def faults(data: DataDirectory) -> list[TanbuError]:
    (outcome,) = ask_all(data)
    assert outcome.stamped is None
    assert outcome.fault is not None
    return [outcome.fault]


@contextlib.contextmanager
def stamper(
    data: DataDirectory, clock: Clock, authorities: list[Authority] | None = None
) -> Iterator[Stamper]:
    engine = open_for_writing(data.database)
    with closing(SqlStampStore(engine)) as store:
        found = read_authorities(data) if authorities is None else authorities
        yield Stamper(store, found, DAY_MS, clock.now_ms)
    engine.dispose()


def test_a_stamp_is_asked_for_kept_and_checked(
    data: DataDirectory, authority: tsa.Authority
) -> None:
    (outcome,) = ask_all(data)
    assert outcome.fault is None
    assert outcome.stamped is not None
    size = int((data.tiles / "checkpoint").read_text().splitlines()[1])
    assert (outcome.stamped.size, outcome.stamped.authority) == (size, "tsa")
    (judged,) = judge_all(data)
    assert (judged.stamped, judged.fault) == (outcome.stamped, None)
    (again,) = ask_all(data)
    assert again.already
    assert len(authority.requests) == 1
    assert fsck(data).faults == ()


def test_stamps_are_kept_by_a_rebuild(data: DataDirectory, authority: tsa.Authority) -> None:
    (outcome,) = ask_all(data)
    rebuild(data)
    assert [j.stamped for j in judge_all(data)] == [outcome.stamped]
    assert fsck(data).faults == ()


def test_fsck_finds_an_altered_stamp(data: DataDirectory, authority: tsa.Authority) -> None:
    list(ask_all(data))
    for change, words in (
        ("time_ms = time_ms + 1", "its time is another"),
        ("token = x'3000'", "not a time stamp"),
        ("size = size + 1", "no checkpoint of this size"),
    ):
        with closing(sqlite3.connect(data.database)) as raw, raw:
            raw.execute("DROP TRIGGER IF EXISTS stamp_no_update")
            raw.execute(f"UPDATE stamp SET {change}")
        (fault,) = fsck(data).faults
        assert words in fault.what, change
        assert fault.where.startswith("stamp "), change


def test_a_stamp_of_another_checkpoint(
    data: DataDirectory, authority: tsa.Authority, made: tuple[DataDirectory, Book]
) -> None:
    list(ask_all(data))
    with closing(sqlite3.connect(data.database)) as raw, raw:
        raw.execute("DROP TRIGGER stamp_no_update")
        raw.execute("UPDATE stamp SET size = (SELECT min(size) FROM checkpoint)")
    (judged,) = judge_all(data)
    assert isinstance(judged.fault, NotTrusted)
    assert "of another checkpoint" in fsck(data).faults[0].what


def test_the_interval_and_the_growth_of_the_log(
    data: DataDirectory, authority: tsa.Authority, made: tuple[DataDirectory, Book]
) -> None:
    clock = Clock(now_ms())
    with stamper(data, clock) as asking:
        assert [o.fault for o in asking.step()] == [None]
        clock.tick(DAY_MS + 300_000)
        assert list(asking.step()) == [], "the log has not grown"
    grow(data, made[1])
    clock = Clock(now_ms())
    with stamper(data, clock) as asking:  # as after a restart: the database knows the last one
        assert list(asking.step()) == [], "a day has not passed"
        clock.tick(DAY_MS + 300_000)
        (late,) = asking.step()
        assert late.fault is not None
        assert "s from ours" in late.fault.message, "the authority's clock says today"
    assert len(authority.requests) == 2


class Counting:
    """A client that never gets an answer."""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, request: bytes) -> bytes:
        self.asked += 1
        raise Unavailable("no answer")


def test_who_fails_is_left_alone_ever_longer(data: DataDirectory, authority: tsa.Authority) -> None:
    client, clock = Counting(), Clock(now_ms())
    down = Authority("down", client, read_authorities(data)[0].pinned)

    def step() -> list[Outcome]:
        return [o for o in asking.step() if o.fault is not None]

    with stamper(data, clock, [down, *read_authorities(data)]) as asking:
        assert [o.authority for o in step()] == ["down"]
        for pause_ms in (RETRY_MS_MIN, 2 * RETRY_MS_MIN, 4 * RETRY_MS_MIN):
            clock.tick(pause_ms - 1)
            assert step() == []
            clock.tick(1)
            assert len(step()) == 1
    assert client.asked == 4
    assert len(authority.requests) == 1, "the other one has stamped beside it"


def test_a_wrong_certificate(data: DataDirectory, authority: tsa.Authority, tmp_path: Path) -> None:
    pinned_path(data, "tsa").write_bytes(tsa.make(tmp_path / "other").pinned)
    assert isinstance(faults(data)[0], NotTrusted)
    pinned_path(data, "tsa").unlink()
    assert "certificates cannot be read" in faults(data)[0].message
    assert len(authority.requests) == 1, "without certificates nobody is asked"


def test_an_answer_to_another_request(data: DataDirectory, authority: tsa.Authority) -> None:
    old = authority.reply(tsa.request(b"another text"))
    authority.spoil = lambda _: old
    assert "over another text" in faults(data)[0].message


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda body: body[:-1], "not a time stamp"),
        (lambda _: b"<html>no</html>", "not a time stamp"),
        (lambda _: b"", "not a time stamp"),
        (lambda _: bytes(ANSWER_BYTES_MAX + 1), "more than"),
    ],
    ids=["truncated", "a page", "nothing", "huge"],
)
def test_nonsense(
    data: DataDirectory, authority: tsa.Authority, spoil: Callable[[bytes], bytes], words: str
) -> None:
    authority.spoil = spoil
    assert words in faults(data)[0].message


def test_a_status_that_is_not_200(data: DataDirectory, authority: tsa.Authority) -> None:
    authority.status = 500
    assert "answers 500" in faults(data)[0].message


def test_one_that_is_slow(data: DataDirectory, authority: tsa.Authority) -> None:
    authority.held = threading.Event()
    began = time.monotonic()
    assert isinstance(faults(data)[0], Unavailable)
    assert time.monotonic() - began < 5


def test_one_that_drips() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            line, _ = server.accept()
            with line, contextlib.suppress(OSError):
                line.recv(1000)
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(1000):
                    line.sendall(b"0")
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        client = HttpStampClient(f"http://127.0.0.1:{server.getsockname()[1]}/", 0.3)
        with pytest.raises(Unavailable, match=r"took more than 0\.3 s"):
            client.ask(b"0")
        thread.join()


def test_one_that_is_down(data: DataDirectory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unavailable, match="no answer from the authority"):
        HttpStampClient(f"http://127.0.0.1:{port}/", 1).ask(b"0")


@pytest.mark.parametrize("url", ["", "tsa.invalid", "ftp://tsa.invalid/", "http://a:b/"])
def test_what_is_no_address_is_said_at_the_start(data: DataDirectory, url: str) -> None:
    data.config.write_text(f'[stamp_urls]\ntsa = "{url}"\n')
    with pytest.raises(Malformed, match="URL"):
        check_start(data)


def test_without_an_authority_there_is_nothing_to_ask(data: DataDirectory) -> None:
    assert not check_start(data).stamps
    with pytest.raises(Unavailable, match="no time-stamping authority"):
        list(ask_all(data))
    assert run(["stamp", "check", "--data", str(data.root)]) == 3


def test_one_asks_at_a_time(data: DataDirectory, authority: tsa.Authority) -> None:
    with stamping(data), pytest.raises(Unavailable, match="another process"):
        list(ask_all(data))
    with stamping(data), pytest.raises(Unavailable, match="another process"):
        rebuild(data)


def test_the_commands(
    data: DataDirectory,
    authority: tsa.Authority,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    root = ["--data", str(data.root)]
    authority.status = 500
    assert run(["stamp", "ask", *root]) == 3
    assert "the authority answers 500" in capsys.readouterr().err
    authority.status = 200
    assert run(["stamp", "ask", *root]) == 0
    assert "says tsa" in capsys.readouterr().out
    assert run(["stamp", "check", *root, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (len(found["stamps"]), found["bad"], found["unchecked"]) == (1, 0, 0)
    assert run(["stamp", "check", *root, "--lang", "zh"]) == 0
    assert "tsa 证明" in capsys.readouterr().out
    assert run(["stamp", "check", *root, "--trust", str(tmp_path)]) == 3
    (tmp_path / "tsa.pem").write_bytes(tsa.make(tmp_path / "other").pinned)
    assert run(["stamp", "check", *root, "--trust", str(tmp_path)]) == 1


def until(found: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_service_asks_by_itself_and_shows_it(
    data: DataDirectory, authority: tsa.Authority
) -> None:
    service = start(data.root, "--workers", "1")
    try:
        until(lambda: json.loads(get(service.port, "/readyz")[1])["stamps"])
        (shown,) = json.loads(get(service.port, "/readyz")[1])["stamps"]
        assert shown["authority"] == "tsa"
        assert b'tanbu_stamped_size{authority="tsa"' in get(service.port, "/metrics")[1]
    finally:
        assert service.end() == 0
    assert any("tsa has stamped the checkpoint" in line for line in service.lines)
    assert [j.fault for j in judge_all(data)] == [None]


def test_one_that_hangs_holds_up_nothing(
    data: DataDirectory, authority: tsa.Authority, made: tuple[DataDirectory, Book]
) -> None:
    data.config.write_text(data.config.read_text().replace("_s = 1", "_s = 300"))
    authority.held = threading.Event()
    service = start(data.root, "--workers", "1")
    try:
        until(lambda: authority.requests)
        notes = [made[1].transfer("farm", "mill") for _ in range(3)]
        size = post(service.port, notes)[-1]["committed"]["index"] + 1
        until(lambda: get(service.port, "/checkpoint")[1].split(b"\n")[1] == b"%d" % size)
        assert get(service.port, "/readyz")[0] == 200
        began = time.monotonic()
    finally:
        assert service.end() == 0
    assert time.monotonic() - began < 10, "nor does it hold up the end"


def test_a_stamper_that_dies_takes_nothing_with_it(
    data: DataDirectory, authority: tsa.Authority, made: tuple[DataDirectory, Book]
) -> None:
    authority.held = threading.Event()
    service = start(data.root, "--workers", "1")
    try:
        (pid,) = service.children()[STAMPER]
        tsa.kill(pid)
        until(lambda: not Path(f"/proc/{pid}").exists())  # the service has seen it
        (result,) = post(service.port, [made[1].transfer("farm", "mill")])
        assert "committed" in result
    finally:
        code = service.end()
    assert code == 0, service.lines
    assert any("the stamper process has ended by signal 9" in line for line in service.lines)
