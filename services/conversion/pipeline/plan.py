"""Choose encoder settings from the request and the source, and warn about losses."""

from collections.abc import Sequence
from dataclasses import replace

from libs.core.domain.formats import ConversionOptions, Format
from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.ffmpeg.log import AudioStream
from services.conversion.ffmpeg.profiles import EncoderProfile

_LOSSLESS_CODECS = (
    "flac", "alac", "ape", "als", "mlp", "shorten", "tak", "truehd", "tta", "wavpack",
    "wmalossless",
)  # fmt: skip
_VORBIS_MAX_BITRATE = (
    (9000, 42_000), (12_000, 50_000), (17_000, 86_000), (25_000, 86_000), (40_000, 190_000),
    (50_000, 240_000),
)  # fmt: skip
"""Maximum bit/s per channel of libvorbis, by sample rate up to (lib/modes/setup_*.h)."""
_LAYOUTS = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1")
"""FFmpeg's default layouts, by the number of channels."""
TRUE_PEAK = -1.0
"""Maximum true peak of normalised sound in dBTP (EBU R128 s1)."""


def is_lossless(stream: AudioStream) -> bool:
    """Return True if the source holds every sample as it was recorded."""
    return stream.codec.startswith(("pcm_s", "pcm_u", "pcm_f")) or stream.codec in _LOSSLESS_CODECS


def make_plan(
    fmt: Format, profile: EncoderProfile, options: ConversionOptions, stream: AudioStream
) -> EncodePlan:
    """Decide what the request leaves open by the source, and collect warnings."""
    warnings: list[str] = []
    if fmt.lossless and not is_lossless(stream):
        warnings.append("The source is lossy, so the result is larger but doesn't sound better.")
    bits = _choose_bits(profile, options, stream, warnings)
    channels = _choose_channels(fmt, profile, options, stream, warnings)
    rate = _choose_rate(profile, options, stream, warnings)
    encoder_options = [*profile.encoder_options, *_rate_control(profile, options, rate, channels)]
    encoder_options += ["-ar", str(rate), "-ac", str(channels)]
    if bits in profile.sample_formats:
        encoder_options += ["-sample_fmt", profile.sample_formats[bits]]
        if bits == 24:
            encoder_options += ["-bits_per_raw_sample", "24"]
    plan = EncodePlan(
        profile.encoders[bits], tuple(encoder_options), rate, channels, bits, (), tuple(warnings)
    )
    mixing = (
        (f"aformat=channel_layouts={_LAYOUTS[channels - 1]}",)
        if channels != stream.channels
        else ()
    )
    plan = replace(plan, mixing=mixing, may_clip=_may_clip(stream, plan))
    return replace(plan, filters=tuple(_last_filters(stream, plan)))


def _choose_bits(
    profile: EncoderProfile, options: ConversionOptions, stream: AudioStream, warnings: list[str]
) -> int | str:
    if "" in profile.encoders:
        return ""
    floating = stream.sample_format in ("flt", "dbl") and is_lossless(stream)
    source_bits = (stream.bits or 16) if is_lossless(stream) else 16
    if options.bit_depth is not None:
        if floating and options.bit_depth == 32 and "f32" in profile.encoders:
            return "f32"
        chosen = options.bit_depth
    elif floating and "f32" in profile.encoders:
        chosen, source_bits = 32, min(source_bits, 32)
    else:
        depths = sorted(b for b in profile.encoders if isinstance(b, int))
        chosen = next((b for b in depths if b >= source_bits), depths[-1])
    if chosen < source_bits:
        kind = "floating point" if floating else "integer"
        warnings.append(f"The samples were reduced from {source_bits}-bit {kind} to {chosen}-bit.")
    return "f32" if floating and chosen == 32 else chosen


def _choose_channels(
    fmt: Format,
    profile: EncoderProfile,
    options: ConversionOptions,
    stream: AudioStream,
    warnings: list[str],
) -> int:
    possible = [c for c in fmt.channels if c <= profile.max_channels]
    channels = options.channels or max(
        (c for c in possible if c <= stream.channels), default=possible[0]
    )
    if channels < stream.channels:
        warnings.append(f"{stream.channels} channels were mixed down to {channels}.")
    return channels


def _choose_rate(
    profile: EncoderProfile, options: ConversionOptions, stream: AudioStream, warnings: list[str]
) -> int:
    rate = options.sample_rate or stream.sample_rate
    if profile.encoders.get("") == "libvorbis" and options.bitrate is not None:
        rate = min(rate, 48000)  # libvorbis has no bitrates above, only qualities
    if profile.rates and rate not in profile.rates:
        rate = min((r for r in profile.rates if r >= rate), default=max(profile.rates))
    if rate != stream.sample_rate and rate != options.sample_rate:
        warnings.append(
            f"The sound was resampled from {stream.sample_rate} Hz to {rate} Hz, because this"
            " format doesn't have the source's rate."
        )
    return rate


def _rate_control(
    profile: EncoderProfile, options: ConversionOptions, rate: int, channels: int
) -> list[str]:
    if "" not in profile.encoders:
        return []
    quality = options.quality if options.bitrate is None else None
    if quality is None and options.bitrate is None:
        quality = profile.default_quality
    if quality is not None:
        return [profile.quality, str(quality)]
    bitrate = (
        int(options.bitrate.removesuffix("k")) * 1000
        if options.bitrate
        else profile.bitrate_per_channel * channels
    )
    limit = profile.max_bitrate_per_channel
    if profile.encoders[""] == "libvorbis":
        limit = next(limit for up_to, limit in _VORBIS_MAX_BITRATE if rate <= up_to)
    return ["-b:a", str(min(bitrate, limit * channels) if limit else bitrate)]


def _may_clip(stream: AudioStream, plan: EncodePlan) -> bool:
    """Return True if samples can exceed full scale.

    Floating point has no maximum, integers do, and lossy decoders and resampling overshoot it.
    """
    floating = stream.sample_format in ("flt", "dbl")
    if isinstance(plan.bits, int):
        return floating or plan.sample_rate != stream.sample_rate
    # Lossy formats hold more than full scale, players do not. A lossy source stays as loud as it
    # was, unless channels are added up.
    return plan.bits == "" and floating and (is_lossless(stream) or plan.channels < stream.channels)


def _last_filters(stream: AudioStream, plan: EncodePlan) -> Sequence[str]:
    filters = []
    if plan.may_clip:
        exact = "fltp" if stream.sample_format == "flt" else "dblp"
        filters.append(f"aformat=sample_fmts={exact}:sample_rates={plan.sample_rate}")
        filters.append("astats=measure_overall=Peak_level:measure_perchannel=none")
    if isinstance(plan.bits, int) and is_lossless(stream) and plan.bits == 16 and stream.bits > 16:
        filters.append(f"aresample={plan.sample_rate}:osf=s16:dither_method=triangular_hp")
    return filters
