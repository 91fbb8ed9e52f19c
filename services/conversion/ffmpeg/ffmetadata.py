"""Read and write tags and chapters in FFmpeg's text format (ffmetadata).

Format: https://ffmpeg.org/ffmpeg-formats.html#Metadata-1. Tags are passed in a file, because
arguments are visible to other users and limited in length.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_KEY = re.compile(r"((?:[^\\=]|\\.){0,256})=", re.DOTALL)
_SECTIONS = ("[STREAM]", "[CHAPTER]", "[]")
"""Lines that begin a section; the last one ends the text."""
_SPECIAL = re.compile(r"([=;#\\\n])")
MAX_BYTES = 4 * 1024 * 1024
"""Maximum of the text that is parsed. What a file has beyond it is no music collection's."""
_MAX_VALUE, _MAX_TAGS = 1024 * 1024, 300
"""Maximum characters of a value (lyrics are the longest), and maximum number of tags."""
_MAX_CHAPTERS, _MAX_LINES, _MAX_NUMBER = 1000, 20_000, 20
_MAX_LINE = 2 * _MAX_VALUE + 1000


@dataclass(frozen=True)
class Chapter:
    """Hold a chapter; times in seconds from the beginning."""

    start: float
    end: float
    title: str


@dataclass(frozen=True)
class Metadata:
    """Hold tags, by FFmpeg's names in lower case (title, artist …), and chapters."""

    tags: Mapping[str, str]
    chapters: Sequence[Chapter] = ()


def parse(text: str) -> Metadata:
    """Parse what the ffmetadata muxer wrote, as far as it is of a plausible size.

    Tags of streams, which Ogg has, are used if the file has no tag of that name.
    """
    tags: dict[str, str] = {}
    chapters: list[Chapter] = []
    section, values = "", dict[str, str]()
    for line in [*_logical_lines(text[:MAX_BYTES]), "[]"]:
        if line in _SECTIONS:
            if section == "CHAPTER":
                if len(chapters) < _MAX_CHAPTERS:
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
        if not key.isprintable():
            continue
        value = value.replace("\0", "").strip()
        if value and len(value) <= _MAX_VALUE and len(kept) < _MAX_TAGS:
            kept[key] = value
    return kept


def _chapter(values: Mapping[str, str]) -> Chapter:
    try:
        over, _, under = values.get("timebase", "1/1000000000").partition("/")
        base = _integer(over) / _integer(under)
        start, end = _integer(values["start"]) * base, _integer(values["end"]) * base
        return Chapter(start, end, values.get("title", "")[:_MAX_VALUE])
    except (KeyError, ValueError, ZeroDivisionError):
        return Chapter(0, 0, "")


def _integer(text: str) -> int:
    if len(text) > _MAX_NUMBER:
        raise ValueError("FFmpeg's numbers have 64 bits")
    return int(text)


def _logical_lines(text: str) -> Iterator[str]:
    """Yield lines; a backslash at the end of one continues it. Very long ones are left out."""
    parts: list[str] = []
    length = 0
    for line in text.replace("\0", "").split("\n", _MAX_LINES)[:_MAX_LINES]:
        length += len(line) + 1
        if length <= _MAX_LINE:
            parts.append(line)
        if (len(line) - len(line.rstrip("\\"))) % 2:
            continue
        if length <= _MAX_LINE:
            yield "\n".join(parts)
        parts, length = [], 0
    if parts and length <= _MAX_LINE:
        yield "\n".join(parts)


def _pair(line: str) -> tuple[str, str] | None:
    match = _KEY.match(line)
    return (_unescape(match[1]), _unescape(line[match.end() :])) if match else None


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
