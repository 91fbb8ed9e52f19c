"""Put tags of any size into outputs of any size."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import mutagen
import pytest
from mutagen.flac import FLAC
from mutagen.id3 import ID3

from libs.core.domain.formats import FORMATS
from services.conversion.ffmpeg.ffmetadata import Chapter
from services.conversion.ffmpeg.profiles import ENCODER_PROFILES
from services.conversion.pipeline import encode
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.pipeline.limits import Limits
from services.conversion.pipeline.time_range import TimeRange
from services.conversion.ports import PART_SIZE, MediaError
from services.conversion.storage import memory_file
from services.conversion.storage.multipart_writer import MultipartWriter
from services.conversion.tags.asf_header import AsfHeader
from services.conversion.tags.mp4_index import MAX_INDEX, Mp4Meta
from services.conversion.tags.placement import (
    ChunkAtEnd,
    FlacBlocks,
    Id3AtStart,
    NoSpaceForTags,
    OggComments,
    Placement,
)
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import MemorySink, listen, pictures
from tests.conversion.tags.support import copy, read, with_comments, with_pictures

ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + (130).to_bytes(8, "little")
WITH_COVERS = [name for name in FORMATS if name != "ac3"]


def png(sounds: AudioFiles, size: int) -> bytes:
    """Return a PNG of this many bytes, which come from a hash."""
    cover = sounds.cover.read_bytes()
    digest = hashlib.sha256(b"picture").digest()
    filling = (digest * (size // 32 + 1))[: size - len(cover) - 12]
    return (
        cover[:-12] + len(filling).to_bytes(4, "big") + b"teSt" + filling + bytes(4) + cover[-12:]
    )


@pytest.mark.parametrize("fmt", ["mp3", "aac"])
def test_an_id3_tag_of_any_size_has_padding(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    path = copy(sounds.tone("untagged.flac", seconds=1), tmp_path / "in.flac")
    made = read(engine, with_pictures(path, (3, png(sounds, 20_000))), fmt).made
    size = 10 + sum((made.content[6 + n] & 0x7F) << 7 * (3 - n) for n in range(4))
    assert size > 20_000
    assert not made.content[size - 1024 : size].strip(b"\0")


@pytest.mark.parametrize("fmt", WITH_COVERS)
@pytest.mark.parametrize("size", [20_000, 11 * 1024 * 1024])
def test_a_cover_is_carried_unless_the_format_takes_only_smaller_ones(
    size: int, fmt: str, engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    """The larger one takes more than a part, so the space for it does, too."""
    cover = png(sounds, size)
    path = copy(sounds.tone("untagged.flac", seconds=1), tmp_path / "in.flac")
    found = read(engine, with_pictures(path, (3, cover)), fmt)
    output = tmp_path / f"out.{FORMATS[fmt].extension}"
    output.write_bytes(found.made.content)
    limit = ENCODER_PROFILES[fmt].max_cover
    if limit is not None and size > limit:
        assert "cover_dropped" in found.codes
        return
    assert cover in pictures(output)
    assert listen(output).seconds == pytest.approx(1, abs=0.05)
    assert "cover_dropped" not in found.codes


@pytest.mark.parametrize("size", [6_000, 300_000])
def test_an_mp4_index_larger_than_estimated_leaves_the_tags_their_space(
    size: int,
    engine: FfmpegEngine,
    sounds: AudioFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Reserve too little. FFmpeg complains with the smaller cover, and not with the larger one."""
    monkeypatch.setattr(encode, "_INDEX_BYTES_PER_FRAME", 0.1)
    monkeypatch.setattr(encode, "_INDEX_SLACK", 500)
    run = Mock(wraps=encode._run)
    monkeypatch.setattr(encode, "_run", run)
    cover = png(sounds, size)
    path = copy(sounds.tone("minute.flac", seconds=60), tmp_path / "in.flac")
    output = tmp_path / "out.m4a"
    output.write_bytes(read(engine, with_pictures(path, (3, cover)), "m4a").made.content)
    assert pictures(output) == [cover]
    assert listen(output).seconds == pytest.approx(60, abs=0.1)
    assert run.call_count == 2


