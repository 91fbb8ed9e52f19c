"""The output formats, what each can be asked for, and the check of a request against them.

This table is what `GET /api/formats` shows and what every request is checked by. How a format
is made (muxer, encoder, options of ffmpeg) is the conversion service's own business.
"""

from dataclasses import dataclass, field, fields
from math import inf
from typing import Any

from libs.core.errors import FormatUnsupported, OptionInvalid


@dataclass(frozen=True)
class QualityRange:
    """The VBR scale of an encoder: `best` says which end is the better one."""

    min: int
    max: int
    default: int
    best: int


@dataclass(frozen=True)
class Format:
    """One output format. An empty tuple (or None) means that the format does not have the option."""

    name: str
    extension: str
    media_type: str
    lossless: bool
    bitrates: tuple[str, ...] = ()
    quality: QualityRange | None = None
    sample_rates: tuple[int, ...] = ()
    channels: tuple[int, ...] = (1, 2)
    bit_depths: tuple[int, ...] = ()


@dataclass(frozen=True)
class ConversionOptions:
    """What a person asked for; None leaves it to the source (or, for bitrate, to the format's default)."""

    bitrate: str | None = None
    """Constant (or average) bitrate, as "192k". Excludes `quality`."""
    quality: int | None = None
    """Variable bitrate on the encoder's own scale, see `Format.quality`."""
    sample_rate: int | None = None
    """Hertz."""
    channels: int | None = None
    bit_depth: int | None = None
    """Bits of one sample, lossless formats only."""
    start: float | None = None
    """Seconds into the source at which the result begins."""
    end: float | None = None
    """Seconds into the source at which the result ends."""
    normalize: float | None = None
    """Loudness target in LUFS (EBU R128), as -16."""
    fade_in: float | None = None
    """Seconds from the beginning of the result in which the sound rises from silence, in a straight line."""
    fade_out: float | None = None
    """Seconds up to the end of the result in which the sound falls to silence."""

    def as_dict(self) -> dict[str, Any]:
        """Only what was asked for."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}


_LOSSY_RATES = ("64k", "96k", "128k", "160k", "192k", "224k", "256k", "320k")
_MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_PCM_RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 176400, 192000)
_WMA_RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000)
_MANY_CHANNELS = (1, 2, 3, 4, 5, 6, 7, 8)

FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format(
            "mp3",
            "mp3",
            "audio/mpeg",
            False,
            _LOSSY_RATES,
            QualityRange(0, 9, 2, best=0),
            _MPEG_RATES,
        ),
        Format(
            "wav",
            "wav",
            "audio/wav",
            True,
            sample_rates=_PCM_RATES,
            channels=_MANY_CHANNELS,
            bit_depths=(16, 24, 32),
        ),
        Format(
            "flac",
            "flac",
            "audio/flac",
            True,
            sample_rates=_PCM_RATES,
            channels=_MANY_CHANNELS,
            bit_depths=(16, 24),
        ),
        Format(
            "aac",
            "aac",
            "audio/aac",
            False,
            _LOSSY_RATES,
            sample_rates=(*_MPEG_RATES, 88200, 96000),
            channels=(1, 2, 6),
        ),
        Format(
            "m4a",
            "m4a",
            "audio/mp4",
            False,
            _LOSSY_RATES,
            sample_rates=(*_MPEG_RATES, 88200, 96000),
            channels=(1, 2, 6),
        ),
        Format(
            "ogg",
            "ogg",
            "audio/ogg",
            False,
            _LOSSY_RATES,
            QualityRange(0, 10, 5, best=10),
            _PCM_RATES[:-3],
            (1, 2, 6),
        ),
        Format(
            "opus",
            "opus",
            "audio/ogg",
            False,
            _LOSSY_RATES,
            sample_rates=(48000,),  # whatever went in: every Opus file is played at this rate
            channels=(1, 2, 6),
        ),
        Format(
            "aiff",
            "aiff",
            "audio/aiff",
            True,
            sample_rates=_PCM_RATES,
            channels=_MANY_CHANNELS,
            bit_depths=(16, 24, 32),
        ),
        Format(
            "alac",
            "m4a",
            "audio/mp4",
            True,
            sample_rates=_PCM_RATES,
            channels=_MANY_CHANNELS,
            bit_depths=(16, 24),
        ),
        Format("wma", "wma", "audio/x-ms-wma", False, _LOSSY_RATES, sample_rates=_WMA_RATES),
        Format(
            "ac3",
            "ac3",
            "audio/ac3",
            False,
            _LOSSY_RATES,
            sample_rates=(32000, 44100, 48000),
            channels=(1, 2, 6),
        ),
    )
}
"""All formats by name, in the order in which people should see them."""

NORMALIZE_RANGE = (-70.0, -5.0)
"""LUFS: the range that ffmpeg's loudnorm takes as a target."""

