"""Collect what the sandboxed reader finds, within limits, and write it for the service."""

import contextlib
import json
import os
import struct
from collections.abc import Iterator
from typing import Any

MAX_JSON = 4 * 1024 * 1024
"""Bytes of the document: the worker needs up to thirty times as many to parse one."""
_MAX_TAGS_JSON = MAX_JSON - 96 * 1024
MAX_VALUES, MAX_NAME = 2000, 200
_MAX_LOST, _MAX_LOST_NAME = 300, 40
_MAX_CHAPTERS, _MAX_TITLE = 5000, 1000
_MAX_PICTURE = 16 * 1024 * 1024
FRONT_COVER = 3
"""The ID3 picture type, which most formats use."""


class TagReaderOutput:
    """Collect tags by the kind of their names, and pictures, within limits."""

    def __init__(self) -> None:
        self.tags: list[tuple[int, str, str, list[str], bool]] = []
        """The number of the reader, the kind of the name, the name, the values, and True if the
        file does not say in which encoding they are."""
        self.reader = 0
        self.pictures: list[tuple[int, bytes]] = []
        self.lost: set[str] = set()
        self.chapters: list[tuple[int, int, str, bool]] = []
        """Start and end in milliseconds, the title, and True if its encoding is not said."""
        self._reader_of_chapters = 0
        self.lost_chapters = self.shortened_titles = 0
        self._values = self._size = 0

    def add(self, kind: str, name: str, values: list[str], *, is_legacy: bool = False) -> None:
        """Add the values of one tag, as far as they fit."""
        tag = (self.reader, kind, name, values, is_legacy)
        size = len(_encode(tag)) + len(", ")
        self._values += len(values)
        if self._values > MAX_VALUES or self._size + size > _MAX_TAGS_JSON or len(name) > MAX_NAME:
            self.lost.add(name)
        elif any(values):
            self._size += size
            self.tags.append(tag)

    def add_chapter(self, start: int, end: int, title: str, *, is_legacy: bool = False) -> None:
        """Add a chapter, as far as it fits; the times are in milliseconds.

        Only those of the first tag that has some are kept: a second tag has the same ones.
        """
        self._reader_of_chapters = self._reader_of_chapters or self.reader
        if self.reader != self._reader_of_chapters:
            return
        chapter = (start, end, title[:_MAX_TITLE], is_legacy)
        size = len(_encode(chapter)) + len(", ")
        if len(self.chapters) >= _MAX_CHAPTERS or self._size + size > _MAX_TAGS_JSON:
            self.lost_chapters += 1
            return
        self.shortened_titles += len(title) > _MAX_TITLE
        self._size += size
        self.chapters.append(chapter)

    def add_picture(self, kind: int, data: bytes) -> None:
        """Add a picture of an ID3 picture type."""
        if 0 < len(data) <= _MAX_PICTURE:
            self.pictures.append((kind, bytes(data)))
        else:
            self.lost.add("picture")

    @contextlib.contextmanager
    def reading_picture(self) -> Iterator[None]:
        """Note a picture that cannot be parsed: the tags after it may be intact."""
        try:
            yield
        except Exception:  # whatever mutagen raises about a malformed one
            self.lost.add("picture")

    def write(self, fd: int) -> None:
        """Write the length of a JSON document, the document, and the chosen picture."""
        order = {FRONT_COVER: 0, 0: 1}
        chosen = min(self.pictures, key=lambda each: order.get(each[0], 2), default=None)
        document = {
            "tags": self.tags,
            "lost": sorted(name[:_MAX_LOST_NAME] for name in self.lost)[:_MAX_LOST],
            "chapters": self.chapters,
            "lost_chapters": self.lost_chapters,
            "shortened_titles": self.shortened_titles,
            "pictures": len(self.pictures),
            "picture_kind": chosen[0] if chosen else None,
        }
        text = _encode(document)
        content = struct.pack(">I", len(text)) + text + (chosen[1] if chosen else b"")
        while content:
            content = content[os.write(fd, content) :]


def _encode(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