def test_an_index_is_reserved_for_no_more_than_the_longest_sound() -> None:
    """All of it stays in memory, and the estimate of a duration may be years."""
    plan = Mock(sample_rate=768_000, frame_size=4096)
    context, attachments = Mock(limits=Limits()), Mock(size=16 * 2**20)
    sizes = [
        encode._estimate_index_size(context, plan, TimeRange(0, None, seconds), attachments)
        for seconds in (24 * 3600, 1e10)
    ]
    assert sizes[0] == sizes[1] < MAX_INDEX


def test_an_index_larger_than_any_is_refused(
    engine: FfmpegEngine, sounds: AudioFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode, "MAX_INDEX", 1000)
    with pytest.raises(MediaError) as caught:
        read(engine, sounds.tone("untagged.flac", seconds=1), "m4a")
    assert caught.value.failure.code == "internal"


@pytest.mark.parametrize("fmt", ["ogg", "opus", "aac", "flac", "mp3", "aiff", "alac", "wma"])
def test_tags_of_a_large_output_are_in_its_first_part(
    fmt: str, engine: FfmpegEngine, large: Path, tmp_path: Path
) -> None:
    """Convert ten parts of sound: what is sent while it grows has the tags already."""
    path = with_comments(copy_as_flac(engine, large, tmp_path), ("TITLE", "Large"), ("ARTIST", "A"))
    found = read(engine, path, fmt)
    output = tmp_path / f"out.{FORMATS[fmt].extension}"
    output.write_bytes(found.made.content)
    tags = ID3(output) if fmt == "aac" else mutagen.File(output).tags
    assert any("Large" in str(tags.get(name)) for name in ("TIT2", "title", "©nam", "Title"))
    assert listen(output).seconds == pytest.approx(70, abs=0.1)


@pytest.mark.parametrize("fmt", ["mp3", "wav", "flac", "m4a", "ogg", "opus", "aiff"])
def test_a_range_without_sound_is_named_as_such(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles
) -> None:
    """FFmpeg succeeds, and there may be no place for the tags."""
    source = sounds.tone("titled.aac", "-write_id3v2", "1", "-metadata", "title=T", seconds=1)
    with pytest.raises(MediaError, match="after the end"):
        read(engine, source, fmt, start=100.0)


def test_an_empty_output_is_not_changed() -> None:
    writer = MultipartWriter(MemorySink(), 0, Id3AtStart(b"ID3\4\0\0\0\0\0\0"))
    writer.end_writing(is_empty=True)
    with pytest.raises(NoSpaceForTags):
        writer.end_writing()
    writer.close()


