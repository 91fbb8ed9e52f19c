"""Read the body of a request block by block, with limits on silence and slowness."""

from collections.abc import AsyncIterator

import anyio

from services.upload.part_slots import PartSlot

READ_TIMEOUT = 30.0
"""Seconds without a byte after which a request ends."""

PREFETCH = 64 * 1024
"""Bytes that must have arrived before a request takes a slot (all of a shorter body).

The HTTP server buffers as many anyway, and a client that sends nothing keeps nobody waiting."""


class BodyReader:
    """Read one body. Call `has_bytes` or `prefetch` if you like, then `read` until it is None."""

    def __init__(self, blocks: AsyncIterator[bytes]) -> None:
        self._blocks = aiter(blocks)
        self._first: list[bytes] = []
        self._has_ended = False

    async def has_bytes(self) -> bool:
        """Wait for the first byte, and return False if the body ends without one.

        Raises:
            TimeoutError: Nothing came for `READ_TIMEOUT` seconds.
        """
        while not any(self._first) and (block := await self._next()) is not None:
            self._first.append(block)
        return any(self._first)

    async def prefetch(self) -> None:
        """Read the beginning of the body.

        Raises:
            TimeoutError: Nothing came for `READ_TIMEOUT` seconds.
        """
        size = 0
        while size < PREFETCH and (block := await self._next()) is not None:
            self._first.append(block)
            size += len(block)

    async def read(self, slot: PartSlot) -> bytes | None:
        """Return the next block, or None at the end.

        Raises:
            RateLimited: The body comes slowly while others wait for the slot.
            TimeoutError: Nothing came for `READ_TIMEOUT` seconds.
        """
        if self._first:
            return self._first.pop(0)
        block: bytes | None = None
        with slot.waiting():
            block = await self._next()
        if block is not None:
            slot.add_bytes(len(block))
        return block

    async def _next(self) -> bytes | None:
        if self._has_ended:
            return None
        with anyio.fail_after(READ_TIMEOUT):
            block = await anext(self._blocks, None)
        self._has_ended = block is None
        return block
