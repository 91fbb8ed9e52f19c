"""Verify the output: open it with the options for untrusted input, and compare durations."""

import os
from collections.abc import Iterator

from libs.core.domain.conversions import ConversionWarning
from services.conversion.ffmpeg import commands
from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.ffmpeg.log import FfmpegLog
from services.conversion.ffmpeg.process import FfmpegProcess, OnProgress
from services.conversion.pipeline import failures, validation
from services.conversion.pipeline.context import ConversionContext, operator_detail
from services.conversion.pipeline.encode import EncodedOutput
from services.conversion.pipeline.probe import ProbedSource
from services.conversion.pipeline.time_range import TimeRange
from services.conversion.ports import MediaError

_TIMED_BY_PACKETS = ("mpeg", "mpegts")
"""Containers whose duration is the distance of their first and last timestamps."""


def verify(
    context: ConversionContext,
    probed: ProbedSource,
    time_range: TimeRange,
    plan: EncodePlan,
    output: EncodedOutput,
    on_progress: OnProgress,
) -> float:
    """Return the duration of the output in seconds, and add what was lost to the warnings.

    Raises MediaError if the output is not what was planned, or too little of the source was read.
    """
    limits, log = context.limits, output.result.log
    check = FfmpegProcess(
        [context.program, *commands.verify(output.writer.fd, os.pread(output.writer.fd, 16, 0))],
        [output.writer.fd],
        limits.rlimits(limits.probe_seconds, 0),
        limits.probe_seconds,
        limits.stall,
    ).run(on_progress)
    lead = plan.lead / plan.sample_rate
    encoded = max(0, (log.encoded_samples or 0) - plan.lead) / plan.sample_rate
    decoded = _seconds(_kept_samples(log, probed), probed.stream.sample_rate)
    recorded = decoded or 0.0
    if decoded is not None:
        decoded += log.added_silence / probed.stream.sample_rate
        decoded += probed.timeline.delay if context.options.keep_delay else 0
    if decoded is not None and log.encoded_samples == context.profile.min_samples:
        encoded = min(encoded, decoded)  # the rest is padding
    completeness = validation.check_completeness(
        validation.Durations(
            expected=time_range.expected if _has_exact_duration(log, probed) else None,
            decoded=decoded,
            encoded=encoded,
            sample_rate=probed.stream.sample_rate,
            is_truncated=probed.log.is_truncated
            or (_is_truncated(log, probed) and not probed.is_streamed),
            is_only_track=probed.log.track_count == 1,
            format_changes=output.traits.format_changes or bool(probed.sound.ranges),
            recorded=recorded,
            links=probed.link_count,
            has_jumps=probed.log.container in _TIMED_BY_PACKETS,
        ),
        log,
        context.options,
        limits.max_duration,
    )
    if completeness.failure is not None:
        raise MediaError(completeness.failure, operator_detail(output.result))
    mismatch = validation.check_output(check.log, context.profile, plan, encoded + lead)
    if mismatch is not None or not check.ok:
        raise MediaError(failures.INTERNAL, f"{mismatch}\n{operator_detail(check)}")
    context.warnings.extend(completeness.warnings)
    context.warnings.extend(_silence_warnings(log, probed, output))
    context.warnings.extend(validation.clipping_warnings(log, plan))
    stated = check.log.duration if context.profile.states_duration else None
    return encoded if plan.lead or not stated else stated


def _has_exact_duration(log: FfmpegLog, probed: ProbedSource) -> bool:
    """Return True if the file states its duration, and does not contradict itself."""
    is_miscounted = probed.has_all_bytes and not log.decode_errors
    return not (probed.log.duration_is_estimated or is_miscounted)


def _kept_samples(log: FfmpegLog, probed: ProbedSource) -> int | None:
    """Return the decoded samples without those that the encoder added."""
    kept = probed.timeline.kept
    return kept.of(log.decoded_samples) if kept and log.decoded_samples else log.decoded_samples


def _is_truncated(log: FfmpegLog, probed: ProbedSource) -> bool:
    return log.is_truncated or (log.corrupt_packets > 0 and probed.log.container != "mpegts")


def _silence_warnings(
    log: FfmpegLog, probed: ProbedSource, output: EncodedOutput
) -> Iterator[ConversionWarning]:
    """Yield a warning for each kind of sound that silence takes the place of."""
    if output.traits.has_invalid_samples:
        yield ConversionWarning(
            "invalid_samples",
            "Some samples of this file are not valid numbers (NaN or infinite). They were replaced"
            " by silence.",
        )
    if log.added_silence:
        seconds = log.added_silence / probed.stream.sample_rate
        yield ConversionWarning(
            "gaps_filled", f"Gaps in the sound were filled with {seconds:.1f} seconds of silence."
        )


def _seconds(samples: int | None, sample_rate: int) -> float | None:
    return None if samples is None else samples / sample_rate