def test_the_largest_cover_and_the_longest_texts_fit_together(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    """A FLAC block has 16 MiB for both; what is too much of the texts is named."""
    path = copy(sounds.tone("untagged.flac", seconds=1), tmp_path / "in.flac")
    texts = [(f"TEXT{number}", "Ж" * 250_000) for number in range(8)]
    path = with_pictures(with_comments(path, ("TITLE", "T"), *texts), (3, png(sounds, 12 * 2**20)))
    found = read(engine, path, "flac")
    output = tmp_path / "out.flac"
    output.write_bytes(found.made.content)
    tags: Any = FLAC(output).tags
    assert [len(tags[name][0]) for name, _ in texts if name in tags] == [250_000] * 6
    assert "TEXT6, TEXT7" in found.details
    assert len(pictures(output)[0]) == 12 * 2**20


def copy_as_flac(engine: FfmpegEngine, source: Path, folder: Path) -> Path:
    """Return the sound as FLAC."""
    path = folder / "in.flac"
    path.write_bytes(read(engine, source, "flac").made.content)
    assert path.stat().st_size > PART_SIZE
    return path


def test_a_flac_keeps_the_mask_of_its_channels(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    """FFmpeg names an unusual layout in a comment, which must stay beside ours."""
    source = sounds.tone("quad.wav", "-af", "pan=2.1|c0=c0|c1=c1|c2=c0", "-metadata", "title=T")
    output = tmp_path / "out.flac"
    output.write_bytes(read(engine, source, "flac").made.content)
    tags: Any = FLAC(output).tags
    assert tags["title"] == ["T"]
    assert tags["WAVEFORMATEXTENSIBLE_CHANNEL_MASK"] == ["0xb"]


@pytest.mark.parametrize("fmt", ["mp3", "aac", "wav", "aiff"])
def test_an_untagged_source_makes_no_tags(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles
) -> None:
    content = read(engine, sounds.tone("bare.wav", "-fflags", "+bitexact"), fmt).made.content
    assert not content.startswith(b"ID3")
    assert b"id3 " not in content[-100:]


@pytest.mark.parametrize(
    "placement",
    [
        Id3AtStart(b"ID3\4\0\0\0\0\0\12" + bytes(10)),
        FlacBlocks([("TITLE", "x")], b""),
        OggComments([("TITLE", "x")]),
        Mp4Meta(b"\0\0\0\x08meta"),
        ChunkAtEnd(b"ID3"),
        AsfHeader([("Title", "x")]),
    ],
    ids=lambda each: type(each).__name__,
)
@pytest.mark.parametrize(
    "output",
    [
        b"",
        bytes(4000),
        b"ID3\4\0\0\0\0\x7f\x7f" + bytes(100),
        b"fLaC\x01\0\0\x04\0\0\0\0",
        b"fLaC" + b"\x02\0\0\0" * 500,
        b"fLaC\x04\0\0\x08" + bytes(8) + b"\x02\0\0\0\x81\0\x20\0" + bytes(8192),
        b"OggS" + bytes(500),
        b"\0\0\0\x08ftyp\0\0\0\x10moov\xff\xff\xff\xffudta\0\0\0\x40free",
        b"\0\0\0\x10moov\0\0\0\x08udta\0\0\0\x08free",
        b"\0\0\0\x01moov" * 50,
        ASF_HEADER + bytes(4000),
        ASF_HEADER[:24] + b"\1\0\0\0\1\2" + bytes(16) + b"\0\1\0\0\0\0\0\0" + bytes(4000),
    ],
    ids=lambda each: ascii(each[:8]),
)
def test_an_output_without_the_space_is_refused(placement: Placement, output: bytes) -> None:
    """A compromised FFmpeg may write anything."""
    with memory_file.MemoryFile("output") as file:
        os.pwrite(file.fd, output, 0)
        with pytest.raises(NoSpaceForTags):
            placement.apply(file.fd)


@pytest.mark.parametrize("placement", [FlacBlocks([("TITLE", "T")], b""), Mp4Meta(b"meta")])
@pytest.mark.parametrize("block", [b"\x02\0\0\0", b"\0\0\0\x08moov"], ids=["flac", "mp4"])
def test_an_output_of_empty_blocks_without_end_is_read_little(
    placement: Placement, block: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty gigabytes of them would have kept a slot for an hour."""
    reads: list[int] = []

    def read(_fd: int, count: int, at: int) -> bytes:
        reads.append(at)
        assert len(reads) < 100
        return (block * 2)[:count]

    monkeypatch.setattr(os, "pread", read)

    with pytest.raises(NoSpaceForTags):
        placement.apply(0)


class CountedItems(list[Any]):
    """Count how often all items are walked through."""

    walks = 0

    def __iter__(self) -> Any:
        self.walks += 1
        return super().__iter__()


@pytest.mark.parametrize(
    ("make", "item"),
    [
        (lambda items: FlacBlocks(items, b""), ("TITLE", "x")),
        (OggComments, ("TITLE", "x")),
        (AsfHeader, ("Title", "x")),
        (lambda items: AsfHeader([("Title", "x")], chapters=items), Chapter(0, 1, "x")),
    ],
    ids=["flac", "ogg", "asf", "chapters of asf"],
)
def test_the_size_is_counted_once(make: Callable[[Any], Placement], item: Any) -> None:
    """Each read of FFmpeg asks for it: 5,000 chapters took 1.3 ms every time."""
    items = CountedItems([item])
    placement = make(items)
    first, walks = placement.size, items.walks
    assert placement.size == first
    assert items.walks == walks > 0
