"""What the first and last bytes tell."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.conversion.media.cover import as_comment, as_flac, recognise
from services.conversion.media.ends import declared_wav_seconds, ogg_is_cut_off


def wav(declared: int) -> bytes:
    fmt = struct.pack("<HHIIHH", 1, 2, 44100, 176400, 4, 16)
    return b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", declared)


def ogg(flags: int, body: bytes = b"x" * 20) -> bytes:
    return b"OggS\0" + bytes([flags]) + bytes(20) + bytes([1, len(body)]) + body


def test_a_wav_that_was_longer() -> None:
    assert declared_wav_seconds(wav(176400 * 10), 1000) == 10
    assert declared_wav_seconds(wav(956), 1000) is None


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFFFDB])
def test_a_wav_whose_writer_did_not_know_the_size(size: int) -> None:
    assert declared_wav_seconds(wav(size), 1000) is None


def test_the_last_page_of_an_ogg_file() -> None:
    assert not ogg_is_cut_off(b"..." + ogg(0) + ogg(4))
    assert ogg_is_cut_off(ogg(0))
    assert ogg_is_cut_off(ogg(4)[:-1])
    assert ogg_is_cut_off(b"no page")


@given(st.binary(max_size=300))
def test_no_bytes_are_too_strange(content: bytes) -> None:
    for head in (content, b"RIFF\0\0\0\0WAVE" + content, b"\xff\xd8\xff" + content, b"\x89PNG\r\n\x1a\n" + content, b"OggS" + content):
        declared_wav_seconds(head, 1000)
        ogg_is_cut_off(head)
        recognise(head)


def test_a_cover_is_known_by_its_header() -> None:
    jpeg = b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + bytes(14) + b"\xff\xc0" + struct.pack(">HBHH", 17, 8, 300, 400) + bytes(20)
    cover = recognise(jpeg)
    assert cover is not None
    assert (cover.media_type, cover.width, cover.height) == ("image/jpeg", 400, 300)
    assert jpeg in as_flac(cover)
    assert as_comment(cover).isascii()
    assert recognise(b"GIF89a" + bytes(40)) is None
