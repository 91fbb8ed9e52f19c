"""Define what the janitor needs: find and remove expired items."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from libs.core.domain.progress import Item


class ExpiredItems(ABC):
    """Give access to items past their `expires_at`, which all other ports hide.

    All methods raise StorageUnavailable.
    """

    @abstractmethod
    def expired(self, now: float) -> Iterator[Item]:
        """Yield every item that expired at or before `now` (epoch seconds)."""

    @abstractmethod
    def remove_expired(self, item: Item, now: float) -> bool:
        """Remove an item if it is still expired at `now`.

        Returns False if its expiry was extended in the meantime, or if it is gone already.
        """

    @abstractmethod
    def exists(self, item_id: str) -> bool:
        """Return True if the table holds an item of this id, expired or not.

        Objects of an existing item are not orphans and must not be deleted as such.
        """

    @abstractmethod
    def remove_conversion_of(self, conversion_id: str, upload_id: str) -> None:
        """Remove a conversion whose upload was removed.

        A conversion of another upload, or one that is gone, is left alone without an error.
        """
