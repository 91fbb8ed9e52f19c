"""Summarise a probed source for the API."""

from libs.core.domain.conversions import Source
from libs.core.domain.item_text import limit_tags
from services.conversion.ffmpeg.audio_stream import AudioStream
from services.conversion.ffmpeg.log import FfmpegLog
from services.conversion.pipeline.plan import DSD_BITS_PER_SAMPLE, is_dsd, is_lossless
from services.conversion.pipeline.tracks import list_tracks
from services.conversion.tags.source_tags import SourceTags

_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4", "matroska,webm": "matroska"}


def describe_source(log: FfmpegLog, stream: AudioStream, found: SourceTags, size: int) -> Source:
    """Return what the API shows of a source of `size` bytes."""
    duration = log.duration or None
    bits = stream.bits if is_lossless(stream) and stream.bits else None
    return Source(
        codec=stream.codec,
        container=_CONTAINERS.get(log.container, log.container),
        duration=duration,
        sample_rate=stream.sample_rate * (DSD_BITS_PER_SAMPLE if is_dsd(stream) else 1),
        channels=stream.channels,
        bitrate=stream.bitrate or log.bitrate or (int(size * 8 / duration) if duration else 0),
        bit_depth=1 if is_dsd(stream) else bits,
        tags=limit_tags({name.lower(): "; ".join(found.tags[name]) for name in found.tags}),
        has_cover=bool(log.attached_pictures or found.picture),
        tracks=list_tracks(log),
    )
