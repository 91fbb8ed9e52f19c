"""What FFmpeg says on stderr, read line by line and kept as a handful of facts.

Everything runs with `-loglevel level+…`, so that each line names its level. The static build brings no ffprobe; these lines have been
stable for a decade, and a test per input kind would notice a change. What a file's own tags make FFmpeg print may imitate such
a line: then that file is described wrongly, to the person who made it, and nothing else follows from it: all limits are enforced elsewhere.
"""

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

_INPUT = re.compile(r"\[info\] Input #0, (\S+), from")
_DURATION = re.compile(
    r"\[info\]   Duration: (?:N/A|(\d+):(\d\d):(\d\d\.\d+))(?:, start: (-?[\d.]+))?, bitrate: (?:N/A|(\d+) kb/s)"
)
_STREAM = re.compile(
    r"\[info\]   Stream #0:(\d+)(?:\[0x[0-9a-f]+\])?(?:\([^)]*\))?: (Audio|Video|Subtitle|Data|Attachment): (.*)"
)
_DECODED = re.compile(
    r"Input stream #0:\d+ \(audio\): .* (\d+) frames decoded; (\d+) decode errors \((\d+) samples\)"
)
_ENCODED = re.compile(r"Output stream #0:\d+ \(audio\): \d+ frames encoded \((\d+) samples\)")
_PEAK = re.compile(r"\[Parsed_astats_\d+ @ 0x[0-9a-f]+\] \[info\] Peak level dB: (-?[\d.]+)$")
_UNOPENED = re.compile(r"^\[aist#0:\d+/(\w+) @ .*Error while opening decoder")
_CODEC = re.compile(r"^([\w.]+)")
_RATE = re.compile(r"^(\d+) Hz$")
_DEPTH = re.compile(r"^(u8|s16|s32|s64|flt|dbl)p?(?: \((\d+) bit\))?$")
_BITRATE = re.compile(r"^(\d+) kb/s")
_NEEDED = re.compile(r"reserved_moov_size is too small, needed (\d+) additional")
_LAYOUTS = {
    "mono": 1, "stereo": 2, "downmix": 2, "2.1": 3, "3.0": 3, "3.0(back)": 3, "quad": 4, "quad(side)": 4, "4.0": 4, "3.1": 4,
    "5.0": 5, "5.0(side)": 5, "4.1": 5, "5.1": 6, "5.1(side)": 6, "6.0": 6, "6.0(front)": 6, "hexagonal": 6, "6.1": 7, "6.1(back)": 7,
    "6.1(front)": 7, "7.0": 7, "7.0(front)": 7, "7.1": 8, "7.1(wide)": 8, "7.1(wide-side)": 8, "5.1.2": 8, "5.1.2(back)": 8,
    "octagonal": 8, "cube": 8, "hexadecagonal": 16,
}  # fmt: skip
_DEPTHS = {"u8": 8, "s16": 16, "s32": 32, "s64": 64, "flt": 32, "dbl": 64}
_KEPT_LINES, _KEPT_LENGTH = 60, 200


