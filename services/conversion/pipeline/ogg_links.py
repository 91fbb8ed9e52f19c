"""Find the links of a chained Ogg file: logical streams, one after the other (RFC 3533, 4).

FFmpeg stops where the number of channels changes, and adds or drops some samples at other links.
So each link is decoded by itself. Headers: Vorbis I, 4.2.2; RFC 7845, 5.1; RFC 9639, 10.1; the
Speex manual, 7.3.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from services.conversion.pipeline.ogg_pages import MAX_PAGE, OggPage, describe_pages
from services.conversion.storage.source_cache import BLOCK_SIZE, SourceCache

MAX_SIZE = 64 * 1024 * 1024
"""Bytes of a file whose links are looked for: all of it is in memory then, also while paused."""
MAX_LINKS = 32
"""Links that are decoded each by itself; of more, neighbours of one format are decoded together."""
_MAX_FOUND = 1000
_MAX_PAGES = 500_000
"""Pages that are looked at, a fifth of a second's work. An hour of Opus has 180,000 at the most."""
_SMALL = 8 * BLOCK_SIZE
"""Bytes that stay in the cache, so that looking at all pages reads nothing twice."""
_SERIAL = 14
_OPUS_RATE, _OPUS_PACKET, _FLAC_PACKET = 48_000, 5760, 65_535
"""Hertz, and the samples of the longest packets."""


@dataclass(frozen=True)
class OggLink:
    """Hold the bytes of one link and its sound."""

    start: int
    end: int
    sample_rate: int
    channels: int
    seconds: float
    is_joined: bool = False
    """It begins in the middle of a stream, so that the seconds are an estimate."""
    count: int = 1
    """Links that are decoded together as this one."""


@dataclass(frozen=True)
class _Format:
    sample_rate: int
    channels: int
    longest_packet: int
    """Samples."""
    skipped: int = 0
    """Samples before the sound."""


def find_links(source: SourceCache, on_step: Callable[[], None]) -> Sequence[OggLink]:
    """Return the links, or nothing if the file is not a chain of audio streams that we know.

    `on_step` is called while the file is read.
    """
    if source.size > MAX_SIZE or not _may_be_chain(source):
        return []
    links: list[OggLink] = []
    header: _Format | None = None
    begin: int | None = None
    is_header = False
    for page in describe_pages(source, on_step, _MAX_PAGES):
        if page is None:
            return []
        if page.is_beginning:
            if is_header:  # several streams at once: a film
                return []
            header = _parse_header(page.body)
            if header is None or len(links) == _MAX_FOUND:
                return []
            links.append(OggLink(page.at, page.end, header.sample_rate, header.channels, 0.0))
            begin = None
        elif header is not None and page.granule > 0:
            begin = _find_begin(header, page) if begin is None else begin
            seconds = max(0, page.granule - begin) / header.sample_rate
            is_joined = begin != header.skipped
            links[-1] = replace(links[-1], seconds=seconds, is_joined=is_joined)
        if links:
            links[-1] = replace(links[-1], end=page.end)
        is_header = page.is_beginning
    if len(links) < 2:
        return []
    merged = _merge(links) if len(links) > MAX_LINKS else links
    return merged if len(merged) <= MAX_LINKS else []


def _may_be_chain(source: SourceCache) -> bool:
    """Return False for a large file whose first and last page are of one logical stream."""
    if source.size <= _SMALL:
        return True
    head, tail = source.peek(0, MAX_PAGE), source.peek(source.size - MAX_PAGE, MAX_PAGE)
    first, last = head.find(b"OggS") + _SERIAL, tail.rfind(b"OggS") + _SERIAL
    return head[first : first + 4] != tail[last : last + 4]


def _find_begin(header: _Format, page: OggPage) -> int:
    """Return the granule at which a link begins, by its first page of sound.

    A recording of an internet radio stream may begin hours after the start of the stream. Then the
    samples of the first page are left out.
    """
    most = max(1, page.packets) * header.longest_packet
    return page.granule if page.granule > most else header.skipped


def _merge(links: Sequence[OggLink]) -> list[OggLink]:
    merged = [links[0]]
    for link in links[1:]:
        last = merged[-1]
        if (link.sample_rate, link.channels) == (last.sample_rate, last.channels):
            seconds = last.seconds + link.seconds
            is_joined = last.is_joined or link.is_joined
            count = last.count + link.count
            merged[-1] = replace(
                last, end=link.end, seconds=seconds, is_joined=is_joined, count=count
            )
        else:
            merged.append(link)
    return merged


def _parse_header(body: bytes) -> _Format | None:
    try:
        if body[:7] == b"\x01vorbis":
            channels, rate = struct.unpack_from("<BI", body, 11)
            found = _Format(rate, channels, 2 ** (body[28] >> 4) // 2)
        elif body[:8] == b"OpusHead":
            skipped = struct.unpack_from("<H", body, 10)[0]
            found = _Format(_OPUS_RATE, body[9], _OPUS_PACKET, skipped)
        elif body[:5] == b"\x7fFLAC":
            longest, packed = struct.unpack_from(">H6xI", body, 19)
            found = _Format(packed >> 12, (packed >> 9 & 7) + 1, longest or _FLAC_PACKET)
        elif body[:8] == b"Speex   ":
            rate, channels, frame, frames = struct.unpack_from("<I8xI4xI4xI", body, 36)
            found = _Format(rate, channels, frame * frames)
        else:
            return None
    except (struct.error, IndexError):
        return None
    return found if found.sample_rate > 0 and 0 < found.channels <= 8 else None
