"""Find bytes that belong to no sound and that FFmpeg would decode or stumble over.

Tags behind the sound: ID3v1 (https://id3.org/ID3v1), APEv2 (https://wiki.hydrogenaudio.org, "APEv2
specification"), Lyrics3 (https://id3.org/Lyrics3v2), and an ID3v2.4 tag with a footer. FFmpeg reads
them in some formats only. Tags in front: ID3v2 before Monkey's Audio, which FFmpeg does not open.
"""

import re
import struct
from collections.abc import Sequence

from services.conversion.pipeline.frames import FrameSize, ac3_frame, find_last_frame, mpeg_frame
from services.conversion.storage.source_cache import SourceCache

Ranges = Sequence[tuple[int, int]]

_TAIL = 65_536
_HEAD = 16
_MAX_TAGS = 8
_MAX_LYRICS3_V1 = 5_100 + 20
_MAX_ODD_BYTES = 16
_APE_HAS_HEADER = 0x80000000
_APE_READERS = ("mp3",)
"""Formats in which FFmpeg itself reads ID3v1 and APEv2 behind the sound."""


def find_sound(source: SourceCache) -> Ranges | None:
    """Return the ranges to convert, or None if the file is to be read as it is."""
    start = _id3v2_size(source)
    kind, frame_size = _classify(source.peek(start, _HEAD))
    if kind == "au":
        offset, size = struct.unpack(">II", source.peek(4, 8))
        return [(0, offset + size)] if offset + size < source.size else None
    if kind == "ape":
        return [(start, source.size)] if start else None
    if not kind:
        return None
    end, kept_end = _find_tags(source, kind)
    if frame_size is not None:
        end = _find_odd_bytes(source, end, frame_size)
    ranges = [(0, end)]
    if kind in _APE_READERS and kept_end < source.size:
        ranges.append((kept_end, source.size))
    is_whole = sum(last - first for first, last in ranges) == source.size
    return None if is_whole or end <= start else ranges


def _classify(head: bytes) -> tuple[str, FrameSize | None]:
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


def _id3v2_size(source: SourceCache) -> int:
    head = source.peek(0, 10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = _syncsafe(head[6:10])
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _find_tags(source: SourceCache, kind: str) -> tuple[int, int]:
    """Return where the tags behind the sound begin, and where those begin that FFmpeg reads."""
    end = kept = source.size
    only_known = True
    for _ in range(_MAX_TAGS):
        tail = source.peek(max(0, end - _TAIL), min(end, _TAIL))
        size, is_known = _tag_size(tail)
        if not 0 < size <= end:
            break
        end -= size
        only_known = only_known and is_known
        if only_known:
            kept = end
    return (end, kept) if kind in _APE_READERS else (end, source.size)


def _tag_size(tail: bytes) -> tuple[int, bool]:
    """Return the size of the tag at the end, 0 if there is none, and if FFmpeg reads it in MP3."""
    if tail[-128:-125] == b"TAG":
        return 128, True
    if tail[-32:-24] == b"APETAGEX" and len(tail) >= 32:
        _, size, _, flags = struct.unpack("<IIII", tail[-24:-8])
        before = tail[-size - 32 :][:8] if len(tail) >= size + 32 else b""
        has_header = flags & _APE_HAS_HEADER or before == b"APETAGEX"
        return size + (32 if has_header else 0), bool(has_header)
    if tail[-9:] == b"LYRICS200" and re.fullmatch(rb"\d{6}", tail[-15:-9]):
        return int(tail[-15:-9]) + 15, False
    if tail[-9:] == b"LYRICSEND":
        at = tail.rfind(b"LYRICSBEGIN", max(0, len(tail) - _MAX_LYRICS3_V1))
        return (len(tail) - at, False) if at >= 0 else (0, False)
    if tail[-10:-7] == b"3DI":
        return _syncsafe(tail[-4:]) + 20, False
    if len(tail) >= 227 and tail[-227:-223] == b"TAG+":
        return 227, False
    return 0, False


def _find_odd_bytes(source: SourceCache, end: int, frame_size: FrameSize) -> int:
    """Return where the last frame ends, if only a few bytes or zeros are behind it."""
    start = max(0, end - _TAIL)
    tail = source.peek(start, end - start)
    last = find_last_frame(tail, frame_size)
    rest = tail[last:] if 0 < last < len(tail) else b""
    is_frame = rest[:1] in (b"\xff", b"\x0b") and len(rest) < 7
    is_odd = len(rest) <= _MAX_ODD_BYTES or not rest.strip(b"\0")
    return start + last if rest and is_odd and not is_frame else end


def _syncsafe(data: bytes) -> int:
    """Return a number of 7 bits a byte (ID3v2.4, 6.2)."""
    number = 0
    for byte in data:
        number = number << 7 | byte & 0x7F
    return number
