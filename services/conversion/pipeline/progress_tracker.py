"""Tells how far a conversion is: often, never backwards."""

import time
from collections.abc import Callable

from libs.core.domain.conversions import Source
from services.conversion.ffmpeg.process import FfmpegProgress
from services.conversion.ports import EngineProgress
from services.conversion.storage.source_cache import SourceCache

EVERY = 0.2
"""Seconds between two ticks."""

CONVERTED = 95.0
"""Percent at which nothing is left but storing."""


class ProgressTracker:
    """Turns seconds of sound into percent, speed and time left. Its methods are the `step` of the runs."""

    def __init__(self, tick: Callable[[EngineProgress], None]) -> None:
        self._tick = tick
        self._phase, self._low, self._high = "probing", 0.0, 0.0
        self._percent = 0.0
        self._source: Source | None = None
        self._expected: float | None = None
        self._window: SourceCache | None = None
        self._began = self._told = time.monotonic()
        self._done = self._share = 0.0

    def enter(self, phase: str, low: float, high: float) -> None:
        """A new phase or pass, whose percents lie from `low` to `high`."""
        self._phase, self._low, self._high = phase, low, high
        self._began, self._done, self._share = time.monotonic(), 0.0, 0.0
        self._tell(now=True)

    def describe(self, source: Source, expected: float | None, window: SourceCache) -> None:
        """What was found, and how many seconds of sound to expect; None: the bytes read must do as a measure."""
        self._source, self._expected, self._window = source, expected, window
        self._tell(now=True)

    def follow(self, progress: FfmpegProgress) -> bool:
        """A step of a run that goes through the sound."""
        self._done = progress.out_time
        read = self._window.position / self._window.size if self._window else 0.0
        self._share = min(1.0, self._done / self._expected if self._expected else read)
        self._tell()
        return True

    def pass_by(self, progress: FfmpegProgress) -> bool:  # noqa: ARG002 - a step like the others
        """A step of a run that is over soon."""
        self._tell()
        return True

    def step(self) -> None:
        """Something goes on that has no measure."""
        self._tell()

    def share(self, share: float) -> None:
        """A step of storing, from 0 to 1."""
        self._share = share
        self._tell()

    def _tell(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if not now and moment - self._told < EVERY:
            return
        here = self._low + (self._high - self._low) * self._share
        self._told, self._percent = moment, max(self._percent, here)
        speed = eta = None
        took = moment - self._began
        if self._phase == "converting" and self._done > 0 and took > 0:
            speed = self._done / took
            if here > self._low:
                # Of all passes, not of this one only: a percent of the next will take about as long as one of this.
                eta = took * (CONVERTED - here) / (here - self._low)
        self._tick(EngineProgress(self._phase, round(self._percent, 2), speed, eta, self._source))
