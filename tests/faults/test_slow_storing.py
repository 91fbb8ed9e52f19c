"""S3 takes long to take a result (FAULTS.md, rows 33 and 52): the lease, which is renewed by ticks, must not end meanwhile."""

import threading
from collections.abc import Sequence

import pytest

from libs.core.ports.multipart_uploads import Part
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import EngineProgress
from tests.conversion.engine.support import MemorySink, convert
from tests.faults.conftest import REQUESTS


class Slow(MemorySink):
    """Has stored a result only after a tick that came while it did."""

    def __init__(self) -> None:
        super().__init__()
        self.storing, self.ticked = threading.Event(), threading.Event()

    def finish(self, parts: Sequence[Part], size: int) -> str:
        self._take_long()
        return super().finish(parts, size)

    def finish_small(self, body: bytes) -> str:
        self._take_long()
        return super().finish_small(body)

    def _take_long(self) -> None:
        self.storing.set()
        assert self.ticked.wait(20), "no sign of life"


@pytest.mark.parametrize("request_of", REQUESTS[:2], ids=["in one piece", "in parts"])
def test_there_are_signs_of_life_while_a_result_is_stored(
    track: bytes, request_of: dict[str, float | str]
) -> None:
    sink = Slow()

    def tick(_: EngineProgress) -> None:
        if sink.storing.is_set():
            sink.ticked.set()

    options = {**request_of}
    made = convert(FfmpegEngine(), track, str(options.pop("format")), sink, tick, **options)

    assert bool(made.sink.parts) is (request_of is REQUESTS[1])
