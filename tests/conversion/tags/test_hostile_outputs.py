"""Put tags into outputs that a compromised FFmpeg wrote. Nothing ends that code early."""

import os
import struct
from collections.abc import Iterator
from unittest.mock import Mock

import pytest
from mutagen.flac import VCFLACDict
from mutagen.mp4 import Atoms
from mutagen.ogg import OggPage

from services.conversion.storage.memory_file import MemoryFile
from services.conversion.tags import placement
from services.conversion.tags.mp4_index import Mp4Meta
from services.conversion.tags.placement import FlacBlocks, NoSpaceForTags, OggComments

TAG = [("TITLE", "x")]
META = b"\0\0\0\x0cmeta" + bytes(4)
MIB = 1024 * 1024


@pytest.fixture
def output() -> Iterator[MemoryFile]:
    with MemoryFile("output") as file:
        yield file


@pytest.fixture
def pread(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Count the reads, and end a test that makes too many."""
    reading = Mock(side_effect=os.pread)

    def read(fd: int, count: int, at: int) -> bytes:
        assert reading.call_count < 300
        content: bytes = reading(fd, count, at)
        return content

    monkeypatch.setattr(os, "pread", read)
    return reading


def box(kind: bytes, content: bytes = b"", size: int = 0) -> bytes:
    """Return a box; a size that is given counts bytes that are not in `content`."""
    return struct.pack(">I4s", size or 8 + len(content), kind) + content


def bytes_read(pread: Mock) -> int:
    """Return how many bytes were asked for."""
    return sum(call.args[1] for call in pread.call_args_list)


@pytest.mark.parametrize("wrapped", [False, True], ids=["index", "user data"])
def test_an_index_of_thousands_of_empty_boxes_is_refused(
    wrapped: bool, output: MemoryFile, pread: Mock
) -> None:
    boxes = box(b"abcd") * 30_000
    movie = box(b"moov", box(b"udta", boxes) if wrapped else boxes)
    os.pwrite(output.fd, box(b"ftyp") + movie + box(b"free", bytes(4096)), 0)
    with pytest.raises(NoSpaceForTags, match="too many boxes"):
        Mp4Meta(META).apply(output.fd)
    assert bytes_read(pread) < 2000


def test_an_index_of_gigabytes_is_refused_unread(output: MemoryFile, pread: Mock) -> None:
    size = 2**31 - 4096
    os.pwrite(output.fd, box(b"moov", box(b"abcd", size=size - 8), size), 0)
    os.pwrite(output.fd, box(b"free", bytes(64)), size)
    with pytest.raises(NoSpaceForTags, match="too large"):
        Mp4Meta(META).apply(output.fd)
    assert bytes_read(pread) < 200


def test_user_data_of_megabytes_is_refused_unread(output: MemoryFile, pread: Mock) -> None:
    size = 100 * MIB
    inner = box(b"abcd", size=size - 8)
    os.pwrite(output.fd, box(b"moov", box(b"udta", inner, size), size + 8), 0)
    os.pwrite(output.fd, box(b"free", bytes(64)), size + 8)
    with pytest.raises(NoSpaceForTags, match="too large"):
        Mp4Meta(META).apply(output.fd)
    assert bytes_read(pread) < 200


def test_the_index_of_a_day_of_the_finest_sound_gets_its_tags(
    output: MemoryFile, pread: Mock
) -> None:
    """ALAC at 768 kHz has 16 million frames in a day, of 4 bytes each in the index."""
    frames = 24 * 3600 * 768_000 // 4096 * 4
    chapters = box(b"chpl", bytes(500))
    user_data = box(b"udta", chapters + box(b"meta", bytes(50)))
    movie = 8 + 100 + 8 + frames + len(user_data)
    os.pwrite(output.fd, box(b"ftyp", b"M4A ") + box(b"moov", box(b"mvhd", bytes(92)), movie), 0)
    os.pwrite(output.fd, box(b"trak", box(b"stsz", size=frames), 8 + frames), 12 + 108)
    os.pwrite(output.fd, user_data + box(b"free", bytes(4096)), 12 + movie - len(user_data))
    os.pwrite(output.fd, box(b"mdat"), 12 + movie + 8 + 4096)

    Mp4Meta(META).apply(output.fd)

    with os.fdopen(os.dup(output.fd), "rb") as file:
        atoms = Atoms(file)
        assert [each.name for each in atoms.atoms] == [b"ftyp", b"moov", b"free", b"mdat"]
        assert atoms[b"moov", b"trak"].length == 8 + frames
        found = atoms[b"moov", b"udta"]
    assert os.pread(output.fd, found.length - 8, found.offset + 8) == chapters + META
    assert bytes_read(pread) < 2000
    assert os.fstat(output.fd).st_blocks * 512 < MIB


def test_comments_larger_than_planned_are_refused_unparsed(
    output: MemoryFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = Mock(wraps=VCFLACDict)
    monkeypatch.setattr(placement, "VCFLACDict", parse)
    comments = b"\6\0\0\0ffmpeg" + struct.pack("<I", 2000) + b"\2\0\0\0a=" * 2000
    blocks = b"\4" + len(comments).to_bytes(3, "big") + comments + b"\x81\0\x10\0" + bytes(4096)
    os.pwrite(output.fd, b"fLaC" + blocks, 0)
    with pytest.raises(NoSpaceForTags, match="larger than planned"):
        FlacBlocks(TAG, b"").apply(output.fd)
    parse.assert_not_called()


def test_padding_behind_what_was_held_back_is_refused(output: MemoryFile) -> None:
    """What is there may have been sent and freed."""
    comments = b"\4\0\0\x0e\6\0\0\0ffmpeg" + bytes(4)
    os.pwrite(output.fd, b"fLaC\2\xff\xff\xff", 0)
    os.pwrite(output.fd, comments + b"\x81\0\x10\0" + bytes(4096), 4 + 4 + 0xFFFFFF)
    with pytest.raises(NoSpaceForTags, match="larger than planned"):
        FlacBlocks(TAG, b"").apply(output.fd)


def test_malformed_comments_are_refused(output: MemoryFile) -> None:
    blocks = b"\4\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xff\x81\0\x10\0" + bytes(4096)
    os.pwrite(output.fd, b"fLaC" + blocks, 0)
    with pytest.raises(NoSpaceForTags, match="malformed"):
        FlacBlocks(TAG, b"").apply(output.fd)


def test_comments_in_thousands_of_pages_are_refused(
    output: MemoryFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = b"OggS" + bytes(22) + b"\1\xff" + bytes(255)
    os.pwrite(output.fd, page * 2000, 0)
    parse = Mock(wraps=OggPage)
    monkeypatch.setattr(placement, "OggPage", parse)
    with pytest.raises(NoSpaceForTags, match="too many pages"):
        OggComments(TAG).apply(output.fd)
    assert parse.call_count < 20
