"""Hold what one subscriber still has to be sent, and what it was sent.

Updates come from the change feed (at least once, maybe late) and from reads of the table. The
states of an item are ordered by the item's creation (an id may be used again) and by version. A
removal comes after all versions. A stream never goes back in this order.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from libs.core.domain.conversions import Phase
from libs.core.domain.ids import Kind
from libs.core.domain.progress import Progress


@dataclass(frozen=True)
class RemovalNotice:
    """Say that an item is gone; `version` is one above its last."""

    id: str
    kind: Kind
    version: int
    created_at: float


ProgressUpdate = Progress | RemovalNotice
Order = tuple[float, bool, int]


def order(update: ProgressUpdate) -> Order:
    """Return the position of an update among all updates of its item."""
    return update.created_at, isinstance(update, RemovalNotice), update.version


class SubscriberQueue:
    """Keep the latest update of each item for one reader.

    Only the thread of the event loop may use it.
    """

    def __init__(self, capacity: int) -> None:
        """Limit the queue to `capacity` items.

        Beyond it, only final states and removals are kept, and the table must be read again.
        """
        self._capacity = capacity
        self._updates: dict[tuple[str, bool], ProgressUpdate] = {}
        self._intermediate: set[tuple[str, bool]] = set()
        self._must_reread = False
        self._woken = asyncio.Event()

    def put(self, update: ProgressUpdate) -> None:
        """Add an update, unless a newer one of the item waits already."""
        # A removal does not replace the last state: the end is sent first, then the removal.
        key = update.id, isinstance(update, RemovalNotice)
        waiting = self._updates.get(key)
        if waiting is None or order(waiting) < order(update):
            self._updates[key] = update
            if isinstance(update, RemovalNotice) or update.terminal:
                self._intermediate.discard(key)
            else:
                self._intermediate.add(key)
        if len(self._updates) > self._capacity:
            # Only these are looked at: final states may be more than the queue holds, and then
            # looking at all of them at each update would take the event loop's time.
            for key in self._intermediate:
                del self._updates[key]
            self._intermediate.clear()
            self._must_reread = True
        self._woken.set()

    def request_reread(self) -> None:
        """Make the reader read the table, because changes may have been missed."""
        self._must_reread = True
        self._woken.set()

    def take(self) -> tuple[list[ProgressUpdate], bool]:
        """Return the waiting updates, and True if the table must be read again."""
        taken = list(self._updates.values()), self._must_reread
        self._updates, self._intermediate, self._must_reread = {}, set(), False
        self._woken.clear()
        return taken

    async def wait(self, seconds: float) -> None:
        """Wait until there is something to take, or until the time is over."""
        try:
            await asyncio.wait_for(self._woken.wait(), max(0.0, seconds))
        except TimeoutError:
            return

    def __len__(self) -> int:
        return len(self._updates)


class SentVersions:
    """Remember the last update of each item that a subscriber was sent."""

    def __init__(self) -> None:
        self._sent: dict[str, ProgressUpdate] = {}

    def next(self, update: ProgressUpdate) -> ProgressUpdate | None:
        """Return the update to send, or None if the subscriber knows it already.

        A changed queue position is sent even though the version is the same.
        """
        sent = self._sent.get(update.id)
        if sent is not None and not _is_newer(update, sent):
            return None
        if (
            sent is not None
            and isinstance(update, RemovalNotice)
            and update.created_at == sent.created_at
        ):
            update = replace(update, version=max(update.version, sent.version + 1))
        self._sent[update.id] = update
        return update

    def present(self) -> list[Progress]:
        """Return the items that were not removed, as they were sent."""
        return [sent for sent in self._sent.values() if isinstance(sent, Progress)]

    def queued(self) -> list[Progress]:
        """Return the conversions that have a queue position."""
        return [
            sent
            for sent in self.present()
            if sent.phase == Phase.QUEUED and sent.kind == "conversion"
        ]


def _is_newer(update: ProgressUpdate, sent: ProgressUpdate) -> bool:
    if isinstance(sent, RemovalNotice) or isinstance(update, RemovalNotice):
        return (update.created_at, isinstance(update, RemovalNotice)) > (
            sent.created_at,
            isinstance(sent, RemovalNotice),
        )
    if order(update) == order(sent):
        return update.queue_position not in (None, sent.queue_position)
    return order(update) > order(sent)


class Subscription:
    """Follow everything of an owner, or one of the owner's items."""

    def __init__(
        self,
        owner: str,
        item_id: str | None,
        capacity: int,
        feed_is_live: Callable[[], bool],
        queue_moves: Callable[[], int],
        address: str | None = None,
    ) -> None:
        """Start with an empty queue.

        Args:
            owner: The session that follows.
            item_id: The item to follow; None for everything of the owner.
            capacity: Items that the queue holds.
            feed_is_live: While it returns False, nothing is put into the queue and the subscriber
                has to poll.
            queue_moves: Returns a number that grows with each conversion that leaves the queue.
            address: The client's address, whose streams are limited.
        """
        self.owner = owner
        self.item_id = item_id
        self.address = address
        self.queue = SubscriberQueue(capacity)
        self.missed: Sequence[RemovalNotice] = ()
        """Recent removals, which a subscriber that reconnects may have missed."""
        self.feed_is_live = feed_is_live
        self.queue_moves = queue_moves

    def wants(self, item_id: str) -> bool:
        """Return True if this subscription follows the item."""
        return self.item_id in (None, item_id)
