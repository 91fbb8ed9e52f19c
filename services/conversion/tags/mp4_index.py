"""Put tags into the index of an MP4 file, behind which FFmpeg leaves space.

The index (`moov`) of a day has tens of megabytes, and that of a compromised FFmpeg any size: only
the headers of its boxes are read, and its last box, which holds the tags (`udta`).
"""

import os
import struct
from dataclasses import dataclass

from services.conversion.tags.placement import IndexTooSmall, NoSpaceForTags, write

MAX_INDEX = 128 * 1024 * 1024
"""Bytes of an index with its tags. A day of ALAC at 768 kHz needs half of it."""
_MAX_HEAD = MAX_INDEX + 64 * 1024
"""Bytes up to the end of the space behind the index."""
_MAX_HEAD_BOXES, _MAX_BOXES = 16, 64
"""Boxes that are read to find the space, and those within another one; FFmpeg writes about five."""
_MAX_USER_DATA = 1024 * 1024
"""Bytes of `udta` as FFmpeg writes it; 255 chapters with the longest titles take 68 KiB."""


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size


@dataclass(frozen=True)
class Mp4Meta:
    """Replace the `meta` atom in the index, at the expense of the space behind."""

    meta: bytes

    @property
    def size(self) -> int:
        return len(self.meta) + 1024

    def apply(self, fd: int) -> None:
        movie, free = _find_index(fd)
        user_data = _find_user_data(fd, movie)
        content = b"".join([*_read_others(fd, user_data), self.meta])
        replaced = struct.pack(">I4s", 8 + len(content), b"udta") + content
        space = free.end - user_data.start - len(replaced)
        if space < 8:
            raise IndexTooSmall(8 - space)
        write(fd, replaced + struct.pack(">I4s", space, b"free"), user_data.start)
        write(fd, struct.pack(">I", user_data.start + len(replaced) - movie.start), movie.start)


def _find_index(fd: int) -> tuple[_Box, _Box]:
    """Return the index and the space behind it."""
    at, movie = 0, None
    for _ in range(_MAX_HEAD_BOXES):
        box = _read_box(fd, at, _MAX_HEAD)
        if box.kind == b"free":
            if movie is None or movie.end != box.start:
                raise NoSpaceForTags("the output's index is not followed by space")
            return movie, box
        movie = box if box.kind == b"moov" else movie
        at = box.end
    raise NoSpaceForTags("the output has no space behind its index")


def _find_user_data(fd: int, movie: _Box) -> _Box:
    """Return the last box of the index if it holds tags, or an empty one at its end."""
    at = movie.start + 8
    for _ in range(_MAX_BOXES):
        if at == movie.end:
            return _Box(b"udta", at, 0)
        box = _read_box(fd, at, movie.end)
        if box.kind == b"udta":
            if box.end != movie.end or box.size > _MAX_USER_DATA:
                raise NoSpaceForTags("the tags of the output's index are too large or not its last")
            return box
        at = box.end
    raise NoSpaceForTags("the output's index has too many boxes")


def _read_others(fd: int, user_data: _Box) -> list[bytes]:
    """Return the boxes that are not `meta`, for example chapters."""
    boxes: list[bytes] = []
    at = user_data.start + 8
    for _ in range(_MAX_BOXES):
        if at >= user_data.end:
            return boxes
        box = _read_box(fd, at, user_data.end)
        if box.kind != b"meta":
            boxes.append(os.pread(fd, box.size, at))
        at = box.end
    raise NoSpaceForTags("the tags of the output's index have too many boxes")


def _read_box(fd: int, at: int, limit: int) -> _Box:
    """Return the box at a position. Raises NoSpaceForTags if it ends beyond the limit."""
    header = os.pread(fd, 8, at)
    if len(header) < 8:
        raise NoSpaceForTags("the output ends early")
    size, kind = struct.unpack(">I4s", header)
    if not 8 <= size <= limit - at:
        raise NoSpaceForTags("the output's index is malformed or too large")
    return _Box(kind, at, size)
