"""Run the steps of one conversion: probe, plan, encode, verify and store."""

from dataclasses import replace
from functools import partial

from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.pipeline import failures
from services.conversion.pipeline.attachments import extract_cover, prepare_attachments
from services.conversion.pipeline.context import ConversionContext
from services.conversion.pipeline.encode import encode
from services.conversion.pipeline.plan import make_plan
from services.conversion.pipeline.probe import ProbedSource, probe
from services.conversion.pipeline.processing import choose_processing
from services.conversion.pipeline.progress_tracker import CONVERTED
from services.conversion.pipeline.store import store
from services.conversion.pipeline.time_range import TimeRange, select_range
from services.conversion.pipeline.verify import verify
from services.conversion.ports import ConversionResult, MediaError, OutputSink
from services.conversion.tags.loudness_tags import Changes

_HEADER_ROUNDING = 0.01
"""Seconds by which FFmpeg's log rounds a duration."""


def convert(context: ConversionContext, sink: OutputSink) -> ConversionResult:
    """Run all steps of one conversion.

    Raises MediaError, StorageUnavailable, and whatever the progress callback raises.
    """
    context.progress.enter("probing", 0, 0)
    probed = probe(context)
    time_range = _choose_range(context, probed)
    longest = context.limits.longest(time_range.decoded)
    context.progress.describe(probed.summary, time_range.expected, context.source, longest)
    picture = extract_cover(context, probed)
    plan = make_plan(
        context.fmt, context.profile, context.options, probed.stream, has_soxr=context.has_soxr
    )
    context.warnings.extend(plan.warnings)
    _require_output_fits(context, probed, time_range, plan)
    processing = choose_processing(context, probed, time_range, plan)
    changes = Changes(
        level=context.options.changes_samples or plan.adds_up,
        length=context.options.start is not None or context.options.end is not None,
    )
    with (
        prepare_attachments(context, probed, time_range, picture, changes) as attachments,
        encode(context, sink, probed, time_range, plan, processing, attachments) as output,
    ):
        context.progress.enter("storing", CONVERTED, 100)
        check = partial(verify, context, probed, time_range, plan, output)
        stored, duration = store(output.writer, check, context.progress)
    return ConversionResult(
        stored.key, stored.size, duration, stored.sha256, tuple(context.warnings)
    )


def _choose_range(context: ConversionContext, probed: ProbedSource) -> TimeRange:
    duration, start, end = probed.duration, context.options.start or 0, context.options.end
    is_known = duration is not None and not probed.may_be_longer
    if is_known and duration is not None and start >= duration + _HEADER_ROUNDING:
        raise MediaError(failures.START_AFTER_END)
    if end is not None and (end - start) * probed.stream.sample_rate < 1:
        raise MediaError(failures.RANGE_TOO_SHORT)
    time_range = select_range(context.options, duration, probed.log.duration)
    return replace(time_range, end=end) if probed.may_be_longer else time_range


def _require_output_fits(
    context: ConversionContext, probed: ProbedSource, time_range: TimeRange, plan: EncodePlan
) -> None:
    """Raise MediaError if an output of known size is too large, before anything is encoded."""
    known = None if probed.log.duration_is_estimated else time_range.expected
    if known is not None and plan.bytes_per_second:
        context.require_output_fits(plan.bytes_per_second * known)
