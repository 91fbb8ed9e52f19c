"""Send server-sent events over ASGI."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import anyio
import msgspec
import structlog
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Send

log = structlog.get_logger(__name__)

HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}

RETRY = b"retry: 1000\n\n"
"""The field that makes a browser reconnect after 1,000 ms."""

COMMENT = b": still here\n\n"

CLOSE_TIMEOUT = 1.0
"""Seconds that a client may take to receive the end of a stream."""


def event(name: str, data: Any, event_id: str | None = None) -> bytes:
    """Return an event, with its data as one line of JSON."""
    id_line = f"id: {event_id}\n" if event_id else ""
    return f"event: {name}\n{id_line}data: ".encode() + msgspec.json.encode(data) + b"\n\n"


class EventStream(ASGIResponse):
    """Send blocks of events as they come.

    The stream ends after its lifetime and when the service stops. A client that does not read is
    disconnected. `close` is called in every case.
    """

    _should_set_content_length = False

    def __init__(
        self,
        blocks: AsyncIterator[bytes],
        draining: Any,
        lifetime: float,
        write_timeout: float,
        close: Callable[[], None],
    ) -> None:
        """Prepare the response.

        Args:
            blocks: The events, encoded.
            draining: The event that is set when the service stops.
            lifetime: Seconds after which the stream ends.
            write_timeout: Seconds that the client may take to receive one block.
            close: Called once when the stream is over.
        """
        super().__init__(headers=HEADERS, media_type="text/event-stream")
        self._blocks = blocks
        self._draining = draining
        self._lifetime = lifetime
        self._write_timeout = write_timeout
        self._close = close
        self._is_connected = True

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Send all blocks, and end the response cleanly if the client is still there."""
        try:
            with anyio.move_on_after(self._lifetime):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._watch_client, receive, tasks.cancel_scope)
                    tasks.start_soon(self._watch_service, tasks.cancel_scope)
                    await self._write(send)
                    tasks.cancel_scope.cancel()
        finally:
            self._close()
        if self._is_connected:
            with anyio.move_on_after(CLOSE_TIMEOUT):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send) -> None:
        try:
            async with aclosing(self._blocks) as blocks:  # type: ignore[type-var]
                await self._send(send, RETRY)
                async for block in blocks:
                    await self._send(send, block)
        except TimeoutError:
            # Without its last chunk the response is incomplete, so the connection is closed.
            self._is_connected = False
            log.info("stream.cut", reason="the client does not read")
        except Exception:
            log.exception("stream.failed")

    async def _send(self, send: Send, block: bytes) -> None:
        with anyio.fail_after(self._write_timeout):
            await send({"type": "http.response.body", "body": block, "more_body": True})

    async def _watch_client(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._is_connected = False
        scope.cancel()

    async def _watch_service(self, scope: anyio.CancelScope) -> None:
        await self._draining.wait()
        scope.cancel()
