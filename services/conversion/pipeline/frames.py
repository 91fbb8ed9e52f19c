"""Parse frame headers of MPEG audio, AAC and AC-3 streams to find a truncated frame.

MPEG audio: ISO 11172-3, 2.4.1.3 and ISO 13818-3. ADTS: ISO 14496-3, 1.A.2. AC-3 and E-AC-3: ETSI TS
102 366, 4.4.1 and E.1.3.1.
"""

from collections.abc import Callable, Iterator

_MIN_CONSECUTIVE = 3
"""Fewer consecutive frame headers may be chance."""
_LAYER_1 = (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448)
_LAYER_2 = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_LAYER_3 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LOW_1 = (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_KBITS = {
    (3, 1): _LAYER_1,
    (3, 2): _LAYER_2,
    (3, 3): _LAYER_3,
    (2, 1): _LOW_1,
    (2, 2): _LOW,
    (2, 3): _LOW,
}
"""By version (3 MPEG-1, 2 MPEG-2 and 2.5) and layer."""
_AC3_KBITS = (
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
)  # fmt: skip

FrameLength = Callable[[bytes], int]
"""Return the length in bytes of the frame that begins with these seven bytes, 0 if none does."""


def mpeg_frame(head: bytes) -> int:
    """Return the length of an MPEG audio frame, layers I to III."""
    if head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer, index, rate_index = (
        head[1] >> 3 & 3,
        4 - (head[1] >> 1 & 3),
        head[2] >> 4,
        head[2] >> 2 & 3,
    )
    if version == 1 or layer == 4 or index in (0, 15) or rate_index == 3:
        return 0
    rate = (44100, 48000, 32000)[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    bits, padding = _KBITS[3 if version == 3 else 2, layer][index] * 1000, head[2] >> 1 & 1
    if layer == 1:
        return (12 * bits // rate + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits // rate + padding


def adts_frame(head: bytes) -> int:
    """Return the length of an AAC frame with an ADTS header."""
    if head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5


def ac3_frame(head: bytes) -> int:
    """Return the length of an AC-3 or E-AC-3 frame."""
    if head[:2] != b"\x0b\x77":
        return 0
    if head[5] >> 3 > 10:  # E-AC-3
        return ((head[2] & 7) << 8 | head[3]) * 2 + 2
    rate_index, code = head[4] >> 6, head[4] & 63
    if rate_index == 3 or code >= 2 * len(_AC3_KBITS):
        return 0
    kbits = _AC3_KBITS[code >> 1]
    return (kbits * 4, kbits * 320 // 147 * 2 + (code & 1) * 2, kbits * 6)[rate_index]


FRAME_LENGTHS: dict[str, FrameLength] = {
    "mp3": mpeg_frame,
    "aac": adts_frame,
    "ac3": ac3_frame,
    "eac3": ac3_frame,
}
"""Functions that return the length of a frame in bytes, by the names of FFmpeg's demuxers."""


def last_frame_is_truncated(tail: bytes, frame_length: FrameLength) -> bool:
    """Return True if a file that ends with `tail` ends within a frame.

    Tags after the last frame do not count as truncation.
    """
    for start, end in _runs(tail, frame_length):
        header_is_truncated = end < len(tail) < end + 7 and tail[end] == tail[start]
        if end > len(tail) or header_is_truncated:
            return True
    return False


def find_last_frame(tail: bytes, frame_length: FrameLength) -> int:
    """Return the end of the last frame in `tail`, 0 if there are too few frames."""
    return max((end for _, end in _runs(tail, frame_length)), default=0)


def _runs(tail: bytes, frame_length: FrameLength) -> Iterator[tuple[int, int]]:
    """Yield where consecutive frames begin and end; the end may lie behind that of `tail`."""
    start = 0
    while start + 7 <= len(tail):
        at, count = start, 0
        while at + 7 <= len(tail) and (size := frame_length(tail[at : at + 7])) > 7:
            at, count = at + size, count + 1
        if count >= _MIN_CONSECUTIVE:
            yield start, at
        start = at if count >= _MIN_CONSECUTIVE else start + 1
