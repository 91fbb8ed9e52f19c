"""Detect truncated files by their first and last bytes, where FFmpeg does not.

AIFF: Apple's "Audio Interchange File Format", 1989. AU: Sun's <multimedia/audio_filehdr.h>.
WAV and AVI: RIFF chunks (Microsoft's "Multimedia Programming Interface", 1991). W64: Sony's variant
of RIFF. CAF: Apple's "Core Audio Format Specification 1.0". ASF: Microsoft's "Advanced Systems
Format", 3.2. Ogg pages: RFC 3533, section 6. MPEG-TS: ISO 13818-1, 2.4.3.
"""

import struct
from collections.abc import Iterator

from services.conversion.pipeline.frames import FRAME_LENGTHS, last_frame_is_truncated

_STREAMED = 0x7FFF0000
"""Sizes from here on mean "unknown": writers that do not know the size store 0x7FFFFFFF or
0xFFFFFFFF, minus the header length."""
_MISCOUNTED = 4
"""Bytes by which writers miscount: the padding, or half a frame."""
HEAD = TAIL = 65_536
"""Bytes to read at either end. The largest Ogg page has 65,307 bytes."""
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_W64_FMT, _W64_DATA = (
    name + bytes.fromhex("f3acd3118cd100c04f8edb8a") for name in (b"fmt ", b"data")
)
_AIFC_PCM = (
    b"NONE", b"sowt", b"twos", b"raw ", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64",
)  # fmt: skip
_AU_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
"""Bytes of a sample by the encoding of an AU file, those with a fixed number."""
_MAX_DURATION = 1000 * 3600
"""Seconds; a header that states more is invalid."""


def declared_duration(container: str, head: bytes, size: int) -> float | None:
    """Return the seconds that a file of `size` bytes declares, if it holds fewer; else None."""
    find = {
        "wav": _wav_seconds,
        "w64": _w64_seconds,
        "caf": _caf_seconds,
        "avi": _avi_seconds,
        "asf": _asf_seconds,
        "aiff": _aiff_seconds,
        "au": _au_seconds,
    }.get(container)
    try:
        seconds = find(head, size) if find else None
    except (struct.error, ArithmeticError):
        return None
    return seconds if seconds is not None and 0 < seconds < _MAX_DURATION else None


def has_detectable_end(container: str) -> bool:
    """Return True if the last bytes show a truncation. Reading them costs one GET."""
    return container in ("ogg", "mpegts", *FRAME_LENGTHS)


def is_truncated(container: str, tail: bytes, size: int) -> bool:
    """Return True if a file of `size` bytes ends in the middle of a page, packet or frame."""
    if container == "ogg":
        return _ogg_is_truncated(tail)
    if container == "mpegts":
        # Packets of broadcast, of discs, and with error correction.
        return bool(size % 188 and size % 192 and size % 204)
    return container in FRAME_LENGTHS and last_frame_is_truncated(tail, FRAME_LENGTHS[container])


def is_streamed(container: str, head: bytes, size: int) -> bool:
    """Return True if the header of a file of `size` bytes does not tell where its sound ends.

    Its size was not known when it was written, or is a few bytes too high.

    FFmpeg reports that such a file ends in the middle of a packet.
    """
    if container == "wav":
        found = [(at, length) for name, at, length in _riff_chunks(head) if name == b"data"]
        at, length = found[0] if found else (0, 1)
        return length == 0 or length >= _STREAMED or 0 < at + 8 + length - size <= _MISCOUNTED
    return container == "caf" and b"data" + b"\xff" * 8 in head


def _riff_chunks(head: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, the position and the length of each chunk of a WAV file."""
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return
    at = 12
    while at + 8 <= len(head):
        length = struct.unpack_from("<I", head, at + 4)[0]
        yield head[at : at + 4], at, length
        at += 8 + length + length % 2


def _wav_seconds(head: bytes, size: int) -> float | None:
    byte_rate = 0
    for name, at, length in _riff_chunks(head):
        if name == b"fmt ":
            byte_rate = struct.unpack_from("<I", head, at + 16)[0]
        if name == b"data":
            is_short = at + 8 + length > size + _MISCOUNTED
            return length / byte_rate if is_short and length < _STREAMED else None
    return None


def _w64_seconds(head: bytes, size: int) -> float | None:
    at, byte_rate = 40, 0
    while at + 24 <= len(head):
        name, length = head[at : at + 16], struct.unpack_from("<Q", head, at + 16)[0]
        if name == _W64_FMT:
            byte_rate = struct.unpack_from("<I", head, at + 32)[0]
        if name == _W64_DATA:
            return (length - 24) / byte_rate if at + length > size else None
        at += max(24, length + -length % 8)
    return None


def _caf_seconds(head: bytes, size: int) -> float | None:
    at, byte_rate = 8, 0.0
    while at + 12 <= len(head):
        name, length = head[at : at + 4], struct.unpack_from(">q", head, at + 4)[0]
        if name == b"desc":
            rate, _, _, packet_bytes, packet_frames = struct.unpack_from(">dIIII", head, at + 12)
            byte_rate = rate * packet_bytes / packet_frames
        if name == b"data":  # -1 means up to the end of the file
            return (length - 4) / byte_rate if byte_rate and at + 12 + length > size else None
        at += 12 + max(0, length)
    return None


def _aiff_seconds(head: bytes, size: int) -> float | None:
    at, seconds = 12, 0.0
    while at + 8 <= len(head):
        name, length = struct.unpack_from(">4sI", head, at)
        if name == b"COMM":
            if head[8:12] == b"AIFC" and head[at + 26 : at + 30] not in _AIFC_PCM:
                return None  # frames are counted in different ways
            (frames,) = struct.unpack_from(">I", head, at + 10)
            exponent, mantissa = struct.unpack_from(">HQ", head, at + 16)
            seconds = frames / (mantissa * 2.0 ** (exponent - 16383 - 63))
        if name == b"SSND":
            is_short = at + 8 + length > size + _MISCOUNTED and length < _STREAMED
            return seconds if is_short else None
        at += 8 + length + length % 2
    return None


def _au_seconds(head: bytes, size: int) -> float | None:
    offset, length, coding, rate, channels = struct.unpack_from(">IIIII", head, 4)
    is_short = offset + length > size + _MISCOUNTED and length < _STREAMED
    sample = _AU_BYTES.get(coding, 0)
    return length / (sample * rate * channels) if is_short and sample else None


def _avi_seconds(head: bytes, size: int) -> float | None:
    declared = struct.unpack_from("<I", head, 4)[0] + 8
    microseconds, frames = (
        struct.unpack_from("<I", head, 32)[0],
        struct.unpack_from("<I", head, 48)[0],
    )
    return microseconds * frames / 1e6 if head[24:28] == b"avih" and size < declared else None


def _asf_seconds(head: bytes, size: int) -> float | None:
    at = head.find(_ASF_FILE_PROPERTIES)
    if at < 0:
        return None
    declared, duration, preroll = (
        struct.unpack_from("<Q", head, at + offset)[0] for offset in (40, 64, 80)
    )
    return duration / 1e7 - preroll / 1e3 if size < declared else None


def _ogg_is_truncated(tail: bytes) -> bool:
    """Return True if the last page is incomplete or not marked as the last."""
    at = tail.rfind(b"OggS")
    if at < 0 or at + 27 > len(tail):
        return True
    segments = tail[at + 26]
    end = at + 27 + segments + sum(tail[at + 27 : at + 27 + segments])
    return end > len(tail) or not tail[at + 5] & 4
