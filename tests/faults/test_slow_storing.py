"""Test that the engine reports progress while S3 is slow to store (faults 33 and 52).

Those reports renew the lease.
"""

import threading
from collections.abc import Sequence

import pytest

from libs.core.ports.multipart_uploads import Part
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import EngineProgress
from tests.conversion.media_support import MemorySink, convert
from tests.faults.conftest import REQUESTS


class SlowSink(MemorySink):
    """Store an output only after progress was reported meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.storing, self.reported = threading.Event(), threading.Event()

    def finish(self, parts: Sequence[Part], size: int) -> str:
        self._take_long()
        return super().finish(parts, size)

    def finish_small(self, body: bytes) -> str:
        self._take_long()
        return super().finish_small(body)

    def _take_long(self) -> None:
        self.storing.set()
        assert self.reported.wait(20), "no progress was reported"


@pytest.mark.parametrize("request_of", REQUESTS[:2], ids=["in one piece", "in parts"])
def test_progress_is_reported_while_an_output_is_stored(
    track: bytes, request_of: dict[str, float | str]
) -> None:
    sink = SlowSink()

    def on_progress(_: EngineProgress) -> None:
        if sink.storing.is_set():
            sink.reported.set()

    options = {**request_of}
    made = convert(FfmpegEngine(), track, str(options.pop("format")), sink, on_progress, **options)

    assert bool(made.sink.parts) is (request_of is REQUESTS[1])
