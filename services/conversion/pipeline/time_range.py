"""Select the part of the source to convert."""

from dataclasses import dataclass

from libs.core.domain.formats import ConversionOptions


@dataclass(frozen=True)
class TimeRange:
    """Hold start and end in seconds of the source."""

    start: float
    end: float | None
    """None: the end of the source, which is unknown."""
    expected: float | None
    """The estimated duration of the range in seconds, or None."""

    @property
    def decoded(self) -> float | None:
        """Return the estimated seconds of sound up to the end of the range, or None.

        All of it is decoded, because the range is exact to the sample: see `source_filters`.
        """
        return None if self.expected is None else self.start + self.expected


def select_range(
    options: ConversionOptions, duration: float | None, estimate: float | None
) -> TimeRange:
    """Return the range that the options ask for.

    `duration` is that of the source in seconds, None if it is unknown or only estimated;
    `estimate` is the estimate.
    """
    start, end = options.start or 0.0, options.end
    if duration is not None:
        end = duration if end is None else min(end, duration)
    likely_end = end if end is not None else estimate
    if likely_end is None or likely_end <= start:
        return TimeRange(start, end, None)
    return TimeRange(start, end, likely_end - start)
