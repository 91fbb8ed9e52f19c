"""Encode the output into a multipart writer, whose parts are sent while the output grows."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from services.conversion.ffmpeg import commands
from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.ffmpeg.process import FfmpegProgress, FfmpegResult
from services.conversion.pipeline import failures
from services.conversion.pipeline.attachments import Attachments
from services.conversion.pipeline.context import ConversionContext, require_success
from services.conversion.pipeline.probe import ProbedSource
from services.conversion.pipeline.processing import Processing, enter_pass
from services.conversion.pipeline.time_range import TimeRange
from services.conversion.pipeline.timeline import SourceTraits, source_filters
from services.conversion.ports import PART_SIZE, MediaError, OutputSink
from services.conversion.storage.multipart_writer import MultipartWriter
from services.conversion.tags.mp4_index import MAX_INDEX
from services.conversion.tags.placement import IndexTooSmall, NoSpaceForTags

_INDEX_SLACK = 8 * 1024
_INDEX_BYTES_PER_FRAME = 4.1
"""An MP4 index takes 4 bytes per frame (stsz), and some per chunk of about a megabyte."""
_UNKNOWN_DURATION = 3600
"""Seconds for which an MP4 index is reserved if the duration is unknown."""
_MAX_TRIES = 4
"""A first try, one for each trait of the source, and one with a larger index."""


@dataclass(frozen=True)
class EncodedOutput:
    """Hold the complete output, of which parts may be sent already."""

    writer: MultipartWriter
    result: FfmpegResult
    traits: SourceTraits


@contextmanager
def encode(
    context: ConversionContext,
    sink: OutputSink,
    probed: ProbedSource,
    time_range: TimeRange,
    plan: EncodePlan,
    processing: Processing,
    attachments: Attachments,
) -> Iterator[EncodedOutput]:
    """Provide the output for as long as the `with` block runs. Raises MediaError if it fails."""
    index_size = _estimate_index_size(context, plan, time_range, attachments)
    traits = processing.traits
    for _ in range(_MAX_TRIES):
        if context.profile.index_first and index_size > MAX_INDEX:
            # What is reserved stays in memory until the end.
            raise MediaError(failures.INTERNAL, f"an index of {index_size} bytes is too large")
        first = source_filters(context.options, probed.stream, probed.timeline, traits)
        filters = (*first, *processing.filters, *plan.last_filters)
        deferred = _deferred_part_count(context, index_size, attachments)
        is_paused = context.progress.is_paused
        writer = MultipartWriter(sink, deferred, attachments.placement, is_paused)
        try:
            enter_pass(context, "encode")
            result = _run(
                context,
                probed,
                time_range,
                plan,
                filters,
                attachments,
                writer,
                index_size,
            )
            if (found := traits.combine(result.log)) != traits:
                traits = found
                continue
            if result.log.missing_index_bytes:
                # FFmpeg does not know that the tags are to come after its own index.
                index_size += result.log.missing_index_bytes + attachments.size + _INDEX_SLACK
                continue
            require_success(result)
            context.require_output_fits(writer.size)
            writer.end_writing(is_empty=not result.log.encoded_samples)
            yield EncodedOutput(writer, result, traits)
            return
        except IndexTooSmall as error:
            index_size += error.count + _INDEX_SLACK
        except NoSpaceForTags as error:
            raise MediaError(failures.INTERNAL, str(error)) from error
        finally:
            writer.close()
    raise MediaError(failures.INTERNAL, "encoding did not succeed in 4 tries")


def _run(
    context: ConversionContext,
    probed: ProbedSource,
    time_range: TimeRange,
    plan: EncodePlan,
    filters: Sequence[str],
    attachments: Attachments,
    writer: MultipartWriter,
    index_size: int,
) -> FfmpegResult:
    def on_progress(progress: FfmpegProgress) -> bool:
        may_go_on = context.progress.on_decoding(progress)
        context.require_output_fits(writer.size)
        return writer.send_finished_parts() and may_go_on

    tags = attachments.tags.fd
    os.lseek(tags, 0, os.SEEK_SET)
    command = commands.encode(
        context.profile,
        plan,
        filters=filters,
        source=probed.sound,
        tags=tags,
        muxer_options=attachments.muxer_options,
        output=writer.fd,
        max_duration=context.limits.max_duration + 1,
        index_size=index_size,
    )
    return context.process(
        command,
        time_range.decoded,
        on_progress,
        [*probed.sound.descriptors, tags, writer.fd],
        context.limits.max_output + PART_SIZE,
        writer,
    )


def _estimate_index_size(
    context: ConversionContext, plan: EncodePlan, time_range: TimeRange, attachments: Attachments
) -> int:
    # The estimate of a duration may be years, and what is encoded ends at the limit.
    seconds = min(time_range.expected or _UNKNOWN_DURATION, context.limits.max_duration)
    frames = plan.sample_rate * seconds / plan.frame_size
    return attachments.size + _INDEX_SLACK + int(_INDEX_BYTES_PER_FRAME * frames)


def _deferred_part_count(
    context: ConversionContext, index_size: int, attachments: Attachments
) -> int:
    """Return how many parts are sent last, because the muxer writes to them at its end."""
    if not context.profile.muxer_rewrites_head:
        return 0
    size = index_size if context.profile.index_first else attachments.size
    return 1 + size // PART_SIZE
