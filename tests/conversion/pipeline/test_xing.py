"""Believe an MP3 file's header only as far as it agrees with the file."""

import struct
from pathlib import Path

import pytest
from mutagen.id3 import CHAP, ID3, TIT2

from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.pipeline.xing import count_bytes, is_impossible
from services.conversion.ports import MediaError
from services.conversion.storage.source_cache import SourceCache
from tests.conversion.media_support import MemorySource, convert, ffmpeg
from tests.conversion.tags.support import with_frames

NOISE = "anoisesrc=d=10:a=.2:seed=4"
TAG = b"ID3\4\0\0\0\0\x02\0" + bytes(256)


def counted(folder: Path, factor: float, tag: bytes = b"", *, cut: int = 0) -> bytes:
    """Make 10 s of VBR whose header counts `factor` times as many frames, without `cut` bytes."""
    path = folder / "x.mp3"
    ffmpeg("-f", "lavfi", "-i", NOISE, "-q:a", "6", "-id3v2_version", "0", path)
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


@pytest.mark.parametrize("has_byte_count", [True, False])
def test_a_range_behind_a_wrong_number_of_frames_is_converted(
    has_byte_count: bool, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """It was refused: "the start is after the end of the sound"."""
    content = bytearray(counted(tmp_path, 0.5))
    if not has_byte_count:
        content[content.index(b"Xing") + 7] &= ~2
    (tmp_path / "x.mp3").write_bytes(content)
    chapters = [
        CHAP(
            element_id=f"c{at}", start_time=at * 1000, end_time=at * 1000 + 2000, start_offset=0,
            end_offset=0, sub_frames=[TIT2(encoding=3, text=[f"at {at}"])],
        )
        for at in (4, 6, 8)
    ]  # fmt: skip
    made = convert(engine, with_frames(tmp_path / "x.mp3", *chapters), "mp3", start=7, end=9.5)
    assert made.result.warning_details == ()
    assert made.result.duration == pytest.approx(2.5, abs=0.06)
    (tmp_path / "out.mp3").write_bytes(made.content)
    frames = ID3(tmp_path / "out.mp3").getall("CHAP")
    found = sorted((f.start_time, f.end_time, str(f.sub_frames["TIT2"])) for f in frames)
    assert found == [(0, 1000, "at 6"), (1000, 2500, "at 8")]


def test_a_start_after_the_last_frame_is_refused(engine: FfmpegEngine, tmp_path: Path) -> None:
    with pytest.raises(MediaError) as refusal:
        convert(engine, counted(tmp_path, 2), "mp3", start=12)
    assert refusal.value.failure.reason == "start_after_end"


@pytest.mark.parametrize(
    ("size", "missing", "is_whole"),
    [
        (2**20, 10_000, True),
        (2**20, 11_000, False),
        (2**25, 130_000, True),
        (2**25, 150_000, False),
    ],
)
def test_few_bytes_may_be_missing(size: int, missing: int, is_whole: bool) -> None:
    """A hundredth of an audio book was cut off without a word."""
    header = bytes(36) + b"Xing" + struct.pack(">III", 3, 1000, size)
    cache = SourceCache(MemorySource(header + bytes(size - missing - len(header))))
    try:
        assert count_bytes(cache) == (size if is_whole else 0)
    finally:
        cache.close()


def test_no_file_lasts_a_day_or_a_second_whatever_its_size() -> None:
    """The expected duration limits the time that a conversion may take."""
    for seconds, is_too_much in ((5, True), (36_000, False), (900_000, True)):
        assert is_impossible(seconds, 576_000_000) == is_too_much
    assert not is_impossible(None, 1000)
