"""The loop that empties the janitor's inbox."""

import time
from collections.abc import Callable
from threading import Event as Flag

import structlog

from libs.core.errors import CoreError
from libs.core.ports.inbox import Inbox, Message

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.5
"""Seconds after the first fault."""
LONGEST_PAUSE = 10.0
"""Seconds after the many that follow: who comes back is not kept waiting long."""


class InboxLoop:
    """Hands the messages of an inbox to `handle`, one after the other, and deletes those that it says are done.

    `handle` answers whether the message is done. False, or an exception, leaves it for redelivery and so, in the end, for
    the dead-letter queue; a message that makes no sense is left alone likewise. Nothing ends the loop but its flag.
    """

    def __init__(
        self,
        inbox: Inbox,
        handle: Callable[[Message], bool],
        *,
        visibility: float = 30,
        limit: int = 10,
        wait: float = 1,
        pause: float = FIRST_PAUSE,
    ) -> None:
        """`wait` is for how long an empty inbox is listened to: also the longest that the stop flag goes unseen."""
        self._inbox = inbox
        self._handle = handle
        self._visibility = visibility
        self._limit = limit
        self._wait = wait
        self._pause = pause

    def __call__(self, stop: Flag) -> None:
        pause = self._pause
        while not stop.is_set():
            try:
                self.once(stop)
                pause = self._pause
            except Exception as error:
                log.warning("inbox.out_of_reach", reason=_reason(error), pause=pause)
                stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def once(self, stop: Flag) -> None:
        """One look into the inbox. Raises what the inbox raises."""
        messages = self._inbox.receive(self._limit, self._wait)
        received = time.monotonic()
        for message in messages:
            if stop.is_set():
                self._inbox.hide(message, 0)
                continue
            if time.monotonic() - received > self._visibility / 3:
                # Those before it took their time: whoever begins with this one shall have all of it.
                self._inbox.hide(message, self._visibility)
            if message.readable and self._done(message):
                self._inbox.delete(message)

    def _done(self, message: Message) -> bool:
        try:
            return self._handle(message)
        except Exception as error:
            expected = isinstance(error, CoreError)
            log.warning(
                "message.failed",
                reason=_reason(error),
                receive_count=message.receive_count,
                exc_info=None if expected else error,
            )
            return False


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
