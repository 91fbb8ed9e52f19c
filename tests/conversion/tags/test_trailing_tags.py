"""Read tags that are behind the sound, and those that stand where FFmpeg cannot read them."""

from pathlib import Path

import pytest

from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.tags.trailing_tags import find_trailing_tags
from tests.conversion.audio_files import AudioFiles
from tests.conversion.tags.support import copy, read, with_ape, with_id3v1

LYRICS3 = b"LYRICSBEGIN" + b"IND0000200" + b"000021LYRICS200"
TAG_PLUS = b"TAG+" + bytes(223)


def appended(title: bytes) -> bytes:
    """Return an ID3v2.4 tag with a footer, as it may stand at the end of a file."""
    frame = b"TIT2" + bytes([0, 0, 0, len(title) + 1]) + b"\0\0\3" + title
    head = b"\4\0\x10" + bytes([0, 0, 0, len(frame)])
    return b"ID3" + head + frame + b"3DI" + head


def untagged(sounds: AudioFiles, name: str) -> Path:
    """Return a file without tags."""
    options = ("-id3v2_version", "0") if name.endswith("mp3") else ()
    return sounds.tone(f"bare.{name}", "-fflags", "+bitexact", *options, seconds=1)


@pytest.mark.parametrize("kind", ["mp3", "flac", "ac3"])
@pytest.mark.parametrize("between", [b"", LYRICS3, TAG_PLUS, LYRICS3 + TAG_PLUS])
def test_all_tags_at_the_end_are_read(
    between: bytes, kind: str, engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    path = with_ape(copy(untagged(sounds, kind), tmp_path / f"in.{kind}"), Title="of APE")
    path.write_bytes(path.read_bytes() + between)
    found = read(engine, with_id3v1(path, b"of ID3", b"Artist"))
    assert (found.tags["title"], found.tags["artist"]) == ("of APE", "Artist")
    assert set(found.codes) <= {"source_is_lossy"}


@pytest.mark.parametrize("kind", ["mp3", "flac"])
def test_an_appended_id3v2_tag_is_read(
    kind: str, engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    path = copy(untagged(sounds, kind), tmp_path / f"in.{kind}")
    path.write_bytes(path.read_bytes() + appended(b"At the end"))
    found = read(engine, path)
    assert found.tags["title"] == "At the end"
    assert set(found.codes) <= {"source_is_lossy"}


@pytest.mark.parametrize("tail", [b"", b"TAG", b"APETAGEX" + b"\xff" * 24, b"3DI" + b"\x7f" * 7])
def test_a_tag_larger_than_the_file_is_none(tail: bytes) -> None:
    content = bytes(50) + tail

    def read_at(start: int, count: int) -> bytes:
        return content[start : start + count]

    assert find_trailing_tags(read_at, len(content)) == []
