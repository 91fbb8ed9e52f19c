"""Read and write tags and chapters in FFmpeg's text format (ffmetadata).

Format: https://ffmpeg.org/ffmpeg-formats.html#Metadata-1. Tags are passed in a file, because
arguments are visible to other users and limited in length.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SPECIAL = re.compile(r"([=;#\\\n])")
_DROPPED = {
    "encoder", "encoded_by", "vendor_id", "handler_name", "major_brand", "minor_version",
    "compatible_brands", "creation_time", "duration", "language", "metadata_block_picture",
    "coverart", "waveformatextensible_channel_mask", "itunsmpb",
}  # fmt: skip
"""Tags that describe the source file and not the music. `iTunSMPB` would be wrong about the gaps of
the output."""
_MAX_VALUE, _MAX_TAGS = 65_536, 200
"""Maximum characters of a value (lyrics are the longest), and maximum number of tags."""


@dataclass(frozen=True)
class Chapter:
    """Hold a chapter; times in seconds from the beginning."""

    start: float
    end: float
    title: str


@dataclass(frozen=True)
class Metadata:
    """Hold tags, by FFmpeg's generic names in lower case (title, artist …), and chapters."""

    tags: Mapping[str, str]
    chapters: Sequence[Chapter] = ()


def parse(text: str) -> Metadata:
    """Parse what the ffmetadata muxer wrote.

    Tags of streams, which Ogg has, are used if the file has no tag of that name.
    """
    tags: dict[str, str] = {}
    chapters: list[Chapter] = []
    section, values = "", dict[str, str]()
    for line in [*_logical_lines(text), "[]"]:
        if line.startswith("[") and line.endswith("]"):
            if section == "CHAPTER":
                chapters.append(_chapter(values))
            else:
                for key, value in values.items():
                    tags.setdefault(key, value)
            section, values = line[1:-1], {}
        elif not line.startswith(";") and (pair := _pair(line)):
            values.setdefault(pair[0].lower(), pair[1])
    return Metadata(_keep_valid(tags), [c for c in chapters if c.end > c.start >= 0])


def render(metadata: Metadata) -> bytes:
    """Return the text that FFmpeg's ffmetadata demuxer reads."""
    lines = [
        ";FFMETADATA1",
        *(f"{_escape(key)}={_escape(value)}" for key, value in metadata.tags.items()),
    ]
    for chapter in metadata.chapters:
        lines += [
            "[CHAPTER]",
            "TIMEBASE=1/1000",
            f"START={round(chapter.start * 1000)}",
            f"END={round(chapter.end * 1000)}",
        ]
        lines.append(f"title={_escape(chapter.title)}")
    return ("\n".join(lines) + "\n").encode()


def trim_chapters(chapters: Sequence[Chapter], start: float, end: float) -> list[Chapter]:
    """Return the chapters of the range from `start` to `end`, with times relative to `start`."""
    moved = (
        Chapter(max(c.start, start) - start, min(c.end, end) - start, c.title) for c in chapters
    )
    return [c for c in moved if c.end > c.start]


def chapter_comments(chapters: Sequence[Chapter]) -> dict[str, str]:
    """Return chapters as Vorbis comments, for the muxers that write none (FLAC, Ogg).

    See https://wiki.xiph.org/Chapter_Extension.
    """
    comments = {}
    for number, chapter in enumerate(chapters[:999]):
        minutes, seconds = divmod(chapter.start, 60)
        comments[f"CHAPTER{number:03}"] = (
            f"{int(minutes) // 60:02}:{int(minutes) % 60:02}:{seconds:06.3f}"
        )
        comments[f"CHAPTER{number:03}NAME"] = chapter.title
    return comments


def _keep_valid(tags: Mapping[str, str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for key, value in list(tags.items()):
        if key in _DROPPED or key.startswith(("id3v2_priv.", "chapter0")) or not key.isprintable():
            continue
        value = value.replace("\0", "").strip()
        if value and len(value) <= _MAX_VALUE and len(kept) < _MAX_TAGS:
            kept[key] = value
    return kept


def _chapter(values: Mapping[str, str]) -> Chapter:
    try:
        over, _, under = values.get("timebase", "1/1000000000").partition("/")
        base = int(over) / int(under)
        return Chapter(
            int(values["start"]) * base, int(values["end"]) * base, values.get("title", "")
        )
    except (KeyError, ValueError, ZeroDivisionError):
        return Chapter(0, 0, "")


def _logical_lines(text: str) -> list[str]:
    return re.sub(r"(?<!\\)((?:\\\\)*)\n", r"\1\0", text.replace("\0", "")).split("\0")


def _pair(line: str) -> tuple[str, str] | None:
    match = re.match(r"((?:[^\\=]|\\.)*)=(.*)", line, re.DOTALL)
    return (_unescape(match[1]), _unescape(match[2])) if match else None


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
