"""Validate sources, runs of FFmpeg and outputs.

FFmpeg's exit status is not enough: it is 0 for half a file, and for an empty one.
"""

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from libs.core.domain.conversions import ConversionWarning
from libs.core.domain.formats import ConversionOptions, Format
from libs.core.domain.uploads import GIB, Failure
from services.conversion.ffmpeg.audio_stream import AudioStream
from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.ffmpeg.log import FfmpegLog
from services.conversion.ffmpeg.profiles import EncoderProfile
from services.conversion.pipeline import failures

_FILMS = ("matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "avi", "asf")
"""Containers that may hold subtitles or data alone."""
_CODECS = {"libmp3lame": "mp3", "libvorbis": "vorbis", "libopus": "opus"}
"""Codecs whose encoders have another name: encoder to codec."""
_MIN_CLIPPING_DB = 0.05
"""A peak that is less than this above full scale is rounding, not clipping."""
_MIN_LOSSY_CLIPPING_DB = 0.5
"""Lossy encoders change peaks by about as much."""
_ROUNDING = 0.001
_HEADER_ROUNDING = 0.0002
"""Share of a duration by which headers round; those of ASF and Ogg round to a packet."""
_MAX_ROUNDING_ERROR = 0.009
"""Seconds by which the decoded sound may be shorter than the stated duration and still be whole.

FFmpeg's log gives durations in hundredths of a second. A lost frame is longer than this."""
_LOST_AT_LINK = 0.02
"""Seconds. FFmpeg's reader of Ogg Vorbis loses up to 256 samples at the end of a stream."""
MIN_READABLE_SHARE = 0.5
"""A source is `corrupt` if less than this share of it can be read."""


def tolerance(sample_rate: int) -> float:
    """Return the seconds by which durations may differ.

    Codecs pad to whole frames, up to four of them, and headers round.
    """
    return max(0.1, 4 * 1024 / sample_rate)


def check_source(
    log: FfmpegLog, stream: AudioStream | None, max_channels: int, min_rate: int, max_rate: int
) -> Failure | None:
    """Return why the source cannot be converted, as far as its headers tell."""
    if stream is None:
        is_film = log.video_streams or log.container in _FILMS
        return failures.NO_AUDIO if is_film else failures.NOT_AUDIO
    if stream.codec in ("none", "unknown", "") or stream.codec in log.unsupported_codecs:
        return failures.unsupported_codec(stream.codec)
    if stream.sample_rate == 0 or stream.channels == 0:
        return failures.CORRUPT
    if stream.channels > max_channels:
        return failures.too_many_channels(stream.channels, max_channels)
    return check_rate(stream.sample_rate, min_rate, max_rate)


def check_rate(rate: int, min_rate: int, max_rate: int) -> Failure | None:
    """Return why to refuse a sample rate; all rates in hertz."""
    if min_rate <= rate <= max_rate:
        return None
    return failures.unsupported_rate(rate, min_rate, max_rate)


def check_signal(killed_by: int) -> Failure | None:
    """Return which limit a run exceeded, by the signal that killed it."""
    if killed_by == signal.SIGXCPU:
        return failures.TIMED_OUT
    return failures.TOO_LARGE if killed_by == signal.SIGXFSZ else None


def check_exit(exit_code: int, killed_by: int, log: FfmpegLog) -> Failure | None:
    """Return why a run failed, or None if it succeeded."""
    if (limit := check_signal(killed_by)) is not None:
        return limit
    if exit_code and any("Cannot allocate memory" in message for message in log.messages):
        return failures.TOO_MUCH_MEMORY
    if killed_by and killed_by != signal.SIGKILL:
        return failures.CORRUPT
    if log.failed_decoder and log.unsupported_codecs:
        # The list holds decoders, whose names are not always those of the codecs.
        return failures.unsupported_codec(log.failed_decoder)
    if exit_code or killed_by:
        is_ours = log.decoded_samples and not log.decode_errors
        return failures.INTERNAL if is_ours else failures.CORRUPT
    return None


def check_output(
    log: FfmpegLog, profile: EncoderProfile, plan: EncodePlan, encoded: float
) -> str | None:
    """Return how an output of `encoded` seconds differs from the plan, for the operator."""
    if not log.audio_streams:
        return "the output does not open"
    stream = log.audio_streams[0]
    codec = _CODECS.get(plan.encoder, plan.encoder)
    planned = (codec, plan.sample_rate, plan.channels)
    if (stream.codec, stream.sample_rate, stream.channels) != planned:
        return f"the output is {stream}, planned was {planned}"
    allowed = tolerance(plan.sample_rate) + encoded * _HEADER_ROUNDING
    if profile.states_duration and (log.duration is None or abs(log.duration - encoded) > allowed):
        return f"the output's header states {log.duration} s, encoded were {encoded} s"
    return None


def check_size(
    size: float, fmt: Format, profile: EncoderProfile, max_output: int
) -> Failure | None:
    """Return why an output of `size` bytes is not possible."""
    if profile.max_size is not None and size > profile.max_size:
        return Failure(
            "too_large",
            f"The result would be larger than the {round(profile.max_size / GIB)} GiB that"
            f" {fmt.name} can hold. Choose another format.",
        )
    return failures.TOO_LARGE if size > max_output else None


@dataclass(frozen=True)
class Durations:
    """Hold how much was expected, decoded and encoded, in seconds."""

    expected: float | None
    """None if it is unknown."""
    decoded: float | None
    encoded: float
    sample_rate: int
    """Sample rate of the source, in hertz."""
    is_truncated: bool
    """The source ends in the middle of a packet or an element."""
    is_only_track: bool
    """The file has no other track, so that its duration is that of the sound."""
    format_changes: bool = False
    """The sample rate changes in the source, so a sample count cannot be converted to seconds."""
    has_jumps: bool = False
    """The duration is that between timestamps, which may jump."""
    recorded: float = 0.0
    """Seconds that were decoded, without added silence."""
    links: int = 0
    """Number of links of a chained stream, 0 for other sources."""

    @property
    def is_whole(self) -> bool:
        """Return True if not even one frame of what the file states was lost."""
        return self.expected is not None and self.recorded >= self.expected - _MAX_ROUNDING_ERROR

    @property
    def missing(self) -> float:
        """Return the missing seconds, 0 if they are within the tolerance."""
        missing = 0.0 if self.expected is None else self.expected - self.encoded
        allowed = tolerance(self.sample_rate) + self.links * _LOST_AT_LINK
        return missing if missing > allowed else 0.0


@dataclass(frozen=True)
class Completeness:
    """Hold why an output cannot be delivered, or what its owner should know."""

    failure: Failure | None = None
    warnings: Sequence[ConversionWarning] = ()

    @property
    def details(self) -> list[str]:
        """Return the sentences of the warnings."""
        return [warning.detail for warning in self.warnings]


def check_completeness(
    durations: Durations, log: FfmpegLog, options: ConversionOptions, max_duration: float
) -> Completeness:
    """Check that the output holds all of the requested sound; else report how much is missing."""
    decoded, encoded = durations.decoded, durations.encoded
    if decoded == 0 and not (log.decode_errors or durations.is_truncated):
        return Completeness(failures.EMPTY)
    if encoded <= 0 or not decoded:
        starts_too_late = options.start is not None and decoded
        return Completeness(failures.START_AFTER_END if starts_too_late else failures.CORRUPT)
    if encoded > max_duration:
        return Completeness(failures.too_long(max_duration))
    whole = options.start is None and options.end is None and not durations.format_changes
    if whole and abs(encoded - decoded) > tolerance(durations.sample_rate):
        return Completeness(failures.INTERNAL)
    is_truncated, errors = durations.is_truncated, _count_errors(log, durations)
    if durations.missing:
        return _check_missing(durations, is_damaged=is_truncated or bool(errors))
    if is_truncated and not _ends_as_requested(options, encoded):
        return _warn(
            "source_truncated",
            f"This file seems to be cut off: it ends in the middle of its sound, after"
            f" {decoded:.1f} seconds.",
        )
    if errors and not (whole and durations.is_whole):
        # If all of the sound was requested and not one frame is missing, no warning is needed: the
        # errors were in bytes between or after the frames.
        places = "1 damaged place" if errors == 1 else f"{errors} damaged places"
        skipped = "was" if errors == 1 else "were"
        return _warn("source_damaged", f"{places} in the file {skipped} skipped.")
    return Completeness()


def _count_errors(log: FfmpegLog, durations: Durations) -> int:
    if log.is_joined:
        return max(0, log.decode_errors - log.headers_missing)
    return max(log.decode_errors, log.corrupt_packets if durations.has_jumps else 0)


def _check_missing(durations: Durations, *, is_damaged: bool) -> Completeness:
    expected, encoded, missing = durations.expected, durations.encoded, durations.missing
    assert expected is not None
    if not (durations.is_only_track or is_damaged):
        return _warn(
            "sound_shorter",
            f"The sound is {missing:.1f} seconds shorter than the rest of the file.",
        )
    if durations.has_jumps and not is_damaged:
        return _warn(
            "gaps_left_out",
            f"The timestamps of this file jump over {missing:.1f} seconds, which were left out.",
        )
    if encoded < MIN_READABLE_SHARE * expected:
        return Completeness(
            Failure(
                "corrupt",
                f"This file is damaged: only {encoded:.1f} of its {expected:.1f} seconds can be"
                " read. Try another copy of it.",
            )
        )
    return _warn(
        "source_incomplete",
        f"This file is damaged or incomplete: {missing:.1f} of {expected:.1f} seconds are missing.",
    )


def _warn(code: str, detail: str) -> Completeness:
    return Completeness(warnings=[ConversionWarning(code, detail)])


def _ends_as_requested(options: ConversionOptions, encoded: float) -> bool:
    """Return True if the requested end lies before the end of a truncated file."""
    return options.end is not None and encoded > options.end - (options.start or 0) - _ROUNDING


def clipping_warnings(log: FfmpegLog, plan: EncodePlan) -> list[ConversionWarning]:
    """Return a warning if samples came out louder than full scale."""
    peak = log.peak_level
    if not plan.may_clip or peak is None:
        return []
    remedy = "Normalise the loudness to avoid this."
    if plan.bits == "" and peak >= _MIN_LOSSY_CLIPPING_DB:
        detail = (
            f"The loudest places are {peak:.1f} dB above full scale, and most players clip them."
        )
        return [ConversionWarning("above_full_scale", f"{detail} {remedy}")]
    if plan.bits != "" and peak >= _MIN_CLIPPING_DB:
        detail = f"The loudest places were clipped: they were {peak:.1f} dB above full scale."
        return [ConversionWarning("clipped", f"{detail} {remedy}")]
    return []
