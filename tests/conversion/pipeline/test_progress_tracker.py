"""Check percent and time left with a fake clock."""

import os

import pytest

from services.conversion.ffmpeg.process import FfmpegProgress
from services.conversion.pipeline import progress_tracker
from services.conversion.pipeline.progress_tracker import CONVERTED, ProgressTracker
from services.conversion.ports import EngineProgress, MediaError
from services.conversion.storage.source_cache import SourceCache
from tests.conversion.media_support import MemorySource
from tests.fakes import A_SOURCE


class FakeClock:
    seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(progress_tracker, "time", clock)
    return clock


def test_time_left_counts_all_passes(clock: FakeClock) -> None:
    """Expect 40 seconds for four fifths if one fifth took 10, whichever pass they are in."""
    reports: list[EngineProgress] = []
    tracker, cache = ProgressTracker(reports.append), SourceCache(MemorySource(b"x"))
    tracker.describe(A_SOURCE, 200.0, cache)
    for low, high in ((0.0, CONVERTED * 0.4), (CONVERTED * 0.4, CONVERTED)):
        tracker.enter("converting", low, high)
        assert reports[-1].eta_seconds is None
        clock.seconds += 10
        tracker.on_decoding(FfmpegProgress(out_time=100.0))
        assert reports[-1].percent == round((low + high) / 2, 2)
        assert reports[-1].speed == 10
        left = (CONVERTED - (low + high) / 2) / ((high - low) / 2)
        assert reports[-1].eta_seconds == pytest.approx(10 * left)
        assert reports[-1].is_last_pass is (high == CONVERTED)
    cache.close()


def test_without_a_duration_the_bytes_read_are_the_measure(clock: FakeClock) -> None:
    """Count the bytes of the present pass only; the previous one has read them all."""
    reports: list[EngineProgress] = []
    tracker, cache = ProgressTracker(reports.append), SourceCache(MemorySource(bytes(1000)))
    tracker.describe(A_SOURCE, None, cache)
    cache.peek(0, 1000)
    tracker.enter("converting", 0, 90)
    clock.seconds += 1
    tracker.on_decoding(FfmpegProgress(out_time=5.0))
    assert reports[-1].percent == 0
    cache.close()


def test_the_time_of_a_pause_counts_for_nothing(clock: FakeClock) -> None:
    reports: list[EngineProgress] = []
    paused = [False]
    tracker = ProgressTracker(reports.append, lambda: paused[0])
    cache = SourceCache(MemorySource(b"x"))
    tracker.describe(A_SOURCE, 200.0, cache)
    tracker.enter("converting", 0, CONVERTED)
    for paused[0], seconds in ((True, 10), (True, 1000), (False, 1000), (False, 10)):
        clock.seconds += seconds
        assert tracker.on_decoding(FfmpegProgress(out_time=100.0)) is not paused[0]

    assert (reports[-1].speed, reports[-1].eta_seconds) == (5.0, 20.0)
    cache.close()


@pytest.mark.parametrize(("seconds", "ends"), [(59.0, False), (61.0, True)])
def test_a_conversion_that_would_take_too_long_ends_after_a_minute(
    clock: FakeClock, seconds: float, ends: bool
) -> None:
    """At this speed a day of sound takes two days, and a day is allowed."""
    tracker, cache = ProgressTracker(lambda _: None), SourceCache(MemorySource(b"x"))
    tracker.describe(A_SOURCE, 86_400.0, cache, 86_400.0)
    tracker.enter("converting", 0, CONVERTED)
    clock.seconds += seconds
    caught = None

    try:
        tracker.on_decoding(FfmpegProgress(out_time=seconds / 2))
    except MediaError as error:
        caught = error.code

    assert caught == ("timed_out" if ends else None)
    cache.close()


def test_the_way_to_a_late_start_counts_for_nothing(clock: FakeClock) -> None:
    """Decode 65 seconds before the start of a trim, and then 600 seconds of sound in 12."""
    reports: list[EngineProgress] = []
    tracker, cache = ProgressTracker(reports.append), SourceCache(MemorySource(b"x"))
    tracker.describe(A_SOURCE, 600.0, cache, 300.0)
    tracker.enter("converting", 0, CONVERTED)
    for out_time in [0.0] * 65 + [50.0]:
        clock.seconds += 1
        tracker.on_decoding(FfmpegProgress(out_time=out_time))

    assert reports[-1].speed == 50.0
    assert reports[-1].eta_seconds == pytest.approx(11.0)
    cache.close()


def test_a_pass_that_goes_back_to_the_beginning_takes_its_time_along(clock: FakeClock) -> None:
    """A file whose sound is scattered, or hostile code, moves the position that is the measure."""
    reports: list[EngineProgress] = []
    tracker, cache = ProgressTracker(reports.append), SourceCache(MemorySource(bytes(1000)))
    tracker.describe(A_SOURCE, None, cache)
    tracker.enter("converting", 0, CONVERTED)
    for position in (500, 0, 500):
        os.lseek(cache.fd, position, os.SEEK_SET)
        clock.seconds += 10
        tracker.on_decoding(FfmpegProgress(out_time=clock.seconds))

    assert reports[-1].eta_seconds == pytest.approx(30.0)
    cache.close()


def test_percent_never_decreases(clock: FakeClock) -> None:
    """Check a pass that begins again, with a larger index."""
    reports: list[EngineProgress] = []
    tracker, cache = ProgressTracker(reports.append), SourceCache(MemorySource(b"x"))
    tracker.describe(A_SOURCE, 10.0, cache)
    for _ in range(2):
        tracker.enter("converting", 0, 95)
        clock.seconds += 1
        tracker.on_decoding(FfmpegProgress(out_time=8.0))
    assert [tick.percent for tick in reports] == [0, 0, 76, 76, 76]
    cache.close()
