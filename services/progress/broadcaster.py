"""Distribute the changes of the table to many subscribers.

One thread follows the change feed. It hands each change to the event loop, where the queues of the
subscribers are.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from threading import Event as StopEvent
from weakref import WeakSet

import structlog

from libs.core.background import run_in_background
from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.events import Change
from libs.core.domain.progress import Item, progress_of
from libs.core.errors import RateLimited
from libs.core.ports.change_feed import ChangeFeed
from services.progress.subscription import ProgressUpdate, RemovalNotice, Subscription

log = structlog.get_logger(__name__)

FEED_TIMEOUT = 10.0
"""Seconds without a batch from the feed, even an empty one, after which subscribers poll."""

RETRY_AFTER = 10
"""Seconds that a session with too many streams should wait for one of them to end."""

REMOVALS_KEPT_FOR = 300.0
"""Seconds that a removal is remembered for subscribers that reconnect.

An older removal, or one that only another instance saw, is found when a page asks for the item.
"""

MAX_REMOVALS = 2000
"""Maximum number of removals that are remembered."""


@dataclass(frozen=True)
class StreamLimits:
    """Limit the number of streams, and the items in the queue of each."""

    per_session: int = 20
    per_address: int = 200
    per_instance: int = 2000
    queue_capacity: int = 1000


class Broadcaster:
    """Hold the subscriptions, and put changes into their queues.

    Only the thread of the event loop may call its methods, except for `run`.
    """

    def __init__(self, feed: ChangeFeed | None, limits: StreamLimits) -> None:
        """Take the feed to follow; None makes all subscribers poll, because it is never live."""
        self._feed = feed
        self._limits = limits
        # Weak references, because nobody unsubscribes a stream that was never started.
        self._subscriptions: defaultdict[str, WeakSet[Subscription]] = defaultdict(WeakSet)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_up = False
        self._heard_at = 0.0
        self._queue_moves = 0
        self._removed: deque[tuple[float, str, RemovalNotice]] = deque(maxlen=MAX_REMOVALS)
        self.draining = asyncio.Event()
        """Set when all streams have to end."""

    @asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncIterator[None]:
        """Follow the feed while the application runs, and end all streams when it stops."""
        self._loop = asyncio.get_running_loop()
        targets = [self.run] if self._feed else []
        async with run_in_background("broadcaster", *targets)(None):
            try:
                yield
            finally:
                self.draining.set()

    def subscribe(
        self, owner: str, item_id: str | None = None, address: str | None = None
    ) -> Subscription:
        """Return a subscription to the changes of this owner's items from now on.

        With `item_id`, it receives only the changes of that item. Its `missed` holds the removals
        of the owner's items in the last `REMOVALS_KEPT_FOR` seconds.

        Raises:
            RateLimited: The session, the client's address or the process has too many streams.
        """
        if (
            len(self._subscriptions.get(owner, ())) >= self._limits.per_session
            or self._count_of(address) >= self._limits.per_address
            or self.count() >= self._limits.per_instance
        ):
            raise RateLimited(
                "There are too many event streams open. Please close some pages.",
                retry_after=RETRY_AFTER,
            )
        subscription = Subscription(
            owner,
            item_id,
            self._limits.queue_capacity,
            self.is_live,
            lambda: self._queue_moves,
            address,
        )
        subscription.missed = [
            removed
            for at, whose, removed in self._removed
            if whose == owner and time.monotonic() - at < REMOVALS_KEPT_FOR
        ]
        self._subscriptions[owner].add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription. A repeated call changes nothing."""
        subscribers = self._subscriptions.get(subscription.owner)
        if subscribers is not None:
            subscribers.discard(subscription)
            if not subscribers:
                del self._subscriptions[subscription.owner]

    def subscriptions(self, owner: str) -> Sequence[Subscription]:
        """Return the subscriptions of this owner."""
        return list(self._subscriptions.get(owner, ()))

    def count(self) -> int:
        """Return the number of all subscriptions."""
        return sum(map(len, self._subscriptions.values()))

    def _count_of(self, address: str | None) -> int:
        if address is None:
            return 0
        everything = chain.from_iterable(self._subscriptions.values())
        return sum(subscription.address == address for subscription in everything)

    def is_live(self) -> bool:
        """Return True while the feed delivers changes as they happen."""
        return self._is_up and time.monotonic() - self._heard_at < FEED_TIMEOUT

    def run(self, stop: StopEvent) -> None:
        """Follow the feed until `stop` is set. This is for a thread of its own."""
        assert self._feed is not None, "a broadcaster without a feed has nothing to follow"
        while not stop.is_set():
            try:
                for batch in self._feed.follow(stop):
                    self._call_broadcast(batch)
            except Exception:
                log.exception("feed.failed")
                self._call_broadcast(None)
                stop.wait(1)

    def _call_broadcast(self, batch: Sequence[Change] | None) -> None:
        if batch is not None:
            self._heard_at = time.monotonic()
            if not batch and self._is_up:
                return
        try:
            assert self._loop is not None, "the broadcaster runs within its lifespan"
            self._loop.call_soon_threadsafe(self.broadcast, batch)
        except RuntimeError:  # the loop has ended, and so will this thread
            return

    def broadcast(self, batch: Sequence[Change] | None) -> None:
        """Put changes into the queues of the subscriptions that want them.

        None says that changes may have been missed. Then, and at the first batch after it, all
        subscribers read the table again.
        """
        was_up, self._is_up = self._is_up, batch is not None
        if not (was_up and self._is_up):
            for subscribers in list(self._subscriptions.values()):
                for subscription in subscribers:
                    subscription.queue.request_reread()
        for change in batch or ():
            if _is_queued(change.before) and not _is_queued(change.after):
                self._queue_moves += 1
            try:
                update = _update_of(change)
            except Exception:
                # The rest of the batch is shown all the same.
                log.exception("change.not_shown", item=change.item.id)
                continue
            if isinstance(update, RemovalNotice):
                self._removed.append((time.monotonic(), change.item.owner, update))
            for subscription in self._subscriptions.get(change.item.owner, ()):
                if subscription.wants(update.id):
                    subscription.queue.put(update)


def _update_of(change: Change) -> ProgressUpdate:
    if change.after is not None:
        return progress_of(change.after)
    gone = progress_of(change.item)
    return RemovalNotice(gone.id, gone.kind, gone.version + 1, gone.created_at)


def _is_queued(item: Item | None) -> bool:
    return isinstance(item, Conversion) and item.phase is Phase.QUEUED
