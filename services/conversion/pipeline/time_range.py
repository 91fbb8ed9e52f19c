"""Select the part of the source to convert, and trim to it by the sample."""

from dataclasses import dataclass

from libs.core.domain.formats import ConversionOptions
from services.conversion.ffmpeg.channel_layouts import DEFAULT_LAYOUTS
from services.conversion.ffmpeg.log import AudioStream

_CONTINUOUS_TIMESTAMPS = "asetpts=round(N/SR/TB)"
"""Derive each timestamp from the sample's number. The quotient is rounded because it is slightly
below the whole number."""


@dataclass(frozen=True)
class TimeRange:
    """Hold start and end in seconds of the source."""

    start: float
    end: float | None
    """None: the end of the source, which is unknown."""
    expected: float | None
    """The estimated duration of the range in seconds, or None."""


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


def trim_filters(
    options: ConversionOptions, stream: AudioStream, *, format_changes: bool = False
) -> list[str]:
    """Return the filters that keep the requested range, exact to the sample.

    The source is decoded from its beginning, because seeking in VBR files is only approximate.
    Samples become continuous: damaged places are left out, in every format alike, instead of
    leaving gaps. A source whose sample rate or channels change keeps its own timestamps, because
    there the filters, and so their counts, begin anew. It is converted to the sample rate and the
    channels that it begins with.
    """
    limits = {"start": options.start, "end": options.end}
    bounds = [f"{name}={value:.6f}" for name, value in limits.items() if value is not None]
    trim = ["atrim=" + ":".join(bounds)] if bounds else []
    if not format_changes:
        return [*trim, _CONTINUOUS_TIMESTAMPS]
    shift = f"asetpts=PTS-{options.start or 0:.6f}/TB"
    layout = stream.layout or DEFAULT_LAYOUTS[stream.channels]
    return [*trim, shift, f"aresample={stream.sample_rate}:ochl={layout}:clev=1"]
