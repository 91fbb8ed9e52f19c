"""Probe the source: its streams, duration, tags and chapters, without decoding anything."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from libs.core.domain.conversions import Source
from services.conversion.ffmpeg import commands, ffmetadata
from services.conversion.ffmpeg.log import AudioStream, FfmpegLog
from services.conversion.pipeline import problems, tracks, truncation, validation
from services.conversion.pipeline.context import ConversionContext, operator_detail
from services.conversion.pipeline.protection import has_protected_audio
from services.conversion.pipeline.read_tags import read_tags
from services.conversion.pipeline.source_summary import describe_source
from services.conversion.ports import MediaError
from services.conversion.sandbox import process as sandbox
from services.conversion.storage.memory_file import MemoryFile
from services.conversion.storage.source_cache import SourceCache
from services.conversion.tags.source_tags import SourceTags

_SIGNATURE_BYTES = 16


@dataclass(frozen=True)
class ProbedSource:
    """Hold what is known of the source before it is decoded."""

    log: FfmpegLog
    chapters: Sequence[ffmetadata.Chapter]
    tags: SourceTags
    stream: AudioStream
    """The audio stream to convert."""
    summary: Source
    """What the API shows."""

    @property
    def duration(self) -> float | None:
        """Return the duration in seconds, or None if the file does not state it."""
        return None if self.log.duration_is_estimated else self.log.duration


def probe(context: ConversionContext) -> ProbedSource:
    """Return what FFmpeg, mutagen and the file's first and last bytes tell.

    Raises MediaError for a source that cannot be converted.
    """
    _start_reading(context)
    log, metadata = _inspect(context)
    _detect_truncation(log, context.source)
    stream = _select_stream(context, log)
    tags = read_tags(context, log.container, metadata.tags)
    summary = describe_source(log, stream, tags, context.source.size)
    return ProbedSource(log, metadata.chapters, tags, stream, summary)


def _start_reading(context: ConversionContext) -> None:
    if sandbox.best_sandbox_level() is sandbox.SandboxLevel.SUPERVISED:
        context.source.prefetch()
    else:
        context.source.fetch_all(context.progress.on_unmeasured_step)


def _inspect(context: ConversionContext) -> tuple[FfmpegLog, ffmetadata.Metadata]:
    source = context.source
    with MemoryFile("tags") as tags:
        result = context.inspect(commands.describe(source.fd, tags.fd), tags)
        if not result.log.container:
            # Read without waiting: FFmpeg may have died because these bytes never arrive.
            signature = os.pread(source.fd, _SIGNATURE_BYTES, 0)
            problem = validation.check_signal(result.signal) or problems.classify_unreadable(
                result.log, signature
            )
            raise MediaError(*problem, operator_detail(result))
        # Some of FFmpeg's demuxers return text as it is in the file, in any encoding.
        text = tags.read(ffmetadata.MAX_BYTES).decode(errors="surrogateescape")
    return result.log, ffmetadata.parse(text)


def _detect_truncation(log: FfmpegLog, source: SourceCache) -> None:
    """Note in `log` that the file was longer once, which FFmpeg does not detect."""
    size = source.size
    head = source.peek(0, truncation.HEAD)
    if seconds := truncation.declared_duration(log.container, head, size):
        log.duration, log.duration_is_estimated, log.is_truncated = seconds, False, True
    if truncation.has_detectable_end(log.container):
        tail = source.peek(size - truncation.TAIL, truncation.TAIL)
        if truncation.is_truncated(log.container, tail, size):
            log.is_truncated = True


def _select_stream(context: ConversionContext, log: FfmpegLog) -> AudioStream:
    limits, options = context.limits, context.options
    is_mp4 = log.container.startswith("mov,")
    if log.is_protected or (is_mp4 and has_protected_audio(context.source)):
        raise MediaError(*problems.PROTECTED)
    stream = tracks.choose_stream(log, options.track)
    problem = validation.check_source(
        log, stream, limits.max_channels, limits.min_rate, limits.max_rate
    )
    if problem is not None or stream is None:
        raise MediaError(*(problem or problems.NO_AUDIO), "\n".join(log.messages))
    known = None if log.duration_is_estimated else log.duration
    if known is not None and min(known, options.end or known) > limits.max_duration:
        raise MediaError(*problems.too_long(limits.max_duration))
    if options.track is None and (detail := tracks.describe_choice(log)):
        context.warn("several_tracks", detail)
    return stream
