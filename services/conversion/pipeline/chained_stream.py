"""Convert the links of a chained stream as one sound."""

from collections.abc import Sequence
from dataclasses import replace

from services.conversion.ffmpeg.audio_stream import AudioStream
from services.conversion.ffmpeg.channel_layouts import DEFAULT_LAYOUTS
from services.conversion.ffmpeg.log import FfmpegLog
from services.conversion.ffmpeg.resampling import resample_filter
from services.conversion.pipeline.context import ConversionContext
from services.conversion.pipeline.ogg_links import OggLink


def unify_links(
    context: ConversionContext, log: FfmpegLog, stream: AudioStream, links: Sequence[OggLink]
) -> AudioStream:
    """Return the stream with the highest rate and the most channels.

    Sets the duration in `log` to that of all links, and adds a warning if they differ.
    """
    log.duration = sum(link.seconds for link in links)
    log.duration_is_estimated = any(link.is_joined for link in links)
    log.start, stream = 0.0, replace(stream, start=None)  # each link begins at its own beginning
    rate = max(link.sample_rate for link in links)
    channels = max(link.channels for link in links)
    if len({(link.sample_rate, link.channels) for link in links}) > 1:
        context.warn(
            "format_changes",
            f"This file is a chain of {sum(link.count for link in links)} streams with different"
            f" sample rates or channels. All of them were converted to {rate} Hz with {channels}"
            f" {'channel' if channels == 1 else 'channels'}.",
        )
    if (stream.sample_rate, stream.channels) == (rate, channels):
        return stream
    return replace(stream, sample_rate=rate, channels=channels, layout=DEFAULT_LAYOUTS[channels])


def unify_filter(stream: AudioStream, link: OggLink, *, has_soxr: bool) -> str:
    """Return the filters that give a link the format of the stream; mono keeps its level."""
    layout = stream.layout or DEFAULT_LAYOUTS[stream.channels]
    both = "pan=stereo|c0=c0|c1=c0," if (link.channels, layout) == (1, "stereo") else ""
    return f"{both}{resample_filter(stream.sample_rate, has_soxr=has_soxr)}:ochl={layout}:clev=1"
