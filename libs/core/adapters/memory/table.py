"""Keep items in memory, and notify subscribers of changes."""

import json
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from queue import SimpleQueue
from typing import Any, TypeVar

from libs.core.domain.conversions import Conversion
from libs.core.domain.events import Change
from libs.core.domain.ids import Kind, kind_of
from libs.core.domain.progress import Item
from libs.core.domain.uploads import Upload
from libs.core.errors import ConversionNotFound, CursorInvalid, UploadNotFound

T = TypeVar("T", Upload, Conversion)


class MemoryTable:
    """Hold all items. Adapters that share one see the same items.

    Callers hold `lock` from check to write. Items are copied on the way in and out: changing a
    returned item does not change the stored one.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self._items: dict[str, Item] = {}
        self._subscribers: list[SimpleQueue[Change]] = []

    def insert(self, item: Item) -> None:
        """Store an item, replacing one of the same id."""
        with self.lock:
            before = self._items.get(item.id)
            self._items[item.id] = deepcopy(item)
            self._notify(before, item)

    def change(self, item: T, **changes: Any) -> T:
        """Store an item with changes and an incremented version, and return it."""
        changed = replace(item, version=item.version + 1, updated_at=self.clock(), **changes)
        self.insert(changed)
        return changed

    def delete(self, item_id: str) -> None:
        """Delete an item."""
        with self.lock:
            before = self._items.pop(item_id)
            self._notify(before, None)

    def find(self, item_id: str) -> Item | None:
        """Return an item, expired or not."""
        with self.lock:
            return deepcopy(self._items.get(item_id))

    def is_live(self, item_id: str) -> bool:
        """Return True if the item exists and has not expired."""
        return self._live(item_id, None) is not None

    def upload(self, upload_id: str, owner: str | None = None) -> Upload:
        """Return an upload that has not expired. Raises UploadNotFound."""
        item = self._live(upload_id, owner)
        if not isinstance(item, Upload):
            raise UploadNotFound("There is no such upload. It may have expired or been deleted.")
        return item

    def conversion(self, conversion_id: str, owner: str | None = None) -> Conversion:
        """Return a conversion that has not expired. Raises ConversionNotFound."""
        item = self._live(conversion_id, owner)
        if not isinstance(item, Conversion):
            raise ConversionNotFound(
                "There is no such conversion. It may have expired or been deleted."
            )
        return item

    def all(self) -> Sequence[Item]:
        """Return every item, expired or not, oldest first."""
        with self.lock:
            return deepcopy(sorted(self._items.values(), key=_age))

    def live(self, kind: type[T]) -> Iterator[T]:
        """Yield the items of a kind that have not expired, oldest first."""
        return (
            item for item in self.all() if isinstance(item, kind) and item.expires_at > self.clock()
        )

    def page(
        self, kind: type[T], owner: str, limit: int, cursor: str | None
    ) -> tuple[list[T], str | None]:
        """Return a page of an owner's items, newest first, and the cursor of the next page."""
        items = [item for item in self.live(kind) if item.owner == owner][::-1]
        if cursor is not None:
            last = _decode(cursor, "upload" if kind is Upload else "conversion")
            items = [item for item in items if _age(item) < last]
        more = len(items) > limit
        return items[:limit], _encode(_age(items[limit - 1])) if more else None

    def subscribe(self) -> SimpleQueue[Change]:
        """Return a queue that gets every change from now on."""
        changes: SimpleQueue[Change] = SimpleQueue()
        with self.lock:
            self._subscribers.append(changes)
        return changes

    def unsubscribe(self, changes: SimpleQueue[Change]) -> None:
        """Stop sending changes to a queue."""
        with self.lock:
            self._subscribers.remove(changes)

    def _live(self, item_id: str, owner: str | None) -> Item | None:
        item = self.find(item_id)
        if item is None or item.expires_at <= self.clock():
            return None
        return item if owner is None or owner == item.owner else None

    def _notify(self, before: Item | None, after: Item | None) -> None:
        for subscriber in self._subscribers:
            subscriber.put(deepcopy(Change(before, after)))


def _age(item: Item) -> tuple[float, str]:
    return item.created_at, item.id


def _encode(age: tuple[float, str]) -> str:
    return urlsafe_b64encode(json.dumps(age).encode()).decode()


def _decode(cursor: str, kind: Kind) -> tuple[float, str]:
    try:
        created_at, item_id = json.loads(urlsafe_b64decode(cursor))
        if kind_of(item_id) == kind:
            return float(created_at), item_id
    except (ValueError, TypeError, RecursionError):
        pass
    raise CursorInvalid(
        "This “next” value is not from a listing. Please start from the first page."
    )
