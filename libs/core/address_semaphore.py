"""Limit how much is done at once for one client address."""

from collections import deque

import anyio

from libs.core.errors import RateLimited

MAX_WAITING = 1_000
"""Requests of an address that wait for a permit. A waiting one costs some kilobytes."""


class AddressSemaphore:
    """Permit `at_once` requests of each address; more of that address wait.

    Only the thread of the event loop may use it.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._running: dict[str, int] = {}
        self._waiting: dict[str, deque[anyio.Event]] = {}

    def __bool__(self) -> bool:
        """Return True while any request has a permit, or waits for one."""
        return bool(self._running or self._waiting)

    async def acquire(self, address: str) -> None:
        """Wait for a permit. Raises RateLimited if too many requests wait already."""
        if self.try_acquire(address):
            return
        queue = self._waiting.setdefault(address, deque())
        if len(queue) >= MAX_WAITING:
            raise too_many_requests()
        permitted = anyio.Event()
        queue.append(permitted)
        try:
            await permitted.wait()
        except BaseException:
            if permitted.is_set():
                self.release(address)
            else:
                queue.remove(permitted)
            raise

    def try_acquire(self, address: str) -> bool:
        """Return True with a permit if one is free, else False at once."""
        if self._running.get(address, 0) >= self._at_once:
            return False
        self._running[address] = self._running.get(address, 0) + 1
        return True

    def release(self, address: str) -> None:
        """Give the permit to the request that has waited longest."""
        queue = self._waiting.get(address)
        if queue:
            queue.popleft().set()
            return
        self._waiting.pop(address, None)
        self._running[address] -= 1
        if not self._running[address]:
            del self._running[address]


def too_many_requests() -> RateLimited:
    """Return the refusal of a request of an address that has too many already."""
    return RateLimited(
        "There are too many requests from your network at once. Please try again in a moment.",
        retry_after=1,
    )
