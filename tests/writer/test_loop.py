"""The commit loop over sockets: whole requests, answers in order, and how it ends."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from registry.chain.errors import Broken
from registry.ports import Admitted, Committed, Refused
from registry.writer.frames import Answer, FrameReader, decode_answer, encode_request
from registry.writer.loop import ENTRIES_AT_ONCE, CommitLoop
from registry.writer.stage import Outcome


def entry(number: int) -> Admitted:
    return Admitted(b"%d" % number, 0, (), ())


NOT_OPEN = Refused("log_not_open", {}, size=0, time_ms=0)


class Client:
    """One API worker's end of the line."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(10)
        self.frames = FrameReader()
        self.answers: list[Answer] = []

    def ask(self, number: int, *entries: int) -> None:
        self.sock.sendall(encode_request(number, [entry(n) for n in entries]))

    def answer(self) -> Answer:
        while not self.answers:
            try:
                data = self.sock.recv(65_536)
            except ConnectionResetError:
                data = b""
            assert data, "the writer has hung up"
            self.answers += [decode_answer(payload) for payload in self.frames.feed(data)]
        return self.answers.pop(0)


class Running:
    """A loop in a thread, with a commit function that counts."""

    def __init__(self, clients: int, commit: Callable[[Sequence[Admitted]], list[Outcome]]) -> None:
        pairs = [socket.socketpair() for _ in range(clients)]
        self.clients = [Client(theirs) for _, theirs in pairs]
        self.stop_reader, self.stop_writer = os.pipe()
        self.error: Broken | None = None
        loop = CommitLoop(commit, [ours.detach() for ours, _ in pairs], (self.stop_reader,))

        def run() -> None:
            try:
                loop.run()
            except Broken as error:
                self.error = error

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def end(self) -> None:
        os.write(self.stop_writer, b"x")
        self.join()

    def join(self) -> None:
        self.thread.join(10)
        assert not self.thread.is_alive()
        for client in self.clients:
            client.sock.close()
        os.close(self.stop_reader)
        os.close(self.stop_writer)


class Counter:
    """Commits everything; entries whose number ends in 9 are refused."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.at_gate = False

    def __call__(self, entries: Sequence[Admitted]) -> list[Outcome]:
        self.at_gate = True
        self.gate.wait(10)
        numbers = [int(e.note) for e in entries]
        self.rounds.append(numbers)
        return [NOT_OPEN if n % 10 == 9 else receipt(n) for n in numbers]


def receipt(number: int) -> Committed:
    return Committed(number, 0, b"", replayed=False)


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def running(counter: Counter) -> Iterator[Running]:
    running = Running(2, counter)
    yield running
    counter.gate.set()
    running.end()


def test_an_answer_for_each_entry_in_order(running: Running) -> None:
    client = running.clients[0]
    client.ask(7, 1, 9, 3)
    answer = client.answer()
    assert answer.number == 7
    assert answer.outcomes == (receipt(1), NOT_OPEN, receipt(3))
    assert isinstance(answer.outcomes[1], Refused)


def test_a_request_without_entries_is_answered_without_a_round(
    running: Running, counter: Counter
) -> None:
    running.clients[0].ask(1)
    assert running.clients[0].answer() == Answer(1, ())
    assert counter.rounds == []


def test_what_comes_while_a_round_is_written_is_the_next_round(
    running: Running, counter: Counter
) -> None:
    one, other = running.clients
    counter.gate.clear()
    one.ask(1, 1)
    wait_for(lambda: counter.at_gate)
    for number in range(2, 12):
        (one if number % 2 else other).ask(number, number)
    counter.gate.set()
    assert [one.answer().number for _ in range(6)] == [1, 3, 5, 7, 9, 11]
    assert [other.answer().number for _ in range(5)] == [2, 4, 6, 8, 10]
    assert counter.rounds[0] == [1]
    assert len(counter.rounds) < 11
    assert sorted(n for round_ in counter.rounds for n in round_) == list(range(1, 12))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_round_is_bounded_and_requests_are_not_divided(
    running: Running, counter: Counter
) -> None:
    client = running.clients[0]
    counter.gate.clear()
    client.ask(0, 0)
    for number in range(1, 8):
        client.ask(number, *range(number * 1_000, number * 1_000 + 900))
    counter.gate.set()
    for number in range(8):
        answer = client.answer()
        assert answer.number == number
        assert len(answer.outcomes) == (900 if number else 1)
    assert all(len(round_) < ENTRIES_AT_ONCE + 900 for round_ in counter.rounds)
    assert all(len(round_) % 900 in (0, 1) for round_ in counter.rounds)


def test_a_worker_that_goes_takes_nobody_with_it(running: Running, counter: Counter) -> None:
    one, other = running.clients
    counter.gate.clear()
    one.ask(1, 1)
    one.ask(2, 2)
    one.sock.close()
    other.ask(3, 3)
    counter.gate.set()
    assert other.answer() == Answer(3, (receipt(3),))
    assert {n for round_ in counter.rounds for n in round_} >= {1, 3}


def test_answers_that_nobody_takes_at_once_are_kept(running: Running) -> None:
    """More than a socket holds: the loop goes on with others meanwhile."""
    slow, quick = running.clients
    for number in range(60):
        slow.ask(number, *range(1_000))
        if number % 20 == 0:
            quick.ask(number, 1)
            assert quick.answer().number == number
    assert [slow.answer().number for _ in range(60)] == list(range(60))


def test_asked_to_stop_it_answers_what_it_has_committed(counter: Counter) -> None:
    running = Running(1, counter)
    counter.gate.clear()
    running.clients[0].ask(1, *range(1_000))
    wait_for(lambda: counter.at_gate)
    os.write(running.stop_writer, b"x")
    counter.gate.set()
    assert len(running.clients[0].answer().outcomes) == 1_000
    running.join()
    assert running.error is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Broken("the disk is full"), "the disk is full"),
        (ZeroDivisionError("division by zero"), "the writer failed on a round of 1 entries"),
    ],
)
def test_a_failing_round_stops_the_loop_unanswered(error: Exception, words: str) -> None:
    def fail(entries: Sequence[Admitted]) -> list[Outcome]:
        raise error

    running = Running(1, fail)
    running.clients[0].ask(1, 1)
    with pytest.raises(AssertionError, match="hung up"):
        running.clients[0].answer()
    running.join()
    assert running.error is not None
    assert words in running.error.message


def test_a_frame_of_another_form_stops_the_loop(counter: Counter) -> None:
    running = Running(1, counter)
    running.clients[0].sock.sendall(b"\x00\x00\x00\x02hi")
    running.join()
    assert running.error is not None
    assert "do not understand each other" in running.error.message
