"""Probe the source: its streams, duration, tags and chapters, without decoding anything."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace

from libs.core.domain.conversions import Source
from services.conversion.ffmpeg import commands, ffmetadata
from services.conversion.ffmpeg.allow_list import MAX_STREAMS
from services.conversion.ffmpeg.audio_stream import AudioStream
from services.conversion.ffmpeg.log import FfmpegLog
from services.conversion.ffmpeg.process import FfmpegResult
from services.conversion.pipeline import failures, tracks, truncation, validation
from services.conversion.pipeline.chained_stream import unify_filter, unify_links
from services.conversion.pipeline.context import ConversionContext, operator_detail
from services.conversion.pipeline.copy_protection import has_protected_audio
from services.conversion.pipeline.foreign_bytes import find_sound
from services.conversion.pipeline.gapless import find_kept
from services.conversion.pipeline.ogg_links import OggLink, find_links
from services.conversion.pipeline.pcm_kinds import correct_pcm, decoder_options
from services.conversion.pipeline.read_tags import (
    TagReading,
    combine_tags,
    start_reading_tags,
)
from services.conversion.pipeline.source_summary import describe_source
from services.conversion.pipeline.timeline import Timeline, find_timeline, opus_pre_skip
from services.conversion.pipeline.xing import count_bytes, is_impossible
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
    metadata: ffmetadata.Metadata
    """The chapters; its tags are in `tags`."""
    tags: SourceTags
    stream: AudioStream
    """The audio stream to convert."""
    sound: commands.SoundInput
    timeline: Timeline
    is_streamed: bool
    """The writer did not know the size, so that the end of the file is that of the sound."""
    summary: Source
    """The description of the source that the API shows."""
    has_all_bytes: bool = False
    """An MP3 file has the bytes that its header counts, whatever it says of frames."""
    link_count: int = 0
    """Links of a chained stream, also those that are decoded together."""

    @property
    def duration(self) -> float | None:
        """Return the duration in seconds, or None if the file does not state it."""
        return None if self.log.duration_is_estimated else self.log.duration

    @property
    def may_be_longer(self) -> bool:
        """Return True for MP3, whose header may count fewer frames than there are."""
        return self.log.container == "mp3"


def probe(context: ConversionContext) -> ProbedSource:
    """Return what FFmpeg, mutagen and the file's first and last bytes tell.

    Raises MediaError for a source that cannot be converted.
    """
    _start_reading(context)
    with start_reading_tags(context) as tag_reading:
        return _probe(context, tag_reading)


def _probe(context: ConversionContext, tag_reading: TagReading) -> ProbedSource:
    log, metadata = _inspect(context, tag_reading)
    byte_count = count_bytes(context.source) if log.container == "mp3" else 0
    is_counted = byte_count and not log.duration_is_estimated
    if is_counted and is_impossible(log.duration, byte_count):
        log.duration, log.duration_is_estimated = None, True
    correct_pcm(log, context.source.peek(0, truncation.HEAD))
    _detect_truncation(log, context.source)
    stream = _select_stream(context, log)
    on_step = context.progress.on_unmeasured_step
    links = find_links(context.source, on_step) if log.container == "ogg" else []
    if links:
        _check_rates(context, links)
        stream = unify_links(context, log, stream, links)
        _check_duration(context, log)
    timeline = _find_timeline(context, log, stream, is_chained=bool(links))
    if kept := find_kept(log, stream, metadata.tags):
        log.duration, log.duration_is_estimated = kept.count / stream.sample_rate, False
        timeline = replace(timeline, kept=kept, duration=log.duration)
    # Before `_choose_input`, which may fetch the whole source, and no reader may be busy then.
    tags = combine_tags(context, tag_reading, log.container, metadata)
    if tags.chapters is not None:
        metadata = tags.chapters
    sound = _choose_input(context, log, stream, links)
    summary = describe_source(log, stream, tags, context.source.size)
    is_streamed = truncation.is_streamed(
        log.container, context.source.peek(0, truncation.HEAD), context.source.size
    )
    return ProbedSource(
        log,
        metadata,
        tags,
        stream,
        sound,
        timeline,
        is_streamed,
        summary,
        has_all_bytes=byte_count > 0,
        link_count=sum(link.count for link in links),
    )


def _find_timeline(
    context: ConversionContext, log: FfmpegLog, stream: AudioStream, *, is_chained: bool
) -> Timeline:
    """Return the timeline, and set the duration in `log` to that of what is converted."""
    is_opus_in_ogg = (log.container, stream.codec) == ("ogg", "opus")
    head = context.source.peek(0, truncation.HEAD)
    pre_skip = opus_pre_skip(head) if is_opus_in_ogg and not is_chained else 0
    timeline = find_timeline(log, stream, pre_skip, context.source.size)
    log.duration = timeline.duration
    if timeline.delay and context.options.keep_delay:
        log.duration = timeline.duration and timeline.duration + timeline.delay
    elif timeline.delay and log.track_count > 1:
        context.warn(
            "delay_removed",
            f"The sound begins {timeline.delay:.1f} seconds after the rest of the file. The result"
            " begins with the sound.",
        )
    return timeline


def _choose_input(
    context: ConversionContext, log: FfmpegLog, stream: AudioStream, links: Sequence[OggLink]
) -> commands.SoundInput:
    source = context.source
    if not links:
        options = commands.large_packet_options(log.container, stream.codec)
        demuxer = commands.demuxer_of(source.peek(0, _SIGNATURE_BYTES))
        options += decoder_options(stream)
        return commands.SoundInput([source.fd], stream.index, options, demuxer)
    context.fetch_whole_source()
    return commands.SoundInput(
        [source.reopen() for _ in links],
        stream.index,
        ranges=[(link.start, link.end) for link in links],
        unify=[unify_filter(stream, link, has_soxr=context.has_soxr) for link in links],
    )


def _start_reading(context: ConversionContext) -> None:
    if sandbox.best_sandbox_level() is sandbox.SandboxLevel.SUPERVISED:
        context.source.prefetch()
    else:
        context.fetch_whole_source()


def _inspect(
    context: ConversionContext, tag_reading: TagReading
) -> tuple[FfmpegLog, ffmetadata.Metadata]:
    """Return FFmpeg's log of the source, and its tags.

    If the source also has bytes that are not sound, they are left out and FFmpeg reads it again.
    Raises MediaError if it cannot be opened.
    """
    result, text = _describe(context)
    check = validation.check_signal(result.signal)
    if result.signal == signal.SIGKILL:
        # FFmpeg ignores SIGXCPU in a loop; then its hard limit of processor time kills it.
        check = failures.TIMED_OUT
    if check is None and not result.signal:
        ranges = find_sound(context.source)
        if ranges is not None:
            tag_reading.answer()  # some tags are in what is left out
            context.keep_ranges(ranges)
        demuxer = commands.demuxer_of(context.source.peek(0, _SIGNATURE_BYTES))
        if ranges is not None or (demuxer and result.log.container != demuxer):
            result, text = _describe(context, demuxer)
    if result.log.has_too_many_streams:
        raise MediaError(failures.too_many_tracks(MAX_STREAMS), operator_detail(result))
    if not result.log.container:
        # Read without waiting: FFmpeg may have died because these bytes never arrive.
        signature = os.pread(context.source.fd, _SIGNATURE_BYTES, 0)
        failure = check or failures.classify_unreadable(result.log, signature)
        raise MediaError(failure, operator_detail(result))
    if failures.is_archive(context.source.peek(0, _SIGNATURE_BYTES)):
        raise MediaError(failures.NOT_AUDIO, operator_detail(result))
    # Some of FFmpeg's demuxers return text as it is in the file, in any encoding.
    return result.log, ffmetadata.parse(text.decode(errors="surrogateescape"))


def _describe(context: ConversionContext, demuxer: str = "") -> tuple[FfmpegResult, bytes]:
    """Return FFmpeg's description of the source, and its tags as ffmetadata."""
    with MemoryFile("tags") as tags:
        command = commands.describe(context.source.fd, tags.fd, demuxer)
        return context.inspect(command, tags), tags.read(context.limits.max_metadata)


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
    on_step = context.progress.on_unmeasured_step
    if log.is_protected or (is_mp4 and has_protected_audio(context.source, on_step)):
        raise MediaError(failures.PROTECTED)
    stream = tracks.choose_stream(log, options.track)
    failure = validation.check_source(
        log, stream, limits.max_channels, limits.min_rate, limits.max_rate
    )
    if failure is not None or stream is None:
        raise MediaError(failure or failures.NO_AUDIO, "\n".join(log.messages))
    _check_duration(context, log)
    if options.track is None and (detail := tracks.describe_choice(log)):
        context.warn("several_tracks", detail)
    return stream


def _check_duration(context: ConversionContext, log: FfmpegLog) -> None:
    """Raise MediaError if the source, or what is to be converted of it, is too long."""
    longest, end = context.limits.max_duration, context.options.end
    known = None if log.duration_is_estimated else log.duration
    if known is not None and min(known, end or known) > longest:
        raise MediaError(failures.too_long(longest))


def _check_rates(context: ConversionContext, links: Sequence[OggLink]) -> None:
    """Raise MediaError for the first link with an unusual rate: FFmpeg tells the first link's."""
    limits = context.limits
    for link in links:
        if failure := validation.check_rate(link.sample_rate, limits.min_rate, limits.max_rate):
            raise MediaError(failure)
