"""Parse the headers of cover pictures, without decoding them."""

import struct
from dataclasses import dataclass

_FRONT_COVER = 3  # ID3v2 APIC and FLAC picture types
_PNG_HEADER_BYTES = 24
_MAX_JPEG_STEPS = 10_000
"""Maximum number of segments and fill bytes before the frame header. Pictures have about ten, and
each costs processor time of the worker."""
MAX_BYTES = 12 * 1024 * 1024
"""A FLAC block counts its bytes in 24 bits, and comments need space, too. Larger covers are left
out."""


@dataclass(frozen=True)
class Cover:
    """Hold a picture's bytes, its MIME type and its size in pixels."""

    data: bytes
    media_type: str
    width: int
    height: int
    kind: int = _FRONT_COVER
    """An ID3 picture type, which FLAC uses, too."""


def parse_cover(data: bytes, kind: int = _FRONT_COVER) -> Cover | None:
    """Return the cover if its header is that of a JPEG or PNG, which every player shows."""
    if not data or len(data) > MAX_BYTES:
        return None
    is_png = data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR"
    if is_png and len(data) >= _PNG_HEADER_BYTES:
        width, height = struct.unpack_from(">II", data, 16)
        return (
            Cover(data, "image/png", width, height, kind)
            if 0 < width < 65536 and 0 < height < 65536
            else None
        )
    if data[:3] == b"\xff\xd8\xff" and (size := _jpeg_size(data)):
        return Cover(data, "image/jpeg", *size, kind)
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height from the first frame header (ITU-T T.81, B.2.2)."""
    at = 2
    for _ in range(_MAX_JPEG_STEPS):
        if at + 9 >= len(data) or data[at] != 0xFF:
            break
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            height, width = struct.unpack_from(">HH", data, at + 5)
            return (width, height) if width and height else None
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
