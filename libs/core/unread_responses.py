"""Abort connections whose client does not read its response."""

import fcntl
import struct
import termios
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import structlog

log = structlog.get_logger(__name__)

READ_TIMEOUT = 30.0
"""Seconds without a single byte that was delivered, after which a connection is aborted."""

CLOSE_TIMEOUT = 30.0
"""Seconds that a client has to read the rest of a response after the server began to close the
connection.

asyncio has no limit for that.
"""
CLOSE_TIMEOUT_WHEN_STOPPING = 1.0
"""Seconds that a client has to read the rest of a response while the service stops."""

_SIOCOUTQ = termios.TIOCOUTQ
"""Linux has one number for both: of a socket, it asks for the bytes that were not acknowledged."""


class UnreadResponses:
    """Notice what no client takes. Only the thread of the event loop may use it."""

    def __init__(
        self, read_timeout: float = READ_TIMEOUT, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._read_timeout = read_timeout
        self._timer = timer
        self._closing: dict[Any, float] = {}
        self._unread: dict[Any, tuple[int, float]] = {}
        """Undelivered bytes of a connection, and the time since when they are as many."""

    def abort(self, connections: Iterable[Any], *, is_stopping: bool) -> None:
        """Abort the connections whose time is over."""
        now = self._timer()
        closing: dict[Any, float] = {}
        unread: dict[Any, tuple[int, float]] = {}
        for connection in list(connections):
            transport = connection.transport
            if transport.is_closing():
                closing[connection] = self._closing.get(connection, now)
            if transport.get_write_buffer_size():
                count = _count_undelivered(transport)
                before, since = self._unread.get(connection, (count, now))
                unread[connection] = count, since if count == before else now
        self._closing, self._unread = closing, unread
        close_timeout = CLOSE_TIMEOUT_WHEN_STOPPING if is_stopping else CLOSE_TIMEOUT
        for connection, since in closing.items():
            if now - since >= close_timeout:
                connection.transport.abort()
        for connection, (count, since) in unread.items():
            if now - since >= self._read_timeout:
                log.info("response.unread", bytes=count)
                connection.transport.abort()


def _count_undelivered(transport: Any) -> int:
    """Return the bytes that the client has not received yet, as far as the system tells.

    The buffer of the system may hold megabytes, and a slow reader takes minutes for them, in which
    ours does not shrink.
    """
    count: int = transport.get_write_buffer_size()
    connection = transport.get_extra_info("socket")
    with suppress(OSError, AttributeError):
        (waiting,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), _SIOCOUTQ, bytes(4)))
        count += waiting
    return count
