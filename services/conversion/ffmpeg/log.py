"""Parse what FFmpeg prints on stderr into a few facts.

FFmpeg runs with `-loglevel level+…`, so that each line names its level. The packaged build has no
ffprobe, so streams and durations come from these lines. They have been stable for a decade, and a
test per kind of input notices a change. The tags of a file can make FFmpeg print such a line.
"""

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

_INPUT = re.compile(r"\[info\] Input #0, (\S+), from")
_DURATION = re.compile(
    r"\[info\]   Duration: (?:N/A|(\d+):(\d\d):(\d\d\.\d+))"
    r"(?:, start: (-?[\d.]+))?, bitrate: (?:N/A|(\d+) kb/s)"
)
_STREAM = re.compile(
    r"\[info\]   Stream #0:(\d+)(?:\[0x[0-9a-f]+\])?(?:\([^)]*\))?: "
    r"(Audio|Video|Subtitle|Data|Attachment): (.*)"
)
_DECODED = re.compile(
    r"Input stream #0:\d+ \(audio\): .* (\d+) frames decoded; (\d+) decode errors \((\d+) samples\)"
)
_ENCODED = re.compile(r"Output stream #0:\d+ \(audio\): \d+ frames encoded \((\d+) samples\)")
_PEAK = re.compile(r"\[Parsed_astats_\d+ @ 0x[0-9a-f]+\] \[info\] Peak level dB: (-?[\d.]+)$")
_FAILED_DECODER = re.compile(r"^\[aist#0:\d+/(\w+) @ .*Error while opening decoder")
_UNSUPPORTED_CODEC = re.compile(
    r"Codec \((\w+)\) not on whitelist|[Nn]o decoder found for: (\w+)"
    r"|Decoder \(codec (\w+)\) not found"
)
_MISSING_INDEX_BYTES = re.compile(r"reserved_moov_size is too small, needed (\d+) additional")
_TRUNCATED = ("partial file", "corrupt input packet", "File ended prematurely")
_CODEC = re.compile(r"^([\w.]+)")
_RATE = re.compile(r"^(\d+) Hz$")
_DEPTH = re.compile(r"^(u8|s16|s32|s64|flt|dbl)p?(?: \((\d+) bit\))?$")
_BITRATE = re.compile(r"^(\d+) kb/s")
_LAYOUTS = {
    "mono": 1, "stereo": 2, "downmix": 2, "2.1": 3, "3.0": 3, "3.0(back)": 3, "quad": 4,
    "quad(side)": 4, "4.0": 4, "3.1": 4, "5.0": 5, "5.0(side)": 5, "4.1": 5, "5.1": 6,
    "5.1(side)": 6, "6.0": 6, "6.0(front)": 6, "hexagonal": 6, "6.1": 7, "6.1(back)": 7,
    "6.1(front)": 7, "7.0": 7, "7.0(front)": 7, "7.1": 8, "7.1(wide)": 8, "7.1(wide-side)": 8,
    "5.1.2": 8, "5.1.2(back)": 8, "octagonal": 8, "cube": 8, "hexadecagonal": 16,
}  # fmt: skip
_DEPTHS = {"u8": 8, "s16": 16, "s32": 32, "s64": 64, "flt": 32, "dbl": 64}
_MAX_MESSAGES, _MAX_MESSAGE_LENGTH, _MAX_JSON_LINES = 60, 200, 40
_QUIETEST = -999.0


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


@dataclass
class FfmpegLog:
    """Hold the facts that one run of FFmpeg printed."""

    container: str = ""
    duration: float | None = None
    """Seconds, from the container's header."""
    bitrate: int = 0
    audio_streams: list[AudioStream] = field(default_factory=list)
    video_streams: int = 0
    attached_pictures: list[int] = field(default_factory=list)
    """Indexes of the attached pictures among the video streams."""
    duration_is_estimated: bool = False
    """FFmpeg estimated the duration from bitrate and size."""
    is_truncated: bool = False
    """The file ends in the middle of a packet or an element."""
    decode_errors: int = 0
    decoded_samples: int | None = None
    """Samples per channel."""
    encoded_samples: int | None = None
    """Samples per channel."""
    peak_level: float | None = None
    """Level of the loudest sample in dB relative to full scale, if it was measured."""
    format_changed: bool = False
    """Sample rate or channels changed within the stream, so FFmpeg rebuilt its filters."""
    missing_index_bytes: int = 0
    """Bytes by which the space reserved for the MP4 index was too small."""
    unsupported_codecs: list[str] = field(default_factory=list)
    """Codecs without a decoder, or whose decoder is not on the allow-list."""
    failed_decoder: str = ""
    """The codec of the selected audio stream, if its decoder could not be opened."""
    messages: deque[str] = field(default_factory=lambda: deque(maxlen=_MAX_MESSAGES))
    """The last warnings and errors, for the operator."""
    json_lines: list[str] = field(default_factory=list)
    """The JSON that a filter printed."""

    @property
    def track_count(self) -> int:
        """Count the audio and video streams; the longest of them sets the file's duration."""
        return len(self.audio_streams) + self.video_streams - len(self.attached_pictures)

    def loudness(self) -> dict[str, float]:
        """Return what the loudnorm filter measured (LUFS, dB, LU), by loudnorm's own names.

        Raises ValueError if it measured nothing.
        """
        found: Any = json.loads("\n".join(self.json_lines).partition("}")[0] + "}")
        return {
            key: float(value)
            for key, value in found.items()
            if key.startswith("input_") or key == "target_offset"
        }


