"""The table in memory: items by id, one lock for all of it, and everybody who follows its changes."""

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
    """All items. Share one between the adapters that shall see the same; hold `lock` from a check to its write.

    What goes in and what comes out is copied: nobody changes a stored item by what he holds in his hands.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self._items: dict[str, Item] = {}
        self._followers: list[SimpleQueue[Change]] = []

    def insert(self, item: Item) -> None:
        """Stores an item as it is, over whatever was there."""
        with self.lock:
            before = self._items.get(item.id)
            self._items[item.id] = deepcopy(item)
            self._tell(before, item)

    def change(self, item: T, **changes: Any) -> T:
        """Stores an item with changes and a version more, and returns it."""
        changed = replace(item, version=item.version + 1, updated_at=self.clock(), **changes)
        self.insert(changed)
        return changed

    def delete(self, item_id: str) -> None:
        """Takes an item away."""
        with self.lock:
            before = self._items.pop(item_id)
            self._tell(before, None)

    def find(self, item_id: str) -> Item | None:
        """The item, expired or not."""
        with self.lock:
            return deepcopy(self._items.get(item_id))

    def is_live(self, item_id: str) -> bool:
        """Whether there is an item of this id that is not expired."""
        return self._live(item_id, None) is not None

    def upload(self, upload_id: str, owner: str | None = None) -> Upload:
        """A live upload (of this owner). Raises UploadNotFound."""
        item = self._live(upload_id, owner)
        if not isinstance(item, Upload):
            raise UploadNotFound("There is no such upload. It may have expired.")
        return item

    def conversion(self, conversion_id: str, owner: str | None = None) -> Conversion:
        """A live conversion (of this owner). Raises ConversionNotFound."""
        item = self._live(conversion_id, owner)
        if not isinstance(item, Conversion):
            raise ConversionNotFound("There is no such conversion. It may have expired.")
        return item

    def all(self) -> Sequence[Item]:
        """Every item, expired or not, the oldest first."""
        with self.lock:
            return deepcopy(sorted(self._items.values(), key=_age))

    def live(self, kind: type[T]) -> Iterator[T]:
        """Every item of a kind that is not expired, the oldest first."""
        return (
            item for item in self.all() if isinstance(item, kind) and item.expires_at > self.clock()
        )

    def page(
        self, kind: type[T], owner: str, limit: int, cursor: str | None
    ) -> tuple[list[T], str | None]:
        """A page of an owner's items, newest first, and the cursor of the next."""
        items = [item for item in self.live(kind) if item.owner == owner][::-1]
        if cursor is not None:
            last = _decode(cursor, "upload" if kind is Upload else "conversion")
            items = [item for item in items if _age(item) < last]
        more = len(items) > limit
        return items[:limit], _encode(_age(items[limit - 1])) if more else None

    def follow(self) -> SimpleQueue[Change]:
        """A queue that gets every change from now on."""
        changes: SimpleQueue[Change] = SimpleQueue()
        with self.lock:
            self._followers.append(changes)
        return changes

    def unfollow(self, changes: SimpleQueue[Change]) -> None:
        """Ends what `follow` began."""
        with self.lock:
            self._followers.remove(changes)

    def _live(self, item_id: str, owner: str | None) -> Item | None:
        item = self.find(item_id)
        if item is None or item.expires_at <= self.clock() or owner not in (None, item.owner):
            return None
        return item

    def _tell(self, before: Item | None, now: Item | None) -> None:
        for follower in self._followers:
            follower.put(deepcopy(Change(before, now)))


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
        "This “next” is not from one of our listings. Please start from the first page."
    )
