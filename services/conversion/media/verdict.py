"""Whether what came out is what was asked for: FFmpeg's exit code alone says little (it is 0 for half a file, and for nothing)."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from libs.core.domain.conversions import Source
from libs.core.domain.formats import ConversionOptions
from services.conversion.media import classify
from services.conversion.media.metadata import Metadata
from services.conversion.media.plan import Plan, is_lossless
from services.conversion.media.report import AudioStream, Report
from services.conversion.media.table import Recipe

Problem = tuple[str, str]
"""A code of API.md and a sentence for the person."""

_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4", "matroska,webm": "matroska"}
_CODECS = {
    "libmp3lame": "mp3", "libvorbis": "vorbis", "libopus": "opus", "wmav2": "wmav2",
}  # fmt: skip
NOTHING_THERE: Problem = ("corrupt", "The piece asked for begins after the end of the sound.")
MOST = 0.5
"""A source of which less than this can be read is `corrupt`; above, the rest is delivered with a warning."""


def tolerance(seconds: float) -> float:
    """Seconds by which durations may differ: codecs pad to whole frames, headers round."""
    return max(0.1, 0.005 * seconds)


def as_source(report: Report, stream: AudioStream, found: Metadata, size: int) -> Source:
    """What the API shows of the upload."""
    duration = report.duration or 0.0
    return Source(
        codec=stream.codec,
        container=_CONTAINERS.get(report.container, report.container),
        duration=duration,
        sample_rate=stream.sample_rate,
        channels=stream.channels,
        bitrate=stream.bitrate or report.bitrate or (int(size * 8 / duration) if duration else 0),
        bit_depth=stream.bits if is_lossless(stream) and stream.bits else None,
        tags={key: value[:1000] for key, value in list(found.tags.items())[:40]},
        has_cover=bool(report.pictures),
    )


def check_source(report: Report, stream: AudioStream | None, max_channels: int, min_rate: int, max_rate: int) -> Problem | None:
    """Why the source cannot be converted, before anything of it is decoded."""
    if stream is None:
        return classify.NO_AUDIO if report.videos else classify.NOT_AUDIO
    if stream.codec in ("none", "unknown", "") or (stream.codec in report.unsupported):
        return classify.unsupported(stream.codec or "unknown")
    if stream.sample_rate == 0 or stream.channels == 0:
        return classify.CORRUPT
    if stream.channels > max_channels:
        return "unsupported_codec", f"This file has {stream.channels} channels; we convert up to {max_channels}."
    if not min_rate <= stream.sample_rate <= max_rate:
        return "unsupported_codec", f"This file has {stream.sample_rate} samples a second; we convert from {min_rate} to {max_rate}."
    return None


def check_exit(exit_code: int, killed_by: int, report: Report) -> Problem | None:
    """Why the run failed, if it did."""
    if killed_by == signal.SIGXCPU:
        return "timed_out", "Converting this file took too long, so it was stopped."
    if killed_by == signal.SIGXFSZ:
        return "too_large", "The result would be larger than we can store."
    words = "\n".join(report.trouble)
    if "Cannot allocate memory" in words and exit_code:
        return "too_large", "Converting this file needs more memory than we allow."
    if killed_by and killed_by != signal.SIGKILL:
        return classify.CORRUPT
    if exit_code or killed_by:
        return classify.INTERNAL if report.samples and not report.decode_errors else classify.CORRUPT
    return None


def check_output(made: Report, recipe: Recipe, plan: Plan, written: float) -> str | None:
    """What is wrong with the output, for the operator; None when it is what was planned."""
    if not made.audio:
        return "the output does not open"
    stream = made.audio[0]
    codec = _CODECS.get(plan.encoder, plan.encoder)
    if (stream.codec, stream.sample_rate, stream.channels) != (codec, plan.sample_rate, plan.channels):
        return f"the output is {stream}, planned was {codec} {plan.sample_rate} Hz {plan.channels} channels"
    if recipe.measurable and (made.duration is None or abs(made.duration - written) > tolerance(written)):
        return f"the output's header says {made.duration} s, written were {written} s"
    return None


@dataclass(frozen=True)
class Judgement:
    """A problem, or warnings, or neither."""

    problem: Problem | None = None
    warnings: Sequence[str] = ()


def judge(
    report: Report, cut_off: bool, decoded: float | None, made: float, expected: float | None, options: ConversionOptions, longest: float
) -> Judgement:
    """Compares what was to be read, what was read, and what was written; all in seconds, `expected` None where nobody knows."""
    if made <= 0 or not decoded:
        if options.start is not None and decoded:
            return Judgement(NOTHING_THERE)
        return Judgement(classify.CORRUPT)
    if made > longest:
        return Judgement(("too_long", f"The sound is longer than the {longest / 3600:g} hours that we convert."))
    if options.start is None and options.end is None and abs(made - decoded) > tolerance(decoded):
        return Judgement(classify.INTERNAL)
    missing = 0.0 if expected is None else expected - made
    if expected is not None and missing > tolerance(expected):
        if made < MOST * expected:
            return Judgement(("corrupt", f"This file is damaged: only {made:.1f} of its {expected:.1f} seconds can be read."))
        return Judgement(None, [f"The file is damaged or incomplete: {missing:.1f} of {expected:.1f} seconds are missing."])
    if cut_off or report.cut_off:
        return Judgement(None, ["The file seems to be cut off: it ends in the middle of its sound."])
    if report.decode_errors:
        return Judgement(None, [f"{report.decode_errors} damaged places in the file could not be read and were skipped."])
    return Judgement()
