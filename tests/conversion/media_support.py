"""Run the engine in memory, and read its results with plain FFmpeg and mutagen."""

import base64
import hashlib
import re
import subprocess
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import mutagen
from mutagen.flac import Picture
from mutagen.id3 import ID3

from libs.core.domain.formats import ConversionOptions
from libs.core.ports.multipart_uploads import Part
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import (
    ConversionJob,
    ConversionResult,
    EngineProgress,
    OutputSink,
    SourceBytes,
)

FFMPEG: str = imageio_ffmpeg.get_ffmpeg_exe()


def ffmpeg(*arguments: str | Path) -> str:
    """Run plain FFmpeg on files, and return what it prints."""
    command = [FFMPEG, "-hide_banner", "-nostdin", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


class MemorySource(SourceBytes):
    """Read from memory and note each read.

    Every read takes `delay` seconds, and raises `breaks` if it is given.
    """

    def __init__(
        self, content: bytes | Path, delay: float = 0, breaks: Exception | None = None
    ) -> None:
        self._content = content if isinstance(content, bytes) else content.read_bytes()
        self.size = len(self._content)
        self._delay, self._breaks = delay, breaks
        self.reads: list[tuple[int, int]] = []

    def read(self, start: int, end: int) -> Iterator[bytes]:
        self.reads.append((start, end))
        time.sleep(self._delay)
        if self._breaks is not None:
            raise self._breaks
        for at in range(start, end, 100_000):
            yield self._content[at : min(at + 100_000, end)]


@dataclass
class MemorySink(OutputSink):
    """Keep the parts and make the object as S3 does. Each part takes `delay` seconds."""

    there: Sequence[Part] = ()
    delay: float = 0
    parts: dict[int, bytes] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    content: bytes | None = None
    read_backs: list[tuple[int, int]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stored_parts(self) -> Sequence[Part]:
        return self.there

    def put_part(self, number: int, body: bytes | memoryview) -> Part:
        time.sleep(self.delay)
        with self._lock:
            self.parts[number] = bytes(body)
            self.order.append(number)
        return part_of(number, bytes(body))

    def finish(self, parts: Sequence[Part], size: int) -> str:
        assert [part.number for part in parts] == list(range(1, len(parts) + 1))
        self.content = b"".join(self.parts.get(part.number, b"?" * part.size) for part in parts)
        assert len(self.content) == size
        return "outputs/x/1"

    def finish_small(self, body: bytes) -> str:
        self.content = bytes(body)
        return "outputs/x/1"

    def read_back(self, start: int, end: int) -> Iterator[bytes]:
        assert self.content is not None, "there is no object before it is finished"
        with self._lock:
            self.read_backs.append((start, end))
        yield self.content[start:end]


def part_of(number: int, body: bytes) -> Part:
    return Part(number, len(body), hashlib.md5(body).hexdigest())


@dataclass
class Made:
    """Hold a finished conversion."""

    result: ConversionResult
    content: bytes
    ticks: list[EngineProgress]
    sink: MemorySink
    source: MemorySource


def convert(
    engine: FfmpegEngine,
    source: bytes | Path | MemorySource,
    fmt: str,
    sink: MemorySink | None = None,
    tick: Callable[[EngineProgress], None] | None = None,
    **options: float | str,
) -> Made:
    """Convert, and check what must hold for every result. Raises what the engine raises."""
    source = source if isinstance(source, MemorySource) else MemorySource(source)
    sink = sink or MemorySink()
    ticks: list[EngineProgress] = []

    def note(now: EngineProgress) -> None:
        ticks.append(now)
        if tick is not None:
            tick(now)

    result = engine.convert(
        ConversionJob(fmt, ConversionOptions(**options), "test"),  # type: ignore[arg-type]
        source,
        sink,
        note,
    )
    assert sink.content is not None
    assert result.size == len(sink.content)
    assert result.sha256 == hashlib.sha256(sink.content).hexdigest()
    return Made(result, sink.content, ticks, sink, source)


@dataclass
class Heard:
    """Hold what plain FFmpeg decodes: `seconds` by the samples, `header` by the header."""

    codec: str
    seconds: float
    header: float | None
    sample_rate: int
    channels: str
    bits: int
    """Bits of a sample; 0 for lossy codecs."""
    words: str


def listen(path: Path) -> Heard:
    """Decode the first audio stream with plain FFmpeg and all its decoders."""
    words = ffmpeg("-loglevel", "verbose", "-i", path, "-map", "0:a:0", "-f", "null", "-")
    stream = re.search(
        r"Stream #0:\d+.*?: Audio: (\w+).*?, (\d+) Hz, ([^,]+), (\w+)(?: \((\d+) bit\))?", words
    )
    samples = re.search(r"(\d+) decode errors \((\d+) samples\)", words)
    header = re.search(r"Duration: (\d+):(\d+):([\d.]+)", words)
    assert stream
    assert samples
    assert samples[1] == "0", words
    duration = int(header[1]) * 3600 + int(header[2]) * 60 + float(header[3]) if header else None
    depth = int(stream[5] or {"s16": 16, "s16p": 16, "s32": 32, "flt": 32}.get(stream[4], 0))
    return Heard(
        stream[1],
        int(samples[2]) / int(stream[2]),
        duration,
        int(stream[2]),
        stream[3],
        depth,
        words,
    )


def samples(path: Path) -> list[float]:
    """Return the samples of the first channel as plain FFmpeg decodes them; 1.0 is full scale."""
    command = [
        FFMPEG,
        "-v",
        "error",
        "-nostdin",
        "-i",
        str(path),
        "-af",
        "pan=mono|c0=c0",
        "-f",
        "f32le",
        "-",
    ]
    return list(
        array("f", subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    )


def loudness(path: Path) -> float:
    """Return the loudness in LUFS (EBU R 128), by another filter than the engine's."""
    words = ffmpeg("-i", path, "-af", "ebur128", "-f", "null", "-")
    found = re.search(r"I: +(-?[\d.]+) LUFS", words[words.rindex("Summary") :])
    assert found
    return float(found[1])


def pictures(path: Path) -> list[bytes]:
    """Return every cover that mutagen finds."""
    if path.suffix in (
        ".aac",
        ".ac3",
    ):  # streams, which mutagen recognises only if they have no tags
        is_tagged = path.read_bytes()[:3] == b"ID3"
        return [frame.data for frame in ID3(path).getall("APIC")] if is_tagged else []
    file = mutagen.File(path)
    if path.suffix == ".wma":  # type, size, MIME type, description, bytes
        values = [bytes(each.value) for each in file.tags.get("WM/Picture", [])]
        return [each[-int.from_bytes(each[1:5], "little") :] for each in values]
    found = [picture.data for picture in getattr(file, "pictures", [])]
    tags: Any = getattr(file, "tags", None) or {}
    found += [frame.data for key, frame in tags.items() if key.startswith("APIC")]
    found += [bytes(picture) for picture in tags.get("covr", [])]
    for text in tags.get("metadata_block_picture", []):
        found.append(Picture(base64.b64decode(text)).data)
    return found
