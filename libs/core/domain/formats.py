"""Define the output formats and their options, and validate requests against them.

`GET /api/formats` shows this table. Muxers, encoders and FFmpeg's arguments are not here: they
belong to the conversion service (`services/conversion/ffmpeg/profiles.py`).
"""

from dataclasses import dataclass, field, fields
from typing import Any

from libs.core.errors import FormatUnsupported, OptionInvalid


@dataclass(frozen=True)
class QualityRange:
    """Describe the VBR scale of an encoder. `best` is the end with the higher quality."""

    min: int
    max: int
    default: int
    best: int


@dataclass(frozen=True)
class Format:
    """Describe an output format. An empty tuple, or None, means that it lacks the option."""

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
    """Hold the requested options. None keeps the source's value, or the default bitrate."""

    bitrate: str | None = None
    """Constant or average bitrate, for example "192k". Not together with `quality`."""
    quality: int | None = None
    """Variable bitrate, on the scale of `Format.quality`."""
    sample_rate: int | None = None
    """Hertz."""
    channels: int | None = None
    bit_depth: int | None = None
    """Bits per sample, lossless formats only."""
    start: float | None = None
    """Position in the source where the output begins, in seconds."""
    end: float | None = None
    """Position in the source where the output ends, in seconds."""
    normalize: float | None = None
    """Loudness target in LUFS (EBU R128), for example -16."""
    fade_in: float | None = None
    """Duration of the linear fade at the beginning of the output, in seconds."""
    fade_out: float | None = None
    """Duration of the linear fade at the end of the output, in seconds."""

    @property
    def changes_samples(self) -> bool:
        """Return True if samples are multiplied, by fades or to change the loudness."""
        return any(x is not None for x in (self.normalize, self.fade_in, self.fade_out))

    def as_dict(self) -> dict[str, Any]:
        """Return the options that are not None."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}


_LOSSY_BITRATES = ("64k", "96k", "128k", "160k", "192k", "224k", "256k", "320k")
_MPEG_SAMPLE_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_PCM_SAMPLE_RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 176400, 192000)
_WMA_SAMPLE_RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000)
_MANY_CHANNELS = (1, 2, 3, 4, 5, 6, 7, 8)

FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format(
            "mp3",
            "mp3",
            "audio/mpeg",
            False,
            _LOSSY_BITRATES,
            QualityRange(0, 9, 2, best=0),
            _MPEG_SAMPLE_RATES,
        ),
        Format(
            "wav",
            "wav",
            "audio/wav",
            True,
            sample_rates=_PCM_SAMPLE_RATES,
            channels=_MANY_CHANNELS,
            bit_depths=(16, 24, 32),
        ),
        Format(
            "flac",
            "flac",
            "audio/flac",
            True,
            sample_rates=_PCM_SAMPLE_RATES,
            channels=_MANY_CHANNELS,
            bit_depths=(16, 24),
        ),
        Format(
            "aac",
            "aac",
            "audio/aac",
            False,
            _LOSSY_BITRATES,
            sample_rates=(*_MPEG_SAMPLE_RATES, 88200, 96000),
            channels=(1, 2, 3, 4, 5, 6),
        ),
        Format(
            "m4a",
            "m4a",
            "audio/mp4",
            False,
            _LOSSY_BITRATES,
            sample_rates=(*_MPEG_SAMPLE_RATES, 88200, 96000),
            channels=(1, 2, 3, 4, 5, 6),
        ),
        Format(
            "ogg",
            "ogg",
            "audio/ogg",
            False,
            _LOSSY_BITRATES,
            QualityRange(0, 10, 5, best=10),
            _PCM_SAMPLE_RATES[:-3],
            _MANY_CHANNELS,
        ),
        Format(
            "opus",
            "opus",
            "audio/ogg",
            False,
            _LOSSY_BITRATES,
            sample_rates=(48000,),  # Opus always decodes to 48 kHz (RFC 6716)
            channels=(1, 2, 3, 4, 6, 8),
        ),
        Format(
            "aiff",
            "aiff",
            "audio/aiff",
            True,
            sample_rates=_PCM_SAMPLE_RATES,
            channels=_MANY_CHANNELS,
            bit_depths=(16, 24, 32),
        ),
        Format(
            "alac",
            "m4a",
            "audio/mp4",
            True,
            sample_rates=_PCM_SAMPLE_RATES,
            channels=_MANY_CHANNELS,
            bit_depths=(16, 24),
        ),
        Format(
            "wma", "wma", "audio/x-ms-wma", False, _LOSSY_BITRATES, sample_rates=_WMA_SAMPLE_RATES
        ),
        Format(
            "ac3",
            "ac3",
            "audio/ac3",
            False,
            _LOSSY_BITRATES,
            sample_rates=(32000, 44100, 48000),
            channels=(1, 2, 3, 4, 5, 6),
        ),
    )
}
"""All formats by name, in the order in which the page shows them."""

NORMALIZE_RANGE = (-70.0, -5.0)
"""LUFS. The range of targets that FFmpeg's loudnorm filter allows."""

_FLOAT_TOLERANCE = 1e-6
"""Seconds. In floating point 0.3 - 0.1 is less than 0.2."""

MAX_FADE = 600.0
"""Seconds."""


MAX_TIME = 1_000_000.0
"""Seconds. Of `start` and `end`; far beyond the longest source that is converted."""

MIN_PIECE = 0.01
"""Seconds from `start` to `end`. Some encoders output nothing for less."""


def find_format(name: str) -> Format:
    """Return the format of this name. Raises FormatUnsupported."""
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(FORMATS)
        raise FormatUnsupported(
            f"TinyPixo cannot convert to “{name[:40]}”. Choose one of {known}."
        ) from None


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
    _check_times(options)
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
    earliest = (options.start or 0) + MIN_PIECE - _FLOAT_TOLERANCE
    if options.end is not None and not earliest <= options.end <= MAX_TIME:
        raise _invalid(
            "end",
            f"The end must be at least {MIN_PIECE:g} seconds after the start, and at most "
            f"{MAX_TIME:.0f} seconds.",
            [f"start + {MIN_PIECE:g}", MAX_TIME],
        )
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


@dataclass(frozen=True)
class ConversionRequest:
    """Hold a requested conversion. `check_request` validates it."""

    format: str
    options: ConversionOptions = field(default_factory=ConversionOptions)
    filename: str | None = None
    """Name for the download, without extension. None takes the upload's name."""


def check_request(request: ConversionRequest) -> ConversionRequest:
    """Return the request unchanged if it is valid. Raises FormatUnsupported or OptionInvalid."""
    check_options(find_format(request.format), request.options)
    return request
