"""Starts and ends the service under the sample.

Refuses to know: what is played on it.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from registry.chain.errors import Unavailable
from registry.net.client import LogClient
from registry.sample.offline import environment, python

HOST = "127.0.0.1"
START_S_MAX = 60.0
END_S_MAX = 40.0
PAUSE_S = 0.05


def check_port(port: int) -> None:
    """Unavailable if somebody listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Unavailable(
                f"the port {port} cannot be used: {error.strerror}",
                where=f"{HOST}:{port}",
                todo="end what listens there, or choose another: --port 8001, make run PORT=8001",
            ) from error


class Service:
    """A running service; `url` is where it answers."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self._process = process
        self.url = f"http://{HOST}:{port}"

    def check_alive(self) -> None:
        """Unavailable if the service has ended by itself."""
        code = self._process.poll()
        if code is not None:
            raise Unavailable(
                f"the service has ended (exit code {code})",
                todo="its last lines say why; run the command again to go on",
            )

    def wait_ready(self) -> None:
        """Return when the service answers; Unavailable if it ends or takes too long."""
        end_s = time.monotonic() + START_S_MAX
        with LogClient(self.url, retry_s=0) as log:
            while True:
                self.check_alive()
                try:
                    log.get_bytes("/readyz")
                except Unavailable as error:
                    if time.monotonic() > end_s:
                        raise Unavailable("the service is not ready in time") from error
                    time.sleep(PAUSE_S)
                else:
                    return

    def wait(self) -> None:
        """Stay until the service ends, which is not meant to be: Unavailable."""
        self._process.wait()
        self.check_alive()


@contextmanager
def running(data: Path, port: int) -> Iterator[Service]:
    """A service on a data directory and port of this machine; ended when the block is left."""
    check_port(port)
    reader, writer = os.pipe()
    module = "registry.sample.serving"
    words = [*python(), "-m", module, str(data), str(port), str(reader)]
    process = subprocess.Popen(
        words,
        pass_fds=(reader,),
        env=environment(),
        stdin=subprocess.DEVNULL,
        process_group=0,  # a terminal's Ctrl-C comes to us, who end the service in order
    )
    os.close(reader)
    service = Service(process, port)
    try:
        service.wait_ready()
        yield service
    finally:
        os.close(writer)
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the orderly end; a second Ctrl-C does not cut it short."""
    end_s = time.monotonic() + END_S_MAX
    while time.monotonic() < end_s:
        with suppress(KeyboardInterrupt):
            try:
                process.wait(timeout=max(0.0, end_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                break
            else:
                return
    process.kill()
    process.wait()
