"""What has expired, in memory."""

from collections.abc import Iterator

from libs.core.adapters.memory.table import MemoryTable
from libs.core.domain.conversions import Conversion
from libs.core.domain.progress import Thing
from libs.core.ports.lifecycle import ExpiredThings


class MemoryExpiredThings(ExpiredThings):
    """The table's items, filtered."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def expired(self, now: float) -> Iterator[Thing]:
        return (thing for thing in self._table.all() if thing.expires_at <= now)

    def remove_expired(self, thing: Thing, now: float) -> bool:
        with self._table.lock:
            standing = self._table.find(thing.id)
            if standing is None or standing.expires_at > now:
                return False
            self._table.delete(thing.id)
            return True

    def exists(self, thing_id: str) -> bool:
        return self._table.find(thing_id) is not None

    def remove_conversion_of(self, conversion_id: str, upload_id: str) -> None:
        with self._table.lock:
            thing = self._table.find(conversion_id)
            if isinstance(thing, Conversion) and thing.upload_id == upload_id:
                self._table.delete(conversion_id)
