"""Choose the bitrate or the quality of a lossy output."""

from collections.abc import Sequence

from libs.core.domain.conversions import ConversionWarning
from libs.core.domain.formats import ConversionOptions
from services.conversion.ffmpeg.profiles import EncoderProfile

_VORBIS_MAX_BITRATES = (
    (9000, 42_000), (12_000, 50_000), (17_000, 86_000), (25_000, 86_000), (40_000, 190_000),
    (50_000, 240_000),
)  # fmt: skip
"""Pairs (rate, bit/s): up to that sample rate, libvorbis makes at most that many bit/s per channel
(lib/modes/setup_*.h)."""
_MP3_MAX_BITRATES = ((12_000, 64_000), (24_000, 160_000), (48_000, 320_000))
"""Pairs (rate, bit/s): up to that sample rate, an MP3 has at most that many bit/s (ISO 11172-3,
ISO 13818-3, LAME)."""
_AAC_MAX_BITS_PER_SAMPLE = 6
"""An AAC frame of 1024 samples has at most 6144 bits per channel (ISO 14496-3)."""


def rate_control(
    profile: EncoderProfile,
    options: ConversionOptions,
    sample_rate: int,
    channels: int,
    warnings: list[ConversionWarning],
) -> Sequence[str]:
    """Return the encoder options for bitrate or quality, and warn if the bitrate is limited."""
    if "" not in profile.encoders:
        return []
    quality = options.quality if options.bitrate is None else None
    if quality is None and options.bitrate is None:
        quality = profile.quality_if_unset
    if quality is not None:
        return [profile.quality_option, str(quality)]
    limit = _max_bitrate(profile, sample_rate, channels)
    if options.bitrate is None:
        bitrate = profile.bitrate_per_channel * channels
        return ["-b:a", str(min(bitrate, limit or bitrate))]
    bitrate = int(options.bitrate.removesuffix("k")) * 1000
    if limit is not None and limit < bitrate:
        warnings.append(
            ConversionWarning(
                "bitrate_limited",
                f"The result has less than the requested {bitrate // 1000} kbit/s, because"
                f" {profile.encoders['']} makes at most {limit // 1000} kbit/s at {sample_rate} Hz"
                f" with {channels} {'channel' if channels == 1 else 'channels'}.",
            )
        )
    return ["-b:a", str(min(bitrate, limit or bitrate))]


def _max_bitrate(profile: EncoderProfile, sample_rate: int, channels: int) -> int | None:
    """Return the highest bitrate of the encoder in bit/s, or None if the format allows all."""
    encoder = profile.encoders[""]
    if encoder == "libvorbis":
        return channels * _up_to(_VORBIS_MAX_BITRATES, sample_rate)
    if encoder == "libmp3lame":
        return _up_to(_MP3_MAX_BITRATES, sample_rate)
    if encoder == "aac":
        return _AAC_MAX_BITS_PER_SAMPLE * sample_rate * channels
    limit = profile.max_bitrate_per_channel
    return limit * channels if limit else None


def _up_to(limits: Sequence[tuple[int, int]], sample_rate: int) -> int:
    # Each table reaches the highest sample rate that `pipeline.plan._choose_rate` returns for a
    # conversion with a bitrate, which for Vorbis is 48 kHz.
    return next(limit for highest, limit in limits if sample_rate <= highest)
