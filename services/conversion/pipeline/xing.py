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
_MISCOUNTED, _MAX_MISCOUNTED = 0.01, 128 * 1024
"""Share and number of the bytes that may be missing: some writers count the tags, too. A hundredth
of an audio book is minutes."""
_MIN_BYTE_RATE, _MAX_BYTE_RATE = 1000, 80_000
"""Bytes a second at 8 kbit/s, the lowest rate of MPEG audio, and at 640 kbit/s, the highest of free
format."""


def count_bytes(source: SourceCache) -> int:
    """Return the bytes that the header counts, 0 if the file has fewer or no such header."""
    start = id3v2_size(source)
    head = source.peek(start, _FIRST_FRAME)
    at = max(head.find(b"Xing"), head.find(b"Info"))
    if at < 0 or len(head) < at + 16:
        return 0
    flags, _, count = struct.unpack_from(">III", head, at + 4)
    if flags & (_HAS_FRAMES | _HAS_BYTES) != _HAS_FRAMES | _HAS_BYTES:
        return 0
    missing: int = count - (source.size - start)
    return count if missing <= min(count * _MISCOUNTED, _MAX_MISCOUNTED) else 0


def is_impossible(duration: float | None, byte_count: int) -> bool:
    """Return True if no MP3 file of so many bytes lasts so many or so few seconds."""
    return duration is not None and not (
        byte_count / _MAX_BYTE_RATE - 1 <= duration <= byte_count / _MIN_BYTE_RATE + 1
    )
