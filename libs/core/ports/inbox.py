"""Define the inbox of a service: a queue with visibility timeout and dead-letter queue."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from libs.core.domain.events import Event


@dataclass(frozen=True)
class Message:
    """Hold one delivery of a message. `receipt` is valid for this delivery only."""

    events: tuple[Event, ...]
    """Empty if the message needs no action, for example S3's test event."""
    readable: bool
    """False if the body cannot be parsed. If left undeleted it ends in the dead-letter queue."""
    receipt: str
    receive_count: int


class Inbox(ABC):
    """Deliver messages at least once, in any order. All methods raise StorageUnavailable."""

    @abstractmethod
    def receive(self, limit: int, wait: float) -> Sequence[Message]:
        """Return up to `limit` (1 to 10) messages, after at most `wait` seconds.

        Each is hidden from other receivers for the visibility timeout.
        """

    @abstractmethod
    def delete(self, message: Message) -> None:
        """Delete a message that has been handled.

        A repeated call, or one with the receipt of an earlier delivery, raises nothing. The message
        may still be delivered again.
        """

    @abstractmethod
    def hide(self, message: Message, seconds: float) -> None:
        """Set the visibility timeout, counted from now.

        Call it regularly to keep a message hidden, and with 0 to return it to the queue. The
        receipt of an earlier delivery raises nothing.
        """

    @abstractmethod
    def delete_many(self, messages: Sequence[Message]) -> None:
        """Delete up to 10 handled messages in one call.

        Those that the queue fails to delete raise nothing. They are delivered again.
        """
