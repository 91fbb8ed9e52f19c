"""The hub: one reader of the table's stream, many subscribers.

The feed is followed in a thread; what it brings is handed to the event loop, where the mailboxes are.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from threading import Event as Flag
from weakref import WeakSet

import anyio
import structlog
from litestar import Litestar

from libs.core.background import run_in_background
from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.events import Change
from libs.core.domain.progress import Item, progress_of
from libs.core.errors import RateLimited
from libs.core.ports.change_feed import ChangeFeed
from libs.core.ports.progress_reader import ProgressReader
from services.progress.event_stream import FollowProgress, LastEvent, PollSchedule
from services.progress.subscription import ProgressUpdate, RemovalNotice, Subscription

log = structlog.get_logger(__name__)

SILENCE = 10.0
"""Seconds without a sign of the feed after which it counts as away."""

RETRY_AFTER = 10
"""Seconds that a session with too many streams should wait: streams end by themselves, one after the other."""


MEMORY = 300.0
"""Seconds that a removal is remembered for those whose stream was broken off when it happened. Should it be forgotten,
as by another instance, a page still sees that the item is gone when it asks."""

REMEMBERED = 2000
"""Removals remembered at most."""


@dataclass(frozen=True)
class StreamLimits:
    """How many streams there may be, and how many items a mailbox holds."""

    per_session: int = 20
    in_all: int = 2000
    mailbox: int = 1000


class Broadcaster:
    """Subscriptions by owner. All but `run` is for the event loop's thread only."""

    def __init__(self, feed: ChangeFeed | None, room: StreamLimits) -> None:
        """Without a feed it is never live, and everybody reads again and again."""
        self._feed = feed
        self._room = room
        # Weakly held: a subscription whose stream never came to run goes away with it.
        self._subscriptions: defaultdict[str, WeakSet[Subscription]] = defaultdict(WeakSet)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._up = False
        self._heard_at = 0.0
        self._moves = 0
        self._removed: deque[tuple[float, str, RemovalNotice]] = deque(maxlen=REMEMBERED)
        self.drained = asyncio.Event()
        """Set when all streams shall end."""

    @asynccontextmanager
    async def lifespan(self, app: Litestar) -> AsyncIterator[None]:
        """Follows the feed as long as the app lives, and ends all streams when it is about to end."""
        self._loop = asyncio.get_running_loop()
        app.state.on_drain = self.drained.set
        targets = [self.run] if self._feed else []
        async with run_in_background("hub", *targets)(app):
            try:
                yield
            finally:
                self.drained.set()

    def subscribe(self, owner: str, item_id: str | None = None) -> Subscription:
        """From now on, all changes. Raises RateLimited."""
        if (
            len(self._subscriptions.get(owner, ())) >= self._room.per_session
            or self.count() >= self._room.in_all
        ):
            raise RateLimited(
                "There are too many event streams open. Please close some pages.",
                retry_after=RETRY_AFTER,
            )
        subscription = Subscription(
            owner, item_id, self._room.mailbox, self.is_live, lambda: self._moves
        )
        subscription.missed = [
            removed
            for at, whose, removed in self._removed
            if whose == owner and time.monotonic() - at < MEMORY
        ]
        self._subscriptions[owner].add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """EmptyBody more. A repeated call does no harm."""
        followers = self._subscriptions.get(subscription.owner)
        if followers is not None:
            followers.discard(subscription)
            if not followers:
                del self._subscriptions[subscription.owner]

    def subscriptions(self, owner: str) -> Sequence[Subscription]:
        """Those of this owner."""
        return list(self._subscriptions.get(owner, ()))

    def count(self) -> int:
        """How many streams there are."""
        return sum(map(len, self._subscriptions.values()))

    def is_live(self) -> bool:
        """Whether changes come in as they happen."""
        return self._up and time.monotonic() - self._heard_at < SILENCE

    def run(self, stop: Flag) -> None:
        """Follows the feed, in a thread, until the flag is set."""
        assert self._feed is not None, "without a feed there is nothing to follow"
        while not stop.is_set():
            try:
                for batch in self._feed.follow(stop):
                    self._hand_over(batch)
            except Exception:
                log.exception("feed.failed")
                self._hand_over(None)
                stop.wait(1)

    def _hand_over(self, batch: Sequence[Change] | None) -> None:
        if batch is not None:
            self._heard_at = time.monotonic()
            if not batch and self._up:
                return
        try:
            assert self._loop is not None, "the hub runs within its lifespan"
            self._loop.call_soon_threadsafe(self.spread, batch)
        except RuntimeError:  # the loop has ended, and so will this thread
            return

    def spread(self, batch: Sequence[Change] | None) -> None:
        """Puts changes into the mailboxes of those who follow them; None, or the first batch after it: all read anew."""
        if (batch is not None) is not self._up or batch is None:
            self._up = batch is not None
            for followers in list(self._subscriptions.values()):
                for subscription in followers:
                    subscription.mailbox.reread()
        for change in batch or ():
            if _is_queued(change.before) and not _is_queued(change.now):
                self._moves += 1
            news = _news(change)
            if isinstance(news, RemovalNotice):
                self._removed.append((time.monotonic(), change.item.owner, news))
            for subscription in self._subscriptions.get(change.item.owner, ()):
                if subscription.wants(news.id):
                    subscription.mailbox.put(news)


class OpenEventStream:
    """Subscribes, and only then reads the present state: no change falls between."""

    def __init__(
        self,
        hub: Broadcaster,
        reader: ProgressReader,
        readers: anyio.CapacityLimiter,
        pace: PollSchedule,
    ) -> None:
        self._hub = hub
        self._reader = reader
        self._readers = readers
        self._pace = pace

    async def __call__(
        self, owner: str, item_id: str | None = None, last: LastEvent | None = None
    ) -> FollowProgress:
        """Raises RateLimited, UploadNotFound, ConversionNotFound, ItemNotFound, StorageUnavailable."""
        subscription = self._hub.subscribe(owner, item_id)
        try:
            follow = FollowProgress(subscription, self._reader, self._readers, self._pace, last)
            await follow.begin()
        except BaseException:
            self._hub.unsubscribe(subscription)
            raise
        return follow


def _news(change: Change) -> ProgressUpdate:
    if change.now is not None:
        return progress_of(change.now)
    gone = progress_of(change.item)
    return RemovalNotice(gone.id, gone.kind, gone.version + 1, gone.created_at)


def _is_queued(item: Item | None) -> bool:
    return isinstance(item, Conversion) and item.phase is Phase.QUEUED
