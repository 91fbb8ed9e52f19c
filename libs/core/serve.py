"""Running a service: `python -m services.<name>`."""

import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn
from litestar import Litestar
from litestar.concurrency import set_asyncio_executor

from libs.core import telemetry
from libs.core.settings import Settings

DRAIN_SECONDS = 25
"""Seconds from SIGTERM until open requests are cut: containers are killed after 30."""

THREADS = 128
"""Requests that may wait for S3 or DynamoDB at once. asyncio would have four and one for each processor: as many slow answers stop all."""

LINGER = 30.0
"""Seconds that a client may take for what was written to it before we closed the connection: asyncio would wait for ever."""
LINGER_AT_END = 1.0
"""The same, once the service stops."""


class Server(uvicorn.Server):
    """Tells the app that it is about to end, then waits for open requests.

    The lifespan ends only after the last request has, so what never ends by itself (an event stream) would be waited
    for in vain: an app that has such requests puts a callable into `app.state.on_drain`.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._cutting = asyncio.create_task(self._cut_the_deaf())

    async def _cut_the_deaf(self) -> None:
        """Ends connections that are closed on our side while the client does not take the rest."""
        closing: dict[Any, float] = {}
        while True:
            await asyncio.sleep(0.5)
            now, patience = time.monotonic(), LINGER_AT_END if self.should_exit else LINGER
            closing = {
                c: closing.get(c, now)
                for c in self.server_state.connections
                if c.transport.is_closing()
            }
            for connection, since in closing.items():
                if now - since >= patience:
                    connection.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        tell = getattr(getattr(self.config.app, "state", None), "on_drain", None)
        if tell is not None:
            tell()
            await asyncio.sleep(0)
        await super().shutdown(sockets)
        self._cutting.cancel()
        # uvicorn would now raise the signal again, and an orderly end would look like a crash: exit status 143.
        self._captured_signals.clear()


def serve(name: str, settings: Settings, create: Callable[[], Litestar]) -> None:
    """Sets up logging, then makes the app and serves it until SIGTERM."""
    telemetry.set_up(name, settings.log_level, settings.log_format)
    set_asyncio_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="request"))
    config = uvicorn.Config(
        create(),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_keep_alive=75,
    )
    server = Server(config)
    server.run()
    if not server.started:
        raise SystemExit(3)
