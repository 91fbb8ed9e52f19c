"""Choose the filters that mix, fade and normalise, and measure what they need."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.core.domain.formats import ConversionOptions
from services.conversion.ffmpeg import commands
from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.ffmpeg.log import FfmpegLog
from services.conversion.pipeline import loudness
from services.conversion.pipeline.context import ConversionContext, require_success
from services.conversion.pipeline.fades import fades
from services.conversion.pipeline.probe import ProbedSource
from services.conversion.pipeline.progress_tracker import CONVERTED
from services.conversion.pipeline.time_range import TimeRange
from services.conversion.pipeline.timeline import SourceTraits, source_filters

_RELATIVE_COST = {"count": 1, "measure": 4, "encode": 5}
"""Time of each pass, relative to the others: decoding is fast, loudness is measured at 192 kHz.

No pass is cheaper than the one before it: `SlotUse.expect` relies on that."""


@dataclass(frozen=True)
class Processing:
    """Hold the filters between trimming and encoding."""

    filters: Sequence[str]
    traits: SourceTraits


def choose_processing(
    context: ConversionContext, probed: ProbedSource, time_range: TimeRange, plan: EncodePlan
) -> Processing:
    """Return the filters for this source; each measurement is a pass through the sound."""
    options, stream = context.options, probed.stream
    traits = SourceTraits()
    expected = time_range.expected
    samples = None if expected is None else round(expected * stream.sample_rate)
    if options.fade_out is not None:
        # Counting is exact to the sample, and right for truncated files too.
        log, traits = _measure(context, probed, time_range, "count", [], traits)
        samples = log.encoded_samples or 0
    fade_filters, warning = fades(options, samples, stream.sample_rate)
    filters = [*plan.mixing, *fade_filters]
    context.warnings.extend([warning] if warning else [])
    if options.normalize is not None:
        log, traits = _measure(
            context, probed, time_range, "measure", [*filters, loudness.MEASURE], traits
        )
        gain, warning = loudness.correction(log, options.normalize, plan.resampling)
        filters += gain
        context.warnings.extend([warning] if warning else [])
    return Processing(filters, traits)


def enter_pass(context: ConversionContext, name: str) -> None:
    """Report the range of percent that a pass covers; `name` is a key of `_RELATIVE_COST`."""
    needed = _needed_passes(context.options)
    costs = {each: _RELATIVE_COST[each] if needed[each] else 0 for each in needed}
    before = sum(list(costs.values())[: list(costs).index(name)])
    percent = CONVERTED / sum(costs.values())
    context.progress.enter("converting", before * percent, (before + costs[name]) * percent)


def _needed_passes(options: ConversionOptions) -> dict[str, bool]:
    return {
        "count": options.fade_out is not None,
        "measure": options.normalize is not None,
        "encode": True,
    }


def _measure(
    context: ConversionContext,
    probed: ProbedSource,
    time_range: TimeRange,
    name: str,
    filters: Sequence[str],
    traits: SourceTraits,
) -> tuple[FfmpegLog, SourceTraits]:
    """Run one pass; return its log, and the traits that are known now."""
    enter_pass(context, name)
    command = commands.measure(
        probed.sound,
        [*source_filters(context.options, probed.stream, probed.timeline, traits), *filters],
        context.limits.max_duration + 1,
    )
    result = context.process(command, time_range.decoded, descriptors=probed.sound.descriptors)
    if (found := traits.combine(result.log)) != traits:
        # The filters did not expect it: measure again with those that do.
        return _measure(context, probed, time_range, name, filters, found)
    require_success(result)
    return result.log, traits
