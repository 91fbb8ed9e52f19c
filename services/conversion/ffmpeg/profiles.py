"""Define the encoder profile of each output format: muxer, encoder, options, limits."""

from dataclasses import dataclass, field
from typing import Literal

from libs.core.domain.uploads import GIB, MIB

_MPEG = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC = (7350, *_MPEG, 64000, 88200, 96000)
_WMA = (8000, 11025, 16000, 22050, 32000, 44100, 48000)


@dataclass(frozen=True)
class EncoderProfile:
    """Hold how FFmpeg makes one format, and what its container can hold."""

    muxer: str
    encoders: dict[int | str, str]
    """By bits of a sample, or "f32" for floating point; the encoder of a lossy format is at ""."""
    sample_formats: dict[int | str, str] = field(default_factory=dict)
    """The sample format to encode from, by bits, if the encoder has several."""
    muxer_options: tuple[str, ...] = ()
    encoder_options: tuple[str, ...] = ()
    bitrate_per_channel: int = 96_000
    """Default, in bit/s."""
    max_bitrate_per_channel: int | None = None
    quality: Literal["", "-q:a"] = ""
    default_quality: int | None = None
    rates: tuple[int, ...] = ()
    """Sample rates in hertz that the encoder takes; empty: any."""
    max_channels: int = 8
    cover: Literal["", "stream", "comment"] = ""
    """A cover is written as an attached stream, as a Vorbis comment, or not at all."""
    chapters: Literal["", "native", "comments"] = ""
    tags: frozenset[str] | None = None
    """Names of the tags that the muxer writes; None: any."""
    patches_head: bool = False
    """The muxer seeks back to write the header at the end, so the output cannot be hashed while it
    grows."""
    index_first: bool = False
    """Space for the index is reserved at the beginning (MP4)."""
    states_duration: bool = True
    """The output's header states its exact duration."""
    max_size: int | None = None
    """Largest file in bytes that the format can express; None: larger than any output."""


_FLAC_BLOCK = ("-frame_size", "4608")
"""In samples. FFmpeg's default is the size of the first frame, which is 47 in a gapless MP3."""
_ID3 = ("-id3v2_version", "3")
_RIFF_TAGS = frozenset(
    {"title", "artist", "album", "date", "genre", "track", "comment", "copyright"}
)
_MP4_TAGS = _RIFF_TAGS | {
    "album_artist", "composer", "disc", "grouping", "lyrics", "description", "synopsis", "show",
    "episode_id", "network", "keywords", "season_number", "episode_sort", "media_type", "hd_video",
    "gapless_playback", "compilation",
}  # fmt: skip
"""Tags that FFmpeg's muxers write (libavformat/riff.c, movenc.c)."""

ENCODER_PROFILES: dict[str, EncoderProfile] = {
    "mp3": EncoderProfile(
        muxer="mp3",
        encoders={"": "libmp3lame"},
        muxer_options=_ID3,
        bitrate_per_channel=96_000,
        quality="-q:a",
        rates=_MPEG,
        max_channels=2,
        cover="stream",
        chapters="native",
        patches_head=True,
    ),
    "wav": EncoderProfile(
        muxer="wav",
        encoders={16: "pcm_s16le", 24: "pcm_s24le", 32: "pcm_s32le", "f32": "pcm_f32le"},
        muxer_options=("-rf64", "auto"),
        tags=_RIFF_TAGS,
        patches_head=True,
    ),
    "flac": EncoderProfile(
        muxer="flac",
        encoders={16: "flac", 24: "flac"},
        sample_formats={16: "s16", 24: "s32"},
        encoder_options=_FLAC_BLOCK,
        cover="stream",
        chapters="comments",
        patches_head=True,
    ),
    "aac": EncoderProfile(
        muxer="adts",
        encoders={"": "aac"},
        muxer_options=("-write_id3v2", "1"),
        rates=_AAC,
        chapters="native",
        states_duration=False,
    ),
    "m4a": EncoderProfile(
        muxer="ipod",
        encoders={"": "aac"},
        rates=_AAC,
        cover="stream",
        chapters="native",
        tags=_MP4_TAGS,
        patches_head=True,
        index_first=True,
    ),
    "ogg": EncoderProfile(
        muxer="ogg",
        encoders={"": "libvorbis"},
        quality="-q:a",
        default_quality=5,
        cover="comment",
        chapters="comments",
    ),
    "opus": EncoderProfile(
        muxer="opus",
        encoders={"": "libopus"},
        bitrate_per_channel=64_000,
        max_bitrate_per_channel=256_000,
        rates=(48000,),
        cover="comment",
        chapters="comments",
    ),
    "aiff": EncoderProfile(
        muxer="aiff",
        encoders={16: "pcm_s16be", 24: "pcm_s24be", 32: "pcm_s32be", "f32": "pcm_f32be"},
        muxer_options=("-write_id3v2", "1", *_ID3),
        cover="stream",
        chapters="native",
        patches_head=True,
        max_size=4 * GIB - MIB,
    ),
    "alac": EncoderProfile(
        muxer="ipod",
        encoders={16: "alac", 24: "alac"},
        sample_formats={16: "s16p", 24: "s32p"},
        cover="stream",
        chapters="native",
        tags=_MP4_TAGS,
        patches_head=True,
        index_first=True,
    ),
    "wma": EncoderProfile(
        muxer="asf",
        encoders={"": "wmav2"},
        rates=_WMA,
        max_channels=2,
        chapters="native",
        patches_head=True,
    ),
    "ac3": EncoderProfile(
        muxer="ac3",
        encoders={"": "ac3"},
        rates=(32000, 44100, 48000),
        max_channels=6,
        tags=frozenset(),
        states_duration=False,
    ),
}
"""By the names of `libs.core.domain.formats.FORMATS`."""
