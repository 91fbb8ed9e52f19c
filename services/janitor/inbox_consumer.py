"""Consume the janitor's inbox."""

from collections.abc import Callable, Sequence
from threading import Event as StopEvent

import structlog

from libs.core.errors import CoreError
from libs.core.ports.inbox import Inbox, Message

log = structlog.get_logger(__name__)

BATCH = 10
"""Messages that SQS delivers and deletes in one call at most."""


class ConsumeInbox:
    """Handle the messages of one receive together, and delete those that are done.

    `handle` returns the messages that are done. The others are delivered again, and come to the
    dead-letter queue in the end; so does a message that cannot be read.
    """

    def __init__(
        self,
        inbox: Inbox,
        handle: Callable[[Sequence[Message]], Sequence[Message]],
        *,
        wait: float = 1,
    ) -> None:
        """Wait up to `wait` seconds for messages, which is also how long a stop may go unseen."""
        self._inbox = inbox
        self._handle = handle
        self._wait = wait

    def __call__(self, stop: StopEvent) -> None:
        """Receive once, and handle what came. Raises what the inbox and `handle` raise."""
        messages = self._inbox.receive(BATCH, self._wait)
        if stop.is_set():
            for message in messages:
                self._inbox.hide(message, 0)
            return
        readable = [message for message in messages if message.readable]
        if done := self._handle_together(readable) if readable else ():
            self._inbox.delete_many(done)

    def _handle_together(self, messages: Sequence[Message]) -> Sequence[Message]:
        try:
            return self._handle(messages)
        except CoreError:
            raise  # S3 or DynamoDB does not answer: none of them can be handled now
        except Exception:
            if len(messages) == 1:
                log.warning(
                    "message.failed", receive_count=messages[0].receive_count, exc_info=True
                )
                return ()
            # Handle them one by one, so that the failing one does not keep the others.
            return [done for message in messages for done in self._handle_together([message])]
