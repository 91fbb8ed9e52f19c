"""Put samples at their time: remove or keep a delay, fill gaps with silence, trim to a range.

Time counts from the first sample of the track. With `keep_delay` it counts from the beginning of
the file, and silence comes before sound that begins later.
"""

from dataclasses import dataclass, replace

from libs.core.domain.formats import ConversionOptions
from services.conversion.ffmpeg.audio_stream import AudioStream
from services.conversion.ffmpeg.channel_layouts import DEFAULT_LAYOUTS
from services.conversion.ffmpeg.log import FfmpegLog
from services.conversion.ffmpeg.sample_filters import COUNT_INVALID_SAMPLES, silence_invalid_samples
from services.conversion.pipeline.gapless import KeptSamples
from services.conversion.pipeline.plan import is_floating_point

_CONTINUOUS_TIMESTAMPS = "asetpts=round(N/SR/TB)"
"""Derive each timestamp from the sample's number. The quotient is rounded because it may be
slightly less than the whole number."""
_TIMED_CONTAINERS = ("asf", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "mpeg", "mpegts")
"""Containers whose packets have timestamps. In the others sound is continuous."""
_MIN_GAP, _MAX_GAP = 0.2, 600
"""Seconds. Less is rounding or a lost packet."""
_MAX_SILENCE = 160 * 1024 * 1024
"""Bytes of a gap. The resampler holds up to three times as much, of FFmpeg's `Limits.memory`."""
_SAMPLE_BYTES = {"u8": 2, "s16": 2, "s64": 8, "dbl": 8}
"""Bytes of a sample within the resampler, 4 for other formats."""
_GAPS_ONLY = (
    # 1: distance to the frame before, beyond its length. 2: its length. 0: the time that is due.
    "asetpts='st(1,if(isnan(PREV_INPTS),0,PTS-PREV_INPTS-ld(2)));"
    "st(2,NB_SAMPLES/SR/TB);"
    f"st(3,ld(0)+if(between(ld(1)*TB,{_MIN_GAP},{{longest:.3f}}),ld(1),0));"
    "st(0,ld(3)+ld(2));round(ld(3))'"
)
"""Timestamps without jitter and steps back: they would drop samples, or add some one by one."""
_FILL_GAPS = "aresample=async=1:min_hard_comp=0.1"
_MIN_DELAY = 0.1
_GSM_BYTES, _GSM_SAMPLES = 33, 160
"""A frame of GSM 06.10."""
_OGG_OPUS, _OPUS_RATE = ("ogg", "opus"), 48_000


@dataclass(frozen=True)
class Timeline:
    """Hold when the track begins and how long it is, in seconds."""

    has_timestamps: bool
    delay: float = 0.0
    """Time from the beginning of the file to that of the track."""
    duration: float | None = None
    """Duration of the track alone, without the delay; None if unknown."""
    kept: KeptSamples | None = None
    """Samples that are the sound, if the encoder added some that FFmpeg does not remove."""


@dataclass(frozen=True)
class SourceTraits:
    """Hold what shows only while the sound is decoded. A pass that finds it is repeated."""

    format_changes: bool = False
    """The sample rate or the channels change within the source."""
    has_invalid_samples: bool = False
    """There are samples that are infinite or not a number."""

    def combine(self, log: FfmpegLog) -> "SourceTraits":
        """Return the traits with those that a pass has found."""
        return replace(
            self,
            format_changes=self.format_changes or log.format_changed,
            has_invalid_samples=self.has_invalid_samples or log.invalid_samples > 0,
        )


def find_timeline(log: FfmpegLog, stream: AudioStream, pre_skip: int, size: int) -> Timeline:
    """Return the timeline of a track.

    Args:
        log: What FFmpeg says of the source.
        stream: The track.
        pre_skip: That of Opus in Ogg, in samples at 48 kHz.
        size: Bytes of the source.
    """
    start = log.start if stream.start is None else stream.start
    # The duration of these counts from 0, even if the first packet is later.
    is_absolute = log.container == "matroska,webm" or (log.container, stream.codec) == _OGG_OPUS
    counted_from = 0.0 if is_absolute else log.start
    duration = log.duration
    if duration is not None and (log.container, stream.codec) == ("aiff", "gsm"):
        longest = size / _GSM_BYTES * _GSM_SAMPLES / stream.sample_rate
        # Some writers count samples where FFmpeg expects frames.
        duration = duration / _GSM_SAMPLES if duration > 2 * longest else duration
    if duration is not None:
        duration -= max(0.0, start - counted_from) + pre_skip / _OPUS_RATE
        duration = max(0.0, round(duration, 3))
    delay = start - log.start
    return Timeline(
        log.container in _TIMED_CONTAINERS, delay if delay > _MIN_DELAY else 0.0, duration or None
    )


def opus_pre_skip(head: bytes) -> int:
    """Return the samples before the sound of Opus in Ogg (RFC 7845, 5.1), 0 if it has no header."""
    at = head.find(b"OpusHead")
    return int.from_bytes(head[at + 10 : at + 12], "little") if at >= 0 else 0


def source_filters(
    options: ConversionOptions, stream: AudioStream, timeline: Timeline, traits: SourceTraits
) -> list[str]:
    """Return the filters that put the samples at their time and keep the requested range.

    The range is exact to the sample. The source is decoded from its beginning, because seeking in
    VBR files is only approximate. A source whose sample rate or channels change keeps its own
    timestamps, because there the filters, and so their counts, begin anew. It is converted to the
    sample rate and the channels that it begins with.
    """
    filters = []
    if traits.has_invalid_samples:
        filters.append(silence_invalid_samples(stream.channels))
    elif is_floating_point(stream):
        filters.append(COUNT_INVALID_SAMPLES)
    limits = {"start": options.start, "end": options.end}
    bounds = [f"{name}={value:.6f}" for name, value in limits.items() if value is not None]
    trim = ["atrim=" + ":".join(bounds)] if bounds else []
    if traits.format_changes:
        shift = f"asetpts=PTS-{options.start or 0:.6f}/TB"
        layout = stream.layout or DEFAULT_LAYOUTS[stream.channels]
        return [*filters, *trim, shift, f"aresample={stream.sample_rate}:ochl={layout}:clev=1"]
    if timeline.has_timestamps:
        filters += [_GAPS_ONLY.format(longest=_longest_gap(stream)), _FILL_GAPS]
    filters += timeline.kept.filters if timeline.kept else []
    filters.append(_CONTINUOUS_TIMESTAMPS)
    if options.keep_delay and timeline.delay:
        filters.append(f"adelay={round(timeline.delay * stream.sample_rate)}S:all=1")
    return [*filters, *trim, _CONTINUOUS_TIMESTAMPS] if trim else filters


def _longest_gap(stream: AudioStream) -> float:
    """Return the seconds of the longest gap whose silence fits into memory."""
    frame = stream.channels * _SAMPLE_BYTES.get(stream.sample_format, 4)
    return min(_MAX_GAP, _MAX_SILENCE / frame / stream.sample_rate)
