"""Limit the parts in memory, so that slow senders do not block others."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from libs.core.errors import RateLimited

MIN_RATE = 64 * 1024
"""Bytes a second. A sender below this rate is slow."""
GRACE_PERIOD = 1.0
"""Seconds after which the rate of a sender is known well enough to judge it."""
RETRY_AFTER = 30
"""Seconds after which a slow sender may try again."""


class PartLimiter:
    """Give a slot to each part that comes through the service.

    A slow sender loses its slot only when another request waits for one. The older half of the
    slots is never taken away, so that slow senders finish in the end.
    """

    def __init__(self, count: int) -> None:
        self._slots = anyio.CapacityLimiter(count)
        self._protected = count // 2
        self._held: list[PartSlot] = []  # the oldest first

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["PartSlot"]:
        """Wait for a slot, and hold it for the length of the `async with` block."""
        async with self._slots:
            slot = PartSlot(self)
            self._held.append(slot)
            try:
                yield slot
            finally:
                self._held.remove(slot)

    def is_wanted(self, slot: "PartSlot") -> bool:
        """Return True if a request waits and this slot may be taken for it."""
        waiting = self._slots.statistics().tasks_waiting > 0
        return waiting and self._held.index(slot) >= self._protected


class PartSlot:
    """Measure how fast one part arrives."""

    def __init__(self, limiter: PartLimiter) -> None:
        self._limiter = limiter
        self._since = time.monotonic()
        self._bytes = 0

    def add_bytes(self, count: int) -> None:
        """Count bytes that have arrived.

        Raises:
            RateLimited: The part comes slowly and the slot is wanted.
        """
        self._bytes += count
        held = time.monotonic() - self._since
        is_slow = held > GRACE_PERIOD and self._bytes < MIN_RATE * held
        if is_slow and self._limiter.is_wanted(self):
            raise RateLimited(
                "This part arrives slowly while others wait. Please send it again later.",
                retry_after=RETRY_AFTER,
            )
