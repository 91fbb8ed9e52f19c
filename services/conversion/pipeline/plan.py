"""From what was asked for and what the source is to what exactly will be made, and what is lost by it."""

from collections.abc import Sequence
from dataclasses import replace

from libs.core.domain.formats import ConversionOptions, Format
from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.ffmpeg.log import AudioStream
from services.conversion.ffmpeg.profiles import EncoderProfile

_LOSSLESS_CODECS = (
    "flac",
    "alac",
    "ape",
    "als",
    "mlp",
    "shorten",
    "tak",
    "truehd",
    "tta",
    "wavpack",
    "wmalossless",
)
_VORBIS_MAX_BITRATE = (
    (9000, 42_000),
    (12_000, 50_000),
    (17_000, 86_000),
    (25_000, 86_000),
    (40_000, 190_000),
    (50_000, 240_000),
)
"""Bit/s per channel that libvorbis can manage, by sample rate up to (lib/modes/setup_*.h)."""
_CONTINUOUS = "asetpts=round(N/SR/TB)"
"""The time of each sample by its number; rounded, for the quotient is a hair below the whole number it should be."""
_LAYOUTS = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1")
"""What FFmpeg takes so many channels for."""
TRUE_PEAK = -1.0
"""dBTP that normalising never exceeds (EBU R128 s1)."""


def is_lossless(stream: AudioStream) -> bool:
    """Whether the source holds every sample as it was recorded."""
    return stream.codec.startswith(("pcm_s", "pcm_u", "pcm_f")) or stream.codec in _LOSSLESS_CODECS


def make_plan(
    fmt: Format, recipe: EncoderProfile, options: ConversionOptions, stream: AudioStream
) -> EncodePlan:
    """Decides what was left open, by the source, and says in sentences what the person should know."""
    warnings: list[str] = []
    if fmt.lossless and not is_lossless(stream):
        warnings.append(
            "The source is compressed with loss: the result is larger, but sounds no better."
        )
    bits = _choose_bits(recipe, options, stream, warnings)
    channels = _choose_channels(fmt, recipe, options, stream, warnings)
    rate = _choose_rate(recipe, options, stream, warnings)
    encoder_options = [*recipe.encoder_options, *_rate_control(recipe, options, rate, channels)]
    encoder_options += ["-ar", str(rate), "-ac", str(channels)]
    if bits in recipe.sample_formats:
        encoder_options += ["-sample_fmt", recipe.sample_formats[bits]]
        if bits == 24:
            encoder_options += ["-bits_per_raw_sample", "24"]
    plan = EncodePlan(
        recipe.encoders[bits], tuple(encoder_options), rate, channels, bits, (), tuple(warnings)
    )
    mixing = (
        (f"aformat=channel_layouts={_LAYOUTS[channels - 1]}",)
        if channels != stream.channels
        else ()
    )
    plan = replace(plan, mixing=mixing, may_clip=_may_clip(stream, plan))
    return replace(plan, filters=tuple(_last_filters(stream, plan)))


def pick_piece(options: ConversionOptions, duration: float | None) -> tuple[float, float | None]:
    """Seconds at which the piece asked for begins and ends; None: at the end of the source, wherever that is."""
    start = options.start or 0.0
    end = options.end if duration is None or options.end is None else min(options.end, duration)
    return start, end if end is not None else duration


def piece_filters(options: ConversionOptions, *, changing: bool = False) -> list[str]:
    """Cuts by the sample: the source is decoded from its beginning, since seeking in VBR files is only nearly right.

    One sample follows the other: what was damaged is left out, in every format alike, instead of leaving holes in the time. Only a source
    that is `changing` its rate or channels in the middle keeps its own times: there the filters begin, and would count, anew.
    """
    bounds = [
        f"{name}={value:.6f}"
        for name, value in (("start", options.start), ("end", options.end))
        if value is not None
    ]
    return [
        *(["atrim=" + ":".join(bounds)] if bounds else []),
        f"asetpts=PTS-{options.start or 0:.6f}/TB" if changing else _CONTINUOUS,
    ]


def _choose_bits(
    recipe: EncoderProfile, options: ConversionOptions, stream: AudioStream, warnings: list[str]
) -> int | str:
    if "" in recipe.encoders:
        return ""
    floating = stream.sample_format in ("flt", "dbl") and is_lossless(stream)
    source_bits = (stream.bits or 16) if is_lossless(stream) else 16
    if options.bit_depth is not None:
        if floating and options.bit_depth == 32 and "f32" in recipe.encoders:
            return "f32"
        chosen = options.bit_depth
    elif floating and "f32" in recipe.encoders:
        chosen, source_bits = 32, min(source_bits, 32)
    else:
        depths = sorted(b for b in recipe.encoders if isinstance(b, int))
        chosen = next((b for b in depths if b >= source_bits), depths[-1])
    if chosen < source_bits:
        kind = "floating point" if floating else "integer"
        warnings.append(f"Samples were reduced from {source_bits}-bit {kind} to {chosen}-bit.")
    return "f32" if floating and chosen == 32 else chosen


def _choose_channels(
    fmt: Format,
    recipe: EncoderProfile,
    options: ConversionOptions,
    stream: AudioStream,
    warnings: list[str],
) -> int:
    possible = [c for c in fmt.channels if c <= recipe.max_channels]
    channels = options.channels or max(
        (c for c in possible if c <= stream.channels), default=possible[0]
    )
    if channels < stream.channels:
        warnings.append(f"{stream.channels} channels were mixed down to {channels}.")
    return channels


def _choose_rate(
    recipe: EncoderProfile, options: ConversionOptions, stream: AudioStream, warnings: list[str]
) -> int:
    rate = options.sample_rate or stream.sample_rate
    if recipe.encoders.get("") == "libvorbis" and options.bitrate is not None:
        rate = min(rate, 48000)  # above, libvorbis knows qualities but no bitrates
    if recipe.rates and rate not in recipe.rates:
        rate = min((r for r in recipe.rates if r >= rate), default=max(recipe.rates))
    if rate != stream.sample_rate and rate != options.sample_rate:
        warnings.append(
            f"Resampled from {stream.sample_rate} Hz to {rate} Hz, since this format does not have the source's rate."
        )
    return rate


def _rate_control(
    recipe: EncoderProfile, options: ConversionOptions, rate: int, channels: int
) -> list[str]:
    if "" not in recipe.encoders:
        return []
    quality = options.quality if options.bitrate is None else None
    if quality is None and options.bitrate is None:
        quality = recipe.default_quality
    if quality is not None:
        return [recipe.quality, str(quality)]
    asked = (
        int(options.bitrate.removesuffix("k")) * 1000
        if options.bitrate
        else recipe.bitrate_per_channel * channels
    )
    limit = recipe.max_bitrate_per_channel
    if recipe.encoders[""] == "libvorbis":
        limit = next(most for up_to, most in _VORBIS_MAX_BITRATE if rate <= up_to)
    return ["-b:a", str(min(asked, limit * channels) if limit else asked)]


def _may_clip(stream: AudioStream, plan: EncodePlan) -> bool:
    """Floating point knows no loudest sample, integers do: decoders of lossy sound and changes of the rate overshoot them."""
    floating = stream.sample_format in ("flt", "dbl")
    if isinstance(plan.bits, int):
        return floating or plan.sample_rate != stream.sample_rate
    # Lossy formats hold more than full level, players do not. What was lossy before is as loud as it was, unless channels are added up.
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