@dataclass(frozen=True)
class AudioStream:
    """One audio stream: hertz, bit/s (0: unknown), and the sample format that it decodes to."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    bitrate: int
    sample_format: str
    bits: int


@dataclass
class FfmpegLog:
    """Feed it every line; read the facts when the run has ended."""

    container: str = ""
    duration: float | None = None
    """Seconds, of the container's header."""
    bitrate: int = 0
    audio: list[AudioStream] = field(default_factory=list)
    pictures: list[int] = field(default_factory=list)
    """Indexes of attached pictures among the video streams."""
    videos: int = 0
    estimated: bool = False
    """The duration is a guess from bitrate and size."""
    cut_off: bool = False
    """The file ends in the middle of something."""
    decode_errors: int = 0
    samples: int | None = None
    """Samples per channel that were decoded."""
    written: int | None = None
    """Samples per channel that were encoded."""
    peak: float | None = None
    """dB above full level (below, where negative) of the loudest sample, where it was measured."""
    changed: bool = False
    """Rate or channels changed in the middle: the filters began anew there."""
    missing_index: int = 0
    """Bytes by which the room reserved for an MP4 index was too small."""
    unsupported: list[str] = field(default_factory=list)
    """Codecs that no decoder was allowed or found for."""
    unopened: str = ""
    """The codec of the sound that was to be decoded, where its decoder did not open."""
    trouble: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    """The last warnings and errors, for the operator."""
    _describing: bool = False
    _json: list[str] | None = None

    def feed(self, line: str) -> None:
        """One line without its end."""
        if line.startswith(("[info] Input #", "[info] Output #", "[info] Stream mapping")):
            self._describing = line.startswith("[info] Input #0")
        if self._describing:
            self._describe(line)
        if self._json is not None or line.startswith("{"):
            self._json = [*(self._json or []), line[:_KEPT_LENGTH]][:40]
        elif "[warning]" in line or "[error]" in line or "[fatal]" in line or "[panic]" in line:
            self._complain(line)
        elif match := _DECODED.search(line):
            self.decode_errors += int(match[2])
            self.samples = (self.samples or 0) + int(match[3])
        elif match := _ENCODED.search(line):
            self.written = (self.written or 0) + int(match[1])
        elif match := _PEAK.match(line):
            self.peak = max(float(match[1]), -999.0 if self.peak is None else self.peak)
        elif "[info] Reconfiguring filter graph because audio parameters changed" in line:
            self.changed = True

    @property
    def tracks(self) -> int:
        """Streams of sound and moving pictures: the duration of the file is that of the longest of them."""
        return len(self.audio) + self.videos - len(self.pictures)

    def loudness(self) -> dict[str, float]:
        """What loudnorm measured (LUFS, dB, LU), by the names it uses. Raises ValueError when it measured nothing."""
        found: Any = json.loads("\n".join(self._json or []).partition("}")[0] + "}")
        return {
            key: float(value)
            for key, value in found.items()
            if key.startswith("input_") or key == "target_offset"
        }

    def _describe(self, line: str) -> None:
        if match := _INPUT.match(line):
            self.container = match[1]
        elif match := _DURATION.match(line):
            if match[1] is not None:
                self.duration = int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
            self.bitrate = int(match[5] or 0) * 1000
        elif match := _STREAM.match(line):
            if match[2] == "Audio":
                self.audio.append(parse_audio(int(match[1]), match[3]))
            elif match[2] == "Video":
                if match[3].endswith("(attached pic)"):
                    self.pictures.append(self.videos)
                self.videos += 1

    def _complain(self, line: str) -> None:
        self.trouble.append(line[:_KEPT_LENGTH])
        self.estimated = self.estimated or "Estimating duration from bitrate" in line
        self.cut_off = self.cut_off or any(
            w in line for w in ("partial file", "corrupt input packet", "File ended prematurely")
        )
        if match := _NEEDED.search(line):
            self.missing_index = int(match[1])
        if match := _UNOPENED.search(line):
            self.unopened = match[1]
        if match := re.search(
            r"Codec \((\w+)\) not on whitelist|[Nn]o decoder found for: (\w+)|Decoder \(codec (\w+)\) not found",
            line,
        ):
            self.unsupported.append(match[1] or match[2] or match[3])


def parse_audio(index: int, words: str) -> AudioStream:
    """The stream that FFmpeg describes as, say, `flac, 96000 Hz, stereo, s32 (24 bit), 900 kb/s`."""
    codec = _CODEC.match(words)
    rate = bitrate = bits = channels = 0
    sample_format = ""
    for word in words.split(", ")[1:]:
        word = word.removesuffix(" (default)")
        if match := _RATE.match(word):
            rate = int(match[1])
        elif match := _DEPTH.match(word):
            sample_format, bits = match[1], int(match[2] or _DEPTHS[match[1]])
        elif match := _BITRATE.match(word):
            bitrate = int(match[1]) * 1000
        elif rate and not channels:
            channels = _count_channels(word)
    return AudioStream(
        index, codec[1] if codec else "", rate, channels, bitrate, sample_format, bits
    )


def _count_channels(layout: str) -> int:
    if match := re.match(r"(\d+) channels", layout):
        return int(match[1])
    return _LAYOUTS.get(layout, 0)
