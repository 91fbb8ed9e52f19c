"""Find expired items in memory and remove them."""

from collections.abc import Iterator, Mapping, Sequence, Set

from libs.core.adapters.memory.table import MemoryTable
from libs.core.domain.conversions import Conversion
from libs.core.domain.progress import Item, StoredItem
from libs.core.ports.expired_items import ExpiredItems


class MemoryExpiredItems(ExpiredItems):
    """Filter the items of the table."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def expired(self, now: float) -> Iterator[StoredItem]:
        return (item for item in self._table.all() if item.expires_at <= now)

    def remove_expired(self, items: Sequence[StoredItem], now: float) -> Set[str]:
        removed = set()
        with self._table.lock:
            for item in items:
                current = self._table.find(item.id)
                if current is not None and current.expires_at <= now:
                    self._table.delete(item.id)
                    removed.add(item.id)
        return removed

    def remove_conversion_of(self, conversion_id: str, upload_id: str) -> None:
        with self._table.lock:
            item = self._table.find(conversion_id)
            if isinstance(item, Conversion) and item.upload_id == upload_id:
                self._table.delete(conversion_id)

    def read_many(self, item_ids: Sequence[str]) -> Mapping[str, Item | None]:
        found = ((item_id, self._table.find(item_id)) for item_id in item_ids)
        return {item_id: item for item_id, item in found if item is not None}
