"""Define the output formats and their options.

`libs/core/domain/options.py` validates requests against this table, and `GET /api/formats`
shows it. Muxers, encoders and FFmpeg's arguments are not here: they belong to the conversion
service (`services/conversion/ffmpeg/profiles.py`).
"""

from dataclasses import dataclass, field, fields
from typing import Any

from libs.core.errors import FormatUnsupported


@dataclass(frozen=True)
class QualityRange:
    """Describe the scale of an encoder's VBR quality."""

    min: int
    max: int
    suggested: int
    """Quality that the page's form shows until somebody chooses another.

    Its name in the API is `default`. The service does not use it: if a request has neither bitrate
    nor quality, the format's `EncoderProfile` decides."""
    best: int
    """The end of the scale with the best quality: `min` or `max`."""


@dataclass(frozen=True)
class Format:
    """Describe an output format and the values of its options.

    An empty tuple, or None, means that requests cannot choose this option.
    """

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
    """Hold the requested options. None means that the request does not have the option.

    Sample rate, channels and bit depth are then chosen from the source, see `make_plan` in
    `services/conversion/pipeline/plan.py`.
    """

    bitrate: str | None = None
    """Constant or average bitrate, for example "192k". Not together with `quality`.

    If both are None, the format's `EncoderProfile` decides."""
    quality: int | None = None
    """Variable bitrate, on the scale of `Format.quality`."""
    sample_rate: int | None = None
    """Hertz."""
    channels: int | None = None
    bit_depth: int | None = None
    """Bits per sample, lossless formats only."""
    start: float | None = None
    """Where the output begins, in seconds from the first sample. If `keep_delay` is set, in seconds
    from the beginning of the file."""
    end: float | None = None
    """Where the output ends, counted like `start`."""
    normalize: float | None = None
    """Loudness target in LUFS (EBU R 128), for example -16."""
    fade_in: float | None = None
    """Duration of the linear fade at the beginning of the output, in seconds."""
    fade_out: float | None = None
    """Duration of the linear fade at the end of the output, in seconds."""
    track: int | None = None
    """Index of the audio track to convert, among the audio tracks of the source. None takes the
    default track."""
    keep_delay: bool | None = None
    """Put silence in front of sound that begins later than the file."""

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


def find_format(name: str) -> Format:
    """Return the format of this name. Raises FormatUnsupported."""
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(FORMATS)
        raise FormatUnsupported(
            f"TinyPixo cannot convert to “{name[:40]}”. Choose one of {known}."
        ) from None


@dataclass(frozen=True)
class ConversionRequest:
    """Hold a requested conversion. `check_request` in `domain/options.py` validates it."""

    format: str
    options: ConversionOptions = field(default_factory=ConversionOptions)
    filename: str | None = None
    """Name for the download, without extension. None takes the upload's name."""
