"""The commit loop: what has arrived on the sockets is one round, again and again (DESIGN §7).

Rules
- a request is taken whole; a round ends at ENTRIES_AT_ONCE entries, the rest is the next round
- answers go out after the commit, in the order in which the requests came
- a socket that ends is an API worker that has gone: its answers go nowhere, the log goes on
- asked to stop, the loop finishes the round at hand and takes no more
- whatever else goes wrong stops it at once, unanswered: what was committed is then not known
"""

import selectors
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from registry.chain.errors import Broken, TanbuError
from registry.ports import Admitted
from registry.writer.frames import FrameReader, Request, decode_request, encode_answer
from registry.writer.stage import Outcome

ENTRIES_AT_ONCE = 4_000
"""Entries after which a round is not made longer: bounds the time until the answer."""
RECEIVE_BYTES = 1 << 20
ANSWER_S_MAX = 5
"""How long a stopping loop waits for an API worker that does not take its answers."""

Commit = Callable[[Sequence[Admitted]], list[Outcome]]


class _Line:
    """The socket of one API worker."""

    __slots__ = ("frames", "outgoing", "sock", "writing")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.writing = False
        self.frames = FrameReader()
        self.outgoing = bytearray()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request and whom to answer."""

    line: _Line
    request: Request


class CommitLoop:
    """Serves sockets by a function that commits; `stop`: what ends the loop once it can be read."""

    def __init__(self, commit: Commit, handles: Sequence[int], stop: Sequence[int]) -> None:
        self._commit = commit
        self._selector = selectors.DefaultSelector()
        self._waiting: deque[_Waiting] = deque()
        self._stopping = False
        for handle in handles:
            sock = socket.socket(fileno=handle)
            sock.settimeout(0)
            self._selector.register(sock, selectors.EVENT_READ, _Line(sock))
        for handle in stop:
            self._selector.register(handle, selectors.EVENT_READ, None)

    def run(self) -> None:
        """Serve until told to stop. Raises Broken if nothing may be committed any more."""
        try:
            while not self._stopping:
                self._gather(None if not self._waiting else 0)
                while self._waiting and not self._stopping:
                    self._serve_round()
                    self._gather(0)
            self._finish_answers()
        finally:
            self._hang_up()

    def _gather(self, timeout_s: float | None) -> None:
        for key, events in self._selector.select(timeout_s):
            line = key.data
            if line is None:
                self._stopping = True
                continue
            if events & selectors.EVENT_WRITE:
                self._send(line)
            if events & selectors.EVENT_READ:
                self._receive(line)

    def _receive(self, line: _Line) -> None:
        try:
            data = line.sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(line)
            return
        for payload in line.frames.feed(data):
            self._waiting.append(_Waiting(line, decode_request(payload)))

    def _serve_round(self) -> None:
        taken: list[_Waiting] = []
        entries: list[Admitted] = []
        while self._waiting and len(entries) < ENTRIES_AT_ONCE:
            waiting = self._waiting.popleft()
            taken.append(waiting)
            entries += waiting.request.entries
        outcomes = self._commit_round(entries) if entries else []
        at = 0
        for waiting in taken:
            count = len(waiting.request.entries)
            answer = encode_answer(waiting.request.number, outcomes[at : at + count])
            at += count
            waiting.line.outgoing += answer
            self._send(waiting.line)

    def _commit_round(self, entries: Sequence[Admitted]) -> list[Outcome]:
        try:
            return self._commit(entries)
        except TanbuError:
            raise
        except Exception as error:
            # A fault of ours: whatever the state is now, nothing more is committed on it.
            raise Broken(
                f"the writer failed on a round of {len(entries)} entries: "
                f"{type(error).__name__}: {error}",
                todo="please report this; nothing acknowledged is lost",
            ) from error

    def _send(self, line: _Line) -> None:
        if line.sock.fileno() < 0:
            line.outgoing.clear()
            return
        try:
            sent = line.sock.send(line.outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(line)
            return
        del line.outgoing[:sent]
        writing = bool(line.outgoing)
        if writing != line.writing:
            line.writing = writing
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
            self._selector.modify(line.sock, wanted, line)

    def _finish_answers(self) -> None:
        """Send what is committed and not yet answered, as far as anybody still listens."""
        for key in list(self._selector.get_map().values()):
            line = key.data
            if line is not None and line.outgoing:
                line.sock.settimeout(ANSWER_S_MAX)
                with suppress(OSError):
                    line.sock.sendall(line.outgoing)

    def _hang_up(self) -> None:
        """Close every line: whoever still waits knows then that there will be no answer."""
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                self._drop(key.data)
        self._selector.close()

    def _drop(self, line: _Line) -> None:
        line.outgoing.clear()
        if line.sock.fileno() >= 0:
            self._selector.unregister(line.sock)
            line.sock.close()
