"""Parts through the service from clients that are slow, stall or go away: none of them keeps the others out for long."""

from collections.abc import AsyncIterator
from typing import Any, cast

import anyio
import pytest
from litestar.exceptions import ClientException

from libs.core.errors import PartSizeMismatch
from services.upload import routes
from services.upload.part_limiter import PartLimiter


class Slow:
    """A request whose body comes block by block, and then an end: another block, an exception, or nothing ever."""

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


def read(request: Slow, length: int) -> bytes:
    async def reading() -> bytes:
        async with PartLimiter(1).acquire() as slot:
            return await routes._read(cast(Any, request), length, slot)

    return anyio.run(reading)


def test_blocks_of_any_size_make_the_part() -> None:
    assert read(Slow(b"he", b"", b"llo"), 5) == b"hello"


def test_a_client_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "READ_TIMEOUT", 0.05)

    with pytest.raises(PartSizeMismatch, match="send it again"):
        read(Slow(b"he", None), 5)


def test_a_client_that_goes_away_has_sent_no_part() -> None:
    with pytest.raises(PartSizeMismatch, match="send it again"):
        read(Slow(b"he", ClientException("disconnected")), 5)


def test_a_body_that_runs_over_is_not_read_on() -> None:
    request = Slow(b"hello", b"!", b"and so on")

    assert read(request, 5) == b"hello!"
    assert request.taken == 2
