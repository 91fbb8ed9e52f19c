"""Read the bodies of parts that stall, break off, or come in blocks of any size."""

from collections.abc import AsyncIterator

import anyio
import pytest
from litestar.exceptions import ClientException

from libs.core.errors import PartSizeMismatch
from services.upload import body_reader, part_routes
from services.upload.body_reader import BodyReader
from services.upload.part_slots import PartSlots


class FakeBody:
    """Stand in for a body that comes in blocks.

    A block may be an exception that is raised, or None to wait forever.
    """

    def __init__(self, *blocks: bytes | Exception | None) -> None:
        self._blocks = blocks
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for block in self._blocks:
            self.taken += 1
            if block is None:
                await anyio.sleep_forever()
            elif isinstance(block, Exception):
                raise block
            else:
                yield block


def read(body: FakeBody, length: int) -> bytes:
    async def reading() -> bytes:
        reader = BodyReader(aiter(body))
        with part_routes._broken_off():
            await reader.prefetch()
        async with PartSlots(1).acquire("anna", "192.0.2.1") as slot:
            with part_routes._broken_off():
                return await part_routes._read(reader, length, slot)

    return anyio.run(reading)


def test_a_body_may_come_in_blocks_of_any_size() -> None:
    assert read(FakeBody(b"he", b"", b"llo"), 5) == b"hello"


def test_a_large_body_is_read_beyond_its_beginning() -> None:
    blocks = [bytes([number]) * 30_000 for number in range(10)]

    assert read(FakeBody(*blocks), 300_000) == b"".join(blocks)


@pytest.mark.parametrize("first", [b"he", b"x" * 70_000])
def test_a_stalled_body_is_refused_after_the_timeout(
    monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    monkeypatch.setattr(body_reader, "READ_TIMEOUT", 0.05)

    with pytest.raises(PartSizeMismatch, match="send it again"):
        read(FakeBody(first, None), 100_000)


@pytest.mark.parametrize("first", [b"he", b"x" * 70_000])
def test_a_body_that_breaks_off_is_refused(first: bytes) -> None:
    with pytest.raises(PartSizeMismatch, match="send it again"):
        read(FakeBody(first, ClientException("disconnected")), 100_000)


def test_a_body_that_is_too_long_is_not_read_to_its_end() -> None:
    body = FakeBody(b"x" * 70_000, b"!", b"and so on")

    assert read(body, 70_000) == b"x" * 70_000 + b"!"
    assert body.taken == 2
