"""Validate requested options against the output format, and against the limits of all formats."""

from typing import Any

from libs.core.domain.formats import ConversionOptions, ConversionRequest, Format, find_format
from libs.core.errors import OptionInvalid

NORMALIZE_RANGE = (-70.0, -5.0)
"""LUFS. The range of targets that FFmpeg's loudnorm filter allows."""

_FLOAT_TOLERANCE = 1e-6
"""Seconds. In floating point 0.3 - 0.1 is less than 0.2."""

MAX_FADE = 600.0
"""Seconds."""

MAX_TIME = 1_000_000.0
"""Seconds. Maximum of `start` and `end`; far beyond the longest source that is converted."""

MAX_TRACK_INDEX = 63
"""Maximum of the option `track`. Sources may have more tracks, which cannot be chosen."""

MIN_RANGE = 0.01
"""Seconds from `start` to `end`. Some encoders output nothing for less."""


def check_options(fmt: Format, options: ConversionOptions) -> None:
    """Raise OptionInvalid for the first option that the format does not allow.

    The error names the `option` and the `allowed` values.
    """
    _one_of(fmt, "bitrate", options.bitrate, fmt.bitrates)
    _one_of(fmt, "sample_rate", options.sample_rate, fmt.sample_rates)
    _one_of(fmt, "channels", options.channels, fmt.channels)
    _one_of(fmt, "bit_depth", options.bit_depth, fmt.bit_depths)
    if options.quality is not None:
        scale = tuple(range(fmt.quality.min, fmt.quality.max + 1)) if fmt.quality else ()
        _one_of(fmt, "quality", options.quality, scale)
        if options.bitrate is not None:
            raise _invalid("quality", "Choose a bitrate or a quality, not both.", [])
    if options.track is not None and not 0 <= options.track <= MAX_TRACK_INDEX:
        raise _invalid(
            "track",
            f"The track must be between 0 and {MAX_TRACK_INDEX}.",
            [0, MAX_TRACK_INDEX],
        )
    _check_times(options)
    _check_loudness(options)
    _check_fades(options)


def _one_of(fmt: Format, option: str, value: Any, allowed: tuple[Any, ...]) -> None:
    if value is None or value in allowed:
        return
    choices = ", ".join(map(str, allowed))
    detail = (
        f"For {fmt.name}, {option} must be one of {choices}."
        if allowed
        else f"{fmt.name} has no option {option}."
    )
    raise _invalid(option, detail, list(allowed))


def _check_times(options: ConversionOptions) -> None:
    # `not low <= x` also refuses NaN, because every comparison with NaN is false.
    if options.start is not None and not 0 <= options.start <= MAX_TIME:
        raise _invalid(
            "start", f"The start must be between 0 and {MAX_TIME:.0f} seconds.", [0, MAX_TIME]
        )
    earliest = (options.start or 0) + MIN_RANGE - _FLOAT_TOLERANCE
    if options.end is not None and not earliest <= options.end <= MAX_TIME:
        raise _invalid(
            "end",
            f"The end must be at least {MIN_RANGE:g} seconds after the start, and at most "
            f"{MAX_TIME:.0f} seconds.",
            [f"start + {MIN_RANGE:g}", MAX_TIME],
        )


def _check_loudness(options: ConversionOptions) -> None:
    low, high = NORMALIZE_RANGE
    if options.normalize is not None and not low <= options.normalize <= high:
        raise _invalid(
            "normalize",
            f"The loudness target must be between {low:g} and {high:g} LUFS.",
            [low, high],
        )


def _check_fades(options: ConversionOptions) -> None:
    for option, value in (("fade_in", options.fade_in), ("fade_out", options.fade_out)):
        if value is not None and not 0 < value <= MAX_FADE:
            raise _invalid(
                option,
                f"A fade must be longer than 0 and at most {MAX_FADE:g} seconds.",
                ["more than 0", MAX_FADE],
            )
    fades = (options.fade_in or 0) + (options.fade_out or 0)
    # Without `end` the duration is not known here. The pipeline then shortens fades that do not
    # fit, with a warning.
    if (
        options.end is not None
        and fades > (duration := options.end - (options.start or 0)) + _FLOAT_TOLERANCE
    ):
        longest = "fade_in" if (options.fade_in or 0) > (options.fade_out or 0) else "fade_out"
        raise _invalid(
            longest,
            f"The fades take {fades:g} seconds, but start to end is only {duration:g} seconds.",
            [f"at most {duration:g}"],
        )


def _invalid(option: str, detail: str, allowed: list[Any]) -> OptionInvalid:
    return OptionInvalid(detail, option=option, allowed=allowed)


def check_request(request: ConversionRequest) -> ConversionRequest:
    """Return the request unchanged if it is valid. Raises FormatUnsupported or OptionInvalid."""
    check_options(find_format(request.format), request.options)
    return request
