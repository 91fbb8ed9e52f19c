"""How each output format is made: muxer, encoder, their options, what the container can carry."""

from dataclasses import dataclass, field
from typing import Literal

from libs.core.domain.uploads import GIB, MIB

_MPEG = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC = (7350, *_MPEG, 64000, 88200, 96000)
_WMA = (8000, 11025, 16000, 22050, 32000, 44100, 48000)


@dataclass(frozen=True)
class EncoderProfile:
    """One row. An encoder per bit depth stands for formats of plain or lossless samples; "" is that of lossy ones."""

    muxer: str
    encoders: dict[int | str, str]
    """By bits of a sample; "f32" for floating point."""
    sample_formats: dict[int | str, str] = field(default_factory=dict)
    """The sample format to encode from, where the encoder has several."""
    muxer_options: tuple[str, ...] = ()
    encoder_options: tuple[str, ...] = ()
    bitrate_per_channel: int = 96_000
    """bit/s where nothing was asked for."""
    max_bitrate_per_channel: int | None = None
    quality: Literal["", "-q:a"] = ""
    default_quality: int | None = None
    rates: tuple[int, ...] = ()
    """Hertz that the encoder takes; empty: any."""
    max_channels: int = 8
    cover: Literal["", "stream", "comment"] = ""
    """How a picture is carried: as an attached stream, or as a Vorbis comment."""
    chapters: Literal["", "native", "comments"] = ""
    tags: frozenset[str] | None = None
    """Names of those it can carry; None: any."""
    patches_head: bool = False
    """The muxer goes back to its first bytes when it ends; where not, the hash of the output can follow the writing."""
    index_first: bool = False
    """Room for the index is reserved in front (MP4)."""
    measurable: bool = True
    """The output's header says its true duration."""
    largest: int | None = None
    """Bytes that the format itself can count; None: more than anybody has."""


_FLAC_BLOCK = ("-frame_size", "4608")
"""Samples. FFmpeg would make the blocks as long as the first frame it meets, which of a gapless MP3 is 47."""
_ID3 = ("-id3v2_version", "3")
_RIFF_TAGS = frozenset(
    {"title", "artist", "album", "date", "genre", "track", "comment", "copyright"}
)
_MP4_TAGS = _RIFF_TAGS | {
    "album_artist", "composer", "disc", "grouping", "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords",
    "season_number", "episode_sort", "media_type", "hd_video", "gapless_playback", "compilation",
}  # fmt: skip
"""What FFmpeg's muxers have a place for (libavformat/riff.c, movenc.c)."""

ENCODER_PROFILES: dict[str, EncoderProfile] = {
    "mp3": EncoderProfile(
        "mp3", {"": "libmp3lame"}, {}, _ID3, bitrate_per_channel=96_000, quality="-q:a", rates=_MPEG, max_channels=2,
        cover="stream", chapters="native", patches_head=True,
    ),
    "wav": EncoderProfile(
        "wav", {16: "pcm_s16le", 24: "pcm_s24le", 32: "pcm_s32le", "f32": "pcm_f32le"}, {}, ("-rf64", "auto"), tags=_RIFF_TAGS,
        patches_head=True,
    ),
    "flac": EncoderProfile(
        "flac", {16: "flac", 24: "flac"}, {16: "s16", 24: "s32"}, encoder_options=_FLAC_BLOCK, cover="stream", chapters="comments",
        patches_head=True,
    ),
    "aac": EncoderProfile("adts", {"": "aac"}, {}, ("-write_id3v2", "1"), rates=_AAC, chapters="native", measurable=False),
    "m4a": EncoderProfile(
        "ipod", {"": "aac"}, rates=_AAC, cover="stream", chapters="native", tags=_MP4_TAGS, patches_head=True, index_first=True,
    ),
    "ogg": EncoderProfile("ogg", {"": "libvorbis"}, quality="-q:a", default_quality=5, cover="comment", chapters="comments"),
    "opus": EncoderProfile(
        "opus", {"": "libopus"}, bitrate_per_channel=64_000, max_bitrate_per_channel=256_000, rates=(48000,), cover="comment",
        chapters="comments",
    ),
    "aiff": EncoderProfile(
        "aiff", {16: "pcm_s16be", 24: "pcm_s24be", 32: "pcm_s32be", "f32": "pcm_f32be"}, {}, ("-write_id3v2", "1", *_ID3),
        cover="stream", chapters="native", patches_head=True, largest=4 * GIB - MIB,
    ),
    "alac": EncoderProfile(
        "ipod", {16: "alac", 24: "alac"}, {16: "s16p", 24: "s32p"}, cover="stream", chapters="native", tags=_MP4_TAGS,
        patches_head=True, index_first=True,
    ),
    "wma": EncoderProfile("asf", {"": "wmav2"}, rates=_WMA, max_channels=2, chapters="native", patches_head=True),
    "ac3": EncoderProfile("ac3", {"": "ac3"}, rates=(32000, 44100, 48000), max_channels=6, tags=frozenset(), measurable=False),
}  # fmt: skip
"""By the names of `libs.core.domain.formats.FORMATS`."""
