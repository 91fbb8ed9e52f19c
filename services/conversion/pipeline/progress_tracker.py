"""Report the progress of a conversion several times a second; percent never decreases."""

import time
from collections.abc import Callable

from libs.core.domain.conversions import Source
from services.conversion.ffmpeg.process import FfmpegProgress
from services.conversion.pipeline import failures
from services.conversion.ports import EngineProgress, MediaError, never_paused
from services.conversion.storage.source_cache import SourceCache

REPORT_INTERVAL = 0.2
"""Seconds between two reports."""

ESTIMATE_AFTER = 60.0
"""Seconds from the first sound of a pass after which its speed allows an estimate of the total."""

CONVERTED = 95.0
"""Percent at which only storing is left."""

_PAUSE_POLL = 0.05
"""Seconds between two looks at whether a pause has ended."""


class ProgressTracker:
    """Compute percent, speed and time left from the seconds of sound processed.

    Its `on_…` methods are the callbacks of FFmpeg runs and of storing.
    """

    def __init__(
        self,
        report: Callable[[EngineProgress], None],
        is_paused: Callable[[], bool] = never_paused,
    ) -> None:
        """Report to `report`; nothing goes on while `is_paused` returns True, except for two steps.

        The last parts of an output are sent, and its beginning is verified: that is short.
        `is_paused` may be called from any thread.
        """
        self._report = report
        self.is_paused = is_paused
        self._paused_since: float | None = None
        self._phase, self._low, self._high = "probing", 0.0, 0.0
        self._percent = 0.0
        self._source: Source | None = None
        self._expected: float | None = None
        self._cache: SourceCache | None = None
        self._max_seconds = float("inf")
        self._phase_started = self._reported_at = time.monotonic()
        self._seconds_done = self._share = 0.0
        self._has_begun = False

    def enter(self, phase: str, low: float, high: float) -> None:
        """Begin a phase or a pass that covers the percents from `low` to `high`."""
        self._phase, self._low, self._high = phase, low, high
        self._phase_started, self._seconds_done, self._share = time.monotonic(), 0.0, 0.0
        self._has_begun = False
        self._report_now()

    def describe(
        self,
        source: Source,
        expected: float | None,
        cache: SourceCache,
        max_seconds: float = float("inf"),
    ) -> None:
        """Set what was probed, and the seconds of sound to expect.

        Without a known duration, the share of the bytes read measures the progress. A conversion
        that would take more than `max_seconds` by the speed of its first minute is ended.
        """
        self._max_seconds = max_seconds
        self._source, self._expected, self._cache = source, expected, cache
        self._report_now()

    def on_decoding(self, progress: FfmpegProgress) -> bool:
        """Follow a run that decodes the sound; return False while it is to stop."""
        self._seconds_done = progress.out_time
        read = self._cache.reader.position / self._cache.size if self._cache else 0.0
        done = self._seconds_done / self._expected if self._expected else read
        self._share = min(1.0, done)
        paused = self._note_pause()
        self._has_begun |= self._share > 0
        if not self._has_begun:
            # What is decoded before the start of a trim has no share, so its time has none either.
            self._phase_started = time.monotonic()
        self._check_estimate()
        self._report_if_due()
        return not paused

    def _check_estimate(self) -> None:
        """Raise MediaError as soon as the conversion is estimated to exceed its time limit."""
        elapsed = time.monotonic() - self._phase_started
        percent = self._low + (self._high - self._low) * self._share
        if elapsed < ESTIMATE_AFTER or percent <= self._low:
            return
        if elapsed * (CONVERTED - self._low) / (percent - self._low) > self._max_seconds:
            raise MediaError(failures.TOO_SLOW)

    def _note_pause(self) -> bool:
        """Leave the time of a pause out of speed and time left."""
        now, since = time.monotonic(), self._paused_since
        if since is not None:
            self._phase_started += now - since
        paused = self.is_paused()
        self._paused_since = now if paused else None
        return paused

    def on_short_run(self, progress: FfmpegProgress) -> bool:  # noqa: ARG002 - an OnProgress
        """Follow a run without a measure of progress; return False while it is to stop."""
        paused = self._note_pause()
        self._report_if_due()
        return not paused

    def on_unmeasured_step(self) -> None:
        """Follow work that has no measure of progress; return when it is not to stop any more."""
        while self._note_pause():
            self._report_if_due()
            time.sleep(_PAUSE_POLL)
        self._report_if_due()

    def on_stored_share(self, share: float) -> None:
        """Follow storing; `share` goes from 0 to 1."""
        self._share = share
        self._report_if_due()

    def _report_if_due(self) -> None:
        if time.monotonic() - self._reported_at >= REPORT_INTERVAL:
            self._report_now()

    def _report_now(self) -> None:
        now = time.monotonic()
        percent = self._low + (self._high - self._low) * self._share
        self._reported_at, self._percent = now, max(self._percent, percent)
        speed = eta = None
        elapsed = now - self._phase_started
        if self._phase == "converting" and self._seconds_done > 0 and elapsed > 0:
            speed = self._seconds_done / elapsed
            if percent > self._low:
                # The time left counts all passes: a percent of the next takes about as long.
                eta = elapsed * (CONVERTED - percent) / (percent - self._low)
        is_last = round(self._high, 2) >= CONVERTED
        shown = round(self._percent, 2)
        self._report(EngineProgress(self._phase, shown, speed, eta, self._source, is_last))
