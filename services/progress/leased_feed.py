"""Let one instance of many follow the table's stream.

A shard supports two readers. The pipe to the topic is one; during a deployment, the old and the new
instance would be two more, and all would be throttled. One instance holds a lease and follows the
stream; the subscribers of the others poll.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import structlog

from libs.core.domain.events import Change
from libs.core.errors import StorageUnavailable
from libs.core.ports.change_feed import ChangeFeed
from libs.core.ports.named_leases import NamedLeases

log = structlog.get_logger(__name__)

LEASE_NAME = "stream"

LEASE_SECONDS = 7.0
"""Seconds after which another instance takes over from one that died."""

RENEW_AFTER = 2.0
"""Seconds between two renewals."""

RETRY_AFTER = 2.0
"""Seconds between two attempts at a lease that another instance holds.

Together with the lease's length this is less than `broadcaster.FEED_TIMEOUT`.
"""


class LeasedChangeFeed(ChangeFeed):
    """Follow another feed while this instance holds the lease on it."""

    def __init__(
        self,
        new_feed: Callable[[], ChangeFeed],
        leases: NamedLeases,
        holder: str,
        timer: Callable[[], float] = time.monotonic,
        retry_after: float = RETRY_AFTER,
    ) -> None:
        """Follow a new feed with each lease: what happened before is read from the table.

        `holder` is a name that no other instance has.
        """
        self._new_feed = new_feed
        self._leases = leases
        self._holder = holder
        self._timer = timer
        self._retry_after = retry_after
        self._held_until = float("-inf")

    def follow(self, stop: threading.Event) -> Iterator[Sequence[Change] | None]:
        """Yield changes while the lease is held, and None once when it is lost."""
        while not stop.is_set():
            if not self._holds_lease():
                stop.wait(self._retry_after)
                continue
            log.info("stream.lease_acquired")
            try:
                yield from self._follow_while_held(stop)
            finally:
                self._release()
            if not stop.is_set():
                log.info("stream.lease_lost")
                yield None

    def _follow_while_held(self, stop: threading.Event) -> Iterator[Sequence[Change] | None]:
        renewed_at = self._timer()
        for batch in self._new_feed().follow(stop):
            yield batch
            if self._timer() - renewed_at >= RENEW_AFTER:
                if not self._holds_lease():
                    return
                renewed_at = self._timer()

    def _holds_lease(self) -> bool:
        """Acquire or renew the lease, and return True if it is held.

        While the table does not answer, a held lease counts as held until its end.
        """
        asked = self._timer()
        try:
            if self._leases.acquire(LEASE_NAME, self._holder, LEASE_SECONDS):
                self._held_until = asked + LEASE_SECONDS
                return True
        except StorageUnavailable as error:
            log.warning("stream.lease_unavailable", reason=str(error))
            return self._timer() < self._held_until
        self._held_until = float("-inf")
        return False

    def _release(self) -> None:
        """Let another instance follow at once, which saves it the end of the lease."""
        self._held_until = float("-inf")
        try:
            self._leases.release(LEASE_NAME, self._holder)
        except StorageUnavailable as error:
            log.warning("stream.lease_unavailable", reason=str(error))
