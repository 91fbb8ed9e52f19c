"""The inbox of a service: a queue of events with a visibility timeout and a dead-letter queue behind it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from libs.core.domain.events import Event


@dataclass(frozen=True)
class Message:
    """A delivery of a message. `receipt` is good for this delivery only."""

    events: tuple[Event, ...]
    """Empty for a message that needs no action (a test event of S3, a record that is not for us)."""
    readable: bool
    """False for a body that makes no sense: left alone, it ends in the dead-letter queue."""
    receipt: str
    receive_count: int


class Inbox(ABC):
    """Messages at least once, in any order. All raise StorageUnavailable."""

    @abstractmethod
    def receive(self, limit: int, wait: float) -> Sequence[Message]:
        """Up to `limit` (1 to 10) messages, waiting up to `wait` seconds for the first.

        Each is hidden from others for the visibility timeout.
        """

    @abstractmethod
    def delete(self, message: Message) -> None:
        """The message is done. An old receipt or a repeated call does no harm, though the message may come again."""

    @abstractmethod
    def hide(self, message: Message, seconds: float) -> None:
        """Sets the visibility timeout from now on: longer as a heartbeat, 0 to hand the message back. An old receipt does no harm."""
