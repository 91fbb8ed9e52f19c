"""Name the chunks of WAV and AIFF that are left out."""

import io
import struct

import pytest

from services.conversion.tags.chunks import read_chunks
from services.conversion.tags.reader_output import TagReaderOutput

SILENCE = (b"data", bytes(101))


def container(kind: bytes, *chunks: tuple[bytes, bytes]) -> io.BytesIO:
    """Make a file of chunks."""
    order = ">" if kind[:4] == b"FORM" else "<"
    body = b"".join(
        name + struct.pack(f"{order}I", len(data)) + data + bytes(len(data) % 2)
        for name, data in chunks
    )
    return io.BytesIO(kind[:4] + struct.pack(f"{order}I", len(body) + 4) + kind[4:] + body)


def lost(file: io.BytesIO) -> set[str]:
    collected = TagReaderOutput()
    read_chunks(file, collected)
    return collected.lost


def test_loops_and_xml_behind_the_sound_are_named() -> None:
    smpl = (b"smpl", bytes(28) + struct.pack("<II", 1, 0) + bytes(24))
    chunks = ((b"fmt ", bytes(16)), SILENCE, smpl, (b"iXML", b"<BWFXML/>"))
    assert lost(container(b"RIFFWAVE", *chunks)) == {"loops (smpl)", "iXML"}


@pytest.mark.parametrize(("mode", "named"), [(0, "INST"), (1, "loops (INST)")])
def test_only_chunks_with_loops_are_called_loops(mode: int, named: str) -> None:
    """Programs write the chunk for its base note, too."""
    assert lost(container(b"RIFFWAVE", SILENCE, (b"smpl", bytes(36)))) == {"smpl"}
    for release in (False, True):
        inst = bytes(14 if release else 8) + struct.pack(">HHH", mode, 0, 0)
        assert lost(container(b"FORMAIFF", (b"INST", inst.ljust(20, b"\0")))) == {named}


def test_chunks_behind_four_gigabytes_are_found() -> None:
    """RF64 has the size of its sound elsewhere."""
    file = container(b"RF64WAVE", (b"ds64", bytes(28)), SILENCE, (b"iXML", b"<BWFXML/>"))
    content = bytearray(file.getvalue())
    struct.pack_into("<Q", content, 28, 101)
    at = content.index(b"data") + 4
    content[at : at + 4] = b"\xff" * 4
    assert lost(io.BytesIO(bytes(content))) == {"iXML"}


@pytest.mark.parametrize(("count", "named"), [(0, set()), (2, {"markers"})])
def test_markers_of_aiff_are_named_if_there_are_some(count: int, named: set[str]) -> None:
    chunks = ((b"COMM", bytes(18)), (b"MARK", struct.pack(">H", count) + bytes(20)))
    assert lost(container(b"FORMAIFF", *chunks)) == named


def test_padding_and_what_is_read_elsewhere_are_no_loss() -> None:
    chunks = ((b"JUNK", bytes(28)), (b"cue ", bytes(28)), (b"bext", bytes(602)), (b"LIST", b"INFO"))
    assert lost(container(b"RIFFWAVE", *chunks)) == set()


def test_all_annotations_of_aiff_are_comments() -> None:
    chunks = ((b"ANNO", b"first"), (b"ANNO", "zweite ä".encode("latin-1") + b"\0"))
    collected = TagReaderOutput()
    read_chunks(container(b"FORMAIFF", *chunks), collected)
    assert collected.tags == [(0, "aiff", "comment", ["first", "zweite ä"], True)]


def test_a_long_annotation_is_kept_and_one_beyond_the_limit_is_named() -> None:
    """One of 64 KiB was dropped without a word."""
    chunks = ((b"ANNO", b"a" * 100_000), (b"ANNO", b"b" * (1024 * 1024 + 1)), (b"ANNO", b"c"))
    collected = TagReaderOutput()
    read_chunks(container(b"FORMAIFF", *chunks), collected)
    assert collected.tags == [(0, "aiff", "comment", ["a" * 100_000, "c"], True)]
    assert collected.lost == {"comment"}