class FfmpegLogParser:
    """Collect the facts of one run in `log`, line by line."""

    def __init__(self) -> None:
        self.log = FfmpegLog()
        self._in_input_section = False

    def feed(self, line: str) -> None:
        """Parse one line, given without its line end."""
        log = self.log
        if line.startswith(("[info] Input #", "[info] Output #", "[info] Stream mapping")):
            self._in_input_section = line.startswith("[info] Input #0")
        if self._in_input_section:
            self._parse_input_section(line)
        if log.json_lines or line.startswith("{"):
            if len(log.json_lines) < _MAX_JSON_LINES:
                log.json_lines.append(line[:_MAX_MESSAGE_LENGTH])
        elif "[warning]" in line or "[error]" in line or "[fatal]" in line or "[panic]" in line:
            self._parse_message(line)
        elif match := _DECODED.search(line):
            log.decode_errors += int(match[2])
            log.decoded_samples = (log.decoded_samples or 0) + int(match[3])
        elif match := _ENCODED.search(line):
            log.encoded_samples = (log.encoded_samples or 0) + int(match[1])
        elif match := _PEAK.match(line):
            log.peak_level = max(
                float(match[1]), _QUIETEST if log.peak_level is None else log.peak_level
            )
        elif "[info] Reconfiguring filter graph because audio parameters changed" in line:
            log.format_changed = True

    def _parse_input_section(self, line: str) -> None:
        log = self.log
        if match := _INPUT.match(line):
            log.container = match[1]
        elif match := _DURATION.match(line):
            if match[1] is not None:
                log.duration = int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
            log.bitrate = int(match[5] or 0) * 1000
        elif match := _STREAM.match(line):
            if match[2] == "Audio":
                log.audio_streams.append(parse_audio(int(match[1]), match[3]))
            elif match[2] == "Video":
                if match[3].endswith("(attached pic)"):
                    log.attached_pictures.append(log.video_streams)
                log.video_streams += 1

    def _parse_message(self, line: str) -> None:
        log = self.log
        log.messages.append(line[:_MAX_MESSAGE_LENGTH])
        if "Estimating duration from bitrate" in line:
            log.duration_is_estimated = True
        if any(words in line for words in _TRUNCATED):
            log.is_truncated = True
        if match := _MISSING_INDEX_BYTES.search(line):
            log.missing_index_bytes = int(match[1])
        if match := _FAILED_DECODER.search(line):
            log.failed_decoder = match[1]
        if match := _UNSUPPORTED_CODEC.search(line):
            log.unsupported_codecs.append(match[1] or match[2] or match[3])


def parse_audio(index: int, description: str) -> AudioStream:
    """Parse a description such as `flac, 96000 Hz, stereo, s32 (24 bit), 900 kb/s`."""
    codec = _CODEC.match(description)
    rate = bitrate = bits = channels = 0
    sample_format = ""
    for item in description.split(", ")[1:]:
        item = item.removesuffix(" (default)")
        if match := _RATE.match(item):
            rate = int(match[1])
        elif match := _DEPTH.match(item):
            sample_format, bits = match[1], int(match[2] or _DEPTHS[match[1]])
        elif match := _BITRATE.match(item):
            bitrate = int(match[1]) * 1000
        elif rate and not channels:
            channels = _count_channels(item)
    return AudioStream(
        index, codec[1] if codec else "", rate, channels, bitrate, sample_format, bits
    )


def _count_channels(layout: str) -> int:
    if match := re.match(r"(\d+) channels", layout):
        return int(match[1])
    return _LAYOUTS.get(layout, 0)
