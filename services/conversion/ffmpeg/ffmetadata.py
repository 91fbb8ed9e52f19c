"""Read and write tags and chapters in FFmpeg's text format (ffmetadata).

Format: https://ffmpeg.org/ffmpeg-formats.html#Metadata-1. Tags are passed in a file, because
arguments are visible to other users and limited in length.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

_KEY = re.compile(r"((?:[^\\=]++|\\.)*+)=", re.DOTALL)
_LINE = re.compile(r"((?:[^\\\n]++|\\.)*+\\?)(?:\n|\Z)", re.DOTALL)
"""A logical line: a backslash at the end of one continues it."""
_SECTIONS = ("[STREAM]", "[CHAPTER]")
"""Lines that begin a section."""
_SPECIAL = re.compile(r"([=;#\\\n])")
_MAX_TEXT = 4 * 1024 * 1024
"""Maximum number of characters that are parsed. A music collection has less text than this."""
_MAX_VALUE, _MAX_TAGS, _MAX_KEY = 1024 * 1024, 300, 256
"""Maximum characters of a value (lyrics are the longest), number of tags, characters of a name."""
MAX_CHAPTERS, MAX_TITLE, _MAX_LINES, _MAX_NUMBER = 5000, 1000, 50_000, 20
MAX_NUMBERED_CHAPTERS = 1000
"""Vorbis comments number chapters by three digits."""
_SHORTEST = 0.001
"""Seconds of a chapter that is said to end where it begins."""
_LATEST = 2.0**31
"""Seconds, 68 years. FFmpeg's numbers allow for times that are no longer exact to a millisecond."""
REST = "others"
"""Name in the list of lost tags for those that were not read."""


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
    lost: Sequence[str] = ()
    """Names of tags that are beyond the limits."""
    lost_chapters: int = 0
    shortened_titles: int = 0


def parse(text: str) -> Metadata:
    """Parse what the ffmetadata muxer wrote, as far as it is of a plausible size.

    Tags of streams, which Ogg has, are used if the file has no tag of that name.
    """
    text = text.replace("\0", "")
    is_cut = len(text) > _MAX_TEXT
    tags: dict[str, str] = {}
    chapters: list[Mapping[str, str]] = []
    section, values, end = "", dict[str, str](), 0
    for match in islice(_LINE.finditer(text[:_MAX_TEXT]), _MAX_LINES):
        line, start, end = match[1], end, match.end()
        if is_cut and end >= _MAX_TEXT:  # this one has no end
            end = start
            break
        if line in _SECTIONS:
            _end_section(section, values, tags, chapters)
            section, values = line[1:-1], {}
        elif not line.startswith(";") and (pair := _pair(line)):
            values.setdefault(pair[0].lower(), pair[1])
    _end_section(section, values, tags, chapters)
    kept, lost = _limit(tags)
    more_tags, *more_chapters = text[end:].split("[CHAPTER]\n")
    if more_tags.strip() and section != "CHAPTER":
        lost += [REST]
    return Metadata(
        kept,
        complete_chapters(c for values in chapters[:MAX_CHAPTERS] if (c := _chapter(values))),
        tuple(lost),
        len(chapters[MAX_CHAPTERS:]) + len(more_chapters),
        sum(len(values.get("title", "")) > MAX_TITLE for values in chapters[:MAX_CHAPTERS]),
    )


def _end_section(
    section: str,
    values: dict[str, str],
    tags: dict[str, str],
    chapters: list[Mapping[str, str]],
) -> None:
    if section == "CHAPTER":
        chapters.append(values)
    else:
        for key, value in values.items():
            tags.setdefault(key, value)


def complete_chapters(found: Iterable[Chapter]) -> Sequence[Chapter]:
    """Return the chapters in their order; one without a length lasts until the next one."""
    chapters = sorted(found, key=lambda c: c.start)
    starts = [*(c.start for c in chapters[1:]), 0.0] if chapters else []
    return [
        c if c.end > c.start else replace(c, end=max(following, c.start + _SHORTEST))
        for c, following in zip(chapters, starts, strict=True)
    ]


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
    for number, chapter in enumerate(chapters[:MAX_NUMBERED_CHAPTERS]):
        minutes, seconds = divmod(chapter.start, 60)
        comments[f"CHAPTER{number:03}"] = (
            f"{int(minutes) // 60:02}:{int(minutes) % 60:02}:{seconds:06.3f}"
        )
        comments[f"CHAPTER{number:03}NAME"] = chapter.title
    return comments


def _limit(tags: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the tags that are within the limits, and the names of the others."""
    kept: dict[str, str] = {}
    lost = []
    for key, value in tags.items():
        value = value.strip()
        is_valid = key.isprintable() and len(key) <= _MAX_KEY and len(value) <= _MAX_VALUE
        if value and is_valid and len(kept) < _MAX_TAGS:
            kept[key] = value
        elif value:
            lost.append(key)
    return kept, lost


def _chapter(values: Mapping[str, str]) -> Chapter | None:
    try:
        over, _, under = values.get("timebase", "1/1000000000").partition("/")
        base = _integer(over) / _integer(under)
        start, end = _integer(values["start"]) * base, _integer(values["end"]) * base
    except (KeyError, ValueError, ZeroDivisionError):
        return None
    title = values.get("title", "")[:MAX_TITLE]
    if not start <= end or end < 0 or start > _LATEST:
        return None
    return Chapter(max(0.0, start), min(end, _LATEST), title)


def _integer(text: str) -> int:
    if len(text) > _MAX_NUMBER:
        raise ValueError("FFmpeg's numbers have 64 bits")
    return int(text)


def _pair(line: str) -> tuple[str, str] | None:
    match = _KEY.match(line)
    return (_unescape(match[1]), _unescape(line[match.end() :])) if match else None


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
