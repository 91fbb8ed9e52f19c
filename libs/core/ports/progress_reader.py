"""Define consistent reads of progress."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from libs.core.domain.progress import Progress


class ProgressReader(ABC):
    """The present state, by consistent reads. Raises StorageUnavailable."""

    @abstractmethod
    def get(self, item_id: str, owner: str) -> Progress:
        """Raises UploadNotFound, ConversionNotFound, or ItemNotFound for an id of neither kind."""

    @abstractmethod
    def of_owner(self, owner: str) -> Sequence[Progress]:
        """Everything this owner has, newest first over both kinds, the newest 200 of each."""
