"""Put attributes and a cover into the header of a Windows Media file.

FFmpeg writes one text for each name, and no pictures. So it writes placeholders, which make room
for the objects that mutagen renders. The layout of a header: Microsoft's "Advanced Systems Format",
3.1.
"""

import functools
import io
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mutagen.asf import ASF, ASFByteArrayAttribute, ASFUnicodeAttribute

from services.conversion.ffmpeg.ffmetadata import Chapter
from services.conversion.tags.cover import Cover
from services.conversion.tags.names import BY_NAME, name_publisher
from services.conversion.tags.placement import NoSpaceForTags, write
from services.conversion.tags.source_tags import Tags

_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_PADDING = bytes.fromhex("74d40618dfca0945a4ba9aabcb96aae8")
_REPLACED = (
    bytes.fromhex("3326b2758e66cf11a6d900aa0062ce6c"),  # content description
    bytes.fromhex("40a4d0d207e3d21197f000a0c95ea850"),  # extended content description
    bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365"),  # header extension
    _PADDING,
)
_HEADER_SIZE, _OBJECT_HEADER_SIZE = 30, 24
_MAX_OBJECTS = 64
"""Maximum number of objects of a header; FFmpeg writes about ten."""
_PIECE = 30_000
"""Characters of a placeholder: a text of FFmpeg has at most 64 KiB of UTF-16."""
_PIECE_OVERHEAD = 64
"""Bytes of a placeholder besides its text."""
_SLACK = 64 * 1024
"""Bytes of the rest of the header, without chapters."""
_BYTES_PER_CHAPTER = 1024
"""Bytes of a chapter besides its title."""


@dataclass(frozen=True)
class AsfHeader:
    """Replace the placeholders in the header of an ASF file by attributes and padding."""

    attributes: Sequence[tuple[str, str]]
    """Names of Windows Media and values; a name may occur several times."""
    picture: bytes = b""
    """A value of `WM/Picture`."""
    chapters: Sequence[Chapter] = ()

    @functools.cached_property
    def _objects(self) -> bytes:
        """Return the objects that hold all attributes."""
        file = io.BytesIO(_HEADER + struct.pack("<QI", _HEADER_SIZE, 0) + b"\1\2")
        empty = ASF(file)
        tags: Any = empty.tags
        tags += [(name, ASFUnicodeAttribute(value)) for name, value in self.attributes]
        if self.picture:
            tags.append(("WM/Picture", ASFByteArrayAttribute(self.picture)))
        file.seek(0)
        empty.save(file, padding=lambda _info: 0)
        return file.getvalue()[_HEADER_SIZE:]

    @property
    def placeholders(self) -> Mapping[str, str]:
        """Return the texts that FFmpeg is to write, longer than all attributes."""
        count = 1 + len(self._objects) // 2 // _PIECE
        return {str(number): "-" * _PIECE for number in range(count)}

    @functools.cached_property
    def size(self) -> int:
        pieces = len(self.placeholders) * (2 * _PIECE + _PIECE_OVERHEAD)
        titles = sum(len(chapter.title.encode("utf-16-le")) for chapter in self.chapters)
        return pieces + _SLACK + _BYTES_PER_CHAPTER * len(self.chapters) + titles

    def apply(self, fd: int) -> None:
        length = _declared_size(os.pread(fd, _HEADER_SIZE, 0))
        if not 0 < length <= self.size:
            raise NoSpaceForTags("the output has no header of the expected size")
        header = os.pread(fd, length, 0)
        ours = _split(self._objects)
        objects = [*_kept_objects(header), *ours[:-1]]  # the last one is padding
        padding = length - _HEADER_SIZE - sum(map(len, objects)) - _OBJECT_HEADER_SIZE
        if padding < 0:
            raise NoSpaceForTags("the output's header has no space for its tags")
        objects.append(_PADDING + struct.pack("<Q", _OBJECT_HEADER_SIZE + padding) + bytes(padding))
        start = header[:24] + struct.pack("<I", len(objects)) + header[28:_HEADER_SIZE]
        write(fd, start + b"".join(objects), 0)


def attributes_of(tags: Tags) -> Sequence[tuple[str, str]]:
    """Return an attribute for each value, by the names of Windows Media."""
    written = name_publisher(tags)
    names = {name: BY_NAME[written[name]].asf if name in BY_NAME else "" for name in tags}
    return [(names[name] or name, value) for name, values in tags.items() for value in values]


def picture_of(cover: Cover) -> bytes:
    """Return a value of `WM/Picture`: type, size, MIME type, no description, and the bytes."""
    media_type = (cover.media_type + "\0\0").encode("utf-16-le")
    return struct.pack("<BI", cover.kind, len(cover.data)) + media_type + cover.data


def _declared_size(start: bytes) -> int:
    if len(start) < _HEADER_SIZE or start[:16] != _HEADER:
        return 0
    size: int = struct.unpack_from("<Q", start, 16)[0]
    return size


def _kept_objects(header: bytes) -> list[bytes]:
    objects = _split(header[_HEADER_SIZE:])
    return [each for each in objects if each[:16] not in _REPLACED]


def _split(content: bytes) -> list[bytes]:
    objects: list[bytes] = []
    at = 0
    while at < len(content):
        if len(objects) == _MAX_OBJECTS or len(content) - at < _OBJECT_HEADER_SIZE:
            raise NoSpaceForTags("the output's header is malformed")
        (size,) = struct.unpack_from("<Q", content, at + 16)
        if not _OBJECT_HEADER_SIZE <= size <= len(content) - at:
            raise NoSpaceForTags("the output's header is malformed")
        objects.append(content[at : at + size])
        at += size
    return objects
