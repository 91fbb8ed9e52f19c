"""Tags and chapters: FFmpeg's text form of them (ffmetadata), read and written.

Format: https://ffmpeg.org/ffmpeg-formats.html#Metadata-1. Tags take this way, and not the argument list, since arguments are visible to
others, limited in length, and since here each is looked at once.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SPECIAL = re.compile(r"([=;#\\\n])")
_DROPPED = {
    "encoder", "encoded_by", "vendor_id", "handler_name", "major_brand", "minor_version", "compatible_brands", "creation_time",
    "duration", "language", "metadata_block_picture", "coverart", "waveformatextensible_channel_mask", "itunsmpb",
}  # fmt: skip
"""Of the old file itself, not of the music; `iTunSMPB` would lie about the new one's gaps."""
_MAX_VALUE, _MAX_TAGS = 65_536, 200
"""Characters of one tag (lyrics are the longest), and how many: a file with more is not tagged but stuffed."""


@dataclass(frozen=True)
class Chapter:
    """Seconds from the beginning."""

    start: float
    end: float
    title: str


@dataclass(frozen=True)
class Metadata:
    """`tags` by FFmpeg's generic names in lower case (title, artist, album_artist, track …)."""

    tags: Mapping[str, str]
    chapters: Sequence[Chapter] = ()


def parse(text: str) -> Metadata:
    """Reads what the ffmetadata muxer wrote; tags of the streams (where Ogg has them) count where the file has none of that name."""
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
    return Metadata(_worth_keeping(tags), [c for c in chapters if c.end > c.start >= 0])


def render(metadata: Metadata) -> bytes:
    """The text that FFmpeg's ffmetadata demuxer reads."""
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
    """The chapters of the piece from `start` to `end`, counted from its own beginning."""
    moved = (
        Chapter(max(c.start, start) - start, min(c.end, end) - start, c.title) for c in chapters
    )
    return [c for c in moved if c.end > c.start]


def as_comments(chapters: Sequence[Chapter]) -> dict[str, str]:
    """Chapters as Vorbis comments (https://wiki.xiph.org/Chapter_Extension), for the muxers that write none themselves (FLAC, Vorbis)."""
    comments = {}
    for number, chapter in enumerate(chapters[:999]):
        minutes, seconds = divmod(chapter.start, 60)
        comments[f"CHAPTER{number:03}"] = (
            f"{int(minutes) // 60:02}:{int(minutes) % 60:02}:{seconds:06.3f}"
        )
        comments[f"CHAPTER{number:03}NAME"] = chapter.title
    return comments


def _worth_keeping(tags: Mapping[str, str]) -> dict[str, str]:
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
