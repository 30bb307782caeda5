"""An API worker's process: HTTP on the parent's listening socket, a line to the writer.

python -m registry.bootstrap.api DATA --life FD --status FD --socket LISTEN --socket WRITER
"""

import asyncio
import gc
import os
import signal
import socket
import sys

import uvicorn

from registry.api.app import create_app
from registry.api.protocol import GatheringProtocol
from registry.api.services import ApiSettings
from registry.bootstrap.data import DataDirectory, SystemClock
from registry.bootstrap.life import Child, parse_child, report
from registry.bootstrap.refusal_key import read_refusal_key
from registry.chain import ed25519
from registry.chain.errors import TanbuError
from registry.net.writer_client import SocketWriter
from registry.store.database import open_for_reading
from registry.store.reads import SqlReadStore
from registry.store.sealfile import SealDirectory
from registry.store.tiles import DirectoryTiles

DRAIN_S = 10
"""How long requests under way may still take when the service ends."""
BEHIND_THE_WRITER = 5
"""Niceness: where cores are few, the one writer for which all wait comes first."""


class _Server(uvicorn.Server):
    """Says when it serves, and ends when its parent has gone."""

    def __init__(self, config: uvicorn.Config, child: Child) -> None:
        super().__init__(config)
        self._child = child

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._child.life, self._end)
        gc.collect()
        gc.freeze()
        self._child.say_ready()

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._child.life)
        self.should_exit = True


def run(child: Child) -> None:
    """Serve until the parent has gone or asks to end; requests under way are finished."""
    os.nice(BEHIND_THE_WRITER)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # uvicorn takes SIGTERM while it serves, and afterwards raises it once more for whoever had it
    # before. An orderly end is exit code 0, before it serves and after.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))
    ed25519.self_check()
    data = DataDirectory(child.data)
    listening = socket.socket(fileno=child.sockets[0])
    reader = SqlReadStore(open_for_reading(data.database))
    held = read_refusal_key(data)
    app = create_app(
        reader,
        SocketWriter(socket.socket(fileno=child.sockets[1])),
        DirectoryTiles(data.tiles),
        ApiSettings(
            clock_ms=SystemClock().now_ms,
            alone=child.alone,
            refusal_key=held.key,
            refusal_key_fault=held.fault,
        ),
        SealDirectory(data.seals),
    )
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=GatheringProtocol,
        proxy_headers=False,  # nothing here believes who it is that asks
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
    )
    _Server(config, child).run(sockets=[listening])
    reader.close()


def main(arguments: list[str]) -> int:
    """Run, and say in one line why it could not go on."""
    try:
        run(parse_child(arguments))
    except TanbuError as error:
        return report("api", error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
