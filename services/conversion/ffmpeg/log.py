"""Parse what FFmpeg prints on stderr into a few facts.

FFmpeg runs with `-loglevel level+…`, so that each line names its level. The packaged build has no
ffprobe, so streams and durations come from these lines. They have been stable for a decade, and a
test per kind of input notices a change.

The lines are FFmpeg's own, see `log_lines`. A fact is taken only from the component that knows it,
and only from its whole sentence: messages quote strangers' text, too.
"""

import json
import re
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from services.conversion.ffmpeg.allow_list import MAX_STREAMS
from services.conversion.ffmpeg.audio_stream import AudioStream, parse_audio, split_dispositions
from services.conversion.ffmpeg.log_lines import LogLine
from services.conversion.ffmpeg.sample_filters import LARGEST_SAMPLE

_INPUT = re.compile(r"Input #0, (\S{1,200}), from ")
_DURATION = re.compile(
    r"  Duration: (?:N/A|(\d{1,6}):(\d\d):(\d\d\.\d{1,9}))"
    r"(?:, start: (-?\d{1,9}\.\d{1,9}))?, bitrate: (?:N/A|(\d{1,9}) kb/s)$"
)
_STREAM = re.compile(
    r"  Stream #0:(\d{1,5})(?:\[0x[0-9a-f]+\])?(?:\(([^)]*)\))?: "
    r"(Audio|Video|Subtitle|Data|Attachment): (.*)"
)
_INPUT_COMPONENT = re.compile(r"in#\d{1,3}/")
_SECTION = re.compile(r"  \S")
_TITLE = re.compile(r" {6}title +: (.+)")
_DECODED = re.compile(
    r"  Input stream #0:\d+ \(audio\): .* \d+ frames decoded; "
    r"(\d{1,18}) decode errors \((\d{1,18}) samples\)"
)
_ENCODED = re.compile(
    r"  Output stream #0:\d+ \(audio\): \d+ frames encoded \((\d{1,18}) samples\)"
)
_PEAK = re.compile(r"Peak level dB: (-?\d{1,4}\.\d{1,9})$")
_INVALID_SAMPLES = re.compile(r"Number of (?:NaNs|Infs): (\d{1,15})\.0+$")
_LEVEL = re.compile(r"(?:Max|Min) level: (-?\d{1,320}\.\d{1,9}|-?inf)$")
_ADDED_SILENCE = re.compile(r"adding (\d{1,9}) audio samples of silence$")
_PARTIAL_SAMPLE = re.compile(r"pcm_\w+: Invalid PCM packet|gsm: Packet is too small")
_FAILED_DECODER = re.compile(
    r"Error while opening decoder|Decoding requested, but no decoder found for: "
)
_UNSUPPORTED_CODEC = re.compile(
    r"Codec \((\w{1,40})\) not on whitelist"
    r"|(?:Decoding requested, but )?[Nn]o decoder found for: (\w{1,40})"
    r"|Decoder \(codec (\w{1,40})\) not found"
    r"|unknown or unsupported codec tag: (\w{1,40})"
)
_MISSING_INDEX_BYTES = re.compile(r"reserved_moov_size is too small, needed (\d{1,9}) additional$")
_MAX_INDEX_BYTES = 128 * 1024 * 1024
"""A day of ALAC at 768 kHz needs half of it."""
_FACTS = {
    "Estimating duration from bitrate": "duration_is_estimated",
    "DRM protected stream detected": "is_protected",
    "Number of streams exceeds max_streams": "has_too_many_streams",
    "Number of tracks exceeds max_streams": "has_too_many_streams",
    "invalid concatenated file detected": "is_joined",
}
"""What a message that begins so says: members of the log that become true."""
_CORRUPT_PACKET = re.compile(r"corrupt input packet in stream \d+$")
_TRUNCATED = re.compile(
    r"(stream \d+,|root atom) offset 0x[0-9a-f]+: partial file$"
    r"|File ended prematurely( at pos\. \d+ \(0x[0-9a-f]+\))?$"
)
_MESSAGE_LEVELS = frozenset({"warning", "error", "fatal", "panic"})
_GUESSED_LAYOUT = re.compile(r"Guessed Channel Layout: ")
_STREAM_COMPONENT = re.compile(r"aist#0:(\d{1,5})/")
_MAX_MESSAGES, _MAX_MESSAGE_LENGTH, _MAX_CODECS = 60, 200, 64
_MP4_MUXERS = ("ipod", "mp4", "mov")
_QUIETEST = -999.0


