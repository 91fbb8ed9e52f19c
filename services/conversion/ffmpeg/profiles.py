"""Define the encoder profile of each output format: muxer, encoder, options, limits."""

from dataclasses import dataclass, field
from typing import Literal

from libs.core.domain.uploads import GIB, MIB
from services.conversion.ffmpeg.channel_layouts import LAYOUTS
from services.conversion.ffmpeg.ffmetadata import MAX_NUMBERED_CHAPTERS

_MPEG = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC = (7350, *_MPEG, 64000, 88200, 96000)
_WMA = (8000, 11025, 16000, 22050, 32000, 44100, 48000)

_WMA_FRAMES = ((16_000, 512), (22_050, 1024), (48_000, 2048))
"""Pairs (rate, samples): up to that sample rate, a frame has that many samples (FFmpeg's
ff_wma_get_frame_len_bits)."""
_STEREO = ("mono", "stereo")
_AAC_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1")
"""Layouts with a channel configuration in ISO 14496-3, table 1.19, which players know."""
_XIPH_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""Vorbis I, 4.3.9, and RFC 7845, 5.1.1.2."""
_OPUS_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.1", "7.1")
"""Without 5.0 and 6.1, whose channels FFmpeg's libopus encoder confuses."""
_ALAC_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1(back)", "7.1(wide)")
_AC3_LAYOUTS = (
    "mono", "stereo", "3.0(back)", "3.0", "quad(side)", "4.0", "5.0(side)", "FC+LFE", "2.1",
    "FL+FR+LFE+BC", "3.1", "4.1", "5.1(side)",
)  # fmt: skip
_AIFF_LAYOUTS = tuple(
    name
    for name, channels in LAYOUTS.items()
    if len(channels) <= 8 and name not in ("binaural", "downmix", "quad")
)
"""Layouts of the CHAN chunk, which FFmpeg writes for more than two channels."""


@dataclass(frozen=True)
class EncoderProfile:
    """Hold how FFmpeg makes one format, and what its container can hold."""

    muxer: str
    encoders: dict[int | str, str]
    """FFmpeg's encoder by bits of a sample: a number, "f32" for floating point, or "" for a lossy
    format."""
    min_samples: int = 0
    """Shorter sound is padded with silence to this many samples, because players do not recognise
    streams of one or two frames."""
    sample_formats: dict[int | str, str] = field(default_factory=dict)
    """FFmpeg's sample format to encode from, by bits of a sample, if the encoder takes several."""
    muxer_options: tuple[str, ...] = ()
    encoder_options: tuple[str, ...] = ()
    bitrate_per_channel: int = 96_000
    """Bit/s of each channel if the request has neither bitrate nor quality, and `quality_if_unset`
    is None."""
    max_bitrate_per_channel: int | None = None
    """Highest bit/s of each channel, if it is the same at all sample rates. Limits that depend on
    the rate are in `pipeline.bitrate`."""
    quality_option: Literal["", "-q:a"] = ""
    """FFmpeg's option that sets the VBR quality; "" if the format has none."""
    quality_if_unset: int | None = None
    """VBR quality if the request has neither bitrate nor quality; if None, `bitrate_per_channel`
    applies."""
    rates: tuple[int, ...] = ()
    """Sample rates in hertz that the encoder takes; empty: any."""
    max_rate: int | None = None
    """Highest sample rate in hertz, if any rate up to it is taken."""
    layouts: tuple[str, ...] = ()
    """Channel layouts that the format holds, by FFmpeg's names; empty: any."""
    channel_orders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The order of the channels that the format requires, for layouts that FFmpeg's muxer would
    store in another order. `pipeline.plan` sorts the channels before they reach
    the muxer."""
    tags: Literal["", "id3", "flac", "ogg", "mp4", "wav", "aiff", "asf"] = ""
    """The kind of tags to write, see `pipeline.tags`; "" if the format holds none."""
    cover: bool = False
    """The format holds a cover."""
    max_cover: int | None = None
    """Maximum size of a cover in bytes, if it is below the limit of all formats."""
    chapters: bool = False
    max_chapters: int | None = None
    """Maximum number of chapters, if it is below the limit of all formats."""
    muxer_rewrites_head: bool = False
    """When all is written, the muxer seeks back to the header and completes it, so the output
    cannot be hashed while it grows."""
    index_first: bool = False
    """Space for the index is reserved at the beginning (MP4)."""
    skipped_samples: tuple[tuple[int, int], ...] = ()
    """Pairs (rate, samples): up to that sample rate, decoders skip that many samples at the
    beginning. Silence is put there, so that no sound is lost."""
    states_duration: bool = True
    """The output's header states its exact duration."""
    max_size: int | None = None
    """Largest file in bytes that the format can express; None if that is larger than any output."""


