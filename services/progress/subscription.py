"""What waits to be sent to one subscriber, and what was sent: together they keep a stream from going backwards.

Changes come at least once, late, and beside what is read from the table. An item's states are in order by when the
item was created (an id may be used again) and by version; its removal comes after all of them.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from libs.core.domain.conversions import Phase
from libs.core.domain.ids import Kind
from libs.core.domain.progress import Progress


@dataclass(frozen=True)
class RemovalNotice:
    """An item is gone; `version` is one above its last."""

    id: str
    kind: Kind
    version: int
    created_at: float


ProgressUpdate = Progress | RemovalNotice
Order = tuple[float, bool, int]


def order(news: ProgressUpdate) -> Order:
    return news.created_at, isinstance(news, RemovalNotice), news.version


class SubscriberQueue:
    """The latest of each item, for one reader. For the event loop's thread only."""

    def __init__(self, capacity: int) -> None:
        """Beyond `capacity` items, what is still under way is dropped and the reader told to read anew."""
        self._capacity = capacity
        self._news: dict[tuple[str, bool], ProgressUpdate] = {}
        self._reread = False
        self._woken = asyncio.Event()

    def put(self, news: ProgressUpdate) -> None:
        # A removal stands beside the last state, not in its place: an end that was reached is told, then that it is gone.
        key = news.id, isinstance(news, RemovalNotice)
        standing = self._news.get(key)
        if standing is None or order(standing) < order(news):
            self._news[key] = news
        if len(self._news) > self._capacity:
            self._news = {
                key: kept
                for key, kept in self._news.items()
                if isinstance(kept, RemovalNotice) or kept.terminal
            }
            self._reread = True
        self._woken.set()

    def reread(self) -> None:
        """Changes may have been missed."""
        self._reread = True
        self._woken.set()

    def take(self) -> tuple[list[ProgressUpdate], bool]:
        """What has come since the last time, and whether the table must be read anew."""
        taken = list(self._news.values()), self._reread
        self._news, self._reread = {}, False
        self._woken.clear()
        return taken

    async def wait(self, seconds: float) -> None:
        """Until something has come, or for so long."""
        try:
            await asyncio.wait_for(self._woken.wait(), max(0.0, seconds))
        except TimeoutError:
            return

    def __len__(self) -> int:
        return len(self._news)


class SentVersions:
    """What a subscriber knows of each item."""

    def __init__(self) -> None:
        self._told: dict[str, ProgressUpdate] = {}

    def tell(self, news: ProgressUpdate) -> ProgressUpdate | None:
        """The news as it is to be sent, None where it is none: at or below what was told, but for another place in the queue."""
        told = self._told.get(news.id)
        if told is not None and not _is_newer(news, told):
            return None
        if (
            told is not None
            and isinstance(news, RemovalNotice)
            and news.created_at == told.created_at
        ):
            news = replace(news, version=max(news.version, told.version + 1))
        self._told[news.id] = news
        return news

    def present(self) -> list[Progress]:
        """The items that are there, as they were told."""
        return [told for told in self._told.values() if isinstance(told, Progress)]

    def queued(self) -> list[Progress]:
        """Those that have a place in the queue."""
        return [
            told
            for told in self.present()
            if told.phase == Phase.QUEUED and told.kind == "conversion"
        ]


def _is_newer(news: ProgressUpdate, told: ProgressUpdate) -> bool:
    if isinstance(told, RemovalNotice) or isinstance(news, RemovalNotice):
        return (news.created_at, isinstance(news, RemovalNotice)) > (
            told.created_at,
            isinstance(told, RemovalNotice),
        )
    if order(news) == order(told):
        return news.queue_position not in (None, told.queue_position)
    return order(news) > order(told)


class Subscription:
    """Somebody who follows: everything of an owner, or one item of his."""

    def __init__(
        self,
        owner: str,
        item_id: str | None,
        capacity: int,
        feed_is_live: Callable[[], bool],
        queue_moves: Callable[[], int],
    ) -> None:
        """Where the feed is not live nothing is put into the mailbox, and who follows must read again and again.

        `queue_moves` grows when a conversion leaves the queue: places have changed.
        """
        self.owner = owner
        self.item_id = item_id
        self.mailbox = SubscriberQueue(capacity)
        self.missed: Sequence[RemovalNotice] = ()
        """What was removed a little before: who comes back after a break has not heard of it."""
        self.feed_is_live = feed_is_live
        self.queue_moves = queue_moves

    def wants(self, item_id: str) -> bool:
        return self.item_id in (None, item_id)
