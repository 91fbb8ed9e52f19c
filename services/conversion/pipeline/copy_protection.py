"""Detect copy protection (DRM) by the boxes of MP4 files.

An encrypted track has a sample entry of its own kind: `enca` (ISO 14496-12, 8.12) or Apple's
`drms`. FFmpeg shows the codec behind it, and decodes noise.
"""

import struct
from collections.abc import Callable, Iterator

from services.conversion.storage.source_cache import SourceCache

_PROTECTED = (b"enca", b"drms", b"aavd")
_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_MAX_BOXES = 2000
"""Maximum number of boxes that are examined: a file has about ten for each track."""
_MAX_DEPTH = 6
_ReadHeader = Callable[[int], bytes]


def has_protected_audio(source: SourceCache, on_step: Callable[[], None]) -> bool:
    """Return True if a sample entry of an MP4 file is that of encrypted sound.

    `on_step` is called for each box: reading its header may fetch a block of the source.
    """

    def read_header(at: int) -> bytes:
        on_step()
        return source.peek(at, 16)

    return any(kind in _PROTECTED for kind in _sample_entries(read_header, source.size))


def _sample_entries(read: _ReadHeader, size: int) -> Iterator[bytes]:
    budget = [_MAX_BOXES]
    for outer, begin, stop in _read_boxes(read, 0, size, budget):
        if outer != b"moov":
            continue
        for kind, start, end in _boxes(read, begin, stop, budget, 1):
            if kind == b"stsd":  # version, flags and the number of entries come first
                yield from (entry for entry, _, _ in _read_boxes(read, start + 8, end, budget))
        return  # Fragments follow, which may be the whole file. FFmpeg skips any other `moov`.


def _boxes(
    read: _ReadHeader, start: int, end: int, budget: list[int], depth: int
) -> Iterator[tuple[bytes, int, int]]:
    """Yield all boxes within known containers: their kind, and where their content is."""
    for kind, first, last in _read_boxes(read, start, end, budget):
        yield kind, first, last
        if kind in _CONTAINERS and depth < _MAX_DEPTH:
            yield from _boxes(read, first, last, budget, depth + 1)


def _read_boxes(
    read: _ReadHeader, start: int, end: int, budget: list[int]
) -> Iterator[tuple[bytes, int, int]]:
    at = start
    while at + 8 <= end and budget[0] > 0:
        budget[0] -= 1
        header = read(at)
        if len(header) < 8:
            return
        size, kind = struct.unpack_from(">I4s", header)
        content = at + 8
        if size == 1 and len(header) == 16:
            size, content = struct.unpack_from(">Q", header, 8)[0], at + 16
        size = size or end - at  # 0: up to the end
        if size < content - at:
            return
        yield kind, content, min(at + size, end)
        at += size
