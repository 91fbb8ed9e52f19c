"""Compare what the header of an MP3 file counts with the file.

The header of Xing and LAME has the number of frames and that of bytes. Editors that cut or join MP3
files leave wrong numbers of frames, which FFmpeg believes.
"""

import struct

from services.conversion.pipeline.foreign_bytes import id3v2_size
from services.conversion.storage.source_cache import SourceCache

_FIRST_FRAME = 64
"""Bytes in which the header begins: behind at most 36 of the frame."""
_HAS_FRAMES, _HAS_BYTES = 1, 2
_MISCOUNTED = 0.01
"""Share of the bytes that may be missing: some writers count the tags, too."""
_MIN_BYTE_RATE = 1000
"""Bytes a second at 8 kbit/s, the lowest rate of MPEG audio."""


def has_counted_bytes(source: SourceCache) -> bool:
    """Return True if the file has as many bytes as its header counts."""
    start = id3v2_size(source)
    head = source.peek(start, _FIRST_FRAME)
    at = max(head.find(b"Xing"), head.find(b"Info"))
    if at < 0 or len(head) < at + 16:
        return False
    flags, _, count = struct.unpack_from(">III", head, at + 4)
    if flags & (_HAS_FRAMES | _HAS_BYTES) != _HAS_FRAMES | _HAS_BYTES:
        return False
    return bool(0 < count * (1 - _MISCOUNTED) <= source.size - start)


def states_too_much(duration: float | None, size: int) -> bool:
    """Return True if no MP3 file of this size lasts so many seconds."""
    return duration is not None and duration > size / _MIN_BYTE_RATE + 1