_MAX_ADTS_COVER = 512 * 1024
"""Bytes. In an AAC stream (ADTS) the cover comes before the first frame. FFmpeg
probes 1 MiB, and is sure of the stream only if the tag takes no more than half of that
(av_probe_input_format3)."""
_FLAC_BLOCK = ("-frame_size", "4608")
"""Samples of a FLAC block. Without the option, FFmpeg takes the size of the first frame that it
encodes, which is 47 if the source is a gapless MP3."""

ENCODER_PROFILES: dict[str, EncoderProfile] = {
    "mp3": EncoderProfile(
        muxer="mp3",
        tags="id3",
        encoders={"": "libmp3lame"},
        bitrate_per_channel=96_000,
        quality_option="-q:a",
        rates=_MPEG,
        layouts=_STEREO,
        cover=True,
        chapters=True,
        muxer_rewrites_head=True,
    ),
    "wav": EncoderProfile(
        muxer="wav",
        tags="wav",
        cover=True,
        chapters=True,
        encoders={16: "pcm_s16le", 24: "pcm_s24le", 32: "pcm_s32le", "f32": "pcm_f32le"},
        muxer_options=("-rf64", "auto"),
        muxer_rewrites_head=True,
    ),
    "flac": EncoderProfile(
        muxer="flac",
        tags="flac",
        encoders={16: "flac", 24: "flac"},
        sample_formats={16: "s16", 24: "s32"},
        encoder_options=_FLAC_BLOCK,
        max_rate=655_350,
        cover=True,
        chapters=True,
        max_chapters=MAX_NUMBERED_CHAPTERS,
        muxer_rewrites_head=True,
    ),
    "aac": EncoderProfile(
        muxer="adts",
        min_samples=2048,
        tags="id3",
        cover=True,
        max_cover=_MAX_ADTS_COVER,
        encoders={"": "aac"},
        rates=_AAC,
        layouts=_AAC_LAYOUTS,
        chapters=True,
        states_duration=False,
    ),
    "m4a": EncoderProfile(
        muxer="ipod",
        tags="mp4",
        encoders={"": "aac"},
        rates=_AAC,
        layouts=_AAC_LAYOUTS,
        cover=True,
        chapters=True,
        muxer_rewrites_head=True,
        index_first=True,
    ),
    "ogg": EncoderProfile(
        muxer="ogg",
        tags="ogg",
        encoders={"": "libvorbis"},
        quality_option="-q:a",
        quality_if_unset=5,
        max_rate=192_000,
        layouts=_XIPH_LAYOUTS,
        cover=True,
        chapters=True,
        max_chapters=MAX_NUMBERED_CHAPTERS,
    ),
    "opus": EncoderProfile(
        muxer="opus",
        tags="ogg",
        encoders={"": "libopus"},
        bitrate_per_channel=64_000,
        max_bitrate_per_channel=256_000,
        rates=(48000,),
        layouts=_OPUS_LAYOUTS,
        cover=True,
        chapters=True,
        max_chapters=MAX_NUMBERED_CHAPTERS,
    ),
    "aiff": EncoderProfile(
        muxer="aiff",
        tags="aiff",
        encoders={16: "pcm_s16be", 24: "pcm_s24be", 32: "pcm_s32be", "f32": "pcm_f32be"},
        layouts=_AIFF_LAYOUTS,
        channel_orders={"7.1": ("FL", "FR", "FC", "LFE", "SL", "SR", "BL", "BR")},
        cover=True,
        chapters=True,
        muxer_rewrites_head=True,
        max_size=4 * GIB - MIB,
    ),
    "alac": EncoderProfile(
        muxer="ipod",
        tags="mp4",
        encoders={16: "alac", 24: "alac"},
        sample_formats={16: "s16p", 24: "s32p"},
        layouts=_ALAC_LAYOUTS,
        cover=True,
        chapters=True,
        muxer_rewrites_head=True,
        index_first=True,
    ),
    "wma": EncoderProfile(
        muxer="asf",
        tags="asf",
        encoders={"": "wmav2"},
        rates=_WMA,
        skipped_samples=_WMA_FRAMES,
        layouts=_STEREO,
        cover=True,
        chapters=True,
        muxer_rewrites_head=True,
    ),
    "ac3": EncoderProfile(
        muxer="ac3",
        min_samples=6144,
        encoders={"": "ac3"},
        rates=(32000, 44100, 48000),
        layouts=_AC3_LAYOUTS,
        states_duration=False,
    ),
}
"""Encoder profiles by the names of the formats in `libs.core.domain.formats.FORMATS`."""
