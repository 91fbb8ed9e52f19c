"""Choose encoder settings from the request and the source, and warn about losses."""

from collections.abc import Sequence
from dataclasses import replace

from libs.core.domain.conversions import ConversionWarning
from libs.core.domain.formats import ConversionOptions, Format
from services.conversion.ffmpeg.audio_stream import AudioStream
from services.conversion.ffmpeg.channel_layouts import DEFAULT_LAYOUTS, channels_of
from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.ffmpeg.profiles import EncoderProfile
from services.conversion.ffmpeg.resampling import DITHERED_BITS, dither_filter, resample_filter
from services.conversion.pipeline.bitrate import rate_control
from services.conversion.pipeline.mixing import Mix, choose_mix

_LOSSLESS_CODECS = (
    "flac", "alac", "ape", "als", "mlp", "shorten", "tak", "truehd", "tta", "wavpack",
    "wmalossless", "pcm_bluray", "pcm_dvd",
)  # fmt: skip
DSD_BITS_PER_SAMPLE = 8
"""FFmpeg decodes this many bits of DSD to one sample."""
_DSD_RATE, _DSD_BITS = 88_200, 24
"""PCM of DSD: above 44 kHz there is only the noise that one-bit sound moves up there."""
TRUE_PEAK = -1.0
"""Maximum true peak of normalised sound in dBTP (EBU R 128 s1)."""


def is_lossless(stream: AudioStream) -> bool:
    """Return True if the source holds every sample as it was recorded."""
    return (
        stream.codec.startswith(("pcm_s", "pcm_u", "pcm_f", "dsd_"))
        or stream.codec in _LOSSLESS_CODECS
        or stream.is_lossless_profile
    )


def is_dsd(stream: AudioStream) -> bool:
    """Return True for one-bit sound, which FFmpeg decodes to floating point."""
    return stream.codec.startswith("dsd_") or stream.codec == "dst"


def is_floating_point(stream: AudioStream) -> bool:
    """Return True for floating point PCM, whose samples may be infinite or not a number."""
    return stream.sample_format in ("flt", "dbl") and is_lossless(stream) and not is_dsd(stream)


def make_plan(
    fmt: Format,
    profile: EncoderProfile,
    options: ConversionOptions,
    stream: AudioStream,
    *,
    has_soxr: bool = True,
) -> EncodePlan:
    """Choose from the source what the request leaves open, and collect warnings."""
    warnings: list[ConversionWarning] = []
    if fmt.lossless and not is_lossless(stream):
        warnings.append(
            ConversionWarning(
                "source_is_lossy",
                "The source is lossy, so the result is larger but doesn't sound better.",
            )
        )
    bits = _choose_bits(profile, options, stream, warnings)
    mix = _choose_mix(fmt, profile, options, stream, warnings)
    rate = _choose_rate(profile, options, stream, warnings)
    channels = len(channels_of(mix.layout))
    encoder_options = [
        *profile.encoder_options,
        *rate_control(profile, options, rate, channels, warnings),
        *("-ar", str(rate)),
    ]
    if bits in profile.sample_formats:
        encoder_options += ["-sample_fmt", profile.sample_formats[bits]]
        if bits == 24:
            encoder_options += ["-bits_per_raw_sample", "24"]
    plan = EncodePlan(
        encoder=profile.encoders[bits],
        encoder_options=tuple(encoder_options),
        sample_rate=rate,
        layout=mix.layout,
        bits=bits,
        last_filters=(),
        warnings=tuple(warnings),
        mixing=_mixing_filters(stream, mix),
        adds_up=mix.adds_up,
        resampling=resample_filter(rate, has_soxr=has_soxr),
        lead=next((count for highest, count in profile.skipped_samples if rate <= highest), 0),
    )
    plan = replace(plan, may_clip=_may_clip(stream, plan))
    return replace(
        plan, last_filters=tuple(_last_filters(stream, plan, options, mix, profile.min_samples))
    )


def source_channels(stream: AudioStream) -> tuple[str, ...]:
    """Return the speakers of the source, by convention if the file does not state them."""
    return channels_of(stream.layout or DEFAULT_LAYOUTS[stream.channels])


def _choose_bits(
    profile: EncoderProfile,
    options: ConversionOptions,
    stream: AudioStream,
    warnings: list[ConversionWarning],
) -> int | str:
    if "" in profile.encoders:
        return ""
    floating = is_floating_point(stream)
    source_bits = (stream.bits or 16) if is_lossless(stream) else 16
    if is_dsd(stream):
        source_bits = _DSD_BITS
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
        warnings.append(
            ConversionWarning(
                "bit_depth_reduced",
                f"The samples were reduced from {source_bits}-bit {kind} to {chosen}-bit.",
            )
        )
    return "f32" if floating and chosen == 32 else chosen


