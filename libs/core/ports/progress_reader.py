"""Define reads of progress."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from libs.core.domain.progress import Progress


class ProgressReader(ABC):
    """Read current progress. All methods raise StorageUnavailable.

    Items are read consistently. Queue positions, and which items `of_owner` finds, are eventually
    consistent.
    """

    @abstractmethod
    def get(self, item_id: str, owner: str) -> Progress:
        """Return the progress of an upload or conversion.

        Raises:
            UploadNotFound: the owner has no such upload.
            ConversionNotFound: the owner has no such conversion.
            ItemNotFound: the id has neither form.
        """

    @abstractmethod
    def of_owner(self, owner: str) -> Sequence[Progress]:
        """Return the owner's newest 200 uploads and newest 200 conversions, newest first."""

    @abstractmethod
    def positions(self, owner: str) -> Mapping[str, int]:
        """Return the queue position of each queued conversion of the owner, by its id.

        This is `ConversionQueue.positions`, and costs far less than reading the conversions.
        """
