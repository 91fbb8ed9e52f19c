"""Server-sent events over ASGI: ends cleanly after its time and when the service stops, and cuts who does not read."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import anyio
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
"""Milliseconds after which a browser begins another stream."""

COMMENT = b": still here\n\n"

LAST_WORD = 1.0
"""Seconds for the end of a stream to be taken."""


def event(name: str, data: Any, event_id: str | None = None) -> bytes:
    """An event, its data as one line of JSON."""
    named = f"id: {event_id}\n" if event_id else ""
    return f"event: {name}\n{named}data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


class EventStream(ASGIResponse):
    """Blocks of events, as they come. `close` is called when it is over, however it came to that."""

    _should_set_content_length = False

    def __init__(
        self,
        blocks: AsyncIterator[bytes],
        drained: Any,
        lifetime: float,
        write_limit: float,
        close: Callable[[], None],
    ) -> None:
        """`drained` is the event that says that the service stops; times are in seconds."""
        super().__init__(headers=HEADERS, media_type="text/event-stream")
        self._blocks = blocks
        self._drained = drained
        self._lifetime = lifetime
        self._write_limit = write_limit
        self._close = close
        self._reached = True

    async def send_body(self, send: Send, receive: Receive) -> None:
        try:
            with anyio.move_on_after(self._lifetime):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._watch_client, receive, tasks.cancel_scope)
                    tasks.start_soon(self._watch_service, tasks.cancel_scope)
                    await self._write(send)
                    tasks.cancel_scope.cancel()
        finally:
            self._close()
        if self._reached:
            with anyio.move_on_after(LAST_WORD):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send) -> None:
        try:
            async with aclosing(self._blocks) as blocks:  # type: ignore[type-var]
                await self._send(send, RETRY)
                async for block in blocks:
                    await self._send(send, block)
        except TimeoutError:
            # Without its last chunk the response is broken off: the connection is closed.
            self._reached = False
            log.info("stream.cut", reason="the reader takes nothing")
        except Exception:
            log.exception("stream.failed")

    async def _send(self, send: Send, block: bytes) -> None:
        with anyio.fail_after(self._write_limit):
            await send({"type": "http.response.body", "body": block, "more_body": True})

    async def _watch_client(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._reached = False
        scope.cancel()

    async def _watch_service(self, scope: anyio.CancelScope) -> None:
        await self._drained.wait()
        scope.cancel()