def _choose_mix(
    fmt: Format,
    profile: EncoderProfile,
    options: ConversionOptions,
    stream: AudioStream,
    warnings: list[ConversionWarning],
) -> Mix:
    source = source_channels(stream)
    mix = choose_mix(source, profile.layouts, options.channels, lossless=fmt.lossless)
    if mix.layout in profile.channel_orders:
        mix = mix.stored_as(profile.channel_orders[mix.layout])
    name = stream.layout or DEFAULT_LAYOUTS[stream.channels]
    if mix.mixed and len(source) > 1:
        warnings.append(
            ConversionWarning(
                "channels_mixed",
                f"{len(source)} channels ({name}) were mixed to {_count(mix.layout)}.",
            )
        )
    if mix.dropped:
        warnings.append(
            ConversionWarning(
                "channels_dropped",
                f"These channels were left out, because {mix.layout} doesn't have them:"
                f" {', '.join(mix.dropped)}.",
            )
        )
    if mix.added:
        warnings.append(
            ConversionWarning(
                "channels_added",
                f"The {name} sound was stored as {mix.layout}. These channels are silent:"
                f" {', '.join(mix.added)}.",
            )
        )
    if mix.moved:
        warnings.append(
            ConversionWarning(
                "channels_moved",
                f"The {name} sound was stored as {mix.layout}, because {fmt.name} doesn't have"
                " those channels.",
            )
        )
    return mix


def _count(layout: str) -> str:
    channels = len(channels_of(layout))
    return f"{channels} ({layout})"


def _mixing_filters(stream: AudioStream, mix: Mix) -> tuple[str, ...]:
    """Return the filters that make the output's channels; none if they are the source's."""
    source = source_channels(stream)
    is_identity = {name: {name: 1.0} for name in source} == mix.matrix
    if is_identity and list(mix.matrix) == list(source) and stream.layout:
        return ()
    # Sums of integers would be rounded.
    convert = [f"aformat=sample_fmts={_exact_format(stream)}"] if mix.adds_up else []
    return (*convert, *mix.filters(source))


def _exact_format(stream: AudioStream) -> str:
    """Return the floating point format that holds the source's samples exactly."""
    is_wide = stream.sample_format == "dbl" or (stream.sample_format != "flt" and stream.bits > 24)
    return "dblp" if is_wide else "fltp"


def _choose_rate(
    profile: EncoderProfile,
    options: ConversionOptions,
    stream: AudioStream,
    warnings: list[ConversionWarning],
) -> int:
    rate = options.sample_rate or stream.sample_rate
    if is_dsd(stream):
        rate = options.sample_rate or _DSD_RATE
    if profile.encoders.get("") == "libvorbis" and options.bitrate is not None:
        rate = min(rate, 48000)  # libvorbis has no bitrates above, only qualities
    if profile.rates and rate not in profile.rates:
        rate = min((r for r in profile.rates if r >= rate), default=max(profile.rates))
    while profile.max_rate is not None and rate > profile.max_rate:
        rate = rate // 2 if rate % 2 == 0 else profile.max_rate
    if rate != stream.sample_rate and rate != options.sample_rate:
        warnings.append(ConversionWarning("resampled", _describe_resampling(stream, options, rate)))
    return rate


def _describe_resampling(stream: AudioStream, options: ConversionOptions, rate: int) -> str:
    if is_dsd(stream):
        dsd_rate = stream.sample_rate * DSD_BITS_PER_SAMPLE
        return f"The sound was converted from DSD ({dsd_rate} Hz, 1 bit) to PCM at {rate} Hz."
    if options.sample_rate is not None:
        return (
            f"The result has {rate} Hz instead of the requested {options.sample_rate} Hz, because"
            " the encoder doesn't take that rate with these options."
        )
    return (
        f"The sound was resampled from {stream.sample_rate} Hz to {rate} Hz, because this format"
        " doesn't have the source's rate."
    )


def _may_clip(stream: AudioStream, plan: EncodePlan) -> bool:
    """Return True if samples can exceed full scale.

    Integers have a maximum. Floating point sources, lossy decoders and resampling may exceed it.
    Mixing does not, see `mixing`.
    """
    floating = stream.sample_format in ("flt", "dbl")
    resampled = plan.sample_rate != stream.sample_rate
    if isinstance(plan.bits, int):
        return floating or resampled
    # Lossy formats hold more than full scale, players do not. A lossy source stays as loud as it
    # was, unless channels are mixed.
    if is_lossless(stream) or plan.mixing:
        return plan.bits == "" and (floating or resampled)
    return False


def _last_filters(
    stream: AudioStream, plan: EncodePlan, options: ConversionOptions, mix: Mix, min_samples: int
) -> Sequence[str]:
    filters = []
    resampled = plan.sample_rate != stream.sample_rate
    if plan.may_clip or resampled:
        filters.append(f"aformat=sample_fmts={_exact_format(stream)}")
    if resampled:
        filters.append(plan.resampling)
    if plan.may_clip:
        filters.append("astats=measure_overall=Peak_level:measure_perchannel=none")
    if min_samples:
        filters.append(f"apad=whole_len={min_samples}")
    if plan.lead:
        filters.append(f"adelay={plan.lead}S:all=1")
    # A source whose channels change is mixed to these in any case.
    filters.append(f"aformat=channel_layouts={plan.layout}")
    if isinstance(plan.bits, int) and plan.bits in DITHERED_BITS and is_lossless(stream):
        is_processed = resampled or mix.adds_up or options.changes_samples
        if is_processed or stream.bits > plan.bits or stream.sample_format in ("flt", "dbl"):
            filters.append(dither_filter(plan.bits))
    return filters
