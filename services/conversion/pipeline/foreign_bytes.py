"""Find bytes that are not sound and that FFmpeg would decode or fail on.

They are tags after the audio data, which FFmpeg reads in some formats only, and an ID3v2 tag before
Monkey's Audio, which FFmpeg does not open.
"""

import struct
from collections.abc import Sequence

from services.conversion.pipeline.frames import FrameLength, ac3_frame, find_last_frame, mpeg_frame
from services.conversion.storage.source_cache import SourceCache
from services.conversion.tags.trailing_tags import find_trailing_tags, syncsafe

Ranges = Sequence[tuple[int, int]]

_TAIL = 65_536
_HEAD = 16
_MAX_ODD_BYTES = 16
_MAX_ZEROS = 4 * 1024 * 1024
"""Maximum number of zeros after the audio data that are examined."""
_TEXT = bytes(range(32, 127)) + b"\t\n\r"
_APE_READERS = ("mp3",)
"""Formats in which FFmpeg itself reads ID3v1 and APEv2 after the audio data."""


def find_sound(source: SourceCache) -> Ranges | None:
    """Return the ranges to convert, or None if the file is to be read as it is."""
    start = id3v2_size(source)
    kind, frame_length = _classify(source.peek(start, _HEAD))
    if kind == "au":
        offset, size = struct.unpack(">II", source.peek(4, 8))
        return [(0, offset + size)] if offset + size < source.size else None
    if kind == "ape":
        return [(start, source.size)] if start else None
    if not kind:
        return None
    end, kept_end = _find_tags(source, kind)
    if frame_length is not None:
        end = _find_odd_bytes(source, end, frame_length)
    ranges = [(0, end)]
    if kind in _APE_READERS and kept_end < source.size:
        ranges.append((kept_end, source.size))
    is_whole = sum(last - first for first, last in ranges) == source.size
    return None if is_whole or end <= start else ranges


def _classify(head: bytes) -> tuple[str, FrameLength | None]:
    if head[:4] == b"MAC ":
        return "ape", None
    if head[:4] == b".snd" and len(head) >= 12:
        return "au", None
    if head[:4] == b"fLaC":
        return "flac", None
    if head[:2] == b"\x0b\x77":
        return "ac3", ac3_frame
    if len(head) >= 7 and mpeg_frame(head[:7]):
        return "mp3", mpeg_frame
    return "", None


def id3v2_size(source: SourceCache) -> int:
    """Return the bytes of the ID3v2 tag in front, 0 if there is none."""
    head = source.peek(0, 10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = syncsafe(head[6:10])
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _find_tags(source: SourceCache, kind: str) -> tuple[int, int]:
    """Return where the tags after the audio data begin, and where those begin that FFmpeg reads."""
    end = kept = source.size
    only_known = True
    for tag in find_trailing_tags(source.peek, source.size):
        end = tag.start
        only_known = only_known and tag.is_known
        if only_known:
            kept = end
    return (end, kept) if kind in _APE_READERS else (end, source.size)


def _find_odd_bytes(source: SourceCache, end: int, frame_length: FrameLength) -> int:
    """Return where the last frame ends if the bytes behind it cannot be sound, or else `end`.

    They cannot be if they are very few, all zeros, or text, for example an HTML error page that a
    server appended.
    """
    start = max(0, end - _TAIL)
    tail = source.peek(start, end - start)
    while start > 0 and end - start < _MAX_ZEROS and not tail.strip(b"\0"):
        start = max(0, start - _TAIL)
        tail = source.peek(start, _TAIL)
    last = find_last_frame(tail, frame_length)
    rest = tail[last:] if 0 < last < len(tail) else b""
    is_frame = rest[:1] in (b"\xff", b"\x0b") and len(rest) < 7
    is_odd = len(rest) <= _MAX_ODD_BYTES or not rest.strip(b"\0") or not rest.translate(None, _TEXT)
    return start + last if rest and is_odd and not is_frame else end
