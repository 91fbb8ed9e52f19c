"""Detect truncated files by their first and last bytes, and covers by their headers."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.conversion.pipeline.truncation import declared_duration, is_truncated
from services.conversion.tags.cover import parse_cover
from services.conversion.tags.vorbis_comment import picture_block


def wav(declared: int) -> bytes:
    fmt = struct.pack("<HHIIHH", 1, 2, 44100, 176400, 4, 16)
    return (
        b"RIFF\0\0\0\0WAVEfmt "
        + struct.pack("<I", 16)
        + fmt
        + b"data"
        + struct.pack("<I", declared)
    )


def w64(data: int) -> bytes:
    rest = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    fmt = b"fmt " + rest + struct.pack("<QHHIIHH", 40, 1, 2, 44100, 176400, 4, 16)
    return bytes(40) + fmt + b"data" + rest + struct.pack("<Q", 24 + data)


def caf(data: int) -> bytes:
    desc = struct.pack(">d4sIIIII", 44100, b"lpcm", 0, 4, 1, 2, 16)
    return (
        b"caff\0\1\0\0desc"
        + struct.pack(">q", 32)
        + desc
        + b"data"
        + struct.pack(">q", 4 + data if data >= 0 else -1)
        + bytes(4)
    )


def avi(size: int, frames: int = 250) -> bytes:
    return (
        b"RIFF"
        + struct.pack("<I", size - 8)
        + b"AVI LIST"
        + bytes(4)
        + b"hdrlavih"
        + struct.pack("<IIIIII", 56, 40_000, 0, 0, 0, frames)
    )


def asf(size: int, duration: float) -> bytes:
    properties = (
        bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
        + bytes(24)
        + struct.pack("<QQQ", size, 0, 0)
    )
    return bytes(30) + properties + struct.pack("<QQQ", round((duration + 3) * 1e7), 0, 3000)


def ogg(flags: int, body: bytes = b"x" * 20) -> bytes:
    return b"OggS\0" + bytes([flags]) + bytes(20) + bytes([1, len(body)]) + body


@pytest.mark.parametrize(
    ("container", "head"),
    [
        ("wav", wav(1_764_000)),
        ("w64", w64(1_764_000)),
        ("caf", caf(1_764_000)),
        ("avi", avi(2_000_000)),
        ("asf", asf(2_000_000, 10)),
    ],
)
def test_a_truncated_file_declares_its_duration(container: str, head: bytes) -> None:
    assert declared_duration(container, head, 1000) == pytest.approx(10)
    assert declared_duration(container, head, 2_000_000) is None
    assert declared_duration(container, head[:40], 1000) is None


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFFFDB])
def test_placeholder_sizes_declare_nothing(size: int) -> None:
    assert declared_duration("wav", wav(size), 1000) is None
    assert declared_duration("caf", caf(-1), 1000) is None


def test_an_ogg_file_without_its_last_page_is_truncated() -> None:
    assert not is_truncated("ogg", b"..." + ogg(0) + ogg(4), 100)
    assert is_truncated("ogg", ogg(0), 100)
    assert is_truncated("ogg", ogg(4)[:-1], 100)
    assert is_truncated("ogg", b"no page", 100)


def test_a_transport_stream_ends_with_a_whole_packet() -> None:
    assert not is_truncated("mpegts", b"", 188 * 1000)
    assert is_truncated("mpegts", b"", 188 * 1000 + 100)


FRAMES = {
    "mp3 at 128 kbit/s": ("mp3", bytes.fromhex("fffb9000000000"), 417),
    "the same with padding": ("mp3", bytes.fromhex("fffb9200000000"), 418),
    "mp3 at 22 kHz": ("mp3", bytes.fromhex("fff38000000000"), 208),
    "mp2": ("mp3", bytes.fromhex("fffda000000000"), 626),
    "mp1": ("mp3", bytes.fromhex("ffffa000000000"), 348),
    "aac": ("aac", bytes.fromhex("fff150802ffffc"), 383),
    "ac3": ("ac3", bytes.fromhex("0b7700001c4000"), 1536),
    "ac3 at 44.1 kHz": ("ac3", bytes.fromhex("0b7700005d4000"), 1672),
    "eac3": ("eac3", bytes.fromhex("0b7702ff348000"), 1536),
}
"""A header, and the size of its frame by the tables of the standards."""


@pytest.mark.parametrize("name", FRAMES)
def test_a_partial_last_frame_is_truncated(name: str) -> None:
    container, head, size = FRAMES[name]
    whole = b"junk" + (head + bytes(size - 7)) * 5
    assert not is_truncated(container, whole, len(whole))
    assert not is_truncated(container, whole + b"TAG" + bytes(125), len(whole) + 128)
    assert is_truncated(container, whole[:-1], len(whole) - 1)
    assert is_truncated(container, whole[: 20 - size], len(whole) - size)
    assert is_truncated(container, whole[: 1 - size], len(whole) - size + 1)


@given(st.binary(max_size=300), st.integers(0, 2**40))
def test_arbitrary_bytes_raise_nothing(content: bytes, size: int) -> None:
    starts = [
        wav(10**9)[:36],
        w64(0)[:40],
        caf(0)[:8],
        avi(50)[:24],
        asf(0, 0)[:46],
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
    ]
    for head in (start + content for start in [b"", b"OggS", b"\xff\xfb", b"\x0b\x77", *starts]):
        for container in (
            "wav",
            "w64",
            "caf",
            "avi",
            "asf",
            "ogg",
            "mp3",
            "aac",
            "ac3",
            "mpegts",
            "other",
        ):
            declared_duration(container, head, size)
            is_truncated(container, head, size)
        parse_cover(head)


def test_a_cover_is_recognised_by_its_header() -> None:
    jpeg = (
        b"\xff\xd8\xff\xe0"
        + struct.pack(">H", 16)
        + bytes(14)
        + b"\xff\xc0"
        + struct.pack(">HBHH", 17, 8, 300, 400)
        + bytes(20)
    )
    cover = parse_cover(jpeg)
    assert cover is not None
    assert (cover.media_type, cover.width, cover.height) == ("image/jpeg", 400, 300)
    assert jpeg in picture_block(cover)
    assert parse_cover(b"GIF89a" + bytes(40)) is None


def aiff(sound: int, kind: bytes = b"AIFF") -> bytes:
    """Return the head of 1 s of stereo of 16 bits at 44.1 kHz, with `sound` bytes of it."""
    rate = struct.pack(">HQ", 16383 + 15, 44_100 << 48)
    common = struct.pack(">HIH", 2, 44_100, 16) + rate + (b"ima4" if kind == b"AIFC" else b"")
    chunk = b"COMM" + struct.pack(">I", len(common)) + common
    return b"FORM\0\0\0\0" + kind + chunk + b"SSND" + struct.pack(">I", 8 + sound) + bytes(8)


def au(sound: int, coding: int = 3) -> bytes:
    return struct.pack(">4sIIIII", b".snd", 24, sound, coding, 44_100, 2)


@pytest.mark.parametrize(
    ("container", "head", "missing", "expected"),
    [
        ("aiff", aiff(176_400), 400, 1.0),
        ("aiff", aiff(176_400), 1, None),
        ("aiff", aiff(176_400, b"AIFC"), 400, None),
        ("aiff", aiff(176_400)[:40], 400, None),
        ("au", au(176_400), 400, 1.0),
        ("au", au(176_400), 0, None),
        ("au", au(0xFFFFFFFF), 400, None),
        ("au", au(176_400, 23), 400, None),
    ],
)
def test_a_cut_of_less_than_a_frame_is_seen_in_aiff_and_au(
    container: str, head: bytes, missing: int, expected: float | None
) -> None:
    assert declared_duration(container, head, len(head) + 176_400 - missing) == expected


def test_a_rate_that_no_number_holds_is_no_duration() -> None:
    head = bytearray(aiff(176_400))
    struct.pack_into(">H", head, head.index(b"COMM") + 16, 0xFFFF)
    assert declared_duration("aiff", bytes(head), 1000) is None
