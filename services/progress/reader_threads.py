"""Read the table for event streams, in threads."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import anyio

from libs.core.address_semaphore import AddressSemaphore

T = TypeVar("T")


class ReaderThreads:
    """Run the reads of all streams, and only some of one client address at the same time.

    A listing takes tens of milliseconds of processor time, and one address may have hundreds of
    streams. Without the second limit they would keep all threads busy, and others would wait.
    """

    def __init__(self, threads: int, per_address: int) -> None:
        self._threads = anyio.CapacityLimiter(threads)
        self._addresses = AddressSemaphore(per_address)

    async def run(self, address: str, read: Callable[..., T], *arguments: str) -> T:
        """Return what `read` returns.

        A thread cannot be cancelled. If the caller is, the read still counts until it ends:
        otherwise streams that are opened and closed at once would start any number of reads.

        Raises:
            RateLimited: Too many reads of the address wait already.
        """
        await self._addresses.acquire(address)
        reading = asyncio.ensure_future(
            anyio.to_thread.run_sync(
                partial(read, *arguments), limiter=self._threads, abandon_on_cancel=True
            )
        )
        reading.add_done_callback(lambda _: self._addresses.release(address))
        return await asyncio.shield(reading)
