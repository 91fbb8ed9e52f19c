"""What is told of the way there: percent and time left, by a clock that is set."""

import pytest

from services.conversion.ffmpeg.process import FfmpegProgress
from services.conversion.pipeline import progress_tracker
from services.conversion.pipeline.progress_tracker import CONVERTED, ProgressTracker
from services.conversion.ports import EngineProgress
from services.conversion.storage.source_cache import SourceCache
from tests.conversion.engine.support import MemorySource
from tests.fakes import A_SOURCE


class Clock:
    seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress_tracker, "time", clock)
    return clock


def test_time_left_is_that_of_all_passes(clock: Clock) -> None:
    """Ten seconds for the first fifth of the way: the other four take forty, whichever pass they belong to."""
    told: list[EngineProgress] = []
    teller, window = ProgressTracker(told.append), SourceCache(MemorySource(b"x"))
    teller.describe(A_SOURCE, 200.0, window)
    for low, high in ((0.0, CONVERTED * 0.4), (CONVERTED * 0.4, CONVERTED)):
        teller.enter("converting", low, high)
        assert told[-1].eta_seconds is None
        clock.seconds += 10
        teller.on_decoding(FfmpegProgress(out_time=100.0))
        assert told[-1].percent == round((low + high) / 2, 2)
        assert told[-1].speed == 10
        left = (CONVERTED - (low + high) / 2) / ((high - low) / 2)
        assert told[-1].eta_seconds == pytest.approx(10 * left)
    window.close()


def test_without_a_duration_the_bytes_that_were_read_are_the_measure(clock: Clock) -> None:
    """Of the present pass: the one before has read them all."""
    told: list[EngineProgress] = []
    teller, window = ProgressTracker(told.append), SourceCache(MemorySource(bytes(1000)))
    teller.describe(A_SOURCE, None, window)
    window.peek(0, 1000)
    teller.enter("converting", 0, 90)
    clock.seconds += 1
    teller.on_decoding(FfmpegProgress(out_time=5.0))
    assert told[-1].percent == 0
    window.close()


def test_percent_never_runs_back(clock: Clock) -> None:
    """Not even where a pass begins again, with more room for an index."""
    told: list[EngineProgress] = []
    teller, window = ProgressTracker(told.append), SourceCache(MemorySource(b"x"))
    teller.describe(A_SOURCE, 10.0, window)
    for _ in range(2):
        teller.enter("converting", 0, 95)
        clock.seconds += 1
        teller.on_decoding(FfmpegProgress(out_time=8.0))
    assert [tick.percent for tick in told] == [0, 0, 76, 76, 76]
    window.close()
