"""Keep the message of a running conversion hidden, and tell its attempt when to stop.

A running conversion calls its `Heartbeat` about once a second. `RunTask` in `task_runner.py` makes
the heartbeat. The heartbeat calls the `HideMessage` of the conversion's message. The lease is
renewed elsewhere, by each report of progress: see `progress_writer.py`.
"""

import time
from collections.abc import Callable
from typing import Protocol

import structlog

from libs.core.errors import StorageUnavailable
from libs.core.ports.inbox import Inbox, Message
from services.conversion.worker.slots import NEVER

log = structlog.get_logger(__name__)


class Heartbeat(Protocol):
    """Take note that a conversion still runs."""

    def __call__(self, eta_seconds: float | None, /, *, is_guess: bool) -> None:
        """Take the estimated seconds until the conversion ends, or None if they are not known.

        This is called about once a second. With `is_guess`, the seconds include a later
        pass, which may take much longer than this one.
        Raises ReleaseRequested to end the attempt.
        """


class ReleaseRequested(Exception):
    """Indicate that this attempt is to end and its conversion to go back to the queue."""


class HideMessage:
    """Extend the visibility timeout of one message while its conversion runs.

    A conversion that cannot be finished by the deadline is released.
    """

    def __init__(
        self,
        inbox: Inbox,
        message: Message | None,
        lease: float,
        deadline: Callable[[], float],
    ) -> None:
        """Begin to hide `message`, if there is one, for `lease` seconds at a time.

        `deadline` is called at each heartbeat. It returns the monotonic time by which the
        conversion must end, or infinity if there is none.
        """
        self._inbox = inbox
        self._message = message
        self._lease = lease
        self._deadline = deadline
        self._next = time.monotonic() + lease / 3
        self._end = NEVER

    def __call__(self, eta_seconds: float | None) -> None:
        """Extend the timeout if it is time to.

        Raises:
            ReleaseRequested: There is a deadline, and the conversion would end after it, or nobody
                knows yet when it would end.
        """
        now = time.monotonic()
        if eta_seconds is not None:  # it is unknown for a moment when a pass begins
            self._end = now + eta_seconds
        elif self._end < now:
            self._end = NEVER  # the last known one was wrong
        if (deadline := self._deadline()) < NEVER and self._end > deadline:
            raise ReleaseRequested
        if self._message and now >= self._next:
            self._next = now + self._lease / 3
            try:
                self._inbox.hide(self._message, self._lease)
            except StorageUnavailable:
                # The lease in the table decides who runs the conversion. The message comes back
                # early, which costs nothing.
                log.warning("worker.message_not_hidden")