_ROUNDING = 1e-6
"""Seconds: 0.3 - 0.1 is less than 0.2 to a computer."""

LONGEST_FADE = 600.0
"""Seconds: ten minutes, more than any piece of music takes to begin or to end."""


def find_format(name: str) -> Format:
    """The format of this name. Raises FormatUnsupported, which names those there are."""
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(FORMATS)
        raise FormatUnsupported(
            f"“{name[:40]}” is not a format we can make. Choose one of {known}."
        ) from None


def check_options(fmt: Format, options: ConversionOptions) -> None:
    """Raises OptionInvalid (with `option` and `allowed`) for the first option that the format does not allow."""
    _one_of(fmt, "bitrate", options.bitrate, fmt.bitrates)
    _one_of(fmt, "sample_rate", options.sample_rate, fmt.sample_rates)
    _one_of(fmt, "channels", options.channels, fmt.channels)
    _one_of(fmt, "bit_depth", options.bit_depth, fmt.bit_depths)
    if options.quality is not None:
        scale = tuple(range(fmt.quality.min, fmt.quality.max + 1)) if fmt.quality else ()
        _one_of(fmt, "quality", options.quality, scale)
        if options.bitrate is not None:
            raise _invalid("quality", "Ask for a bitrate or for a quality, not for both.", [])
    _check_times(options)
    _check_fades(options)


def _one_of(fmt: Format, option: str, value: Any, allowed: tuple[Any, ...]) -> None:
    if value is None or value in allowed:
        return
    words = ", ".join(map(str, allowed))
    sentence = (
        f"{fmt.name} takes {option} {words}."
        if allowed
        else f"{fmt.name} has no {option} to choose."
    )
    raise _invalid(option, sentence, list(allowed))


def _check_times(options: ConversionOptions) -> None:
    # In this form, because every comparison with a number that is none is false.
    if options.start is not None and not 0 <= options.start < inf:
        raise _invalid("start", "The start must be 0 seconds or later.", ["0 or more"])
    if options.end is not None and not (options.start or 0) < options.end < inf:
        raise _invalid("end", "The end must be later than the start.", ["more than start"])
    low, high = NORMALIZE_RANGE
    if options.normalize is not None and not low <= options.normalize <= high:
        raise _invalid(
            "normalize",
            f"The loudness target must lie between {low:g} and {high:g} LUFS.",
            [low, high],
        )


def _check_fades(options: ConversionOptions) -> None:
    for option, value in (("fade_in", options.fade_in), ("fade_out", options.fade_out)):
        if value is not None and not 0 < value <= LONGEST_FADE:
            raise _invalid(
                option,
                f"A fade takes more than 0 and at most {LONGEST_FADE:g} seconds.",
                ["more than 0", LONGEST_FADE],
            )
    fades = (options.fade_in or 0) + (options.fade_out or 0)
    # Without an end only the source's own says how much there is: fades that do not fit into that are shortened, with a warning.
    if (
        options.end is not None
        and fades > (piece := options.end - (options.start or 0)) + _ROUNDING
    ):
        longest = "fade_in" if (options.fade_in or 0) > (options.fade_out or 0) else "fade_out"
        raise _invalid(
            longest,
            f"The fades take {fades:g} seconds, and the piece from start to end only {piece:g}.",
            [f"at most {piece:g}"],
        )


def _invalid(option: str, sentence: str, allowed: list[Any]) -> OptionInvalid:
    return OptionInvalid(sentence, option=option, allowed=allowed)


@dataclass(frozen=True)
class ConversionRequest:
    """A conversion that was asked for, checked: build it with `check_request`."""

    format: str
    options: ConversionOptions = field(default_factory=ConversionOptions)
    filename: str | None = None
    """The stem of the download's name, where it shall not be the upload's."""


def check_request(request: ConversionRequest) -> ConversionRequest:
    """The request itself when every part of it is possible. Raises FormatUnsupported or OptionInvalid."""
    check_options(find_format(request.format), request.options)
    return request
