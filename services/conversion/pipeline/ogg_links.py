"""Find the links of a chained Ogg file: logical streams, one behind the other (RFC 3533, 4).

FFmpeg stops where the number of channels changes, and adds or drops some samples at other links.
So each link is decoded by itself. Headers: Vorbis I, 4.2.2; RFC 7845, 5.1; RFC 9639, 10.1; the
Speex manual, 7.3.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from services.conversion.storage.source_cache import BLOCK_SIZE, SourceCache

MAX_SIZE = 256 * 1024 * 1024
"""Bytes of a file whose links are looked for: all of it is in memory then."""
MAX_LINKS = 8
"""Links that are decoded each by itself; of more, neighbours of one format are decoded together."""
_MAX_FOUND = 1000
_MAX_PAGES = 500_000
"""Pages that are looked at, some seconds of work. An hour of Opus has 180,000 at the most."""
_SMALL = 8 * BLOCK_SIZE
"""Bytes that stay in the cache, so that looking at all pages reads nothing twice."""
_STEP = 256 * 1024
"""Bytes between two calls of `on_step`: little enough for a slow connection."""
_HEADER, _SERIAL, _MAX_PAGE = 27, 14, 65_307
_BEGINNING = 2
_OPUS_RATE = 48_000


@dataclass(frozen=True)
class OggLink:
    """Hold the bytes of one link and its sound."""

    start: int
    end: int
    sample_rate: int
    channels: int
    seconds: float


@dataclass(frozen=True)
class _Page:
    at: int
    end: int
    is_beginning: bool
    granule: int
    serial: int
    body: bytes


def find_links(source: SourceCache, on_step: Callable[[], None]) -> Sequence[OggLink]:
    """Return the links, or nothing if the file is no chain of audio streams that we know.

    `on_step` is called while the file is read.
    """
    if source.size > MAX_SIZE or not _may_be_chain(source):
        return []
    links: list[OggLink] = []
    is_header = False
    for count, page in enumerate(_pages(source, on_step)):
        if count == _MAX_PAGES:
            return []
        if page.is_beginning:
            if is_header:  # several streams at once: a film
                return []
            format_found = _parse_header(page.body)
            if format_found is None or len(links) == _MAX_FOUND:
                return []
            rate, channels, skipped = format_found
            links.append(OggLink(page.at, page.end, rate, channels, -skipped / rate))
            skip = skipped
        elif links and page.granule > 0:
            seconds = max(0, page.granule - skip) / links[-1].sample_rate
            links[-1] = replace(links[-1], seconds=seconds)
        if links:
            links[-1] = replace(links[-1], end=page.end)
        is_header = page.is_beginning
    found = [replace(link, seconds=max(0.0, link.seconds)) for link in links]
    if len(found) > MAX_LINKS:
        found = _merge(found)
    return found if 1 < len(found) <= MAX_LINKS else []


def _may_be_chain(source: SourceCache) -> bool:
    """Return False for a large file whose first and last page are of one logical stream."""
    if source.size <= _SMALL:
        return True
    head, tail = source.peek(0, _MAX_PAGE), source.peek(source.size - _MAX_PAGE, _MAX_PAGE)
    first, last = head.find(b"OggS") + _SERIAL, tail.rfind(b"OggS") + _SERIAL
    return head[first : first + 4] != tail[last : last + 4]


def _merge(links: Sequence[OggLink]) -> list[OggLink]:
    merged = [links[0]]
    for link in links[1:]:
        last = merged[-1]
        if (link.sample_rate, link.channels) == (last.sample_rate, last.channels):
            seconds = last.seconds + link.seconds
            merged[-1] = replace(last, end=link.end, seconds=seconds)
        else:
            merged.append(link)
    return merged


def _parse_header(body: bytes) -> tuple[int, int, int] | None:
    """Return the sample rate, the channels and the samples that are skipped."""
    try:
        if body[:7] == b"\x01vorbis":
            channels, rate = struct.unpack_from("<BI", body, 11)
            found = (rate, channels, 0)
        elif body[:8] == b"OpusHead":
            found = (_OPUS_RATE, body[9], struct.unpack_from("<H", body, 10)[0])
        elif body[:5] == b"\x7fFLAC":
            packed = int.from_bytes(body[27:31], "big")
            found = (packed >> 12, (packed >> 9 & 7) + 1, 0)
        elif body[:8] == b"Speex   ":
            rate, _, _, channels = struct.unpack_from("<IIII", body, 36)
            found = (rate, channels, 0)
        else:
            return None
    except (struct.error, IndexError):
        return None
    return found if found[0] > 0 and 0 < found[1] <= 8 else None


def _pages(source: SourceCache, on_step: Callable[[], None]) -> Iterator[_Page]:
    at, window_start, window = 0, 0, b""
    while at + _HEADER <= source.size:
        if at + _MAX_PAGE > window_start + len(window):
            window_start, window = at, source.peek(at, _STEP)
            on_step()
        offset = at - window_start
        if window[offset : offset + 4] != b"OggS":
            at = _find_next(window, offset, window_start, source.size)
            continue
        segments = window[offset + 26]
        body = offset + _HEADER + segments
        end = body + sum(window[offset + _HEADER : body])
        granule, serial = struct.unpack_from("<qI", window, offset + 6)
        is_beginning = bool(window[offset + 5] & _BEGINNING)
        yield _Page(at, window_start + end, is_beginning, granule, serial, window[body:end][:64])
        at = window_start + end


def _find_next(window: bytes, offset: int, window_start: int, size: int) -> int:
    """Return the position of the next page after damage."""
    found = window.find(b"OggS", offset + 1)
    if found >= 0:
        return window_start + found
    end = window_start + len(window)
    return end if end >= size else max(window_start + offset + 1, end - 3)
