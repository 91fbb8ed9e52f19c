"""Serve an application over HTTP: what `python -m services.<name>` runs."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import anyio.to_thread
import uvicorn
from litestar import Litestar
from litestar.concurrency import set_asyncio_executor

from libs.core import telemetry
from libs.core.descriptors import raise_descriptor_limit
from libs.core.memory import return_freed_buffers
from libs.core.settings import Settings
from libs.core.unread_responses import UnreadResponses
from libs.core.web.server_protocol import ServiceProtocol

REQUEST_DRAIN_SECONDS = 25
"""Seconds from SIGTERM until open requests are cut.

That is less than the 30 seconds after which ECS kills a container by default; our template allows
120.
"""

REQUEST_THREADS = 128
"""Number of requests that can wait for S3 or DynamoDB at the same time.

Synchronous handlers wait in threads of asyncio, whose default is four more than there are
processors. Asynchronous ones and the check of sessions wait in threads of anyio, whose default is
40: while S3 is slow, three addresses with 16 requests each would hold them all.
"""


CHECK_INTERVAL = 0.5
"""Seconds between searches for connections whose client does not read."""


class Server(uvicorn.Server):
    """Run uvicorn, limit clients that do not read, and announce the drain.

    The lifespan of an application ends after its last request. A request that never ends by itself,
    such as an event stream, must therefore be told: an application that has them sets the callable
    `app.state.on_drain`.
    """

    unread = UnreadResponses()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # Each event loop has its own limit.
        anyio.to_thread.current_default_thread_limiter().total_tokens = REQUEST_THREADS
        await super().startup(sockets)
        self._closer = asyncio.create_task(self._abort_unread_connections())

    async def _abort_unread_connections(self) -> None:
        """Abort connections whose client does not read."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL)
            self.unread.abort(self.server_state.connections, is_stopping=self.should_exit)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        on_drain = getattr(getattr(self.config.app, "state", None), "on_drain", None)
        if on_drain is not None:
            on_drain()
            await asyncio.sleep(0)
        await super().shutdown(sockets)
        self._closer.cancel()
        # uvicorn raises the captured signal again, so an orderly stop would exit with status 143.
        self._captured_signals.clear()


def serve(name: str, settings: Settings, create: Callable[[], Litestar]) -> None:
    """Set up logging, create the application, and serve it until SIGTERM."""
    return_freed_buffers()
    raise_descriptor_limit()
    telemetry.set_up(
        name,
        settings.log_level,
        settings.log_format,
        otlp_endpoint=settings.otlp_endpoint,
        log_spans=settings.log_spans,
    )
    set_asyncio_executor(ThreadPoolExecutor(REQUEST_THREADS, thread_name_prefix="request"))
    config = uvicorn.Config(
        create(),
        host=settings.host,
        port=settings.port,
        http=ServiceProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        # The services count their proxies themselves: see `client_address`.
        proxy_headers=False,
        timeout_graceful_shutdown=REQUEST_DRAIN_SECONDS,
        timeout_keep_alive=75,
    )
    server = Server(config)
    server.run()
    if not server.started:
        raise SystemExit(3)
