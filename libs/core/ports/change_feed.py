"""The table's stream: what changes, as it changes."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from threading import Event as Flag

from libs.core.domain.events import Change


class ChangeFeed(ABC):
    """Changes of all items from now on, per item in order, each at least once."""

    @abstractmethod
    def follow(self, stop: Flag) -> Iterator[Sequence[Change] | None]:
        """Batches of changes until `stop` is set, an empty one now and then so that the caller can look around.

        None means that changes may have been missed (trimmed, expired, throttled, out of reach): who follows must read
        the present state anew. It comes back by itself; it never raises for a fault of the stream.
        """
