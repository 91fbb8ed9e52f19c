"""Keep the message of a running conversion hidden."""

import threading
import time
from collections.abc import Callable

import structlog

from libs.core.errors import StorageUnavailable
from libs.core.ports.inbox import Inbox, Message

log = structlog.get_logger(__name__)

Heartbeat = Callable[[float | None], None]


class ReleaseRequested(Exception):
    """Indicates that this worker is to stop: the conversion goes back to the queue."""


class MessageHeartbeat:
    """Keeps the message hidden while its conversion runs, and says when it is time to hand over."""

    def __init__(
        self,
        inbox: Inbox,
        message: Message | None,
        lease: float,
        stop: threading.Event,
        deadline: Callable[[], float],
    ) -> None:
        self._inbox = inbox
        self._message = message
        self._lease = lease
        self._stop = stop
        self._deadline = deadline
        self._next = time.monotonic() + lease / 3

    def beat(self, eta_seconds: float | None) -> None:
        now = time.monotonic()
        if self._stop.is_set() and (eta_seconds is None or now + eta_seconds > self._deadline()):
            raise ReleaseRequested
        if self._message and now >= self._next:
            self._next = now + self._lease / 3
            try:
                self._inbox.hide(self._message, self._lease)
            except StorageUnavailable:
                # The lease on the item is what counts; the message only comes back early.
                log.warning("worker.message_not_hidden")
