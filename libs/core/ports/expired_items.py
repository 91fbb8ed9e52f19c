"""What the janitor needs: what has expired, and taking it away."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from libs.core.domain.progress import Item


class ExpiredItems(ABC):
    """Items past their `expires_at`, which other ports no longer show. All raise StorageUnavailable."""

    @abstractmethod
    def expired(self, now: float) -> Iterator[Item]:
        """Every item that expired before `now` (epoch seconds)."""

    @abstractmethod
    def remove_expired(self, item: Item, now: float) -> bool:
        """Takes an item away if it is still expired at `now`; False when it is not (it was renewed) or is gone already."""

    @abstractmethod
    def exists(self, item_id: str) -> bool:
        """Whether the table has an item of this id at all, expired or not: what it has must not be erased as an orphan."""

    @abstractmethod
    def remove_conversion_of(self, conversion_id: str, upload_id: str) -> None:
        """Takes a conversion away whose upload is gone. One of another upload, or gone already: nothing happens."""
