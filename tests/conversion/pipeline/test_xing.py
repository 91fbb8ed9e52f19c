"""Believe an MP3 file's header only as far as it agrees with the file."""

import struct
from pathlib import Path

import pytest

from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import MediaError
from tests.conversion.media_support import convert, ffmpeg

TAG = b"ID3\4\0\0\0\0\x02\0" + bytes(256)


def counted(folder: Path, factor: float, tag: bytes = b"", *, cut: int = 0) -> bytes:
    """Make 10 s of VBR whose header counts `factor` times as many frames, without `cut` bytes."""
    path = folder / "x.mp3"
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=10:a=.2", "-q:a", "6", "-id3v2_version", "0", path)
    content = bytearray(path.read_bytes())
    at = content.index(b"Xing") + 8
    frames = struct.unpack_from(">I", content, at)[0]
    struct.pack_into(">I", content, at, min(0x0FFFFFFF, round(frames * factor)))
    return tag + bytes(content[: len(content) - cut])


@pytest.mark.parametrize("tag", [b"", TAG])
@pytest.mark.parametrize("factor", [0.5, 2, 1e6])
def test_a_wrong_number_of_frames_is_no_damage(
    factor: float, tag: bytes, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """Such a file was refused: "only 10.0 of its 20.0 seconds can be read"."""
    made = convert(engine, counted(tmp_path, factor, tag), "wav")
    assert {w.code for w in made.result.warning_details} == {"source_is_lossy"}
    assert made.result.duration == pytest.approx(10, abs=0.1)


def test_a_file_without_its_last_third_is_still_incomplete(
    engine: FfmpegEngine, tmp_path: Path
) -> None:
    whole = len(counted(tmp_path, 1))
    made = convert(engine, counted(tmp_path, 1, cut=whole // 3), "wav")
    assert "source_incomplete" in {w.code for w in made.result.warning_details}


def test_the_first_hundredth_of_a_file_is_still_damaged(
    engine: FfmpegEngine, tmp_path: Path
) -> None:
    """No file of its size has that duration, but its header counts more bytes, too."""
    content = counted(tmp_path, 1)
    with pytest.raises(MediaError, match=r"only 0\.\d of its 10\.0 seconds"):
        convert(engine, content[: len(content) // 25], "wav")
