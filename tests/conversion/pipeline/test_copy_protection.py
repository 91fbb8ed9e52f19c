"""Find copy protection without reading more of an MP4 file than its index."""

import struct

import pytest

from services.conversion.pipeline.copy_protection import has_protected_audio
from services.conversion.storage.source_cache import SourceCache
from tests.conversion.media_support import MemorySource


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def index(entry: bytes) -> bytes:
    """Return the boxes around a sample entry."""
    content = box(b"stsd", bytes(8) + box(entry, bytes(28)))
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        content = box(kind, content)
    return content


FRAGMENTS = (box(b"moof", bytes(1000)) + box(b"mdat", bytes(5_000_000))) * 4


@pytest.mark.parametrize(("entry", "is_protected"), [(b"mp4a", False), (b"enca", True)])
def test_fragments_behind_the_index_are_not_read(entry: bytes, is_protected: bool) -> None:
    cache = SourceCache(MemorySource(index(entry) + FRAGMENTS))
    try:
        assert has_protected_audio(cache, lambda: None) is is_protected
    finally:
        cache.close()
    assert cache.reader.highest_offset < 200


def test_each_box_before_the_index_is_a_step() -> None:
    """A step renews the lease: a box may be a read of 4 MiB."""
    steps: list[int] = []
    cache = SourceCache(MemorySource(FRAGMENTS + index(b"enca")))
    try:
        assert has_protected_audio(cache, lambda: steps.append(1))
    finally:
        cache.close()
    assert len(steps) >= 8
