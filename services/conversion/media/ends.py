"""Whether a file is all there, where FFmpeg does not say: by the first and the last bytes.

WAV: RIFF chunks (Microsoft's "Multimedia Programming Interface", 1991). Ogg pages: RFC 3533, section 6.
"""

import struct

_STREAMED = 0x7FFF0000
"""Data sizes from here on are what programs write that do not know the size: 0x7FFFFFFF and 0xFFFFFFFF, less some header."""
TAIL = 65_307
"""Bytes of the largest Ogg page: the last one begins within so many bytes of the end."""


def declared_wav_seconds(head: bytes, size: int) -> float | None:
    """Seconds that a WAV file of `size` bytes promises, where that is more than it holds; None otherwise."""
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    at, byte_rate = 12, 0
    while at + 8 <= len(head):
        name, length = head[at : at + 4], struct.unpack_from("<I", head, at + 4)[0]
        if name == b"fmt " and at + 20 <= len(head):
            byte_rate = struct.unpack_from("<I", head, at + 16)[0]
        if name == b"data":
            missing = at + 8 + length > size
            return length / byte_rate if missing and byte_rate and 0 < length < _STREAMED else None
        at += 8 + length + length % 2
    return None


def ogg_is_cut_off(tail: bytes) -> bool:
    """Whether an Ogg file's last bytes lack the page that says it is the last, or part of it."""
    at = tail.rfind(b"OggS")
    if at < 0 or at + 27 > len(tail):
        return True
    segments = tail[at + 26]
    end = at + 27 + segments + sum(tail[at + 27 : at + 27 + segments])
    return end > len(tail) or not tail[at + 5] & 4
