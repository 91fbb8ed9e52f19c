"""The table's stream: what changes, as it changes."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from threading import Event as Flag

from libs.core.domain.events import Change
from libs.core.domain.progress import Progress


class ChangeFeed(ABC):
    """Changes of all items from now on, per item in order, each at least once."""

    @abstractmethod
    def follow(self, stop: Flag) -> Iterator[Sequence[Change] | None]:
        """Batches of changes until `stop` is set, an empty one now and then so that the caller can look around.

        None means that changes may have been missed (trimmed, expired, throttled, out of reach): who follows must read
        the present state anew. It comes back by itself; it never raises for a fault of the stream.
        """


class ProgressReader(ABC):
    """The present state, by consistent reads. Raises StorageUnavailable."""

    @abstractmethod
    def get(self, thing_id: str, owner: str) -> Progress:
        """Raises UploadNotFound, ConversionNotFound, or ThingNotFound for an id of neither kind."""

    @abstractmethod
    def of_owner(self, owner: str) -> Sequence[Progress]:
        """Everything this owner has, newest first over both kinds, the newest 200 of each."""
