"""Consume the janitor's inbox."""

import time
from collections.abc import Callable
from threading import Event as StopEvent

import structlog

from libs.core.errors import CoreError
from libs.core.ports.inbox import Inbox, Message

log = structlog.get_logger(__name__)


class ConsumeInbox:
    """Handle the messages of one receive, one after the other, and delete those that are done.

    `handle` returns True if a message is done. False or an exception leaves the message to be
    delivered again, and in the end to the dead-letter queue; so does a body that cannot be read.
    """

    def __init__(
        self,
        inbox: Inbox,
        handle: Callable[[Message], bool],
        *,
        visibility: float = 30,
        limit: int = 10,
        wait: float = 1,
    ) -> None:
        """Wait up to `wait` seconds for messages, which is also how long a stop may go unseen."""
        self._inbox = inbox
        self._handle = handle
        self._visibility = visibility
        self._limit = limit
        self._wait = wait

    def __call__(self, stop: StopEvent) -> None:
        """Receive once, and handle what came. Raises what the inbox raises."""
        messages = self._inbox.receive(self._limit, self._wait)
        received = time.monotonic()
        for message in messages:
            if stop.is_set():
                self._inbox.hide(message, 0)
                continue
            if time.monotonic() - received > self._visibility / 3:
                # The messages before it took long: each is to have the whole timeout.
                self._inbox.hide(message, self._visibility)
            if message.readable and self._is_done(message):
                self._inbox.delete(message)

    def _is_done(self, message: Message) -> bool:
        try:
            return self._handle(message)
        except Exception as error:
            expected = isinstance(error, CoreError)
            log.warning(
                "message.failed",
                reason=f"{type(error).__name__}: {error}",
                receive_count=message.receive_count,
                exc_info=None if expected else error,
            )
            return False
