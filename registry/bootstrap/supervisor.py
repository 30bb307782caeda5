"""`tanbu serve`: binds the port, starts the processes of the service, and ends them in order.

It loads nothing that it does not need, and does no work of its own.

    python -m registry.bootstrap.supervisor DATA --host 127.0.0.1 --port 8000 --workers 2

Rules
- the data directory is checked first, by a process of its own (`registry.bootstrap.start`)
- processes are started anew, never forked; each ends when this one has gone, even by SIGKILL
- SIGTERM or SIGINT: API workers finish what is under way, the writer ends its round, the publisher
  publishes the last head; exit code 0
- the end of any child ends all, with a line that says which; exit code 1. But the stamper, which
  asks others for time stamps, may end by itself: that is said, and the log goes on
"""

import argparse
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from registry.bootstrap.life import Child, EndSignal, child_arguments, report
from registry.chain.errors import Broken, Malformed, TanbuError, Unavailable

WORKERS_MAX = 64
PORT_MAX = 65_535
START_S_MAX = 60
END_S_MAX = 15
"""How long one kind of process may take to end before it is killed."""
LISTEN_BACKLOG = 512
_STATUS_BYTES = 64
STAMPER = "stamper"
_ORDER_OF_END = ("api", STAMPER, "writer", "publisher")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Running:
    """A child process; `status` is readable when it is ready, and again when it has ended."""

    name: str
    process: "subprocess.Popen[bytes]"
    status: int


class Refused(TanbuError):
    """The check before the start has failed, and has said why; `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__("the service was not started")
        self.code = code


def serve(data: Path, *, host: str, port: int, workers: int, alone: bool, say: Say) -> int:
    """Run the service until it is asked to end; the exit code.

    `say` gets one line when it serves. Raises Unavailable if it cannot start, Refused if the data
    directory may not go on.
    """
    if not 1 <= workers <= WORKERS_MAX:
        raise Malformed(f"between 1 and {WORKERS_MAX} workers, not {workers}", where="workers")
    end = EndSignal(signal.SIGTERM, signal.SIGINT)
    with bind(host, port) as listening:
        origin, size, stamps = check(data, alone=alone)
        family = Family(data, alone=alone)
        try:
            family.start(listening, workers, stamps=stamps)
            address = format_address(listening)
            if family.wait_until_ready(end):
                say(f"serving {origin} (size {size}) at http://{address}/")
                family.wait_for_end(end)
            orderly = True
        except Broken as error:
            report("serve", error)
            orderly = False
        finally:
            ended_well = family.end()
    return 0 if orderly and ended_well else 1


def bind(host: str, port: int) -> socket.socket:
    """The listening socket; Unavailable with the reason if there is none to be had."""
    if not 0 <= port <= PORT_MAX:
        raise Malformed(f"a TCP port is at most {PORT_MAX}, not {port}", where="port")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(LISTEN_BACKLOG)
    except OSError as error:
        raise Unavailable(
            f"nobody can listen on {host} port {port}: {error.strerror}",
            todo="end what listens there, or give another --port",
        ) from error
    return listening


def format_address(listening: socket.socket) -> str:
    """`host:port` of a socket, as it stands in a URL."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check(data: Path, *, alone: bool) -> tuple[str, int, bool]:
    """Have the data directory checked: the log's origin, its size, whether it gets time stamps.

    Raises Refused.
    """
    command = [sys.executable, "-m", "registry.bootstrap.start", str(data)]
    done = subprocess.run(
        [*command, "--alone"] if alone else command,
        stdout=subprocess.PIPE,
        process_group=0,  # a terminal's Ctrl-C comes to us alone
        check=False,
    )
    if done.returncode != 0:
        raise Refused(done.returncode if done.returncode > 0 else 1)
    found = json.loads(done.stdout)
    return str(found["origin"]), int(found["size"]), bool(found["stamps"])


