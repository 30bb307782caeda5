"""The workers of an audit: processes that check bundles beside the one that judges (port Crew).

Started as programs of their own (`python -m registry.store.crew <fd>`), never forked: each has one
end of a socket, takes tasks from it, and ends when the other end is closed, whoever closes it.

Refuses to know: what is in a bundle.

Rules
- no threads: one busy thread beside the judging one would halve it
- at most `UNDER_WAY_MAX` tasks are with a worker: one that it checks, others wait in its socket
- where all workers have as many, the process that judges checks a bundle itself: so one process
  for each core is enough, and none is put aside for another
- a worker that dies is Broken; nothing is tried again

    with SpawnedCrew() as crew:
        results = crew.submit(task)
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET, socketpair
from types import TracebackType
from typing import Any

import msgspec

from registry.chain.errors import Broken
from registry.verify.bundle import BundleResult, BundleTask, check_bundle

UNDER_WAY_MAX = 3
SOCKET_BYTES = 1_048_576
"""Asked of the kernel, which may give less: a task of usual size should fit."""
STOP_S = 10

_encode = msgspec.msgpack.Encoder().encode
_decode_task = msgspec.msgpack.Decoder(BundleTask).decode
_decode_result = msgspec.msgpack.Decoder(BundleResult).decode


class _Worker:
    """A process, the socket to it, and how many tasks are with it."""

    def __init__(self) -> None:
        ours, theirs = socketpair()
        for end in (ours, theirs):
            end.setsockopt(SOL_SOCKET, SO_SNDBUF, SOCKET_BYTES)
            end.setsockopt(SOL_SOCKET, SO_RCVBUF, SOCKET_BYTES)
        try:
            with theirs:
                self.process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "registry.store.crew", str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                )
        except OSError:
            ours.close()
            raise
        self.connection: Connection[Any, Any] = Connection(ours.detach())
        self.under_way = 0

    def send(self, task: BundleTask) -> None:
        try:
            self.connection.send_bytes(_encode(task))
        except OSError as error:
            raise self._dead() from error
        self.under_way += 1

    def receive(self) -> BundleResult:
        try:
            result = _decode_result(self.connection.recv_bytes())
        except (OSError, EOFError) as error:
            raise self._dead() from error
        self.under_way -= 1
        return result

    def _dead(self) -> Broken:
        return Broken(f"an audit's worker has ended (exit code {self.process.poll()})")

    def stop(self) -> None:
        self.connection.close()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class SpawnedCrew:
    """See the module; `workers`: how many, by default one less than the cores it may use."""

    def __init__(self, workers: int | None = None) -> None:
        count = len(os.sched_getaffinity(0)) - 1 if workers is None else workers
        self._workers: list[_Worker] = []
        try:
            for _ in range(count):
                self._workers.append(_Worker())
        except OSError as error:
            self.close()
            raise Broken(f"an audit's workers cannot be started: {error}") from error

    def submit(self, task: BundleTask) -> Sequence[BundleResult]:
        """See `Crew`."""
        results = self._collect(wait_s=0)
        freest = min(self._workers, key=lambda worker: worker.under_way, default=None)
        if freest is not None and freest.under_way < UNDER_WAY_MAX:
            freest.send(task)
        else:
            results.append(check_bundle(task))
        return results

    def drain(self) -> Sequence[BundleResult]:
        """See `Crew`."""
        results: list[BundleResult] = []
        while any(worker.under_way for worker in self._workers):
            results += self._collect(wait_s=None)
        return results

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.stop()
        self._workers = []

    def _collect(self, *, wait_s: float | None) -> list[BundleResult]:
        busy = {w.connection: w for w in self._workers if w.under_way}
        ready = wait(list(busy), wait_s) if busy else ()
        return [worker.receive() for connection, worker in busy.items() if connection in ready]

    def __enter__(self) -> "SpawnedCrew":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def work(connection: "Connection[Any, Any]") -> None:
    """Check what comes until the other end is closed."""
    while True:
        try:
            task = _decode_task(connection.recv_bytes())
            connection.send_bytes(_encode(check_bundle(task)))
        except (EOFError, ConnectionError):
            return


def main(arguments: Sequence[str]) -> None:
    """The program of a worker: its argument is the number of its end of the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the audit ends its workers itself
    with Connection(int(arguments[0])) as connection:
        work(connection)


if __name__ == "__main__":
    main(sys.argv[1:])
