"""Find the tags after the audio data of a file, from its end.

ID3v1 (https://id3.org/ID3v1) and its extension `TAG+`, APEv2 (https://wiki.hydrogenaudio.org,
"APEv2 specification"), Lyrics3 (https://id3.org/Lyrics3v2), and an ID3v2.4 tag with a footer
(https://id3.org/id3v2.4.0-structure, 3.4). The sandboxed reader uses this module.
"""

import re
import struct
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

TagKind = Literal["id3v1", "id3v1+", "id3v2", "ape", "lyrics3"]

_TAIL = 65_536
_MAX_TAGS = 8
_MAX_LYRICS3_V1 = 5_100 + 20
_APE_HAS_HEADER = 0x80000000


class TrailingTag(NamedTuple):
    """Hold which kind of tag the bytes [start, end) of a file are.

    No dataclass: importing that module takes longer than reading the tags.
    """

    kind: TagKind
    start: int
    end: int
    is_known: bool = False
    """FFmpeg reads it in MP3 files."""


def find_trailing_tags(read: Callable[[int, int], bytes], size: int) -> Sequence[TrailingTag]:
    """Return the tags at the end of a file of `size` bytes, the last one first.

    `read` returns the bytes at a position, and takes their number.
    """
    found: list[TrailingTag] = []
    end = size
    while len(found) < _MAX_TAGS:
        tail = read(max(0, end - _TAIL), min(end, _TAIL))
        tag = _last_tag(tail)
        if tag is None or not 0 < tag[1] <= end:
            break
        kind, length, is_known = tag
        found.append(TrailingTag(kind, end - length, end, is_known))
        end -= length
    return found


def _last_tag(tail: bytes) -> tuple[TagKind, int, bool] | None:
    """Return the kind and the size of the tag at the end, and if FFmpeg reads it in MP3."""
    if tail[-128:-125] == b"TAG":
        return "id3v1", 128, True
    if tail[-32:-24] == b"APETAGEX" and len(tail) >= 32:
        _, size, _, flags = struct.unpack("<IIII", tail[-24:-8])
        before = tail[-size - 32 :][:8] if len(tail) >= size + 32 else b""
        has_header = flags & _APE_HAS_HEADER or before == b"APETAGEX"
        return "ape", size + (32 if has_header else 0), bool(has_header)
    if tail[-9:] == b"LYRICS200" and re.fullmatch(rb"\d{6}", tail[-15:-9]):
        return "lyrics3", int(tail[-15:-9]) + 15, False
    if tail[-9:] == b"LYRICSEND":
        at = tail.rfind(b"LYRICSBEGIN", max(0, len(tail) - _MAX_LYRICS3_V1))
        return ("lyrics3", len(tail) - at, False) if at >= 0 else None
    if tail[-10:-7] == b"3DI":
        return "id3v2", syncsafe(tail[-4:]) + 20, False
    if len(tail) >= 227 and tail[-227:-223] == b"TAG+":
        return "id3v1+", 227, False
    return None


def syncsafe(data: bytes) -> int:
    """Return a number of 7 bits a byte (ID3v2.4, 6.2)."""
    number = 0
    for byte in data:
        number = number << 7 | byte & 0x7F
    return number
