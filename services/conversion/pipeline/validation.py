"""Whether what came out is what was asked for: FFmpeg's exit code alone says little (it is 0 for half a file, and for nothing)."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from libs.core.domain.conversions import Source
from libs.core.domain.formats import ConversionOptions, Format
from libs.core.domain.uploads import GIB
from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.ffmpeg.ffmetadata import Metadata
from services.conversion.ffmpeg.log import AudioStream, FfmpegLog
from services.conversion.ffmpeg.profiles import EncoderProfile
from services.conversion.pipeline import problems
from services.conversion.pipeline.plan import is_lossless

Problem = tuple[str, str]
"""A code of API.md and a sentence for the person."""

_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4", "matroska,webm": "matroska"}
_CODECS = {
    "libmp3lame": "mp3", "libvorbis": "vorbis", "libopus": "opus", "wmav2": "wmav2",
}  # fmt: skip
TOO_LARGE: Problem = ("too_large", "The result would be larger than we can store.")
NOTHING_THERE: Problem = ("corrupt", "The piece asked for begins after the end of the sound.")
_HEARD = 0.05
"""dB above full level from which clipping is spoken of: less is rounding."""
_ROUNDING = 0.001
_DRIFT = 0.0002
"""Share of a duration that headers round away, those of ASF and Ogg by the packet."""
MOST = 0.5
"""A source of which less than this can be read is `corrupt`; above, the rest is delivered with a warning."""


def tolerance(sample_rate: int) -> float:
    """Seconds by which durations may differ: codecs pad to whole frames, up to four of them, headers round."""
    return max(0.1, 4 * 1024 / sample_rate)


def as_source(report: FfmpegLog, stream: AudioStream, found: Metadata, size: int) -> Source:
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
        has_cover=bool(report.attached_pictures),
    )


def check_source(
    report: FfmpegLog, stream: AudioStream | None, max_channels: int, min_rate: int, max_rate: int
) -> Problem | None:
    """Why the source cannot be converted, before anything of it is decoded."""
    if stream is None:
        return problems.NO_AUDIO if report.video_streams else problems.NOT_AUDIO
    if stream.codec in ("none", "unknown", "") or (stream.codec in report.unsupported_codecs):
        return problems.unsupported(stream.codec)
    if stream.sample_rate == 0 or stream.channels == 0:
        return problems.CORRUPT
    if stream.channels > max_channels:
        return (
            "unsupported_codec",
            f"This file has {stream.channels} channels; we convert up to {max_channels}.",
        )
    if not min_rate <= stream.sample_rate <= max_rate:
        return (
            "unsupported_codec",
            f"This file has {stream.sample_rate} samples a second; we convert from {min_rate} to {max_rate}.",
        )
    return None


def check_signal(killed_by: int) -> Problem | None:
    """Which of its limits a run met, if one."""
    if killed_by == signal.SIGXCPU:
        return "timed_out", "Converting this file took too long, so it was stopped."
    return TOO_LARGE if killed_by == signal.SIGXFSZ else None


def check_exit(exit_code: int, killed_by: int, report: FfmpegLog) -> Problem | None:
    """Why the run failed, if it did."""
    if (limit := check_signal(killed_by)) is not None:
        return limit
    words = "\n".join(report.messages)
    if "Cannot allocate memory" in words and exit_code:
        return "too_large", "Converting this file needs more memory than we allow."
    if killed_by and killed_by != signal.SIGKILL:
        return problems.CORRUPT
    if (
        report.failed_decoder and report.unsupported_codecs
    ):  # which lists decoders, whose names are not always those of the codecs
        return problems.unsupported(report.failed_decoder)
    if exit_code or killed_by:
        return (
            problems.INTERNAL
            if report.decoded_samples and not report.decode_errors
            else problems.CORRUPT
        )
    return None


def check_output(
    made: FfmpegLog, recipe: EncoderProfile, plan: EncodePlan, written: float
) -> str | None:
    """What is wrong with the output, for the operator; None when it is what was planned."""
    if not made.audio_streams:
        return "the output does not open"
    stream = made.audio_streams[0]
    codec = _CODECS.get(plan.encoder, plan.encoder)
    if (stream.codec, stream.sample_rate, stream.channels) != (
        codec,
        plan.sample_rate,
        plan.channels,
    ):
        return f"the output is {stream}, planned was {codec} {plan.sample_rate} Hz {plan.channels} channels"
    if recipe.measurable and (
        made.duration is None
        or abs(made.duration - written) > tolerance(plan.sample_rate) + written * _DRIFT
    ):
        return f"the output's header says {made.duration} s, written were {written} s"
    return None


def check_size(size: float, fmt: Format, recipe: EncoderProfile, most: int) -> Problem | None:
    """Why a result of so many bytes cannot be; asked beforehand where it is known, and while it grows."""
    if recipe.largest is not None and size > recipe.largest:
        sentence = f"The result would be larger than the {round(recipe.largest / GIB)} GiB that {fmt.name} can hold. Please choose another format."
        return "too_large", sentence
    return TOO_LARGE if size > most else None


@dataclass(frozen=True)
class DurationCheck:
    """What was to be read, what was read, and what was written: seconds, and hertz of the source."""

    expected: float | None
    """None: nobody knows."""
    decoded: float | None
    made: float
    sample_rate: int
    cut_off: bool
    """The file ends in the middle of something."""
    alone: bool
    """Nothing but this sound is in the file: its duration is that of the sound."""
    changed: bool = False
    """The rate changed in the middle, so that samples are no measure."""

    @property
    def missing(self) -> float:
        """Seconds, where they are more than codecs and headers round."""
        missing = 0.0 if self.expected is None else self.expected - self.made
        return missing if missing > tolerance(self.sample_rate) else 0.0


@dataclass(frozen=True)
class ValidationResult:
    """A problem, or warnings, or neither."""

    problem: Problem | None = None
    warnings: Sequence[str] = ()


def judge(
    account: DurationCheck, report: FfmpegLog, options: ConversionOptions, longest: float
) -> ValidationResult:
    """Whether all of the sound is there; where it is not, how much is missing. `longest` in seconds."""
    expected, decoded, made = account.expected, account.decoded, account.made
    if made <= 0 or not decoded:
        if options.start is not None and decoded:
            return ValidationResult(NOTHING_THERE)
        return ValidationResult(problems.CORRUPT)
    if made > longest:
        return ValidationResult(
            ("too_long", f"The sound is longer than the {longest / 3600:g} hours that we convert.")
        )
    whole = options.start is None and options.end is None and not account.changed
    if whole and abs(made - decoded) > tolerance(account.sample_rate):
        return ValidationResult(problems.INTERNAL)
    cut_off = account.cut_off or report.is_truncated
    if expected is not None and account.missing:
        if not (account.alone or cut_off or report.decode_errors):
            return ValidationResult(
                None,
                [
                    f"The sound is {account.missing:.1f} seconds shorter than the file with all that is in it."
                ],
            )
        if made < MOST * expected:
            return ValidationResult(
                (
                    "corrupt",
                    f"This file is damaged: only {made:.1f} of its {expected:.1f} seconds can be read.",
                )
            )
        return ValidationResult(
            None,
            [
                f"The file is damaged or incomplete: {account.missing:.1f} of {expected:.1f} seconds are missing."
            ],
        )
    if cut_off and not _got_all_asked_for(options, made):
        return ValidationResult(
            None,
            [
                f"The file seems to be cut off: it ends in the middle of its sound, after {decoded:.1f} seconds."
            ],
        )
    if report.decode_errors:
        return ValidationResult(
            None,
            [
                f"{report.decode_errors} damaged places in the file could not be read and were skipped."
            ],
        )
    return ValidationResult()


def _got_all_asked_for(options: ConversionOptions, made: float) -> bool:
    """Whether the piece ends before the file is cut off."""
    return options.end is not None and made > options.end - (options.start or 0) - _ROUNDING


def loud_places(report: FfmpegLog, plan: EncodePlan) -> list[str]:
    """A sentence where samples came out louder than full level."""
    if not plan.may_clip or report.peak_level is None or report.peak_level < _HEARD:
        return []
    if plan.bits == "":
        return [
            f"The loudest places are {report.peak_level:.1f} dB above full level: most players clip them. Normalising the loudness avoids that."
        ]
    return [
        f"The loudest places were clipped: they were {report.peak_level:.1f} dB above full level. Normalising the loudness avoids that."
    ]
