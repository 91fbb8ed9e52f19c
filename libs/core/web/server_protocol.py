"""Limit a request's headers, and answer invalid HTTP with a problem document."""

import asyncio
import secrets
from typing import Any

import h11
import msgspec
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol

from libs.core.descriptors import max_connections
from libs.core.errors import title_of
from libs.core.web.middleware import HEADERS
from libs.core.web.problems import PROBLEM_JSON
from libs.core.web.server_connection import ServerConnection

HEADER_TIMEOUT = 20.0
"""Seconds from the first byte of a request, or the beginning of a connection, to the end of its
headers."""

FIRST_READ = 16 * 1024
"""Bytes that are read at once of a request until the application asks for its body."""

SMALL_READ, FREE_READS = 512, 8
"""A connection rests if the reads of a request brought fewer bytes on average; a few are free.

A read takes 40 µs of the event loop: 250 connections that brought a byte at a time, 100 times a
second each, took all of it."""

REST = 0.25
"""Seconds for which such a connection is not read."""


class BodyFlow(FlowControl):
    """Read little of a request until the application asks for its body.

    asyncio reads up to 256 KiB at once. Thousands of requests that will be refused, or that wait
    for each other, would take as much memory each. Of a chunked body, little is read at any time:
    h11 takes 4 µs for each chunk, and handles all that was read before anything else goes on.
    """

    def __init__(self, transport: Any) -> None:
        super().__init__(transport)
        # An attribute of asyncio's own transports, which others need not have.
        self._usual_size = getattr(transport, "max_size", None)
        self._rest_timer: asyncio.TimerHandle | None = None
        self.await_request()

    def await_request(self) -> None:
        """Read little until the body of the next request is asked for."""
        self.is_wanted = self.is_chunked = False
        self._reads = self._bytes = 0
        self._read_at_once(FIRST_READ)
        if self._rest_timer is not None:
            self._end_rest()

    def resume_reading(self) -> None:
        """Read on; uvicorn calls this each time that the application asks for a block."""
        self.is_wanted = True
        if not self.is_chunked:
            self._read_at_once(self._usual_size)
        if self._rest_timer is None:
            super().resume_reading()

    def limit_chunks(self) -> None:
        """Read little at a time until the end of this request."""
        self.is_chunked = True
        self._read_at_once(FIRST_READ)

    def note_read(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        """Rest if a request comes in tiny pieces, so that more of it is read at once."""
        self._reads += 1
        self._bytes += size
        is_tiny = self._bytes < self._reads * SMALL_READ
        if is_tiny and self._reads > FREE_READS and not self.read_paused:
            self.pause_reading()
            self._rest_timer = loop.call_later(REST, self._end_rest)

    def close(self) -> None:
        """Cancel the timer."""
        if self._rest_timer is not None:
            self._rest_timer.cancel()

    def _end_rest(self) -> None:
        self.close()
        self._rest_timer = None
        super().resume_reading()

    def _read_at_once(self, size: int | None) -> None:
        if self._usual_size is not None:
            self._transport.max_size = size  # type: ignore[attr-defined]


class ServiceProtocol(H11Protocol):
    """Close a connection whose headers take longer than HEADER_TIMEOUT, and read bodies late."""

    _header_timer: asyncio.TimerHandle | None = None
    flow: BodyFlow
    conn: ServerConnection

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.conn = ServerConnection()
        self._max_connections = max_connections()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request, unless there are too many connections."""
        super().connection_made(transport)
        self.flow = BodyFlow(transport)
        if len(self.connections) > self._max_connections:
            transport.abort()
            return
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers."""
        self._stop_waiting()
        self.flow.close()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request; those of an incomplete header do not prolong its time."""
        super().data_received(data)
        if self._is_handling():
            self._stop_waiting()
            # What is left unread of a short body would reset the connection when it is closed.
            may_read_on = self.flow.is_wanted or len(self.cycle.body) < FIRST_READ
            if self.cycle.more_body and not may_read_on:
                self.flow.pause_reading()
        elif self._header_timer is None and not self.transport.is_closing():
            self._await_headers()
        if self.conn.is_chunked and not self.flow.is_chunked:
            self.flow.limit_chunks()
        if self._is_unfinished():
            self.flow.note_read(len(data), self.loop)

    def on_response_complete(self) -> None:
        """Go on with the next request."""
        super().on_response_complete()
        self.flow.await_request()

    def handle_events(self) -> None:
        """Answer 400 to a request target that is not ASCII."""
        try:
            super().handle_events()
        except UnicodeDecodeError:  # uvicorn expects ASCII in the request target
            self.send_400_response("")

    def send_400_response(self, _message: str) -> None:
        """Answer 400 or 431, and end the connection.

        The application may have the headers of the request already: what it answers is dropped.
        """
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.send_problem(self.conn.error_status, "request_invalid", self.conn.error_detail)
        if self._is_handling():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _is_handling(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _is_unfinished(self) -> bool:
        """Return True if the rest of a request that has begun is still to come."""
        if self.conn.their_state is h11.IDLE:
            return bool(self.conn.trailing_data[0])
        return self.conn.their_state is h11.SEND_BODY

    def _await_headers(self) -> None:
        self._header_timer = self.loop.call_later(HEADER_TIMEOUT, self._give_up)

    def _stop_waiting(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _give_up(self) -> None:
        self._header_timer = None
        if self._is_handling() or self.transport.is_closing():
            return
        has_begun = bool(self.conn.trailing_data[0]) and self.conn.our_state is h11.IDLE
        if has_begun:
            detail = "The headers of this request did not arrive in time."
            self.send_problem(408, "request_timeout", detail)
        self.transport.close()

    def send_problem(self, status: int, code: str, detail: str) -> None:
        """Send a problem document, where uvicorn sends text or nothing."""
        document: dict[str, Any] = {
            "type": f"/problems/{code}",
            "title": title_of(code),
            "status": status,
            "detail": detail,
            "code": code,
        }
        body = msgspec.json.encode(document)
        headers = {
            **HEADERS,
            "X-Request-Id": secrets.token_hex(8),
            "Content-Type": PROBLEM_JSON,
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        response = h11.Response(
            status_code=status,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        )
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            output = self.conn.send(event)
            if output is not None:
                self.transport.write(output)
