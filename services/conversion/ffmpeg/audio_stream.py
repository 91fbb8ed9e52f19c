"""Parse FFmpeg's description of an audio stream."""

import re
from dataclasses import dataclass

from services.conversion.ffmpeg.channel_layouts import parse_layout

_CODEC = re.compile(r"^([\w.]+)")
_RATE = re.compile(r"^(\d{1,9}) Hz$")
_DEPTH = re.compile(r"^(u8|s16|s32|s64|flt|dbl)p?(?: \((\d{1,3}) bit\))?$")
_BITRATE = re.compile(r"^(\d{1,9}) kb/s")
_START = re.compile(r"^start (-?\d{1,9}\.\d{1,9})$")
_CODEC_TAG = re.compile(r"\((\S{4}) / 0x[0-9A-Fa-f]{8}\)")
_LOSSLESS_PROFILE = re.compile(r"dts (?:\(dca\) )?\(DTS-HD MA")
_DISPOSITIONS = re.compile(
    r" \((default|dub|original|comment|lyrics|karaoke|forced|hearing impaired|visual impaired"
    r"|clean effects|attached pic|timed thumbnails|non-diegetic|captions|descriptions|metadata"
    r"|dependent|still image|multilayer)\)$"
)
_DEPTHS = {"u8": 8, "s16": 16, "s32": 32, "s64": 64, "flt": 32, "dbl": 64}


@dataclass(frozen=True)
class AudioStream:
    """Describe one audio stream: rate in hertz, bitrate in bit/s (0 if unknown).

    `sample_format` and `bits` are those that the stream decodes to.
    """

    index: int
    codec: str
    sample_rate: int
    channels: int
    bitrate: int
    sample_format: str
    bits: int
    layout: str = ""
    """FFmpeg's name of the channel layout, "" if the file does not state the speakers."""
    language: str = ""
    dispositions: frozenset[str] = frozenset()
    """FFmpeg's names of the track's purposes, such as "default" and "comment"."""
    codec_tag: str = ""
    """The four characters by which the container names the codec."""
    start: float | None = None
    """Seconds at which the track begins, if the file states it."""
    title: str = ""
    is_lossless_profile: bool = False
    """The codec is lossy in its other profiles."""


def parse_audio(index: int, description: str, language: str = "") -> AudioStream:
    """Parse a description such as `flac, 96000 Hz, stereo, s32 (24 bit), 900 kb/s (default)`."""
    codec, tag = _CODEC.match(description), _CODEC_TAG.search(description)
    rate = bitrate = bits = channels = 0
    sample_format = layout = ""
    start = None
    description, dispositions = split_dispositions(description)
    for item in description.split(", ")[1:]:
        if match := _RATE.match(item):
            rate = int(match[1])
        elif match := _DEPTH.match(item):
            sample_format, bits = match[1], int(match[2] or _DEPTHS[match[1]])
        elif match := _BITRATE.match(item):
            bitrate = int(match[1]) * 1000
        elif match := _START.match(item):
            start = float(match[1])
        elif rate and not channels:
            channels, layout = parse_layout(item)
    return AudioStream(
        index,
        codec[1] if codec else "",
        rate,
        channels,
        bitrate,
        sample_format,
        bits,
        layout,
        "" if language == "und" else language,
        dispositions,
        tag[1] if tag else "",
        start,
        is_lossless_profile=bool(_LOSSLESS_PROFILE.match(description)),
    )


def split_dispositions(description: str) -> tuple[str, frozenset[str]]:
    """Return a stream's description without the dispositions at its end, and these."""
    found = set()
    while match := _DISPOSITIONS.search(description):
        found.add(match[1])
        description = description[: match.start()]
    return description, frozenset(found)
