"""Call each parser of strangers' bytes, and check what must hold for any input.

A target takes bytes and raises if the parser does, if its result is impossible, or if it takes
longer than any file may.
"""

import contextlib
import math
import time
from collections.abc import Callable
from pathlib import Path

from services.conversion.ffmpeg import ffmetadata
from services.conversion.ffmpeg.audio_stream import parse_audio
from services.conversion.ffmpeg.log import FfmpegLogParser
from services.conversion.ffmpeg.log_lines import LineAssembler, parse_line
from services.conversion.ffmpeg.profiles import ENCODER_PROFILES
from services.conversion.pipeline import truncation
from services.conversion.pipeline.tags import prepare_tags
from services.conversion.storage.memory_file import MemoryFile
from services.conversion.tags import cover, id3_tag, sandboxed_reader, vorbis_comment
from services.conversion.tags.loudness_tags import Changes
from services.conversion.tags.placement import NoSpaceForTags, write
from services.conversion.tags.source_tags import MAX_OUTPUT, SourceTags, combine

SEEDS = Path(__file__).with_name("seeds")
MAX_SECONDS = 5.0
"""CPU seconds of one input. The slowest of some megabytes takes 0.4, and 1.0 while its lines are
counted beside other work. A quadratic parser takes minutes for 64 KiB."""
CONTAINERS = (
    "wav", "w64", "caf", "avi", "asf", "ogg", "mpegts", "mp3", "aac", "ac3", "eac3", "aiff", "au",
)  # fmt: skip
"""A byte of each seed chooses one, so new ones come last."""
TAGGED = ("mp3", "flac", "ogg", "m4a", "aiff", "wma")
"""Formats that a byte of each seed chooses; each has a placement of its own."""
MAX_DURATION = 1000 * 3600


def ffmpeg_log(data: bytes) -> None:
    """Parse packets of the log. The input is cut behind each byte 0x1e, which FFmpeg replaces."""
    assembler, parser = LineAssembler(), FfmpegLogParser()
    for packet in data.split(b"\x1e"):
        if packet and (line := assembler.feed(packet)):
            assert "\n" not in line.text
            parser.feed(line)
    for text in data.decode(errors="replace").split("\n"):
        parser.feed(parse_line(text))
    parse_audio(0, data.decode(errors="replace"))
    log = parser.log
    assert 0 <= log.missing_index_bytes <= 128 * 1024 * 1024
    assert len(log.messages) <= 60
    assert log.duration is None or 0 <= log.duration < 10**10
    assert log.peak_level is None or math.isfinite(log.peak_level)
    assert log.track_count >= 0
    with contextlib.suppress(ValueError):
        log.loudness()


def metadata(data: bytes) -> None:
    """Parse tags and chapters, and write and parse them again."""
    found = ffmetadata.parse(data.decode(errors="replace"))
    assert len(found.tags) <= 300
    assert len(found.chapters) <= 5000
    assert all(math.isfinite(c.start) and c.end > c.start >= 0 for c in found.chapters)
    again = ffmetadata.parse(ffmetadata.render(found).decode())
    assert again.tags == found.tags
    trimmed = ffmetadata.trim_chapters(found.chapters, 1.0, 60.0)
    assert all(0 <= c.start < c.end <= 59.0 for c in trimmed)
    ffmetadata.chapter_comments(trimmed)
    id3_tag.render({}, None, found.chapters)


def cover_picture(data: bytes) -> None:
    """Recognise a cover, and wrap it."""
    found = cover.parse_cover(data)
    if found is not None:
        assert 0 < found.width < 65_536
        assert 0 < found.height < 65_536
        assert len(vorbis_comment.picture_block(found)) > len(data)


def container_ends(data: bytes) -> None:
    """Look at the first and last bytes of a container that the first byte chooses."""
    container = CONTAINERS[data[0] % len(CONTAINERS)] if data else "wav"
    size = int.from_bytes(data[1:9], "little")
    content = data[9:]
    seconds = truncation.declared_duration(container, content, size)
    assert seconds is None or 0 < seconds < MAX_DURATION
    assert truncation.is_truncated(container, content, size) in (True, False)


def tag_reader(data: bytes) -> None:
    """Read tags as the sandboxed script does, and combine them with FFmpeg's."""
    with MemoryFile("source", data) as source, MemoryFile("answer") as output:
        sandboxed_reader.main([str(source.fd), str(output.fd)])
        answer = output.read(MAX_OUTPUT)
    check_tags(combine(answer, {}))


def tag_answer(data: bytes) -> None:
    """Combine an answer that a compromised reader wrote with text that FFmpeg passed on."""
    text = data.decode(errors="surrogateescape")
    check_tags(combine(data, ffmetadata.parse(text).tags))
    check_tags(combine(len(data).to_bytes(4, "big") + data, {}))


def output_tags(data: bytes) -> None:
    """Put a title into an output of a format that the first byte chooses."""
    profile = ENCODER_PROFILES[TAGGED[data[0] % len(TAGGED)] if data else "mp3"]
    unchanged = Changes(level=False, length=False)
    placement = prepare_tags(profile, {"title": ["x"]}, None, (), unchanged, []).placement
    assert placement is not None
    with MemoryFile("output") as output:
        write(output.fd, data[1:], 0)
        with contextlib.suppress(NoSpaceForTags):
            placement.apply(output.fd)
        assert output.size <= len(data) + placement.size + 1024


def check_tags(found: SourceTags) -> None:
    """Check the limits, and that all text can be written."""
    assert len(found.tags) <= 300
    assert sum(len(v.encode()) for values in found.tags.values() for v in values) <= 2**22
    assert len(found.picture or b"") <= MAX_OUTPUT
    for name, values in found.tags.items():
        assert name
        assert name.isprintable()
        assert values
        assert all(value.encode() and "\r" not in value for value in values)
    chapters = found.chapters.chapters if found.chapters else ()
    assert all(0 <= c.start < c.end < math.inf for c in chapters)
    assert all(len(c.title.encode()) >= 0 and "\r" not in c.title for c in chapters)
    id3_tag.render(found.tags, None, chapters)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        ffmpeg_log,
        metadata,
        cover_picture,
        container_ends,
        tag_reader,
        tag_answer,
        output_tags,
    )
}


def check(name: str, data: bytes) -> None:
    """Run a target and check its time."""
    began = time.process_time()
    TARGETS[name](data)
    took = time.process_time() - began
    assert took < MAX_SECONDS, f"{name} took {took:.2f} s for {len(data)} bytes"


def seeds(name: str) -> list[bytes]:
    """Return the inputs to begin with, among them all that once failed."""
    return [path.read_bytes() for path in sorted((SEEDS / name).iterdir())]