class Family:
    """The processes of one service."""

    def __init__(self, data: Path, *, alone: bool) -> None:
        self._data = data
        self._alone = alone
        # Nobody ever writes to this pipe: that it closes is the news.
        self._life_reader, self._life_writer = os.pipe()
        self._running: list[Running] = []

    def start(self, listening: socket.socket, workers: int, *, stamps: bool) -> None:
        """Start all processes; `stamps`: the stamper too."""
        self._start("publisher", ())
        lines = [socket.socketpair() for _ in range(workers)]
        self._start("writer", [ours.fileno() for ours, _ in lines])
        for _, theirs in lines:
            self._start("api", (listening.fileno(), theirs.fileno()))
        if stamps:
            self._start(STAMPER, ())
        # Only the two ends may hold a line, else neither would notice that the other has gone.
        for pair in lines:
            for sock in pair:
                sock.close()

    def _start(self, name: str, handles: Sequence[int]) -> None:
        reader, writer = os.pipe()
        child = Child(self._data, self._life_reader, writer, tuple(handles), self._alone)
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", f"registry.bootstrap.{name}", *child_arguments(child)],
                pass_fds=(self._life_reader, writer, *handles),
                stdin=subprocess.DEVNULL,
                process_group=0,  # a terminal's Ctrl-C comes to us alone
            )
        except OSError as error:
            raise Broken(f"the {name} process could not be started: {error.strerror}") from error
        finally:
            os.close(writer)
        self._running.append(Running(name, process, reader))

    def wait_until_ready(self, end: EndSignal) -> bool:
        """True when all work; False if asked to end before. Broken if one has ended."""
        deadline = monotonic() + START_S_MAX
        waiting = {child.status for child in self._running}
        while waiting:
            found = self._select(end, max(0.0, deadline - monotonic()))
            if end.fileno() in found:
                return False
            if not found:
                raise Broken(f"the service was not ready after {START_S_MAX} s")
            for handle in found:
                self._read_status(handle)
                waiting.discard(handle)
        return True

    def wait_for_end(self, end: EndSignal) -> None:
        """Return when asked to end; Broken if a process has ended by itself."""
        while True:
            found = self._select(end, None)
            if end.fileno() in found:
                return
            for handle in found:
                self._read_status(handle)

    def _select(self, end: EndSignal, timeout_s: float | None) -> set[int]:
        with selectors.DefaultSelector() as selector:
            selector.register(end.fileno(), selectors.EVENT_READ)
            for child in self._running:
                selector.register(child.status, selectors.EVENT_READ)
            return {key.fd for key, _ in selector.select(timeout_s)}

    def _read_status(self, handle: int) -> None:
        if os.read(handle, _STATUS_BYTES):
            return
        child = next(child for child in self._running if child.status == handle)
        code = child.process.wait()
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        if child.name == STAMPER:
            self._let_go(child, how)
            return
        raise Broken(
            f"the {child.name} process (pid {child.process.pid}) has ended {how}; all others end",
            todo="start again; if it ends again: tanbu fsck",
        )

    def _let_go(self, child: Running, how: str) -> None:
        """Go on without a child that the log does not need."""
        self._running.remove(child)
        os.close(child.status)
        message = f"the {child.name} process has ended {how}; the log goes on without"
        report("serve", Broken(message, todo="start the service again when you can"))

    def end(self) -> bool:
        """End all processes, in order; False if one had to be killed or ended badly."""
        well = True
        for name in _ORDER_OF_END:
            children = [child for child in self._running if child.name == name]
            for child in children:
                child.process.terminate()
            deadline = monotonic() + END_S_MAX
            for child in children:
                try:
                    code = child.process.wait(max(0.0, deadline - monotonic()))
                except subprocess.TimeoutExpired:
                    child.process.kill()
                    code = child.process.wait()
                # The log goes on without the stamper, and ends well without it.
                well = well and (code == 0 or name == STAMPER)
        for handle in (self._life_reader, self._life_writer):
            os.close(handle)
        for child in self._running:
            os.close(child.status)
        self._running = []
        return well


def main(arguments: list[str]) -> int:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(prog="tanbu serve", description="Run the service.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--alone", action="store_true")
    found = parser.parse_args(arguments)

    def say(line: str) -> None:
        sys.stdout.write(f"tanbu: {line}\n")
        sys.stdout.flush()

    try:
        return serve(
            found.data,
            host=found.host,
            port=found.port,
            workers=found.workers,
            alone=found.alone,
            say=say,
        )
    except Refused as refused:
        return refused.code
    except TanbuError as error:
        return report("serve", error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
