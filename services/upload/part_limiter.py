"""Room in memory for the parts that come through the service. A slow sender holds its place only while nobody else wants it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from libs.core.errors import RateLimited

PACE = 64 * 1024
"""Bytes a second below which a sender is slow."""
JUDGED_AFTER = 1.0
"""Seconds, before which nobody is."""
COME_AGAIN = 30
"""Seconds."""


class PartLimiter:
    """For `count` parts at once. Half of them, held longest, are nobody's to take: so that slow senders too finish in the end."""

    def __init__(self, count: int) -> None:
        self._places = anyio.CapacityLimiter(count)
        self._kept = count // 2
        self._held: list[PartSlot] = []  # the oldest first

    @asynccontextmanager
    async def take(self) -> AsyncIterator["PartSlot"]:
        """Waits for a place, and has it for the length of the `async with`."""
        async with self._places:
            place = PartSlot(self)
            self._held.append(place)
            try:
                yield place
            finally:
                self._held.remove(place)

    def is_wanted(self, place: "PartSlot") -> bool:
        """Whether somebody waits for it."""
        return self._places.statistics().tasks_waiting > 0 and self._held.index(place) >= self._kept


class PartSlot:
    """Where one part is held while it comes."""

    def __init__(self, places: PartLimiter) -> None:
        self._places = places
        self._since = time.monotonic()
        self._bytes = 0

    def took(self, count: int) -> None:
        """So many bytes more have come. Raises RateLimited when they come slowly and the place is wanted."""
        self._bytes += count
        held = time.monotonic() - self._since
        if held > JUDGED_AFTER and self._bytes < PACE * held and self._places.is_wanted(self):
            raise RateLimited(
                "Others are waiting, and this part comes slowly. Please send it again later.",
                retry_after=COME_AGAIN,
            )
