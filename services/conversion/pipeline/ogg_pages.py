"""Walk through the pages of an Ogg file (RFC 3533, 6), and describe those that tell of its links.

A page may have 27 bytes, so that 13 MB hold half a million. Python does nothing else meanwhile, for
any conversion: so an object is made only of the pages that matter.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.conversion.storage.source_cache import SourceCache

MAX_PAGE = 65_307
"""Bytes of the largest page."""
_STEP = 256 * 1024
"""Bytes between two calls of `on_step`: little enough for a slow connection."""
_HEADER = struct.Struct("<4sxBq12xB")
"""The mark, the flags, the granule and the number of segments."""
_MARK = b"OggS"
_BEGINNING = 2
_CODEC_HEADER = 80
"""Bytes of a page's content in which the values of all codecs' headers are."""


@dataclass(frozen=True)
class OggPage:
    """Describe one page, or several of one stream that follow each other."""

    at: int
    end: int
    is_beginning: bool = False
    granule: int = 0
    """The samples of its stream up to here; that of the last page that says it."""
    packets: int = 0
    """Packets that end here."""
    body: bytes = b""


def describe_pages(
    source: SourceCache, on_step: Callable[[], None], max_pages: int
) -> Iterator[OggPage | None]:
    """Yield each page that begins a stream, the next one with a granule, and all others as one.

    Yields None and ends if there are more than `max_pages`. `on_step` is called while the file is
    read.
    """
    at, count, window_start, window = 0, 0, 0, b""
    others_at = others_end = others_granule = 0
    needs_granule = False
    while at + _HEADER.size <= source.size:
        if at + MAX_PAGE > window_start + len(window) < source.size:
            window_start, window = at, source.peek(at, _STEP)
            on_step()
        offset = at - window_start
        mark, flags, granule, segments = _HEADER.unpack_from(window, offset)
        if mark != _MARK:
            at = _find_next(window, offset, window_start, source.size)
            continue
        if (count := count + 1) > max_pages:
            yield None
            return
        body = offset + _HEADER.size + segments
        lacing = window[offset + _HEADER.size : body]
        end = body + sum(lacing)
        if flags & _BEGINNING or (needs_granule and granule > 0):
            if others_end:
                yield OggPage(others_at, others_end, granule=others_granule)
                others_end = others_granule = 0
            packets = segments - lacing.count(255)
            content = window[body : min(end, body + _CODEC_HEADER)]
            needs_granule = bool(flags & _BEGINNING)
            yield OggPage(at, window_start + end, needs_granule, granule, packets, content)
        else:
            others_at = others_at if others_end else at
            others_end = window_start + end
            others_granule = granule if granule > 0 else others_granule
        at = window_start + end
    if others_end:
        yield OggPage(others_at, others_end, granule=others_granule)


def _find_next(window: bytes, offset: int, window_start: int, size: int) -> int:
    """Return the position of the next page after damage."""
    found = window.find(_MARK, offset + 1)
    if found >= 0:
        return window_start + found
    end = window_start + len(window)
    return end if end >= size else max(window_start + offset + 1, end - 3)