@dataclass
class FfmpegLog:
    """Hold the facts that one run of FFmpeg printed.

    Of the log of a source, `probe` and `unify_links` replace `duration`, `start`,
    `duration_is_estimated` and `is_truncated` by what they find out themselves.
    """

    container: str = ""
    duration: float | None = None
    """Seconds, as the container's header states or FFmpeg estimates them."""
    start: float = 0.0
    """Seconds at which the first of all tracks begins."""
    bitrate: int = 0
    audio_streams: list[AudioStream] = field(default_factory=list)
    video_streams: int = 0
    attached_pictures: list[int] = field(default_factory=list)
    """Indexes of the attached pictures among the video streams."""
    guessed_layouts: set[int] = field(default_factory=set)
    """Indexes of the streams that state no speakers, for which FFmpeg chose a layout."""
    duration_is_estimated: bool = False
    """FFmpeg estimated the duration from bitrate and size."""
    is_truncated: bool = False
    """The file ends in the middle of a packet or an element."""
    is_protected: bool = False
    """The container says that its sound is encrypted."""
    has_too_many_streams: bool = False
    """FFmpeg stopped at its limit of streams, and reads only parts of the others."""
    is_joined: bool = False
    """The header of an MP3 file counts fewer frames than follow: several files were joined."""
    headers_missing: int = 0
    """Decode errors that are packets without a frame, such as a tag between joined MP3 files."""
    corrupt_packets: int = 0
    """Packets that FFmpeg calls corrupt. In MPEG-TS these are damage, elsewhere a truncation."""
    decode_errors: int = 0
    decoded_samples: int | None = None
    """Samples per channel."""
    encoded_samples: int | None = None
    """Samples per channel."""
    invalid_samples: int = 0
    """Samples that are infinite, too large or not a number, if they were counted."""
    added_silence: int = 0
    """Samples per channel that were added in gaps."""
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
    loudness_json: str = ""
    """The measurement that the loudnorm filter printed."""

    @property
    def track_count(self) -> int:
        """Count the audio and video streams; the longest of them sets the file's duration."""
        return len(self.audio_streams) + self.video_streams - len(self.attached_pictures)

    def loudness(self) -> dict[str, float]:
        """Return what the loudnorm filter measured (LUFS, dB, LU), by loudnorm's own names.

        Raises ValueError if it measured nothing.
        """
        try:
            found: Any = json.loads(self.loudness_json.partition("}")[0] + "}")
            return {
                key: float(value)
                for key, value in found.items()
                if key.startswith("input_") or key == "target_offset"
            }
        except (TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError("loudnorm printed something else") from error


class FfmpegLogParser:
    """Collect the facts of one run in `log`, line by line."""

    def __init__(self) -> None:
        self.log = FfmpegLog()
        self._in_input_section = self._in_audio_stream = False
        self._seen: set[int] = set()

    def feed(self, line: LogLine) -> None:
        """Parse one line."""
        if line.level in _MESSAGE_LEVELS:
            self._parse_message(line)
        elif line.component:
            self._parse_component(line)
        elif line.level == "info":
            self._parse_section(line.text)

    def _parse_section(self, text: str) -> None:
        """Parse the description of the first input, which FFmpeg prints for no component."""
        log = self.log
        if text.startswith(("Input #", "Output #", "Stream mapping")):
            self._in_input_section = not log.container and text.startswith("Input #0")
        if not self._in_input_section:
            return
        if match := _INPUT.match(text):
            log.container = match[1]
        elif match := _DURATION.match(text):
            if match[1] is not None:
                log.duration = int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
            log.start = float(match[4] or 0)
            log.bitrate = int(match[5] or 0) * 1000
        elif _SECTION.match(text):
            self._in_audio_stream = False
            if match := _STREAM.match(text):
                self._parse_stream(int(match[1]), match[2] or "", match[3], match[4])
        elif self._in_audio_stream and (match := _TITLE.match(text)):
            titled = replace(log.audio_streams[-1], title=match[1][:_MAX_MESSAGE_LENGTH])
            log.audio_streams[-1] = titled

    def _parse_stream(self, index: int, language: str, kind: str, description: str) -> None:
        log = self.log
        # A stream of several programs is described in each. More than the limit are a lie.
        if index in self._seen or len(self._seen) >= MAX_STREAMS:
            return
        self._seen.add(index)
        if kind == "Audio":
            log.audio_streams.append(parse_audio(index, description, language))
            self._in_audio_stream = True
        elif kind == "Video":
            if "attached pic" in split_dispositions(description)[1]:
                log.attached_pictures.append(log.video_streams)
            log.video_streams += 1

    def _parse_component(self, line: LogLine) -> None:
        log, component, text = self.log, line.component, line.text
        if _INPUT_COMPONENT.match(component):
            if match := _DECODED.match(text):
                log.decode_errors += int(match[1])
                log.decoded_samples = (log.decoded_samples or 0) + int(match[2])
        elif component.startswith("out#0/"):
            if match := _ENCODED.match(text):
                log.encoded_samples = (log.encoded_samples or 0) + int(match[1])
        elif text.startswith("Reconfiguring filter graph because audio parameters changed"):
            log.format_changed = True
        else:
            self._parse_filter(component, line)

    def _parse_filter(self, component: str, line: LogLine) -> None:
        log, text = self.log, line.text
        if component == "SWR":
            if match := _ADDED_SILENCE.match(text):
                log.added_silence += int(match[1])
        elif component.startswith("Parsed_loudnorm_"):
            if (start := line.message.find("{")) >= 0:
                log.loudness_json = line.message[start:]
        elif not component.startswith("Parsed_astats_"):
            return
        elif match := _PEAK.match(text):
            known = _QUIETEST if log.peak_level is None else log.peak_level
            log.peak_level = max(float(match[1]), known)
        elif match := _INVALID_SAMPLES.match(text):
            log.invalid_samples += int(match[1])
        elif (match := _LEVEL.match(text)) and abs(float(match[1])) >= LARGEST_SAMPLE:
            log.invalid_samples += 1

    def _parse_message(self, line: LogLine) -> None:
        log, text = self.log, line.text
        log.messages.append(str(line)[:_MAX_MESSAGE_LENGTH])
        if not line.component:
            return
        for beginning, fact in _FACTS.items():
            if text.startswith(beginning):
                setattr(log, fact, True)
        if _PARTIAL_SAMPLE.match(f"{line.component}: {text}"):
            log.decode_errors -= 1  # The decoder will count odd bytes at the end as an error.
        if _TRUNCATED.match(text):
            log.is_truncated = True
        log.headers_missing += line.component.startswith("mp3") and text == "Header missing"
        log.corrupt_packets += bool(_CORRUPT_PACKET.match(text))
        if line.component in _MP4_MUXERS and (match := _MISSING_INDEX_BYTES.match(text)):
            log.missing_index_bytes = min(int(match[1]), _MAX_INDEX_BYTES)
        stream = _STREAM_COMPONENT.match(line.components[0])
        if stream and _GUESSED_LAYOUT.match(text):
            log.guessed_layouts.add(int(stream[1]))
        if stream and _FAILED_DECODER.match(text):
            log.failed_decoder = line.components[0].partition("/")[2]
        if match := _UNSUPPORTED_CODEC.match(text):
            log.unsupported_codecs.append(next(name for name in match.groups() if name))
            del log.unsupported_codecs[_MAX_CODECS:]
