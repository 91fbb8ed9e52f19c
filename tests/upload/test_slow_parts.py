"""Receive parts from clients that are slow, stall, or disconnect."""

from collections.abc import AsyncIterator
from typing import Any, cast

import anyio
import pytest
from litestar.exceptions import ClientException

from libs.core.errors import PartSizeMismatch
from services.upload import routes
from services.upload.part_limiter import PartLimiter


class FakeRequest:
    """Stand in for a request whose body comes in blocks.

    A block may be an exception that is raised, or None to wait forever.
    """

    def __init__(self, *blocks: bytes | Exception | None) -> None:
        self._blocks = blocks
        self.taken = 0

    async def stream(self) -> AsyncIterator[bytes]:
        for block in self._blocks:
            self.taken += 1
            if block is None:
                await anyio.sleep_forever()
            elif isinstance(block, Exception):
                raise block
            else:
                yield block


def read(request: FakeRequest, length: int) -> bytes:
    async def reading() -> bytes:
        async with PartLimiter(1).acquire() as slot:
            return await routes._read(cast(Any, request), length, slot)

    return anyio.run(reading)


def test_a_body_may_come_in_blocks_of_any_size() -> None:
    assert read(FakeRequest(b"he", b"", b"llo"), 5) == b"hello"


def test_a_stalled_body_is_refused_after_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "READ_TIMEOUT", 0.05)

    with pytest.raises(PartSizeMismatch, match="send it again"):
        read(FakeRequest(b"he", None), 5)


def test_a_body_that_breaks_off_is_refused() -> None:
    with pytest.raises(PartSizeMismatch, match="send it again"):
        read(FakeRequest(b"he", ClientException("disconnected")), 5)


def test_a_body_that_is_too_long_is_not_read_to_its_end() -> None:
    request = FakeRequest(b"hello", b"!", b"and so on")

    assert read(request, 5) == b"hello!"
    assert request.taken == 2
