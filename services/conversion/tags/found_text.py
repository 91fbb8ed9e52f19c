"""Clean the text of tags and chapters, and decode what does not say its encoding."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.conversion.ffmpeg.ffmetadata import Metadata
from services.conversion.tags import legacy_text


@dataclass(frozen=True)
class FoundTag:
    """Hold one tag as a reader found it."""

    reader: int
    kind: str
    """The kind of its name, see `names.common_name`."""
    name: str
    values: Sequence[str]
    is_legacy: bool
    """The values were read as Latin-1, because the file does not say their encoding."""


def escape_bytes(latin: str) -> str:
    """Return text that was read as Latin-1 with surrogates for its bytes (PEP 383)."""
    return latin.encode("latin-1", "replace").decode("ascii", "surrogateescape")


def ffmpeg_tag(reader: int, name: str, value: str) -> FoundTag:
    """Return a tag of FFmpeg, whose value has surrogates for bytes that are not UTF-8."""
    is_legacy = _has_escaped_bytes(value)
    if is_legacy:
        value = os.fsencode(value).decode("latin-1")
    return FoundTag(reader, "ffmpeg", name, [value], is_legacy)


def decode_legacy(
    tags: Sequence[FoundTag], chapters: Metadata | None
) -> tuple[list[FoundTag], Metadata | None, str | None]:
    """Decode what does not say its encoding, by the one that all values and titles fit.

    Returns the tags, the chapters, and the encoding, a key of `legacy_text.LABELS`.
    """
    values = {
        id(tag): [value.encode("latin-1", "replace") for value in tag.values]
        for tag in tags
        if tag.is_legacy
    }
    titles = [chapter.title for chapter in chapters.chapters] if chapters else []
    escaped = {title: os.fsencode(title) for title in titles if _has_escaped_bytes(title)}
    texts = [text for each in (*values.values(), escaped.values()) for text in each]
    encoding = legacy_text.find_encoding(texts)

    def decode(text: bytes) -> str:
        return legacy_text.decode(text, encoding or "cp1252")

    decoded = [
        replace(tag, values=list(map(decode, values[id(tag)])), is_legacy=False)
        if tag.is_legacy
        else tag
        for tag in tags
    ]
    if chapters and escaped:
        clear = {title: clean(decode(text)) for title, text in escaped.items()}
        found = [replace(c, title=clear.get(c.title, c.title)) for c in chapters.chapters]
        chapters = replace(chapters, chapters=found)
    return decoded, chapters, encoding


def clean(text: str) -> str:
    """Normalise line ends, which players expect as LF, and remove what XML and C cannot hold."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.encode("utf-8", "replace").decode()
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text).strip()


def _has_escaped_bytes(text: str) -> bool:
    return any("\udc80" <= c <= "\udcff" for c in text)
