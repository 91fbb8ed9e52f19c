"""Define what the janitor needs: find and remove expired items."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence, Set

from libs.core.domain.progress import Item, StoredItem


class ExpiredItems(ABC):
    """Give access to items past their `expires_at`, which all other ports hide.

    All methods raise StorageUnavailable.
    """

    @abstractmethod
    def expired(self, now: float) -> Iterator[StoredItem]:
        """Yield every item that expired at or before `now` (epoch seconds).

        One that this version cannot read is yielded by its key, so that it is deleted as well.
        """

    @abstractmethod
    def remove_expired(self, items: Sequence[StoredItem], now: float) -> Set[str]:
        """Remove up to 25 items that are still expired at `now`, and return the ids of those.

        The others are gone already, or their expiry was extended in the meantime.
        """

    @abstractmethod
    def remove_conversion_of(self, conversion_id: str, upload_id: str) -> None:
        """Remove a conversion whose upload was removed.

        A conversion of another upload, or one that is gone, is left alone without an error.
        """

    @abstractmethod
    def read_many(self, item_ids: Sequence[str]) -> Mapping[str, Item | None]:
        """Return the items of these ids that exist, expired or not, by consistent reads.

        The value is None for an item that this version cannot read: it exists all the same, and its
        objects must not be deleted as orphans.
        """
